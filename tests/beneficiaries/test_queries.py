"""Whose files a person sees, and how they are found."""

import pytest
from sqlmodel import Session

from portal.accounts.models import Role
from portal.beneficiaries import queries, rules
from portal.beneficiaries.models import AccessKind
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary


def test_a_portfolio_holds_ones_own_people_by_name(session: Session) -> None:
    referent = make_user(session)
    for nom in ("Zed", "Alba", "Moreau"):
        make_beneficiary(session, referent, nom=nom)
    make_beneficiary(session, nom="Ailleurs")
    found = session.execute(queries.portfolio_of(referent)).scalars()
    assert [person.nom for person in found] == ["Alba", "Moreau", "Zed"]


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.REFERENT])
def test_nobody_else_has_a_portfolio(session: Session, role: Role) -> None:
    person = make_beneficiary(session)
    other = make_user(session, role)
    assert session.execute(queries.portfolio_of(other)).scalars().all() == []
    assert session.execute(queries.visible_to(other, person.id)).scalars().all() == []


def test_another_referents_file_is_not_seen(session: Session) -> None:
    mine = make_user(session)
    person, foreign = make_beneficiary(session, mine), make_beneficiary(session)
    assert session.execute(queries.visible_to(mine, person.id)).scalar_one() is person
    assert session.execute(queries.visible_to(mine, foreign.id)).scalar_one_or_none() is None


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("elodie", True),
        ("Élodie", True),
        ("élo", True),
        ("ÉLODIE", True),
        ("le goff", True),
        ("LEGOFF", False),
        ("goff elodie", True),
        ("anne-elodie", True),
        ("anne elodie", True),
        ("d'oeuilly", True),
        ("d’Œuilly", True),
        ("demo-77", True),
        ("demo77", False),
        ("%", False),
        ("_", False),
        ("elodie personne", False),
        ("   ", True),
    ],
)
def test_words_find_a_person(session: Session, words: str, found: bool) -> None:
    referent = make_user(session)
    make_beneficiary(
        session, referent, prenom="Anne-Élodie", nom="Le Goff d’Œuilly", numero_allocataire="DEMO-77"
    )
    number = len(session.execute(queries.portfolio_of(referent, words)).scalars().all())
    assert number == (1 if found else 0)


def test_letters_from_elsewhere_are_found_as_typed(session: Session) -> None:
    referent = make_user(session)
    make_beneficiary(session, referent, nom="Wałęsa")
    assert session.execute(queries.portfolio_of(referent, "wałęsa")).scalars().one().nom == "Wałęsa"


def test_many_words_stay_one_statement(session: Session) -> None:
    referent = make_user(session)
    make_beneficiary(session, referent, nom="Aaaa")
    assert len(session.execute(queries.portfolio_of(referent, "a " * 100)).scalars().all()) == 1


def test_the_journal_tells_who_came_last(session: Session) -> None:
    referent = make_user(session)
    person = make_beneficiary(session, referent)
    for kind in (AccessKind.LECTURE, AccessKind.MODIFICATION):
        rules.journal(session, person.id, by=referent, kind=kind)
        session.flush()
    entries = session.execute(queries.journal_of(person.id, limit=2)).scalars().all()
    assert [entry.kind for entry in entries] == [AccessKind.MODIFICATION, AccessKind.LECTURE]
    assert {entry.user.full_name for entry in entries} == {referent.full_name}
