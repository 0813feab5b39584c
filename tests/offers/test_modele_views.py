"""Templates as they are written: by whom, for whom, from nothing or from an offer."""

from collections.abc import Callable

import pytest
from sqlmodel import Session, select

from portal.accounts.models import Role, User
from portal.offers.models import Offer, OfferTemplate
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import make_partner, make_structure
from tests.offers.templates import listed, made_from, make_template
from tests.pages import Browser

SignIn = Callable[[User], Browser]


def test_who_uses_and_who_changes_a_template(session: Session, sign_in: SignIn) -> None:
    partner, mine = make_partner(session)
    _, theirs = make_partner(session, make_structure(session, nom="Association Voisine"))
    common = make_template(session, nom="Du département")
    own, other = make_template(session, mine, "De ma structure"), make_template(session, theirs, "Du voisin")
    browser = sign_in(partner)
    assert listed(browser.get("/modeles")) == {"Du département", "De ma structure"}
    browser.get(f"/modeles/{own.id}")
    for template in (common, other):
        browser.get(f"/modeles/{template.id}", status=404)
        browser.post(f"/modeles/{template.id}", {"nom_modele": "Pris"}, status=404)
        browser.post(f"/modeles/{template.id}/archiver", {}, status=404)
    browser.get(f"/modeles/{other.id}/offres", status=404)
    assert "modele=" in str(browser.get(f"/structures/{mine.id}/offres/nouvelle").soup)
    keeper = sign_in(make_user(session, Role.ANIMATION))
    assert listed(keeper.get("/modeles")) == {"Du département", "De ma structure", "Du voisin"}
    keeper.get(f"/modeles/{common.id}")
    sign_in(make_user(session, Role.REFERENT)).get("/modeles", status=403)


def test_a_partner_cannot_write_for_the_departement_nor_for_others(session: Session, sign_in: SignIn) -> None:
    partner, mine = make_partner(session)
    _, theirs = make_partner(session)
    browser = sign_in(partner)
    form = browser.get("/modeles/nouveau").form("/modeles/nouveau")
    choices = [o["value"] for o in form.tag.select("select[name=structure] option")]
    assert choices == [str(mine.id)]
    for structure in ("", str(theirs.id), "pas-un-id"):
        data = form.values | {"nom_modele": "À tous", "structure": structure, "type": "atelier"}
        assert browser.client.post(
            "/modeles/nouveau", data=data, headers={"Origin": "http://localhost"}
        ).status_code in {404, 422}
    session.expire_all()
    assert session.exec(select(OfferTemplate)).all() == []


