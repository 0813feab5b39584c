"""Two people on one form: what the second is shown, who then chooses. What they typed stays."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from wtforms import BooleanField, HiddenField, SelectFieldBase

from portal import money
from portal.web.answers import NOTHING, Row
from portal.web.euros import EurosField
from portal.web.formats import short_day
from portal.web.forms import Form


@dataclass(frozen=True, slots=True)
class Conflict:
    """What somebody else saved meanwhile: who, when, and the answers that differ (theirs, then ours)."""

    who: str
    when: datetime
    rows: Sequence[Row]


def between(form: Form, saved: Form, last: tuple[str | None, datetime]) -> Conflict:
    """Return what differs between `form` as typed and `saved`, the same form (choices too) filled in with what is saved now.

    `last` says who saved it (None: the portal) and when. The form then bears the version of `saved`: sent again, it
    replaces it.
    """
    rows = []
    for field in form:
        if isinstance(field, HiddenField) or field.name not in saved:
            continue
        theirs, ours = said(saved[field.name]), said(field)
        # An amount typed otherwise is the same amount; a list in another order the same list.
        if theirs != ours and _kept(saved[field.name]) != _kept(field):
            rows.append(Row(field.name, field.label.text, theirs, ours))
    if "version" in form:
        version: Any = form["version"]
        version.data, version.raw_data = saved["version"].data, None
    who, when = last
    return Conflict(who=who or "Le portail", when=when, rows=rows)


def given(form: Form) -> list[tuple[str, str]]:
    """Return (question, answer) of what was typed in `form`, as it was typed: for somebody to copy what is not saved."""
    found = []
    for field in form:
        if isinstance(field, HiddenField):
            continue
        typed = isinstance(field, SelectFieldBase | BooleanField) or not hasattr(field, "_value")
        answer = said(field) if typed else field._value()
        if answer not in ("", NOTHING) and field.data is not False:
            found.append((field.label.text, answer))
    return found


def said(field: Any) -> str:
    """Return the answer to a question as a person reads it, NOTHING when it has none."""
    if isinstance(field, BooleanField):
        return "Oui" if field.data else "Non"
    if isinstance(field, SelectFieldBase):
        return ", ".join(str(choice.label) for choice in field.iter_choices() if choice.selected) or NOTHING
    if field.data in (None, ""):
        return NOTHING
    if isinstance(field, EurosField):
        return money.euros(field.data)
    if isinstance(field.data, date):
        return short_day(field.data)
    return str(field._value() if hasattr(field, "_value") else field.data)


def _kept(field: Any) -> Any:
    value = field.data
    if isinstance(value, list | tuple | set):
        value = sorted(str(item) for item in value)
    return None if value in ("", []) else value
