"""Reading one value of a parameter: a number, a text, a word of a list. What is wrong is said as pydantic says it.

Every reader takes all the values given for one name; of a parameter that holds one, the last counts.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

#: All the thématiques and categories are 85 values.
MAX_VALUES = 200
MAX_TEXT = 1_000
MAX_ECHO = 200
MAX_IDS = 500


class Wrong(Exception):
    """One value cannot be read; `loc` is its rank in a list, if it is in one."""

    def __init__(self, kind: str, message: str, value: Any, loc: int | None = None, **context: Any) -> None:
        super().__init__(kind)
        self.kind, self.message, self.value, self.loc, self.context = kind, message, value, loc, context


_WHOLE = re.compile(r"\s*([+-]?[0-9]{1,18})(?:\.0{1,20})?\s*", re.ASCII)
_CODE = re.compile(r"\w{5}")
_YES = frozenset({"1", "true", "on", "t", "y", "yes"})
_NO = frozenset({"0", "false", "off", "f", "n", "no"})


def whole(minimum: int, maximum: int | None) -> Callable[[Sequence[str]], int]:
    """Return the reader of a whole number from `minimum` to `maximum` (None: no end)."""

    def read(values: Sequence[str]) -> int:
        found = _WHOLE.fullmatch(values[-1])
        if found is None:
            raise Wrong(
                "int_parsing",
                "Input should be a valid integer, unable to parse string as an integer",
                values[-1],
            )
        number = int(found.group(1))
        if number < minimum:
            raise Wrong(
                "greater_than_equal",
                f"Input should be greater than or equal to {minimum}",
                values[-1],
                ge=minimum,
            )
        if maximum is not None and number > maximum:
            raise Wrong(
                "less_than_equal", f"Input should be less than or equal to {maximum}", values[-1], le=maximum
            )
        return number

    return read


def number(minimum: float | None = None, maximum: float | None = None) -> Callable[[Sequence[str]], float]:
    """Return the reader of a finite number, within bounds or not."""

    def read(values: Sequence[str]) -> float:
        try:
            if len(values[-1]) > 50 or "_" in values[-1]:
                raise ValueError
            number = float(values[-1])
        except ValueError:
            raise Wrong(
                "float_parsing",
                "Input should be a valid number, unable to parse string as a number",
                values[-1],
            ) from None
        if not math.isfinite(number):
            raise Wrong("finite_number", "Input should be a finite number", values[-1])
        if minimum is not None and number < minimum:
            raise Wrong(
                "greater_than_equal",
                f"Input should be greater than or equal to {minimum:g}",
                values[-1],
                ge=minimum,
            )
        if maximum is not None and number > maximum:
            raise Wrong(
                "less_than_equal",
                f"Input should be less than or equal to {maximum:g}",
                values[-1],
                le=maximum,
            )
        return number

    return read


def yes_or_no(values: Sequence[str]) -> bool:
    """Read a yes or a no. Raises Wrong."""
    said = values[-1].strip().lower()
    if said in _YES:
        return True
    if said in _NO:
        return False
    raise Wrong("bool_parsing", "Input should be a valid boolean, unable to interpret input", values[-1])


def is_true(values: Sequence[str]) -> bool:
    """Say whether a switch is on; whatever is not a yes is a no."""
    return values[-1].strip().lower() in _YES


def text(values: Sequence[str]) -> str:
    """Read a text of MAX_TEXT characters at most. Raises Wrong."""
    return short(values[-1], MAX_TEXT)


def texts(values: Sequence[str]) -> frozenset[str]:
    """Read short texts. Raises Wrong."""
    few(values)
    return frozenset(short(value, MAX_ECHO, rank) for rank, value in enumerate(values))


def short(value: str, maximum: int, rank: int | None = None) -> str:
    """Return `value`. Raises Wrong when it is longer than `maximum`; `rank` is its place in a list."""
    if len(value) > maximum:
        raise Wrong(
            "string_too_long",
            f"String should have at most {maximum} characters",
            value,
            rank,
            max_length=maximum,
        )
    return value


def few(values: Sequence[str], maximum: int = MAX_VALUES) -> None:
    """Raise Wrong when there are more than `maximum` values."""
    if len(values) > maximum:
        raise Wrong(
            "too_long",
            f"List should have at most {maximum} items after validation, not {len(values)}",
            list(values[:3]),
            field_type="List",
            max_length=maximum,
            actual_length=len(values),
        )


def among(known: Sequence[str]) -> Callable[[Sequence[str]], frozenset[str]]:
    """Return the reader of a list of words, each among `known`."""
    one = one_of(lambda: known)

    def read(values: Sequence[str]) -> frozenset[str]:
        few(values)
        return frozenset(one((value,), rank) for rank, value in enumerate(values))

    return read


def one_of(known: Callable[[], Iterable[str]]) -> Callable[..., str]:
    """Return the reader of one word among those that `known` gives, asked for at the first reading."""

    @cache
    def values_known() -> frozenset[str]:
        return frozenset(known())

    @cache
    def expected() -> str:
        *others, last = (f"'{value}'" for value in known())
        return " or ".join([", ".join(others), last])

    def read(values: Sequence[str], rank: int | None = None) -> str:
        if values[-1] not in values_known():
            raise Wrong("enum", f"Input should be {expected()}", values[-1], rank, expected=expected())
        return values[-1]

    return read


def code_commune(values: Sequence[str]) -> str:
    """Read an INSEE code, which may be that of no commune. Raises Wrong."""
    code = values[-1]
    if len(code) < 5:
        raise Wrong("string_too_short", "String should have at least 5 characters", code, min_length=5)
    short(code, 5)
    if _CODE.fullmatch(code) is None:
        raise Wrong(
            "string_pattern_mismatch",
            "String should match pattern '^\\w{5}$'",
            code,
            pattern="^\\w{5}$",
        )
    return code


def ids(values: Sequence[str]) -> tuple[str, ...]:
    """Read ids, each once, in the order given. Raises Wrong."""
    few(values, MAX_IDS)
    return tuple(dict.fromkeys(short(value, MAX_ECHO, rank) for rank, value in enumerate(values)))
