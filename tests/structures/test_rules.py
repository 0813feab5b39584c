"""Verbs on structures, on real rows."""

import uuid
from collections.abc import Callable
from datetime import date

import pytest
from sqlmodel import Session, col, select

from portal import geography
from portal.accounts.models import Role
from portal.errors import AlreadyDone, RuleBroken
from portal.structures import history, members, rules
from portal.structures.models import Membership, MembershipLevel, Structure, StructureState
from tests.factories.accounts import make_user
from tests.factories.structures import REDON, RENNES, make_partner, make_structure

LA_POSTE = "35600000000048"


def levels(session: Session, structure: Structure) -> list[MembershipLevel]:
    found = session.exec(select(Membership).where(col(Membership.structure_id) == structure.id)).all()
    return sorted(membership.level for membership in found)


def test_a_partner_becomes_the_administrator_of_what_they_create(session: Session) -> None:
    partner = make_user(session, Role.PARTENAIRE)
    structure = rules.create_structure(session, {"nom": "Association Exemple"}, by=partner)
    assert structure.state is StructureState.BROUILLON
    assert levels(session, structure) == [MembershipLevel.ADMINISTRATEUR]


def test_an_animator_creates_for_others(session: Session) -> None:
    structure = rules.create_structure(
        session, {"nom": "Association Exemple"}, by=make_user(session, Role.ANIMATION)
    )
    assert levels(session, structure) == []


def test_the_same_form_creates_once(session: Session) -> None:
    key = uuid.uuid4()
    assert rules.create_structure(session, {"nom": "Association Exemple"}, by=None, id=key).id == key
    with pytest.raises(AlreadyDone):
        rules.create_structure(session, {"nom": "Association Exemple"}, by=None, id=key)


@pytest.mark.parametrize(
    ("typed", "kept"), [("356 000 000 00048", LA_POSTE), ("73282932000074", "73282932000074")]
)
def test_a_siret_is_kept_without_its_spaces(session: Session, typed: str, kept: str) -> None:
    assert make_structure(session, siret=typed).siret == kept


def test_the_key_of_a_siret_is_checked(session: Session) -> None:
    with pytest.raises(RuleBroken) as broken:
        make_structure(session, siret="73282932000075")
    assert broken.value.field == "siret"


def test_a_siret_belongs_to_one_structure(session: Session) -> None:
    first = make_structure(session, siret=LA_POSTE)
    with pytest.raises(RuleBroken, match="déjà ce SIRET"):
        make_structure(session, siret=LA_POSTE)
    rules.change_structure(session, first, {"siret": LA_POSTE}, by=make_user(session, Role.ANIMATION))


def test_the_commune_gives_its_name_its_place_and_a_postal_code_of_its_own(session: Session) -> None:
    structure = make_structure(session, code_insee=REDON, code_postal="35000")
    redon = geography.commune(REDON)
    assert redon is not None
    assert (structure.commune, structure.code_postal) == ("Redon", "35600")
    assert (structure.latitude, structure.longitude) == (redon.latitude, redon.longitude)
    rules.change_structure(session, structure, {"code_insee": None}, by=make_user(session, Role.ANIMATION))
    assert structure.commune is structure.code_postal is structure.latitude is None


def test_an_unknown_commune_is_refused(session: Session) -> None:
    with pytest.raises(RuleBroken) as broken:
        make_structure(session, code_insee="99999")
    assert broken.value.field == "commune"


def test_better_coordinates_stay_while_the_address_does(session: Session) -> None:
    by = make_user(session, Role.ANIMATION)
    structure = make_structure(session, code_insee=RENNES, adresse="1 rue de l’Exemple")
    centre = structure.latitude
    rules.place(structure, RENNES, latitude=48.1, longitude=-1.6)
    rules.change_structure(session, structure, {"telephone": "+33299111111"}, by=by)
    assert (structure.latitude, structure.longitude) == (48.1, -1.6)
    rules.change_structure(session, structure, {"adresse": "2 rue de l’Exemple"}, by=by)
    assert structure.latitude == centre


def test_the_day_moves_only_when_something_changes(
    session: Session, move_clock: Callable[..., object]
) -> None:
    move_clock(2026, 3, 3, 10)
    structure = make_structure(session, reseaux_porteurs=["ai", "aci"])
    by = make_user(session, Role.ANIMATION)
    move_clock(2026, 4, 4, 10)
    same = {"nom": structure.nom, "reseaux_porteurs": ["aci", "ai"], "code_insee": RENNES, "code_postal": ""}
    assert not rules.change_structure(session, structure, same, by=by)
    assert structure.date_maj == date(2026, 3, 3)
    assert rules.change_structure(session, structure, {"nom": "Autre nom"}, by=by)
    assert structure.date_maj == date(2026, 4, 4)


