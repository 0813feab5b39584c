"""PostgreSQL through psycopg 3: row locks (`FOR UPDATE`) do what SQLite's single writer does."""

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine


def options() -> dict[str, Any]:
    """Return the keywords of `create_engine`."""
    return {"pool_pre_ping": True, "pool_size": 5, "max_overflow": 10}


def prepare(engine: Engine) -> None:
    """Make the transactions of pages that only show read-only for the server too."""

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        if connection.get_execution_options().get("portal_read_only", False):
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
