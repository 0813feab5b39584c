"""The map of a search and the page of an offer known from elsewhere: by mouse, by keyboard, without the script."""

import re
from collections.abc import Callable
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.sync_api import Locator, Page, expect

from portal import geography
from tests.browser.axe import check
from tests.browser.conftest import Portal
from tests.factories import catalogue

SHOWN = '[data-map-ready="shown"]'
# A quiet town: the demo has nothing there, so that what is seen is what these tests wrote.
TOWN = "29019"
AROUND = "/offres?ou=Brest+(29200)&rayon=10&vue=carte"
ONE = "Atelier carte seul"
# Two far enough to be apart on the first look, three at one door, two neighbours.
PLACES: tuple[tuple[str, float, float], ...] = (
    (ONE, 0.05, -0.05),
    ("Atelier carte autre", -0.05, 0.06),
    ("Même porte 1", 0.0, 0.0),
    ("Même porte 2", 0.0, 0.0),
    ("Même porte 3", 0.0, 0.0),
    ("Voisin 1", 0.05, 0.06),
    ("Voisin 2", 0.051, 0.062),
)


@pytest.fixture(scope="session")
def known_id(portal: Portal) -> str:
    """Write a few offers of another source around TOWN; the id of the one that stands alone."""
    town = geography.commune(TOWN)
    assert town is not None
    here: dict[str, Any] = {"code_insee": TOWN, "commune": town.nom, "code_postal": "29200"}
    with portal.database.writing() as session:
        structure = catalogue.known_structure(
            session, key="carte", nom="Maison de la carte", telephone="+33298000000", **here
        )
        for number, (nom, north, east) in enumerate(PLACES):
            catalogue.known_service(
                session,
                structure,
                key=f"carte-{number}",
                nom=nom,
                lien_source="https://dora.example.org/services/carte",
                thematiques=["souvrir-a-linternational--sorganiser-suite-a-son-retour-en-france"],
                **(
                    here
                    | {"latitude": town.latitude + 0.001 + north, "longitude": town.longitude + 0.001 + east}
                ),
            )
        catalogue.index(session)
    # The first search of a worker reads all of it, which is not what is waited for here.
    for _ in range(4):
        urlopen(f"{portal.url}/offres?quoi=carte", timeout=60).close()
    return "dora--carte-0"


def opened(page: Page, address: str = AROUND) -> Page:
    page.goto(address)
    page.wait_for_selector(SHOWN)
    return page


def check_card(page: Page) -> None:
    """Check the page once the card of a point is wholly there: half faded in, its colours are not its own."""
    expect(page.locator(".leaflet-popup")).to_have_css("opacity", "1")
    check(page)


def marker(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=re.compile(name))


def tab_to(page: Page, target: Locator) -> None:
    handle = target.element_handle()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("m => document.activeElement === m", handle):
            outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", "focus cannot be seen on the map"
            return
    raise AssertionError(f"Tab never comes to {target}")


def test_the_map_by_keyboard(open_page: Callable[..., Page], known_id: str) -> None:
    page = opened(open_page())
    check(page)
    expect(page.locator(".map-note")).to_have_text("7 offres sur la carte.")
    one = marker(page, f"^{ONE}, Maison de la carte$")
    page.locator(".map-skip").focus()
    tab_to(page, one)
    page.keyboard.press("Enter")
    link = page.get_by_role("link", name=ONE, exact=True).first
    expect(link).to_be_focused()
    check_card(page)
    page.keyboard.press("Escape")
    expect(page.locator(".leaflet-popup")).to_have_count(0)
    expect(one).to_be_focused()
    page.keyboard.press("Space")
    expect(link).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/offres/{known_id}")


def test_offers_at_one_door_are_listed(open_page: Callable[..., Page], known_id: str) -> None:
    page = opened(open_page(375))
    door = marker(page, "^3 offres au même endroit : les lire$")
    door.focus()
    page.keyboard.press("Enter")
    links = page.locator(".leaflet-popup a[href^='/offres/']")
    assert sorted(links.all_inner_texts()) == ["Même porte 1", "Même porte 2", "Même porte 3"]
    expect(links.first).to_be_focused()
    check_card(page)
    page.get_by_role("button", name="Fermer").click()
    expect(page.locator(".leaflet-popup")).to_have_count(0)


