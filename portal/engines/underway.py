"""How long ago the oldest change that is not yet seen by others was begun: each engine tells it in its own way."""

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

_OLDEST = text(
    "SELECT max(clock_timestamp() - xact_start) FROM pg_stat_activity "
    "WHERE datname = current_database() AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()"
)


def oldest_write(session: Session) -> timedelta:
    """Return since when the oldest other transaction that has written has been open; zero when there is none.

    `session` is a writing one: on SQLite it is then the only one.
    """
    if session.get_bind().dialect.name == "sqlite":
        return timedelta(0)
    found: timedelta | None = session.execute(_OLDEST).scalar_one()
    return max(found or timedelta(0), timedelta(0))
