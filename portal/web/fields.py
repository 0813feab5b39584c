"""Fields that many forms bear: a day, the id that a new row will have, the version that was opened."""

import re
import uuid
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from flask import request
from wtforms import DateField, HiddenField, ValidationError
from wtforms.validators import UUID, InputRequired, Optional, StopValidation

from portal.web.forms import Form, NotInFuture

STALE = "Cette page est incomplète : rouvrez-la et recommencez."
NOT_A_DAY = "Écrivez une date complète, par exemple 31/12/2026."
# What a browser sends, then what people type where it shows no calendar.
DAY_FORMATS = ["%Y-%m-%d", "%d/%m/%Y"]
_YEARS = range(2000, 2101)
_VERSION = re.compile(r"[0-9]{1,9}")

Validator = Callable[[Any, Any], None]


def plausible_day(form: Any, field: Any) -> None:
    """Validator: a year that people write. Not for a day of birth."""
    if isinstance(field.data, date) and field.data.year not in _YEARS:
        raise ValidationError("Relisez l’année de cette date.")


def day_field(
    label: str, missing: str | Validator | None = None, *checks: Validator, description: str = "", **more: Any
) -> DateField:
    """Return a field for a day, typed in either of DAY_FORMATS; `data` is a `date`, None when nothing can be read.

    `missing` is what is said when it is left empty, or the validator that decides; None when it may be. `checks` come
    after, and `more` is what any field takes (`render_kw`, `default`).
    """
    if missing is None:
        first: Any = Optional()
    else:
        first = InputRequired(missing) if isinstance(missing, str) else missing
    return DateField(
        label,
        [first, plausible_day, *checks],
        format=DAY_FORMATS,
        invalid_value_message=NOT_A_DAY,
        description=description,
        **more,
    )


def key_field() -> HiddenField:
    """Return the field `cle`: made with the page, it becomes the id of the row, so that a second press writes nothing twice."""
    return HiddenField(validators=[InputRequired(STALE), UUID(STALE)])


def new_key() -> str:
    """Return the id that a row will have."""
    return str(uuid.uuid4())


def posted_key(name: str = "cle") -> uuid.UUID | None:
    """Return the id that the posted page was made with, None when it bears none."""
    try:
        return uuid.UUID(request.form.get(name, ""))
    except ValueError:
        return None


def posted_version(name: str = "version") -> int | None:
    """Return the version that was opened, as the posted page says it; None when it does not."""
    return read_version(request.form.get(name))


def read_version(said: Any) -> int | None:
    """Return the number of a version, None when `said` is none."""
    text = "" if said is None else str(said)
    return int(text) if _VERSION.fullmatch(text) else None


def posted_form(asked: Mapping[str, type[Form]]) -> Form | None:
    """Return what was posted as the form that this page asks (`asked`: by endpoint); None when it asks nothing."""
    form_class = asked.get(request.endpoint or "")
    return form_class(request.form) if form_class else None


class Keyed(Form):
    """A form that makes a row. A page that lost its key is given another: nothing typed is lost for it."""

    # Made when the form is opened: pressing twice makes one row.
    cle = HiddenField()

    def key(self) -> uuid.UUID:
        """Return the id that the form was given, a new one when it has none."""
        try:
            return uuid.UUID(self.cle.data or "")
        except ValueError:
            self.cle.data = new_key()
            return uuid.UUID(self.cle.data)


def _is_version(form: Any, field: Any) -> None:
    if field.data not in (None, "") and read_version(field.data) is None:
        raise StopValidation(STALE)


class Versioned(Form):
    """A form about a row that others may change meanwhile."""

    # Empty for a row that is not made yet.
    version = HiddenField(validators=[_is_version])

    def opened(self) -> int | None:
        """Return the version that was opened; None when the page does not say."""
        return read_version(self.version.data)


def made_new(form: Any) -> None:
    """Turn a posted form with `cle` and `version`, whose row is gone, into that of a new row: nothing typed is lost."""
    form.cle.data, form.version.data = new_key(), ""
    form.cle.raw_data = form.version.raw_data = None


class PastDayForm(Form):
    """On which past day?"""

    le = day_field(
        "À la date du",
        "Écrivez un jour.",
        # Nobody knows yet who will have entered, or left.
        NotInFuture("Ce jour est à venir : choisissez aujourd’hui ou un jour passé."),
    )
