"""What tests of the pages of money do again and again: say an address, fill in an expense, send a table."""

import io
import uuid
from collections.abc import Callable
from datetime import datetime

from sqlmodel import Session, select

from portal.accounts.models import User
from portal.budget.models import StateConvention, Volet
from portal.budget.spending_models import Expense
from tests.factories.budget import make_state_convention
from tests.pages import Browser, Page

SignIn = Callable[[User], Browser]
TYPED = {
    "volet": "1",
    "nature": "equipes-ingenierie",
    "objet": "Chefferie de projet",
    "unite": "mois",
    "nombre": "12",
    "cout_unitaire": "4 000,50",
    "montant": "",
    "part_etat": "",
    "date_debut": "2023-01-01",
    "date_fin": "2023-12-31",
    "non_eligible": "",
    "partenaire": "",
    "action": "",
    "poste": "",
}


def convention_of_2023(session: Session, move_clock: Callable[..., datetime]) -> StateConvention:
    """100 000 € on volet 1 and 50 000 € on volet 2, seen in September."""
    move_clock(2023, 9, 1, 10)
    return make_state_convention(
        session, {(2023, Volet.INGENIERIE): 10_000_000, (2023, Volet.SOLUTIONS): 5_000_000}
    )


def url(convention: StateConvention, rest: str = "/depenses/2023") -> str:
    return f"/budget/{convention.id}{rest}"


def typed(**changes: str) -> dict[str, str]:
    return {**TYPED, "cle": str(uuid.uuid4()), **changes}


def saved(session: Session) -> list[Expense]:
    session.expire_all()
    return list(session.exec(select(Expense)))


def send(browser: Browser, where: str, contenu: bytes, nom: str = "depenses.csv", status: int = 200) -> Page:
    page = browser.get(where)
    key = page.soup.select_one('input[name="cle"]')
    assert key is not None
    return browser.post(where, {"cle": key["value"], "fichier": (io.BytesIO(contenu), nom)}, status=status)
