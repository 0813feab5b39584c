"""Writing conventions and actions: what is kept and what is refused."""

import uuid
from datetime import date
from typing import Any

import pytest
from sqlmodel import Session, col, func, select

from portal.accounts.models import Role
from portal.conventions import rules, taking
from portal.conventions.models import ActionOffer, Convention, FinancedAction, PlaceMode
from portal.conventions.states import ConventionState, Standing
from portal.errors import NotAllowed, RuleBroken
from portal.prescriptions.states import State
from tests.factories.accounts import make_user
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.prescriptions import make_prescription, make_scene
from tests.factories.structures import make_structure


def convention_values(structure_id: uuid.UUID, **values: Any) -> dict[str, Any]:
    return {
        "numero": "EX-2026-1",
        "intitule": "Mobilité",
        "structure_id": structure_id,
        "date_debut": date(2026, 1, 1),
        "date_fin": date(2026, 12, 31),
        "montant_centimes": 3_000_050,
        **values,
    }


def action_values(action: FinancedAction, **values: Any) -> dict[str, Any]:
    return {
        "intitule": action.intitule,
        "places_financees": action.places_financees,
        "cout_unitaire_centimes": action.cout_unitaire_centimes,
        "mode": action.mode,
        **values,
    }


def financed(session: Session, action: FinancedAction) -> set[uuid.UUID]:
    return set(
        session.exec(select(ActionOffer.offer_id).where(col(ActionOffer.action_id) == action.id)).all()
    )


# --- Conventions --------------------------------------------------------------------------------------------------


def test_a_convention_is_written(session: Session) -> None:
    officer, structure = make_user(session, Role.CONVENTIONNEMENT), make_structure(session)
    made = rules.create_convention(session, convention_values(structure.id), by=officer)
    session.expire_all()
    found = session.get_one(Convention, made.id)
    assert found.montant_centimes == 3_000_050
    assert (found.date_debut, found.date_fin) == (date(2026, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.CONVENTIONNEMENT])
def test_only_an_officer_writes(session: Session, role: Role) -> None:
    other, structure = make_user(session, role), make_structure(session)
    convention = make_convention(session, structure)
    offer = make_offer(session, structure)
    action = make_action(session, convention, [offer])
    values = action_values(action, offer_ids=[offer.id])
    with pytest.raises(NotAllowed):
        rules.create_convention(session, convention_values(structure.id), by=other)
    with pytest.raises(NotAllowed):
        rules.change_convention(session, convention, convention_values(structure.id), by=other)
    with pytest.raises(NotAllowed):
        rules.create_action(session, convention, values, by=other)
    with pytest.raises(NotAllowed):
        rules.change_action(session, action, convention, values, by=other)


def test_the_same_key_writes_one_convention(session: Session) -> None:
    structure, key = make_structure(session), uuid.uuid4()
    first = rules.create_convention(session, convention_values(structure.id), by=None, id=key)
    again = rules.create_convention(session, convention_values(structure.id), by=None, id=key)
    assert first is again
    assert first.id == key


def test_two_conventions_have_two_numbers(session: Session) -> None:
    structure = make_structure(session)
    rules.create_convention(session, convention_values(structure.id), by=None)
    with pytest.raises(RuleBroken) as refused:
        rules.create_convention(session, convention_values(structure.id), by=None)
    assert refused.value.field == "numero"


def test_a_period_ends_after_it_begins(session: Session) -> None:
    structure = make_structure(session)
    one_day = convention_values(structure.id, date_fin=date(2026, 1, 1))
    assert rules.create_convention(session, one_day, by=None).id
    backwards = convention_values(structure.id, numero="EX-2", date_fin=date(2025, 12, 31))
    with pytest.raises(RuleBroken) as refused:
        rules.create_convention(session, backwards, by=None)
    assert refused.value.field == "date_fin"


def test_a_convention_is_changed(session: Session) -> None:
    officer, structure = make_user(session, Role.CONVENTIONNEMENT), make_structure(session)
    convention = make_convention(session, structure)
    other = make_structure(session, nom="Autre partenaire")
    rules.change_convention(session, convention, convention_values(other.id, montant_centimes=0), by=officer)
    assert (convention.structure_id, convention.montant_centimes) == (other.id, 0)


def test_financeurs_are_kept_once_each_in_one_order(session: Session) -> None:
    officer, structure = make_user(session, Role.CONVENTIONNEMENT), make_structure(session)
    values = convention_values(structure.id, financeurs=["etat", "departement", "etat"])
    convention = rules.create_convention(session, values, by=officer)
    assert convention.financeurs == ["departement", "etat"]
    rules.change_convention(session, convention, convention_values(structure.id), by=officer)
    assert convention.financeurs == ["departement", "etat"]
    rules.change_convention(session, convention, {**values, "financeurs": None}, by=officer)
    session.expire_all()
    assert session.get_one(Convention, convention.id).financeurs is None


def test_an_unknown_financeur_is_refused(session: Session) -> None:
    structure = make_structure(session)
    with pytest.raises(RuleBroken) as refused:
        rules.create_convention(session, convention_values(structure.id, financeurs=["mecene"]), by=None)
    assert refused.value.field == "financeurs"


