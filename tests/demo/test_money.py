"""The money of the demo: the real case to the cent, what partners owe, nothing that could be taken for real."""

from datetime import timedelta

import pytest
from sqlmodel import Session

from portal import clock, demo
from portal.budget import accounts, bilans, expenses, fiches
from portal.budget.bilan_models import BilanState
from portal.budget.models import Bloc, BudgetEvent, StateAmendment, StateConvention
from portal.budget.spending_models import PaymentKind
from portal.conventions.engagements import (
    ConventionEvent,
    PartnerPayment,
    PartnerReport,
    ReportState,
)
from portal.conventions.models import Convention
from portal.conventions.states import Standing
from portal.demo import budget, budget_real, engaged
from tests.demo.reading import everyone

# Loaded once for each engine in each process: together on one worker.
pytestmark = pytest.mark.xdist_group("demo")


class TestMoney:
    @pytest.fixture
    def convention(self, loaded: Session) -> StateConvention:
        return loaded.get_one(StateConvention, budget.CONVENTION_ID)

    def test_the_real_case_keeps_its_years_and_comes_out_to_the_cent(self, loaded: Session) -> None:
        convention = loaded.get_one(StateConvention, budget_real.REAL_ID)
        assert convention.standing_on(clock.today()) is Standing.CLOSE
        first, second = accounts.of(loaded, convention)
        assert (first.annee, second.annee) == (2023, 2024)
        assert first.account.montant == 71_968_900
        assert first.dues[PaymentKind.AVANCE].verse == 43_181_300
        assert first.account.retenu == 42_327_135
        assert first.account.reporte == second.account.deduction == 854_165
        assert second.account.montant == 99_812_624
        assert second.dues[PaymentKind.AVANCE].verse == 59_887_600 - 854_165
        assert second.dues[PaymentKind.SOLDE].verse == 99_812_624 - 59_887_600
        told = expenses.statement(loaded, convention, second.annee)
        assert {bloc.bloc: bloc.montant for bloc in told.blocs} == {
            Bloc.EQUIPES: 74_412_624,
            Bloc.SOLUTIONS: 21_400_000,
            Bloc.SI: 4_000_000,
        }
        assert told.montant == 99_812_624
        assert [line.non_eligible is not None for line in told.apart] == [True]

    def test_a_bilan_is_settled_by_two_readers_and_an_avenant_waits(
        self, loaded: Session, convention: StateConvention
    ) -> None:
        real = loaded.get_one(StateConvention, budget_real.REAL_ID)
        for told in bilans.expected(loaded, real, clock.today()):
            assert told.bilan is not None and told.bilan.state is BilanState.ARRETE
            assert told.bilan.relu_by_id != told.bilan.arrete_by_id
        waits = [text for text in everyone(loaded, StateAmendment) if text.signe_le is None]
        assert [(text.convention_id, text.numero) for text in waits] == [(convention.id, 2)]
        year = clock.today().year
        sheets = fiches.of_year(loaded, convention, year)
        tied = fiches.told_of(loaded, convention, year, sheets)
        assert sorted(len(one.actions) for one in tied.values()) == [1, 1]

    def test_partners_owe_and_are_paid(self, loaded: Session) -> None:
        reports = everyone(loaded, PartnerReport)
        assert [r.state for r in reports if r.state is not ReportState.A_REMETTRE] == [ReportState.REMIS]
        due = clock.today() + timedelta(days=10)
        assert [r.du_le for r in reports if clock.today() <= r.du_le <= due] == [due]
        assert {p.verse_le is None for p in everyone(loaded, PartnerPayment)} == {True, False}
        for rang, standing in ((engaged.DRAFT, Standing.BROUILLON), (engaged.OVER, Standing.ECHUE)):
            convention = loaded.get_one(Convention, demo.demo_id("convention", rang))
            assert convention.standing_on(clock.today()) is standing

    def test_what_it_tells_happened_in_the_past(self, loaded: Session) -> None:
        now = clock.now()
        for table in (BudgetEvent, ConventionEvent):
            assert all(line.at <= now for line in everyone(loaded, table))

    def test_what_is_invented_says_so(self, loaded: Session) -> None:
        for convention in everyone(loaded, StateConvention):
            assert "(démonstration)" in convention.intitule
            assert "DEMO" in convention.numero and convention.iban and "DEMO" in convention.iban
            for name in ("etat_signataire", "departement_signataire", "ordonnateur", "comptable"):
                assert getattr(convention, name).endswith("-Démo")
