"""The search as people see it: the page, its fragment, the filters, what is said when nothing is found."""

import dataclasses
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from sqlmodel import Session, select

from portal import clock, geography
from portal.accounts.models import User
from portal.catalogue import needs as unmet
from portal.catalogue.models import UnmetNeed
from portal.catalogue.views import cards
from portal.clients import http
from portal.config import Config
from portal.offers.favourites import keep
from portal.offers.places import Places
from portal.prescriptions.states import State
from portal.structures.models import CatalogueRules
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.catalogue import index, known_service, known_structure
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.prescriptions import make_prescription, make_scene
from tests.factories.structures import REDON, RENNES, make_structure
from tests.pages import Browser, Page
from tests.peers import Peer
from tests.statements import count_statements

SignIn = Callable[[User], Browser]
HTMX = {"HX-Request": "true", "HX-Target": "offers-results"}
PERSON = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0"}
BRUZ = "35047"
PERMIS, ADDICTIONS = "mobilite--preparer-un-permis", "sante--addictions"


def titles(page: Page) -> list[str]:
    return [link.text.strip() for link in page.soup.select("#offers-results .result-title a")]


def links(page: Page) -> dict[str, str]:
    return {" ".join(a.text.split()): str(a.get("href")) for a in page.soup.select("main a")}


def said(page: Page) -> str:
    heading = page.soup.select_one("#offers-results .results-head h2")
    assert heading is not None
    assert heading["data-announce"] == heading.text
    return heading.text


def counts(soup: BeautifulSoup, name: str) -> dict[str, str]:
    """{value: number} of a filter."""
    return {
        str(box["value"]): box.find_parent("label").select_one(".pick-count").text  # type: ignore[union-attr]
        for box in soup.select(f'#offers-filters input[name="{name}"]')
    }


# --- The page ---


