"""A session whose every change is undone, those of the requests made meanwhile included."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from portal.db import Database


class Reader(Session):
    """The session of a page that only shows, on the one connection of a test.

    It must not undo, when it ends, what another session (the journal) wrote meanwhile: two connections never do that
    to each other. It has nothing of its own to undo.
    """

    def rollback(self) -> None:
        self.expunge_all()


@contextmanager
def undone(database: Database) -> Iterator[Session]:
    """Give a session on a connection of its own, which the database's sessions share meanwhile; roll all of it back."""
    usual, usual_reading = database.sessions, database.reading_sessions
    with database.engine.connect() as connection:
        outer = connection.begin()
        database.sessions = sessionmaker(
            connection, class_=Session, expire_on_commit=False, join_transaction_mode="create_savepoint"
        )
        database.reading_sessions = sessionmaker(
            connection, class_=Reader, expire_on_commit=False, join_transaction_mode="rollback_only"
        )
        with database.sessions() as opened:
            yield opened
        database.sessions, database.reading_sessions = usual, usual_reading
        outer.rollback()
