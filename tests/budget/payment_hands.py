"""What tests of payments do again and again: a step, an expense, a bilan handed in."""

from collections.abc import Callable
from datetime import date, datetime

from sqlmodel import Session

from portal.accounts.models import User
from portal.budget import expenses
from portal.budget.bilan_models import Bilan, BilanKind, BilanState
from portal.budget.models import StateConvention, Volet
from portal.budget.payments import Step, take_step
from portal.budget.spending_models import PaymentKind, StatePayment
from tests.factories.budget import expense_values, make_state_convention

AVANCE, SOLDE, REFUND = PaymentKind


def convention_of_two_years(session: Session, move_clock: Callable[..., datetime]) -> StateConvention:
    """100 000 € for 2023, 50 000 € for 2024; advances of 60 000 € and 30 000 €."""
    move_clock(2023, 9, 1, 10)
    return make_state_convention(
        session,
        {(2023, Volet.INGENIERIE): 10_000_000, (2024, Volet.INGENIERIE): 5_000_000},
        signe_le=date(2023, 5, 2),
    )


def step(
    session: Session,
    convention: StateConvention,
    kind: PaymentKind,
    which: Step,
    cents: int,
    le: date,
    by: User,
    *,
    annee: int = 2023,
    version: int | None = None,
) -> StatePayment:
    return take_step(
        session,
        convention,
        annee,
        kind,
        which,
        le=le,
        centimes=cents,
        reference=" DRFIP 12 ",
        by=by,
        version=version,
    )


def spend(session: Session, convention: StateConvention, cents: int, by: User, *, annee: int = 2023) -> None:
    expenses.write(
        session,
        convention,
        annee,
        expense_values(
            nombre=1_000,
            cout_unitaire_centimes=cents,
            date_debut=date(annee, 1, 1),
            date_fin=date(annee, 12, 31),
        ),
        by=by,
    )


def hand_in(session: Session, convention: StateConvention, annee: int, at: datetime) -> Bilan:
    bilan = Bilan(
        convention_id=convention.id,
        annee=annee,
        kind=BilanKind.FINAL,
        state=BilanState.REMIS,
        remis_at=at,
        figures={},
    )
    session.add(bilan)
    session.flush()
    return bilan
