"""Engine, sessions and column helpers; what differs between SQLite and PostgreSQL sits in `engines`."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Enum, MetaData, create_engine, event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.orm import ORMExecuteState, sessionmaker
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, Session, SQLModel

from portal import clock, engines
from portal.engines.among import STRAIGHT

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata: MetaData = SQLModel.metadata
metadata.naming_convention = NAMING

# A list or a dict as JSON; JSONB on PostgreSQL so that it can be searched.
JsonColumn = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class WroteInRead(RuntimeError):
    """A page that only shows (GET) tried to write: move the change to a POST, or to a transaction apart (`Database.writing`)."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, always aware and in UTC on both engines (SQLite forgets the zone by itself)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive moment and store the others in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the moment back aware."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def text_enum(enum: type, name: str | None = None) -> Enum:
    """Return the column type of one of our enums: its value stored as text, checked by the database.

    `name` tells the checks apart when a table has two columns of the same enum.
    """
    return Enum(
        enum,
        native_enum=False,
        create_constraint=True,
        length=32,
        name=name or _snake(enum.__name__),
        values_callable=lambda members: [member.value for member in members],
    )


def new_id() -> uuid.UUID:
    """Return a random identifier; public ids say nothing of the thing."""
    return uuid.uuid4()


def id_field() -> Any:
    """Return the primary key of every table: a UUID made by us."""
    return Field(default_factory=new_id, primary_key=True)


def moment_field(**options: Any) -> Any:
    """Return a column that holds a moment, the present one by default."""
    return Field(default_factory=lambda: clock.now(), sa_type=UtcDateTime, **options)


def optional_moment_field() -> Any:
    """Return a column that holds a moment or nothing."""
    return Field(default=None, sa_type=UtcDateTime, nullable=True)


def list_field() -> Any:
    """Return a column that holds a JSON list, or null when unknown. Changing the list in place is not seen: assign."""
    return Field(default=None, sa_type=JsonColumn, nullable=True)


class Database:
    """The engine and its sessions. One lives in `app.extensions["portal_db"]`."""

    def __init__(self, url: str) -> None:
        self.engine = make_engine(url)
        self.sessions: Callable[..., Session] = sessionmaker(
            self.engine, class_=Session, expire_on_commit=False, autoflush=True
        )
        # Its transactions begin at the first statement, as readers': an answer that needs none opens none.
        self.reading_sessions: Callable[..., Session] = sessionmaker(
            self.engine.execution_options(portal_read_only=True), class_=Session, expire_on_commit=False
        )
        self._straight = engines.straight(self.engine)
        self._own_reading_sessions = self.reading_sessions

    def session(self, *, read_only: bool = False) -> Session:
        """Return a new session; a `read_only` one refuses to write and takes no write lock."""
        if not read_only:
            return self.sessions()
        session = self.reading_sessions()
        session.info["read_only"] = True
        # Sessions of somebody else's making (a test's, which is on one connection) see what no other connection does.
        if self.reading_sessions is self._own_reading_sessions:
            session.info[STRAIGHT] = self._straight
        return session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a session of its own, committed at the end, rolled back on error; for commands and for journals."""
        session = self.sessions()
        try:
            yield session
            session.commit()
        except BaseException:
            session.rollback()
            raise
        finally:
            session.close()


def make_engine(url: str) -> Engine:
    """Return an engine for `url` with what its dialect needs (see `portal.engines`)."""
    engine = create_engine(url, **engines.options(url))
    engines.prepare(engine)
    return engine


# Listened to once for every session: a listener of its own for each costs more than a small answer.
@event.listens_for(Session, "before_flush")
def _refuse_flush(session: Session, *_: object) -> None:
    if session.info.get("read_only") and (session.new or session.dirty or session.deleted):
        changed = [type(thing).__name__ for thing in (*session.new, *session.dirty, *session.deleted)]
        raise WroteInRead(f"a GET may not write: {', '.join(sorted(set(changed)))}")


@event.listens_for(Session, "do_orm_execute")
def _refuse_bulk(state: ORMExecuteState) -> None:
    writes = state.is_insert or state.is_update or state.is_delete
    if writes and state.session.info.get("read_only"):
        raise WroteInRead("a GET may not write")


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))
