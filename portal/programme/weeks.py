"""Weeks, and what they add up to: plain days and minutes, nothing of the database."""

import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from portal import clock

WEEK = timedelta(days=7)
WORKING_DAYS = (0, 1, 2, 3, 4)
DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
MAX_WEEK_MINUTES = 60 * 60
_ISO = re.compile(r"(20[0-9]{2})-W([0-9]{2})")
# Two things at once on the same day need an hour and a length; an appointment is given this one.
_MEETING_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Target:
    """The minutes a week that are aimed at, from which Monday on (None: the département's usual), and why."""

    minutes_min: int
    minutes_max: int
    raison: str | None = None
    since: date | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A line of a week: a prescription or an activity.

    `planned` and `done` are minutes; `done` is None when nothing was written. `days` are the days of this week on which
    it is (0 for Monday; empty when they vary), `heure` its hour ("14:30") when it has one, `each` the minutes of a day.
    `part` is (days of this week that count, days of a whole week) when the week is not a whole one.
    """

    id: uuid.UUID
    title: str
    detail: str
    planned: int
    done: int | None
    is_prescription: bool
    days: tuple[int, ...] = ()
    heure: str | None = None
    each: int = 0
    part: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Meeting:
    """An appointment of a prescription: when, for what, where."""

    prescription_id: uuid.UUID
    at: datetime
    title: str
    lieu: str | None

    @property
    def day(self) -> date:
        """The day in Paris."""
        return self.at.astimezone(clock.PARIS).date()

    @property
    def heure(self) -> str:
        """The hour in Paris: "14:30"."""
        return f"{self.at.astimezone(clock.PARIS):%H:%M}"


@dataclass(frozen=True, slots=True)
class Slot:
    """Something that stands at a day of the week: its hour or None, its length in minutes (0 when unknown), its words."""

    heure: str | None
    minutes: int
    title: str
    detail: str
    activity_id: uuid.UUID | None = None
    prescription_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Week:
    """A week of a person: what is in it, and what is aimed at."""

    monday: date
    items: list[Item]
    meetings: list[Meeting]
    target: Target

    @property
    def sunday(self) -> date:
        """The last day."""
        return self.monday + timedelta(days=6)

    @property
    def planned(self) -> int:
        """Minutes planned in all."""
        return sum(item.planned for item in self.items)

    @property
    def done(self) -> int:
        """Minutes really done, of what was written."""
        return sum(item.done or 0 for item in self.items)

    @property
    def varying(self) -> list[Item]:
        """What has hours but no set day."""
        return [item for item in self.items if not item.days and (item.planned or item.done is not None)]

    @property
    def missing(self) -> int:
        """Minutes planned that lack to the least that is aimed at."""
        return max(0, self.target.minutes_min - self.planned)

    @property
    def beyond(self) -> int:
        """Minutes planned over the most that is aimed at."""
        return max(0, self.planned - self.target.minutes_max)

    def days(self) -> list[tuple[date, list[Slot]]]:
        """The seven days with what stands on each, by hour; what has none comes last."""
        found: list[tuple[date, list[Slot]]] = []
        for number in range(7):
            day = self.monday + timedelta(days=number)
            slots = [
                Slot(
                    item.heure,
                    item.each,
                    item.title,
                    item.detail,
                    activity_id=None if item.is_prescription else item.id,
                )
                for item in self.items
                if number in item.days
            ]
            slots += [
                Slot(m.heure, 0, "Rendez-vous : " + m.title, m.lieu or "", prescription_id=m.prescription_id)
                for m in self.meetings
                if m.day == day
            ]
            found.append((day, sorted(slots, key=lambda slot: (slot.heure is None, slot.heure or ""))))
        return found

    def overlaps(self) -> list[tuple[date, Slot, Slot]]:
        """Pairs that stand at the same moment, day by day; the earlier one first."""
        found = []
        for day, slots in self.days():
            timed = [slot for slot in slots if slot.heure]
            for place, first in enumerate(timed):
                end = _minute(first) + (first.minutes or _MEETING_MINUTES)
                found += [(day, first, other) for other in timed[place + 1 :] if _minute(other) < end]
        return found


def monday_of(day: date) -> date:
    """Return the Monday of the week of `day`."""
    return day - timedelta(days=day.weekday())


def read_week(text: str | None) -> date | None:
    """Return the Monday that an ISO week names ("2026-W47"), None when it names no week of this century."""
    found = _ISO.fullmatch(text or "")
    if found is None:
        return None
    try:
        return date.fromisocalendar(int(found[1]), int(found[2]), 1)
    except ValueError:
        return None


def write_week(monday: date) -> str:
    """Return "2026-W47" for the Monday 16 November 2026; the year is that of the week, not of the day."""
    year, week, _ = monday.isocalendar()
    return f"{year}-W{week:02d}"


def days_inside(monday: date, start: date, end: date | None, days: Iterable[int]) -> tuple[int, ...]:
    """Return those of `days` (0 for Monday) of the week that are from `start` to `end`, both included."""
    return tuple(
        number
        for number in sorted(set(days))
        if start <= monday + timedelta(days=number)
        and (end is None or monday + timedelta(days=number) <= end)
    )


def touches(monday: date, start: date, end: date | None) -> bool:
    """Say whether the week has a day from `start` to `end`, both included."""
    return start <= monday + timedelta(days=6) and (end is None or end >= monday)


def share(minutes: int, inside: Sequence[int], whole: Sequence[int]) -> int:
    """Return the minutes of a week of which only the days `inside` count, among the days `whole` of a usual one.

    A week that begins on a Wednesday has three fifths of its hours: no more is planned than can be done.
    """
    return round(minutes * len(inside) / len(whole)) if whole else 0


def last_mondays(until: date, months: int) -> list[date]:
    """Return the Mondays of the `months` (6 or 12) that end with the week of `until`: 26 or 52, the oldest first."""
    last = monday_of(until)
    return [last - WEEK * back for back in reversed(range(months * 52 // 12))]


def _minute(slot: Slot) -> int:
    hour, minute = (slot.heure or "0:0").split(":")
    return int(hour) * 60 + int(minute)