def test_written_from_nothing_then_used(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    browser = sign_in(partner)
    form = browser.get("/modeles").click("Écrire un modèle").form("/modeles/nouveau")
    page = form.submit(
        "Enregistrer le modèle",
        nom_modele="Atelier collectif",
        type="atelier",
        publics=["femmes"],
        nombre_semaines="8",
        zone_eligibilite="Ille-et-Vilaine",
    )
    assert listed(page) == {"Atelier collectif"}
    template = session.exec(select(OfferTemplate)).one()
    assert (template.structure_id, template.version) == (structure.id, 1)
    assert template.valeurs == {
        "type": "atelier",
        "publics": ["femmes"],
        "nombre_semaines": 8,
        "zone_eligibilite": ["35"],
    }
    form.submit("Enregistrer le modèle", nom_modele="Atelier collectif", type="atelier")
    assert len(session.exec(select(OfferTemplate)).all()) == 1, "pressing twice makes one"

    page = browser.get(f"/structures/{structure.id}/offres/nouvelle").click("Atelier collectif")
    new = page.form("offer-form")
    assert (new.values["type"], new.values["nombre_semaines"], new.values["publics"]) == (
        "atelier",
        "8",
        "femmes",
    )
    assert new.values["courriel"] == structure.courriel, "the structure's contacts are still there"
    new.submit("Enregistrer le brouillon", nom="Couture")
    offer = session.exec(select(Offer)).one()
    assert (offer.modele_id, offer.modele_version, offer.nombre_semaines) == (template.id, 1, 8)


def test_a_template_of_an_offer(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure, nom="Couture du mardi")
    form = sign_in(partner).get(f"/modeles/nouveau?offre={offer.id}").form("/modeles/nouveau")
    assert (form.values["nom_modele"], form.values["nom"]) == ("Couture du mardi", "")
    form.submit("Enregistrer le modèle", description="", nom_modele="Couture")
    template = session.exec(select(OfferTemplate)).one()
    assert "description" not in template.valeurs and "nom" not in template.valeurs
    assert template.valeurs["thematiques"] == offer.thematiques
    assert not {"courriel", "adresse", "code_insee"} & set(template.valeurs)


def test_the_price_of_a_template_is_chosen_and_taken_back(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    template = make_template(session, structure, frais="gratuit")
    session.commit()
    browser = sign_in(partner)
    form = browser.get(f"/modeles/{template.id}").form(f"/modeles/{template.id}")
    assert form.values["frais"] == "gratuit"
    form.submit("Enregistrer le modèle", frais="")
    session.expire_all()
    assert "frais" not in template.valeurs
    page = browser.get(f"/modeles/{template.id}")
    neutral = page.soup.select_one("input[name=frais][checked]")
    assert neutral is not None and neutral["value"] == ""
    page.form(f"/modeles/{template.id}").submit("Enregistrer le modèle", frais="payant")
    session.expire_all()
    assert template.valeurs["frais"] == "payant"
    source = make_offer(session, structure, nom="Sans prix")
    source.frais = None
    session.commit()
    page = browser.get(f"/modeles/nouveau?offre={source.id}")
    assert page.form("/modeles/nouveau").values["frais"] == ""


def test_another_structure_s_offer_makes_no_template(session: Session, sign_in: SignIn) -> None:
    stranger, _ = make_partner(session)
    offer = make_offer(session, nom="Couture du mardi")
    form = sign_in(stranger).get(f"/modeles/nouveau?offre={offer.id}").form("/modeles/nouveau")
    assert form.values["nom_modele"] == ""


def test_an_empty_template_is_refused_and_keeps_what_was_typed(session: Session, sign_in: SignIn) -> None:
    partner, _ = make_partner(session)
    form = sign_in(partner).get("/modeles/nouveau").form("/modeles/nouveau")
    page = form.submit("Enregistrer le modèle", status=422, nom_modele="Atelier collectif")
    assert "Remplissez au moins une réponse" in page.text
    assert page.form("/modeles/nouveau").values["nom_modele"] == "Atelier collectif"
    page = form.submit("Enregistrer le modèle", status=422, type="atelier")
    assert "nom_modele" in page.errors


def test_an_archived_template_is_proposed_no_more_and_its_offers_stay(
    session: Session, sign_in: SignIn
) -> None:
    partner, structure = make_partner(session)
    template = make_template(session, structure)
    offer = made_from(session, template, structure, "Couture")
    browser = sign_in(partner)
    page = browser.get("/modeles").form("/archiver").submit()
    assert listed(page) == set()
    page = browser.get(f"/structures/{structure.id}/offres/nouvelle?modele={template.id}")
    assert page.form("offer-form").values["nombre_semaines"] == ""
    session.refresh(offer)
    assert (offer.nombre_semaines, offer.modele_id) == (8, template.id)


@pytest.mark.parametrize("text", ["pas-un-id", "00000000-0000-4000-8000-000000000000"])
def test_a_template_that_is_not_there_begins_a_blank_offer(
    session: Session, sign_in: SignIn, text: str
) -> None:
    partner, structure = make_partner(session)
    page = sign_in(partner).get(f"/structures/{structure.id}/offres/nouvelle?modele={text}")
    assert page.form("offer-form").values["nombre_semaines"] == ""
