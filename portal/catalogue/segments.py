"""Columns of services and structures as arrays: what the search reads instead of rows.

A segment never changes once made. `segment_builder` makes one from features; `segment_files` gives it the shape of a
file. Rows are in the order of their ids.
"""

import threading
from collections.abc import Callable, Hashable, Iterable
from datetime import date
from functools import cached_property
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from portal import geography, vocabulary

#: Filters of several values a row: postings, that is the rows of each value.
MANY = ("thematiques", "publics", "modes_accueil", "dominantes", "financeurs", "conventions")
#: Filters of one value a row: a code a row, NO_CODE when unknown.
ONE = ("type", "frais", "source")
NO_CODE = 255
NO_COMMUNE = 65535
#: Values that fit in the bits of one number.
MOST_BITS = 32
HOURS_BANDS = ("moins-de-5", "5-a-15", "15-et-plus", "inconnu")

# At most 0.2 MB each at national size.
_LATELY = 32

Array = NDArray[Any]
T = TypeVar("T")

NO_ROWS: Array = np.zeros(0, np.uint32)


class Segment:
    """The columns of a set of services and of their structures."""

    def __init__(self, arrays: dict[str, Array], values: dict[str, list[str]]) -> None:
        self._arrays = arrays
        self.values = values
        self.count: int = int(arrays["date_maj"].shape[0])
        self.structure_count: int = int(arrays["s_date_maj"].shape[0])
        # Plain views: a slice of an array costs ten times that of a view.
        self._texts = {
            name: (arrays[name].data, arrays[f"{name}_ptr"].data)
            for name in ("ids", "noms", "s_ids", "s_noms")
        }
        self.codes = {name: {value: code for code, value in enumerate(values[name])} for name in values}
        self._lately: dict[Hashable, Any] = {}
        self._lately_lock = threading.Lock()

    def lately(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` gives for `key`, kept for the next questions about the same: the last ones only."""
        found = self._lately.get(key)
        if found is None:
            found = make()
            with self._lately_lock:
                if len(self._lately) >= _LATELY:
                    del self._lately[next(iter(self._lately))]
                self._lately[key] = found
        return cast(T, found)

    def __getitem__(self, name: str) -> Array:
        return self._arrays[name]

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def names(self) -> Iterable[str]:
        """Return the names of the columns."""
        return self._arrays.keys()

    def id(self, row: int) -> str:
        """Return the prefixed id of a service."""
        return self._text("ids", row)

    def nom(self, row: int) -> str:
        """Return the name of a service."""
        return self._text("noms", row)

    def structure_id(self, row: int) -> str:
        """Return the prefixed id of a structure."""
        return self._text("s_ids", row)

    def structure_nom(self, row: int) -> str:
        """Return the name of a structure."""
        return self._text("s_noms", row)

    def row_of(self, service_id: str) -> int | None:
        """Return the row of a service, or None."""
        return self._find("ids", self.count, service_id)

    def structure_row_of(self, structure_id: str) -> int | None:
        """Return the row of a structure, or None."""
        return self._find("s_ids", self.structure_count, structure_id)

    def insertion_row(self, service_id: str) -> int:
        """Return how many services come before this id."""
        return self._bisect("ids", self.count, service_id)

    def structure_insertion_row(self, structure_id: str) -> int:
        """Return how many structures come before this id."""
        return self._bisect("s_ids", self.structure_count, structure_id)

    def rows_of(self, name: str, value: str) -> Array:
        """Return the rows (rising) that hold a value of one of MANY or of the zones; none when it is unknown."""
        code = self.codes[name].get(value)
        if code is None:
            return NO_ROWS
        bounds = self._arrays[f"{name}_ptr"]
        return self._arrays[f"{name}_rows"][bounds[code] : bounds[code + 1]]

    def stem_rows(self, code: int) -> tuple[Array, Array]:
        """Return (rows, places where it is found) of a stem, by its number."""
        bounds = self._arrays["stem_ptr"]
        span = slice(int(bounds[code]), int(bounds[code + 1]))
        return self._arrays["stem_rows"][span], self._arrays["stem_bits"][span]

    def stem_code(self, stem: str) -> int | None:
        """Return the number of a stem, or None when no service holds it."""
        held, wanted = self._arrays["stems"], stem.encode()
        code = int(np.searchsorted(held, wanted))
        return code if code < held.shape[0] and held[code] == wanted else None

    def stems_beginning(self, beginning: str, limit: int) -> list[int]:
        """Return the stems (numbers) of the words that begin so, the most frequent first."""
        held = self._arrays["words"]
        first = int(np.searchsorted(held, beginning.encode()))
        last = int(np.searchsorted(held, beginning.encode() + b"\x7f"))
        if first == last:
            return []
        codes = np.unique(self._arrays["word_stems"][first:last])
        if codes.shape[0] > limit:
            bounds = self._arrays["stem_ptr"]
            sizes = bounds[codes + 1] - bounds[codes]
            codes = codes[np.argsort(-sizes.astype(np.int64), kind="stable")[:limit]]
        return [int(code) for code in codes]

    @cached_property
    def place_columns(self) -> dict[str, Array]:
        """For each commune of the segment: the codes of its département, région and EPCI (texts)."""
        found = [geography.commune(code) for code in self.values["communes"]]
        return {
            "commune": np.array(self.values["communes"] or [""]),
            "departement": np.array([c.code_departement if c else "" for c in found] or [""]),
            "region": np.array([c.code_region if c else "" for c in found] or [""]),
            "epci": np.array([(c.code_epci or "") if c else "" for c in found] or [""]),
        }

    @cached_property
    def word_list(self) -> list[str]:
        """Every word of the services, for the search of near ones."""
        return [word.decode() for word in self._arrays["words"].tolist()]

    @cached_property
    def cluster_order(self) -> tuple[Array, Array]:
        """Return (structures in the order of their clusters, their clusters): who is the twin of whom."""
        clusters = self._arrays["s_cluster"]
        order = np.argsort(clusters, kind="stable")
        return order, clusters[order]

    @cached_property
    def service_order(self) -> tuple[Array, Array]:
        """Return (services in the order of their structures, their structures)."""
        held = self._arrays["structure"]
        order = np.argsort(held, kind="stable")
        return order, held[order]

    def scores(self) -> Array:
        """Return the quality score of each service today."""
        days = self._arrays["date_maj"]
        distinct, which = np.unique(days, return_inverse=True)
        worth = np.array([vocabulary.freshness(_day(int(day))) for day in distinct.tolist()] or [0.0])
        # A few hundred combinations for a hundred thousand services.
        combined = np.stack(
            (
                np.round(self._arrays["points"] * 2).astype(np.int64),
                self._arrays["criteria"].astype(np.int64),
                self._arrays["ages"].astype(np.int64),
                np.round(worth[which] * 100).astype(np.int64),
            ),
            axis=1,
        )
        if not self.count:
            return np.zeros(0, np.float32)
        keys = ((combined[:, 0] * 32 + combined[:, 1]) * 2 + combined[:, 2]) * 128 + combined[:, 3]
        _, first, again = np.unique(keys, return_index=True, return_inverse=True)
        scores = [
            vocabulary.aged_score(points / 2, criteria, fresh / 100 if ages else None)
            for points, criteria, ages, fresh in combined[first].tolist()
        ]
        return np.array(scores, np.float32)[again]

    def _bytes(self, name: str, row: int) -> bytes:
        content, bounds = self._texts[name]
        return bytes(content[bounds[row] : bounds[row + 1]])

    def _text(self, name: str, row: int) -> str:
        return self._bytes(name, row).decode()

    def _bisect(self, name: str, count: int, wanted: str) -> int:
        # UTF-8 keeps the order of characters: bytes are compared as they are.
        low, high, sought = 0, count, wanted.encode()
        while low < high:
            middle = (low + high) // 2
            if self._bytes(name, middle) < sought:
                low = middle + 1
            else:
                high = middle
        return low

    def _find(self, name: str, count: int, wanted: str) -> int | None:
        row = self._bisect(name, count, wanted)
        return row if row < count and self._text(name, row) == wanted else None


def holding(segment: Segment, name: str, values: Iterable[str], rows: Any = slice(None)) -> Array:
    """Return which of `rows` (all, in their order) hold one of `values` in a filter of several values, as a mask."""
    if f"{name}_bits" in segment:
        known = segment.codes[name]
        wanted = sum(1 << known[value] for value in set(values) if value in known)
        return np.asarray((segment[f"{name}_bits"][rows] & np.uint32(wanted)) != 0)
    mask = np.zeros(segment.count, np.bool_)
    for value in values:
        mask[segment.rows_of(name, value)] = True
    return mask[rows]


def _day(ordinal: int) -> date:
    return date.fromordinal(ordinal)