def test_a_structure_without_a_commune_cannot_be_published(session: Session) -> None:
    structure = make_structure(session, published=False, code_insee=None)
    with pytest.raises(RuleBroken) as broken:
        rules.publish_structure(session, structure, by=None)
    assert broken.value.field == "commune"
    assert not structure.is_public


def test_joining_twice_never_lowers_a_level(session: Session) -> None:
    partner, structure = make_partner(session)
    members.join(session, structure, partner, level=MembershipLevel.ADMINISTRATEUR)
    members.join(session, structure, partner)
    assert levels(session, structure) == [MembershipLevel.ADMINISTRATEUR]


def test_only_partners_join(session: Session) -> None:
    with pytest.raises(RuleBroken, match="compte de partenaire"):
        members.join(session, make_structure(session), make_user(session, Role.REFERENT))


def test_somebody_always_remains(session: Session) -> None:
    structure = make_structure(session)
    chief = members.join(
        session, structure, make_user(session, Role.PARTENAIRE), level=MembershipLevel.ADMINISTRATEUR
    )
    with pytest.raises(RuleBroken, match="dernier membre"):
        members.leave(session, structure, chief.id)
    other = members.join(session, structure, make_user(session, Role.PARTENAIRE))
    with pytest.raises(RuleBroken, match="dernier administrateur"):
        members.leave(session, structure, chief.id)
    other.level = MembershipLevel.ADMINISTRATEUR
    members.leave(session, structure, chief.id)
    session.flush()
    assert levels(session, structure) == [MembershipLevel.ADMINISTRATEUR]


def test_leaving_another_structure_changes_nothing(session: Session) -> None:
    _, structure = make_partner(session)
    members.leave(session, make_structure(session), uuid.uuid4())
    assert len(levels(session, structure)) == 1


def test_the_last_administrator_stays_one(session: Session) -> None:
    structure = make_structure(session)
    chief = members.join(
        session, structure, make_user(session, Role.PARTENAIRE), level=MembershipLevel.ADMINISTRATEUR
    )
    other = members.join(session, structure, make_user(session, Role.PARTENAIRE))
    with pytest.raises(RuleBroken, match="dernier administrateur"):
        members.set_level(session, structure, chief.id, MembershipLevel.MEMBRE)
    members.set_level(session, structure, other.id, MembershipLevel.ADMINISTRATEUR)
    members.set_level(session, structure, chief.id, MembershipLevel.MEMBRE)
    assert (chief.level, other.level) == (MembershipLevel.MEMBRE, MembershipLevel.ADMINISTRATEUR)
    # Of another structure: nothing changes.
    members.set_level(session, make_structure(session), other.id, MembershipLevel.MEMBRE)
    assert other.level is MembershipLevel.ADMINISTRATEUR


def test_an_antenne_depends_on_a_structure_that_is_not_one(session: Session) -> None:
    by = make_user(session, Role.ANIMATION)
    head = make_structure(session, nom="Le siège")
    antenne = make_structure(session, nom="L’antenne", antenne_of_id=head.id)
    assert antenne.antenne_of_id == head.id
    for structure, wanted, sentence in (
        (make_structure(session), antenne.id, "déjà une antenne"),
        (head, make_structure(session).id, "a des antennes"),
        (antenne, antenne.id, "autre structure"),
        (antenne, uuid.uuid4(), "autre structure"),
    ):
        with pytest.raises(RuleBroken, match=sentence) as broken:
            rules.change_structure(session, structure, {"antenne_of_id": wanted}, by=by)
        assert broken.value.field == "antenne_of_id"
    assert rules.change_structure(session, antenne, {"antenne_of_id": None}, by=by)
    assert antenne.antenne_of_id is None


def test_the_history_tells_the_antenne(session: Session) -> None:
    head = make_structure(session, nom="Le siège")
    antenne = make_structure(session)
    rules.change_structure(
        session, antenne, {"antenne_of_id": head.id}, by=make_user(session, Role.ANIMATION)
    )
    session.flush()
    line = session.execute(history.of_structure(antenne.id).limit(1)).scalar_one()
    assert line.changes == {"antenne_of_id": [None, str(head.id)]}
