"""A new offer: what the form begins with, keeps, refuses and warns of."""

from collections.abc import Callable

import pytest
from sqlmodel import Session, select

from portal.accounts.models import User
from portal.offers.models import Offer, OfferState
from tests.factories.offers import make_offer
from tests.factories.structures import REDON
from tests.offers.writing import DRAFT, FULL, PUBLISH, new_form, only_offer, words
from tests.pages import Browser

SignIn = Callable[[User], Browser]


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
