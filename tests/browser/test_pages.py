"""Every page of every role: axe-core, phone width and 200 % zoom without side scrolling, without JavaScript too."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page
from sqlmodel import col, select

from portal import clock, demo
from portal.conventions.models import Convention, FinancedAction
from portal.prescriptions import links
from portal.prescriptions.models import Prescription
from tests.browser.axe import check
from tests.browser.conftest import Portal
from tests.browser.hands import Mouse

OFFER = f"/offres/{demo.demo_id('offre', 'ervp')}"
STRUCTURE = f"/structures/{demo.demo_id('structure', 'ervp')}"
TWINS = f"/referencement/doublons/{demo.demo_id('offre', 'mobilites')}/{demo.demo_id('offre', 'actions-mobilites')}"
REPORT = f"/signalements/{demo.demo_id('signalement', 'ervp')}"
PERSON = f"/beneficiaires/{demo.demo_id('beneficiaire', 'DEMO-0001')}"
BUSY = f"/beneficiaires/{demo.demo_id('beneficiaire', 'DEMO-0002')}"
# The convention with the State of the demo, its texts, its bilans; conventions with partners, and what they owe.
BUDGET = f"/budget/{demo.demo_id('convention-etat', 'DEMO-ETAT-35')}"
YEAR = clock.today().year
DRAFT_PLAN = f"{BUDGET}/textes/{demo.demo_id('avenant-etat', '2')}/plan/{YEAR}"
BILAN = f"{BUDGET}/bilans/{demo.demo_id('bilan', 'second')}"
CLOSED_BUDGET = f"/budget/{demo.demo_id('convention-etat', 'DEMO-ETAT-35-2023')}"
SHEET = f"{BUDGET}/fiche/{demo.demo_id('fiche', 'permis')}"
PERMIS, DRAFT, OVER, PEMS = (
    f"/conventions/{demo.demo_id('convention', rang)}" for rang in ("001", "DEMO-B", "DEMO-E", "002")
)
PERMIS_ACTION = f"{PERMIS}/actions/{demo.demo_id('action', '001')}"
PERMIS_REPORT = f"{PERMIS}/rapports/{demo.demo_id('rapport', '001', '1')}"
BALANCE = f"{PERMIS}/versements/{demo.demo_id('versement', '001', 'solde')}"
# What officers and the State's services read alike.
READ_OF_BUDGET = [
    "/budget",
    "/budget/parcours-types",
    BUDGET,
    f"{BUDGET}?le={YEAR - 1}-12-31",
    *(f"{BUDGET}/avenants/{numero}" for numero in (0, 1)),
    f"{BUDGET}/historique",
    f"{BUDGET}/plan/{YEAR - 1}",
    f"{BUDGET}/plan/{YEAR}",
    f"{BUDGET}/depenses/{YEAR - 1}",
    f"{BUDGET}/depenses/{YEAR}",
    f"{BUDGET}/comptes",
    CLOSED_BUDGET,
    f"{CLOSED_BUDGET}/comptes",
    f"{BUDGET}/postes",
    f"{BUDGET}/fiches/{YEAR}",
    SHEET,
    f"{BUDGET}/suivi/{YEAR - 1}",
    f"{BUDGET}/suivi/{YEAR}",
    f"{BUDGET}/bilans",
    BILAN,
    *(
        f"{BILAN}/parties/{part}"
        for part in ("synthese", "volet-3", "depenses", "comptes", "plan", "fiches", "places", "pieces")
    ),
    "/conventions",
    "/conventions/a-surveiller",
    "/conventions/rapports",
    PERMIS,
    f"{PERMIS}/suivi",
    f"{PERMIS_ACTION}/suivi",
    f"{PERMIS}/rapports",
    PERMIS_REPORT,
    f"{PERMIS}/versements",
    OVER,
]
VOLANT = demo.demo_id("offre", "volant")
# What stands for the id of a prescription of the demo (the name of its person, its offer), and with `lien_` before it
# for the link of its e-mail.
PRESCRIPTIONS = {
    "unanswered": ("Prototype", "ervp"),
    "studied": ("Inventée", "ervp"),
    "proposed": ("Figurant", "volant"),
    "expected": ("Maquette", "ervp"),
    "absent": ("Témoin", "ervp"),
    "inside": ("Fictif", "ervp"),
    "ended": ("Imaginaire", "volant"),
    "refused": ("Spécimen", "ervp"),
    "expired": ("Factice", "cap-confiance-ibep"),
    "draft": ("Exemple", "cap-confiance-ibep"),
}

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
        "/reponse/pas-le-bon-lien",
        "/reponse/{lien_too_old}",
        "/reponse/{lien_refused}",
        "/reponse/{lien_unanswered}",
        "/reponse/{lien_unanswered}/accepter",
        "/reponse/{lien_unanswered}/refuser",
        "/reponse/{lien_expected}",
        "/reponse/{lien_expected}/entrer",
        "/reponse/{lien_inside}",
        "/reponse/{lien_inside}/heures",
        "/reponse/{lien_inside}/semaine",
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
        "/prescriptions?etat=en_attente",
        "/prescriptions?retard=sans-reponse",
        "/prescriptions/{unanswered}",
        "/prescriptions/{unanswered}/accepter",
        "/prescriptions/{unanswered}/refuser",
        "/prescriptions/{unanswered}/rendez-vous",
        "/prescriptions/{unanswered}/suivre",
        "/prescriptions/{expected}",
        "/prescriptions/{expected}/absence",
        "/prescriptions/{expected}/entrer",
        "/prescriptions/{inside}",
        "/prescriptions/{inside}/heures",
        "/prescriptions/{inside}/terminer",
        "/prescriptions/{refused}",
        "/prescriptions/{proposed}",
        f"/prescriptions/attente/{VOLANT}",
        "/prescriptions/export",
        "/conventions",
        PERMIS,
        f"{PERMIS}/suivi",
        f"{PERMIS_ACTION}/suivi",
        f"{PERMIS}/rapports",
        PERMIS_REPORT,
        f"{PERMIS_REPORT}/documents",
        f"{PERMIS}/versements",
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
        BUSY,
        f"{BUSY}/programme",
        f"{BUSY}/programme/mois",
        f"{BUSY}/programme/activites/{demo.demo_id('activite', 'recyclerie')}",
        f"/offres?beneficiaire={PERSON.rsplit('/', 1)[1]}",
        "/prescriptions",
        "/prescriptions?equipe=1",
        "/prescriptions?etat=sans_suite",
        "/prescriptions?retard=place-proposee",
        "/prescriptions/{unanswered}",
        "/prescriptions/{unanswered}/relancer",
        "/prescriptions/{unanswered}/confier",
        "/prescriptions/{unanswered}/annuler",
        "/prescriptions/{unanswered}/papier",
        "/prescriptions/{unanswered}/papier?reponse=accepter",
        "/prescriptions/{unanswered}/semaine",
        "/prescriptions/{studied}",
        "/prescriptions/{proposed}",
        "/prescriptions/{proposed}/place",
        "/prescriptions/{expected}",
        "/prescriptions/{absent}",
        "/prescriptions/{inside}",
        "/prescriptions/{ended}",
        "/prescriptions/{refused}",
        "/prescriptions/{refused}/autre-offre",
        "/prescriptions/{expired}",
        "/prescriptions/{draft}/modifier",
        "/prescriptions/{draft}/envoi",
        f"/prescriptions/lots/{demo.demo_id('lot', 'mobilites')}",
        f"/prescriptions/lots/{demo.demo_id('lot', 'mobilites')}/documents/{demo.demo_id('beneficiaire', 'DEMO-0009')}",
        f"/prescriptions/pour-qui?offre={VOLANT}",
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
        "/conventions?etat=echue",
        "/conventions/nouvelle",
        "/conventions/regles",
        "/conventions/a-clore",
        *READ_OF_BUDGET,
        DRAFT,
        f"{DRAFT}/signer",
        f"{DRAFT}/supprimer",
        f"{DRAFT}/modifier",
        f"{PERMIS}/avenant",
        f"{PERMIS}/renouveler",
        f"{PERMIS}/resilier",
        f"{PERMIS}/documents",
        f"{PERMIS}/rapports/nouveau",
        f"{PERMIS_REPORT}/corriger",
        f"{PERMIS}/versements/nouveau",
        f"{BALANCE}/documents",
        f"{BALANCE}/modifier",
        f"{BALANCE}/verse",
        f"{OVER}/clore",
        f"{OVER}/renouveler",
        "/budget/nouvelle",
        "/budget/territoires",
        f"{BUDGET}/modifier",
        f"{BUDGET}/avenants/2",
        DRAFT_PLAN,
        f"{BUDGET}/avenants/2/modifier",
        f"{BUDGET}/avenants/2/signer",
        f"{DRAFT_PLAN}/nouvelle",
        f"{BUDGET}/depenses/{YEAR}/nouvelle",
        f"{BUDGET}/depenses/{YEAR}/importer",
        f"{BUDGET}/comptes/{YEAR}/avance/demande",
        f"{BUDGET}/postes/nouveau",
        f"{BUDGET}/postes/{demo.demo_id('poste', 'chefferie')}/modifier",
        f"{BUDGET}/fiches/{YEAR}/nouvelle",
        f"{SHEET}/modifier",
        f"{BUDGET}/resilier",
        f"/prescriptions/attente/{VOLANT}",
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
    # What the State reads besides is what officers read, with fewer buttons.
    "etat": ["/", "/indicateurs", "/budget", "/conventions", BUDGET],
    "administration": ["/", "/comptes", "/comptes/nouveau", "/cles-api", "/courrier", "/imports"],
}


def _ids(portal: Portal) -> dict[str, str]:
    """Return what stands for each name of PRESCRIPTIONS, and for the links of their e-mails."""
    keys = {demo.demo_id("prescription", *which): name for name, which in PRESCRIPTIONS.items()}
    with portal.database.session(read_only=True) as session:
        found = session.exec(select(Prescription).where(col(Prescription.form_key).in_(list(keys)))).all()
    ids = {keys[prescription.form_key]: str(prescription.id) for prescription in found}
    for prescription in found:
        ids[f"lien_{keys[prescription.form_key]}"] = links.make(portal.config.secret_key, prescription)
        if keys[prescription.form_key] == "inside":
            with clock.stopped_at(clock.now() - timedelta(days=60)):
                ids["lien_too_old"] = links.make(portal.config.secret_key, prescription)
    return ids


def _no_side_scroll(page: Page) -> None:
    wide = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} is {wide} px wider than the screen"


@pytest.mark.parametrize("role", list(PAGES), ids=lambda role: role or "nobody")
def test_every_page(open_page: Callable[..., Page], portal: Portal, role: str, engine_name: str) -> None:
    # A page is the same from both engines: axe looks at it wide on one, narrow on the other; its colours are those of
    # the wide one, but for what only a phone shows, which the first pages of a role hold.
    narrow = engine_name == "postgresql"
    ids = _ids(portal)
    paths = [path.format_map(ids) for path in PAGES[role]]
    if role == "conventionnement":
        paths += _paths_of_conventions(portal)
    page = open_page()
    if role:
        Mouse(page).sign_in(role, demo.PASSWORD)
    for number, path in enumerate(paths):
        response = page.goto(path)
        assert response is not None
        assert response.status < 500, path
        if narrow:
            # A window of 640 px is one of 1280 px at 200 %; 320 px is the narrowest that WCAG 1.4.10 asks.
            for width in (640, 320):
                page.set_viewport_size({"width": width, "height": 900})
                _no_side_scroll(page)
        check(page, contrast=not narrow or number < 5)


def _paths_of_conventions(portal: Portal) -> list[str]:
    """Return the pages of an action that an amendment changed, and of one whose places are waited for."""
    paths = []
    with portal.database.session(read_only=True) as session:
        for rang in ("005", "007"):
            convention = session.get_one(Convention, demo.demo_id("convention", rang))
            action = session.exec(
                select(FinancedAction).where(col(FinancedAction.convention_id) == convention.id)
            ).one()
            base = f"/conventions/{convention.id}"
            one = f"{base}/actions/{action.id}"
            past = clock.today() - timedelta(days=20)
            paths += [base, one, f"{one}/places", f"{one}/places?le={past}"]
    return [*paths, f"{base}/modifier", f"{base}/actions/nouvelle", f"{one}/modifier", f"{one}/avenant"]


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
