"""One question both engines answer in their own words: does a JSON list hold one of these texts?"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Boolean, ColumnElement, bindparam, false
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class _HoldsAny(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True


def holds_any(column: Any, values: Iterable[str]) -> ColumnElement[bool]:
    """Return the condition "the JSON list `column` holds at least one of `values`"; a null list holds nothing."""
    wanted = sorted(set(values))
    if not wanted:
        return false()
    return _HoldsAny(column, *(bindparam(None, value, unique=True) for value in wanted))


@compiles(_HoldsAny, "sqlite")
def _on_sqlite(element: _HoldsAny, compiler: Any, **options: Any) -> str:
    column, *values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"EXISTS (SELECT 1 FROM json_each({column}) WHERE json_each.value IN ({', '.join(values)}))"


@compiles(_HoldsAny, "postgresql")
def _on_postgresql(element: _HoldsAny, compiler: Any, **options: Any) -> str:
    column, *values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"coalesce({column} ?| CAST(ARRAY[{', '.join(values)}] AS text[]), false)"
