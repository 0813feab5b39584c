"""PostgreSQL through psycopg 3: row locks (`FOR UPDATE`) do what SQLite's single writer does."""

from typing import Any

from psycopg.adapt import Loader
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


class _Bytes(Loader):
    def load(self, data: Any) -> bytes:
        """Return a text as the server sent it."""
        return bytes(data)


def go_straight(connection: Any) -> None:
    """Ready a connection for statements alone: it can only read, and gives texts as bytes, in UTF-8."""
    connection.autocommit = True
    # The same few statements for ever: each is planned once.
    connection.prepare_threshold = 0
    connection.execute("SET default_transaction_read_only = on")
    connection.execute("SET client_encoding TO 'UTF8'")
    for name in ("text", "varchar"):
        connection.adapters.register_loader(name, _Bytes)
