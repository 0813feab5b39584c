"""The marks that triggers leave in `catalogue_change` (migration 0006): which are new since last time, on each engine.

On SQLite writers come one after the other, so numbers are committed in their order. On PostgreSQL a greater number may
be committed before a lesser one: the marks of every transaction that was not over last time are looked at again.
"""

from dataclasses import dataclass, field

from sqlalchemy import text
from sqlmodel import Session


@dataclass(frozen=True, slots=True)
class Mark:
    """A change: "offer" or "structure" with the row, "places" or "index"."""

    kind: str
    row_id: str | None


@dataclass(slots=True)
class Seen:
    """What a process has seen: the last number, and on PostgreSQL from which transaction on to look again."""

    last: int = 0
    horizon: int = 0
    since_horizon: set[int] = field(default_factory=set)


_SQLITE = text("SELECT n, kind, row_id FROM catalogue_change WHERE n > :last ORDER BY n")
_SQLITE_LAST = text("SELECT coalesce(max(n), 0) FROM catalogue_change")
_HORIZON = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
_POSTGRESQL = text(
    "SELECT n, txid, kind, row_id, pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    " FROM catalogue_change WHERE txid >= :horizon ORDER BY n"
)
_POSTGRESQL_LAST = text("SELECT coalesce(max(n), 0) FROM catalogue_change")


def new_marks(session: Session, seen: Seen) -> list[Mark]:
    """Return the marks that `seen` does not know, and add them to it. The first time, all are taken as seen."""
    connection = session.connection()
    first = seen.last == 0 and seen.horizon == 0
    if connection.dialect.name == "sqlite":
        if first:
            seen.last = int(connection.execute(_SQLITE_LAST).scalar_one())
            seen.horizon = 1
            return []
        rows = connection.execute(_SQLITE, {"last": seen.last}).all()
        if rows:
            seen.last = int(rows[-1][0])
        return [Mark(kind, row_id) for _, kind, row_id in rows]
    if first:
        seen.horizon = int(connection.execute(_HORIZON).scalar_one())
        seen.last = int(connection.execute(_POSTGRESQL_LAST).scalar_one())
        # Those of transactions not over yet are looked at again; what they say is read twice at worst.
        return []
    found = connection.execute(_POSTGRESQL, {"horizon": seen.horizon}).all()
    marks = [Mark(kind, row_id) for n, _, kind, row_id, _ in found if n not in seen.since_horizon]
    if found:
        horizon = int(found[0][4])
        seen.since_horizon = {int(n) for n, txid, *_ in found if txid >= horizon}
        seen.last = max(seen.last, int(found[-1][0]))
        seen.horizon = horizon
    return marks
