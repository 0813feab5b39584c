"""What the export holds, known without making the records: for its pages, and to say that nothing changed."""

import threading
import time
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func
from sqlmodel import Session, col, select

from portal import clock
from portal.catalogue import freshness, records
from portal.catalogue.models import CatalogueChange
from portal.engines import changes
from portal.offers import queries as offer_queries
from portal.offers.models import Offer
from portal.structures import queries as structure_queries
from portal.structures.models import Structure

# The marks of what a record is made of; places and what is known from elsewhere are not in an export.
KINDS = {"structure": "structures", "offer": "services"}
_ID = 16


_LATEST: dict[str, Callable[[], Select[Any]]] = {
    "structures": lambda: (
        structure_queries.published().with_only_columns(func.max(Structure.date_maj)).order_by(None)
    ),
    "services": lambda: (
        offer_queries.published_columns().with_only_columns(func.max(Offer.date_maj)).order_by(None)
    ),
}


@dataclass(frozen=True, slots=True)
class State:
    """Two equal states give the same export, on any machine: the marks of what changed, and the day.

    Marks may be committed out of their order, so that their number counts as well as the last one; the row it names
    tells one history from another (a copy of the database that was put back).
    """

    marks: int
    last: int | None
    row: str | None
    # Offers end, and a date is to come or not: ours in Paris, the schema's where the machine is.
    days: tuple[date, date]


@dataclass(frozen=True, slots=True)
class Listing:
    """The records of one kind, by id: `ids` holds sixteen bytes for each. `without`: published, and left out."""

    ids: bytes
    without: frozenset[uuid.UUID]

    def __len__(self) -> int:
        return len(self.ids) // _ID

    def page(self, number: int, size: int) -> tuple[uuid.UUID, uuid.UUID] | None:
        """Return the first and the last id of page `number` (from 1) of `size`; None past the end."""
        first, end = (number - 1) * size, min(number * size, len(self))
        if first >= end:
            return None
        return self._at(first), self._at(end - 1)

    def _at(self, rank: int) -> uuid.UUID:
        return uuid.UUID(bytes=self.ids[rank * _ID : (rank + 1) * _ID])


def state(session: Session) -> State:
    """Return the state of what is exported, as this session sees it: two short statements."""
    watched = col(CatalogueChange.kind).in_(list(KINDS))
    marks, last = session.execute(select(func.count(), func.max(col(CatalogueChange.n))).where(watched)).one()
    return State(marks, last, _row(session, last), (clock.today(), date.today()))  # noqa: DTZ011


class Census:
    """Which rows leave, for one process: read once, then again for what the marks name. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state: State | None = None
        self._looked_at = 0.0
        self._seen = changes.Seen()
        self._left_out: dict[str, set[uuid.UUID]] = {}
        self._listings: dict[str, Listing] = {}
        self._latest: tuple[State | None, dict[str, date]] = (None, {})

    def listing(self, session: Session, kind: str, now: State) -> Listing:
        """Return the records of `kind` ("structures" or "services") in the state `now`, that of this session."""
        with self._lock:
            if now != self._state:
                self._look(session, now)
            if kind not in self._listings:
                self._listings[kind] = self._read(session, kind)
            return self._listings[kind]

    def latest(self, session: Session, kinds: Collection[str], now: State) -> date:
        """Return the last `date_maj` of what is published of `kinds` in the state `now`, today at the latest."""
        seen, days = self._latest
        if seen != now:
            days = {}
        for kind in kinds:
            if kind not in days:
                days[kind] = session.execute(_LATEST[kind]()).scalar() or now.days[0]
        # One assignment: another thread finds the former pair or this one.
        self._latest = now, days
        return min(now.days[0], max(days[kind] for kind in kinds))

    def _look(self, session: Session, now: State) -> None:
        before, moment = self._state, time.monotonic()
        follows = (
            before is not None
            and moment - self._looked_at < freshness.LONGEST_SLEEP
            # Otherwise this is another history: a copy of the database, or a session that began before the last look.
            and _row(session, before.last) == before.row
        )
        self._listings.clear()
        if before is None or not follows:
            self._state, self._seen = None, changes.Seen()
            # The marks first: what is committed between the two is read twice rather than missed.
            changes.new_marks(session, self._seen)
            for kind in KINDS.values():
                self._leave_out(kind, set(), records.left_out(session, kind))
        else:
            named: dict[str, set[uuid.UUID]] = {kind: set() for kind in KINDS.values()}
            for mark in changes.new_marks(session, self._seen):
                if mark.kind in KINDS and mark.row_id:
                    named[KINDS[mark.kind]].add(uuid.UUID(mark.row_id))
            self._state = None
            for kind, among in named.items():
                if now.days != before.days:
                    # What was to come may have come; what was sound remains so.
                    among |= self._left_out[kind]
                found = records.left_out(session, kind, among=among)
                self._leave_out(kind, self._left_out[kind] - among, found)
        self._state, self._looked_at = now, moment

    def _leave_out(self, kind: str, still: set[uuid.UUID], found: dict[uuid.UUID, list[str]]) -> None:
        for row_id, fields in found.items():
            records.log_left_out(kind, row_id, fields)
        self._left_out[kind] = still | set(found)

    def _read(self, session: Session, kind: str) -> Listing:
        gone = self._left_out[kind]
        if kind == "structures":
            rows = session.execute(structure_queries.published().with_only_columns(col(Structure.id)))
            return _listed(rows.scalars().all(), gone)
        unsound = self._left_out["structures"]
        if unsound:
            of_unsound = offer_queries.published_columns().where(col(Offer.structure_id).in_(unsound))
            gone = gone | set(session.execute(of_unsound.with_only_columns(col(Offer.id))).scalars())
        rows = session.execute(offer_queries.published_columns().with_only_columns(col(Offer.id)))
        return _listed(rows.scalars().all(), gone)


def _listed(ids: Collection[uuid.UUID], gone: set[uuid.UUID]) -> Listing:
    return Listing(b"".join(id.bytes for id in ids if id not in gone), frozenset(gone))


def _row(session: Session, n: int | None) -> str | None:
    if n is None:
        return None
    statement = select(col(CatalogueChange.row_id)).where(col(CatalogueChange.n) == n)
    found: str | None = session.execute(statement).scalar()
    return found
