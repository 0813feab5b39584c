"""Offers of our own, as many as wanted: what the export writes. The records are the generator's."""

import uuid
from collections.abc import Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import insert
from sqlmodel import Session

from portal import clock
from portal.db import Database
from portal.offers.models import Offer, OfferState
from portal.structures.models import Structure, StructureState

_TOGETHER = 2000
_SPACE = uuid.UUID("6f0c2b2e-3a51-5c0e-9a6e-0d3c7b1f2a44")
_LEFT_OUT = frozenset({"source", "id", "structure_id", "lien_source", "adresse_certifiee", "doublons"})


def fill(url: str, structures: Path, services: Path) -> None:
    """Write the records as published structures and offers, without going through the rules: they are valid already."""
    database = Database(url)
    sirets: set[str] = set()
    with database.writing() as session:
        _write(session, Structure, (_structure(record, sirets) for record in _records(structures)))
        _write(session, Offer, (_offer(record) for record in _records(services)))
    database.engine.dispose()


def _write(session: Session, model: Any, rows: Iterator[dict[str, Any]]) -> None:
    # The table and not the class: the mapper would send rows one by one, each with the columns it fills.
    table = model.__table__
    while some := list(islice(rows, _TOGETHER)):
        session.connection().execute(insert(table), some)


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        yield from map(orjson.loads, file)


def _structure(record: dict[str, Any], sirets: set[str]) -> dict[str, Any]:
    values = _values(record) | {"state": StructureState.PUBLIEE}
    # One establishment has one row here; twins of other sources bear the same number.
    if values["siret"] in sirets:
        values["siret"] = None
    elif values["siret"]:
        sirets.add(values["siret"])
    return values


def _offer(record: dict[str, Any]) -> dict[str, Any]:
    return _values(record) | {
        "structure_id": uuid.uuid5(_SPACE, record["structure_id"]),
        "state": OfferState.PUBLIEE,
        "published_at": clock.now(),
    }


def _values(record: dict[str, Any]) -> dict[str, Any]:
    values = {name: value for name, value in record.items() if name not in _LEFT_OUT}
    return values | {
        "id": uuid.uuid5(_SPACE, record["id"]),
        "date_maj": date.fromisoformat(record["date_maj"]),
        "created_at": clock.now(),
        "search_text": "",
    }
