"""Where the bars of the weeks go: plain numbers, which a template draws."""

from collections.abc import Sequence
from dataclasses import dataclass

from portal.programme.weeks import Week

WIDTH, HEIGHT = 760, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 8, 12, 34
_MONTHS = ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc.")


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the picture."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """A week: what was planned, what was done, the band that was aimed at; a word below for the first of a month."""

    planned: Box
    done: Box
    band: Box
    middle: float
    label: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Columns over a scale of hours [(height, hours)] that begins at zero."""

    columns: list[Column]
    scale: list[tuple[float, int]]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    floor: int = HEIGHT - _BOTTOM


@dataclass(frozen=True, slots=True)
class Bar:
    """One week as two bars over 1000 units: where each ends, and where the band that is aimed at begins and ends."""

    planned: float
    done: float
    band_start: float
    band_width: float


def picture(weeks: Sequence[Week]) -> Picture:
    """Return where to draw the weeks, the oldest on the left."""
    most = max((max(w.planned, w.done, w.target.minutes_max) for w in weeks), default=0) / 60
    step_hours = next(step for step in (5, 10, 20, 40, 80) if step * 5 >= most)
    top = step_hours * 5
    floor, room = HEIGHT - _BOTTOM, HEIGHT - _BOTTOM - _TOP
    step = (WIDTH - _LEFT - _RIGHT) / max(len(weeks), 1)

    def box(x: float, width: float, low: float, high: float) -> Box:
        return Box(
            round(x, 1),
            round(floor - room * high / 60 / top, 1),
            round(width, 1),
            round(room * (high - low) / 60 / top, 1),
        )

    columns = []
    month = None
    for place, week in enumerate(weeks):
        x = _LEFT + place * step
        begins = week.monday.month != month
        month = week.monday.month
        columns.append(
            Column(
                planned=box(x + step * 0.12, step * 0.36, 0, week.planned),
                done=box(x + step * 0.52, step * 0.36, 0, week.done),
                band=box(x, step, week.target.minutes_min, week.target.minutes_max),
                middle=round(x + step / 2, 1),
                label=_MONTHS[week.monday.month - 1] if begins and 0 < place < len(weeks) - 1 else "",
            )
        )
    scale = [(round(floor - room * part / 5, 1), step_hours * part) for part in range(6)]
    return Picture(columns, scale)


def bar(week: Week) -> Bar:
    """Return the bars of one week, over a scale that leaves room to the right of whatever is longest."""
    most = max(week.planned, week.done, week.target.minutes_max, 60) * 1.1
    low, high = week.target.minutes_min, week.target.minutes_max
    return Bar(
        planned=round(1000 * week.planned / most, 1),
        done=round(1000 * week.done / most, 1),
        band_start=round(1000 * low / most, 1),
        # A target of one number is a line.
        band_width=max(4.0, round(1000 * (high - low) / most, 1)),
    )
