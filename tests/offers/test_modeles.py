"""Templates of offers: who writes and uses them, what an offer takes of one that changed, one by one and for many."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import Session, select

from portal import clock
from portal.accounts.models import Role, User
from portal.errors import RuleBroken
from portal.offers import modeles, rules
from portal.offers.models import TemplateVersion
from portal.structures.models import Act
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import make_partner, make_structure
from tests.offers.templates import VALUES, change, last_line, loaded, made_from, make_template
from tests.pages import Browser

SignIn = Callable[[User], Browser]


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
