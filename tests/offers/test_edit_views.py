"""Writing offers: access by role, forms that lose nothing, publication, quality."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from portal import clock
from portal.accounts.models import Role, User
from portal.offers.models import Offer, OfferState
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import make_partner, make_structure
from tests.offers.writing import DRAFT, FULL, PUBLISH, only_offer
from tests.pages import Browser
from tests.statements import count_statements

SignIn = Callable[[User], Browser]


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
