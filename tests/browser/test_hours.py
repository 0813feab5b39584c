"""The week of a structure: filled in, copied, saved and shown again; by mouse, by keyboard, and without JavaScript."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page
from sqlmodel import Session

from portal import demo
from portal.structures.models import Structure
from tests.browser.conftest import Portal
from tests.browser.hands import Keyboard, Mouse

NAME = "horaires_accueil"


@pytest.fixture
def structure(portal: Portal) -> Structure:
    """A structure of the demo, without hours."""
    with portal.database.writing() as session:
        found = session.get_one(Structure, demo.demo_id("structure", "ervp"))
        found.horaires_accueil = None
        return found


def saved(portal: Portal, structure: Structure) -> str | None:
    with portal.database.session(read_only=True) as session:
        assert isinstance(session, Session)
        return session.get_one(Structure, structure.id).horaires_accueil


def shown(page: Page) -> list[str]:
    """The times of the table, from Monday's first on."""
    cells = page.locator("[data-week-day] input")
    assert cells.count() == 28
    return [cells.nth(n).input_value() for n in range(28)]


def open_form(me: Mouse, structure: Structure) -> None:
    me.sign_in("partenaire", demo.PASSWORD)
    me.goto(f"/structures/{structure.id}/modifier")


def monday(me: Mouse) -> None:
    me.fill("de, lundi, premier créneau", "9h")
    me.fill("à, lundi, premier créneau", "12h30")
    me.fill("puis de, lundi, second créneau", "14")
    me.fill("à, lundi, second créneau", "17:00")


@pytest.mark.parametrize("hands", [Mouse, Keyboard])
def test_monday_is_copied_saved_and_shown_again(
    open_page: Callable[..., Page], portal: Portal, structure: Structure, hands: type[Mouse]
) -> None:
    me = hands(open_page())
    open_form(me, structure)
    monday(me)
    copy = me.page.get_by_role("button", name="Recopier sur les autres jours ouvrés")
    if hands is Mouse:
        copy.click()
    else:
        me._reach(copy)
        me.page.keyboard.press("Enter")
    me.page.wait_for_function("() => /recopiés/.test(document.querySelector('#annonces').innerText)")
    me.fill("de, samedi, premier créneau", "10:00")
    me.fill("à, samedi, premier créneau", "9:00")
    me.tick("Fermé les jours fériés")
    me.press("Enregistrer")
    # Saturday ends before it begins: the sentence leads to the time to mend, and nothing is lost.
    me.page.get_by_role("link", name="Le samedi : l’heure de fin vient avant l’heure de début.").click()
    assert me.page.evaluate("() => document.activeElement.id") == f"{NAME}-sa-1-end"
    assert saved(portal, structure) is None
    me.fill("à, samedi, premier créneau", "12:00")
    me.press("Enregistrer")
    assert saved(portal, structure) == "Mo-Fr 09:00-12:30,14:00-17:00; Sa 10:00-12:00; PH off"
    assert "lun. à ven. : 9 h à 12 h 30 et 14 h à 17 h" in me.words

    me.goto(f"/structures/{structure.id}/modifier")
    day = ["09:00", "12:30", "14:00", "17:00"]
    assert shown(me.page) == [*day * 5, "10:00", "12:00", *[""] * 6]
    assert me.page.get_by_label("Fermé les jours fériés").is_checked()


def test_without_javascript(open_page: Callable[..., Page], portal: Portal, structure: Structure) -> None:
    page = open_page(375, javascript=False)
    page.goto("/connexion")
    page.get_by_label("Adresse électronique").fill("partenaire@demo.example.org")
    page.get_by_label("Mot de passe").first.fill(demo.PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    page.goto(f"/structures/{structure.id}/modifier")
    assert not page.get_by_role("button", name="Recopier").is_visible()
    page.get_by_label("de, mardi, premier créneau", exact=True).fill("9 h")
    page.get_by_label("à, mardi, premier créneau", exact=True).fill("12 h")
    page.get_by_role("button", name="Enregistrer").first.click()
    assert saved(portal, structure) == "Tu 09:00-12:00"
    # The same, as text.
    page.goto(f"/structures/{structure.id}/modifier")
    page.get_by_text("Écrire au format OpenStreetMap").click()
    page.get_by_label("Au format OpenStreetMap").fill("Apr-Sep Tu 09:00-12:00")
    page.get_by_role("button", name="Enregistrer").first.click()
    assert saved(portal, structure) == "Apr-Sep Tu 09:00-12:00"
    page.goto(f"/structures/{structure.id}/modifier")
    assert page.get_by_label("Au format OpenStreetMap").is_visible()
    assert not page.locator("[data-week-day]").first.is_visible()
