"""Which structures a person may see or change."""

import pytest
from sqlmodel import Session

from portal.accounts.models import Role, User
from portal.structures import members, queries
from portal.structures.models import MembershipLevel, Structure
from tests.factories.accounts import make_user
from tests.factories.structures import REDON, make_partner, make_structure


def names(session: Session, statement: object) -> list[str]:
    return [structure.nom for structure in session.execute(statement).scalars()]  # type: ignore[call-overload]


@pytest.fixture
def scene(session: Session) -> tuple[User, Structure, Structure, Structure]:
    """A partner with a draft of theirs; another's draft; another's published structure."""
    mine = make_structure(session, nom="La mienne", published=False)
    partner, _ = make_partner(session, mine)
    return (
        partner,
        mine,
        make_structure(session, nom="Autre brouillon", published=False),
        make_structure(session, nom="Autre publiée"),
    )


def test_what_each_person_sees(session: Session, scene: tuple[User, Structure, Structure, Structure]) -> None:
    every = ["Autre brouillon", "Autre publiée", "La mienne"]
    assert names(session, queries.visible_to(None)) == ["Autre publiée"]
    assert names(session, queries.visible_to(scene[0])) == ["Autre publiée", "La mienne"]
    for role, seen in (
        (Role.REFERENT, ["Autre publiée"]),
        (Role.CONVENTIONNEMENT, ["Autre publiée"]),
        (Role.ANIMATION, every),
        (Role.ADMINISTRATION, every),
    ):
        assert names(session, queries.visible_to(make_user(session, role))) == seen


def test_what_each_person_changes(
    session: Session, scene: tuple[User, Structure, Structure, Structure]
) -> None:
    assert names(session, queries.changeable_by(scene[0])) == ["La mienne"]
    assert names(session, queries.changeable_by(make_user(session, Role.REFERENT))) == []
    assert len(names(session, queries.changeable_by(make_user(session, Role.ANIMATION)))) == 3


def test_a_former_partner_with_another_role_changes_nothing(session: Session) -> None:
    partner, _ = make_partner(session)
    partner.role = Role.CONVENTIONNEMENT
    session.flush()
    assert names(session, queries.changeable_by(partner)) == []
    assert names(session, queries.managed_by(partner)) == []


@pytest.mark.parametrize("words", ["epicerie", "ÉPICERIE", "l'épicerie  rédon", "œuvres", "oeuvres"])
def test_words_are_found_whatever_their_accents(session: Session, words: str) -> None:
    animator = make_user(session, Role.ANIMATION)
    make_structure(session, nom="L’Épicerie solidaire des Œuvres", code_insee=REDON)
    make_structure(session, nom="Auto-école sociale")
    assert names(session, queries.changeable_by(animator, words)) == ["L’Épicerie solidaire des Œuvres"]


@pytest.mark.parametrize("words", ["100%", "_", "%", "zzz"])
def test_signs_are_not_wildcards(session: Session, words: str) -> None:
    animator = make_user(session, Role.ANIMATION)
    make_structure(session, nom="Auto-école sociale")
    found = names(session, queries.changeable_by(animator, words))
    # Signs alone are no words at all.
    assert found == ([] if words in {"100%", "zzz"} else ["Auto-école sociale"])


def test_members_are_managed_by_administrators_and_keepers(session: Session) -> None:
    member, structure = make_partner(session)
    chief = make_user(session, Role.PARTENAIRE)
    members.join(session, structure, chief, level=MembershipLevel.ADMINISTRATEUR)
    for user, may in (
        (member, False),
        (chief, True),
        (make_user(session, Role.ANIMATION), True),
        (make_user(session, Role.ADMINISTRATION), True),
        (make_user(session, Role.REFERENT), False),
    ):
        assert bool(names(session, queries.managed_by(user))) is may
