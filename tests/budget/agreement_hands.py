"""What tests of the pages of the convention with the State do again and again."""

import re
from collections.abc import Callable

from sqlmodel import Session

from portal.accounts.models import User
from portal.budget.models import StateConvention, Volet
from tests.factories.budget import make_state_convention
from tests.pages import Browser, Page

SignIn = Callable[[User], Browser]
IBAN = "FR7630006000011234567890189"
SHOWN_IBAN = "FR76 3000 6000 0112 3456 7890 189"
IDENTITY = {
    "numero": "CD35-2023",
    "intitule": "Convention France Travail 2023-2024",
    "date_debut": "2023-01-01",
    "date_fin": "2024-12-31",
    "etat": "Le préfet d’Ille-et-Vilaine",
    "departement": "Le département d’Ille-et-Vilaine",
    "objet": "Expérimenter l’accompagnement rénové.",
    "cible": "3 050 allocataires",
    "iban": SHOWN_IBAN,
    "bic": "BDFEFRPPCCT",
}


def convention_of_two_years(session: Session) -> StateConvention:
    """2023 on volet 1, 2024 on volet 2, with bank details."""
    return make_state_convention(
        session, {(2023, Volet.INGENIERIE): 71_968_900, (2024, Volet.SOLUTIONS): 20_000_000}, iban=IBAN
    )


def url(convention: StateConvention, rest: str = "") -> str:
    return f"/budget/{convention.id}{rest}"


def plain(text: str) -> str:
    return re.sub(r"[\u202f\u00a0]", " ", text)


def row(page: Page, label: str) -> list[str]:
    """The cells of the first row that `label` heads."""
    for line in page.soup.select("main tr"):
        head = line.select_one("th")
        if head is not None and plain(head.get_text(" ", strip=True)).startswith(label):
            return [plain(cell.get_text(" ", strip=True)) for cell in line.select("td")]
    raise AssertionError(f"no row {label}: {page.text[:2000]}")
