"""Offers to confirm, and the messages that ask for it."""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from sqlmodel import Session, col, select

from portal.accounts.models import OutgoingMail, Role, User
from portal.offers import queries
from portal.offers.models import Offer
from portal.structures import rules as structures
from portal.structures.models import Validation
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import make_partner

MoveClock = Callable[..., datetime]
LINK = re.compile(r"http://localhost(/offres/toujours-valable/\S+)")


def at(move_clock: MoveClock, day: date) -> None:
    move_clock(day.year, day.month, day.day, 10)


def mails(session: Session, to: User | None = None) -> list[OutgoingMail]:
    statement = select(OutgoingMail).order_by(col(OutgoingMail.created_at), col(OutgoingMail.recipient))
    found = session.exec(statement)
    return [mail for mail in found if to is None or mail.recipient == to.courriel]


def link_of(mail: OutgoingMail) -> str:
    found = LINK.findall(mail.body)
    assert len(found) == 1, mail.body
    return str(found[0])


def in_catalogue(session: Session, offer: Offer) -> bool:
    return offer.id in {found.id for found in session.execute(queries.published()).scalars()}


def set_rules(session: Session, **values: Any) -> None:
    usual = {
        "structures_validees": Validation.AVANT,
        "offres_validees": Validation.APRES,
        "confirmation_mois": 6,
        "suspension_jours": 60,
    }
    structures.set_catalogue_rules(session, usual | values, by=make_user(session, Role.ANIMATION))


def scene(session: Session, **values: Any) -> tuple[User, Offer]:
    partner, structure = make_partner(session)
    return partner, make_offer(session, structure, **values)
