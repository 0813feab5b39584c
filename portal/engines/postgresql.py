"""PostgreSQL through psycopg 3: row locks (`FOR UPDATE`) do what SQLite's single writer does."""

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine


def options() -> dict[str, Any]:
    """Return the keywords of `create_engine`."""
    return {"pool_pre_ping": True, "pool_size": 5, "max_overflow": 10}


def prepare(engine: Engine) -> None:
    """Make the transactions of pages that only show read-only for the server too, and impatient ones wait no longer.

    `portal_patience_ms`, an execution option, is how long to wait for what another transaction has in hand.
    """

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("portal_read_only", False):
            # One view of the data from end to end, as SQLite's readers have: a long export would otherwise hold an
            # offer and not its structure, when a change is committed between two of its statements.
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        if (patience := options.get("portal_patience_ms")) is not None:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(patience)}")
