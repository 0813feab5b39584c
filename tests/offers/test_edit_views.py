"""Writing offers: access by role, forms that lose nothing, publication, quality."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from sqlmodel import Session, select

from portal import clock
from portal.accounts.models import Role, User
from portal.offers.models import Offer, OfferState
from portal.structures.models import Structure
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import REDON, make_partner, make_structure
from tests.pages import Browser, Form
from tests.statements import count_statements

SignIn = Callable[[User], Browser]
DRAFT, PUBLISH = "Enregistrer le brouillon", "Publier"
FULL: dict[str, Any] = {
    "nom": "Passer le code",
    "type": "formation",
    "thematiques": ["mobilite--financer-ma-mobilite", "mobilite--preparer-un-permis"],
    "description": "On prépare le code en petit groupe, avec une pédagogie adaptée. " * 4 + "Fin.",
    "publics": ["femmes", "jeunes"],
    "zone_eligibilite": "Ille-et-Vilaine\nRedon (35600)",
    "modes_accueil": ["en-presentiel"],
    "commune": "redon",
    "volume_horaire_hebdomadaire": "3,5",
    "nombre_semaines": "10",
    "modes_mobilisation": ["envoyer-un-courriel", "telephoner"],
    "mobilisable_par": ["professionnels"],
    "frais": "gratuit",
    "dominantes": ["emploi"],
    "mode_prescription": "Fiche de prescription",
}


def new_form(session: Session, sign_in: SignIn, **structure: Any) -> Form:
    partner, structure_row = make_partner(session, make_structure(session, **structure))
    return sign_in(partner).get(f"/structures/{structure_row.id}/offres/nouvelle").form("offer-form")


def only_offer(session: Session) -> Offer:
    return session.exec(select(Offer)).one()


def words(soup: BeautifulSoup, selector: str) -> str:
    found = soup.select_one(selector)
    assert found is not None, selector
    return " ".join(found.text.split())


# --- Access ---


@pytest.mark.parametrize("act", ["modifier", "publier", "retirer", "toujours-valable"])
def test_another_structure_s_offer_is_not_there(session: Session, sign_in: SignIn, act: str) -> None:
    stranger, _ = make_partner(session)
    offer = make_offer(session)
    offer.date_maj = before = clock.today() - timedelta(days=10)
    browser = sign_in(stranger)
    browser.post(f"/offres/{offer.id}/{act}", {"nom": "Prise"}, status=404)
    if act == "modifier":
        browser.get(f"/offres/{offer.id}/{act}", status=404)
    session.refresh(offer)
    assert (offer.nom, offer.state, offer.date_maj) == (
        "Atelier mobilité d’exemple",
        OfferState.PUBLIEE,
        before,
    )
    browser.post(f"/offres/{uuid.uuid4()}/{act}", {}, status=404)


@pytest.mark.parametrize("role", [Role.REFERENT, Role.CONVENTIONNEMENT])
def test_referents_and_officers_write_nothing(session: Session, sign_in: SignIn, role: Role) -> None:
    offer = make_offer(session)
    browser = sign_in(make_user(session, role))
    browser.get("/mes-offres", status=403)
    browser.get(f"/offres/{offer.id}/modifier", status=403)
    browser.get(f"/structures/{offer.structure_id}/offres/nouvelle", status=403)
    browser.post(f"/structures/{offer.structure_id}/offres/nouvelle", FULL, status=403)
    for act in ("modifier", "publier", "retirer", "toujours-valable"):
        browser.post(f"/offres/{offer.id}/{act}", {"nom": "Prise"}, status=403)
    browser.post(f"/structures/{offer.structure_id}/saisie/{offer.id}", {"nom": "Prise"}, status=403)
    session.refresh(offer)
    assert offer.nom == "Atelier mobilité d’exemple"


def test_nobody_writes_for_another_structure(session: Session, sign_in: SignIn) -> None:
    partner, _ = make_partner(session)
    other = make_structure(session)
    browser = sign_in(partner)
    browser.get(f"/structures/{other.id}/offres/nouvelle", status=404)
    browser.post(f"/structures/{other.id}/offres/nouvelle", {"nom": "Prise"}, status=404)
    assert not session.exec(select(Offer)).all()


def test_a_visitor_is_asked_to_sign_in(session: Session, browser: Browser) -> None:
    offer = make_offer(session)
    session.commit()
    page = browser.get(f"/offres/{offer.id}/modifier")
    assert page.path == "/connexion"


@pytest.mark.parametrize("role", [Role.ANIMATION, Role.ADMINISTRATION])
def test_keepers_write_for_all(session: Session, sign_in: SignIn, role: Role) -> None:
    structure = make_structure(session)
    browser = sign_in(make_user(session, role))
    form = browser.get(f"/structures/{structure.id}/offres/nouvelle").form("offer-form")
    form.submit(DRAFT, nom="Passer le code")
    assert only_offer(session).structure_id == structure.id


# --- A new offer ---


def test_a_new_offer_begins_with_what_the_structure_said(session: Session, sign_in: SignIn) -> None:
    form = new_form(session, sign_in, code_insee=REDON, adresse="12 rue de la Gare")
    assert form.values["commune"] == "Redon (35600)"
    assert form.values["adresse"] == "12 rue de la Gare"
    assert form.values["telephone"] == "02 99 00 00 00"
    assert form.values["courriel"] == "accueil@association.example.org"
    assert form.values["nom"] == ""


def test_the_name_is_enough_for_a_draft(session: Session, sign_in: SignIn) -> None:
    page = new_form(session, sign_in).submit(DRAFT, nom="Passer le code")
    assert "Le brouillon est enregistré" in page.text
    assert page.h1 == "Modifier l’offre"
    assert only_offer(session).state is OfferState.BROUILLON


def test_every_answer_is_kept(session: Session, sign_in: SignIn) -> None:
    page = new_form(session, sign_in).submit(
        PUBLISH,
        **FULL,
        publics_precisions="À partir de 18 ans",
        conditions_acces="Une pièce d’identité",
        complement_adresse="Bâtiment B",
        horaires_accueil="Tu 09:00-12:00",
        contact_nom_prenom="Alix Fictif",
        lien_mobilisation="https://exemple.example.org/",
        mobilisation_precisions="Appelez le mardi",
        frais_precisions="Rien à payer",
    )
    assert page.h1 == "Passer le code"
    assert "L’offre est publiée" in page.text
    offer = only_offer(session)
    assert offer.is_public
    assert offer.code_insee == REDON
    assert offer.zone_eligibilite == ["35", REDON]
    assert offer.volume_horaire_hebdomadaire == 3.5
    assert offer.nombre_semaines == 10
    assert offer.thematiques == ["mobilite--financer-ma-mobilite", "mobilite--preparer-un-permis"]
    assert offer.telephone == "+33299000000"
    assert offer.dominantes == ["emploi"]
    for name, value in (
        ("publics_precisions", "À partir de 18 ans"),
        ("conditions_acces", "Une pièce d’identité"),
        ("complement_adresse", "Bâtiment B"),
        ("horaires_accueil", "Tu 09:00-12:00"),
        ("contact_nom_prenom", "Alix Fictif"),
        ("lien_mobilisation", "https://exemple.example.org/"),
        ("mobilisation_precisions", "Appelez le mardi"),
        ("frais_precisions", "Rien à payer"),
        ("mode_prescription", "Fiche de prescription"),
    ):
        assert getattr(offer, name) == value
    edit = page.click("Modifier").form("offer-form").values
    assert edit["volume_horaire_hebdomadaire"] == "3,5"
    assert edit["zone_eligibilite"] == "Ille-et-Vilaine (35)\nRedon (35600)"
    assert edit["thematiques"] == ["mobilite--financer-ma-mobilite", "mobilite--preparer-un-permis"]
    assert edit["frais"] == "gratuit"


@pytest.mark.parametrize("button", [DRAFT, PUBLISH])
def test_pressing_twice_makes_one_offer(session: Session, sign_in: SignIn, button: str) -> None:
    form = new_form(session, sign_in)
    first = form.submit(button, **FULL)
    second = form.submit(button, **FULL)
    assert first.path == second.path
    assert str(only_offer(session).id) in first.path


def test_the_key_of_another_s_offer_opens_nothing(session: Session, sign_in: SignIn) -> None:
    other = make_offer(session, nom="Offre d’une autre", published=False)
    page = new_form(session, sign_in).submit(DRAFT, status=422, nom="La mienne", cle=str(other.id))
    assert "Offre d’une autre" not in page.text
    assert session.exec(select(Offer.nom)).all() == ["Offre d’une autre"]


@pytest.mark.parametrize("key", ["", "pas-un-uuid"])
def test_a_broken_key_is_replaced(session: Session, sign_in: SignIn, key: str) -> None:
    new_form(session, sign_in).submit(DRAFT, nom="Passer le code", cle=key)
    assert only_offer(session).nom == "Passer le code"


# --- What is refused ---


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("nom", "", "Écrivez le nom"),
        ("commune", "Rednn", "Redon (35600)"),
        ("zone_eligibilite", "Ille-et-Vilaine\nNulle-Part-sur-Mer", "« Nulle-Part-sur-Mer »"),
        ("volume_horaire_hebdomadaire", "trois", "3,5"),
        ("nombre_semaines", "douze", "nombre entier"),
        ("courriel", "accueil", "adresse électronique"),
        ("lien_mobilisation", "exemple", "https://"),
        ("horaires_accueil", "le matin", "horaires"),
    ],
)
def test_a_refused_form_keeps_what_was_typed(
    session: Session, sign_in: SignIn, name: str, value: str, sentence: str
) -> None:
    form = new_form(session, sign_in)
    page = form.submit(DRAFT, status=422, **{**FULL, name: value})
    errors = page.errors
    assert list(errors) == [name]
    assert sentence in errors[name]
    assert sentence in words(page.soup, f"#{name}-error")
    kept = page.form("offer-form").values
    for key, typed in {**FULL, name: value, "cle": form.values["cle"]}.items():
        if key == "commune" and name != "commune":
            typed = "Redon (35600)"
        assert kept[key] == (typed[0] if isinstance(typed, list) and len(typed) == 1 else typed), key
    assert not session.exec(select(Offer)).all()


def test_a_thematique_that_does_not_exist_is_named(session: Session, sign_in: SignIn) -> None:
    page = new_form(session, sign_in).submit(
        DRAFT, status=422, nom="Passer le code", thematiques=["mobilite--joie"]
    )
    assert "« mobilite--joie »" in page.errors["thematiques"]


def test_publishing_shows_each_missing_point_at_its_field(session: Session, sign_in: SignIn) -> None:
    form = new_form(session, sign_in, telephone=None, courriel=None)
    page = form.submit(
        PUBLISH,
        status=422,
        nom="Passer le code",
        commune="",
        description="Trop court.",
        frais="payant",
        modes_mobilisation=["telephoner"],
    )
    wanted = {
        "type",
        "thematiques",
        "description",
        "publics",
        "modes_accueil",
        "commune",
        "mobilisable_par",
        "telephone",
        "frais_precisions",
    }
    errors, soup = page.errors, page.soup
    assert set(errors) == wanted
    for name in wanted:
        assert errors[name] in words(soup, f"#{name}-error")
        assert soup.select_one(f"#{name}"), f"the summary's link to {name} leads nowhere"
    kept = page.form("offer-form").values
    assert (kept["nom"], kept["description"], kept["frais"]) == ("Passer le code", "Trop court.", "payant")
    assert not session.exec(select(Offer)).all()


def test_unreadable_answers_and_missing_ones_are_said_together(session: Session, sign_in: SignIn) -> None:
    page = new_form(session, sign_in).submit(
        PUBLISH, status=422, **{**FULL, "nom": "", "publics": [], "nombre_semaines": "douze"}
    )
    assert set(page.errors) == {"nom", "publics", "nombre_semaines"}


def test_a_warning_is_shown_and_does_not_block_a_draft(session: Session, sign_in: SignIn) -> None:
    page = new_form(session, sign_in).submit(DRAFT, nom="Passer le code.")
    assert "Le brouillon est enregistré" in page.text
    assert "ne doit pas se terminer par un point" in words(page.soup, "#nom-warning")
    assert not page.errors


def test_a_warning_does_not_block_a_publication(session: Session, sign_in: SignIn) -> None:
    page = new_form(session, sign_in).submit(PUBLISH, **{**FULL, "nom": "Passer le code."})
    assert "L’offre est publiée" in page.text
    assert "ne doit pas se terminer par un point" in page.text


def test_a_warning_stands_beside_the_errors(session: Session, sign_in: SignIn) -> None:
    page = new_form(session, sign_in).submit(DRAFT, status=422, nom="Passer le code.", courriel="accueil")
    assert list(page.errors) == ["courriel", "nom"]
    assert "un point" in words(page.soup, ".error-summary-warnings")


# --- An offer that exists ---


def test_changing_an_offer(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    page = sign_in(partner).get(f"/offres/{offer.id}/modifier")
    assert (
        page.form("offer-form").submit("Enregistrer les changements", nom="Nouveau nom").h1 == "Nouveau nom"
    )


def test_a_published_offer_cannot_become_incomplete(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    page = sign_in(partner).get(f"/offres/{offer.id}/modifier").form("offer-form")
    page = page.submit("Enregistrer les changements", status=422, frais="payant", nom="Nouveau nom")
    assert list(page.errors) == ["frais_precisions"]
    assert page.form("offer-form").values["nom"] == "Nouveau nom"
    session.refresh(offer)
    assert (offer.frais, offer.nom) == ("gratuit", "Atelier mobilité d’exemple")


def test_saving_without_a_change_does_not_move_the_day(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(
        session,
        structure,
        telephone="+33299000000",
        volume_horaire_hebdomadaire=2.33,
        description=FULL["description"],
    )
    offer.date_maj = before = clock.today() - timedelta(days=10)
    sign_in(partner).get(f"/offres/{offer.id}/modifier").form("offer-form").submit(
        "Enregistrer les changements"
    )
    session.refresh(offer)
    assert offer.date_maj == before


def test_the_life_of_an_offer_by_its_buttons(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure, published=False)
    offer.date_maj = clock.today() - timedelta(days=300)
    browser = sign_in(partner)
    page = browser.get(f"/offres/{offer.id}").form("/publier").submit("Publier")
    assert "L’offre est publiée" in page.text
    assert offer.is_public
    page = page.form("/toujours-valable").submit("Toujours valable")
    assert "est à jour" in page.text
    session.refresh(offer)
    assert offer.date_maj == clock.today()
    page = page.form("/retirer").submit("Retirer")
    assert "rien n’est effacé" in page.text
    session.refresh(offer)
    assert offer.state is OfferState.BROUILLON


def test_publishing_an_incomplete_draft_leads_to_its_form(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure, published=False, publics=None, frais=None)
    page = sign_in(partner).get(f"/offres/{offer.id}").form("/publier").submit("Publier", status=422)
    assert set(page.errors) == {"publics", "frais"}
    page = page.form("offer-form").submit(PUBLISH, publics=["femmes"], frais="gratuit")
    assert "L’offre est publiée" in page.text


def test_a_hidden_structure_is_told(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session, make_structure(session, published=False))
    page = sign_in(partner).get(f"/structures/{structure.id}/offres/nouvelle")
    assert "La structure n’est pas publiée" in page.text


# --- One's offers ---


def test_a_partner_s_offers_with_their_state_quality_and_age(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    old = make_offer(session, structure, nom="Ancienne")
    old.date_maj = clock.today() - timedelta(days=300)
    make_offer(session, structure, nom="Brouillon de vélo", published=False, description="", publics=None)
    make_offer(session, nom="Une autre")
    browser = sign_in(partner)
    page = browser.get("/mes-offres")
    cards = {
        card.select_one("h3").text.strip(): " ".join(card.text.split())
        for card in page.soup.select(".result")
    }  # type: ignore[union-attr]
    assert set(cards) == {"Ancienne", "Brouillon de vélo"}
    assert "Publiée" in cards["Ancienne"]
    assert "À confirmer" in cards["Ancienne"]
    assert "Fiche remplie à 9" in cards["Ancienne"]
    assert "pas encore vue dans DORA" in cards["Brouillon de vélo"]
    assert "Toujours valable" not in cards["Brouillon de vélo"]
    page = page.form("/toujours-valable").submit()
    assert page.path == "/mes-offres"
    session.refresh(old)
    assert old.date_maj == clock.today()
    assert page.click("Écrire une offre").h1 == "Écrire une offre"


def test_the_first_step_depends_on_what_is_there(session: Session, sign_in: SignIn) -> None:
    alone = sign_in(make_user(session, Role.PARTENAIRE)).get("/mes-offres")
    assert alone.click("Rejoindre ou créer une structure").h1 == "Rejoindre ou créer une structure"
    partner, _ = make_partner(session)
    assert sign_in(partner).get("/mes-offres").click("Écrire une offre").h1 == "Écrire une offre"
    assert "Aucune offre" in sign_in(make_user(session, Role.ANIMATION)).get("/mes-offres").text


def test_keepers_filter_all_offers_by_words(session: Session, sign_in: SignIn) -> None:
    make_offer(session, nom="Vélo")
    make_offer(session, make_structure(session, nom="Épicerie solidaire"), nom="Couture")
    browser = sign_in(make_user(session, Role.ANIMATION))
    assert "2 offres" in browser.get("/mes-offres").text
    page = browser.get("/mes-offres").form("/mes-offres").submit("Chercher", q="epicerie")
    assert [a.text.strip() for a in page.soup.select(".result-title a")] == ["Couture"]
    assert "Aucune offre ne contient ces mots" in browser.get("/mes-offres?q=zzz").text


def test_the_list_costs_the_same_whatever_its_length(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    browser = sign_in(partner)
    costs = []
    for number in (3, 15):
        for _ in range(number):
            make_offer(session, structure)
        session.commit()
        with count_statements(session) as sent:
            browser.get("/mes-offres")
        costs.append(len(sent))
    assert costs[0] == costs[1] <= 8


# --- Quality ---


def panel(browser: Browser, structure: Structure, offer_id: object = None, **typed: Any) -> BeautifulSoup:
    response = browser.client.post(
        f"/structures/{structure.id}/saisie/{offer_id or uuid.uuid4()}",
        data={**typed, "csrf_token": browser.token()},
        headers={"Origin": "http://localhost", "HX-Request": "true", "HX-Target": "offer-aside"},
    )
    assert response.status_code == 200, response.text
    return BeautifulSoup(response.text, "html5lib")


def test_the_quality_follows_what_is_typed(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    browser = sign_in(partner)
    form = browser.get(f"/structures/{structure.id}/offres/nouvelle").form("offer-form")
    nothing = panel(browser, structure, **{k: v for k, v in form.values.items() if k != "csrf_token"})
    assert "Qualité de la fiche : 29 %" in words(nothing, "#quality-title")
    assert "29 % au lieu de 80 %" in words(nothing, "#offer-quality")
    full = panel(browser, structure, **{**form.values, **FULL})
    assert "100 %" in words(full, "#quality-title")
    assert "Rien ne manque" in full.text
    assert "Oui, une fois publiée" in full.text
    assert "Soit 48 h en tout" in words(full, "#total-heures") or "en tout" in words(full, "#total-heures")
    assert not session.exec(select(Offer)).all()


@pytest.mark.parametrize(
    "typed",
    [
        {},
        {"description": "x" * 20_000, "thematiques": "mobilite--joie", "frais": "cher"},
        {"publics": ["tous-publics", "femmes"], "volume_horaire_hebdomadaire": "nan", "commune": "Rednn"},
    ],
)
def test_the_quality_answers_whatever_is_typed(
    session: Session, sign_in: SignIn, typed: dict[str, Any]
) -> None:
    partner, structure = make_partner(session)
    assert "Qualité de la fiche" in panel(sign_in(partner), structure, **typed).text


def test_each_missing_point_leads_to_its_field(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure, published=False, description="", publics=None, thematiques=None)
    page = sign_in(partner).get(f"/offres/{offer.id}/modifier")
    soup = page.soup
    targets = [str(a["href"]) for a in soup.select("#offer-quality li a")]
    assert len(targets) == 3
    for target in targets:
        assert soup.select_one(target), f"{target} leads nowhere"


def test_without_the_mode_of_welcome_dora_does_not_show_it(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    soup = panel(
        sign_in(partner),
        structure,
        **{**FULL, "modes_accueil": [], "courriel": "a@exemple.example.org", "telephone": "0299000000"},
        contact_public="y",
    )
    assert "100 %" in words(soup, "#quality-title")
    assert "Pas encore" in soup.text
    assert soup.select_one('a[href="#modes_accueil"]')


def test_the_fragment_is_the_same_element_as_in_the_page(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    browser = sign_in(partner)
    offer = make_offer(session, structure, published=False, publics=None)
    page = browser.get(f"/offres/{offer.id}/modifier")
    typed = panel(browser, structure, offer.id, **page.form("offer-form").values)
    assert str(typed.select_one("#offer-quality")) == str(page.soup.select_one("#offer-quality"))


# Pages are compared with fragments: both are read the same way.
EXACT_PAGES = True
