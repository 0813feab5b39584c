"""SQLite: one writer at a time, taken from the first statement of a writing transaction."""

import sqlite3
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from portal.engines.alphabetical import SQLITE_NAME, folded

_PATIENCE_MS = 30_000


def options() -> dict[str, Any]:
    """Return the keywords of `create_engine`."""
    return {"connect_args": {"timeout": 30, "check_same_thread": False}}


def prepare(engine: Engine) -> None:
    """Turn foreign keys and the write-ahead log on, and take charge of BEGIN.

    `portal_patience_ms`, an execution option, is how long to wait for the other writer, in place of half a minute.
    """

    @event.listens_for(engine, "connect")
    def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transaction control starts too late (at the first write): two requests could both
        # read the last place as free. We say BEGIN ourselves.
        connection.isolation_level = None
        connection.create_function(SQLITE_NAME, 1, folded, deterministic=True)
        for pragma in (
            "foreign_keys=ON",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            f"busy_timeout={_PATIENCE_MS}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("portal_read_only", False):
            connection.exec_driver_sql("BEGIN")
            return
        patience = options.get("portal_patience_ms")
        if patience is None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            return
        # Once the only writer, it waits for nothing more: the usual patience comes back at once.
        connection.exec_driver_sql(f"PRAGMA busy_timeout={int(patience)}")
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={_PATIENCE_MS}")


def go_straight(connection: sqlite3.Connection) -> None:
    """Ready a connection for statements alone: it can only read, and gives texts as bytes."""
    connection.execute("PRAGMA query_only=ON")
    # Twenty records by their keys: the pages that serve again are few, and each thread has such a cache.
    connection.execute("PRAGMA cache_size=-512")
    connection.text_factory = bytes
