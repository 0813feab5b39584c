"""Alembic, reached from the command line, from `make run` and from the tests."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import Engine, text

from portal.config import ROOT


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the database up to `revision`."""
    with _alembic(engine) as alembic:
        command.upgrade(alembic, revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Bring the database down to `revision` ("base" empties it)."""
    with _alembic(engine) as alembic:
        command.downgrade(alembic, revision)


def check(engine: Engine) -> None:
    """Raise alembic's CommandError when the tables of the code and those of the migrations differ."""
    with _alembic(engine) as alembic:
        command.check(alembic)


def revise(engine: Engine, message: str, revision: str) -> None:
    """Write a new migration from what differs, to be read and corrected before it is kept."""
    with _alembic(engine) as alembic:
        command.revision(alembic, message, autogenerate=True, rev_id=revision)


@contextmanager
def _alembic(engine: Engine) -> Iterator[AlembicConfig]:
    config = AlembicConfig(toml_file=str(ROOT / "pyproject.toml"))
    with engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:
            # With foreign keys on, rebuilding a parent table would empty its children. The pragma is ignored inside a
            # transaction, hence the raw connection.
            connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")  # type: ignore[union-attr]
        try:
            config.attributes["connection"] = connection
            yield config
            connection.commit()
        finally:
            if sqlite:
                connection.rollback()
                connection.connection.driver_connection.execute("PRAGMA foreign_keys=ON")  # type: ignore[union-attr]


def is_empty(engine: Engine) -> bool:
    """Say whether the database holds no account yet."""
    with engine.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM account")).scalar_one() == 0
