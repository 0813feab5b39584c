"""The catalogue and an offer's page, as people see them."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from sqlmodel import Session

from portal import clock
from portal.accounts.models import Role, User
from portal.prescriptions.states import State
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.prescriptions import make_prescription, make_scene
from tests.factories.structures import REDON, RENNES, make_partner, make_structure
from tests.pages import Browser, Page
from tests.statements import count_statements

SignIn = Callable[[User], Browser]
HTMX = {"HX-Request": "true", "HX-Target": "offers-results"}


def titles(page: Page) -> list[str]:
    return [link.text.strip() for link in page.soup.select("#offers-results .result-title a")]


def links(page: Page) -> dict[str, str]:
    return {" ".join(a.text.split()): str(a.get("href")) for a in page.soup.select("main a")}


# --- The catalogue ---


def test_the_catalogue_is_open_to_all(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Passer le code")
    make_offer(session, nom="Brouillon", published=False)
    session.commit()
    page = browser.get("/offres")
    assert page.h1 == "Trouver une offre"
    assert titles(page) == ["Passer le code"]
    assert page.soup.select_one("#offers-results [data-announce]").text.strip() == "1 offre"  # type: ignore[union-attr]
    assert page.click("Passer le code").h1 == "Passer le code"


def test_an_empty_catalogue_says_what_will_come(browser: Browser) -> None:
    page = browser.get("/offres")
    assert "Le catalogue est encore vide" in page.text


def test_a_card_answers_in_one_look(session: Session, browser: Browser) -> None:
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
    make_action(session, make_convention(session, structure), [offer], places=12)
    session.commit()
    text = browser.get("/offres?ou=Bruz").text
    for words in (
        "Association ERVP · mise à jour aujourd’hui",
        "Rennes, à 11 km",
        "et 2 autres",
        "7 h 30 par semaine × 12 semaines",
        "Payant : 30 € d’inscription",
        "Emploi",
        "Équilibrée",
        "12 places libres sur 12",
    ):
        assert words in text.replace("\u00a0", " ")
    assert "Pour Ille-et-Vilaine (35)" in browser.get("/offres").text


def test_a_card_says_when_no_place_is_left_and_nothing_when_none_is_financed(
    session: Session, browser: Browser
) -> None:
    scene = make_scene(session, places=1)
    make_prescription(session, scene, State.ACCEPTEE)
    make_offer(session, nom="Sans financement")
    session.commit()
    page = browser.get("/offres")
    cards = {card.select_one("a").text.strip(): card.text for card in page.soup.select(".result")}  # type: ignore[union-attr]
    assert "Plus de place" in cards[scene.offer.nom]
    assert "place" not in cards["Sans financement"]


def test_remote_and_stale_offers_are_told(session: Session, browser: Browser) -> None:
    offer = make_offer(session, modes_accueil=["a-distance"], zone_eligibilite=None)
    offer.date_maj = clock.today() - timedelta(days=200)
    session.commit()
    text = browser.get("/offres?ou=Redon").text
    assert "À distance" in text
    assert "À vérifier avec la structure" in text


def test_the_form_without_javascript(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Vélo à Redon", code_insee=REDON)
    make_offer(session, nom="Vélo à Rennes", code_insee=RENNES)
    make_offer(session, nom="Budget à Redon", code_insee=REDON, thematiques=["sante--addictions"])
    session.commit()
    form = browser.get("/offres").form("offers-search")
    assert titles(form.submit("Chercher", ou="35600 Redon", rayon="20")) == ["Budget à Redon", "Vélo à Redon"]
    page = form.submit("Chercher", ou="redon", quoi="VELO", thematique="mobilite", rayon="50")
    assert titles(page) == ["Vélo à Redon"]
    kept = page.form("offers-search").values
    assert (kept["ou"], kept["quoi"], kept["thematique"]) == ("Redon (35600)", "VELO", "mobilite")


def test_chosen_criteria_are_removable(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Vélo", code_insee=REDON)
    session.commit()
    page = browser.get("/offres?ou=Redon&quoi=velo&thematique=mobilite&rayon=20")
    assert page.click("Retirer le filtre Mobilité").response.request.args.get("thematique") is None
    without_place = page.click("Retirer le filtre Redon (35600)").response.request.args
    assert set(without_place) == {"quoi", "thematique"}


def test_several_thematiques_stay_together(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Permis")
    make_offer(session, nom="Addictions", thematiques=["sante--addictions"])
    make_offer(session, nom="Autre", thematiques=["numerique--acquerir-un-equipement"])
    session.commit()
    page = browser.get("/offres?thematique=mobilite--preparer-un-permis&thematique=sante--addictions")
    assert titles(page) == ["Addictions", "Permis"]
    hidden = page.soup.select('#offers-search input[name="thematique"]')
    assert [str(tag["value"]) for tag in hidden] == ["mobilite--preparer-un-permis", "sante--addictions"]
    one = page.click("Retirer le filtre Addictions")
    assert one.form("offers-search").values["thematique"] == "mobilite--preparer-un-permis"


def test_a_category_given_whole_is_said_in_one_word(browser: Browser) -> None:
    page = browser.get("/offres?" + "&".join(f"thematique=sante--{t}" for t in SANTE))
    assert [a.text.split()[3:] for a in page.soup.select(".chosen a")] == [["Santé"]]


SANTE = (
    "acces-aux-soins",
    "addictions",
    "constituer-un-dossier-mdph-invalidite",
    "sante-mentale",
    "sante-sexuelle",
)


def test_an_unknown_commune_is_said_at_its_field(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Vélo", code_insee=REDON)
    session.commit()
    page = browser.get("/offres?ou=Rednn&quoi=velo&rayon=20", status=422)
    assert "« Rednn »" in page.errors["ou"]
    assert page.errors["ou"] in " ".join(page.soup.select_one("#ou-error").text.split())  # type: ignore[union-attr]
    assert page.soup.select_one("title").text.startswith("Erreur : ")  # type: ignore[union-attr]
    values = page.form("offers-search").values
    assert (values["ou"], values["quoi"], values["rayon"]) == ("Rednn", "velo", "20")
    assert titles(page) == []
    assert titles(page.click("Redon (35600)")) == ["Vélo"]


def test_an_ambiguous_commune_proposes_the_choices(session: Session, browser: Browser) -> None:
    make_offer(session, code_insee=REDON)
    session.commit()
    page = browser.get("/offres?ou=35600", status=422)
    assert "choisissez la vôtre" in page.errors["ou"]
    for label in ("Redon (35600)", "Bains-sur-Oust (35600)", "Sainte-Marie (35600)"):
        assert label in links(page)
    assert len(titles(page.click("Redon (35600)"))) == 1


@pytest.mark.parametrize(
    ("query", "field", "sentence"),
    [
        ("thematique=joie", "thematique", "« joie »"),
        ("thematique=mobilite--joie&quoi=velo", "thematique", "« mobilite--joie »"),
        ("rayon=7", "rayon", "5, 10, 20, 30, 50"),
        ("rayon=-1&ou=Redon", "rayon", "5, 10, 20, 30, 50"),
    ],
)
def test_values_out_of_the_lists_are_refused_in_a_sentence(
    browser: Browser, query: str, field: str, sentence: str
) -> None:
    page = browser.get(f"/offres?{query}", status=422)
    assert list(page.errors) == [field]
    assert sentence in page.errors[field]
    assert page.soup.select_one(f"#{field}")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("quoi=" + "a" * 20_000, 200),
        ("quoi=" + "%C3%A9%20" * 2_000, 200),
        ("ou=" + "b" * 20_000, 422),
        ("quoi=%01%25_'\\&beneficiaire=pas-un-uuid", 200),
        ("quoi=%00", 400),
        ("quoi=%ff%fe", 200),
        ("thematique=" + "c" * 20_000, 422),
        ("page=0", 404),
        ("page=999", 404),
        ("page=x", 404),
    ],
)
def test_odd_addresses_do_no_harm(session: Session, browser: Browser, query: str, status: int) -> None:
    make_offer(session)
    session.commit()
    page = browser.get(f"/offres?{query}", status=status)
    assert len(page.response.text) < 60_000


def test_when_nothing_is_found_it_says_which_criterion_to_give_up(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Vélo", code_insee=RENNES)
    make_offer(session, nom="Couture", code_insee=REDON)
    session.commit()
    page = browser.get("/offres?ou=Redon&quoi=velo&thematique=mobilite&rayon=20")
    assert "Aucune offre" in page.text
    lifts = [" ".join(a.text.split()) for a in page.soup.select(".empty-state a")]
    assert set(lifts) == {"Sans les mots « velo » 1 offre", "Où que ce soit 1 offre"}
    assert titles(page.click("Sans les mots « velo » 1 offre")) == ["Couture"]
    assert titles(page.click("Où que ce soit 1 offre")) == ["Vélo"]


def test_a_wider_radius_is_proposed(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Vélo", code_insee="35047")
    session.commit()
    page = browser.get("/offres?ou=Rennes&rayon=5")
    assert titles(page.click("Jusqu’à 50 km 1 offre")) == ["Vélo"]


def test_when_no_single_criterion_is_enough_all_are_given_up(session: Session, browser: Browser) -> None:
    make_offer(session, nom="Vélo", code_insee=RENNES)
    session.commit()
    page = browser.get("/offres?ou=Nice&quoi=zzz&thematique=sante")
    assert titles(page.click("Voir toutes les offres 1 offre")) == ["Vélo"]


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
    assert titles(browser.get(href)) == ["Vélo 20", "Vélo 21", "Vélo 22"]


@pytest.mark.parametrize("query", ["", "?ou=Redon&quoi=atelier", "?page=2", "?quoi=zzz"])
def test_the_fragment_is_the_same_element_as_in_the_page(
    session: Session, browser: Browser, query: str
) -> None:
    structure = make_structure(session)
    for _ in range(22):
        make_offer(session, structure, code_insee=REDON)
    session.commit()
    page = browser.get(f"/offres{query}").soup.select_one("#offers-results")
    fragment = browser.fragment(f"/offres{query}", "offers-results").select_one("#offers-results")
    assert page is not None
    assert str(fragment) == str(page)


def test_a_refused_fragment_tells_the_field_too(browser: Browser) -> None:
    response = browser.client.get("/offres?ou=Rednn", headers=HTMX)
    assert response.status_code == 422
    soup = BeautifulSoup(response.text, "html5lib")
    assert soup.select_one("#ou-messages[hx-swap-oob] #ou-error")
    assert "Rednn" in str(soup.select_one("#offers-results [data-announce]")["data-announce"])  # type: ignore[index]
    page = browser.get("/offres?ou=Rednn", status=422)
    assert str(soup.select_one("#offers-results")) == str(page.soup.select_one("#offers-results"))
    found = BeautifulSoup(browser.client.get("/offres?ou=Redon", headers=HTMX).text, "html5lib")
    assert found.select_one("#ou-messages[hx-swap-oob]").text.strip() == ""  # type: ignore[union-attr]


def test_boosted_and_restored_pages_are_whole(browser: Browser) -> None:
    for extra in ({"HX-Boosted": "true"}, {"HX-History-Restore-Request": "true"}):
        response = browser.client.get("/offres", headers=HTMX | extra)
        assert "<h1>" in response.text


def test_communes_are_completed(browser: Browser) -> None:
    for name in ("ou", "commune"):
        found = browser.fragment(f"/communes?{name}=red", "communes").select("datalist#communes option")
        assert str(found[0]["value"]) == "Redon (35600)"
        assert len(found) <= 8
    for odd in ("", "?ou=", "?ou=" + "x" * 5000):
        assert browser.fragment(f"/communes{odd}", "communes").select("option") == []


@pytest.mark.parametrize("address", ["/offres", "/offres?ou=Redon&quoi=atelier"])
def test_the_catalogue_costs_the_same_whatever_it_shows(
    session: Session, browser: Browser, address: str
) -> None:
    costs = []
    for number in (3, 17):
        for _ in range(number):
            structure = make_structure(session)
            offer = make_offer(session, structure, code_insee=REDON)
            make_action(session, make_convention(session, structure), [offer])
        session.commit()
        with count_statements(session) as sent:
            page = browser.get(address)
        costs.append(len(sent))
        assert len(titles(page)) in {3, 20}
    assert costs[0] == costs[1] <= 6


# --- For whom one looks ---


def test_the_search_carries_for_whom_one_looks(session: Session, sign_in: SignIn) -> None:
    referent = make_user(session)
    person = make_beneficiary(session, referent)
    offer = make_offer(session, nom="Passer le code")
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


def test_whatever_is_not_an_id_is_not_carried(session: Session, browser: Browser) -> None:
    offer = make_offer(session)
    session.commit()
    page = browser.get("/offres?beneficiaire=Dominique%20Fictif")
    assert "Dominique" not in page.response.text
    assert "Dominique" not in browser.get(f"/offres/{offer.id}?beneficiaire=Dominique").response.text


# --- One offer ---


def test_everybody_reads_a_published_offer(session: Session, browser: Browser) -> None:
    structure = make_structure(session, nom="Association ERVP", telephone="+33299001122")
    offer = make_offer(
        session,
        structure,
        description="Premier paragraphe, assez long pour être publié sans peine.\n\nDeuxième <script>paragraphe</script>.",
        conditions_acces="Avoir 18 ans.",
        mode_prescription="Fiche de prescription",
        mobilisation_precisions="Appelez le mardi.",
        contact_nom_prenom="Alix Fictif",
        lien_mobilisation="https://exemple.example.org/inscription",
        horaires_accueil="Tu 09:00-12:00",
        zone_eligibilite=["35", REDON],
        modes_accueil=["a-distance", "en-presentiel"],
    )
    session.commit()
    page = browser.get(f"/offres/{offer.id}")
    text = page.text.replace("\u00a0", " ")
    for words in (
        "Association ERVP",
        "Premier paragraphe",
        "<script>paragraphe</script>",
        "Avoir 18 ans.",
        "Appelez le mardi.",
        "Alix Fictif",
        "02 99 00 11 22",
        "accueil@association.example.org",
        "mar. : 9 h à 12 h",
        "Ille-et-Vilaine (35), Redon (35600)",
        "1 rue de l’Exemple 35000 Rennes",
        "Oui, par téléphone ou internet",
        "6 h par semaine × 12 semaines",
        "Préparer un permis",
        "Gratuit",
    ):
        assert words in text
    assert len(page.soup.select("main .as-written")) == 4
    assert "Modifier" not in page.buttons()
    assert "Toujours valable" not in page.text


def test_a_visitor_is_led_to_sign_in_and_back(session: Session, browser: Browser) -> None:
    offer = make_offer(session)
    session.commit()
    page = browser.get(f"/offres/{offer.id}")
    assert "Prescrire cette offre" not in page.text
    assert parse_qs(urlsplit(links(page)["Se connecter pour prescrire"]).query) == {
        "next": [f"/offres/{offer.id}"]
    }


def test_an_offer_that_professionals_do_not_ask_for_is_not_prescribed(
    session: Session, browser: Browser, sign_in: SignIn
) -> None:
    offer = make_offer(session, mobilisable_par=["usagers"])
    session.commit()
    assert "prescrire" not in browser.get(f"/offres/{offer.id}").text
    page = sign_in(make_user(session)).get(f"/offres/{offer.id}")
    assert "Prescrire cette offre" not in page.text
    assert "la personne la demande elle-même" in page.text


@pytest.mark.parametrize(
    "role", [Role.PARTENAIRE, Role.CONVENTIONNEMENT, Role.ANIMATION, Role.ADMINISTRATION]
)
def test_only_referents_prescribe(session: Session, sign_in: SignIn, role: Role) -> None:
    offer = make_offer(session)
    page = sign_in(make_user(session, role)).get(f"/offres/{offer.id}")
    assert "Prescrire" not in page.text
    assert ("Toujours valable" in page.buttons()) is (role in {Role.ANIMATION, Role.ADMINISTRATION})


@pytest.mark.parametrize(
    ("offer_published", "structure_published"), [(False, True), (True, False), (False, False)]
)
def test_a_hidden_offer_is_for_those_who_may_change_it(
    session: Session,
    app: Flask,
    browser: Browser,
    sign_in: SignIn,
    offer_published: bool,
    structure_published: bool,
) -> None:
    partner, structure = make_partner(session, make_structure(session, published=structure_published))
    stranger, _ = make_partner(session)
    offer = make_offer(session, structure, published=offer_published)
    url = f"/offres/{offer.id}"
    session.commit()
    browser.get(url, status=404)
    for user in (stranger, make_user(session), make_user(session, Role.CONVENTIONNEMENT)):
        sign_in(user).get(url, status=404)
    for user in (partner, make_user(session, Role.ANIMATION), make_user(session, Role.ADMINISTRATION)):
        page = sign_in(user).get(url)
        assert ("Publier" in page.buttons()) is not offer_published
        assert "Se connecter" not in page.text
        assert "Prescrire" not in page.text
    browser.get(f"/offres/{uuid.uuid4()}", status=404)


def test_the_editor_sees_the_state_and_the_score(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure, published=False, description="Court, mais assez.", publics=None)
    page = sign_in(partner).get(f"/offres/{offer.id}")
    assert "Brouillon" in page.text
    assert "Fiche remplie à 78 % : il faut 80 %" in page.text
