"""Names in the order in which people look for them, the same on both engines: accents, case and hyphens do not matter."""

import unicodedata
from functools import lru_cache
from typing import Any

from sqlalchemy import String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

# What SQLite knows this order by.
SQLITE_NAME = "portal_by_name"

# Few, for PostgreSQL: what it looks each letter of a name up in is read from end to end.
_MARKS = "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327\u0328"
_INSTEAD = {"-": " ", "’": " ", "'": " ", "Œ": "œ", "Æ": "æ"}
_PAIRS = {"œ": "oe", "æ": "ae"}
_TABLE = str.maketrans(
    {chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)}
    | dict.fromkeys(_MARKS, "")
    | {sign: _PAIRS.get(plain, plain) for sign, plain in _INSTEAD.items()}
    | _PAIRS
)


# The same names come again and again, several times in one list.
@lru_cache(maxsize=4096)
def folded(text: str | None) -> str | None:
    """Return `text` as it is sorted."""
    return None if text is None else unicodedata.normalize("NFD", text).translate(_TABLE)


def sort_key(*names: str | None) -> tuple[bytes, ...]:
    """Return what to sort a row of such names by, where rows are sorted once they are read."""
    return tuple((folded(name) or "").encode() for name in names)


class by_name(FunctionElement[str]):  # noqa: N801
    """What to sort a column of names by: `order_by(by_name(col(User.nom)), col(User.id))`."""

    name = "by_name"
    type = String()
    inherit_cache = True


@compiles(by_name, "sqlite")
def _on_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    return f"{SQLITE_NAME}({compiler.process(element.clauses, **kw)})"


@compiles(by_name, "postgresql")
def _on_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    text = compiler.process(element.clauses, **kw)
    # In this collation `lower` knows the plain letters alone, whatever the language of the server.
    small = f'lower(normalize({text}, NFD) COLLATE "C")'
    signs, plain = "".join(_INSTEAD).replace("'", "''"), "".join(_INSTEAD.values())
    whole = f"translate({small}, '{signs}{_MARKS}', '{plain}')"
    for pair, letters in _PAIRS.items():
        whole = f"replace({whole}, '{pair}', '{letters}')"
    # Most names are of plain letters, which cost little.
    quick = f"translate(lower({text} COLLATE \"C\"), '-''', '  ')"
    return f'(CASE WHEN octet_length({text}) = length({text}) THEN {quick} ELSE {whole} END) COLLATE "C"'
