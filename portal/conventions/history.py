"""The history of a convention with a partner, written in the same breath as each change."""

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session, SQLModel, col, select

from portal.accounts.models import User
from portal.conventions.engagements import ConventionEvent
from portal.conventions.models import Convention


def record(
    session: Session,
    convention: Convention,
    fait: str,
    *,
    by: User | None,
    motif: str | None = None,
    detail: Mapping[str, tuple[Any, Any]] | None = None,
) -> None:
    """Add a line: what was done (`fait`), why, and {field: (before, after)} of what changed."""
    session.add(
        ConventionEvent(
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


def lines(session: Session, convention: Convention) -> list[tuple[ConventionEvent, str | None]]:
    """Return the history, newest first, each line with the name of who did it (None: the portal), in one statement."""
    found = session.execute(
        select(ConventionEvent, User)
        .outerjoin(User, col(User.id) == col(ConventionEvent.by_id))
        .where(col(ConventionEvent.convention_id) == convention.id)
        .order_by(col(ConventionEvent.at).desc(), col(ConventionEvent.id).desc())
    ).all()
    return [(line, user.full_name if user else None) for line, user in found]


def _said(value: Any) -> str | None:
    return None if value is None else str(value)
