"""The search, by mouse and by keyboard, on a wide screen and on a phone, with and without JavaScript."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.axe import check

RESULTS = "#offers-results"


def _said(page: Page) -> str:
    return page.locator(f"{RESULTS} .results-head h2").inner_text()


def _changes(page: Page, act: Callable[[], object]) -> None:
    """Do something, and wait for the results that it brings."""
    # A mark on the element that is replaced.
    page.evaluate("selector => document.querySelector(selector).setAttribute('data-old', '')", RESULTS)
    act()
    page.wait_for_function(
        "selector => !document.querySelector(selector).hasAttribute('data-old')", arg=RESULTS
    )


def _box(name: str, value: str) -> str:
    return f'#offers-filters input[name="{name}"][value="{value}"]'


def _count(page: Page, name: str, value: str) -> str:
    label = f'#offers-filters label:has(input[name="{name}"][value="{value}"])'
    return page.locator(f"{label} .pick-count").inner_text()


def test_filters_answer_at_once_and_stay_as_they_were_opened(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto("/offres")
    everything = _said(page)
    page.locator("#filtre-public > summary").click()
    page.locator("#filtre-thematique > summary").click()
    _changes(page, lambda: page.locator(_box("places", "1")).check())
    assert _said(page) != everything
    assert "places=1" in page.url
    # Folded and unfolded by hand, before and after; the box is still ticked, and has focus.
    assert page.locator("#filtre-public").evaluate("d => d.open")
    assert not page.locator("#filtre-thematique").evaluate("d => d.open")
    assert page.locator(_box("places", "1")).is_checked()
    assert page.evaluate("() => document.activeElement.id") == "places"
    page.wait_for_function("() => /offre/.test(document.querySelector('#annonces').innerText)")
    check(page)
    # What the address says is what is shown.
    shown, filters = page.locator(RESULTS).inner_text(), page.locator("#offers-filters").inner_text()
    page.reload()
    assert page.locator(RESULTS).inner_text() == shown
    page.locator("#filtre-public > summary").click()
    page.locator("#filtre-thematique > summary").click()
    assert page.locator("#offers-filters").inner_text() == filters
    page.go_back()
    page.wait_for_function(
        "words => document.querySelector('.results-head h2').innerText === words", arg=everything
    )
    assert not page.locator(_box("places", "1")).is_checked()


def test_the_counts_of_the_other_filters_follow(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto("/offres")
    page.locator("#filtre-dominante > summary").click()
    before = int(_count(page, "places", "1"))
    wanted = int(_count(page, "dominante", "emploi"))
    _changes(page, lambda: page.locator(_box("dominante", "emploi")).check())
    assert _said(page).startswith(f"{wanted} offre")
    assert int(_count(page, "places", "1")) < before
    assert (
        page.locator("#filters-count").inner_text().startswith("1")
        or not page.locator("#filters-count").is_visible()
    )
    # A tag takes it off.
    page.get_by_role("link", name="Retirer le filtre Emploi").click()
    page.wait_for_url("**/offres")
    assert int(_count(page, "places", "1")) == before


def test_the_search_by_keyboard(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto("/offres")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.id") == "quoi":
            break
    _changes(page, lambda: page.keyboard.type("permis"))
    assert page.evaluate("() => document.activeElement.id") == "quoi"
    page.keyboard.press("Tab")
    page.keyboard.type("redon")
    _changes(page, lambda: page.keyboard.press("Tab"))
    assert "Redon" in _said(page)
    for _ in range(40):
        if page.evaluate("() => document.activeElement.id") == "places":
            break
        page.keyboard.press("Tab")
    _changes(page, lambda: page.keyboard.press("Space"))
    assert page.evaluate("() => [document.activeElement.id, document.activeElement.checked]") == [
        "places",
        True,
    ]
    # The list is reached and an offer opened.
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.matches('.result-title a')"):
            break
    name = page.evaluate("() => document.activeElement.innerText")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.locator("h1").inner_text() == name


def test_on_a_phone_filters_are_in_a_drawer(open_page: Callable[..., Page]) -> None:
    page = open_page(375)
    page.goto("/offres")
    assert not page.locator("#offers-filters").is_visible()
    page.locator(".drawer > summary").click()
    check(page)
    everything = _said(page)
    _changes(page, lambda: page.locator(_box("places", "1")).check())
    assert page.locator("#offers-filters").is_visible()
    assert page.locator("#filters-count").inner_text().startswith("1")
    assert _said(page) != everything
    # The button at the end leads to the results.
    _changes(page, lambda: page.get_by_role("button", name="Voir les offres").click())
    page.wait_for_function("() => document.activeElement.closest('#offers-results') !== null")
    page.locator(".drawer > summary").press("Escape")
    assert not page.locator("#offers-filters").is_visible()


@pytest.mark.parametrize("width", [1280, 375])
def test_the_search_without_javascript_has_its_filters(open_page: Callable[..., Page], width: int) -> None:
    page = open_page(width, javascript=False)
    page.goto("/offres")
    if width == 375:
        page.locator(".drawer > summary").click()
    page.locator(_box("places", "1")).check()
    page.get_by_role("button", name="Voir les offres").click()
    assert "places=1" in page.url
    assert page.get_by_role("link", name="Retirer le filtre Places libres").is_visible()
    assert page.locator(f"{RESULTS} .result-tags", has_text="libre").count() > 0


def test_what_cannot_be_understood_is_said_and_put_right(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto("/offres")
    page.locator("#ou").fill("Rednn")
    _changes(page, lambda: page.locator("#ou").press("Tab"))
    assert "Rednn" in page.locator("#ou-error").inner_text()
    check(page)
    page.locator("#ou-messages").get_by_role("link", name="Redon (35600)").click()
    page.wait_for_url("**/offres?ou=Redon*")
    assert page.locator("#ou").input_value() == "Redon (35600)"
    _changes(page, lambda: page.locator("#quoi").fill("🙂"))
    assert "au moins un mot" in page.locator("#quoi-error").inner_text()
    _changes(page, lambda: page.locator("#quoi").fill("permis"))
    assert page.locator("#quoi-error").count() == 0
    assert "En route vers le permis" in page.locator(RESULTS).inner_text()


def test_nothing_found_says_what_to_give_up(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto("/offres?ou=Nice&quoi=permis")
    assert _said(page).startswith("Aucune offre")
    assert "Le plus proche" in page.locator(RESULTS).inner_text()
    check(page)
    page.get_by_role("link", name="Où que ce soit").click()
    page.wait_for_url("**/offres?quoi=permis")
    assert page.locator(f"{RESULTS} .result").count() > 0
