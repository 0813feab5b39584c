"""Writing a table one transaction at a time, on both engines."""

from typing import Any

from sqlalchemy import Executable
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ClauseElement
from sqlmodel import Session, SQLModel


class _OnlyWriter(Executable, ClauseElement):
    inherit_cache = False

    def __init__(self, table: str) -> None:
        self.table = table


def only_writer(session: Session, model: type[SQLModel]) -> None:
    """Wait until no other transaction writes the table of `model`, and keep the others waiting until this one ends.

    Readers are not kept waiting. To be called first in a transaction that writes: what is read afterwards holds what
    the transaction waited for has committed.
    """
    session.connection().execute(_OnlyWriter(str(model.__tablename__)))


@compiles(_OnlyWriter, "sqlite")
def _on_sqlite(element: _OnlyWriter, compiler: Any, **options: Any) -> str:
    # A writing transaction is alone from its first statement (`BEGIN IMMEDIATE`).
    return "SELECT 1"


@compiles(_OnlyWriter, "postgresql")
def _on_postgresql(element: _OnlyWriter, compiler: Any, **options: Any) -> str:
    return f"LOCK TABLE {compiler.preparer.quote(element.table)} IN SHARE ROW EXCLUSIVE MODE"
