"""The demo, loaded once for each engine."""

from collections.abc import Iterator

import pytest
from sqlmodel import Session

from portal import demo
from portal.db import Database
from tests.races.databases import own_database


@pytest.fixture(scope="session")
def demo_database(
    engine_name: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """The demo in a database of its own, loaded once: the tests only read it."""
    with own_database(engine_name, request, tmp_path_factory.mktemp("demo")) as database:
        with database.writing() as writing:
            demo.load(writing)
        yield database


@pytest.fixture
def loaded(demo_database: Database) -> Iterator[Session]:
    with demo_database.session(read_only=True) as reading:
        yield reading
