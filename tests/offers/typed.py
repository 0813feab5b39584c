"""What is typed in the form of an offer, kept before it is saved."""

from typing import Any

from bs4 import BeautifulSoup
from sqlmodel import Session

from portal.accounts.models import User
from portal.offers import saisies
from portal.offers.models import Offer, Saisie
from portal.structures.models import Structure
from tests.pages import Browser, Form


def keep(session: Session, user: User, offer: Offer, **champs: str) -> Saisie:
    return saisies.save(
        session,
        user=user,
        structure_id=offer.structure_id,
        offer_id=offer.id,
        version=offer.version,
        champs=list(champs.items()),
    )


def autosave(
    browser: Browser, structure: Structure, form: Form, offer_id: object, **typed: Any
) -> BeautifulSoup:
    """Send what the form holds as htmx does while somebody types."""
    data = form.values | typed
    return browser.fragment(f"/structures/{structure.id}/saisie/{offer_id}", "offer-aside", data)


def said(soup: BeautifulSoup, selector: str) -> str:
    found = soup.select_one(selector)
    assert found is not None, selector
    return " ".join(found.text.split())
