"""Opening and changing a file: what is kept, what is refused, what is written in the journal."""

import uuid
from datetime import date
from typing import Any

import pytest
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import Role
from portal.beneficiaries import rules
from portal.beneficiaries.models import AccessEntry, AccessKind, Beneficiary
from portal.errors import NotAllowed, RuleBroken
from portal.parcours import Dominante
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.structures import REDON

VALUES: dict[str, Any] = {
    "prenom": "Élodie",
    "nom": "Fictive",
    "date_naissance": date(1990, 2, 1),
    "code_insee": REDON,
    "telephone": None,
    "courriel": None,
    "numero_allocataire": "DEMO-1",
    "dominante": "emploi",
    "freins": ["sante", "mobilite", "sante"],
}


def kinds(session: Session, person: Beneficiary) -> list[AccessKind]:
    statement = select(AccessEntry.kind).where(col(AccessEntry.beneficiary_id) == person.id)
    return list(session.exec(statement.order_by(col(AccessEntry.at))))


def test_a_file_is_opened(session: Session) -> None:
    referent = make_user(session)
    person = rules.create_beneficiary(session, VALUES, by=referent)
    assert person.referent_id == referent.id
    assert person.commune == "Redon"
    assert person.dominante is Dominante.EMPLOI
    assert person.freins == ["mobilite", "sante"]
    assert kinds(session, person) == [AccessKind.CREATION]


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.REFERENT])
def test_only_a_referent_opens_a_file(session: Session, role: Role) -> None:
    with pytest.raises(NotAllowed):
        rules.create_beneficiary(session, VALUES, by=make_user(session, role))


def test_the_same_key_opens_one_file(session: Session) -> None:
    referent, key = make_user(session), uuid.uuid4()
    first = rules.create_beneficiary(session, VALUES, by=referent, id=key)
    again = rules.create_beneficiary(session, {**VALUES, "prenom": "Autre"}, by=referent, id=key)
    assert first.id == key
    assert again is first
    assert first.prenom == "Élodie"
    assert kinds(session, first) == [AccessKind.CREATION]


def test_the_key_of_anothers_file_is_refused(session: Session) -> None:
    key = uuid.uuid4()
    rules.create_beneficiary(session, VALUES, by=make_user(session), id=key)
    with pytest.raises(NotAllowed):
        rules.create_beneficiary(session, VALUES, by=make_user(session), id=key)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"date_naissance": date(2999, 1, 1)}, "date_naissance"),
        ({"date_naissance": date(1899, 12, 31)}, "date_naissance"),
        ({"freins": ["inconnu"]}, "freins"),
        ({"code_insee": "00000"}, "commune"),
    ],
)
def test_what_cannot_be_is_refused(session: Session, change: dict[str, Any], field: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        rules.create_beneficiary(session, {**VALUES, **change}, by=make_user(session))
    assert refused.value.field == field


def test_somebody_born_today_is_accepted(session: Session) -> None:
    person = rules.create_beneficiary(
        session, {**VALUES, "date_naissance": clock.today()}, by=make_user(session)
    )
    assert person.age_on(clock.today()) == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"nom": "Autre"}, "numero_allocataire"),
        ({"numero_allocataire": "DEMO-2", "prenom": "elodie", "nom": "FICTIVE"}, "nom"),
    ],
)
def test_one_person_has_one_file_in_a_portfolio(session: Session, change: dict[str, Any], field: str) -> None:
    referent = make_user(session)
    rules.create_beneficiary(session, VALUES, by=referent)
    with pytest.raises(RuleBroken) as refused:
        rules.create_beneficiary(session, {**VALUES, **change}, by=referent)
    assert refused.value.field == field


def test_a_twin_followed_elsewhere_is_not_told(session: Session) -> None:
    rules.create_beneficiary(session, VALUES, by=make_user(session))
    assert rules.create_beneficiary(session, VALUES, by=make_user(session)).id


def test_a_file_is_changed(session: Session) -> None:
    referent = make_user(session)
    person = make_beneficiary(session, referent)
    rules.change_beneficiary(
        session, person, {**VALUES, "code_insee": None, "dominante": None, "freins": None}, by=referent
    )
    session.flush()
    assert (person.prenom, person.commune, person.code_insee) == ("Élodie", None, None)
    assert person.dominante is None
    assert person.freins is None
    assert kinds(session, person) == [AccessKind.CREATION, AccessKind.MODIFICATION]


def test_another_referent_changes_nothing(session: Session) -> None:
    person = make_beneficiary(session)
    with pytest.raises(NotAllowed):
        rules.change_beneficiary(session, person, VALUES, by=make_user(session))
    assert person.prenom != "Élodie"


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        (date(2000, 2, 29), date(2026, 2, 28), 25),
        (date(2000, 2, 29), date(2026, 3, 1), 26),
        (date(1985, 4, 12), date(2026, 4, 12), 41),
    ],
)
def test_age(born: date, day: date, age: int) -> None:
    assert Beneficiary(prenom="A", nom="B", date_naissance=born).age_on(day) == age
