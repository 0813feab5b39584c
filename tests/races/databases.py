"""A database of one's own, for what must really be committed: by other processes, or once for many tests."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, make_url, text

from portal import migrate
from portal.db import Database

# {"sqlite", or a server: the database that others are copies of}. Copying costs less than migrating.
_models: dict[str, str] = {}


@contextmanager
def own_url(
    engine_name: str, request: pytest.FixtureRequest, folder: Path, *, tables: bool = False
) -> Iterator[str]:
    """Give the address of a new database of this engine, empty unless `tables`; on PostgreSQL it is dropped at the end."""
    name = f"own_{uuid.uuid4().hex}"
    if engine_name == "sqlite":
        if tables:
            shutil.copyfile(_sqlite_model(request), folder / f"{name}.db")
        yield f"sqlite:///{folder / name}.db"
        return
    server: str = request.getfixturevalue("postgresql_url")
    keeper = create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with keeper.connect() as connection:
            like = f" TEMPLATE {_postgresql_model(connection, server)}" if tables else ""
            connection.execute(text(f"CREATE DATABASE {name}{like}"))
        try:
            yield _named(server, name)
        finally:
            with keeper.connect() as connection:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        keeper.dispose()


@contextmanager
def own_database(engine_name: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Database]:
    """Give a new database with its tables."""
    with own_url(engine_name, request, folder, tables=True) as url:
        database = Database(url)
        try:
            yield database
        finally:
            database.engine.dispose()


def _sqlite_model(request: pytest.FixtureRequest) -> str:
    if "sqlite" not in _models:
        factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
        path = str(factory.mktemp("model") / "model.db")
        _migrate(f"sqlite:///{path}")
        _models["sqlite"] = path
    return _models["sqlite"]


def _postgresql_model(connection: Connection, server: str) -> str:
    if server not in _models:
        connection.execute(text("CREATE DATABASE model"))
        _migrate(_named(server, "model"))
        _models[server] = "model"
    return _models[server]


def _migrate(url: str) -> None:
    # Nobody stays connected: PostgreSQL copies only what nobody uses, and SQLite puts its journal away.
    database = Database(url)
    try:
        migrate.upgrade(database.engine)
    finally:
        database.engine.dispose()


def _named(server: str, name: str) -> str:
    return make_url(server).set(database=name).render_as_string(hide_password=False)
