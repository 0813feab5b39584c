"""Rows by their ids, in each engine's own words: the one statement that every search ends with, so it goes straight."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from portal.engines.straight import Straight

#: Where a session that only reads says by which connections a statement may go alone.
STRAIGHT = "portal_straight"
# SQLite takes 32 766 values in a statement; fewer are read sooner.
_TOGETHER = 500


def rows_among(session: Session, statement: str, ids: Sequence[str]) -> list[tuple[bytes, ...]]:
    """Return the rows of `statement`, in no order; it says `{among}` where the ids are looked for ("WHERE id {among}").

    It reads columns of texts, which come as UTF-8. A session that has read already keeps its view of the data; one
    that only reads, and has not begun, does not begin for this.
    """
    straight: Straight | None = None if session.in_transaction() else session.info.get(STRAIGHT)
    dialect = session.get_bind().dialect.name if straight is None else straight.dialect
    rows: list[tuple[bytes, ...]] = []
    for start in range(0, len(ids), _TOGETHER):
        wanted = ids[start : start + _TOGETHER]
        values: tuple[Any, ...]
        if dialect == "postgresql":
            asked, values = statement.format(among="= ANY(%s)"), (list(wanted),)
        else:
            # A statement built for each call would cost as much as the reading itself.
            asked, values = statement.format(among=f"IN ({','.join('?' * len(wanted))})"), tuple(wanted)
        if straight is not None:
            rows += straight.rows(asked, values)
        else:
            found = session.connection().exec_driver_sql(asked, values).all()
            rows += [tuple(text.encode() for text in row) for row in found]
    return rows
