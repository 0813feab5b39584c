"""The history of a convention, written in the same breath as each change: with a partner here, with the State in `budget`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, SQLModel, col

from portal.accounts.models import User
from portal.conventions.engagements import ConventionEvent
from portal.conventions.states import ConventionState

Event = TypeVar("Event", bound=SQLModel)


class Kept(Protocol):
    """A convention of either kind."""

    id: Any
    created_at: datetime
    state: ConventionState


class History(Generic[Event]):
    """The lines of one table of events: `convention_id`, `at`, `by_id`, `fait`, `motif`, `detail`, `brouillon`."""

    def __init__(self, event: type[Event]) -> None:
        self._event: Any = event

    def record(
        self,
        session: Session,
        convention: Kept,
        fait: str,
        *,
        by: User | None,
        motif: str | None = None,
        detail: Mapping[str, tuple[Any, Any]] | None = None,
        draft: bool = False,
    ) -> None:
        """Add a line: what was done (`fait`), why, and {field: (before, after)} of what changed.

        `draft` says that it is about what the State's services do not read yet: an unsigned text, a bilan in
        preparation, a report not handed in. Whatever is written of a convention that is a draft is so.
        """
        session.add(
            self._event(
                convention_id=convention.id,
                by_id=by.id if by else None,
                fait=fait,
                motif=(motif or "").strip() or None,
                detail={name: [_said(old), _said(new)] for name, (old, new) in detail.items()}
                if detail
                else None,
                brouillon=draft or convention.state is ConventionState.BROUILLON,
            )
        )

    def statement(self, convention: Kept) -> Any:
        """The history as a statement, newest first: each line with the account of who did it (None: the portal)."""
        return (
            select(self._event, User)
            .outerjoin(User, col(User.id) == col(self._event.by_id))
            .where(col(self._event.convention_id) == convention.id)
            .order_by(col(self._event.at).desc(), col(self._event.id).desc())
        )

    def lines(
        self, session: Session, convention: Kept, *conditions: Any, limit: int | None = None
    ) -> list[tuple[Event, str | None]]:
        """Return the history, newest first, each line with the name of who did it (None: the portal), in one statement.

        `conditions` choose among the lines; `limit` keeps the last ones.
        """
        found = session.execute(self.statement(convention).where(*conditions).limit(limit)).all()
        return [(line, user.full_name if user else None) for line, user in found]

    def without_drafts(self) -> ColumnElement[bool]:
        """The condition of the lines that the State's services may read: what was a draft when written is not theirs."""
        return col(self._event.brouillon).is_(False)

    def last(self, session: Session, convention: Kept) -> tuple[str | None, datetime]:
        """Return who wrote last (None: the portal) and when; where there is no line, when the convention was made."""
        for line, who in self.lines(session, convention, limit=1):
            written: Any = line
            return who, written.at
        return None, convention.created_at


def changed(row: SQLModel, values: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return {field: (before, after)} of what `values` would change in `row`."""
    return {name: (getattr(row, name), new) for name, new in values.items() if getattr(row, name) != new}


def _said(value: Any) -> str | None:
    return None if value is None else str(value)


_PARTNERS = History(ConventionEvent)
record, lines, last = _PARTNERS.record, _PARTNERS.lines, _PARTNERS.last
without_drafts = _PARTNERS.without_drafts
