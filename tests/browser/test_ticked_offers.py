"""Offers ticked among the results stay ticked while one searches on, by mouse and by keyboard, and without JavaScript."""

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page

from portal.demo import PASSWORD
from tests.browser.axe import check

RESULTS = "#offers-results"
PRESCRIBE = "Prescrire les offres choisies"


def _signed_in(page: Page) -> Page:
    page.goto("/connexion")
    page.get_by_label("Adresse électronique").fill("referent@demo.example.org")
    page.get_by_label("Mot de passe").first.fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    page.goto("/offres")
    return page


def _search(page: Page, words: str) -> None:
    """Type in the search, and wait for what it brings."""
    page.evaluate("selector => document.querySelector(selector).setAttribute('data-old', '')", RESULTS)
    page.locator("#quoi").fill(words)
    page.wait_for_function(
        "selector => !document.querySelector(selector).hasAttribute('data-old')", arg=RESULTS
    )
    page.wait_for_function("() => !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')")


def _tick(page: Page, number: int) -> str:
    box = page.locator(f"{RESULTS} input[name=offre]").nth(number)
    box.focus()
    page.keyboard.press("Space")
    assert box.is_checked()
    return box.get_attribute("value") or ""


def _shown(page: Page) -> list[str]:
    return page.locator(f"{RESULTS} input[name=offre]").evaluate_all("all => all.map(one => one.value)")


def _waiting(page: Page) -> list[str]:
    return page.locator(".ticked-before input[name=offre]").evaluate_all("all => all.map(one => one.value)")


@pytest.mark.parametrize("width", [375, 1280])
def test_what_is_ticked_stays_while_one_searches_on(open_page: Callable[..., Page], width: int) -> None:
    page = _signed_in(open_page(width))
    button = page.get_by_role("button", name=PRESCRIBE)
    # The rows of the demo are shared with other tests: which offers come first is not the same at each run.
    _search(page, "permis")
    found = _shown(page)
    _search(page, "")
    shown = _shown(page)
    chosen = next(number for number, offer in enumerate(shown) if offer not in found)
    first, second = _tick(page, chosen), _tick(page, 0 if chosen else 1)
    assert button.is_visible()
    _search(page, "permis")
    shown = _shown(page)
    away = [offer for offer in (first, second) if offer not in shown]
    assert first in away
    waiting = _waiting(page)
    assert set(waiting) == set(away)
    name = page.locator(".ticked-before label").first.inner_text()
    assert not re.search("Choisir|:$", name)
    check(page)
    # Out of sight they can still be taken away.
    page.get_by_label(name, exact=True).uncheck()
    third = next(offer for offer in shown if offer not in {first, second})
    assert _tick(page, shown.index(third)) == third
    wanted = {first, second, third} - {waiting[0]}
    _search(page, "")
    # The rows of the demo are shared with other tests: the third may be on a later page by now.
    shown = _shown(page)
    assert set(_waiting(page)) == {offer for offer in wanted if offer not in shown}
    assert wanted & set(shown)
    ticked = page.locator("input[name=offre]:checked")
    assert set(ticked.evaluate_all("all => all.map(one => one.value)")) == wanted
    button.click()
    page.get_by_role("heading", name="Pour qui ?").wait_for()
    assert set(parse_qs(urlsplit(page.url).query)["offre"]) == wanted


def test_without_javascript_the_form_sends_what_is_ticked(open_page: Callable[..., Page]) -> None:
    page = _signed_in(open_page(375, javascript=False))
    chosen = {_tick(page, 0), _tick(page, 1)}
    page.get_by_role("button", name=PRESCRIBE).click()
    page.get_by_role("heading", name="Pour qui ?").wait_for()
    assert set(parse_qs(urlsplit(page.url).query)["offre"]) == chosen
    page.get_by_role("link", name="Revenir à la recherche").click()
    assert urlsplit(page.url).path == "/offres"
