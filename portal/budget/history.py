"""The history of a convention with the State, written in the same breath as each change."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, SQLModel, col

from portal.accounts.models import User
from portal.budget.models import BudgetEvent, StateConvention


def record(
    session: Session,
    convention: StateConvention,
    fait: str,
    *,
    by: User | None,
    motif: str | None = None,
    detail: Mapping[str, tuple[Any, Any]] | None = None,
) -> None:
    """Add a line: what was done (`fait`), why, and {field: (before, after)} of what changed."""
    session.add(
        BudgetEvent(
            convention_id=convention.id,
            by_id=by.id if by else None,
            fait=fait,
            motif=(motif or "").strip() or None,
            detail={name: [_said(old), _said(new)] for name, (old, new) in detail.items()}
            if detail
            else None,
        )
    )


def changed(row: SQLModel, values: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return {field: (before, after)} of what `values` would change in `row`."""
    return {name: (getattr(row, name), new) for name, new in values.items() if getattr(row, name) != new}


def statement(convention: StateConvention) -> Any:
    """The history of a convention as a statement, newest first: each line with the account of who did it (None: the portal)."""
    return (
        select(BudgetEvent, User)
        .outerjoin(User, col(User.id) == col(BudgetEvent.by_id))
        .where(col(BudgetEvent.convention_id) == convention.id)
        .order_by(col(BudgetEvent.at).desc(), col(BudgetEvent.id))
    )


def lines(
    session: Session, convention: StateConvention, *, limit: int | None = None
) -> list[tuple[BudgetEvent, str | None]]:
    """Return the history, newest first (the `limit` last lines when given), each with the name of who did it (None: the portal)."""
    found = session.execute(statement(convention).limit(limit)).all()
    return [(line, user.full_name if user else None) for line, user in found]


def _said(value: Any) -> str | None:
    return None if value is None else str(value)
