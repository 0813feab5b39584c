"""The search as people see it: the page, its fragment, the filters, what is said when nothing is found."""

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlmodel import Session

from portal import clock, geography
from portal.accounts.models import User
from portal.catalogue.views import cards
from portal.offers.favourites import keep
from portal.offers.places import Places
from portal.prescriptions.states import State
from portal.structures.models import CatalogueRules
from tests.catalogue.results import ADDICTIONS, BRUZ, PERMIS, links, said, titles
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.catalogue import index, known_service, known_structure
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.prescriptions import make_prescription, make_scene
from tests.factories.structures import REDON, RENNES, make_structure
from tests.pages import Browser

SignIn = Callable[[User], Browser]


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
