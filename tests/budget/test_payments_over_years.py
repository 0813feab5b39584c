"""Payments over several years, and what is due of them: what one year leaves to the next, what an early end leaves."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import Session

from portal.accounts.models import User
from portal.budget import accounts, agreement, expenses, payments, terms
from portal.budget.bilan_models import Bilan, BilanKind, BilanState
from portal.budget.models import StateConvention, UnderConsumption, Volet
from portal.budget.payments import Step, due_on
from portal.errors import RuleBroken
from tests.budget.payment_hands import AVANCE, REFUND, convention_of_two_years, hand_in, spend, step
from tests.factories.budget import expense_values, make_state_amendment, make_state_convention
from tests.statements import count_statements


@pytest.fixture
def convention(session: Session, move_clock: Callable[..., datetime]) -> StateConvention:
    return convention_of_two_years(session, move_clock)


# --- Several years ---------------------------------------------------------------------------------------------------


def test_an_advance_too_small_carries_the_rest_to_the_last_balance(
    session: Session, convention: StateConvention, officer: User, move_clock: Callable[..., datetime]
) -> None:
    """60 000 € received for nothing spent; the advance of 30 000 € of 2024 takes half, the rest is in hand."""
    for which in Step:
        step(session, convention, AVANCE, which, 6_000_000, date(2023, 6, 1), officer)
    hand_in(session, convention, 2023, datetime(2024, 1, 31, 9, tzinfo=UTC))
    move_clock(2024, 6, 1, 10)
    spend(session, convention, 4_500_000, officer, annee=2024)
    first, second = payments.accounts(session, convention)
    assert first.account.reporte == 6_000_000
    assert (second.account.avance_brute, second.account.deduction, second.account.avance_due) == (
        3_000_000,
        3_000_000,
        0,
    )
    assert second.account.avance_acquise == 6_000_000
    assert second.account.solde_du == 0
    hand_in(session, convention, 2024, datetime(2025, 2, 1, 9, tzinfo=UTC))
    _, second = payments.accounts(session, convention)
    # Never both a balance to receive and a refund to pay.
    assert second.account.reversement == second.account.trop_percu == 1_500_000
    assert second.account.solde_du == 0
    move_clock(2025, 2, 10, 10)
    for which in Step:
        step(session, convention, REFUND, which, 1_500_000, date(2025, 2, 10), officer, annee=2024)
    _, second = payments.accounts(session, convention)
    assert second.dues[REFUND].reste == 0


def test_a_convention_that_asks_back_deducts_nothing(
    session: Session, convention: StateConvention, officer: User
) -> None:
    convention.sous_consommation = UnderConsumption.REVERSEE
    for which in Step:
        step(session, convention, AVANCE, which, 6_000_000, date(2023, 6, 1), officer)
    spend(session, convention, 5_999_999, officer)
    hand_in(session, convention, 2023, datetime(2024, 1, 31, 9, tzinfo=UTC))
    first, second = payments.accounts(session, convention)
    assert (first.account.reversement, first.account.reporte) == (1, 0)
    assert second.account.deduction == 0
    assert first.dues[REFUND].echeance == date(2024, 2, 29)


def test_the_share_of_the_departement_on_volet_2(
    session: Session, officer: User, move_clock: Callable[..., datetime]
) -> None:
    move_clock(2023, 9, 1, 10)
    convention = make_state_convention(session, {(2023, Volet.SOLUTIONS): 10_000_000})

    def write(cents: int, part: int | None) -> None:
        expenses.write(
            session,
            convention,
            2023,
            expense_values(
                volet=Volet.SOLUTIONS, nombre=1_000, cout_unitaire_centimes=cents, part_etat_centimes=part
            ),
            by=officer,
        )

    assert payments.accounts(session, convention)[0].taux_supporte is None
    write(1_000_000, 1_000_000)
    (year, _) = payments.accounts(session, convention)
    assert year.below_rate and year.taux_supporte == 0
    assert year.solutions.retenu == 500_000 and year.solutions.non_retenu == 500_000
    write(1_000_001, 0)
    (year, _) = payments.accounts(session, convention)
    assert not year.below_rate and year.taux_supporte == 5_000
    assert year.solutions.retenu == 1_000_000 and year.solutions.part_departement == 1_000_001


# --- What is due, for the reminders ----------------------------------------------------------------------------------


def test_what_is_due_and_not_made(
    session: Session, convention: StateConvention, officer: User, move_clock: Callable[..., datetime]
) -> None:
    make_state_convention(session, {(2023, Volet.INGENIERIE): 100}, signe_le=None)
    due = due_on(session, date(2023, 9, 1))
    assert [(d.kind, d.sujet_id, d.echeance_le, d.montant) for d in due] == [
        ("avance-2023", convention.id, date(2023, 5, 2), 6_000_000),
        ("avance-2024", convention.id, date(2024, 1, 1), 3_000_000),
    ]
    for which in Step:
        step(session, convention, AVANCE, which, 6_000_000, date(2023, 6, 1), officer)
    assert [d.kind for d in due_on(session, date(2023, 9, 1))] == ["avance-2024"]
    spend(session, convention, 7_000_000, officer)
    hand_in(session, convention, 2023, datetime(2023, 12, 31, 12, tzinfo=UTC))
    assert [(d.kind, d.echeance_le, d.montant) for d in due_on(session, date(2024, 1, 1))] == [
        ("avance-2024", date(2024, 1, 1), 3_000_000),
        ("solde-2023", date(2024, 1, 31), 1_000_000),
    ]


@pytest.mark.parametrize(
    ("day", "month_later"),
    [
        (date(2024, 1, 31), date(2024, 2, 29)),
        (date(2023, 1, 31), date(2023, 2, 28)),
        (date(2024, 3, 30), date(2024, 4, 30)),
        (date(2024, 12, 31), date(2025, 1, 31)),
        (date(2024, 11, 30), date(2024, 12, 30)),
    ],
)
def test_a_month_after(day: date, month_later: date) -> None:
    assert accounts.month_after(day) == month_later


def test_the_accounts_of_many_conventions_take_as_many_statements_as_those_of_one(
    session: Session, officer: User, move_clock: Callable[..., datetime]
) -> None:
    move_clock(2023, 9, 1, 10)
    made = []
    for _ in range(5):
        convention = make_state_convention(session, {(2023, Volet.INGENIERIE): 10_000_000})
        spend(session, convention, 100_000, officer)
        make_state_amendment(
            session,
            convention,
            {(2023, Volet.INGENIERIE): 20_000_000},
            numero=1,
            signe_le=date(2023, 6, 1) + timedelta(days=1),
        )
        made.append(convention)
    with count_statements(session) as of_one:
        accounts.of(session, made[0])
    with count_statements(session) as of_five:
        told = accounts.of_all(session, made)
    assert len(of_one) == len(of_five) == 6
    assert all(years[0].account.montant == 20_000_000 for years in told.values())
    assert accounts.of(session, made[0], date(2023, 6, 1))[0].account.montant == 10_000_000


def test_nothing_is_requested_nor_paid_before_the_signature(
    session: Session, convention: StateConvention, officer: User
) -> None:
    with pytest.raises(RuleBroken, match="02/05/2023 : rien ne se demande ni ne se verse avant") as refused:
        step(session, convention, AVANCE, Step.DEMANDE, 6_000_000, date(2023, 5, 1), officer)
    assert refused.value.field == "le"
    step(session, convention, AVANCE, Step.DEMANDE, 6_000_000, date(2023, 5, 2), officer)


def test_a_convention_ended_before_its_time_owes_nothing_of_the_years_after(
    session: Session, convention: StateConvention, officer: User, move_clock: Callable[..., datetime]
) -> None:
    step(session, convention, AVANCE, Step.DEMANDE, 6_000_000, date(2023, 6, 1), officer)
    step(session, convention, AVANCE, Step.VALIDE, 6_000_000, date(2023, 6, 2), officer)
    step(session, convention, AVANCE, Step.VERSE, 6_000_000, date(2023, 6, 3), officer)
    spend(session, convention, 2_000_000, officer)
    agreement.terminate(session, convention, last_day=date(2023, 12, 31), motif="Accord", by=officer)
    move_clock(2024, 2, 1, 10)
    assert [year.annee for year in accounts.of(session, convention)] == [2023]
    assert [due.kind for due in due_on(session, date(2024, 2, 1))] == []
    assert terms.terms_on(session, convention, date(2024, 2, 1)).total == 10_000_000
    assert terms.totals_on(session, [convention], date(2024, 2, 1)) == {convention.id: 10_000_000}
    # As it stood before, both years.
    assert terms.terms_on(session, convention, date(2023, 9, 1)).total == 15_000_000
    assert terms.totals_on(session, [convention], date(2023, 9, 1)) == {convention.id: 15_000_000}
    with pytest.raises(RuleBroken, match="n’est pas de cette convention"):
        step(session, convention, AVANCE, Step.DEMANDE, 1, date(2024, 1, 2), officer, annee=2024)
    # What was not spent of 2023 is given back: no year follows that could be lowered by it.
    session.add(
        Bilan(
            convention_id=convention.id,
            annee=2023,
            kind=BilanKind.FINAL,
            state=BilanState.REMIS,
            remis_at=datetime(2024, 1, 20, tzinfo=UTC),
            figures={},
        )
    )
    session.flush()
    (year,) = accounts.of(session, convention)
    assert (year.account.reporte, year.account.reversement) == (0, 4_000_000)


def test_a_convention_is_not_ended_before_a_year_already_paid_for(
    session: Session, convention: StateConvention, officer: User
) -> None:
    step(session, convention, AVANCE, Step.DEMANDE, 100, date(2023, 6, 1), officer, annee=2024)
    with pytest.raises(RuleBroken, match="Un versement de 2024 est écrit") as refused:
        agreement.terminate(session, convention, last_day=date(2023, 12, 31), motif="Accord", by=officer)
    assert refused.value.field == "resiliee_le"
    agreement.terminate(session, convention, last_day=date(2024, 1, 1), motif="Accord", by=officer)
