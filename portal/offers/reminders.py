"""What the job `freshness` does of a day: whom to ask, what to suspend (docs/adr/0008)."""

import uuid
from collections.abc import Sequence
from datetime import datetime, time, timedelta

from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import OutgoingMail
from portal.offers import freshness, notifications, rules
from portal.offers.freshness import Due
from portal.offers.models import Offer
from portal.structures.models import CatalogueRules
from portal.structures.rules import catalogue_rules


def keep_fresh(session: Session, *, public_url: str, secret: str) -> tuple[int, int]:
    """Ask about the offers that are due and suspend those that nobody confirmed; return how many of each.

    Run again the same day, or on two machines at once, it writes nothing more.
    """
    settings = catalogue_rules(session)
    owed = [o.id for o in freshness.published(session) if freshness.owed(o, settings) is not Due.RIEN]
    # Read again once nobody else can change them: another machine may have been there first.
    offers = freshness.published(session, only=owed) if owed else []
    due = {offer.id: freshness.owed(offer, settings) for offer in offers}
    suspended = [offer for offer in offers if due[offer.id] is Due.SUSPENSION]
    for offer in suspended:
        rules.suspend_offer(session, offer)
    notifications.tell_suspended(session, suspended, public_url=public_url, secret=secret)
    asked = _to_ask(session, [offer for offer in offers if due[offer.id] is Due.RAPPEL])
    notifications.remind(session, asked, settings, public_url=public_url, secret=secret)
    for offer in asked:
        _note(offer, settings)
    return len(asked), len(suspended)


def _to_ask(session: Session, offers: Sequence[Offer]) -> list[Offer]:
    """Leave out the offers of people who had such a message this week: the next one will hold them too."""
    if not offers:
        return []
    people = notifications.people_by_structure(session, {offer.structure_id for offer in offers})
    keepers = notifications.animators(session)
    lately = _told_lately(session)
    waiting: set[uuid.UUID] = {
        offer.structure_id
        for offer in offers
        if any(user.courriel in lately for user in people.get(offer.structure_id) or keepers)
    }
    return [offer for offer in offers if offer.structure_id not in waiting]


def _told_lately(session: Session) -> set[str]:
    first = clock.today() - timedelta(days=freshness.PAUSE_DAYS - 1)
    since = datetime.combine(first, time(), tzinfo=clock.PARIS)
    return set(
        session.exec(
            select(OutgoingMail.recipient).where(
                col(OutgoingMail.subject) == notifications.REMINDER, col(OutgoingMail.created_at) >= since
            )
        )
    )


def _note(offer: Offer, settings: CatalogueRules) -> None:
    # A step that was missed, because the job did not run or the week was taken, is not made up for.
    offer.reminders = max(offer.reminders + 1, freshness.steps_passed(offer, settings))
    offer.reminded_at = clock.now()
