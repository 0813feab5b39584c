"""The question "when are you open?": a table of the week that anybody can fill, kept as OpenStreetMap's text."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wtforms import Form as WTForm
from wtforms import StringField, ValidationError
from wtforms.utils import unset_value
from wtforms.validators import StopValidation

from portal.web import hours
from portal.web.hours import Span, Week

NAMES = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
# What the table has room for in a day; an afternoon on its own stands in the second place.
SPANS = 2
_NOON = 12 * 60
_EXAMPLE = "Mo-Fr 09:00-12:00,14:00-17:00; PH off"


@dataclass(slots=True)
class Cell:
    """One time of the table: the name (and id) of its control, what it shows, whether it is wrong."""

    name: str
    value: str = ""
    invalid: bool = False


@dataclass(slots=True)
class Day:
    """One row of the table: its name in French, SPANS pairs of cells (opens, closes), what is wrong with it."""

    code: str
    name: str
    spans: list[tuple[Cell, Cell]]
    errors: list[str] = field(default_factory=list)


class WeekField(StringField):
    """Opening hours: a table of days and times, and the text it makes; `data` is that text, None when empty.

    Of the table and the text, the one that was changed is believed, the table first; when neither was, the text
    stays as it was to the letter. The text as it was travels in a hidden control.
    """

    data: str | None
    errors: Any
    days: list[Day]
    # False when the text says more than the table can show.
    is_held: bool
    is_closed_on_holidays: bool
    # {sentence: id of the control it is about}
    targets: dict[str, str]

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        """Read the text, then the table."""
        super().process(formdata, data, extra_filters)
        self.targets = {}
        typed: Mapping[str, Any] = formdata if formdata is not None else {}
        names = {cell.name for day in self._empty_days() for span in day.spans for cell in span}
        has_table = any(name in typed for name in (*names, self.holidays_name))
        if self.raw_data or has_table:
            self._before = _decoded(typed.get(self.before_name))
        else:
            # Not `data`, which is cleaned already.
            self._before = self.object_data or ""
        saved = hours.read(self._before)
        self.is_held = saved is not None and _fits(saved)
        start = saved if saved is not None and self.is_held else Week()
        self._is_unchanged = False
        text = (self.data or "") if self.raw_data else self._before
        if has_table:
            self._fill_typed(typed)
            week = self._week()
            if week is None or week != start:
                self.data = (text if week is None else hours.write(week)) or None
                return
        elif self.raw_data and (told := hours.read(text)) is not None and _fits(told):
            self._fill(told)
        else:
            self._fill(start)
        if _squeezed(text) == _squeezed(self._before):
            self._is_unchanged = True
            text = self._before
        self.data = text or None

    def pre_validate(self, form: WTForm) -> None:
        """Refuse times that make no sense, and a new text that no reader of the format would understand."""
        wrong = [sentence for day in self.days for sentence in day.errors]
        if wrong:
            self.errors = [*self.errors, *wrong]
            raise StopValidation
        if self.data and not self._is_unchanged and not hours.is_readable(self.data):
            raise ValidationError(
                f"Ces horaires ne peuvent pas être lus. Remplissez le tableau, ou écrivez par exemple : {_EXAMPLE}"
            )

    @property
    def before_name(self) -> str:
        """The name of the hidden control that holds the text as it was."""
        return f"{self.name}-before"

    @property
    def before_value(self) -> str:
        """What that control holds; JSON, for a browser changes the line breaks of what it sends."""
        return json.dumps(self._before)

    @property
    def holidays_name(self) -> str:
        """The name of the box that closes public holidays."""
        return f"{self.name}-holidays"

    @property
    def text_errors(self) -> list[str]:
        """The sentences that are not about one day."""
        return [sentence for sentence in self.errors if sentence not in self.targets]

    @property
    def is_table_filled(self) -> bool:
        """True when something is written in the table."""
        return self.is_closed_on_holidays or any(
            cell.value for day in self.days for span in day.spans for cell in span
        )

    def errors_of(self, day: Day) -> list[str]:
        """The sentences about `day` among the field's errors: a form may have been told to keep silent."""
        return [sentence for sentence in day.errors if sentence in self.errors]

    def _empty_days(self) -> list[Day]:
        def cells(code: str, number: int) -> tuple[Cell, Cell]:
            base = f"{self.name}-{code}-{number}"
            return Cell(f"{base}-start"), Cell(f"{base}-end")

        codes = [code.lower() for code in hours.DAYS]
        return [
            Day(code, name, [cells(code, number + 1) for number in range(SPANS)])
            for code, name in zip(codes, NAMES, strict=True)
        ]

    def _fill(self, week: Week) -> None:
        self.days = self._empty_days()
        self.is_closed_on_holidays = week.closed_on_holidays
        for day, spans in zip(self.days, week.days, strict=True):
            first = SPANS - 1 if len(spans) == 1 and spans[0][0] >= _NOON else 0
            for (opens, closes), (start, end) in zip(day.spans[first:], spans, strict=False):
                opens.value, closes.value = hours.write_time(start), hours.write_time(end)

    def _fill_typed(self, typed: Mapping[str, Any]) -> None:
        self.days = self._empty_days()
        self.is_closed_on_holidays = self.holidays_name in typed
        for day in self.days:
            for cell in (cell for span in day.spans for cell in span):
                cell.value = str(typed.get(cell.name) or "").strip()[:50]
                minutes = hours.read_time(cell.value)
                if minutes is not None:
                    cell.value = hours.write_time(minutes)

    def _week(self) -> Week | None:
        """The week of the table; None when a day is wrong, which is then said in it."""
        found = []
        for day in self.days:
            spans: list[Span] = []
            for number, (opens, closes) in enumerate(day.spans):
                try:
                    span = _span_of(
                        opens, closes, "du premier créneau" if number == 0 else "du second créneau"
                    )
                except _WrongTime as wrong:
                    self._blame(day, wrong.cell, str(wrong))
                    break
                if span:
                    spans.append(span)
            else:
                spans.sort()
                if any(one[1] > other[0] for one, other in zip(spans, spans[1:], strict=False)):
                    self._blame(
                        day, day.spans[-1][0], "les deux créneaux se recouvrent. Corrigez l’un des deux."
                    )
            found.append(tuple(spans))
        if any(day.errors for day in self.days):
            return None
        return Week(tuple(found), self.is_closed_on_holidays)

    def _blame(self, day: Day, cell: Cell, why: str) -> None:
        sentence = f"Le {day.name} : {why}"
        day.errors.append(sentence)
        cell.invalid = True
        self.targets[sentence] = cell.name


