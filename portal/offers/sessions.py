"""The sessions of offers: dates and seats."""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from portal import clock
from portal.errors import RuleBroken
from portal.offers.models import Offer, OfferSession
from portal.offers.places import Seats
from portal.structures import history

FIELDS = ("debut", "fin", "places", "precisions")


class SeatsTaken(RuleBroken):
    """A session would have fewer seats than it has people; `row` is its place among the rows that were given."""

    def __init__(self, message: str, row: int) -> None:
        super().__init__(message, field="places")
        self.row = row


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


def set_sessions(
    session: Session, offer: Offer, rows: list[dict[str, Any]], *, seats: Seats | None = None
) -> history.Changes:
    """Give `offer` these sessions (see FIELDS) in place of its former ones; return what changed, for its history.

    A session that stays the same one stays the same row: prescriptions have chosen it. `seats` counts the seats that
    are taken; an offer that nobody could choose yet needs none. Raises SeatsTaken when a session would have fewer
    seats than that, RuleBroken when a session that somebody chose would go.
    """
    kept = of_offer(session, offer.id)
    before = sorted((_plain(row) for row in as_rows(kept)), key=_order)
    after = sorted((_plain(row) for row in rows), key=_order)
    if before == after:
        return {}
    taken: Mapping[uuid.UUID, int] = {}
    if seats is not None and kept:
        _lock(session, offer.id)
        taken = seats(session, [old.id for old in kept])
    for old, row in _paired(kept, rows):
        if row is None:
            assert old is not None
            _remove(session, old, taken.get(old.id, 0))
        elif old is None:
            session.add(OfferSession(offer_id=offer.id, **_values(row)))
        else:
            _check_seats(taken.get(old.id, 0), row, rows.index(row))
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


def _lock(session: Session, offer_id: uuid.UUID) -> None:
    # An answer that takes a seat takes the row of its session first: it is counted, or waits and reads what we write.
    session.exec(
        select(OfferSession.id)
        .where(col(OfferSession.offer_id) == offer_id)
        .order_by(col(OfferSession.id))
        .with_for_update()
    ).all()


def _check_seats(taken: int, row: dict[str, Any], number: int) -> None:
    seats = row.get("places")
    if seats is not None and seats < taken:
        people = "1 personne a" if taken == 1 else f"{taken} personnes ont"
        raise SeatsTaken(f"{people} déjà une place dans cette session : écrivez au moins {taken}.", number)


def _remove(session: Session, old: OfferSession, taken: int) -> None:
    debut = old.debut
    if taken:
        who = "1 personne a une place" if taken == 1 else f"{taken} personnes ont une place"
        raise RuleBroken(
            f"{who} dans la session du {debut:%d/%m/%Y} : gardez-la, ou proposez d’abord une autre session dans "
            f"{'sa prescription' if taken == 1 else 'leurs prescriptions'}.",
            field="sessions",
        )
    try:
        with session.begin_nested():
            session.delete(old)
    except IntegrityError as error:
        raise RuleBroken(
            f"La session du {debut:%d/%m/%Y} est écrite dans une prescription : gardez-la. Si cette prescription est en "
            "cours, changez d’abord son rendez-vous.",
            field="sessions",
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
