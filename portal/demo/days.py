"""The days of the demo: it tells what happened before today."""

from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, time, timedelta

from portal import clock


def days_ago(days: int, *, minutes: int = 0) -> AbstractContextManager[None]:
    """Stop the clock in the morning, so many days ago, `minutes` after half past nine (UTC)."""
    midday = datetime.combine(clock.now().astimezone(UTC).date(), time(9, 30), UTC)
    return clock.stopped_at(midday - timedelta(days=days) + timedelta(minutes=minutes))


def days_ahead(days: int) -> date:
    """Return the day that comes in so many days."""
    return clock.today() + timedelta(days=days)


def on_day(day: date, *, minutes: int = 0) -> AbstractContextManager[None]:
    """Stop the clock in the morning of a day, `minutes` after half past nine (UTC); not later than now."""
    morning = datetime.combine(day, time(9, 30), UTC) + timedelta(minutes=minutes)
    return clock.stopped_at(min(morning, clock.now()))
