"""What the job `alertes` does: run the saved searches that are due, and write to people what is new.

A search is due a week, or a calendar month, after it was last looked at. It is run whole, every filter and every
source, by the engine of the search page. New is what appeared here since: our offers by their publication, the others
by the day they were received.
"""

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import quote

from sqlalchemy import and_, or_, select, update
from sqlmodel import Session, col

from portal import clock
from portal.accounts.models import User
from portal.accounts.rules import queue_mail
from portal.catalogue import address, saved
from portal.catalogue.criteria import Hit
from portal.catalogue.engine import Card, Catalogue, Snapshot
from portal.catalogue.models import Frequence, KnownService, SavedSearch
from portal.db import Database
from portal.engines.underway import oldest_write
from portal.offers.freshness import latest_due
from portal.offers.models import Offer

log = logging.getLogger("portal.catalogue")

SUBJECT = "De nouvelles offres répondent à vos recherches"
# A table or an import may bring thousands: a message names so many, the search has the others.
MOST_LISTED = 10
_WEEK = 7
_PAGE = 10_000
_TOGETHER = 500


@dataclass(frozen=True, slots=True)
class News:
    """What is new for a saved search: how many offers, and the first of them."""

    search: SavedSearch
    total: int
    cards: Sequence[Card]


@dataclass(frozen=True, slots=True)
class Sender:
    """What messages need to know of the portal (see the settings of the same names)."""

    source: str
    public_url: str
    secret_key: str
    departement: str


def run(database: Database, catalogue: Catalogue, sender: Sender) -> str:
    """Tell people what is new for their searches that are due, one message a person; return a line that says how many.

    Run again, or on two machines at once, it tells nothing twice: each search is claimed in the transaction that
    writes the message.
    """
    until = _settled(database)
    with database.session(read_only=True) as session:
        people = _due(session, clock.today())
        if not people:
            return "0 searches looked at, 0 people told"
        snapshot = catalogue.snapshot(session, fresh=True)
        looked = told = failed = 0
        for user, searches in people:
            try:
                news = [
                    found
                    for search in searches
                    if (found := news_of(session, snapshot, search, until=until, sender=sender)) is not None
                ]
                claimed, written = _tell(database, user, news, until=until, sender=sender)
            except Exception:
                # One person's search must not keep the others from their message.
                log.exception("the alerts of an account were not sent")
                failed += 1
                continue
            looked, told = looked + claimed, told + written
    line = f"{looked} searches looked at, {told} people told"
    return f"{line}, {failed} failed" if failed else line


def news_of(
    session: Session, snapshot: Snapshot, search: SavedSearch, *, until: datetime, sender: Sender
) -> News | None:
    """Return what appeared for a search since it was last looked at, `until` included.

    None when it can no longer be understood (a commune or a value that is gone): wider than asked would be wrong.
    """
    typed = address.from_kept(search.criteres, departement=sender.departement)
    if typed.errors or typed.is_blank:
        return None
    # The engine goes by days; the moments are read for what it finds.
    criteria = replace(typed.criteria(), appeared_after=search.seen_until.astimezone(UTC).date())
    hits: list[Hit] = []
    page = 1
    while True:
        found = snapshot.search(criteria, page=page, size=_PAGE, sort=typed.tri)
        hits += found.hits
        if len(hits) >= found.total or not found.hits:
            break
        page += 1
    moments = _moments(session, [hit.id for hit in hits], f"{sender.source}--")
    new = [hit for hit in hits if (at := moments.get(hit.id)) and search.seen_until < at <= until]
    return News(search, len(new), snapshot.cards(session, new[:MOST_LISTED]))


def _due(session: Session, today: date) -> list[tuple[User, list[SavedSearch]]]:
    """Return the searches to look at today, by person; people whose account is closed are left out."""
    week = _midnight(today - timedelta(days=_WEEK - 1))
    month = _midnight(latest_due(today, 1) + timedelta(days=1))
    rows = session.execute(
        select(User, SavedSearch)
        .join(SavedSearch, col(SavedSearch.user_id) == col(User.id))
        .where(
            col(User.is_active),
            or_(
                and_(
                    col(SavedSearch.frequence) == Frequence.HEBDOMADAIRE, col(SavedSearch.seen_until) < week
                ),
                and_(col(SavedSearch.frequence) == Frequence.MENSUELLE, col(SavedSearch.seen_until) < month),
            ),
        )
        .order_by(col(User.id), col(SavedSearch.nom), col(SavedSearch.id))
    )
    people: dict[uuid.UUID, tuple[User, list[SavedSearch]]] = {}
    for user, search in rows:
        people.setdefault(user.id, (user, []))[1].append(search)
    return list(people.values())


