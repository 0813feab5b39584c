"""What tests of bilans do again and again: a convention with the figures of domain §6, a bilan prepared and handed in."""

from collections.abc import Callable
from datetime import datetime

from sqlmodel import Session

from portal.accounts.models import User
from portal.budget import bilan_writing, bilans, expenses
from portal.budget.bilan_models import Bilan, BilanKind
from portal.budget.models import StateConvention, Volet
from tests.factories.budget import expense_values, make_state_convention

INTERMEDIATE, FINAL = BilanKind.INTERMEDIAIRE, BilanKind.FINAL
EIGHT = ["synthese", "volet-1", "depenses", "comptes", "plan", "fiches", "places", "pieces"]


def convention_of_2023(
    session: Session, officer: User, move_clock: Callable[..., datetime]
) -> StateConvention:
    """719 689 € for 2023 of which 431 813 € in advance, 423 271,35 € spent (domain §6); 2024 to come."""
    move_clock(2024, 2, 1, 10)
    made = make_state_convention(
        session, {(2023, Volet.INGENIERIE): 71_968_900, (2024, Volet.INGENIERIE): 99_812_624}
    )
    expenses.write(
        session, made, 2023, expense_values(nombre=1_000, cout_unitaire_centimes=42_327_135), by=officer
    )
    return made


def begun(session: Session, convention: StateConvention, officer: User, annee: int = 2023) -> Bilan:
    kind = FINAL if annee == convention.date_fin.year else INTERMEDIATE
    return bilan_writing.begin(session, convention, annee, kind, by=officer)


def ready(session: Session, bilan: Bilan, convention: StateConvention, officer: User) -> None:
    for state in bilans.parts(session, convention, bilan):
        if not state.ready:
            bilan_writing.write_part(
                session, bilan, convention, state.part.key, state.texte or "Écrit.", True, by=officer
            )


def handed_in(session: Session, convention: StateConvention, officer: User) -> Bilan:
    bilan = begun(session, convention, officer)
    ready(session, bilan, convention, officer)
    return bilan_writing.hand_in(session, bilan, convention, by=officer, version=bilan.version)
