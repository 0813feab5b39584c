"""Where the lines and bars of a picture go: plain numbers, which a template draws."""

from collections.abc import Sequence
from dataclasses import dataclass

from babel.dates import get_month_names

WIDTH, HEIGHT = 720, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 8, 12, 32
_SHORT_MONTHS = get_month_names("abbreviated", locale="fr")


@dataclass(frozen=True, slots=True)
class Mark:
    """A bar or a point: its left edge and top, its size, its middle, its value, its label."""

    x: float
    y: float
    width: float
    height: float
    middle: float
    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture in a box of WIDTH by HEIGHT: marks, the line through them, and the values of the left scale."""

    marks: list[Mark]
    line: str
    scale: list[tuple[float, float]]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    floor: int = HEIGHT - _BOTTOM


def chart(values: Sequence[float], labels: Sequence[str]) -> Chart:
    """Return where to draw one bar or point for each value, over a scale that begins at zero."""
    top = _round_up(max(values, default=0))
    floor, room = HEIGHT - _BOTTOM, HEIGHT - _BOTTOM - _TOP
    step = (WIDTH - _LEFT - _RIGHT) / max(len(values), 1)
    marks = []
    for place, (value, label) in enumerate(zip(values, labels, strict=True)):
        high = room * value / top
        x = _LEFT + place * step
        marks.append(
            Mark(
                round(x + step * 0.12, 1),
                round(floor - high, 1),
                round(step * 0.76, 1),
                round(high, 1),
                round(x + step / 2, 1),
                value,
                label,
            )
        )
    line = " ".join(f"{mark.middle},{mark.y}" for mark in marks)
    scale = [(round(floor - room * part / 4, 1), top * part / 4) for part in range(5)]
    return Chart(marks, line, scale)


def shade(value: float, most: float) -> int:
    """Return how dark a cell is, from 0 (nothing) to 4 (the most of the table)."""
    if value <= 0 or most <= 0:
        return 0
    return min(4, 1 + int(3.999 * value / most))


def _round_up(value: float) -> float:
    """Return a round number, 4 at least, no less than `value`."""
    size = 1
    while True:
        for step in (4, 8, 12, 20, 28):
            if step * size >= value:
                return float(step * size)
        size *= 10


def short_month(text: str) -> str:
    """Return "janv. 26" for "2026-01"."""
    year, month = text.split("-")
    return f"{_SHORT_MONTHS[int(month)]} {year[2:]}"
