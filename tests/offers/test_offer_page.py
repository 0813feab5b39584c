"""The page of an offer, as each of its readers sees it."""

import uuid
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlmodel import Session

from portal.accounts.models import Role, User
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import REDON, make_partner, make_structure
from tests.pages import Browser, Page

SignIn = Callable[[User], Browser]


def links(page: Page) -> dict[str, str]:
    return {" ".join(a.text.split()): str(a.get("href")) for a in page.soup.select("main a")}


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
