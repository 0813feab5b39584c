"""The history of offers and structures: each act is a line, with each value before and after. Lines only add up."""

import uuid
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func
from sqlalchemy.orm import joinedload
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import User
from portal.structures.models import Act, Revision, Structure

Changes = dict[str, list[Any]]


def snapshot(thing: Any, fields: Iterable[str]) -> dict[str, Any]:
    """Return {field: value} of `thing` as history keeps them: plain JSON values, dates as ISO text."""
    return {name: plain(getattr(thing, name)) for name in fields}


def differences(before: dict[str, Any], after: dict[str, Any]) -> Changes:
    """Return {field: [before, after]} for the fields whose values differ; an absent one counts as null."""
    return {
        name: [before.get(name), after.get(name)]
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    }


def record(
    session: Session,
    thing: Any,
    act: Act,
    *,
    by: User | None,
    changes: Changes | None = None,
    note: str | None = None,
) -> Revision:
    """Add a line to the history of `thing` (a Structure or an Offer, already given its new state) and return it.

    `by` is None when the portal itself acts.
    """
    is_structure = isinstance(thing, Structure)
    mine = col(Revision.structure_id if is_structure else Revision.offer_id) == thing.id
    last = session.exec(select(func.max(col(Revision.number))).where(mine)).one()
    line = Revision(
        number=(last or 0) + 1,
        structure_id=thing.id if is_structure else None,
        offer_id=None if is_structure else thing.id,
        at=clock.now(),
        by_id=by.id if by else None,
        act=act,
        changes=changes or None,
        state_after=str(thing.state),
        note=note,
    )
    session.add(line)
    return line


def of_offer(offer_id: uuid.UUID) -> Select[Any]:
    """The history of an offer with who did each thing, the latest first."""
    return _lines().where(col(Revision.offer_id) == offer_id)


def of_structure(structure_id: uuid.UUID) -> Select[Any]:
    """The history of a structure with who did each thing, the latest first."""
    return _lines().where(col(Revision.structure_id) == structure_id)


def values_at(current: dict[str, Any], lines: Iterable[Revision], wanted: uuid.UUID) -> dict[str, Any] | None:
    """Return the values as they stood once the line `wanted` was written, None when it is not among `lines`.

    `current` is a `snapshot` of today's; `lines` come the latest first, as `of_offer` gives them. Each later line is
    undone in turn.
    """
    values = dict(current)
    for line in lines:
        if line.id == wanted:
            return values
        for name, (before, _after) in (line.changes or {}).items():
            values[name] = before
    return None


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, tuple | set | frozenset):
        return sorted(value)
    return value


def _lines() -> Select[Any]:
    return (
        select(Revision)
        .options(joinedload(Revision.by))  # type: ignore[arg-type]
        .order_by(col(Revision.number).desc(), col(Revision.id))
    )