def test_the_catalogue_is_open_to_all(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Passer le code")
    make_offer(session, nom="Brouillon", published=False)
    make_offer(session, make_structure(session, published=False), nom="Structure cachée")
    session.commit()
    page = browser.get("/offres")
    assert page.h1 == "Trouver une offre"
    assert titles(page) == ["Passer le code"]
    assert said(page) == "1 offre"
    assert page.click("Passer le code").h1 == "Passer le code"


def test_an_empty_catalogue_says_what_will_come(browser: Browser) -> None:
    assert "Le catalogue est encore vide" in browser.get("/offres").text


def test_who_has_asked_nothing_yet_is_given_ways_in(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Permis")
    make_offer(session, nom="Vélo", thematiques=["mobilite--acceder-a-un-vehicule"])
    make_offer(session, nom="Addictions", thematiques=[ADDICTIONS])
    session.commit()
    page = browser.get("/offres")
    assert "De quoi avez-vous besoin ?" in page.text
    found = page.click("Mobilité 2")
    assert sorted(titles(found)) == ["Permis", "Vélo"]
    assert "De quoi avez-vous besoin ?" not in found.text


def test_a_card_answers_in_one_look(
    session: Session, browser: Browser, move_clock: Callable[..., object]
) -> None:
    move_clock(2026, 3, 3, 10)
    structure = make_structure(session, nom="Association ERVP")
    offer = make_offer(
        session,
        structure,
        nom="Passer le code",
        code_insee=RENNES,
        publics=["femmes", "jeunes", "seniors", "etudiants", "familles"],
        volume_horaire_hebdomadaire=7.5,
        frais="payant",
        frais_precisions="30 € d’inscription",
        dominantes=["emploi", "equilibree"],
    )
    convention = make_convention(session, structure)
    convention.financeurs = ["departement", "etat"]
    make_action(session, convention, [offer], places=12)
    session.commit()
    text = browser.get("/offres?ou=Bruz").text.replace("\u00a0", " ")
    for words in (
        "Association ERVP · mise à jour aujourd’hui",
        "Rennes, à 11 km",
        "et 2 autres",
        "7 h 30 par semaine × 12 semaines",
        "Payant : 30 € d’inscription",
        "Emploi",
        "Équilibrée",
        "12 places libres sur 12",
        "Financée par Département, État",
        "Ouverte aux habitants de Bruz",
    ):
        assert words in text
    assert "Ouverte aux habitants de Ille-et-Vilaine (35)" in browser.get("/offres").text


def test_an_offer_known_from_elsewhere_names_its_source(session: Session, browser: Browser) -> None:
    structure = known_structure(session, nom="Maison de quartier", key="m/1")
    known_service(session, structure, nom="Atelier clavier", key="s 1", zone_eligibilite=["france"])
    index(session)
    session.commit()
    page = browser.get("/offres?ou=Rennes")
    assert titles(page) == ["Atelier clavier"]
    assert "Maison de quartier · publiée par DORA · mise à jour" in page.text
    assert "Rennes, à moins d’1 km" in page.text
    assert links(page)["Atelier clavier"] == "/offres/dora--s%201"
    assert page.click("Atelier clavier").h1 == "Atelier clavier"


def test_a_region_holds_the_offers_of_its_departements(session: Session, browser: Browser) -> None:
    for nom, code in (
        ("À Rennes", RENNES),
        ("À Vannes", "56260"),
        ("À Nantes", "44109"),
        ("À Laval", "53130"),
    ):
        commune = geography.commune(code)
        assert commune is not None
        known_service(
            session, nom=nom, code_insee=code, latitude=commune.latitude, longitude=commune.longitude
        )
    index(session)
    session.commit()
    page = browser.get("/offres?ou=Bretagne")
    assert set(titles(page)) == {"À Rennes", "À Vannes"}
    assert said(page) == "2 offres : Bretagne"
    assert page.soup.select_one("#ou")["value"] == "Bretagne (région)"  # type: ignore[index]
    points = browser.client.get("/offres/points.json?ou=Bretagne").json
    assert points is not None and len(points["points"]) == 2


def test_a_card_says_when_no_place_is_left_and_nothing_when_none_is_financed(
    session: Session, browser: Browser
) -> None:
    scene = make_scene(session, places=1)
    make_prescription(session, scene, State.ACCEPTEE)
    make_offer(session, nom="Sans financement")
    session.commit()
    page = browser.get("/offres")
    shown = {card.select_one("a").text.strip(): card.text for card in page.soup.select(".result")}  # type: ignore[union-attr]
    assert "Plus de place" in shown[scene.offer.nom]
    assert "place" not in shown["Sans financement"]


def test_remote_and_stale_offers_are_told(session: Session, browser: Browser) -> None:
    offer = make_offer(session, modes_accueil=["a-distance"], zone_eligibilite=None)
    offer.date_maj = clock.today() - timedelta(days=200)
    session.commit()
    text = browser.get("/offres?ou=Redon").text
    assert "À distance" in text
    assert "À vérifier avec la structure" in text


def test_an_offer_of_ours_is_to_be_confirmed_when_its_page_says_so_and_the_others_after_six_months(
    session: Session, browser: Browser
) -> None:
    ages = (
        ("Deux mois", 2, 70),
        ("Un an", 12, 200),
        ("Comme tous", None, 100),
        ("Comme tous aussi", None, 70),
    )
    for nom, months, days in ages:
        offer = make_offer(session, nom=nom, confirmation_mois=months)
        offer.date_maj = clock.today() - timedelta(days=days)
    for nom, days in (("Ailleurs vieille", 200), ("Ailleurs récente", 100)):
        known_service(session, nom=nom, date_maj=(clock.today() - timedelta(days=days)).isoformat())
    index(session)
    session.commit()

    def stale() -> set[str]:
        return {
            card.select_one("h3").text  # type: ignore[union-attr]
            for card in browser.get("/offres").soup.select(".result")
            if "À vérifier avec la structure" in card.text
        }

    assert stale() == {"Deux mois", "Ailleurs vieille"}
    session.add(CatalogueRules(confirmation_mois=3))
    session.commit()
    assert stale() == {"Deux mois", "Comme tous", "Ailleurs vieille"}


@pytest.mark.parametrize(
    ("hours", "weeks", "price", "said_of_it"),
    [
        (7.5, 12, "payant", "30 €"),
        (None, 1, "gratuit", None),
        (3, None, None, None),
        (2, 2, "payant", "mot " * 60),
    ],
)
@pytest.mark.parametrize("places", [Places(12, 11, 0), Places(1, 0, 2), Places(3, 0, 0), Places(9, 1, 0)])
def test_a_fact_is_said_alike_on_a_card_and_on_the_page_of_the_offer(
    app: Flask,
    hours: float | None,
    weeks: int | None,
    price: str | None,
    said_of_it: str | None,
    places: Places,
) -> None:
    record = {
        "volume_horaire_hebdomadaire": hours,
        "nombre_semaines": weeks,
        "frais": price,
        "frais_precisions": said_of_it,
    }
    with app.test_request_context():
        words = app.jinja_env.get_template("offers/_words.html").module
        assert cards.duration_words(record) == str(words.duration(record))  # type: ignore[attr-defined]
        assert cards.price_words(record) == str(words.price(record))  # type: ignore[attr-defined]
        assert cards.price_words(record, 80) == str(words.price(record, 80))  # type: ignore[attr-defined]
        assert cards.places_words(places) == str(words.places_words(places))  # type: ignore[attr-defined]
        for km in (0.2, 1, 10.4, 10.6, 120):
            assert cards.distance_words(km) == str(words.distance_words(km))  # type: ignore[attr-defined]
        for labels in (["a"], list("abc"), list("abcd"), list("abcdef")):
            assert cards.some(labels) == str(words.some(labels))  # type: ignore[attr-defined]


def test_the_form_without_javascript(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Vélo à Redon", code_insee=REDON)
    make_offer(session, nom="Vélo à Rennes", code_insee=RENNES)
    make_offer(session, nom="Budget à Redon", code_insee=REDON, thematiques=[ADDICTIONS])
    session.commit()
    form = browser.get("/offres").form("offers-search")
    found = form.submit("Chercher", ou="35600 Redon", rayon="20")
    assert sorted(titles(found)) == ["Budget à Redon", "Vélo à Redon"]
    page = form.submit("Voir les offres", ou="redon", quoi="VELO", thematique=[PERMIS], rayon="20")
    assert titles(page) == ["Vélo à Redon"]
    kept = page.form("offers-search").values
    assert (kept["ou"], kept["quoi"], kept["thematique"], kept["rayon"]) == (
        "Redon (35600)",
        "VELO",
        PERMIS,
        "20",
    )


def test_chosen_criteria_are_removable(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Vélo", code_insee=REDON)
    session.commit()
    page = browser.get("/offres?ou=Redon&quoi=velo&thematique=mobilite&rayon=20")
    assert page.click("Retirer le filtre Mobilité").response.request.args.get("thematique") is None
    without_place = page.click("Retirer le filtre Redon (35600)").response.request.args
    assert set(without_place) == {"quoi", "thematique"}


def test_in_a_territory(session: Session, browser: Browser) -> None:
    make_offer(session, nom="À Rennes", code_insee=RENNES)
    make_offer(session, nom="À Redon", code_insee=REDON)
    session.commit()
    page = browser.get("/offres?ou=Rennes+Métropole")
    assert titles(page) == ["À Rennes"]
    assert said(page) == "1 offre : Rennes Métropole"
    assert said(browser.get("/offres?ou=35")) == "2 offres : Ille-et-Vilaine"


def test_a_commune_that_bears_the_name_of_a_departement(session: Session, browser: Browser) -> None:
    make_offer(session, zone_eligibilite=None)
    session.commit()
    page = browser.get("/offres?ou=Mayenne")
    assert "Mayenne (53)" in links(page)
    assert said(page.click("Mayenne (53)")).endswith(" : Mayenne")


# --- Filters ---


def test_filters_tell_how_many_and_follow_one_another(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Une", publics=["femmes"], frais="gratuit", type="atelier")
    make_offer(
        session, nom="Deux", publics=["jeunes"], frais="payant", frais_precisions="10 €", type="atelier"
    )
    make_offer(
        session, nom="Trois", publics=["jeunes"], frais="gratuit", type="formation", thematiques=[ADDICTIONS]
    )
    session.commit()
    page = browser.get("/offres?public=jeunes")
    assert sorted(titles(page)) == ["Deux", "Trois"]
    # A filter counts without itself, the others with it.
    assert counts(page.soup, "public") == {"femmes": "1", "jeunes": "2"}
    assert counts(page.soup, "frais") == {"gratuit": "1", "payant": "1"}
    assert counts(page.soup, "type")["atelier"] == "1"
    assert counts(page.soup, "thematique") == {"mobilite": "1", PERMIS: "1", "sante": "1", ADDICTIONS: "1"}
    two = browser.get("/offres?public=jeunes&public=femmes&frais=gratuit")
    assert sorted(titles(two)) == ["Trois", "Une"]
    # A value that gives nothing stays where it was, muted.
    one = browser.get("/offres?public=femmes&frais=gratuit")
    assert counts(one.soup, "frais") == {"gratuit": "1", "payant": "0"}
    muted = [str(tag.input["value"]) for tag in one.soup.select('.pick-none:has(input[name="frais"])')]  # type: ignore[index]
    assert muted == ["payant"]


def test_what_is_chosen_is_ticked_counted_and_unfolded(session: Session, browser: Browser) -> None:
    make_offer(session)
    session.commit()
    page = browser.get(f"/offres?thematique={PERMIS}&frais=gratuit&fraicheur=3-mois")
    ticked = {(str(t["name"]), str(t["value"])) for t in page.soup.select("#offers-filters input[checked]")}
    assert {("thematique", PERMIS), ("frais", "gratuit"), ("fraicheur", "3-mois")} <= ticked
    assert {str(t["id"]) for t in page.soup.select("#offers-filters details[open]")} == {
        "filtre-thematique",
        "categorie-mobilite",
        "filtre-frais",
        "filtre-fraicheur",
    }
    assert page.soup.select_one("#filters-count").text == "3 en cours"  # type: ignore[union-attr]


def test_one_of_several_is_a_radio_that_may_be_left(session: Session, browser: Browser) -> None:
    make_offer(session)
    session.commit()
    page = browser.get("/offres?fraicheur=3-mois")
    radios = page.soup.select('#offers-filters input[name="fraicheur"]')
    assert {str(radio["type"]) for radio in radios} == {"radio"}
    assert str(radios[0]["value"]) == ""
    form = page.form("offers-search")
    assert form.submit("Chercher", fraicheur="").response.request.args.get("fraicheur") is None


def test_every_filter_narrows(session: Session, browser: Browser) -> None:
    structure = make_structure(session, nom="Association ERVP")
    wanted = make_offer(
        session,
        structure,
        nom="Voulue",
        dominantes=["emploi"],
        volume_horaire_hebdomadaire=20,
        modes_accueil=["a-distance"],
        mobilisable_par=["professionnels"],
    )
    convention = make_convention(session, structure)
    convention.financeurs = ["europe"]
    make_action(session, convention, [wanted], places=3)
    other = make_offer(
        session,
        nom="Autre",
        dominantes=["remobilisation"],
        volume_horaire_hebdomadaire=2,
        mobilisable_par=["usagers"],
    )
    other.date_maj = clock.today() - timedelta(days=300)
    known_service(session, nom="Ailleurs", mobilisable_par=["usagers"], date_maj="2024-01-01")
    index(session)
    session.commit()
    ours = f"portail-test--{structure.id}"
    for query in (
        "places=1",
        "pro=1",
        "dominante=emploi",
        "heures=15-et-plus",
        "mode=a-distance",
        "finance=europe",
        f"finance={quote(convention.numero)}",
        f"structure={ours}",
        "fraicheur=3-mois",
        "source=portail-test&dominante=emploi",
    ):
        page = browser.get(f"/offres?{query}")
        assert titles(page) == ["Voulue"], query
    assert sorted(titles(browser.get("/offres?source=portail-test"))) == ["Autre", "Voulue"]
    assert titles(browser.get("/offres?source=dora")) == ["Ailleurs"]
    page = browser.get("/offres")
    words = " ".join(page.soup.select_one("#offers-filters").text.split())  # type: ignore[union-attr]
    for label in (
        "Association ERVP",
        "DORA",
        "Union européenne",
        f"Convention {convention.numero}",
        "Places libres",
    ):
        assert label in words
    assert "Passerelle insertion" in words, "our own source bears the portal's name"
    assert "Association ERVP" in page.browser.get(f"/offres?structure={ours}").soup.select_one(".chosen").text  # type: ignore[union-attr]


def test_what_others_wrote_is_escaped_in_the_filters(session: Session, browser: Browser) -> None:
    structure = known_structure(session, nom='<b>"Gras"</b> & Cie', key='<i>"')
    known_service(session, structure, nom="<script>alert(1)</script>")
    index(session)
    session.commit()
    page = browser.get("/offres")
    assert '<b>"Gras"</b> & Cie' in page.soup.select_one("#filtre-structure").text  # type: ignore[union-attr]
    assert not page.soup.select("#offers-filters b, #offers-filters i, main script")
    box = page.soup.select_one('input[name="structure"]')
    assert box is not None
    assert titles(browser.get(f"/offres?structure={quote(str(box['value']))}")) == [
        "<script>alert(1)</script>"
    ]


def test_a_filter_that_could_change_nothing_is_not_shown(session: Session, browser: Browser) -> None:
    make_offer(session)
    session.commit()
    shown = {str(tag["id"]) for tag in browser.get("/offres").soup.select("#offers-filters > details")}
    assert "filtre-thematique" in shown
    assert not shown & {"filtre-finance", "filtre-source", "filtre-session"}


# --- Words, order ---


def test_a_misspelt_word_is_put_right_and_may_be_insisted_upon(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Cours de couture", thematiques=["remobilisation--lien-social"])
    session.commit()
    page = browser.get("/offres?quoi=coutture")
    assert titles(page) == ["Cours de couture"]
    assert "Aucune offre avec « coutture » : voici celles pour « couture »." in page.text
    insisted = page.click("Chercher « coutture » tel quel")
    assert titles(insisted) == []
    assert "Aucune offre ne parle de « coutture »." in insisted.text
    # Typing again starts anew.
    assert "exact" not in insisted.form("offers-search").names()


def test_the_order_may_be_chosen(session: Session, browser: Browser) -> None:
    far = make_offer(session, nom="Loin et fraîche", code_insee=BRUZ)
    near = make_offer(session, nom="Près et ancienne", code_insee=RENNES)
    near.date_maj = clock.today() - timedelta(days=90)
    session.commit()
    assert far.nom == titles(browser.get("/offres?ou=Rennes&tri=fraicheur"))[0]
    page = browser.get("/offres?ou=Rennes&tri=distance")
    assert near.nom == titles(page)[0]
    assert page.form("offers-search").values["tri"] == "distance"


# --- Nothing found ---


def test_when_nothing_is_found_it_says_which_criterion_to_give_up(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Vélo", code_insee=RENNES, publics=["femmes"])
    make_offer(session, nom="Couture", code_insee=REDON, publics=["femmes"])
    make_offer(session, nom="Broderie", code_insee=REDON, publics=["femmes"])
    session.commit()
    page = browser.get("/offres?ou=Redon&quoi=velo&public=femmes&rayon=20")
    assert said(page) == "Aucune offre pour une personne de Redon"
    lifts = [" ".join(a.text.split()) for a in page.soup.select(".empty-state a")]
    # Those that give most first; "femmes" alone hides nothing and is not proposed.
    assert lifts == ["Sans les mots « velo » 2 offres", "Jusqu’à 100 km 1 offre", "Où que ce soit 1 offre"]
    assert sorted(titles(page.click(lifts[0]))) == ["Broderie", "Couture"]
    assert titles(page.click("Où que ce soit 1 offre")) == ["Vélo"]


def test_a_filter_may_be_given_up(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Vélo", frais="gratuit")
    session.commit()
    page = browser.get("/offres?frais=payant&public=familles&public=seniors")
    assert "Voir toutes les offres 1 offre" in links(page)
    page = browser.get("/offres?frais=payant")
    assert titles(page.click("Sans « Payant » 1 offre")) == ["Vélo"]


def test_the_nearest_are_shown_when_the_place_empties_the_list(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Vélo à Bruz", code_insee=BRUZ, zone_eligibilite=None)
    make_offer(session, nom="Vélo à Redon", code_insee=REDON, zone_eligibilite=None)
    session.commit()
    page = browser.get("/offres?ou=Nice&quoi=velo")
    assert "Le plus proche" in page.text
    assert sorted(titles(page)) == ["Vélo à Bruz", "Vélo à Redon"]
    assert re.search(r"à [789]\d\d km", page.text)
    assert "autres lieux" not in page.text
    assert said(page).startswith("Aucune offre")


def test_the_nearest_may_be_for_others(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Vélo à Redon", code_insee=REDON, zone_eligibilite=["35"])
    session.commit()
    page = browser.get("/offres?ou=Nice&quoi=velo")
    assert titles(page) == ["Vélo à Redon"]
    assert "ouvertes aux habitants d’autres lieux" in page.text
    assert "Ouverte aux habitants de Ille-et-Vilaine (35)" in page.text


def test_when_no_single_criterion_is_enough_all_are_given_up(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Vélo", code_insee=RENNES)
    session.commit()
    page = browser.get("/offres?ou=Nice&quoi=zzz&thematique=sante")
    assert titles(page.click("Voir toutes les offres 1 offre")) == ["Vélo"]


@pytest.fixture
def _nobody_asked_before() -> None:
    unmet._memory.forget()


def needs(session: Session) -> list[tuple[str, str, int]]:
    session.expire_all()
    return [(n.thematique, n.code_insee, n.nombre) for n in session.exec(select(UnmetNeed))]


@pytest.mark.usefixtures("_nobody_asked_before")
def test_a_need_without_an_answer_is_noted(session: Session, browser: Browser) -> None:
    make_offer(session)
    session.commit()
    address = f"/offres?ou=Redon&thematique={ADDICTIONS}"
    browser.get(address, headers={"User-Agent": "Googlebot/2.1"})
    browser.get(address, headers={"User-Agent": ""})
    browser.get(f"/offres?ou=Rennes&thematique={PERMIS}", headers=PERSON)
    browser.get(f"{address}&page=0", headers=PERSON, status=422)
    assert needs(session) == []
    browser.get(address, headers=PERSON)
    assert needs(session) == [(ADDICTIONS, REDON, 1)]


@pytest.mark.usefixtures("_nobody_asked_before")
def test_a_need_is_noted_once_the_person_stops_typing(session: Session, browser: Browser) -> None:
    make_offer(session)
    session.commit()
    address = f"/offres?ou=Rennes+(35000)&thematique={ADDICTIONS}"
    fragment = BeautifulSoup(browser.client.get(address, headers=HTMX | PERSON).text, "html5lib")
    assert needs(session) == []
    asked = fragment.select_one("#besoin-sans-reponse")
    assert asked is not None
    assert "delay" in str(asked["hx-trigger"])
    answer = browser.client.get(
        str(asked["hx-get"]), headers=PERSON | {"HX-Request": "true", "HX-Target": str(asked["id"])}
    )
    assert answer.status_code == 204
    assert needs(session) == [(ADDICTIONS, RENNES, 1)]


# --- What cannot be understood ---


def test_an_unknown_commune_is_said_at_its_field(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Vélo", code_insee=REDON)
    session.commit()
    page = browser.get("/offres?ou=Rednn&quoi=velo&rayon=20&public=femmes", status=422)
    assert "« Rednn »" in page.errors["ou"]
    assert page.errors["ou"] in " ".join(page.soup.select_one("#ou-error").text.split())  # type: ignore[union-attr]
    assert page.soup.select_one("title").text.startswith("Erreur : ")  # type: ignore[union-attr]
    values = page.form("offers-search").values
    assert (values["ou"], values["quoi"], values["rayon"], values["public"]) == (
        "Rednn",
        "velo",
        "20",
        "femmes",
    )
    assert titles(page) == []
    # Nothing was counted: no number is told.
    assert set(counts(page.soup, "public").values()) == {""}
    assert links(page)["Redon (35600)"].count("public=femmes") == 1


def test_an_ambiguous_commune_proposes_the_choices(session: Session, browser: Browser) -> None:
    make_offer(session, code_insee=REDON)
    session.commit()
    page = browser.get("/offres?ou=35600", status=422)
    assert "choisissez le vôtre" in page.errors["ou"]
    for label in ("Redon (35600)", "Bains-sur-Oust (35600)", "Sainte-Marie (35600)"):
        assert label in links(page)
    assert len(titles(page.click("Redon (35600)"))) == 1


@pytest.mark.parametrize(
    ("query", "control", "sentence"),
    [
        ("thematique=joie", "filtre-thematique", "« joie »"),
        ("thematique=mobilite--joie&quoi=velo", "filtre-thematique", "« mobilite--joie »"),
        ("&".join(["thematique=mobilite"] * 5000), "filtre-thematique", "trop de choix"),
        ("public=martiens", "filtre-public", "« martiens »"),
        ("pro=non", "pro", "« non »"),
        ("rayon=7", "rayon", "5, 10, 20, 30, 50, 100"),
        ("rayon=-1&ou=Redon", "rayon", "5, 10, 20, 30, 50, 100"),
        ("tri=alphabet", "tri", "« alphabet »"),
        ("quoi=%25%5F%26%28%29%22%27*", "quoi", "au moins un mot"),
        ("quoi=%F0%9F%99%82", "quoi", "au moins un mot"),
        ("quoi=" + "a" * 100_000, "quoi", "Raccourcissez"),
        ("ou=" + "b" * 100_000, "ou", "trop long"),
    ],
)
def test_what_cannot_be_understood_is_told_in_a_sentence(
    browser: Browser, query: str, control: str, sentence: str
) -> None:
    page = browser.get(f"/offres?{query}", status=422)
    assert list(page.errors) == [control]
    assert sentence in page.errors[control]
    assert page.soup.select_one(f"#{control}")
    assert len(page.response.text) < 80_000


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("quoi=" + "%C3%A9%20" * 60, 200),
        ("quoi=%01%25_a'\\&beneficiaire=pas-un-uuid", 200),
        ("quoi=AND+OR+NOT+NEAR", 200),
        ("quoi=%00", 400),
        ("quoi=%ff%fe%20velo", 200),
        ("structure=dora--rien", 200),
        ("source=nulle-part", 200),
        ("page=0", 422),
        ("page=-1", 422),
        ("page=x", 422),
        ("page=999", 404),
        ("vue=3d", 422),
    ],
)
def test_odd_addresses_do_no_harm(session: Session, browser: Browser, query: str, status: int) -> None:
    make_offer(session)
    session.commit()
    page = browser.get(f"/offres?{query}", status=status)
    assert len(page.response.text) < 80_000


# --- The fragment ---


def test_pages_keep_the_criteria_and_nothing_empty(session: Session, browser: Browser) -> None:
    structure = make_structure(session)
    for number in range(23):
        make_offer(session, structure, nom=f"Vélo {number:02d}", code_insee=REDON)
    session.commit()
    page = browser.get("/offres?ou=redon&quoi=&thematique=&rayon=20&beneficiaire=")
    assert len(titles(page)) == 20
    href = str(page.soup.select_one(".page-next a")["href"])  # type: ignore[index]
    assert parse_qs(urlsplit(href).query, keep_blank_values=True) == {
        "ou": ["Redon (35600)"],
        "rayon": ["20"],
        "page": ["2"],
    }
    second = titles(browser.get(href))
    assert len(second) == 3
    assert not set(second) & set(titles(page))


@pytest.mark.parametrize(
    "query",
    ["", "?ou=Redon&quoi=atelier", "?page=2", "?quoi=zzz", "?public=femmes&frais=gratuit", "?vue=carte"],
)
def test_the_fragment_and_its_companions_are_as_in_the_page(
    session: Session, browser: Browser, query: str
) -> None:
    structure = make_structure(session)
    for _ in range(22):
        make_offer(session, structure, code_insee=REDON)
    session.commit()
    page = browser.get(f"/offres{query}", headers=PERSON).soup
    fragment = browser.fragment(f"/offres{query}", "offers-results")
    # What notes a need once typing stops is in the fragment only: the page has noted it.
    for asked in fragment.select("#besoin-sans-reponse"):
        asked.extract()
    assert _same(fragment, page, "#offers-results")
    for companion in ("#offers-filters", "#filters-count", "#ou-messages", "#quoi-messages"):
        tag = fragment.select_one(companion)
        assert tag is not None
        assert tag.has_attr("hx-swap-oob")
        assert [str(child) for child in tag.children] == [str(c) for c in page.select_one(companion).children]  # type: ignore[union-attr]


def _same(fragment: BeautifulSoup, page: BeautifulSoup, selector: str) -> bool:
    def bare(soup: BeautifulSoup) -> str:
        return re.sub(r"\s+", "", str(soup.select_one(selector)))

    return bare(fragment) == bare(page)


def test_a_refused_fragment_tells_the_field_too(browser: Browser) -> None:
    response = browser.client.get("/offres?ou=Rednn", headers=HTMX)
    assert response.status_code == 422
    soup = BeautifulSoup(response.text, "html5lib")
    assert soup.select_one("#ou-messages[hx-swap-oob] #ou-error")
    assert "Rednn" in str(soup.select_one("#offers-results [data-announce]")["data-announce"])  # type: ignore[index]
    page = browser.get("/offres?ou=Rednn", status=422)
    assert _same(soup, page.soup, "#offers-results")
    found = BeautifulSoup(browser.client.get("/offres?ou=Redon", headers=HTMX).text, "html5lib")
    assert found.select_one("#ou-messages[hx-swap-oob]").text.strip() == ""  # type: ignore[union-attr]


def test_the_fragment_gives_a_clean_address(browser: Browser) -> None:
    response = browser.client.get("/offres?quoi=&ou=redon&rayon=50&tri=auto&fraicheur=", headers=HTMX)
    assert response.headers["HX-Push-Url"] == "/offres?ou=Redon+%2835600%29"


def test_boosted_and_restored_pages_are_whole(browser: Browser) -> None:
    for extra in ({"HX-Boosted": "true"}, {"HX-History-Restore-Request": "true"}):
        response = browser.client.get("/offres", headers=HTMX | extra)
        assert "<h1>" in response.text


def test_places_are_completed(browser: Browser) -> None:
    def completed(address: str) -> list[str]:
        found = browser.fragment(address, "communes").select("datalist#communes option")
        return [str(option["value"]) for option in found]

    assert completed("/communes?commune=red")[0] == "Redon (35600)"
    assert completed("/communes?ou=red")[0] == "Redon (35600)"
    # Only a search takes territories.
    assert "Rennes Métropole" in completed("/communes?ou=rennes")
    assert "Rennes Métropole" not in completed("/communes?commune=rennes")
    assert len(completed("/communes?ou=s")) <= 8
    for odd in ("", "?ou=", "?ou=" + "x" * 5000):
        assert completed(f"/communes{odd}") == []


@pytest.mark.parametrize("address", ["/offres", "/offres?ou=Redon&quoi=atelier"])
def test_the_catalogue_costs_the_same_whatever_it_shows(
    session: Session, sign_in: SignIn, address: str
) -> None:
    costs = []
    for number in (3, 17):
        for _ in range(number):
            structure = make_structure(session)
            offer = make_offer(session, structure, code_insee=REDON)
            make_action(session, make_convention(session, structure), [offer])
            known_service(session, code_insee=REDON, latitude=47.65, longitude=-2.08, nom="Atelier clavier")
        index(session)
        # Signed in: what changed is asked for each time.
        browser = sign_in(make_user(session))
        browser.get(address)
        with count_statements(session) as sent:
            page = browser.get(address)
        costs.append(len(sent))
        assert len(titles(page)) in {6, 20}
    # Which of ours and of theirs come first decides for two statements; those of PostgreSQL, whose transaction is
    # still open here, read again what it changed.
    assert costs[1] <= costs[0] + 2
    assert max(costs) <= 24


# --- People ---


def test_a_referent_keeps_an_offer_at_hand_from_the_list(session: Session, sign_in: SignIn) -> None:
    referent = make_user(session)
    kept, _ = make_offer(session, nom="Gardée"), make_offer(session, nom="Autre")
    keep(session, referent, kept)
    known_service(session, nom="Ailleurs")
    index(session)
    page = sign_in(referent).get("/offres?tri=fraicheur")
    buttons = [" ".join(tag.text.split()) for tag in page.soup.select("#offers-results .favourite button")]
    assert sorted(buttons) == ["Garder en favori : Autre", "Retirer des favoris : Gardée"]
    back = page.soup.select_one('.favourite input[name="retour"]')
    assert back is not None
    assert str(back["value"]) == "/offres?tri=fraicheur"


def test_the_search_carries_for_whom_one_looks(session: Session, sign_in: SignIn) -> None:
    referent = make_user(session)
    person = make_beneficiary(session, referent)
    offer = make_offer(session, nom="Passer le code", zone_eligibilite=None)
    browser = sign_in(referent)
    page = browser.get(f"/offres?beneficiaire={person.id}&quoi=code")
    assert links(page)["revenir à son dossier"].endswith(str(person.id))
    assert person.nom not in page.response.text
    assert page.form("offers-search").values["beneficiaire"] == str(person.id)
    page = page.click("Passer le code")
    prescribe = urlsplit(links(page)["Prescrire cette offre"])
    assert parse_qs(prescribe.query) == {"offre": [str(offer.id)], "beneficiaire": [str(person.id)]}
    assert f"beneficiaire={person.id}" in links(page)["Toutes les offres"]
    assert page.click("Prescrire cette offre").h1 == "Prescrire une offre"


def test_their_commune_is_where_one_looks_and_is_in_no_address(session: Session, sign_in: SignIn) -> None:
    referent = make_user(session)
    person = make_beneficiary(session, referent, code_insee=REDON)
    make_offer(session, nom="À Redon", code_insee=REDON)
    make_offer(session, nom="À Saint-Malo", code_insee="35288")
    browser = sign_in(referent)
    page = browser.get(f"/offres?beneficiaire={person.id}")
    assert titles(page) == ["À Redon"]
    assert page.form("offers-search").values["ou"] == "Redon (35600)"
    assert not [url for url in links(page).values() if "Redon" in url]
    everywhere = page.click("Retirer le filtre Redon (35600)")
    assert len(titles(everywhere)) == 2
    # For somebody else, the same address says nothing of the person.
    other = sign_in(make_user(session)).get(f"/offres?beneficiaire={person.id}")
    assert other.form("offers-search").values["ou"] == ""
    assert "revenir à son dossier" not in other.text


def test_whatever_is_not_an_id_is_not_carried(session: Session, browser: Browser) -> None:
    offer = make_offer(session)
    session.commit()
    page = browser.get("/offres?beneficiaire=Dominique%20Fictif")
    assert "Dominique" not in page.response.text
    assert "Dominique" not in browser.get(f"/offres/{offer.id}?beneficiaire=Dominique").response.text


# --- Around an address ---


@pytest.fixture
def peer(app: Flask, config: Config, monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    """A geocoder for the portal."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    http.wake()
    with Peer() as started:
        monkeypatch.setitem(app.config, "PORTAL", dataclasses.replace(config, geocoder_url=started.url))
        yield started
    http.wake()


def knows(peer: Peer, score: float = 0.9) -> None:
    properties = {
        "label": "12 Rue de Brest 35000 Rennes",
        "name": "12 Rue de Brest",
        "postcode": "35000",
        "citycode": RENNES,
        "score": score,
        "type": "housenumber",
    }
    features = [{"geometry": {"coordinates": [-1.6893214, 48.1145678]}, "properties": properties}]
    peer.answer("/search", {"features": features})


def test_around_an_address_that_stays_in_no_address(session: Session, sign_in: SignIn, peer: Peer) -> None:
    make_offer(session, nom="À Rennes", code_insee=RENNES)
    make_offer(session, nom="À Redon", code_insee=REDON)
    knows(peer)
    page = sign_in(make_user(session)).get("/offres?public=beneficiaires-des-minimas-sociaux&rayon=5")
    found = page.form("/offres/autour").submit("Chercher autour", adresse="12 rue de Brest, Rennes")
    assert titles(found) == ["À Rennes"]
    assert said(found) == "1 offre pour une personne de Rennes"
    asked = found.response.request.args
    assert asked["ou"] == "48.115,-1.689,35238"
    assert asked["public"] == "beneficiaires-des-minimas-sociaux"
    assert "Brest" not in found.response.text
    completed = page.browser.fragment("/adresses?entiere=1&adresse=12+rue+de+b", "adresses").select("option")
    assert [str(option["value"]) for option in completed] == ["12 Rue de Brest 35000 Rennes"]
    # The field means the same point when the form is sent again.
    again = found.form("offers-search").submit("Chercher", rayon="100")
    assert sorted(titles(again)) == ["À Redon", "À Rennes"]


@pytest.mark.parametrize("score", [0.9, 0.2])
def test_an_address_that_is_not_found_is_kept_in_its_field(
    session: Session, sign_in: SignIn, peer: Peer, score: float
) -> None:
    knows(peer, score)
    form = sign_in(make_user(session)).get("/offres?quoi=velo").form("/offres/autour")
    written = "" if score == 0.9 else "12 rue qui n’existe pas"
    page = form.submit("Chercher autour", adresse=written, status=422)
    assert list(page.errors) == ["adresse"]
    assert page.form("/offres/autour").values["adresse"] == written
    assert page.form("offers-search").values["quoi"] == "velo"
    assert page.soup.select_one("details.around[open]")


def test_a_geocoder_that_does_not_answer_says_what_to_do(
    session: Session, sign_in: SignIn, peer: Peer
) -> None:
    peer.answer("/search", status=503)
    form = sign_in(make_user(session)).get("/offres").form("/offres/autour")
    page = form.submit("Chercher autour", adresse="12 rue de Brest", status=422)
    assert "« Où ? »" in page.errors["adresse"]


def test_only_people_who_are_signed_in_look_around_an_address(browser: Browser, peer: Peer) -> None:
    assert "Chercher autour" not in browser.get("/offres").text
    assert browser.client.post("/offres/autour", data={"csrf_token": browser.token()}).status_code == 401
    assert not peer.asked


# Pages are compared with fragments: both are read the same way.
EXACT_PAGES = True
