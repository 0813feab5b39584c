"""Whatever is done to places, in whatever order and however late it is told, they add up on every day."""

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import Role
from portal.conventions import amendments, ledger, rules, waiting
from portal.conventions.models import (
    Movement,
    PlaceChange,
    PlaceMode,
    PlaceMovement,
)
from portal.db import Database
from portal.errors import RuleBroken
from portal.offers.models import OfferSession
from portal.prescriptions import answers, due, seats
from portal.prescriptions import rules as prescribing
from portal.prescriptions.models import Prescription, RefusalReason
from portal.prescriptions.seats import Meeting
from portal.prescriptions.states import State
from tests.factories.accounts import make_user
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.prescriptions import Scene, make_prescription
from tests.factories.structures import make_partner

MOST_PEOPLE = 7
BEGINS = datetime(2030, 3, 1, 10, tzinfo=UTC)
which = st.integers(0, MOST_PEOPLE - 1)
days_ago = st.integers(0, 6)


class Places(RuleBasedStateMachine):
    """An action, an offer with a session, and people sent to it one after the other."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.connection = database.engine.connect()
        self.outer = self.connection.begin()
        self.session = Session(
            self.connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        )
        self.now = BEGINS
        self.usual, clock._source = clock._source, lambda: self.now
        self.people: list[Prescription] = []
        self.told: dict[date, ledger.ActionPlaces] = {}
        self.lines: set[uuid.UUID] = set()

    def teardown(self) -> None:
        self.session.close()
        self.outer.rollback()
        self.connection.close()
        clock._source = self.usual

    @initialize(mode=st.sampled_from(PlaceMode), places=st.integers(1, 3), more=st.integers(0, 1))
    def begin(self, mode: PlaceMode, places: int, more: int) -> None:
        session = self.session
        partner, structure = make_partner(session)
        offer = make_offer(session, structure)
        self.convention = make_convention(session, structure, delai_entree_jours=8)
        self.action = make_action(
            session, self.convention, [offer], places=places, mode=mode, surreservation=more
        )
        self.scene = Scene(make_user(session), partner, structure, offer, self.action)
        self.officer = make_user(session, Role.CONVENTIONNEMENT)
        self.course = OfferSession(offer_id=offer.id, debut=clock.today() + timedelta(days=60), places=1)
        session.add(self.course)
        session.flush()

    # --- What people do ---

    @rule()
    def send(self) -> None:
        if len(self.people) < MOST_PEOPLE:
            self.people.append(make_prescription(self.session, self.scene))

    @rule(n=which, before=st.sampled_from([None, None, None, "Une urgence."]), seat=st.booleans())
    def accept(self, n: int, before: str | None, seat: bool) -> None:
        def verb(chosen: Prescription) -> None:
            free = ledger.places_of_actions(self.session, [self.action])[self.action.id].prenables
            line = [one.prescription_id for one in self.session.exec(waiting.in_order(chosen.offer_id))]
            ahead = line.index(chosen.id) if chosen.id in line else len(line)
            meeting = Meeting(session_id=self.course.id) if seat else None
            answers.accept(self.session, chosen, by=self.scene.partner, out_of_turn=before, meeting=meeting)
            assert free > 0, "a place was given that was not there"
            assert before or ahead < free, "somebody passed before those who wait, without a reason"
            given = ledger.last_movement(self.session, chosen.id)
            assert given is not None and (given.motif is not None) == (ahead >= free)

        self.try_on(n, verb)

    @rule(n=which)
    def wait(self, n: int) -> None:
        self.try_on(n, lambda p: answers.put_on_waiting_list(self.session, p, by=self.scene.partner))

    @rule(n=which)
    def refuse(self, n: int) -> None:
        self.try_on(
            n,
            lambda p: answers.refuse(
                self.session, p, by=self.scene.partner, reason=RefusalReason.AUTRE, message="Voici."
            ),
        )

    @rule(n=which)
    def cancel(self, n: int) -> None:
        self.try_on(n, lambda p: prescribing.cancel(self.session, p, by=self.scene.referent))

    @rule(n=which, ago=days_ago)
    def enter(self, n: int, ago: int) -> None:
        self.try_on(n, lambda p: answers.enter(self.session, p, by=self.scene.partner, day=self.day(ago)))

    @rule(n=which, ago=days_ago)
    def finish(self, n: int, ago: int) -> None:
        self.try_on(n, lambda p: answers.finish(self.session, p, by=self.scene.partner, day=self.day(ago)))

    @rule(n=which, ago=days_ago)
    def give_up(self, n: int, ago: int) -> None:
        self.try_on(n, lambda p: answers.give_up(self.session, p, by=self.scene.partner, day=self.day(ago)))

    @rule(n=which)
    def take(self, n: int) -> None:
        self.try_on(n, lambda p: prescribing.take_place(self.session, p, by=self.scene.referent))

    @rule(n=which)
    def leave(self, n: int) -> None:
        self.try_on(n, lambda p: prescribing.leave_place(self.session, p, by=self.scene.referent))

    @rule(change=st.integers(-2, 2), later=st.integers(-5, 8))
    def amend(self, change: int, later: int) -> None:
        self.attempt(
            lambda: amendments.change_places(
                self.session,
                self.action,
                self.convention,
                change=change,
                effet_le=self.day(-later),
                motif="Avenant",
                by=self.officer,
            )
        )

    @rule(places=st.integers(0, 3), more=st.integers(0, 2))
    def change_action(self, places: int, more: int) -> None:
        # The number of origin is that of the first day: whoever corrects it corrects every day.
        before = self.action.places_financees
        values = {
            "intitule": "Permis",
            "places_financees": places,
            "cout_unitaire_centimes": 1,
            "mode": self.action.mode,
            "offer_ids": [self.scene.offer.id],
            "surreservation": more,
        }
        self.attempt(
            lambda: rules.change_action(self.session, self.action, self.convention, values, by=self.officer)
        )
        if self.action.places_financees != before or self.action.surreservation:
            self.told.clear()

    # --- What time brings ---

    @rule()
    def propose(self) -> None:
        due.propose_places(self.session)
        free = ledger.places_of_actions(self.session, [self.action])[self.action.id].prenables
        line = [one.id for one in self.session.exec(waiting.in_order(self.scene.offer.id))]
        assert set(waiting.proposals_of(self.session, self.scene.offer.id)) == set(line[:free])

    @rule(days=st.integers(1, 5))
    def days_pass(self, days: int) -> None:
        for _ in range(days):
            self.told[self.day()] = self.on(self.day())
            self.now += timedelta(days=1)
        due.release_absent(self.session)
        due.expire_unanswered(self.session)

    # --- What always holds ---

    @invariant()
    def never_more_than_there_is(self) -> None:
        if not hasattr(self, "action"):
            return
        days = [BEGINS.date() + timedelta(days=n) for n in range((self.now - BEGINS).days + 12)]
        for places in ledger.places_on_days(self.session, self.action, days):
            assert 0 <= places.prises <= places.financees + self.action.surreservation
            assert min(places.retenues, places.occupees, places.utilisees) >= 0

    @invariant()
    def the_sum_is_the_state(self) -> None:
        if not hasattr(self, "action"):
            return
        now = ledger.places_of_actions(self.session, [self.action])[self.action.id]
        states = [p.state for p in self.people]
        assert (now.retenues, now.occupees) == (states.count(State.ACCEPTEE), states.count(State.ENTREE))
        left = sum(p.date_sortie is not None for p in self.people)
        assert now.utilisees == (left if self.action.mode is PlaceMode.ENTREE else 0)
        assert now == self.on(self.day()), "today by its day is today by the sum of all lines"

    @invariant()
    def a_place_goes_forward_in_time(self) -> None:
        for prescription in self.people:
            lines = self.lines_of(col(PlaceMovement.prescription_id) == prescription.id)
            lines.sort(key=lambda line: ledger.MOVEMENT_ORDER.index(line.movement))
            assert [line.effet_le for line in lines] == sorted(line.effet_le for line in lines)
            assert not lines or lines[0].movement is Movement.RETENUE

    @invariant()
    def a_past_day_stays_as_it_was_told(self) -> None:
        """The days before the earliest line written since are as they were; later ones say what was told late."""
        if not hasattr(self, "action"):
            return
        moves = [(line.id, line.effet_le) for line in self.lines_of()]
        changes = [(line.id, line.effet_le) for line in self.session.exec(select(PlaceChange))]
        new = [effect for id, effect in [*moves, *changes] if id not in self.lines]
        self.lines |= {id for id, _ in [*moves, *changes]}
        for day in list(self.told):
            if new and day >= min(new):
                self.told[day] = self.on(day)
        for day, places in self.told.items():
            again = self.on(day)
            assert (again.financees, again.retenues, again.occupees, again.utilisees) == (
                places.financees,
                places.retenues,
                places.occupees,
                places.utilisees,
            )

    @invariant()
    def seats_are_not_given_twice(self) -> None:
        if hasattr(self, "course"):
            assert seats.seats_taken(self.session, [self.course.id]).get(self.course.id, 0) <= 1

    # --- How ---

    def day(self, ago: int = 0) -> date:
        return clock.today() - timedelta(days=ago)

    def on(self, day: date) -> ledger.ActionPlaces:
        return ledger.places_of_actions(self.session, [self.action], day)[self.action.id]

    def lines_of(self, *conditions: Any) -> list[PlaceMovement]:
        return list(self.session.exec(select(PlaceMovement).where(*conditions)))

    def try_on(self, n: int, verb: Callable[[Prescription], object]) -> None:
        if n < len(self.people):
            self.attempt(lambda: verb(self.people[n]))

    def attempt(self, verb: Callable[[], object]) -> None:
        """Do it as a page does: what is refused is undone."""
        try:
            with self.session.begin_nested():
                verb()
        except RuleBroken:
            for thing in [*self.people, self.action]:
                self.session.refresh(thing)


@pytest.mark.parametrize("examples", [10])
def test_places_add_up_whatever_happens(database: Database, engine_name: str, examples: int) -> None:
    run_state_machine_as_test(
        lambda: Places(database),
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
