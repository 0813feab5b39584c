"""An action that gives its places to several offers: those who wait on one and on the other are one line."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from portal import clock
from portal.conventions import ledger, waiting
from portal.conventions.models import FinancedAction, PlaceMode, PlaceMovement
from portal.errors import OutOfTurn, RuleBroken
from portal.prescriptions import answers, due, rules
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import State
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.prescriptions import Scene, make_prescription, make_scene


@pytest.fixture
def shared(session: Session) -> tuple[Scene, Scene]:
    """Two offers, and one action with one place for both; somebody is in."""
    first = make_scene(session, places=None)
    other = make_offer(session, first.structure)
    convention = make_convention(session, first.structure)
    action = make_action(session, convention, [first.offer, other], places=1, mode=PlaceMode.FILE_ACTIVE)
    return tuple(  # type: ignore[return-value]
        Scene(first.referent, first.partner, first.structure, offer, action) for offer in (first.offer, other)
    )


def wait(session: Session, scene: Scene) -> Prescription:
    made = make_prescription(session, scene)
    answers.put_on_waiting_list(session, made, by=scene.partner)
    return made


def proposed(session: Session, *prescriptions: Prescription) -> list[bool]:
    return [waiting.proposal_of(session, one.id) is not None for one in prescriptions]


def given_by(session: Session, prescription: Prescription) -> FinancedAction:
    line = ledger.last_movement(session, prescription.id)
    assert line is not None
    return session.get_one(FinancedAction, line.action_id)


def test_one_freed_place_is_proposed_to_the_first_of_both_lines(
    session: Session, shared: tuple[Scene, Scene], move_clock: Any
) -> None:
    one, two = shared
    inside = make_prescription(session, one, State.ENTREE)
    behind_first = wait(session, two)
    last = wait(session, one)
    assert due.propose_places(session) == []
    answers.finish(session, inside, by=one.partner, day=clock.today())
    # As the page does it: for the offer of the one who left.
    assert due.propose_places(session, one.offer.id) == [behind_first]
    assert due.propose_places(session) == []
    assert proposed(session, behind_first, last) == [True, False]
    rules.leave_place(session, behind_first, by=two.referent)
    assert due.propose_places(session, two.offer.id) == [last]
    assert proposed(session, behind_first, last) == [False, True]
    rules.take_place(session, last, by=one.referent)
    assert last.state is State.ACCEPTEE
    assert due.propose_places(session) == []


def test_nobody_passes_before_who_waits_on_the_other_offer(
    session: Session, shared: tuple[Scene, Scene]
) -> None:
    one, two = shared
    inside = make_prescription(session, one, State.ENTREE)
    first = wait(session, one)
    answers.finish(session, inside, by=one.partner, day=clock.today())
    hurried = make_prescription(session, two)
    with pytest.raises(OutOfTurn) as broken:
        answers.accept(session, hurried, by=two.partner)
    assert "1 personne attend depuis plus longtemps" in broken.value.message
    # There is no place for them: they may wait, behind.
    answers.put_on_waiting_list(session, hurried, by=two.partner)
    assert due.propose_places(session) == [first]
    answers.accept(session, hurried, by=two.partner, out_of_turn="Un logement à perdre.")
    lines = session.exec(select(PlaceMovement).where(PlaceMovement.prescription_id == hurried.id)).all()
    assert [line.motif for line in lines] == ["Un logement à perdre."]
    due.propose_places(session)
    assert proposed(session, first) == [False]


def test_who_may_have_another_place_leaves_the_shared_one(
    session: Session, shared: tuple[Scene, Scene]
) -> None:
    one, two = shared
    inside = make_prescription(session, one, State.ENTREE)
    first, second = wait(session, one), wait(session, two)
    # A place of its own for the first offer, which would come after the shared one.
    own = make_action(
        session,
        make_convention(session, one.structure, date_fin=clock.today() + timedelta(days=300)),
        [one.offer],
        places=1,
    )
    answers.finish(session, inside, by=one.partner, day=clock.today())
    assert {one.id for one in due.propose_places(session)} == {first.id, second.id}
    rules.take_place(session, first, by=one.referent)
    assert given_by(session, first) == own
    rules.take_place(session, second, by=two.referent)
    assert given_by(session, second) == two.action


def test_without_anybody_who_waits_the_departments_order_stands(
    session: Session, shared: tuple[Scene, Scene]
) -> None:
    one, _ = shared
    make_action(
        session,
        make_convention(session, one.structure, date_fin=clock.today() + timedelta(days=300)),
        [one.offer],
        places=1,
    )
    taken = make_prescription(session, one, State.ACCEPTEE)
    assert given_by(session, taken) == one.action
    waits = make_prescription(session, one)
    with pytest.raises(RuleBroken, match="Il reste une place"):
        answers.put_on_waiting_list(session, waits, by=one.partner)
