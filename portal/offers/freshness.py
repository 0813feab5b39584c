"""Fresh by itself (docs/adr/0008): when an offer is to be confirmed, when it is reminded of, when it is suspended."""

import calendar
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session, col, select

from portal import clock, links
from portal.offers import queries
from portal.offers.models import Offer, OfferState
from portal.structures.models import CatalogueRules

# Nobody is suspended without a message so long before.
WARNING_DAYS = 7
# No more than one message in so many days about the same offer.
PAUSE_DAYS = 7
LINK_DAYS = 60
_PURPOSE = "toujours-valable"


class Due(StrEnum):
    """What the portal owes an offer today."""

    RIEN = "rien"
    RAPPEL = "rappel"
    SUSPENSION = "suspension"


@dataclass(frozen=True, slots=True)
class Link:
    """What a link of confirmation is about: the offer, and the `date_maj` its reader was told."""

    offer_id: uuid.UUID
    user_id: uuid.UUID
    date_maj: date


def months_after(day: date, months: int) -> date:
    """Return the same day so many months later, the month's last one when it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def due_on(offer: Offer | Row[Any], rules: CatalogueRules) -> date:
    """Return the day from which the offer is to be confirmed."""
    return months_after(offer.date_maj, offer.confirmation_mois or rules.confirmation_mois)


def is_due(offer: Offer | Row[Any], rules: CatalogueRules) -> bool:
    """Say whether somebody should confirm the offer by now."""
    return clock.today() >= due_on(offer, rules)


def suspends_on(offer: Offer, rules: CatalogueRules) -> date:
    """Return the day on which an offer that nobody confirms is suspended."""
    return due_on(offer, rules) + timedelta(days=rules.suspension_jours)


def owed(offer: Offer, rules: CatalogueRules) -> Due:
    """Return what is to be done today for a published offer.

    Reminders: when due, halfway, and in the last two weeks; suspension when the delay is over and a message left
    WARNING_DAYS ago or more.
    """
    today = clock.today()
    if offer.state is not OfferState.PUBLIEE or today < due_on(offer, rules):
        return Due.RIEN
    told = offer.reminded_at.astimezone(clock.PARIS).date() if offer.reminded_at else None
    if today >= suspends_on(offer, rules) and told and today >= told + timedelta(days=WARNING_DAYS):
        return Due.SUSPENSION
    if told and today < told + timedelta(days=PAUSE_DAYS):
        return Due.RIEN
    return Due.RAPPEL if offer.reminders < steps_passed(offer, rules) else Due.RIEN


def steps_passed(offer: Offer, rules: CatalogueRules) -> int:
    """Return how many of its reminders an offer that is due should have had by now: from 1 to 3."""
    steps = (
        due_on(offer, rules),
        due_on(offer, rules) + timedelta(days=rules.suspension_jours // 2),
        suspends_on(offer, rules) - timedelta(days=2 * WARNING_DAYS),
    )
    return max(1, sum(clock.today() >= step for step in steps))


def latest_due(today: date, months: int) -> date:
    """Return the latest `date_maj` that is due on `today` for this rhythm: `months_after` read backwards."""
    if today.day == calendar.monthrange(today.year, today.month)[1]:
        # The last day of a month stands for all those that it lacks.
        first = months_after(today.replace(day=1), -months)
        return first.replace(day=calendar.monthrange(first.year, first.month)[1])
    return months_after(today, -months)


def published(session: Session, *, only: Collection[uuid.UUID] | None = None) -> list[Offer]:
    """Return the published offers with their structure that a message may be about, the oldest first.

    Those of `only`, when given, are read again and kept from others until the transaction ends.
    """
    statement = queries.published().order_by(None).order_by(col(Offer.date_maj), col(Offer.id))
    if only is not None:
        statement = statement.where(col(Offer.id).in_(list(only)))
        statement = statement.with_for_update(of=Offer).execution_options(populate_existing=True)
    # The shortest rhythm is a month: what is younger owes nothing.
    recent = clock.today() - timedelta(days=27)
    return list(session.execute(statement.where(col(Offer.date_maj) <= recent)).scalars())


def lock(session: Session, offer_id: uuid.UUID) -> Offer:
    """Return the offer as it is now, kept from others until the transaction ends."""
    return session.exec(select(Offer).where(col(Offer.id) == offer_id).with_for_update()).one()


def make_link(secret: str, offer: Offer, user_id: uuid.UUID) -> str:
    """Return the signed words with which this person confirms this offer as it stands."""
    return links.sign(secret, _PURPOSE, [str(offer.id), str(user_id), offer.date_maj.isoformat()])


def read_link(secret: str, text: str) -> Link:
    """Return what a link is about. Raises portal.links.DeadLink."""
    try:
        offer_id, user_id, day = links.read(secret, _PURPOSE, text, days=LINK_DAYS)
        return Link(uuid.UUID(offer_id), uuid.UUID(user_id), date.fromisoformat(day))
    except ValueError:
        raise links.DeadLink(expired=False) from None
