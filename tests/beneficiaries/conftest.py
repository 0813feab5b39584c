"""What the tests of files need beside the rest: a journal written during a GET must outlive the GET."""

import pytest
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session

from portal.db import Database


@pytest.fixture(autouse=True)
def _readings_undo_nothing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give pages that only show a session that leaves the test's transaction alone when it closes.

    All sessions of a test share one connection. A savepoint of the reading session, undone at the end of the
    request, would take with it the line that another session wrote meanwhile, which two connections never do.
    """
    if "session" not in request.fixturenames:
        return
    session: Session = request.getfixturevalue("session")
    database: Database = request.getfixturevalue("database")
    readers = sessionmaker(
        session.get_bind(), class_=Session, expire_on_commit=False, join_transaction_mode="rollback_only"
    )

    def opened(*, read_only: bool = False) -> Session:
        if not read_only:
            return Database.session(database)
        usual, database.sessions = database.sessions, readers
        try:
            return Database.session(database, read_only=True)
        finally:
            database.sessions = usual

    monkeypatch.setattr(database, "session", opened)
