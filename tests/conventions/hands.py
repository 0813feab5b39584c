"""What tests of the pages do again and again: say an address, fill in a form, read a table."""

from collections.abc import Callable
from typing import Any

from bs4 import Tag

from portal.accounts.models import Role, User
from portal.conventions.models import FinancedAction
from tests.factories.prescriptions import Scene
from tests.pages import Browser, Page

SignIn = Callable[[User], Browser]
OFFICER = Role.CONVENTIONNEMENT

CONVENTION: dict[str, Any] = {
    "numero": "2026-12",
    "intitule": "Mobilité",
    "date_debut": "2026-01-01",
    "date_fin": "2026-12-31",
    "montant": "30 000,50 €",
}
ACTION: dict[str, Any] = {
    "intitule": "Modules de permis",
    "places_financees": "12",
    "cout_unitaire": "1 500",
    "mode": "entree",
}


def address(action: FinancedAction, page: str = "") -> str:
    return f"/conventions/{action.convention_id}/actions/{action.id}{page}"


def readings(action: FinancedAction) -> list[str]:
    return ["/conventions", f"/conventions/{action.convention_id}", address(action)]


def writings(action: FinancedAction) -> list[str]:
    return [
        "/conventions/nouvelle",
        f"/conventions/{action.convention_id}/modifier",
        f"/conventions/{action.convention_id}/actions/nouvelle",
        address(action, "/modifier"),
    ]


def made(scene: Scene) -> FinancedAction:
    assert scene.action is not None
    return scene.action


def rows(page: Page) -> list[list[str]]:
    """The cells of each group of the list's table, the total last, spaces joined."""
    return [cells(group) for group in page.soup.select("table tbody, table tfoot")]


def cells(tag: Tag) -> list[str]:
    return [" ".join(cell.get_text(" ").split()) for cell in tag.select("th, td")]


def movements(page: Page) -> list[Tag]:
    """The lines of the ledger."""
    return page.soup.select(".table-responsive tbody tr")
