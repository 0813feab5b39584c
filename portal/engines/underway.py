"""Since when something may be being written that others do not see yet: each engine tells it in its own way."""

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

# Longer than any import; a transaction forgotten open does not stop the others for ever.
LONGEST = timedelta(hours=1)
_OLDEST = text(
    "SELECT max(clock_timestamp() - xact_start) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def oldest_write(session: Session) -> timedelta:
    """Return since when the oldest other transaction, which may be writing, has been open: zero when there is none.

    LONGEST at most. `session` is a writing one: on SQLite it is then the only one.
    """
    if session.get_bind().dialect.name == "sqlite":
        return timedelta(0)
    found: timedelta | None = session.execute(_OLDEST).scalar_one()
    return min(max(found or timedelta(0), timedelta(0)), LONGEST)
