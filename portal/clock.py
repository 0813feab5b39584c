"""The present, asked in one place so that tests can move it and demo data can be dated."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")


def _system_now() -> datetime:
    return datetime.now(UTC)


_source = _system_now


def now() -> datetime:
    """Return the present moment in UTC."""
    return _source()


def today() -> date:
    """Return the present day in Europe/Paris, the one people and the schema's `date_maj` go by."""
    return now().astimezone(PARIS).date()


@contextmanager
def stopped_at(moment: datetime) -> Iterator[None]:
    """Stop the clock of this whole process at `moment` (aware); for commands and tests, never in a server."""
    global _source
    usual = _source
    _source = lambda: moment  # noqa: E731
    try:
        yield
    finally:
        _source = usual
