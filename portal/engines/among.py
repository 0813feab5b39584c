"""Rows by their ids, in each engine's own words: the one statement that every search ends with, so it goes straight."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

# SQLite takes 32 766 values in a statement; fewer are read sooner.
_TOGETHER = 500


def rows_among(connection: Connection, statement: str, ids: Sequence[str]) -> list[Any]:
    """Return the rows of `statement`, in no order; it says `{among}` where the ids are looked for ("WHERE id {among}").

    A statement built for each call would cost as much as the reading itself.
    """
    rows: list[Any] = []
    for start in range(0, len(ids), _TOGETHER):
        wanted = ids[start : start + _TOGETHER]
        if connection.dialect.name == "postgresql":
            rows += connection.exec_driver_sql(statement.format(among="= ANY(%s)"), (list(wanted),)).all()
        else:
            marks = ",".join("?" * len(wanted))
            rows += connection.exec_driver_sql(statement.format(among=f"IN ({marks})"), tuple(wanted)).all()
    return rows
