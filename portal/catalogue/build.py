"""Makes the index of what is known from elsewhere: once, by the import that changes it, for every process.

Made first, from what is kept and what is about to be written; kept by the transaction that writes.
"""

import tempfile
import uuid
import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Any

import orjson
from sqlalchemy import delete, insert, select
from sqlmodel import Session, col

from portal import clock
from portal.catalogue import features
from portal.catalogue.models import CatalogueIndex, CatalogueIndexPart, KnownService, KnownStructure
from portal.catalogue.segment_builder import Builder
from portal.catalogue.segment_files import LAYOUT, pack

# Who still reads the former index has this long to finish.
_KEPT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Pending:
    """What a transaction to come does to one table: ids that are `gone`, rows that are written, new or changed.

    `written` gives {id: where its record waits} and `record` the record that waits there: a hundred thousand ids are
    held for as long as they are looked at, and no longer.
    """

    gone: Collection[str] = ()
    written: Callable[[], dict[str, int]] = dict
    record: Callable[[int], str] = str


@dataclass(frozen=True, slots=True)
class Made:
    """An index that is made and not kept yet: its pieces stand one after the other in `file`, compressed."""

    file: IO[bytes]
    sizes: list[int]
    # Of the whole, once opened.
    taille: int


_AS_KEPT = Pending()


def rebuild(session: Session) -> uuid.UUID:
    """Make the index of every structure and service known from elsewhere, keep it in the database, return its id.

    To call once, at the end of the transaction that changed them. About 0.3 ms of CPU a service.
    """
    session.flush()
    with tempfile.TemporaryFile() as file:
        return keep(session, make(session, file, at=clock.now()))


def version(session: Session) -> frozenset[uuid.UUID]:
    """Return what moves with every change of what is known from elsewhere: each ends with an index of its own."""
    return frozenset(session.execute(select(col(CatalogueIndex.id))).scalars())


def make(
    session: Session,
    file: IO[bytes],
    *,
    at: datetime,
    structures: Pending = _AS_KEPT,
    services: Pending = _AS_KEPT,
) -> Made:
    """Write in `file` the index of what will be known once `structures` and `services` are written, dated `at`.

    Nothing is written in the database: who makes an index keeps nobody waiting.
    """
    builder = Builder()
    _fill(session, builder, at=at, structures=structures, services=services)
    segment = builder.finish()
    del builder
    sizes, taille = [], 0
    for piece in pack(segment):
        taille += len(piece)
        sizes.append(file.write(zlib.compress(piece, 1)))
    return Made(file, sizes, taille)


def _fill(
    session: Session, builder: Builder, *, at: datetime, structures: Pending, services: Pending
) -> None:
    names: dict[str, str] = {}
    waiting = structures.written()
    for batch in _batches(_ids(session, KnownStructure, structures, waiting)):
        statement = select(col(KnownStructure.id), col(KnownStructure.record))
        rows = _rows(session, statement, batch, structures, waiting)
        for key in batch:
            structure = features.of_structure(orjson.loads(rows[key][0]))
            names[key] = structure.nom
            builder.add_structure(structure)
    waiting = services.written()
    columns = select(col(KnownService.id), col(KnownService.record), col(KnownService.received_at))
    for batch in _batches(_ids(session, KnownService, services, waiting)):
        rows = _rows(session, columns, batch, services, waiting)
        for key in batch:
            content, *moment = rows[key]
            record = orjson.loads(content)
            builder.add_service(
                features.of_service(
                    record,
                    structure=names[record["structure_id"]],
                    appeared=int((moment[0] if moment else at).timestamp()),
                )
            )


def keep(session: Session, made: Made) -> uuid.UUID:
    """Keep in the database an index that was made; return its id."""
    index = CatalogueIndex(layout=LAYOUT, taille=made.taille)
    session.add(index)
    session.flush()
    made.file.seek(0)
    for rang, size in enumerate(made.sizes):
        values = {"index_id": index.id, "rang": rang, "contenu": made.file.read(size)}
        session.execute(insert(CatalogueIndexPart), [values])
    session.flush()
    _remove_former(session, index.id)
    return index.id


def _ids(
    session: Session,
    model: type[KnownStructure] | type[KnownService],
    pending: Pending,
    waiting: dict[str, int],
) -> list[str]:
    ids = set(waiting)
    ids.update(session.execute(select(col(model.id))).scalars())
    ids.difference_update(pending.gone)
    # In the order of Python's strings, whatever the collation of the database.
    return sorted(ids)


def _rows(
    session: Session, columns: Any, batch: list[str], pending: Pending, waiting: dict[str, int]
) -> dict[str, list[Any]]:
    """Return {id: [record, the other columns…]} of a batch; one that is new has its record alone."""
    rows = {
        key: values for key, *values in session.execute(columns.where(columns.selected_columns.id.in_(batch)))
    }
    for key in batch:
        if key in waiting:
            rows[key] = [pending.record(waiting[key]), *rows.get(key, ())[1:]]
    return rows


def _remove_former(session: Session, kept: uuid.UUID) -> None:
    former = select(col(CatalogueIndex.id)).where(
        col(CatalogueIndex.id) != kept, col(CatalogueIndex.made_at) < clock.now() - _KEPT
    )
    gone = list(session.execute(former).scalars())
    if gone:
        session.execute(delete(CatalogueIndexPart).where(col(CatalogueIndexPart.index_id).in_(gone)))
        session.execute(delete(CatalogueIndex).where(col(CatalogueIndex.id).in_(gone)))


def _batches(ids: list[str]) -> list[list[str]]:
    return [ids[start : start + 1000] for start in range(0, len(ids), 1000)]
