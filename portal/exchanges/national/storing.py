"""What was checked, against what is kept: compared, written, and removed when it is gone."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import sqlalchemy
from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from portal.catalogue.models import KnownService, KnownStructure

Item = TypeVar("Item")
Model = type[KnownStructure] | type[KnownService]
# Rows compared and written at once: below what SQLite takes of parameters, and about a megabyte of records.
AT_ONCE = 500


class Row(NamedTuple):
    """A checked record; `structure_id` is "" for a structure; `position` is where it waits, in the file of its kind."""

    id: str
    structure_id: str
    record: str
    position: int = 0


@dataclass(slots=True)
class Compared:
    """How many of the rows are new here, changed, or already there as they are."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class Gone:
    """The ids of what is kept and is no longer given."""

    services: list[str] = field(default_factory=list)
    structures: list[str] = field(default_factory=list)


def compare(
    session: Session,
    model: Model,
    rows: Iterable[Row],
    *,
    put: Callable[[list[Row], list[Row]], None],
    done: Callable[[int], None],
) -> Compared:
    """Compare `rows` with what `model` keeps; give `put` the new ones and those that differ, by handfuls.

    `done(n)` is called as rows are dealt with, with how many they are so far.
    """
    told, dealt_with = Compared(), 0
    for some in batches(rows, AT_ONCE):
        stored = dict(
            session.execute(
                select(col(model.id), col(model.record)).where(col(model.id).in_([row.id for row in some]))
            ).all()
        )
        new = [row for row in some if row.id not in stored]
        changed = [row for row in some if row.id in stored and stored[row.id] != row.record]
        put(new, changed)
        told.new += len(new)
        told.changed += len(changed)
        told.unchanged += len(some) - len(new) - len(changed)
        dealt_with += len(some)
        done(dealt_with)
    return told


def insert(session: Session, model: Model, rows: list[Row], *, at: datetime) -> None:
    """Insert rows that are new here; `at` dates them."""
    # The table itself: half the time of the model, and meanwhile nobody else writes.
    table = model.metadata.tables[str(model.__tablename__)]
    columns = [_columns(model, row, at) | {"received_at": at} for row in rows]
    session.execute(sqlalchemy.insert(table), columns)


def change(session: Session, model: Model, rows: list[Row], *, at: datetime) -> None:
    """Change rows that are kept already; `at` dates the change."""
    session.execute(update(model), [_columns(model, row, at) for row in rows])


def known_structures(session: Session, ids: Collection[str]) -> set[str]:
    """Return those of `ids` that are kept already."""
    found: set[str] = set()
    for some in batches(sorted(ids), AT_ONCE):
        found.update(session.exec(select(KnownStructure.id).where(col(KnownStructure.id).in_(some))))
    return found


def gone(
    session: Session,
    sources: Collection[str],
    *,
    structures: Collection[str],
    services: Collection[str],
    structure_of: Mapping[str, str],
) -> Gone:
    """Return what is kept of `sources` and is neither in `structures` nor in `services` (ids that were given).

    `structure_of` says under which structure each good service now is; a structure is kept while a service needs it.
    To be asked before anything is written.
    """
    lost, needed = [], set(structure_of.values())
    kept_services = select(KnownService.id, KnownService.structure_id).where(
        col(KnownService.source).in_(sources)
    )
    for row_id, structure_id in session.execute(kept_services.execution_options(yield_per=AT_ONCE)):
        if row_id not in services:
            lost.append(row_id)
        elif row_id not in structure_of:
            # It was given and refused: the former version stays, and its structure with it.
            needed.add(structure_id)
    kept_structures = select(KnownStructure.id).where(col(KnownStructure.source).in_(sources))
    orphans = [
        row_id
        for (row_id,) in session.execute(kept_structures.execution_options(yield_per=AT_ONCE))
        if row_id not in structures and row_id not in needed
    ]
    return Gone(lost, orphans)


def remove(session: Session, lost: Gone) -> None:
    """Remove what is gone, services first."""
    for model, ids in ((KnownService, lost.services), (KnownStructure, lost.structures)):
        for some in batches(ids, AT_ONCE):
            session.execute(
                delete(model).where(col(model.id).in_(some)), execution_options={"synchronize_session": False}
            )


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield the items by handfuls of `size`, the last one being what is left."""
    left = iter(items)
    while some := list(islice(left, size)):
        yield some


def _columns(model: Model, row: Row, at: datetime) -> dict[str, Any]:
    columns: dict[str, Any] = {"id": row.id, "source": row.id.partition("--")[0], "record": row.record}
    if model is KnownService:
        columns |= {"structure_id": row.structure_id, "changed_at": at}
    return columns
