"""Records of another source as files, and `exchanges import` as it is typed."""

import json
from collections.abc import Callable
from typing import Any

from click.testing import Result
from flask import Flask
from sqlmodel import SQLModel, col, select

from portal.catalogue.models import (
    CatalogueIndex,
    KnownService,
    KnownStructure,
)
from portal.db import Database
from portal.exchanges.national.checking import Checked, Kind, check

OWN = "portail-test"
Record = dict[str, Any]
Give = Callable[..., list[str]]
Run = Callable[..., Result]


def structure(number: int = 1, source: str = "dora", **fields: Any) -> Record:
    """A record as data.inclusion's API gives it."""
    return {
        "source": source,
        "id": f"{source}--s{number}",
        "nom": f"Maison {number}",
        "date_maj": "2026-03-01",
        "code_insee": "35236",
        "adresse_certifiee": True,
        "score_qualite": 0.7,
        "doublons": [],
    } | fields


def service(number: int = 1, under: int = 1, source: str = "dora", **fields: Any) -> Record:
    """A record as data.inclusion's API gives it."""
    return {
        "source": source,
        "structure_id": f"{source}--s{under}",
        "id": f"{source}--v{number}",
        "nom": f"Atelier {number}",
        "description": "Apprendre à conduire, à son rythme.",
        "date_maj": "2026-03-02",
        "thematiques": ["mobilite--preparer-un-permis"],
        "score_qualite": 0.4,
    } | fields


def lines(records: list[Record]) -> bytes:
    return b"".join(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records)


def runner(app: Flask) -> Run:
    """Return what types `exchanges import …` in this portal."""

    def typed(files: list[str], *options: str, code: int = 0) -> Result:
        result = app.test_cli_runner().invoke(args=["exchanges", "import", *files, *options])
        assert result.exit_code == code, result.output + repr(result.exception)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return typed


def ids(database: Database, model: type[KnownStructure] | type[KnownService]) -> list[str]:
    with database.session(read_only=True) as session:
        return sorted(session.exec(select(model.id)))


def one(database: Database, model: type[SQLModel], row_id: str) -> Any:
    with database.session(read_only=True) as session:
        return session.get_one(model, row_id)


def indexes(database: Database) -> list[Any]:
    with database.session(read_only=True) as session:
        return list(session.exec(select(CatalogueIndex.id).order_by(col(CatalogueIndex.made_at))))


def told(result: Result) -> dict[str, dict[str, int]]:
    """The counts, {"structures": {"new": 1, …}, …}."""
    found = {}
    for line in result.stderr.splitlines():
        name, _, counts = line.partition(": ")
        if counts.endswith("set aside"):
            cells = (cell.split(" ", 1) for cell in counts.split(", "))
            found[name] = {word: int(number) for number, word in cells if number != "0"}
    return found


def check_line(kind: Kind, record: Record | bytes) -> Checked | None:
    content = record if isinstance(record, bytes) else json.dumps(record).encode()
    return check(kind, content, own_source=OWN)
