"""What the tests of imports share, a database whose changes stay and the command; and those of the API."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import delete
from sqlmodel import Session

from portal import create_app
from portal.catalogue.models import (
    CatalogueIndex,
    CatalogueIndexPart,
    KnownService,
    KnownStructure,
)
from portal.config import Config
from portal.db import Database
from portal.web.throttle import limiter
from tests.exchanges.national import Give, Record, Run, lines, runner
from tests.factories.catalogue import known_structure
from tests.races.databases import own_database


@pytest.fixture(scope="package")
def arena(
    engine_name: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A database whose changes are really committed."""
    with own_database(engine_name, request, tmp_path_factory.mktemp("import")) as database:
        yield database


@pytest.fixture
def kept(arena: Database) -> Iterator[Database]:
    """The same, empty again afterwards."""
    yield arena
    with arena.writing() as session:
        for model in (KnownService, KnownStructure, CatalogueIndexPart, CatalogueIndex):
            session.execute(delete(model))


@pytest.fixture(scope="package")
def arena_app(config: Config, arena: Database) -> Flask:
    return create_app(config, arena)


@pytest.fixture
def run(arena_app: Flask, kept: Database) -> Run:
    """Type `exchanges import …`."""
    return runner(arena_app)


@pytest.fixture
def give(tmp_path: Path) -> Give:
    """Write the two files and return their paths; records, or bytes as they are."""

    def written(structures: list[Record] | bytes, services: list[Record] | bytes) -> list[str]:
        paths = []
        for name, content in (("structures", structures), ("services", services)):
            path = tmp_path / f"{name}.ndjson"
            path.write_bytes(content if isinstance(content, bytes) else lines(content))
            paths.append(str(path))
        return paths

    return written


@pytest.fixture
def nothing_remembered(app: Flask, session: Session) -> None:
    """The API begins anew: nothing is kept of the catalogue, nobody has asked yet."""
    app.extensions["catalogue"].forget()
    limiter.reset()


@pytest.fixture
def structure(session: Session) -> KnownStructure:
    return known_structure(session, key="asso")
