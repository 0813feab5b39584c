"""Connections for one statement at a time that only reads: no transaction around it, no question before it.

A session costs a search as much as its answer: on PostgreSQL three more round trips (is the connection alive, BEGIN,
ROLLBACK), on both engines the time of building what a statement of twenty ids does not need.
"""

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

#: So many wait for the next request, at most; a process has as many threads or fewer.
_KEPT = 8


class Straight:
    """The connections of an engine that are in no transaction. Threads share it; `engine.dispose()` closes them."""

    def __init__(self, engine: Engine, *, prepare: Callable[[Any], None]) -> None:
        """`prepare` readies a connection of the driver: each statement is its own transaction, texts come as bytes."""
        self.dialect = engine.dialect.name
        self._engine = engine
        self._prepare = prepare
        self._free: deque[Any] = deque()
        # Moves when the connections are closed: one that was in use meanwhile is not kept.
        self._age = 0
        self._lock = threading.Lock()
        event.listen(engine, "engine_disposed", lambda _engine: self.close())

    def rows(self, statement: str, values: Sequence[Any]) -> list[Any]:
        """Return the rows of a statement in the driver's own words, texts as bytes.

        A connection that broke since it last served (the server was restarted) is replaced once, and the others with
        it. Raises the driver's error when a new connection fails too.
        """
        age = self._age
        try:
            connection = self._free.pop()
        except IndexError:
            return self._ask(self._new(), age, statement, values)
        try:
            return self._ask(connection, age, statement, values)
        except self._engine.dialect.loaded_dbapi.Error:
            self.close()
            return self._ask(self._new(), self._age, statement, values)

    def close(self) -> None:
        """Close the connections that wait."""
        with self._lock:
            self._age += 1
            held, self._free = self._free, deque()
        for connection in held:
            _close(connection)

    def _new(self) -> Any:
        borrowed = self._engine.raw_connection()
        # Ours from now on: the engine's own pool counts it no more.
        borrowed.detach()
        connection = borrowed.dbapi_connection
        self._prepare(connection)
        return connection

    def _ask(self, connection: Any, age: int, statement: str, values: Sequence[Any]) -> list[Any]:
        try:
            rows: list[Any] = connection.execute(statement, values).fetchall()
        except BaseException:
            _close(connection)
            raise
        with self._lock:
            if age == self._age and len(self._free) < _KEPT:
                self._free.append(connection)
                return rows
        _close(connection)
        return rows


def _close(connection: Any) -> None:
    with contextlib.suppress(Exception):  # broken already: there is nothing left to close
        connection.close()
