"""A work that two processes do in turn, and that keeps nobody else waiting, on both engines."""

import fcntl
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import func, select
from sqlalchemy.engine import Engine


@contextmanager
def in_turn(engine: Engine, work: str) -> Iterator[None]:
    """Wait until no other process does the `work` of this name on this database, and keep the others waiting.

    No table is locked: who reads and who writes something else is not concerned. On SQLite the processes are those of
    one machine, and a small file stands beside the database; one in memory has no other process.
    """
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(zlib.crc32(work.encode()))))
            yield
        return
    path = engine.url.database
    if not path or path == ":memory:":
        yield
        return
    with open(f"{path}-{work}", "a") as file:
        # Let go of by the system when the process ends, whatever ends it.
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
