"""The pictures of a year: areas of spending month after month, bars of actions and territories."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from babel.dates import get_month_names

WIDTH, HEIGHT = 960, 340
LEFT, RIGHT, TOP, FLOOR = 110, 940, 24, 300
_SHORT_MONTHS = tuple(get_month_names("abbreviated", locale="fr").values())
_KINDS = ("neutral", "accent", "warning", "danger")
# Beyond, bars are too thin to be told apart; the table has them all.
MOST_BARS = 12
_BAR = 30


@dataclass(frozen=True, slots=True)
class Area:
    """What was spent by month, drawn over those before it: its name, its colour, the corners of its outline."""

    label: str
    kind: str
    points: str


@dataclass(frozen=True, slots=True)
class Curve:
    """Spending over the months as areas on each other; the line is what was planned, whole."""

    areas: list[Area]
    planned: str | None
    # (height, cents), (place, name of the month).
    grid: list[tuple[float, int]]
    ticks: list[tuple[float, str]]


@dataclass(frozen=True, slots=True)
class Bar:
    """A horizontal bar: its name, its cents, where it is and how long."""

    label: str
    value: int
    y: int
    width: float


@dataclass(slots=True)
class Series:
    """What was spent by the end of each month, and planned, by the name of each part."""

    labels: list[str]
    # {label: cents spent by the end of each month}
    spent: dict[str, list[int]]
    planned: dict[str, int] = field(default_factory=dict)


def draw(series: Series) -> Curve:
    """Return spending over the months as areas on each other."""
    totals = [sum(series.spent[label][place] for label in series.labels) for place in range(12)]
    planned = sum(series.planned.values())
    step = _round_step(max(planned, *totals, 1))
    top = -(-max(planned, *totals, 1) // step) * step

    def x(month: int) -> float:
        return round(LEFT + month / 12 * (RIGHT - LEFT), 1)

    def y(cents: int) -> float:
        return round(FLOOR - cents / top * (FLOOR - TOP), 1)

    areas = []
    below = [0] * 13
    for label, kind in zip(series.labels, _KINDS, strict=False):
        above = [low + value for low, value in zip(below, [0, *series.spent[label]], strict=True)]
        if above != below:
            outline = [(x(month), y(above[month])) for month in range(13)]
            outline += [(x(month), y(below[month])) for month in reversed(range(13))]
            areas.append(Area(label, kind, " ".join(f"{a:g},{b:g}" for a, b in outline)))
        below = above
    return Curve(
        areas,
        f"{LEFT},{y(planned):g} {RIGHT},{y(planned):g}" if planned else None,
        [(y(cents), cents) for cents in range(0, top + 1, step)],
        [(x(month), name) for month, name in enumerate(_SHORT_MONTHS)],
    )


def _round_step(most: int) -> int:
    """Return cents between the lines of the grid: 1, 2 or 5 followed by zeros, whole euros, five lines at most."""
    step = 100
    while most / step > 5:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return step


def bars_of(rows: Sequence[Sequence[Any]], place: int) -> list[Bar]:
    """Return the bars of a table: the cents at `place` of its first rows, named by their first cell."""
    rows = [row for row in rows if row[place]][:MOST_BARS]
    most = max((row[place] for row in rows), default=1)
    return [
        Bar(str(row[0]), row[place], number * _BAR * 2, round(row[place] / most * (WIDTH - 180), 1))
        for number, row in enumerate(rows)
    ]


def height_of(bars: Sequence[Bar]) -> int:
    """Return the height of a picture of bars."""
    return len(bars) * _BAR * 2 + 10
