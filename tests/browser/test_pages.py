"""Every page of every role: axe-core, phone width and 200 % zoom without side scrolling, without JavaScript too."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page
from sqlmodel import select

from portal import demo
from portal.conventions.models import Convention, FinancedAction
from tests.browser.axe import check
from tests.browser.conftest import Portal
from tests.browser.hands import Mouse

OFFER = f"/offres/{demo.demo_id('offre', 'ervp')}"
STRUCTURE = f"/structures/{demo.demo_id('structure', 'ervp')}"
TWINS = f"/referencement/doublons/{demo.demo_id('offre', 'mobilites')}/{demo.demo_id('offre', 'actions-mobilites')}"
REPORT = f"/signalements/{demo.demo_id('signalement', 'ervp')}"
PERSON = f"/beneficiaires/{demo.demo_id('beneficiaire', 'DEMO-0001')}"

PAGES: dict[str, list[str]] = {
    "": [
        "/",
        "/offres",
        "/offres?ou=Redon+(35600)&thematique=mobilite",
        "/offres?ou=Redonn",
        "/offres?ou=Redon+(35600)&vue=carte",
        "/offres/dora--inconnue",
        "/structures/dora--inconnue",
        "/offres?quoi=rienquiressemble",
        OFFER,
        STRUCTURE,
        "/connexion",
        "/mot-de-passe-oublie",
        "/inscription",
        "/invitations/pas-le-bon-lien",
        "/recherches/arreter/pas-le-bon-lien",
        "/accessibilite",
        "/donnees-personnelles",
        "/a-propos",
        "/nulle-part",
    ],
    "partenaire": [
        "/",
        "/mes-offres",
        OFFER,
        "/mes-offres?etat=publiees",
        "/modeles",
        "/modeles/nouveau",
        "/signalements",
        REPORT,
        f"{STRUCTURE}/offres/nouvelle",
        f"{OFFER}/modifier",
        f"{OFFER}/historique",
        "/structures",
        f"{STRUCTURE}/modifier",
        f"{STRUCTURE}/membres",
        f"{STRUCTURE}/historique",
        "/structures/rejoindre",
        "/structures/rejoindre?nom=a&commune=Redon",
        "/structures/nouvelle",
        "/prescriptions",
        "/prescriptions?etat=terminees&suivi=moi",
        "/conventions",
        "/compte",
    ],
    "referent": [
        "/",
        "/beneficiaires",
        "/beneficiaires/nouveau",
        PERSON,
        f"{PERSON}/modifier",
        f"{PERSON}/programme",
        f"{PERSON}/programme/mois?mois=12",
        f"{PERSON}/programme/activites/nouvelle",
        f"{PERSON}/programme/objectif",
        f"/offres?beneficiaire={PERSON.rsplit('/', 1)[1]}",
        "/prescriptions",
        "/prescriptions?equipe=1",
        "/prescriptions/export",
        OFFER,
        "/favoris",
        "/recherches",
        "/recherches/nouvelle?quoi=permis&ou=Redon+(35600)&public=femmes",
        f"/recherches/{demo.demo_id('recherche', 'mobilite')}/modifier",
        f"{OFFER}/signaler",
        "/signalements",
        f"/prescriptions/nouvelle?offre={OFFER.rsplit('/', 1)[1]}",
        f"/prescriptions/nouvelle?offre={OFFER.rsplit('/', 1)[1]}&beneficiaire={PERSON.rsplit('/', 1)[1]}",
        f"/favoris?beneficiaire={PERSON.rsplit('/', 1)[1]}",
    ],
    "conventionnement": [
        "/",
        "/conventions",
        "/conventions/nouvelle",
        "/conventions/regles",
        "/indicateurs",
        "/prescriptions/export",
    ],
    "animation": [
        "/",
        "/mes-offres",
        "/mes-offres?etat=suspendues",
        "/structures",
        "/indicateurs",
        "/indicateurs?categorie=mobilite",
        "/referencement",
        "/referencement/regles",
        "/referencement/file",
        f"/referencement/file/structures/{demo.demo_id('structure', 'atelier-velo')}",
        f"/referencement/file/offres/{demo.demo_id('offre', 'code-du-soir')}",
        "/referencement/doublons",
        TWINS,
        "/referencement/messages",
        "/referencement/messages/perimees",
        "/referencement/messages/sans_offre",
        f"{STRUCTURE}/fermer",
        "/imports",
    ],
    "administration": ["/", "/comptes", "/comptes/nouveau", "/cles-api", "/courrier", "/imports"],
}


def _no_side_scroll(page: Page) -> None:
    wide = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} is {wide} px wider than the screen"


@pytest.mark.parametrize("role", list(PAGES), ids=lambda role: role or "nobody")
def test_every_page(open_page: Callable[..., Page], portal: Portal, role: str) -> None:
    paths = list(PAGES[role])
    if role == "conventionnement":
        with portal.database.session(read_only=True) as session:
            action = session.exec(select(FinancedAction)).first()
            assert action is not None
            convention = session.get_one(Convention, action.convention_id)
        base = f"/conventions/{convention.id}"
        paths += [base, f"{base}/modifier", f"{base}/actions/nouvelle", f"{base}/actions/{action.id}"]
    page = open_page()
    if role:
        Mouse(page).sign_in(role, demo.PASSWORD)
    for path in paths:
        page.set_viewport_size({"width": 1280, "height": 900})
        response = page.goto(path)
        assert response is not None
        assert response.status < 500, path
        check(page)
        # A window of 640 px is one of 1280 px at 200 %; 320 px is the narrowest that WCAG 1.4.10 asks.
        for width in (640, 320):
            page.set_viewport_size({"width": width, "height": 900})
            _no_side_scroll(page)
        check(page)


def test_a_first_visit_is_light(open_page: Callable[..., Page]) -> None:
    page = open_page()
    sizes: dict[str, int] = {}
    page.on(
        "response",
        lambda r: sizes.__setitem__(r.url, int(r.headers.get("content-length", 0)) or len(r.body())),
    )
    page.goto("/offres?ou=Redon+(35600)", wait_until="networkidle")
    assert len(sizes) > 3
    assert sum(sizes.values()) < 150_000, sizes


def test_the_search_answers_while_typing(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto("/offres")
    before = page.locator("#offers-results").inner_text()
    page.locator("#quoi").fill("permis")
    page.wait_for_function("b => document.querySelector('#offers-results').innerText !== b", arg=before)
    assert "En route vers le permis" in page.locator("#offers-results").inner_text()
    assert "quoi=permis" in page.url
    # Focus stays where the person types, and the number of results is said.
    assert page.evaluate("() => document.activeElement.id") == "quoi"
    page.wait_for_function("() => /offre/.test(document.querySelector('#annonces').innerText)")
    shown = page.locator("#offers-results").inner_text()
    page.reload()
    assert page.locator("#offers-results").inner_text() == shown
    # The way back reloads the page once the browser has said that it went back: it is waited for.
    page.go_back()
    page.wait_for_function("() => document.querySelector('#quoi').value === ''")
    assert page.locator("#offers-results").inner_text() == before


def test_the_search_works_without_javascript(open_page: Callable[..., Page]) -> None:
    page = open_page(javascript=False)
    page.goto("/offres")
    page.locator("#ou").fill("redon")
    page.locator("#quoi").fill("permis")
    page.get_by_role("button", name="Chercher").click()
    assert "En route vers le permis" in page.locator("#offers-results").inner_text()
    assert page.locator("#ou").input_value() == "Redon (35600)"


def test_esc_closes_the_menu_on_a_phone(open_page: Callable[..., Page]) -> None:
    page = open_page(375)
    page.goto("/")
    menu = page.locator("header details")
    menu.locator("summary").click()
    assert menu.evaluate("d => d.open")
    check(page)
    page.keyboard.press("Escape")
    assert not menu.evaluate("d => d.open")
