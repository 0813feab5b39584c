"""Two conventions and three offers that share their places: whatever is done, places add up and a proposal is a promise."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import Role
from portal.conventions import amendments, ledger, waiting
from portal.conventions.models import Convention, FinancedAction, PlaceMode, PlaceMovement, Waiting
from portal.db import Database
from portal.errors import OutOfTurn, RuleBroken
from portal.prescriptions import answers, due
from portal.prescriptions import rules as prescribing
from portal.prescriptions.models import Prescription, RefusalReason
from portal.prescriptions.states import State
from tests.factories.accounts import make_user
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.prescriptions import Scene, make_prescription
from tests.factories.structures import make_partner

MOST_PEOPLE = 9
BEGINS = datetime(2030, 3, 1, 10, tzinfo=UTC)
who = st.integers(0, MOST_PEOPLE - 1)


class Shared(RuleBasedStateMachine):
    """One action gives its places to the first two offers, another to the last two: the one between has both."""

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
        self.actions: list[tuple[FinancedAction, Convention]] = []

    def teardown(self) -> None:
        self.session.close()
        self.outer.rollback()
        self.connection.close()
        clock._source = self.usual

    @initialize(
        modes=st.tuples(st.sampled_from(PlaceMode), st.sampled_from(PlaceMode)),
        places=st.tuples(st.integers(0, 1), st.integers(0, 1)),
        more=st.tuples(st.integers(1, 2), st.integers(0, 1)),
        waiting=st.lists(st.integers(0, 2), min_size=3, max_size=6),
    )
    def begin(
        self,
        modes: tuple[PlaceMode, PlaceMode],
        places: tuple[int, int],
        more: tuple[int, int],
        waiting: list[int],
    ) -> None:
        session = self.session
        partner, structure = make_partner(session)
        referent = make_user(session)
        offers = [make_offer(session, structure) for _ in range(3)]
        for number in range(2):
            convention = make_convention(session, structure, delai_entree_jours=8)
            shared = offers[number : number + 2]
            action = make_action(session, convention, shared, places=places[number], mode=modes[number])
            self.actions.append((action, convention))
        self.scenes = [Scene(referent, partner, structure, offer, None) for offer in offers]
        self.officer = make_user(session, Role.CONVENTIONNEMENT)
        session.flush()
        # The usual way: places are taken, others wait, then some are added or freed.
        for offer in waiting:
            self.send(offer, False)
            self.accept(len(self.people) - 1)
            self.wait(len(self.people) - 1)
        for which, change in enumerate(more):
            self.amend(which, change)
        self.propose()

    # --- What people do ---

    @rule(offer=st.integers(0, 2), waits=st.booleans())
    def send(self, offer: int, waits: bool) -> None:
        if len(self.people) < MOST_PEOPLE:
            self.people.append(make_prescription(self.session, self.scenes[offer]))
            # Each arrives at a moment of their own.
            self.now += timedelta(minutes=1)
            if waits:
                self.wait(len(self.people) - 1)

    @rule(n=who)
    def wait(self, n: int) -> None:
        self.try_on(n, lambda p: answers.put_on_waiting_list(self.session, p, by=self.scenes[0].partner))

    @rule(n=who)
    def accept(self, n: int) -> None:
        def verb(chosen: Prescription) -> None:
            free = self.free()
            lines = self.lines()
            mine = next((n for n, one in enumerate(lines) if one.prescription_id == chosen.id), len(lines))
            promised: list[Waiting] = []
            for one in lines[:mine]:
                if self.seated([*promised, one], free):
                    promised.append(one)
            answers.accept(self.session, chosen, by=self.scenes[0].partner)
            given = ledger.last_movement(self.session, chosen.id)
            assert given is not None and free[given.action_id] > 0, "a place was given that was not there"
            assert given.motif is None, "a reason is for those who pass before others"
            assert self.seated(promised, self.free()), (
                "somebody who waited before lost the place there was for them"
            )

        self.try_on(n, verb)

    @rule(n=who)
    def refuse(self, n: int) -> None:
        self.try_on(
            n,
            lambda p: answers.refuse(
                self.session, p, by=self.scenes[0].partner, reason=RefusalReason.AUTRE, message="Voici."
            ),
        )

    @rule(n=who)
    def enter(self, n: int) -> None:
        self.try_on(n, lambda p: answers.enter(self.session, p, by=self.scenes[0].partner, day=clock.today()))

    @rule(n=who)
    def finish(self, n: int) -> None:
        self.try_on(
            n, lambda p: answers.finish(self.session, p, by=self.scenes[0].partner, day=clock.today())
        )

    @rule(n=who, takes=st.booleans())
    def take_or_leave(self, n: int, takes: bool) -> None:
        verb = prescribing.take_place if takes else prescribing.leave_place
        self.try_on(n, lambda p: verb(self.session, p, by=self.scenes[0].referent))

    @rule(which=st.integers(0, 1), change=st.integers(-1, 2))
    def amend(self, which: int, change: int) -> None:
        action, convention = self.actions[which]
        self.attempt(
            lambda: amendments.change_places(
                self.session,
                action,
                convention,
                change=change,
                effet_le=clock.today(),
                motif="Avenant",
                by=self.officer,
            )
        )

    # --- What time brings ---

    @rule(days=st.integers(1, 5))
    def days_pass(self, days: int) -> None:
        self.now += timedelta(days=days)
        due.release_absent(self.session)

    @rule()
    def propose(self) -> None:
        """Whoever is proposed a place gets it, in whatever order they come; and nobody else is kept from a free one."""
        due.propose_places(self.session)
        promised = [
            p for p in self.people if waiting.proposal_of(self.session, p.id) is not None and self.waits(p)
        ]
        for order in (promised, promised[::-1]):
            nested = self.session.begin_nested()
            for prescription in order:
                prescribing.take_place(self.session, prescription, by=self.scenes[0].referent)
            # All that were promised are in: who still waits has nothing left to be proposed.
            left = self.free()
            for one in self.lines():
                assert all(left[action.id] <= 0 for action in self.actions_of(one)), "a free place sleeps"
            nested.rollback()
            self.refresh()

    # --- What always holds ---

    @invariant()
    def never_more_than_there_is(self) -> None:
        days = [BEGINS.date() + timedelta(days=n) for n in range((self.now - BEGINS).days + 3)]
        for action, _ in self.actions:
            for places in ledger.places_on_days(self.session, action, days):
                assert 0 <= places.prises <= places.financees

    @invariant()
    def the_sum_over_both_is_the_state(self) -> None:
        if not self.actions:
            return
        found = ledger.places_of_actions(self.session, [action for action, _ in self.actions]).values()
        states = [p.state for p in self.people]
        assert sum(p.retenues for p in found) == states.count(State.ACCEPTEE)
        assert sum(p.occupees for p in found) == states.count(State.ENTREE)

    @invariant()
    def a_place_is_of_an_action_that_finances_the_offer(self) -> None:
        for line in self.session.exec(select(PlaceMovement)):
            offer = next(p.offer_id for p in self.people if p.id == line.prescription_id)
            number = [scene.offer.id for scene in self.scenes].index(offer)
            assert line.action_id in {self.actions[n][0].id for n in {max(0, number - 1), min(1, number)}}

    # --- How ---

    def waits(self, prescription: Prescription) -> bool:
        return prescription.state in {State.ENVOYEE, State.A_L_ETUDE}

    def actions_of(self, line: Waiting) -> list[FinancedAction]:
        number = [scene.offer.id for scene in self.scenes].index(line.offer_id)
        return [self.actions[n][0] for n in {max(0, number - 1), min(1, number)}]

    def lines(self) -> list[Waiting]:
        open_lines = select(Waiting).where(col(Waiting.left_at).is_(None))
        return list(self.session.exec(open_lines.order_by(col(Waiting.rang_at), col(Waiting.id))))

    def seated(self, lines: list[Waiting], free: dict[object, int]) -> bool:
        """Say whether all of `lines` may have a place at once, by trying every way."""
        if not lines:
            return True
        return any(
            free[action.id] > 0 and self.seated(lines[1:], free | {action.id: free[action.id] - 1})
            for action in self.actions_of(lines[0])
        )

    def free(self) -> dict[object, int]:
        found = ledger.places_of_actions(self.session, [action for action, _ in self.actions])
        return {id: places.prenables for id, places in found.items()}

    def try_on(self, n: int, verb: Callable[[Prescription], object]) -> None:
        if n < len(self.people):
            self.attempt(lambda: verb(self.people[n]))

    def attempt(self, verb: Callable[[], object]) -> None:
        """Do it as a page does: what is refused is undone."""
        try:
            with self.session.begin_nested():
                verb()
        except (RuleBroken, OutOfTurn):
            self.refresh()

    def refresh(self) -> None:
        for thing in [*self.people, *(action for action, _ in self.actions)]:
            self.session.refresh(thing)


@pytest.mark.parametrize("examples", [6])
def test_shared_places_add_up_whatever_happens(database: Database, engine_name: str, examples: int) -> None:
    run_state_machine_as_test(
        lambda: Shared(database),
        settings=settings(
            max_examples=examples,
            stateful_step_count=15,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
