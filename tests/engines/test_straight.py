"""Statements that go alone: what they read, and what happens when the connection that waited is dead."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlmodel import Session

from portal.db import Database
from portal.engines.among import STRAIGHT, rows_among
from portal.engines.straight import Straight

_ASKED = "SELECT id, nom FROM straight_example WHERE id {among}"


@pytest.fixture
def apart(database: Database, database_url: str) -> Iterator[Database]:
    """A portal's database of its own, on the same engine, with a table that others commit to."""
    made = Database(database_url)
    with made.writing() as session:
        session.execute(text("CREATE TABLE straight_example (id VARCHAR(20) PRIMARY KEY, nom TEXT)"))
        session.execute(text("INSERT INTO straight_example VALUES ('a', 'Été'), ('b', 'Œuvre')"))
    yield made
    with made.writing() as session:
        session.execute(text("DROP TABLE straight_example"))
    made.engine.dispose()


def _straight(session: Session) -> Straight:
    found: Straight = session.info[STRAIGHT]
    return found


def test_it_reads_texts_as_bytes_and_opens_no_transaction(apart: Database) -> None:
    with apart.session(read_only=True) as session:
        assert sorted(rows_among(session, _ASKED, ["a", "b", "c"])) == [
            (b"a", "Été".encode()),
            (b"b", "Œuvre".encode()),
        ]
        assert rows_among(session, _ASKED, []) == []
        assert not session.in_transaction()
        assert apart.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_it_sees_what_is_committed_meanwhile(apart: Database) -> None:
    with apart.session(read_only=True) as session:
        rows_among(session, _ASKED, ["a"])
        with apart.writing() as other:
            other.execute(text("UPDATE straight_example SET nom = 'Automne' WHERE id = 'a'"))
        assert rows_among(session, _ASKED, ["a"]) == [(b"a", b"Automne")]


def test_a_session_that_has_read_keeps_its_view(apart: Database) -> None:
    with apart.session(read_only=True) as session:
        session.execute(text("SELECT nom FROM straight_example")).all()
        with apart.writing() as other:
            other.execute(text("UPDATE straight_example SET nom = 'Automne' WHERE id = 'a'"))
        assert rows_among(session, _ASKED, ["a"]) == [(b"a", "Été".encode())]


def test_a_session_that_writes_sees_its_own(apart: Database) -> None:
    with apart.session() as session:
        assert STRAIGHT not in session.info
        session.execute(text("UPDATE straight_example SET nom = 'Automne' WHERE id = 'a'"))
        assert rows_among(session, _ASKED, ["a"]) == [(b"a", b"Automne")]


def test_it_cannot_write(apart: Database) -> None:
    with apart.session(read_only=True) as session:
        straight = _straight(session)
    with pytest.raises(apart.engine.dialect.loaded_dbapi.Error):
        straight.rows("DELETE FROM straight_example", ())
    with apart.session(read_only=True) as session:
        assert len(rows_among(session, _ASKED, ["a", "b"])) == 2


def test_a_connection_that_died_is_replaced(apart: Database) -> None:
    with apart.session(read_only=True) as session:
        straight = _straight(session)
        if straight.dialect == "postgresql":
            (own,) = straight.rows("SELECT pg_backend_pid()", ())
            with apart.writing() as other:
                killed = other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": own[0]})
                assert killed.scalar_one()
        else:
            rows_among(session, _ASKED, ["a"])
            straight._free[0].close()
        assert rows_among(session, _ASKED, ["b"]) == [(b"b", "Œuvre".encode())]


def test_a_statement_that_is_wrong_is_told(apart: Database) -> None:
    with apart.session(read_only=True) as session:
        with pytest.raises(apart.engine.dialect.loaded_dbapi.Error):
            rows_among(session, "SELECT nothing FROM straight_example WHERE id {among}", ["a"])
        assert rows_among(session, _ASKED, ["a"]) == [(b"a", "Été".encode())]


def test_disposing_of_the_engine_closes_them(apart: Database) -> None:
    with apart.session(read_only=True) as session:
        rows_among(session, _ASKED, ["a"])
        waiting = _straight(session)._free[0]
    apart.engine.dispose()
    with pytest.raises(apart.engine.dialect.loaded_dbapi.Error):
        waiting.execute("SELECT 1")
    with apart.session(read_only=True) as session:
        assert len(rows_among(session, _ASKED, ["a"])) == 1