class _WrongTime(Exception):
    def __init__(self, cell: Cell, why: str) -> None:
        super().__init__(why)
        self.cell = cell


def _span_of(opens: Cell, closes: Cell, which: str) -> Span | None:
    """Return the span of two cells, None when both are empty; raise _WrongTime when they make none."""
    if not opens.value and not closes.value:
        return None
    times = []
    for cell, name in ((opens, "début"), (closes, "fin")):
        minutes = hours.read_time(cell.value)
        if not cell.value:
            raise _WrongTime(cell, f"écrivez l’heure de {name} {which}.")
        if minutes is None:
            raise _WrongTime(cell, f"« {cell.value} » n’est pas une heure. Écrivez par exemple 9 h 30.")
        times.append(minutes)
    start, end = times
    if end == 0:
        end = hours.DAY
    if end == start:
        raise _WrongTime(closes, "l’heure de fin est la même que l’heure de début.")
    if end < start:
        raise _WrongTime(closes, "l’heure de fin vient avant l’heure de début.")
    return start, end


def _fits(week: Week) -> bool:
    return all(len(spans) <= SPANS for spans in week.days)


def _squeezed(text: str) -> str:
    # A text control drops line breaks, and the form joins spaces.
    return re.sub(r"\s+", "", text)


def _decoded(value: Any) -> str:
    try:
        text = json.loads(value or '""')
    except ValueError:
        return ""
    return text if isinstance(text, str) else ""
