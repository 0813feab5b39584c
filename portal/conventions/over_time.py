"""The places of an action over time: the days that a table tells, and a picture to draw. Nothing names anybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from portal.conventions.ledger import ActionPlaces, Timeline
from portal.conventions.models import Convention

WIDTH, HEIGHT = 720, 260
_LEFT, _RIGHT, _TOP, _FLOOR = 44, 12, 16, 220
# At most so many grid lines across the picture.
_GRID = 5


@dataclass(frozen=True, slots=True)
class Area:
    """One tally, stacked on those below: its points as SVG writes them."""

    label: str
    kind: str
    points: str


@dataclass(frozen=True, slots=True)
class Picture:
    """What the template draws: areas from the floor up, the line of financed places, grid, days and today."""

    areas: list[Area]
    financed: str
    # (y, places)
    grid: list[tuple[float, int]]
    # (x, day)
    ticks: list[tuple[float, date]]
    # Where today stands; None outside the picture.
    today: float | None
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    floor: int = _FLOOR
    width: int = WIDTH
    height: int = HEIGHT


def days_told(convention: Convention, today: date) -> list[date]:
    """Return the ends of the convention's months up to `today`, and `today` itself or the last day, in order."""
    last = min(today, convention.date_fin)
    days = []
    end = _month_end(convention.date_debut)
    while end < last:
        days.append(end)
        end = _month_end(end + timedelta(days=1))
    if last >= convention.date_debut:
        days.append(last)
    # What is told after the end (an exit, a module used up) still counts.
    if today > convention.date_fin:
        days.append(today)
    return days


def picture(told: Timeline, convention: Convention, today: date) -> Picture:
    """Draw the places of an action: financed to the end of the convention, taken up to `today`."""
    first = min([convention.date_debut, *told.moved_on[:1]])
    last = max([convention.date_fin, *told.moved_on[-1:]])
    steps = sorted(day for day in {first, last} | told.days if first <= day <= last)
    places = {day: told.on(day) for day in steps}
    known = [day for day in steps if day <= today]
    return _draw(places, known, first, last, today)


def _draw(
    places: dict[date, ActionPlaces], known: Sequence[date], first: date, last: date, today: date
) -> Picture:
    most = max(1, *(max(p.financees, p.prises) for p in places.values()))
    step = _round_step(most)
    top = -(-most // step) * step
    span = max(1, (last - first).days)

    @cache
    def x(day: date) -> float:
        return round(_LEFT + (day - first).days / span * (WIDTH - _RIGHT - _LEFT), 1)

    @cache
    def y(number: int) -> float:
        return round(_FLOOR - number / top * (_FLOOR - _TOP), 1)

    def points(corners: Sequence[tuple[date, int]]) -> str:
        return " ".join(f"{x(day):g},{y(value):g}" for day, value in corners)

    now = min(max(today, first), last)
    areas, below = [], dict.fromkeys(known, 0)
    for label, kind, name in (
        ("Utilisées", "neutral", "utilisees"),
        ("Occupées", "accent", "occupees"),
        ("Retenues", "warning", "retenues"),
    ):
        above = {day: below[day] + getattr(places[day], name) for day in known}
        if known and above != below:
            up = _steps([(day, above[day]) for day in known], now)
            down = _steps([(day, below[day]) for day in known], now)
            areas.append(Area(label, kind, points([*up, *reversed(down)])))
        below = above
    line = _steps([(day, p.financees) for day, p in places.items()], last)
    return Picture(
        areas=areas,
        financed=points(line),
        grid=[(y(number), number) for number in range(0, top + 1, step)],
        ticks=[(x(day), day) for day in _ticks(first, last)],
        today=x(today) if first <= today <= last else None,
    )


def _steps(values: Sequence[tuple[date, int]], until: date) -> list[tuple[date, int]]:
    """Return the corners of a line that stays level until the day it changes."""
    corners: list[tuple[date, int]] = []
    for day, value in values:
        if corners:
            if corners[-1][1] == value:
                continue
            corners.append((day, corners[-1][1]))
        corners.append((day, value))
    return [*corners, (until, corners[-1][1])]


def _round_step(most: int) -> int:
    step = 1
    while most / step > _GRID:
        # 1, 2, 5, 10, 20, 50…
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return step


def _ticks(first: date, last: date) -> list[date]:
    """Return the first days of months to write below: every one of a few months, fewer of many."""
    firsts, day = [], first.replace(day=1)
    while day <= last:
        if day >= first:
            firsts.append(day)
        day = _month_end(day) + timedelta(days=1)
    every = -(-len(firsts) // 6) or 1
    return firsts[::every]


def _month_end(day: date) -> date:
    following = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return following - timedelta(days=1)