def _settled(database: Database) -> datetime:
    """Return a moment such that all that was written before it is seen by whoever looks now.

    An import that is still being written bears moments that have passed: the next alert tells it.
    """
    with database.writing() as session:
        return clock.now() - oldest_write(session)


def _moments(session: Session, ids: Sequence[str], prefix: str) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    ours = [uuid.UUID(key.removeprefix(prefix)) for key in ids if key.startswith(prefix)]
    theirs = [key for key in ids if not key.startswith(prefix)]
    for start in range(0, len(ours), _TOGETHER):
        offers = select(col(Offer.id), col(Offer.published_at)).where(
            col(Offer.id).in_(ours[start : start + _TOGETHER])
        )
        found |= {f"{prefix}{key}": at for key, at in session.execute(offers) if at is not None}
    for start in range(0, len(theirs), _TOGETHER):
        known = select(col(KnownService.id), col(KnownService.received_at)).where(
            col(KnownService.id).in_(theirs[start : start + _TOGETHER])
        )
        found |= {str(key): at for key, at in session.execute(known)}
    return found


def _tell(
    database: Database, user: User, news: Sequence[News], *, until: datetime, sender: Sender
) -> tuple[int, int]:
    """Claim these searches and write their message, in one transaction; return how many of each."""
    with database.writing() as session:
        claimed = [found for found in news if _claim(session, found, until)]
        to_tell = [found for found in claimed if found.total]
        if to_tell:
            queue_mail(session, recipient=user.courriel, subject=SUBJECT, body=_body(user, to_tell, sender))
        return len(claimed), bool(to_tell)


def _claim(session: Session, found: News, until: datetime) -> bool:
    """Move a search to `until` unless somebody did, stopped it, deleted it or closed its account meanwhile."""
    search = found.search
    active = select(col(User.id)).where(col(User.is_active))
    changed = session.execute(
        update(SavedSearch)
        .where(
            col(SavedSearch.id) == search.id,
            col(SavedSearch.seen_until) == search.seen_until,
            col(SavedSearch.frequence) == search.frequence,
            col(SavedSearch.user_id).in_(active),
        )
        .values(seen_until=until, **({"alerted_at": clock.now()} if found.total else {}))
    )
    return bool(changed.rowcount == 1)  # type: ignore[attr-defined]


def _body(user: User, news: Sequence[News], sender: Sender) -> str:
    parts = []
    for found in news:
        typed = address.from_kept(found.search.criteres, departement=sender.departement)
        number = "1 nouvelle offre" if found.total == 1 else f"{found.total} nouvelles offres"
        lines = [f"{found.search.nom} : {number}.", ""]
        lines += [f"- {_line(card, sender.public_url)}" for card in found.cards]
        others = found.total - len(found.cards)
        if others > 0:
            lines.append(f"- et {others} autre{'s' if others > 1 else ''}, dans la recherche")
        stop = saved.make_stop_link(sender.secret_key, found.search)
        lines += [
            "",
            f"Voir toute la recherche : {sender.public_url}/offres{typed.query()}",
            f"Ne plus recevoir cette alerte : {sender.public_url}/recherches/arreter/{stop}",
        ]
        parts.append("\n".join(lines))
    return (
        f"Bonjour {user.prenom},\n\nDes offres sont arrivées depuis la dernière fois.\n\n"
        + "\n\n".join(parts)
        + f"\n\nChoisir quand vous recevez ces messages : {sender.public_url}/recherches\n"
    )


def _line(card: Card, public_url: str) -> str:
    key = card.offer_id or quote(card.hit.id, safe="")
    who = ", ".join(part for part in (card.structure_nom, str(card.record.get("commune") or "")) if part)
    named = f"{card.record['nom']} ({who})" if who else str(card.record["nom"])
    return f"{named} : {public_url}/offres/{key}"


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), clock.PARIS)