def test_the_partner_stays_once_actions_finance_its_offers(session: Session) -> None:
    officer = make_user(session, Role.CONVENTIONNEMENT)
    action = make_scene(session).action
    assert action is not None
    convention = session.get_one(Convention, action.convention_id)
    partner = convention.structure_id
    values = convention_values(make_structure(session).id)
    with pytest.raises(RuleBroken) as refused:
        rules.change_convention(session, convention, values, by=officer)
    assert refused.value.field == "structure_id"
    assert convention.structure_id == partner


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2025, 12, 31), Standing.SIGNEE),
        (date(2026, 1, 1), Standing.ACTIVE),
        (date(2026, 12, 31), Standing.ACTIVE),
        (date(2027, 1, 1), Standing.ECHUE),
    ],
)
def test_where_a_convention_stands_on_a_day(day: date, expected: Standing) -> None:
    convention = Convention(
        **convention_values(uuid.uuid4()), signee_le=date(2025, 12, 1), state=ConventionState.SIGNEE
    )
    assert convention.standing_on(day) is expected
    assert convention.runs_on(day) is (expected is Standing.ACTIVE)


# --- Actions ------------------------------------------------------------------------------------------------------


def test_an_action_finances_offers_of_its_partner_drafts_included(session: Session) -> None:
    officer, structure = make_user(session, Role.CONVENTIONNEMENT), make_structure(session)
    convention = make_convention(session, structure)
    offers = [make_offer(session, structure), make_offer(session, structure, published=False)]
    key = uuid.uuid4()
    values = {
        "intitule": "Modules",
        "places_financees": 0,
        "cout_unitaire_centimes": 0,
        "mode": "file_active",
        "offer_ids": [offer.id for offer in offers],
    }
    action = rules.create_action(session, convention, values, by=officer, id=key)
    assert action.id == key
    assert action.mode is PlaceMode.FILE_ACTIVE
    assert financed(session, action) == {offer.id for offer in offers}
    assert rules.create_action(session, convention, values, by=officer, id=key) is action
    number = select(func.count()).where(col(FinancedAction.convention_id) == convention.id)
    assert session.exec(number).one() == 1


def test_the_key_of_another_conventions_action_is_refused(session: Session) -> None:
    structure = make_structure(session)
    offer = make_offer(session, structure)
    action = make_action(session, make_convention(session, structure), [offer])
    with pytest.raises(RuleBroken):
        rules.create_action(
            session,
            make_convention(session, structure),
            action_values(action, offer_ids=[offer.id]),
            by=None,
            id=action.id,
        )


def test_an_action_needs_an_offer_of_its_partner(session: Session) -> None:
    structure = make_structure(session)
    convention, mine, foreign = (
        make_convention(session, structure),
        make_offer(session, structure),
        make_offer(session),
    )
    for offers in ([], [foreign], [mine, foreign]):
        with pytest.raises(RuleBroken) as refused:
            make_action(session, convention, offers)
        assert refused.value.field == "offer_ids"


def test_the_offers_of_an_action_are_replaced(session: Session) -> None:
    officer, structure = make_user(session, Role.CONVENTIONNEMENT), make_structure(session)
    convention = make_convention(session, structure)
    kept, left, new = (make_offer(session, structure) for _ in range(3))
    action = make_action(session, convention, [kept, left])
    rules.change_action(
        session, action, convention, action_values(action, offer_ids=[kept.id, new.id]), by=officer
    )
    assert financed(session, action) == {kept.id, new.id}


@pytest.mark.parametrize(("taken", "sentence"), [(1, "1 place est déjà"), (2, "2 places sont déjà")])
def test_fewer_places_than_taken_are_refused(session: Session, taken: int, sentence: str) -> None:
    officer, scene = make_user(session, Role.CONVENTIONNEMENT), make_scene(session, places=3)
    assert scene.action is not None
    for _ in range(taken):
        make_prescription(session, scene, State.ACCEPTEE)
    convention = session.get_one(Convention, scene.action.convention_id)
    values = action_values(scene.action, offer_ids=[scene.offer.id], places_financees=taken - 1)
    with pytest.raises(RuleBroken, match=sentence) as refused:
        rules.change_action(session, scene.action, convention, values, by=officer)
    assert refused.value.field == "places_financees"
    rules.change_action(session, scene.action, convention, {**values, "places_financees": taken}, by=officer)
    assert scene.action.places_financees == taken


def test_places_given_back_may_be_taken_away(session: Session) -> None:
    officer, scene = make_user(session, Role.CONVENTIONNEMENT), make_scene(session, places=1)
    assert scene.action is not None
    prescription = make_prescription(session, scene, State.ACCEPTEE)
    taking.give_back_place(session, prescription_id=prescription.id, by=scene.partner)
    convention = session.get_one(Convention, scene.action.convention_id)
    values = action_values(scene.action, offer_ids=[scene.offer.id], places_financees=0)
    rules.change_action(session, scene.action, convention, values, by=officer)
    assert scene.action.places_financees == 0


def test_the_mode_stays_once_places_have_moved(session: Session) -> None:
    officer, scene = make_user(session, Role.CONVENTIONNEMENT), make_scene(session)
    assert scene.action is not None
    convention = session.get_one(Convention, scene.action.convention_id)
    values = action_values(scene.action, offer_ids=[scene.offer.id], mode="file_active")
    rules.change_action(session, scene.action, convention, values, by=officer)
    assert scene.action.mode is PlaceMode.FILE_ACTIVE
    make_prescription(session, scene, State.ACCEPTEE)
    with pytest.raises(RuleBroken) as refused:
        rules.change_action(session, scene.action, convention, {**values, "mode": "entree"}, by=officer)
    assert refused.value.field == "mode"
