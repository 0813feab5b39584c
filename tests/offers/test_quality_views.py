"""The quality of an offer, beside its form as one types."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from bs4 import BeautifulSoup
from sqlmodel import Session, select

from portal.accounts.models import User
from portal.offers.models import Offer
from portal.structures.models import Structure
from tests.factories.offers import make_offer
from tests.factories.structures import make_partner
from tests.offers.writing import FULL, words
from tests.pages import Browser

SignIn = Callable[[User], Browser]

# Pages are compared with fragments: both are read the same way.
EXACT_PAGES = True


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
