"""Names in the order in which people look for them, the same on both engines: accents, case and hyphens do not matter."""

import unicodedata
from functools import lru_cache
from typing import Any

from sqlalchemy import String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

# What SQLite knows this order by.
SQLITE_NAME = "portal_by_name"

_PAIRS = {"œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae", "ß": "ss"}
_BLANK = "-’'"


def _letters() -> dict[str, str]:
    """Return each Latin letter that is written otherwise, with the small plain one that stands for it."""
    found = dict.fromkeys(_BLANK, " ")
    for code in (*range(ord("A"), ord("Z") + 1), *range(0xC0, 0x180)):
        letter = chr(code)
        plain = unicodedata.normalize("NFD", letter)[0].lower()
        if plain != letter and plain.isascii():
            found[letter] = plain
    return found


_LETTERS = _letters()
_TABLE = str.maketrans(_LETTERS | _PAIRS)


# The same names come again and again, several times in one list.
@lru_cache(maxsize=4096)
def folded(text: str | None) -> str | None:
    """Return `text` as it is sorted."""
    return None if text is None else text.translate(_TABLE)


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
    sorted_by = compiler.process(element.clauses, **kw)
    for pair, plain in _PAIRS.items():
        sorted_by = f"replace({sorted_by}, '{pair}', '{plain}')"
    written = "".join(_LETTERS).replace("'", "''")
    return f"translate({sorted_by}, '{written}', '{''.join(_LETTERS.values())}') COLLATE \"C\""
