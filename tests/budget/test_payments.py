"""Payments: in order, within what is due, by their day; and what the settlement says of each year."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from sqlmodel import Session

from portal.accounts.models import Role, User
from portal.budget import expenses, history, payments
from portal.budget.models import (
    BudgetDocument,
    StateConvention,
)
from portal.budget.payments import Step, next_step, undo_step
from portal.conventions.states import ConventionState
from portal.errors import AlreadyDone, ChangedMeanwhile, NotAllowed, RuleBroken
from tests.budget.payment_hands import AVANCE, SOLDE, convention_of_two_years, hand_in, spend, step
from tests.factories.accounts import make_user


@pytest.fixture
def convention(session: Session, move_clock: Callable[..., datetime]) -> StateConvention:
    return convention_of_two_years(session, move_clock)


# --- One payment -----------------------------------------------------------------------------------------------------


def test_requested_validated_paid(session: Session, convention: StateConvention, officer: User) -> None:
    assert next_step(None) is Step.DEMANDE
    payment = step(session, convention, AVANCE, Step.DEMANDE, 6_000_000, date(2023, 5, 10), officer)
    assert next_step(payment) is Step.VALIDE and payment.demande_reference == "DRFIP 12"
    step(session, convention, AVANCE, Step.VALIDE, 5_900_000, date(2023, 5, 20), officer)
    step(session, convention, AVANCE, Step.VERSE, 5_800_000, date(2023, 6, 1), officer)
    assert next_step(payment) is None
    (year, _) = payments.accounts(session, convention)
    # Less was paid than was due: the rest comes with the balance.
    assert year.dues[AVANCE].reste == 200_000 and not year.dues[AVANCE].waits
    assert year.account.avance_acquise == 5_800_000
    assert {line.fait for line, _ in history.lines(session, convention)} == {
        "Avance 2023 : demande (60\u202f000,00\xa0€)",
        "Avance 2023 : validation (59\u202f000,00\xa0€)",
        "Avance 2023 : versement (58\u202f000,00\xa0€)",
    }


def test_never_more_than_the_step_before_nor_than_what_is_due(
    session: Session, convention: StateConvention, officer: User
) -> None:
    day = date(2023, 6, 1)
    with pytest.raises(
        RuleBroken, match="l’avance due est de 60\u202f000,00\xa0€ : c’est 0,01\xa0€ de trop"
    ) as refused:
        step(session, convention, AVANCE, Step.DEMANDE, 6_000_001, day, officer)
    assert refused.value.field == "montant"
    with pytest.raises(RuleBroken, match="au-dessus de zéro"):
        step(session, convention, AVANCE, Step.DEMANDE, 0, day, officer)
    step(session, convention, AVANCE, Step.DEMANDE, 5_000_000, day, officer)
    with pytest.raises(RuleBroken, match="0,01\xa0€ de plus que la demande"):
        step(session, convention, AVANCE, Step.VALIDE, 5_000_001, day, officer)
    step(session, convention, AVANCE, Step.VALIDE, 4_000_000, day, officer)
    with pytest.raises(RuleBroken, match="de plus que la validation, de 40\u202f000,00\xa0€"):
        step(session, convention, AVANCE, Step.VERSE, 4_000_001, day, officer)
    # A correction keeps what follows right.
    with pytest.raises(RuleBroken, match="moins que la validation"):
        step(session, convention, AVANCE, Step.DEMANDE, 3_999_999, day, officer)
    step(session, convention, AVANCE, Step.DEMANDE, 4_000_000, day, officer)


def test_the_days_are_in_order(session: Session, convention: StateConvention, officer: User) -> None:
    with pytest.raises(RuleBroken, match="d’abord la demande"):
        step(session, convention, AVANCE, Step.VALIDE, 1, date(2023, 6, 1), officer)
    with pytest.raises(RuleBroken, match="à venir") as refused:
        step(session, convention, AVANCE, Step.DEMANDE, 100, date(2023, 9, 2), officer)
    assert refused.value.field == "le"
    step(session, convention, AVANCE, Step.DEMANDE, 100, date(2023, 6, 1), officer)
    with pytest.raises(RuleBroken, match="avant la demande, du 01/06/2023"):
        step(session, convention, AVANCE, Step.VALIDE, 100, date(2023, 5, 31), officer)
    step(session, convention, AVANCE, Step.VALIDE, 100, date(2023, 6, 1), officer)
    with pytest.raises(RuleBroken, match="après la validation, du 01/06/2023"):
        step(session, convention, AVANCE, Step.DEMANDE, 100, date(2023, 6, 2), officer)


def test_two_presses_and_two_people(session: Session, convention: StateConvention, officer: User) -> None:
    day = date(2023, 6, 1)
    first = step(session, convention, AVANCE, Step.DEMANDE, 100, day, officer, version=0)
    assert step(session, convention, AVANCE, Step.DEMANDE, 100, day, officer, version=0) is first
    assert first.version == 1 and len(history.lines(session, convention)) == 1
    with pytest.raises(ChangedMeanwhile):
        step(session, convention, AVANCE, Step.DEMANDE, 200, day, officer, version=0)
    step(session, convention, AVANCE, Step.DEMANDE, 200, day, officer, version=1)
    with pytest.raises(ChangedMeanwhile):
        step(session, convention, AVANCE, Step.VALIDE, 200, day, officer, version=1)
    with pytest.raises(ChangedMeanwhile):
        step(session, convention, SOLDE, Step.DEMANDE, 200, day, officer, version=3)


def test_the_last_step_is_taken_away_with_a_reason(
    session: Session, convention: StateConvention, officer: User
) -> None:
    day = date(2023, 6, 1)
    for which in (Step.DEMANDE, Step.VALIDE):
        step(session, convention, AVANCE, which, 100, day, officer)
    with pytest.raises(RuleBroken, match="pourquoi"):
        undo_step(session, convention, 2023, AVANCE, motif=" ", by=officer)
    with pytest.raises(ChangedMeanwhile):
        undo_step(session, convention, 2023, AVANCE, motif="Erreur", by=officer, version=1)
    left = undo_step(session, convention, 2023, AVANCE, motif="Erreur", by=officer, version=2)
    assert left is not None and left.valide_le is None and left.demande_centimes == 100
    assert undo_step(session, convention, 2023, AVANCE, motif="Erreur", by=officer) is None
    with pytest.raises(AlreadyDone):
        undo_step(session, convention, 2023, AVANCE, motif="Erreur", by=officer)
    assert {line.motif for line, _ in history.lines(session, convention) if "annulée" in line.fait} == {
        "Erreur"
    }


def test_a_payment_that_documents_prove_stays(
    session: Session, convention: StateConvention, officer: User
) -> None:
    payment = step(session, convention, AVANCE, Step.DEMANDE, 100, date(2023, 6, 1), officer)
    paper = BudgetDocument(
        convention_id=convention.id,
        payment_id=payment.id,
        nom="courrier.pdf",
        content_type="application/pdf",
        taille=3,
        contenu=b"pdf",
    )
    session.add(paper)
    session.flush()
    with pytest.raises(RuleBroken, match="retirez-les d’abord"):
        undo_step(session, convention, 2023, AVANCE, motif="Erreur", by=officer)
    session.delete(paper)
    session.flush()
    assert undo_step(session, convention, 2023, AVANCE, motif="Erreur", by=officer) is None


def test_who_and_in_which_state(session: Session, convention: StateConvention, officer: User) -> None:
    with pytest.raises(NotAllowed):
        step(session, convention, AVANCE, Step.DEMANDE, 1, date(2023, 6, 1), make_user(session, Role.ETAT))
    for state, sentence in ((ConventionState.BROUILLON, "brouillon"), (ConventionState.CLOSE, "close")):
        convention.state = state
        session.flush()
        with pytest.raises(RuleBroken, match=sentence):
            step(session, convention, AVANCE, Step.DEMANDE, 1, date(2023, 6, 1), officer)


def test_the_balance_waits_for_the_bilan(
    session: Session, convention: StateConvention, officer: User, move_clock: Callable[..., datetime]
) -> None:
    for which in Step:
        step(session, convention, AVANCE, which, 6_000_000, date(2023, 6, 1), officer)
    spend(session, convention, 9_000_000, officer)
    with pytest.raises(RuleBroken, match="Le solde dû 2023 attend le bilan"):
        step(session, convention, SOLDE, Step.DEMANDE, 1, date(2023, 9, 1), officer)
    hand_in(session, convention, 2023, datetime(2024, 1, 31, 9, tzinfo=UTC))
    move_clock(2024, 2, 10, 10)
    (year, _) = payments.accounts(session, convention)
    assert year.dues[SOLDE].montant == 3_000_000
    assert year.dues[SOLDE].echeance == date(2024, 2, 29)
    assert not year.dues[SOLDE].late_on(date(2024, 2, 29)) and year.dues[SOLDE].late_on(date(2024, 3, 1))
    assert year.dues[SOLDE].soon_on(date(2024, 2, 14)) and not year.dues[SOLDE].soon_on(date(2024, 2, 13))
    with pytest.raises(RuleBroken, match="0,01\xa0€ de trop"):
        step(session, convention, SOLDE, Step.DEMANDE, 3_000_001, date(2024, 2, 10), officer)
    for which in Step:
        step(session, convention, SOLDE, which, 3_000_000, date(2024, 2, 10), officer)
    (year, _) = payments.accounts(session, convention)
    assert year.dues[SOLDE].reste == 0 and year.account.trop_percu == 0


def test_an_advance_never_paid_is_not_asked_back(
    session: Session, convention: StateConvention, officer: User
) -> None:
    spend(session, convention, 1_000_000, officer)
    hand_in(session, convention, 2023, datetime(2024, 1, 31, 9, tzinfo=UTC))
    first, second = payments.accounts(session, convention)
    assert first.account.trop_percu == 0 and second.account.deduction == 0
    assert first.account.solde_du == 1_000_000
    with pytest.raises(RuleBroken, match="demandez le solde"):
        step(session, convention, AVANCE, Step.DEMANDE, 100, date(2023, 9, 1), officer)


def test_what_a_reading_asks_to_correct_after_the_balance_was_paid(
    session: Session, convention: StateConvention, officer: User, move_clock: Callable[..., datetime]
) -> None:
    """The balance was paid on 90 000 €; corrected, 80 000 € are right: 10 000 € go to the year after."""
    for which in Step:
        step(session, convention, AVANCE, which, 6_000_000, date(2023, 6, 1), officer)
    spend(session, convention, 8_000_000, officer)
    spend(session, convention, 1_000_000, officer)
    bilan = hand_in(session, convention, 2023, datetime(2024, 1, 31, 9, tzinfo=UTC))
    move_clock(2024, 2, 10, 10)
    for which in Step:
        step(session, convention, SOLDE, which, 3_000_000, date(2024, 2, 10), officer)
    session.delete(bilan)
    session.flush()
    told = expenses.statement(session, convention, 2023)
    wrong = next(line for line in told.lines if line.montant == 1_000_000)
    expense = expenses.of_year(session, convention, 2023, wrong.id)
    assert expense is not None
    expenses.remove(session, expense, convention, by=officer)
    hand_in(session, convention, 2023, datetime(2024, 2, 20, 9, tzinfo=UTC))
    first, second = payments.accounts(session, convention)
    assert first.account.trop_percu == first.account.reporte == 1_000_000
    assert first.dues[SOLDE].too_much
    assert second.account.deduction == 1_000_000 and second.account.avance_due == 2_000_000
