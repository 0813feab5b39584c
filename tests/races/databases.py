"""A database of one's own, for what must really be committed: by other processes, or once for many tests."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from portal import migrate
from portal.db import Database


@contextmanager
def own_url(engine_name: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """Give the address of a new empty database of this engine; on PostgreSQL it is dropped at the end."""
    name = f"own_{uuid.uuid4().hex}"
    if engine_name == "sqlite":
        yield f"sqlite:///{folder / name}.db"
        return
    server: str = request.getfixturevalue("postgresql_url")
    keeper = create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with keeper.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            yield make_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            with keeper.connect() as connection:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        keeper.dispose()


@contextmanager
def own_database(engine_name: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Database]:
    """Give a new database with its tables."""
    with own_url(engine_name, request, folder) as url:
        database = Database(url)
        try:
            migrate.upgrade(database.engine)
            yield database
        finally:
            database.engine.dispose()
