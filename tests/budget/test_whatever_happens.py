"""No sequence of amounts, avenants, expenses, payments and bilans breaks the accounts."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import Role, User
from portal.budget import accounts, expenses, payments
from portal.budget.bilan_models import Bilan, BilanKind, BilanState
from portal.budget.models import Nature, Rounding, StateConvention, UnderConsumption, Volet
from portal.budget.payments import Step
from portal.budget.settlement import Spent, YearAccount, advance, retained, settle
from portal.budget.spending_models import Expense, PaymentKind
from portal.errors import RuleBroken
from tests.factories.accounts import make_user
from tests.factories.budget import make_state_amendment, make_state_convention

YEARS = [2023, 2024, 2025]
CENTS = st.one_of(st.integers(0, 300), st.integers(0, 10**11))
KEYS = st.tuples(st.sampled_from(YEARS), st.sampled_from(list(Volet)))
RATES = st.integers(0, 10_000)


@st.composite
def spent(draw: st.DrawFn) -> Spent:
    total = draw(CENTS)
    return Spent(total, draw(st.integers(0, total)))


def sound(told: list[YearAccount], taux: int) -> None:
    """What holds of every settlement."""
    for before, year in zip([None, *told], told, strict=False):
        volets = year.volets.values()
        assert year.montant == sum(volet.montant for volet in volets)
        assert year.retenu == sum(volet.retenu for volet in volets)
        assert year.depense == year.retenu + year.part_departement
        for kind, volet in year.volets.items():
            assert 0 <= volet.retenu <= min(volet.montant, volet.spent.part_etat)
            assert volet.retenu + volet.disponible == volet.montant
            assert volet.retenu + volet.part_departement == volet.spent.total
            assert volet.retenu + volet.non_retenu == volet.spent.part_etat
            assert min(volet.disponible, volet.part_departement, volet.non_retenu) >= 0
            if kind is Volet.SOLUTIONS:
                assert volet.part_departement * 10_000 >= volet.spent.total * taux
        assert min(year.avance_brute, year.deduction, year.avance_due, year.avance_acquise) >= 0
        assert min(year.solde_du, year.trop_percu, year.reporte, year.reversement) >= 0
        assert year.avance_brute == year.avance_due + year.deduction
        assert year.trop_percu == year.reporte + year.reversement
        # One owes the other, never both.
        assert year.solde_du == 0 or year.avance_acquise + year.solde_du == year.retenu
        assert year.deduction <= (before.reporte if before else 0)
    if told:
        assert told[-1].reporte == 0


@given(
    amounts=st.dictionaries(KEYS, CENTS),
    spending=st.dictionaries(KEYS, spent()),
    paid=st.dictionaries(st.sampled_from(YEARS), CENTS),
    balances=st.dictionaries(st.sampled_from(YEARS), CENTS),
    closed=st.frozensets(st.sampled_from(YEARS)),
    taux_avance=RATES,
    taux=RATES,
    arrondi=st.sampled_from(list(Rounding)),
    under=st.sampled_from(list(UnderConsumption)),
)
def test_every_settlement_is_sound(
    amounts: Mapping[tuple[int, Volet], int],
    spending: Mapping[tuple[int, Volet], Spent],
    paid: Mapping[int, int],
    balances: Mapping[int, int],
    closed: frozenset[int],
    taux_avance: int,
    taux: int,
    arrondi: Rounding,
    under: UnderConsumption,
) -> None:
    told = settle(
        YEARS,
        amounts,
        spending,
        paid,
        taux_avance=taux_avance,
        arrondi=arrondi,
        taux_departement=taux,
        sous_consommation=under,
        closed=closed,
        paid_balances=balances,
    )
    assert [year.annee for year in told] == YEARS
    sound(told, taux)
    assert not any(year.trop_percu for year in told if year.annee not in closed)
    if under is UnderConsumption.REVERSEE:
        assert not any(year.reporte or year.deduction for year in told)


@given(amounts=st.dictionaries(KEYS, CENTS), spending=st.dictionaries(KEYS, spent()), key=KEYS, more=spent())
def test_volets_do_not_mix(
    amounts: Mapping[tuple[int, Volet], int],
    spending: Mapping[tuple[int, Volet], Spent],
    key: tuple[int, Volet],
    more: Spent,
) -> None:
    """Whatever is spent on a volet, the accounts of the others stay as they were, and so do their credits."""

    def of(changed: Mapping[tuple[int, Volet], Spent]) -> dict[tuple[int, Volet], Any]:
        told = settle(
            YEARS,
            amounts,
            changed,
            {},
            taux_avance=6_000,
            arrondi=Rounding.EURO_PROCHE,
            taux_departement=5_000,
            sous_consommation=UnderConsumption.DEDUITE,
            closed=frozenset(YEARS),
        )
        return {(year.annee, volet): account for year in told for volet, account in year.volets.items()}

    before, after = of(spending), of({**spending, key: more})
    assert {k: v for k, v in before.items() if k != key} == {k: v for k, v in after.items() if k != key}


@given(montant=CENTS, taux=RATES)
def test_an_advance_is_rounded_as_the_convention_says(montant: int, taux: int) -> None:
    exact = montant * taux
    assert abs(advance(montant, taux, Rounding.CENTIME) * 10_000 - exact) <= 5_000
    near = advance(montant, taux, Rounding.EURO_PROCHE)
    assert near % 100 == 0 and abs(near * 10_000 - exact) <= 500_000
    below = advance(montant, taux, Rounding.EURO_INFERIEUR)
    assert below % 100 == 0 and 0 <= exact - below * 10_000 < 1_000_000


@given(here=spent(), ceiling=CENTS, taux=RATES)
def test_one_more_cent_of_the_departement_never_lowers_what_the_state_bears(
    here: Spent, ceiling: int, taux: int
) -> None:
    kept = retained(Volet.SOLUTIONS, ceiling, here, taux)
    assert retained(Volet.SOLUTIONS, ceiling, Spent(here.total + 1, here.part_etat), taux) >= kept
    assert retained(Volet.SOLUTIONS, ceiling + 1, here, taux) >= kept


# --- Through the verbs, on real rows ---------------------------------------------------------------------------------

# Small enough to meet the edges, where a cent decides.
SMALL = st.integers(1, 40_000)
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("avenant"), st.sampled_from(YEARS), st.sampled_from(list(Volet)), SMALL),
        st.tuples(
            st.just("depense"), st.sampled_from(YEARS), st.sampled_from(list(Volet)), SMALL, st.booleans()
        ),
        st.tuples(st.just("oter"), st.integers(0, 5)),
        st.tuples(st.just("bilan"), st.sampled_from(YEARS)),
        st.tuples(st.just("corriger"), st.sampled_from(YEARS)),
        st.tuples(
            st.just("verser"),
            st.sampled_from(YEARS),
            st.sampled_from(list(PaymentKind)),
            SMALL,
            st.booleans(),
        ),
    ),
    max_size=12,
)


class Story:
    """A convention, and what happens to it; what the rules refuse changes nothing."""

    def __init__(self, session: Session, officer: User) -> None:
        self.session, self.officer = session, officer
        self.convention: StateConvention = make_state_convention(
            session,
            {(2023, Volet.SOLUTIONS): 20_000, (2023, Volet.INGENIERIE): 10_000},
            signe_le=date(2023, 1, 2),
            date_fin=date(2025, 12, 31),
        )
        self.avenants = 0

    def avenant(self, annee: int, volet: Volet, cents: int) -> None:
        self.avenants += 1
        make_state_amendment(
            self.session,
            self.convention,
            {(annee, volet): cents},
            numero=self.avenants,
            signe_le=clock.today(),
        )

    def depense(self, annee: int, volet: Volet, cents: int, ours: bool) -> None:
        values = {
            "volet": volet,
            "nature": Nature.MOBILITE,
            "objet": "Dépense",
            "unite": "forfait",
            "nombre": 1_000,
            "cout_unitaire_centimes": cents,
            "date_debut": date(annee, 1, 1),
            "date_fin": date(annee, 12, 31),
            "part_etat_centimes": 0 if ours else None,
        }
        expenses.write(self.session, self.convention, annee, values, by=self.officer)

    def oter(self, place: int) -> None:
        rows = self.session.exec(
            select(Expense)
            .where(col(Expense.convention_id) == self.convention.id)
            .order_by(col(Expense.annee), col(Expense.montant_centimes))
        ).all()
        if rows:
            expenses.remove(self.session, rows[place % len(rows)], self.convention, by=self.officer)

    def _bilan(self, annee: int) -> Bilan | None:
        return self.session.exec(
            select(Bilan).where(col(Bilan.convention_id) == self.convention.id, col(Bilan.annee) == annee)
        ).one_or_none()

    def bilan(self, annee: int) -> None:
        if self._bilan(annee) is None:
            self.session.add(
                Bilan(
                    convention_id=self.convention.id,
                    annee=annee,
                    kind=BilanKind.FINAL,
                    state=BilanState.REMIS,
                    remis_at=datetime(annee + 1, 2, 1, tzinfo=UTC),
                    figures={},
                )
            )
            self.session.flush()

    def corriger(self, annee: int) -> None:
        found = self._bilan(annee)
        if found is not None:
            self.session.delete(found)
            self.session.flush()

    def verser(self, annee: int, kind: PaymentKind, cents: int, everything: bool) -> None:
        year = next(y for y in payments.accounts(self.session, self.convention) if y.annee == annee)
        asked = year.dues[kind].montant if everything else cents
        for step in Step:
            payments.take_step(
                self.session,
                self.convention,
                annee,
                kind,
                step,
                le=clock.today(),
                centimes=asked,
                reference=None,
                by=self.officer,
            )
        # At the moment it is made, no payment goes beyond what is due.
        assert asked <= year.dues[kind].montant


@pytest.fixture
def officer(session: Session) -> User:
    return make_user(session, Role.CONVENTIONNEMENT)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
def test_no_sequence_of_acts_breaks_the_accounts(
    session: Session, officer: User, move_clock: Any, acts: list[tuple[Any, ...]]
) -> None:
    move_clock(2025, 12, 31, 10)
    with session.begin_nested() as story_savepoint:
        story = Story(session, officer)
        for name, *rest in acts:
            before = accounts.of(session, story.convention)
            try:
                with session.begin_nested():
                    getattr(story, name)(*rest)
            except RuleBroken:
                assert _accounts(accounts.of(session, story.convention)) == _accounts(before)
            told = accounts.of(session, story.convention)
            sound([year.account for year in told], 5_000)
            for year in told:
                statement = expenses.statement(session, story.convention, year.annee)
                assert statement.montant == year.account.depense == sum(x.montant for x in statement.lines)
                assert statement.part_etat == sum(v.spent.part_etat for v in year.account.volets.values())
                for volet in Volet:
                    assert statement.of_volet(volet) == year.account.volets[volet].spent
                assert all(due.reste >= 0 for due in year.dues.values())
        for annee in YEARS:
            story.bilan(annee)
        # Once all is told: what the State paid or owes, less what comes back to it, is what it bears, to the cent.
        told = accounts.of(session, story.convention)
        sound([year.account for year in told], 5_000)
        paid = sum(year.dues[PaymentKind.AVANCE].verse for year in told)
        balances = sum(max(year.dues[PaymentKind.SOLDE].verse, year.account.solde_du) for year in told)
        back = sum(year.account.reversement for year in told)
        assert paid + balances - back == sum(year.account.retenu for year in told)
        story_savepoint.rollback()


def _accounts(told: list[accounts.Year]) -> list[YearAccount]:
    return [year.account for year in told]
