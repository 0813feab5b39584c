"""The records known from elsewhere, read by their ids as the bytes they will leave as."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select
from sqlmodel import Session, col

from portal.catalogue.models import KnownService, KnownStructure

# SQLite takes 32 766 values in a statement; fewer are read sooner.
_TOGETHER = 500
_WANTED: Any = bindparam("wanted", expanding=True)
_SERVICES: Any = select(col(KnownService.id), col(KnownService.record)).where(
    col(KnownService.id).in_(_WANTED)
)
_DETAILED: Any = (
    select(col(KnownService.id), col(KnownService.record), col(KnownStructure.record))
    .join(KnownStructure, col(KnownStructure.id) == col(KnownService.structure_id))
    .where(col(KnownService.id).in_(_WANTED))
)
_STRUCTURES: Any = select(col(KnownStructure.id), col(KnownStructure.record)).where(
    col(KnownStructure.id).in_(_WANTED)
)


def known_services(session: Session, ids: Sequence[str], *, detailed: bool) -> dict[str, tuple[bytes, bytes]]:
    """Return {id: (record, its structure's record or b"")} of these services; those that are gone are absent."""
    found: dict[str, tuple[bytes, bytes]] = {}
    for start in range(0, len(ids), _TOGETHER):
        wanted = {"wanted": list(ids[start : start + _TOGETHER])}
        if detailed:
            for key, record, structure in session.connection().execute(_DETAILED, wanted).all():
                found[key] = record.encode(), _without_twins(structure.encode())
        else:
            for key, record in session.connection().execute(_SERVICES, wanted).all():
                found[key] = record.encode(), b""
    return found


def known_structures(session: Session, ids: Sequence[str]) -> dict[str, bytes]:
    """Return {id: record} of these structures; those that are gone are absent."""
    found: dict[str, bytes] = {}
    for start in range(0, len(ids), _TOGETHER):
        wanted = {"wanted": list(ids[start : start + _TOGETHER])}
        for key, record in session.connection().execute(_STRUCTURES, wanted).all():
            found[key] = record.encode()
    return found


def _without_twins(record: bytes) -> bytes:
    # `doublons` is the last field of a stored structure; a service's structure does not show it.
    cut = record.rfind(b',"doublons":[')
    return record[:cut] + b"}" if cut > 0 else record