def test_a_group_opens_into_its_points(open_page: Callable[..., Page], known_id: str) -> None:
    page = opened(open_page())
    group = marker(page, "^2 offres proches les unes des autres : agrandir la carte$")
    group.focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-map]")).to_be_focused()
    expect(marker(page, "^Voisin 1")).to_be_visible()
    expect(marker(page, "^Voisin 2")).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.matches('.leaflet-marker-icon')")


def test_the_map_follows_the_search(open_page: Callable[..., Page], known_id: str) -> None:
    page = opened(open_page())
    page.locator("#quoi").fill("seul")
    expect(page.locator(".map-note")).to_have_text("1 offre sur la carte.")
    expect(page.locator(".map .leaflet-marker-icon.map-point")).to_have_count(1)
    # The list says the same, and the address keeps both.
    expect(page.locator(".result-title")).to_have_count(1)
    assert "vue=carte" in page.url and "quoi=seul" in page.url
    assert page.evaluate("() => document.activeElement.id") == "quoi"
    page.reload()
    expect(page.locator(".map-note")).to_have_text("1 offre sur la carte.")


def test_the_map_is_asked_for_when_it_is_seen(open_page: Callable[..., Page], known_id: str) -> None:
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/offres?ou=Brest+(29200)&rayon=10")
    page.wait_for_load_state("networkidle")
    assert not [url for url in asked if "leaflet" in url or "map.js" in url or "points.json" in url]
    page.get_by_role("link", name="Carte", exact=True).click()
    page.wait_for_selector(SHOWN)
    assert len([url for url in asked if "leaflet" in url]) == 4
    page.goto(f"/offres/{known_id}")
    page.wait_for_load_state("networkidle")
    asked.clear()
    page.get_by_text("Voir sur la carte").click()
    page.wait_for_selector(SHOWN)
    assert not [url for url in asked if "points.json" in url]
    check(page)


def test_without_the_script_the_list_is_all(open_page: Callable[..., Page], known_id: str) -> None:
    page = open_page(javascript=False)
    page.goto(AROUND)
    expect(page.locator(".map-part noscript p")).to_be_visible()
    expect(page.locator(".map-part noscript p")).to_contain_text("La carte a besoin de JavaScript")
    expect(page.locator("[data-map]")).to_be_hidden()
    expect(page.locator(".map-note")).to_be_hidden()
    expect(page.locator(".result-title").first).to_be_visible()
    page.goto(f"/offres/{known_id}")
    expect(page.get_by_role("heading", level=1)).to_have_text(ONE)


def test_when_the_points_do_not_come(open_page: Callable[..., Page], known_id: str) -> None:
    page = open_page()
    page.route("**/points.json*", lambda route: route.fulfill(status=422, json={"message": "non"}))
    page.goto(AROUND)
    expect(page.locator(".map-note")).to_have_text(
        "La carte n’a pas pu venir. Les mêmes offres sont dans la liste."
    )
    expect(page.locator("[data-map]")).to_be_hidden()
    expect(page.locator(".result-title").first).to_be_visible()


@pytest.mark.parametrize("width", [1280, 375, 320])
def test_what_is_known_from_elsewhere_is_well_made(
    open_page: Callable[..., Page], known_id: str, width: int
) -> None:
    page = open_page(width)
    for address in (f"/offres/{known_id}", "/structures/dora--carte", "/offres/dora--inconnue", AROUND):
        page.goto(address)
        if "vue=carte" in address:
            page.wait_for_selector(SHOWN)
        check(page)
        wide = page.evaluate(
            "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, f"{address} is {wide} px wider than the screen"


def test_a_known_offer_is_printed_on_one_sheet(open_page: Callable[..., Page], known_id: str) -> None:
    page = open_page()
    page.goto(f"/offres/{known_id}")
    paper = page.pdf(format="A4", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) == 1
    page.emulate_media(media="print")
    words = page.locator("body").inner_text()
    assert f"/offres/{known_id}" in words
    for hidden in ("Voir sur la carte", "Copier le lien", "Voir la fiche sur DORA"):
        assert hidden not in words, hidden
