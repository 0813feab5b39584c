"""The ledger of places and the waiting list: what is free is computed, a place is held once, each waits in turn."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import Session, col, select

from portal import clock
from portal.conventions import ledger, queries, taking, waiting
from portal.conventions.ledger import ActionPlaces
from portal.conventions.models import FinancedAction, Movement, PlaceMode, PlaceMovement, Waiting
from portal.errors import NoPlaceLeft, RuleBroken
from portal.prescriptions.states import State
from tests.factories.conventions import make_action, make_convention
from tests.factories.prescriptions import Scene, make_prescription, make_scene

MoveClock = Callable[..., datetime]


def places(session: Session, action: FinancedAction | None) -> ActionPlaces:
    assert action is not None
    session.flush()
    return ledger.places_of_actions(session, [action])[action.id]


def movements(session: Session, prescription_id: uuid.UUID) -> list[Movement]:
    lines = session.exec(select(PlaceMovement).where(col(PlaceMovement.prescription_id) == prescription_id))
    return sorted((line.movement for line in lines), key=ledger.MOVEMENT_ORDER.index)


def sent(session: Session, scene: Scene) -> uuid.UUID:
    return make_prescription(session, scene, State.ENVOYEE).id


def hold(session: Session, scene: Scene, prescription_id: uuid.UUID) -> FinancedAction | None:
    return taking.hold_place(
        session,
        offer_id=scene.offer.id,
        prescription_id=prescription_id,
        by=scene.partner,
        without_place=True,
    )


def wait(session: Session, scene: Scene, prescription_id: uuid.UUID) -> int:
    return taking.join_waiting_list(session, offer_id=scene.offer.id, prescription_id=prescription_id)


# --- Holding, occupying, giving back --------------------------------------------------------------------------------


def test_a_place_is_held_then_occupied(session: Session) -> None:
    scene = make_scene(session, places=2)
    prescription = sent(session, scene)
    assert hold(session, scene, prescription) is scene.action
    assert places(session, scene.action) == ActionPlaces(2, 1, 0, 0)
    taking.occupy_place(session, prescription_id=prescription, by=scene.partner)
    assert places(session, scene.action) == ActionPlaces(2, 0, 1, 0)
    assert places(session, scene.action).libres == 1
    assert movements(session, prescription) == [Movement.RETENUE, Movement.OCCUPEE]


@pytest.mark.parametrize("mode", list(PlaceMode))
def test_a_held_place_is_released_in_both_modes(session: Session, mode: PlaceMode) -> None:
    scene = make_scene(session, places=1, mode=mode)
    prescription = sent(session, scene)
    hold(session, scene, prescription)
    given = taking.give_back_place(session, prescription_id=prescription, by=scene.partner)
    assert given is Movement.LIBEREE
    assert places(session, scene.action) == ActionPlaces(1, 0, 0, 0)


@pytest.mark.parametrize(
    ("mode", "movement", "after"),
    [
        (PlaceMode.ENTREE, Movement.UTILISEE, ActionPlaces(1, 0, 0, 1)),
        (PlaceMode.FILE_ACTIVE, Movement.LIBEREE, ActionPlaces(1, 0, 0, 0)),
    ],
)
def test_at_exit_a_place_is_used_up_or_serves_again(
    session: Session, mode: PlaceMode, movement: Movement, after: ActionPlaces
) -> None:
    scene = make_scene(session, places=1, mode=mode)
    prescription = sent(session, scene)
    hold(session, scene, prescription)
    taking.occupy_place(session, prescription_id=prescription, by=scene.partner)
    assert taking.give_back_place(session, prescription_id=prescription, by=scene.partner) is movement
    assert places(session, scene.action) == after
    if after.libres:
        assert hold(session, scene, sent(session, scene)) is scene.action
    else:
        with pytest.raises(NoPlaceLeft):
            hold(session, scene, sent(session, scene))


def test_giving_back_twice_changes_nothing_more(session: Session) -> None:
    scene = make_scene(session, places=1)
    prescription = sent(session, scene)
    assert taking.give_back_place(session, prescription_id=prescription, by=scene.partner) is None
    hold(session, scene, prescription)
    taking.give_back_place(session, prescription_id=prescription, by=scene.partner)
    assert taking.give_back_place(session, prescription_id=prescription, by=scene.partner) is None
    assert movements(session, prescription) == [Movement.RETENUE, Movement.LIBEREE]


def test_only_a_held_place_is_occupied(session: Session) -> None:
    scene = make_scene(session, places=1)
    prescription = sent(session, scene)
    taking.occupy_place(session, prescription_id=prescription, by=scene.partner)
    assert movements(session, prescription) == []
    hold(session, scene, prescription)
    for _ in range(2):
        taking.occupy_place(session, prescription_id=prescription, by=scene.partner)
    assert movements(session, prescription) == [Movement.RETENUE, Movement.OCCUPEE]


def test_a_place_is_held_once(session: Session) -> None:
    scene = make_scene(session, places=3)
    prescription = sent(session, scene)
    hold(session, scene, prescription)
    with pytest.raises(IntegrityError), session.begin_nested():
        hold(session, scene, prescription)
    assert places(session, scene.action) == ActionPlaces(3, 1, 0, 0)


def test_nothing_left_is_told(session: Session) -> None:
    scene = make_scene(session, places=1)
    hold(session, scene, sent(session, scene))
    late = sent(session, scene)
    with pytest.raises(NoPlaceLeft, match="Plus de place") as refused:
        hold(session, scene, late)
    assert "liste d’attente" in refused.value.message
    assert movements(session, late) == []


def test_an_action_without_places_has_none(session: Session) -> None:
    scene = make_scene(session, places=0)
    with pytest.raises(NoPlaceLeft):
        hold(session, scene, sent(session, scene))


# --- Which convention -----------------------------------------------------------------------------------------------


def test_an_offer_that_nobody_finances_has_nothing_to_count(session: Session) -> None:
    scene = make_scene(session, places=None)
    prescription = sent(session, scene)
    assert hold(session, scene, prescription) is None
    assert movements(session, prescription) == []
    assert queries.places_by_offer(session, [scene.offer.id]) == {}
    with pytest.raises(RuleBroken, match="pas de places comptées"):
        wait(session, scene, prescription)


@pytest.mark.parametrize(("begins", "ends"), [(1, 30), (-30, -1)])
def test_a_convention_out_of_its_period_is_not_counted(session: Session, begins: int, ends: int) -> None:
    scene, today = make_scene(session, places=None), clock.today()
    convention = make_convention(
        session,
        scene.structure,
        date_debut=today + timedelta(days=begins),
        date_fin=today + timedelta(days=ends),
    )
    action = make_action(session, convention, [scene.offer], places=5)
    assert hold(session, scene, sent(session, scene)) is None
    assert places(session, action) == ActionPlaces(5, 0, 0, 0)
    assert queries.places_by_offer(session, [scene.offer.id]) == {}


@pytest.mark.parametrize(("begins", "ends"), [(0, 30), (-30, 0)])
def test_both_ends_of_the_period_count(session: Session, begins: int, ends: int) -> None:
    scene, today = make_scene(session, places=None), clock.today()
    convention = make_convention(
        session,
        scene.structure,
        date_debut=today + timedelta(days=begins),
        date_fin=today + timedelta(days=ends),
    )
    action = make_action(session, convention, [scene.offer], places=1)
    assert hold(session, scene, sent(session, scene)) is action


def test_a_day_is_that_of_paris(session: Session, move_clock: MoveClock) -> None:
    move_clock(2026, 3, 31, 21, 30)
    scene = make_scene(session, places=None)
    convention = make_convention(session, scene.structure, date_debut=clock.today(), date_fin=clock.today())
    make_action(session, convention, [scene.offer], places=1)
    first, second = sent(session, scene), sent(session, scene)
    assert hold(session, scene, first) is not None
    move_clock(2026, 3, 31, 22, 30)  # half past midnight in Paris
    assert hold(session, scene, second) is None


def test_what_ends_first_is_used_first(session: Session) -> None:
    scene, today = make_scene(session, places=None), clock.today()
    late, soon = (
        make_action(
            session,
            make_convention(session, scene.structure, date_fin=today + timedelta(days=days)),
            [scene.offer],
            places=1,
        )
        for days in (90, 30)
    )
    assert queries.places_by_offer(session, [scene.offer.id])[scene.offer.id].libres == 2
    assert hold(session, scene, sent(session, scene)) is soon
    assert hold(session, scene, sent(session, scene)) is late
    with pytest.raises(NoPlaceLeft):
        hold(session, scene, sent(session, scene))


def test_a_place_goes_back_to_the_action_it_came_from(session: Session) -> None:
    scene, today = make_scene(session, places=None), clock.today()
    soon, late = (
        make_action(
            session,
            make_convention(session, scene.structure, date_fin=today + timedelta(days=days)),
            [scene.offer],
            places=1,
        )
        for days in (30, 90)
    )
    first, second = sent(session, scene), sent(session, scene)
    hold(session, scene, first)
    hold(session, scene, second)
    taking.give_back_place(session, prescription_id=second, by=scene.partner)
    assert places(session, soon).libres == 0
    assert places(session, late).libres == 1


# --- The waiting list ------------------------------------------------------------------------------------------------


def full(session: Session, move_clock: MoveClock) -> tuple[Scene, uuid.UUID]:
    """An offer whose only place is held."""
    move_clock(2026, 3, 3, 9)
    scene = make_scene(session, places=1, mode=PlaceMode.FILE_ACTIVE)
    holder = sent(session, scene)
    hold(session, scene, holder)
    return scene, holder


def test_the_list_is_for_when_nothing_is_free(session: Session) -> None:
    scene = make_scene(session, places=1)
    with pytest.raises(RuleBroken, match="Il reste une place"):
        wait(session, scene, sent(session, scene))


def test_each_waits_in_turn(session: Session, move_clock: MoveClock) -> None:
    scene, holder = full(session, move_clock)
    first, second, third = (sent(session, scene) for _ in range(3))
    for rank, prescription in enumerate((first, second), 1):
        move_clock(2026, 3, 3, 10, rank)
        assert wait(session, scene, prescription) == rank
    assert queries.waiting_rank(session, first) == 1
    assert queries.waiting_rank(session, second) == 2
    assert queries.waiting_rank(session, third) is None

    taking.give_back_place(session, prescription_id=holder, by=scene.partner)
    with pytest.raises(NoPlaceLeft) as refused:
        hold(session, scene, second)
    assert refused.value.message == (
        "1 personne attend depuis plus longtemps : la place libre est pour elle. Répondez-lui d’abord."
    )
    with pytest.raises(NoPlaceLeft) as refused:
        hold(session, scene, third)
    assert refused.value.message == (
        "2 personnes attendent depuis plus longtemps : la place libre est pour la première. "
        "Répondez-lui d’abord, ou mettez la personne en liste d’attente."
    )
    hold(session, scene, first)
    assert queries.waiting_rank(session, first) is None
    assert queries.waiting_rank(session, second) == 1


def test_the_newcomer_is_told_how_many_are_ahead(session: Session, move_clock: MoveClock) -> None:
    scene, _ = full(session, move_clock)
    for minute in (1, 2):
        move_clock(2026, 3, 3, 10, minute)
        wait(session, scene, sent(session, scene))
    assert scene.action is not None
    scene.action.places_financees = 3
    session.flush()
    with pytest.raises(NoPlaceLeft, match="les places libres sont pour elles. Répondez-leur"):
        hold(session, scene, sent(session, scene))


def test_whoever_has_a_place_waiting_for_them_does_not_wait(session: Session, move_clock: MoveClock) -> None:
    scene, _ = full(session, move_clock)
    wait(session, scene, sent(session, scene))
    assert scene.action is not None
    scene.action.places_financees = 3
    session.flush()
    with pytest.raises(RuleBroken, match="Il reste une place pour cette personne"):
        wait(session, scene, sent(session, scene))


def test_nobody_waits_twice(session: Session, move_clock: MoveClock) -> None:
    scene, _ = full(session, move_clock)
    prescription = sent(session, scene)
    wait(session, scene, prescription)
    with pytest.raises(RuleBroken, match="déjà en liste"):
        wait(session, scene, prescription)
    with pytest.raises(IntegrityError), session.begin_nested():
        session.add(Waiting(offer_id=scene.offer.id, prescription_id=prescription))


def test_leaving_the_list_lets_the_next_forward(session: Session, move_clock: MoveClock) -> None:
    scene, _ = full(session, move_clock)
    first, second = sent(session, scene), sent(session, scene)
    for minute, prescription in enumerate((first, second)):
        move_clock(2026, 3, 3, 10, minute)
        wait(session, scene, prescription)
    waiting.leave(session, prescription_id=first)
    session.flush()
    assert queries.waiting_rank(session, second) == 1
    waiting.leave(session, prescription_id=first)  # not on it any more: nothing to do
    move_clock(2026, 3, 3, 11)
    assert wait(session, scene, first) == 2


def test_whoever_waits_leaves_the_list_when_places_are_no_longer_counted(
    session: Session, move_clock: MoveClock
) -> None:
    scene, _ = full(session, move_clock)
    prescription = sent(session, scene)
    wait(session, scene, prescription)
    move_clock(2028, 3, 3, 10)
    assert hold(session, scene, prescription) is None
    assert queries.waiting_rank(session, prescription) is None


def test_the_catalogue_tells_places_and_who_waits(session: Session, move_clock: MoveClock) -> None:
    scene, _ = full(session, move_clock)
    wait(session, scene, sent(session, scene))
    told = queries.places_by_offer(session, [scene.offer.id])[scene.offer.id]
    assert (told.financees, told.libres, told.en_attente) == (1, 0, 1)


# --- Lines are added, nothing else ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE place_movement SET d_retenues = 0",
        "DELETE FROM place_movement",
        "UPDATE access_entry SET kind = 'lecture'",
        "DELETE FROM access_entry",
        'UPDATE "transition" SET message = NULL',
        'DELETE FROM "transition"',
    ],
)
def test_the_database_refuses_to_change_a_line(session: Session, statement: str) -> None:
    scene = make_scene(session)
    prescription = make_prescription(session, scene, State.ACCEPTEE)
    with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
        session.connection().execute(text(statement))
    session.expire_all()
    assert movements(session, prescription.id) == [Movement.RETENUE]


def test_the_ledger_tells_each_movement_and_where_it_leads(session: Session, move_clock: MoveClock) -> None:
    move_clock(2026, 3, 3, 9)
    scene = make_scene(session, places=2)
    assert scene.action is not None
    first, second = sent(session, scene), sent(session, scene)
    hold(session, scene, first)
    taking.occupy_place(session, prescription_id=first, by=scene.partner)  # in the same instant
    move_clock(2026, 3, 4, 9)
    hold(session, scene, second)
    move_clock(2026, 3, 5, 9)
    taking.give_back_place(session, prescription_id=first, by=scene.partner)
    lines = session.execute(queries.ledger_of(scene.action.id)).scalars().all()
    told = [
        (Movement.UTILISEE, first, 1, 0, 1),
        (Movement.RETENUE, second, 1, 1, 0),
        (Movement.OCCUPEE, first, 0, 1, 0),
        (Movement.RETENUE, first, 1, 0, 0),
    ]
    places = ledger.places_of_actions(session, [scene.action])[scene.action.id]
    now = (places.retenues, places.occupees, places.utilisees)
    for newer in range(len(lines)):
        rows = queries.with_tallies(session, scene.action.id, lines[newer:], newer=newer, now=now)
        assert [(line.movement, line.prescription_id, *tallies) for line, *tallies in rows] == told[newer:]
