"""The sessions of offers: dates and seats."""

import uuid
from typing import Any

from sqlmodel import Session, col, select

from portal import clock
from portal.offers.models import Offer, OfferSession
from portal.structures import history

FIELDS = ("debut", "fin", "places", "precisions")


def of_offer(session: Session, offer_id: uuid.UUID, *, to_come: bool = False) -> list[OfferSession]:
    """Return the sessions of an offer by date; only those that are not over when `to_come`."""
    found = session.exec(
        select(OfferSession)
        .where(col(OfferSession.offer_id) == offer_id)
        .order_by(col(OfferSession.debut), col(OfferSession.id))
    ).all()
    return [s for s in found if not to_come or (s.fin or s.debut) >= clock.today()]


def as_rows(sessions: list[OfferSession]) -> list[dict[str, Any]]:
    """Return the sessions as the form holds them."""
    return [{name: getattr(s, name) for name in FIELDS} for s in sessions]


def set_sessions(session: Session, offer: Offer, rows: list[dict[str, Any]]) -> history.Changes:
    """Give `offer` these sessions (see FIELDS) in place of its former ones; return what changed, for its history."""
    kept = of_offer(session, offer.id)
    before = sorted((_plain(row) for row in as_rows(kept)), key=_order)
    after = sorted((_plain(row) for row in rows), key=_order)
    if before == after:
        return {}
    for old in kept:
        session.delete(old)
    for row in rows:
        values: dict[str, Any] = {name: row.get(name) for name in FIELDS}
        session.add(OfferSession(offer_id=offer.id, **values))
    return {"sessions": [before, after]}


def _order(row: dict[str, Any]) -> tuple[Any, ...]:
    # Every answer counts, or two sessions of the same day would seem to change places.
    return row["debut"], row["fin"] or "", row["places"] or 0, row["precisions"] or ""


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: history.plain(row.get(name)) for name in FIELDS}
