"""The records known from elsewhere, read by their ids as the bytes they will leave as."""

from collections.abc import Sequence

from sqlmodel import Session

from portal.engines.among import rows_among

_SERVICES = "SELECT id, record FROM known_service WHERE id {among}"
_DETAILED = (
    "SELECT s.id, s.record, t.record FROM known_service s"
    " JOIN known_structure t ON t.id = s.structure_id WHERE s.id {among}"
)
_STRUCTURES = "SELECT id, record FROM known_structure WHERE id {among}"


def known_services(session: Session, ids: Sequence[str], *, detailed: bool) -> dict[str, tuple[bytes, bytes]]:
    """Return {id: (record, its structure's record or b"")} of these services; those that are gone are absent."""
    if not detailed:
        return {key.decode(): (record, b"") for key, record in rows_among(session, _SERVICES, ids)}
    return {
        key.decode(): (record, without_twins(structure))
        for key, record, structure in rows_among(session, _DETAILED, ids)
    }


def known_structures(session: Session, ids: Sequence[str]) -> dict[str, bytes]:
    """Return {id: record} of these structures; those that are gone are absent."""
    return {key.decode(): record for key, record in rows_among(session, _STRUCTURES, ids)}


def without_twins(record: bytes) -> bytes:
    """Return a structure's record without `doublons`, its last field as it is kept: a service's structure has none."""
    cut = record.rfind(b',"doublons":[')
    return record[:cut] + b"}" if cut > 0 else record
