"""What waits for the animator."""

from typing import Any

from sqlmodel import Session

from portal.accounts.models import Role, User
from portal.offers import rules as offers
from portal.offers.models import Offer
from portal.structures import members
from portal.structures import rules as structures
from portal.structures.models import MembershipLevel, Structure, Validation
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import make_structure


def make_administrator(session: Session, **values: Any) -> tuple[User, Structure]:
    """Give a structure and the partner who looks after it."""
    structure = make_structure(session, **values)
    partner = make_user(session, Role.PARTENAIRE)
    members.join(session, structure, partner, level=MembershipLevel.ADMINISTRATEUR)
    return partner, structure


def set_rules(session: Session, *, by: User, **values: Any) -> None:
    """Change some of the rules of the catalogue."""
    structures.set_catalogue_rules(
        session,
        {
            "structures_validees": Validation.AVANT,
            "offres_validees": Validation.APRES,
            "confirmation_mois": 6,
            "suspension_jours": 60,
            **values,
        },
        by=by,
    )
    session.flush()


def submit_structure(session: Session, **values: Any) -> tuple[User, Structure]:
    """Give a structure that waits, and who submitted it."""
    partner, structure = make_administrator(session, published=False, **values)
    structures.publish_structure(session, structure, by=partner)
    session.flush()
    return partner, structure


def submit_offer(session: Session, partner: User, structure: Structure, **values: Any) -> Offer:
    """Give an offer that its partner published: waiting or public and unread, as the rules say."""
    offer = make_offer(session, structure, published=False, **values)
    offers.publish_offer(session, offer, structure=structure, by=partner)
    session.flush()
    return offer
