"""The days of the demo: it tells what happened before today."""

from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, time, timedelta

from portal import clock


def days_ago(days: int, *, minutes: int = 0) -> AbstractContextManager[None]:
    """Stop the clock in the morning, so many days ago (one or more), `minutes` after half past nine (UTC)."""
    morning = datetime.combine(clock.today(), time(9, 30), UTC)
    return clock.stopped_at(morning - timedelta(days=days) + timedelta(minutes=minutes))


def days_ahead(days: int) -> date:
    """Return the day that comes in so many days."""
    return clock.today() + timedelta(days=days)


def workday(day: date) -> date:
    """Return this day, or the Monday after it when nobody works on it."""
    return day + timedelta(days=max(0, 7 - day.weekday())) if day.weekday() > 4 else day


def on_day(day: date, *, minutes: int = 0) -> AbstractContextManager[None]:
    """Stop the clock in the morning of a day, `minutes` after half past nine (UTC); not later than now."""
    morning = datetime.combine(day, time(9, 30), UTC) + timedelta(minutes=minutes)
    return clock.stopped_at(min(morning, clock.now()))


def months_after(day: date, months: int) -> date:
    """Return the first day of the month so many months after that of `day`."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, 1)


def month_before(day: date) -> date:
    """Return the last day of the month before that of `day`."""
    return day.replace(day=1) - timedelta(days=1)
