"""The sessions of offers: dates and seats."""

import uuid
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from portal import clock
from portal.errors import RuleBroken
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
    return [_of(s) for s in sessions]


def set_sessions(session: Session, offer: Offer, rows: list[dict[str, Any]]) -> history.Changes:
    """Give `offer` these sessions (see FIELDS) in place of its former ones; return what changed, for its history.

    A session that stays the same one stays the same row: prescriptions have chosen it. Raises RuleBroken when a
    session that somebody chose would go.
    """
    kept = of_offer(session, offer.id)
    before = sorted((_plain(row) for row in as_rows(kept)), key=_order)
    after = sorted((_plain(row) for row in rows), key=_order)
    if before == after:
        return {}
    for old, row in _paired(kept, rows):
        if row is None:
            assert old is not None
            _remove(session, old)
        elif old is None:
            session.add(OfferSession(offer_id=offer.id, **_values(row)))
        else:
            for name, value in _values(row).items():
                setattr(old, name, value)
    return {"sessions": [before, after]}


def _paired(
    kept: list[OfferSession], rows: list[dict[str, Any]]
) -> list[tuple[OfferSession | None, dict[str, Any] | None]]:
    """Return each former session with the row it becomes: the equal one first, then one of the same first day.

    What is left goes (no row) or is new (no session).
    """
    left, pairs = list(kept), dict[int, OfferSession]()
    for same in (_plain, lambda row: row["debut"]):
        for number, row in enumerate(rows):
            if number in pairs:
                continue
            found = next((old for old in left if same(_of(old)) == same(row)), None)
            if found is not None:
                pairs[number] = found
                left.remove(found)
    return [
        *((old, None) for old in left),
        *((pairs.get(number), row) for number, row in enumerate(rows)),
    ]


def _remove(session: Session, old: OfferSession) -> None:
    debut = old.debut
    try:
        with session.begin_nested():
            session.delete(old)
    except IntegrityError as error:
        raise RuleBroken(
            f"La session du {debut:%d/%m/%Y} est choisie pour une personne : gardez-la, ou changez d’abord son "
            "rendez-vous.",
        ) from error


def _of(old: OfferSession) -> dict[str, Any]:
    return {name: getattr(old, name) for name in FIELDS}


def _values(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row.get(name) for name in FIELDS}


def _order(row: dict[str, Any]) -> tuple[Any, ...]:
    # Every answer counts, or two sessions of the same day would seem to change places.
    return row["debut"], row["fin"] or "", row["places"] or 0, row["precisions"] or ""


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: history.plain(row.get(name)) for name in FIELDS}
