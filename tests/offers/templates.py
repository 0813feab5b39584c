"""Templates of offers, and offers made from them."""

from datetime import timedelta
from typing import Any

from sqlmodel import Session, col

from portal import clock
from portal.accounts.models import Role
from portal.offers import modeles, queries
from portal.offers.models import Offer, OfferTemplate
from portal.structures import history
from portal.structures.models import Structure
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.pages import Page

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
