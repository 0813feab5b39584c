"""What is left to do when a convention with the State is about to be closed: payments not made, bilans not settled."""

from dataclasses import dataclass

from sqlmodel import Session

from portal import clock
from portal.budget import accounts, bilans
from portal.budget.bilan_models import BilanState
from portal.budget.bilan_parts import title_of
from portal.budget.models import StateConvention
from portal.budget.spending_models import PaymentKind
from portal.money import euros

_SAYS = {
    PaymentKind.AVANCE: "l’avance",
    PaymentKind.SOLDE: "le solde",
    PaymentKind.REVERSEMENT: "le reversement",
}


@dataclass(frozen=True, slots=True)
class Left:
    """What nobody could write any more once the convention is closed; `comptes` says which page tells it."""

    sentence: str
    comptes: bool


def left_open(session: Session, convention: StateConvention) -> list[Left]:
    """Return what is still due or expected of a convention, the earliest year first."""
    found = [
        Left(
            f"{said[0].upper()}{said[1:]} {due.annee} : {euros(due.reste)} ne sont pas versés.", comptes=True
        )
        for year in accounts.of(session, convention)
        for due in year.dues.values()
        if due.waits and (said := _SAYS[due.kind])
    ]
    for one in bilans.expected(session, convention, clock.today()):
        if one.du_le is not None and one.waits:
            found.append(Left(f"Le {one.title.lower()} n’est pas remis à l’État.", comptes=False))
        elif one.bilan is not None and one.bilan.state is not BilanState.ARRETE:
            found.append(Left(f"Le {title_of(one.bilan).lower()} n’est pas encore arrêté.", comptes=False))
    return found
