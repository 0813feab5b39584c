"""Two people on one form: the second is told, shown both, and chooses. What they typed stays."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlmodel import col, select
from wtforms import BooleanField, HiddenField, SelectFieldBase

from portal.accounts.models import User
from portal.budget.models import BudgetEvent, StateConvention
from portal.web.forms import Form
from portal.web.session import db

_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Row:
    """A question answered twice: as saved, and as typed."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Who saved meanwhile, when, and what differs."""

    who: str
    when: datetime
    rows: list[Row]


def conflict_of(form: Form, saved: Form, convention: StateConvention) -> Conflict:
    """Return what to show to the second of two people; `saved` is the same form filled in with what is saved now.

    The form then bears the version of `saved`: sent again, it replaces it.
    """
    rows = [
        Row(field.label.text, said(saved[field.name]), said(field))
        for field in form
        if not isinstance(field, HiddenField) and said(saved[field.name]) != said(field)
    ]
    if "version" in form:
        form["version"].data = saved["version"].data
        form["version"].raw_data = None
    last = (
        db()
        .execute(
            select(BudgetEvent, User)
            .outerjoin(User, col(User.id) == col(BudgetEvent.by_id))
            .where(col(BudgetEvent.convention_id) == convention.id)
            .order_by(col(BudgetEvent.at).desc())
            .limit(1)
        )
        .first()
    )
    return Conflict(
        who=last[1].full_name if last and last[1] else "Le portail",
        when=last[0].at if last else convention.created_at,
        rows=rows,
    )


def said(field: Any) -> str:
    """Return an answer as a person reads it."""
    if isinstance(field, BooleanField):
        return "oui" if field.data else "non"
    if isinstance(field, SelectFieldBase):
        return ", ".join(str(choice.label) for choice in field.iter_choices() if choice.selected)
    if isinstance(field.data, date):
        return field.data.strftime("%d/%m/%Y")
    return str(field._value() if hasattr(field, "_value") else field.data or "")[:_LONGEST]
