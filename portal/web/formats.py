"""How days, moments, money, hours and numbers are said in French; registered as template filters."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from babel.dates import get_day_names, get_month_names
from flask import Flask

from portal import clock
from portal.money import etp, euros, rate, units
from portal.phones import show_phone

_NARROW = "\u202f"
# Read once: Babel reads its pattern again for each date, which takes as long as ten cards of a list.
_DAYS = dict(get_day_names("wide", locale="fr"))
_MONTHS = dict(get_month_names("wide", locale="fr"))


def day(value: datetime | date | None) -> str:
    """Return "mardi 3 mars 2026"; of a moment, the day it is in Europe/Paris."""
    if value is None:
        return ""
    local = _local_day(value)
    return f"{_DAYS[local.weekday()]} {short_day(local)}"


def short_day(value: datetime | date | None) -> str:
    """Return "3 mars 2026"; of a moment, the day it is in Europe/Paris."""
    if value is None:
        return ""
    value = _local_day(value)
    # The first of a month is an ordinal in French, and the only one.
    return f"{'1er' if value.day == 1 else value.day} {_MONTHS[value.month]} {value.year}"


def moment(value: datetime | None) -> str:
    """Return "mardi 3 mars 2026 à 10 h 12", in Europe/Paris."""
    if value is None:
        return ""
    local = value.astimezone(clock.PARIS)
    return f"{day(local.date())} à {local.hour}\u00a0h\u00a0{local.minute:02d}"


def ago(value: datetime | date | None) -> str:
    """Return "aujourd’hui", "hier", "il y a 5 jours", or the day when it is more than a month away."""
    if value is None:
        return ""
    then = _local_day(value)
    days = (clock.today() - then).days
    if days == 0:
        return "aujourd’hui"
    if days == 1:
        return "hier"
    if 1 < days <= 31:
        return f"il y a {days} jours"
    return f"le {short_day(then)}"


def since(value: datetime | None) -> str:
    """Return "aujourd’hui", "hier", "5 jours", or "le 3 mars 2026": how long a state has lasted, after "depuis"."""
    text = ago(value)
    return text.removeprefix("il y a ")


def hours(value: float | None) -> str:
    """Return "7 h 30" for 7.5."""
    if value is None:
        return ""
    minutes = round(value * 60)
    return f"{minutes // 60}\u00a0h" + (f"\u00a0{minutes % 60:02d}" if minutes % 60 else "")


def count(number: int, one: str, many: str | None = None) -> str:
    """Return "1 offre", "2 offres", "0 offre" (the French plural begins at two)."""
    return f"{number:,}".replace(",", _NARROW) + " " + (one if number < 2 else many or one + "s")


def clock_time(value: datetime | None) -> str:
    """Return "14 h 03", in Europe/Paris."""
    if value is None:
        return ""
    local = value.astimezone(clock.PARIS)
    return f"{local.hour}\u00a0h\u00a0{local.minute:02d}"


def file_size(value: int) -> str:
    """Return "1,2 Mo" or "45 ko" for a number of bytes."""
    if value >= 1_000_000:
        return f"{value / 1_000_000:.1f}".replace(".", ",") + "\u00a0Mo"
    return f"{max(1, value // 1000)}\u00a0ko"


def cell(value: object) -> str:
    """Return a value of a table as a page shows it: decimal comma, days in words, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".").replace(".", ",")
    if isinstance(value, date):
        return short_day(value)
    return str(value)


def number(value: int | float | str) -> str:
    """Return "1 234" for 1234 and "1 234,50" for 1234.5; a text as it is."""
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}".replace(",", _NARROW)
    return f"{value:,.2f}".replace(",", _NARROW).replace(".", ",")


def amount(value: int | float, unit: str = "", write: str | None = None) -> str:
    """Return a number followed by its unit, or as the filter that `write` names ("euros", "hours") writes it."""
    return _WRITERS[write](value) if write else number(value) + unit


def _local_day(value: datetime | date) -> date:
    return value.astimezone(clock.PARIS).date() if isinstance(value, datetime) else value


_WRITERS: dict[str, Callable[[Any], str]] = {"euros": euros, "hours": hours}


def init_app(app: Flask) -> None:
    """Register the filters under their own names."""
    for filter_ in (
        day,
        short_day,
        moment,
        ago,
        since,
        euros,
        rate,
        units,
        etp,
        hours,
        clock_time,
        file_size,
        cell,
    ):
        app.add_template_filter(filter_)
    app.add_template_filter(show_phone, "phone")
    app.add_template_global(count)
    app.add_template_global(number, "written_number")
    app.add_template_global(amount, "written_amount")
