"""Whatever becomes of a convention and of those that renew it, places and money add up on every day."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import Role
from portal.conventions import amendments, ledger, life, renewal, writing
from portal.conventions.engagements import PartnerPayment
from portal.conventions.models import Convention, FinancedAction, PlaceChange, PlaceMode, PlaceMovement
from portal.conventions.states import ConventionState, Standing
from portal.db import Database
from portal.errors import AlreadyDone, RuleBroken
from portal.prescriptions import answers, due
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import State
from tests.factories.accounts import make_user
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.prescriptions import Scene, make_prescription
from tests.factories.structures import make_partner

MOST_PEOPLE, MOST_CONVENTIONS = 6, 4
LENGTH = timedelta(days=20)
BEGINS = datetime(2030, 3, 1, 10, tzinfo=UTC)
who = st.integers(0, MOST_PEOPLE - 1)
which = st.integers(0, MOST_CONVENTIONS - 1)


class Life(RuleBasedStateMachine):
    """A convention with one action, those that renew it one after the other, and people sent to its offer."""

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
        self.conventions: list[Convention] = []
        self.told: dict[tuple[object, date], tuple[int, int, int, int]] = {}
        self.lines: set[object] = set()

    def teardown(self) -> None:
        self.session.close()
        self.outer.rollback()
        self.connection.close()
        clock._source = self.usual

    @initialize(mode=st.sampled_from(PlaceMode), places=st.integers(1, 3), more=st.integers(0, 1))
    def begin(self, mode: PlaceMode, places: int, more: int) -> None:
        session, today = self.session, clock.today()
        partner, structure = make_partner(session)
        offer = make_offer(session, structure)
        first = make_convention(
            session,
            structure,
            date_debut=today,
            date_fin=today + LENGTH,
            signee_le=today,
            montant_centimes=10_000,
            delai_entree_jours=30,
            grace_jours=15,
        )
        action = make_action(session, first, [offer], places=places, mode=mode, surreservation=more)
        self.conventions.append(first)
        self.scene = Scene(make_user(session), partner, structure, offer, action)
        self.officer = make_user(session, Role.CONVENTIONNEMENT)
        session.flush()

    # --- What people do ---

    @rule()
    def send(self) -> None:
        if len(self.people) < MOST_PEOPLE:
            self.people.append(make_prescription(self.session, self.scene))

    @rule(n=who)
    def accept(self, n: int) -> None:
        def verb() -> None:
            answers.accept(self.session, self.people[n], by=self.scene.partner)
            given = ledger.last_movement(self.session, self.people[n].id)
            if given is not None:
                action = self.session.get_one(FinancedAction, given.action_id)
                convention = self.session.get_one(Convention, action.convention_id)
                assert convention.runs_on(clock.today()), "only a signed convention that runs gives places"

        self.attempt(verb, n < len(self.people))

    @rule(n=who, ago=st.integers(0, 4))
    def enter(self, n: int, ago: int) -> None:
        self.attempt(
            lambda: answers.enter(self.session, self.people[n], by=self.scene.partner, day=self.day(ago)),
            n < len(self.people),
        )

    @rule(n=who, ago=st.integers(0, 4))
    def finish(self, n: int, ago: int) -> None:
        self.attempt(
            lambda: answers.finish(self.session, self.people[n], by=self.scene.partner, day=self.day(ago)),
            n < len(self.people),
        )

    # --- What becomes of the conventions ---

    @rule(
        n=which,
        change=st.integers(-2, 2),
        cents=st.sampled_from([0, 0, 5_000, -3_000, -9_000]),
        later=st.integers(-5, 20),
        longer=st.sampled_from([None, None, -5, 7]),
    )
    def amend(self, n: int, change: int, cents: int, later: int, longer: int | None) -> None:
        def verb() -> None:
            convention = self.conventions[n]
            amendments.amend(
                self.session,
                convention,
                {
                    "objet": "Avenant",
                    "signe_le": clock.today(),
                    "effet_le": self.day(-later),
                    "d_montant_centimes": cents,
                    "date_fin": convention.date_fin + timedelta(days=longer) if longer else None,
                    "places": {self.action_of(convention).id: change},
                },
                by=self.officer,
            )

        self.attempt(verb, n < len(self.conventions))

    @rule(n=which, cents=st.integers(0, 6_000))
    def pay(self, n: int, cents: int) -> None:
        if n >= len(self.conventions):
            return
        convention = self.conventions[n]
        written = amendments.of_convention(self.session, convention.id)
        days = {clock.today(), *(a.effet_le for a in written if a.effet_le > clock.today())}
        least = min(amendments.amount_on(convention, written, day) for day in days)
        if writing.paid(self.session, convention.id) + cents <= least:
            self.session.add(
                PartnerPayment(
                    convention_id=convention.id,
                    intitule="Acompte",
                    prevu_le=clock.today(),
                    montant_centimes=cents,
                    verse_le=clock.today(),
                    verse_centimes=cents,
                )
            )
            self.session.flush()

    @rule(n=which)
    def close(self, n: int) -> None:
        self.attempt(
            lambda: life.close(self.session, self.conventions[n], by=self.officer), n < len(self.conventions)
        )

    @rule(n=which)
    def reopen(self, n: int) -> None:
        self.attempt(
            lambda: life.reopen(self.session, self.conventions[n], motif="Erreur", by=self.officer),
            n < len(self.conventions),
        )

    @rule(n=which, later=st.integers(-3, 10), sure=st.sampled_from([True] + [False] * 7))
    def terminate(self, n: int, later: int, sure: bool) -> None:
        self.attempt(
            lambda: life.terminate(
                self.session,
                self.conventions[n],
                last_day=self.day(-later),
                motif="Fin",
                by=self.officer,
            ),
            sure and n < len(self.conventions),
        )

    @rule(gap=st.integers(0, 3), signed=st.booleans())
    def renew(self, gap: int, signed: bool) -> None:
        def verb() -> None:
            last = self.conventions[-1]
            first_day = last.date_fin + timedelta(days=1 + gap)
            made = renewal.renew(
                self.session,
                last,
                {
                    "numero": f"W-{len(self.conventions)}-{last.id}"[:40],
                    "date_debut": first_day,
                    "date_fin": first_day + LENGTH,
                    "montant_centimes": 10_000,
                },
                by=self.officer,
            )
            if signed:
                life.sign(self.session, made, signee_le=clock.today(), by=self.officer)
            self.conventions.append(made)

        before = list(self.conventions)
        self.attempt(verb, len(self.conventions) < MOST_CONVENTIONS)
        made = self.session.exec(
            select(Convention).where(col(Convention.renouvelle_id) == before[-1].id)
        ).first()
        self.conventions = [*before, made] if made else before

    @rule(n=which)
    def sign(self, n: int) -> None:
        self.attempt(
            lambda: life.sign(self.session, self.conventions[n], signee_le=clock.today(), by=self.officer),
            n < len(self.conventions),
        )

    @rule()
    def carry(self) -> None:
        """Somebody says yes on every convention that has begun."""
        before = self.whole()
        for convention in self.conventions[1:]:
            self.attempt(partial(renewal.carry_people, self.session, convention, by=self.officer))
        assert self.whole() == before, "nobody is lost or made on the way"

    @rule()
    def a_year_goes_on(self) -> None:
        """The usual way: people are in, the convention is renewed and signed, its last day passes, they go on."""
        last = self.conventions[-1]
        self.send()
        self.accept(len(self.people) - 1)
        self.enter(len(self.people) - 1, 0)
        self.renew(0, True)
        if self.conventions[-1] is not last:
            while clock.today() < self.conventions[-1].date_debut:
                self.days_pass(min(8, (self.conventions[-1].date_debut - clock.today()).days))
            self.carry()

    @rule(days=st.sampled_from([1, 3, 8, 15]))
    def days_pass(self, days: int) -> None:
        for _ in range(days):
            for action in self.actions():
                self.told[action.id, self.day()] = self.on(action, self.day())
            self.now += timedelta(days=1)
        due.release_absent(self.session)
        due.propose_places(self.session)

    # --- What always holds ---

    @invariant()
    def never_more_than_there_is(self) -> None:
        days = [BEGINS.date() + timedelta(days=n) for n in range((self.now - BEGINS).days + 25)]
        for action in self.actions():
            for places in ledger.places_on_days(self.session, action, days):
                assert 0 <= places.prises <= places.financees + action.surreservation
                assert min(places.retenues, places.occupees, places.utilisees) >= 0

    @invariant()
    def the_sum_over_all_conventions_is_the_state(self) -> None:
        if not self.conventions:
            return
        held, occupied, used = self.whole()
        with_place = [p for p in self.people if ledger.last_movement(self.session, p.id) is not None]
        states = [p.state for p in with_place]
        assert (held, occupied) == (states.count(State.ACCEPTEE), states.count(State.ENTREE))
        if self.scene.action and self.scene.action.mode is PlaceMode.ENTREE:
            assert used == sum(p.date_sortie is not None for p in with_place)
        else:
            assert used == 0

    @invariant()
    def nobody_has_two_places_on_a_day(self) -> None:
        for prescription in self.people:
            lines = self.session.exec(
                select(PlaceMovement).where(col(PlaceMovement.prescription_id) == prescription.id)
            ).all()
            for day in {line.effet_le for line in lines}:
                taken = sum(line.d_retenues + line.d_occupees for line in lines if line.effet_le <= day)
                assert taken in (0, 1)

    @invariant()
    def the_amount_is_never_below_what_was_paid(self) -> None:
        for convention in self.conventions:
            written = amendments.of_convention(self.session, convention.id)
            for day in {a.effet_le for a in written if a.effet_le >= clock.today()} | {clock.today()}:
                amount = amendments.amount_on(convention, written, day)
                assert amount >= writing.paid(self.session, convention.id) >= 0

    @invariant()
    def conventions_follow_each_other(self) -> None:
        for before, after in zip(self.conventions, self.conventions[1:], strict=False):
            assert before.date_fin < after.date_debut
        standings = [c.standing_on(clock.today()) for c in self.conventions]
        assert standings.count(Standing.ACTIVE) <= 1
        for convention in self.conventions:
            assert (convention.state is ConventionState.RESILIEE) == (convention.resiliee_le is not None)
            assert convention.date_debut <= convention.date_fin

    @invariant()
    def a_past_day_stays_as_it_was_told(self) -> None:
        moves = [(m.id, m.action_id, m.effet_le) for m in self.session.exec(select(PlaceMovement))]
        moves += [(c.id, c.action_id, c.effet_le) for c in self.session.exec(select(PlaceChange))]
        new: dict[object, date] = {}
        for id, action_id, effect in moves:
            if id not in self.lines:
                new[action_id] = min(effect, new.get(action_id, effect))
        self.lines |= {id for id, _, _ in moves}
        actions = {action.id: action for action in self.actions()}
        for (action_id, day), before in self.told.items():
            now = self.on(actions[action_id], day)
            if action_id in new and day >= new[action_id]:
                self.told[action_id, day] = now
            else:
                assert now == before

    # --- How ---

    def day(self, ago: int = 0) -> date:
        return clock.today() - timedelta(days=ago)

    def action_of(self, convention: Convention) -> FinancedAction:
        return self.session.exec(
            select(FinancedAction).where(col(FinancedAction.convention_id) == convention.id)
        ).one()

    def actions(self) -> list[FinancedAction]:
        return [self.action_of(convention) for convention in self.conventions]

    def on(self, action: FinancedAction, day: date) -> tuple[int, int, int, int]:
        places = ledger.places_on_days(self.session, action, [day])[0]
        return places.financees, places.retenues, places.occupees, places.utilisees

    def whole(self) -> tuple[int, int, int]:
        found = ledger.places_of_actions(self.session, self.actions()).values()
        return (
            sum(p.retenues for p in found),
            sum(p.occupees for p in found),
            sum(p.utilisees for p in found),
        )

    def attempt(self, verb: Callable[[], object], possible: bool = True) -> None:
        """Do it as a page does: what is refused is undone."""
        if not possible:
            return
        try:
            with self.session.begin_nested():
                verb()
        except (RuleBroken, AlreadyDone):
            for thing in [*self.people, *self.conventions]:
                if thing in self.session and thing not in self.session.new:
                    self.session.refresh(thing)


@pytest.mark.parametrize("examples", [5])
def test_a_life_adds_up_whatever_happens(database: Database, engine_name: str, examples: int) -> None:
    run_state_machine_as_test(
        lambda: Life(database),
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
