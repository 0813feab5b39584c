"""Templates of offers: who writes and uses them, what an offer takes of one that changed, one by one and for many."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import Role, User
from portal.errors import RuleBroken
from portal.offers import modeles, queries, rules
from portal.offers.models import Offer, OfferTemplate, TemplateVersion
from portal.structures import history
from portal.structures.models import Act, Structure
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import make_partner, make_structure
from tests.pages import Browser, Page

SignIn = Callable[[User], Browser]
VALUES: dict[str, Any] = {
    "type": "atelier",
    "publics": ["femmes"],
    "conditions_acces": "Savoir lire.",
    "nombre_semaines": 8,
}


def make_template(
    session: Session, structure: Structure | None = None, nom: str = "Atelier collectif", **valeurs: Any
) -> OfferTemplate:
    by = make_user(session, Role.ANIMATION)
    template = modeles.create_template(session, nom=nom, valeurs=VALUES | valeurs, structure=structure, by=by)
    session.flush()
    return template


def made_from(
    session: Session, template: OfferTemplate, structure: Structure, nom: str, **values: Any
) -> Offer:
    """Give a published offer that began with the template, older than today."""
    offer = make_offer(session, structure, nom=nom, **(modeles.answers(template) | values))
    modeles.follow(offer, template)
    offer.date_maj = clock.today() - timedelta(days=30)
    session.flush()
    return offer


def change(session: Session, template: OfferTemplate, **valeurs: Any) -> None:
    by = make_user(session, Role.ANIMATION)
    modeles.change_template(session, template, nom=template.nom, valeurs=template.valeurs | valeurs, by=by)
    session.flush()


def loaded(session: Session, offer: Offer) -> Offer:
    """Return the offer with its structure, as pages read it."""
    session.expire(offer)
    found: Offer = session.execute(queries.all_offers().where(col(Offer.id) == offer.id)).scalar_one()
    return found


def last_line(session: Session, offer: Offer) -> Any:
    return session.execute(history.of_offer(offer.id)).scalars().first()


def listed(page: Page) -> set[str]:
    return {a.text.strip() for a in page.soup.select(".result-title a")}


# --- Rules ---


def test_a_template_keeps_its_versions_and_says_nothing_of_place_or_contact(session: Session) -> None:
    template = make_template(session, courriel="a@exemple.example.org", code_insee="35238", frais=None)
    assert template.valeurs == VALUES
    by = make_user(session, Role.ANIMATION)
    assert not modeles.change_template(session, template, nom="Autre nom", valeurs=dict(VALUES), by=by)
    assert (template.nom, template.version) == ("Autre nom", 1), "a name is not a version"
    assert modeles.change_template(
        session, template, nom="Autre nom", valeurs=VALUES | {"nombre_semaines": 10}, by=by
    )
    session.flush()
    kept = session.exec(select(TemplateVersion).order_by(TemplateVersion.version)).all()  # type: ignore[arg-type]
    assert [(v.version, v.valeurs["nombre_semaines"]) for v in kept] == [(1, 8), (2, 10)]
    assert (template.version, template.updated_by_id) == (2, by.id)


@pytest.mark.parametrize(
    ("nom", "valeurs", "field"),
    [
        ("", VALUES, "nom_modele"),
        ("ab", VALUES, "nom_modele"),
        ("x" * 151, VALUES, "nom_modele"),
        ("Bon nom", {}, None),
    ],
)
def test_a_template_has_a_name_and_says_something(
    session: Session, nom: str, valeurs: dict[str, Any], field: str | None
) -> None:
    by = make_user(session, Role.ANIMATION)
    with pytest.raises(RuleBroken) as broken:
        modeles.create_template(session, nom=nom, valeurs=valeurs, structure=None, by=by)
    assert broken.value.field == field


def test_what_changed_since_the_offer_last_looked(session: Session) -> None:
    template = make_template(session)
    offer = made_from(session, template, make_structure(session), "Atelier", conditions_acces="Savoir nager.")
    assert modeles.differences(session, offer, template) == []
    change(session, template, nombre_semaines=10, conditions_acces="Savoir écrire.", frais="gratuit")
    found = {
        d.name: (d.mine, d.before, d.after, d.is_followed)
        for d in modeles.differences(session, offer, template)
    }
    assert found == {
        "nombre_semaines": (8, 8, 10, True),
        "conditions_acces": ("Savoir nager.", "Savoir lire.", "Savoir écrire.", False),
    }, "the offer was free of charge already: nothing to say of the price"
    change(session, template, nombre_semaines=8)
    assert [d.name for d in modeles.differences(session, offer, template)] == ["conditions_acces"]


def test_a_template_that_no_longer_says_something_offers_to_forget_it(session: Session) -> None:
    template = make_template(session)
    offer = made_from(session, template, make_structure(session), "Atelier")
    change(session, template, conditions_acces=None)
    (found,) = modeles.differences(session, offer, template)
    assert (found.name, found.mine, found.after) == ("conditions_acces", "Savoir lire.", None)
    by = make_user(session, Role.ANIMATION)
    modeles.take(session, loaded(session, offer), template, ["conditions_acces"], by=by)
    assert offer.conditions_acces is None


def test_taking_is_a_change_and_leaving_is_not(session: Session) -> None:
    template = make_template(session)
    structure = make_structure(session)
    taking, leaving = (made_from(session, template, structure, nom) for nom in ("Qui prend", "Qui laisse"))
    before = leaving.date_maj
    change(session, template, nombre_semaines=10, publics=["jeunes"])
    by = make_user(session, Role.ANIMATION)
    assert modeles.take(session, loaded(session, taking), template, ["nombre_semaines", "courriel"], by=by)
    assert (taking.nombre_semaines, taking.publics, taking.date_maj) == (10, ["femmes"], clock.today())
    assert taking.courriel == "accueil@association.example.org", "not the template's business"
    assert not modeles.take(session, loaded(session, leaving), template, [], by=by)
    assert (leaving.nombre_semaines, leaving.date_maj) == (8, before)
    session.flush()
    for offer in (taking, leaving):
        assert modeles.differences(session, offer, template) == [], "it is not asked about again"
    line = last_line(session, taking)
    assert (line.act, line.by_id, line.changes) == (Act.MODELE, by.id, {"nombre_semaines": [8, 10]})
    assert template.nom in line.note
    assert last_line(session, leaving).act is Act.PUBLICATION


# --- Who ---


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


# --- Write ---


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


# --- When it changes ---


def test_a_change_is_seen_and_taken_field_by_field(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    template = make_template(session, structure)
    offer = made_from(session, template, structure, "Couture", conditions_acces="Savoir nager.")
    browser = sign_in(partner)
    assert "Le modèle de cette offre a changé" not in browser.get("/mes-offres").text
    form = browser.get(f"/modeles/{template.id}").form(f"/modeles/{template.id}")
    page = form.submit(
        "Enregistrer le modèle", nombre_semaines="10", conditions_acces="Savoir écrire.", publics=["jeunes"]
    )
    assert page.path == f"/modeles/{template.id}/offres", "the offers to bring up to date come next"
    assert "Couture" in page.text

    page = browser.get("/mes-offres").click("Le modèle de cette offre a changé : Couture")
    rows = [" ".join(tr.text.split()) for tr in page.soup.select("tbody tr")]
    assert "Conditions d’accès et prérequis Savoir nager. Savoir lire. Savoir écrire." in rows
    assert "Nombre de semaines 8 8 10" in rows and "Publics Femmes Femmes Jeunes" in rows
    ticked = {box["value"] for box in page.soup.select("input[name=champ][checked]")}
    assert ticked == {"nombre_semaines", "publics"}, "what the offer says of its own is left unless asked for"
    page = page.form("/modele").submit(champ=["nombre_semaines"])
    session.refresh(offer)
    assert (offer.nombre_semaines, offer.conditions_acces, offer.publics) == (10, "Savoir nager.", ["femmes"])
    assert (offer.modele_version, offer.date_maj) == (2, clock.today())
    assert "Le modèle de cette offre a changé" not in browser.get("/mes-offres").text
    assert "déjà ce que dit le modèle" in browser.get(f"/offres/{offer.id}/modele").text


def test_for_many_each_result_is_told(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    template = make_template(session, structure, frais="gratuit")
    follows = made_from(session, template, structure, "Qui suit")
    refused = made_from(session, template, structure, "Qui ne peut pas")
    left = made_from(session, template, structure, "Qui n’est pas cochée")
    # Free of charge becomes paid: a public offer must say how much.
    follows.frais_precisions = "10 € par mois"
    change(session, template, frais="payant", nombre_semaines=10)
    page = sign_in(partner).get(f"/modeles/{template.id}/offres")
    assert {box["value"] for box in page.soup.select("input[name=champ]")} == {"frais", "nombre_semaines"}
    page = page.browser.post(
        f"/modeles/{template.id}/offres",
        {"champ": ["frais", "nombre_semaines"], "offre": [str(follows.id), str(refused.id)]},
    )
    assert "1 offre est à jour avec le modèle" in page.text
    assert "« Qui ne peut pas »" in page.text and "dites combien" in page.text
    for offer in (follows, refused, left):
        session.refresh(offer)
    assert [(o.frais, o.nombre_semaines, o.modele_version) for o in (follows, refused, left)] == [
        ("payant", 10, 2),
        ("gratuit", 8, 1),
        ("gratuit", 8, 1),
    ]
    shown = page.soup.select("input[name=offre]")
    assert {box["value"] for box in shown} == {str(refused.id), str(left.id)}, "what is left to do"


def test_nothing_ticked_changes_nothing(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    template = make_template(session, structure)
    offer = made_from(session, template, structure, "Couture")
    change(session, template, nombre_semaines=10)
    page = sign_in(partner).post(f"/modeles/{template.id}/offres", {"champ": ["nombre_semaines"]})
    assert "Cochez d’abord" in page.text
    session.refresh(offer)
    assert (offer.nombre_semaines, offer.modele_version) == (8, 1)


def test_each_decides_for_their_own_offers_and_keepers_for_all(session: Session, sign_in: SignIn) -> None:
    partner, mine = make_partner(session)
    theirs = make_structure(session, nom="Association Voisine")
    template = make_template(session)
    here, there = made_from(session, template, mine, "Ici"), made_from(session, template, theirs, "Là-bas")
    change(session, template, nombre_semaines=10)
    browser = sign_in(partner)
    page = browser.get(f"/modeles/{template.id}/offres")
    assert {box["value"] for box in page.soup.select("input[name=offre]")} == {str(here.id)}
    both = {"champ": ["nombre_semaines"], "offre": [str(here.id), str(there.id)]}
    browser.post(f"/modeles/{template.id}/offres", both)
    browser.get(f"/offres/{there.id}/modele", status=404)
    browser.post(f"/offres/{there.id}/modele", {"champ": "nombre_semaines"}, status=404)
    session.refresh(here)
    session.refresh(there)
    assert (here.nombre_semaines, there.nombre_semaines) == (10, 8)
    sign_in(make_user(session, Role.ANIMATION)).post(f"/modeles/{template.id}/offres", both)
    session.refresh(there)
    assert there.nombre_semaines == 10


def test_what_is_put_away_is_not_asked_about(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    template = make_template(session, structure)
    offer = made_from(session, template, structure, "Couture")
    change(session, template, nombre_semaines=10)
    rules.archive_offer(session, offer, by=partner)
    browser = sign_in(partner)
    assert not browser.get(f"/modeles/{template.id}/offres").soup.select("input[name=offre]")
    assert "Le modèle de cette offre a changé" not in browser.get("/mes-offres?etat=archivees").text


def test_an_offer_of_no_template_has_nothing_to_compare(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    browser = sign_in(partner)
    browser.get(f"/offres/{offer.id}/modele", status=404)
    browser.post(f"/offres/{offer.id}/modele", {"champ": "type"}, status=404)
