"""How many services each value of each filter would give: the same search, that filter left aside.

Services that hold the same values of a few filters are one *kind*: there are hundreds of kinds for a hundred thousand
services. Rows are counted by kind, once for several filters; then kinds are added up for each value.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from weakref import WeakKeyDictionary

import numpy as np

from portal import vocabulary
from portal.catalogue.criteria import Fraicheur, SessionBand
from portal.catalogue.matching import EVERYBODY, MONTH, Matched, all_of, session_within
from portal.catalogue.segments import HOURS_BANDS, Array, Segment

#: How many structures are told of each segment: those with the most results, by id then.
STRUCTURES = 10
SCORES = ("0.5", "0.8", "0.9")
# Filters side by side: few enough together that kinds stay few.
_TOGETHER: tuple[tuple[str, ...], ...] = (
    ("thematiques", "categories"),
    ("publics", "modes_accueil"),
    ("types", "frais", "heures"),
    ("sources",),
    ("dominantes", "financeurs"),
    ("conventions",),
)
_COLUMNS = {"types": "type", "sources": "source"}
# The filter that a count leaves aside, where it is not the count's own name.
_MASKS = {
    "categories": "thematiques",
    "financeurs": "finance",
    "conventions": "finance",
    "types": "type",
    "sources": "source",
}
_KNOWN_PUBLICS = frozenset(choice.value for choice in vocabulary.choices("publics"))


@dataclass(frozen=True, slots=True)
class _Part:
    """A filter of a facet: its values are the numbers from `first` on."""

    name: str
    mask: str
    first: int
    values: list[str]


@dataclass(frozen=True, slots=True)
class _Facet:
    """Filters counted together. `kind_of`: the kind of each row. `kinds` from `starts[v]` on hold the value `v`."""

    kind_of: Array
    size: int
    kinds: Array
    starts: Array
    parts: list[_Part]

    def numbers(self, rows: Array) -> list[int]:
        """Return how many of the rows hold each value, part after part."""
        held = np.bincount(self.kind_of[rows], minlength=self.size)
        found: list[int] = np.add.reduceat(held[self.kinds], self.starts).tolist()
        return found


class _Facets:
    """The facets of a segment, which is not held here: it could never be let go of."""

    def __init__(self, segment: Segment) -> None:
        self._lasting = [
            facet for names in _TOGETHER if (facet := _facet([_held(segment, name) for name in names]))
        ]
        self._of_day: tuple[Array, date, _Facet | None] | None = None

    def all(self, segment: Segment, scores: Array, today: date) -> Iterator[_Facet]:
        """Yield every facet; what ages is read again each day."""
        yield from self._lasting
        made = self._of_day
        if made is None or made[0] is not scores or made[1] != today:
            made = self._of_day = (scores, today, _facet(_held_today(segment, scores, today)))
        if made[2]:
            yield made[2]


# A segment never changes: its facets last as long as it does.
_OF_SEGMENT: "WeakKeyDictionary[Segment, _Facets]" = WeakKeyDictionary()


def prepare(segment: Segment, scores: Array, today: date) -> None:
    """Make ready what counting needs, which takes a moment for a new segment and each new day."""
    if segment.count:
        for _ in _facets(segment, scores, today):
            pass


def count(matched: Matched, scores: Array, today: date) -> tuple[dict[str, dict[str, int]], dict[str, str]]:
    """Return ({filter: {value: how many}} in a segment, names of the structures counted by id).

    Values that would give nothing are left out. `scores`: the quality of every row of the segment today.
    """
    segment, masks = matched.segment, matched.masks
    aside: dict[str, Array] = {}

    def without(mask: str) -> Array:
        if mask not in masks:
            return matched.rows
        if mask not in aside:
            aside[mask] = np.flatnonzero(all_of(segment.count, masks, but=mask))
        return aside[mask]

    counts: dict[str, dict[str, int]] = {}
    if not segment.count:
        return counts, {}
    for facet in _facets(segment, scores, today):
        known: dict[str | None, list[int] | None] = {}
        for part in facet.parts:
            mask = part.mask if part.mask in masks else None
            if mask not in known:
                rows = without(part.mask)
                known[mask] = facet.numbers(rows) if rows.shape[0] else None
            numbers = known[mask]
            if numbers is not None:
                of_part = numbers[part.first : part.first + len(part.values)]
                counts[part.name] = {
                    value: number for value, number in zip(part.values, of_part, strict=True) if number
                }
    counts["structures"], names = _structures(segment, without("structures"))
    return counts, names


def added(one: dict[str, dict[str, int]], other: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """Return the counts of two segments as one."""
    if not one:
        return other
    for name, numbers in other.items():
        held = one.setdefault(name, {})
        for value, number in numbers.items():
            held[value] = held.get(value, 0) + number
    return one


def with_everybody(publics: dict[str, int]) -> dict[str, int]:
    """Return the counts of publics as the filter keeps them: who is open to everybody suits each of them.

    It names no other public (schema v1), so that nothing is counted twice.
    """
    everybody = publics.get(EVERYBODY, 0)
    if not everybody:
        return publics
    found = {value: publics.get(value, 0) + everybody for value in _KNOWN_PUBLICS | publics.keys()}
    return found | {EVERYBODY: everybody}


def _facets(segment: Segment, scores: Array, today: date) -> Iterator[_Facet]:
    facets = _OF_SEGMENT.get(segment)
    if facets is None:
        facets = _OF_SEGMENT[segment] = _Facets(segment)
    return facets.all(segment, scores, today)


# A filter, its values, what each row holds as bits (or as the number of one value), and whether these are bits.
_Held = tuple[str, list[str], list[Array], bool]


def _held(segment: Segment, name: str) -> _Held:
    if name == "heures":
        return name, list(HOURS_BANDS), [segment["heures"]], False
    column = _COLUMNS.get(name, name)
    values = segment.values[column]
    if column in segment:
        return name, values, [segment[column]], False
    if f"{column}_bits" in segment:
        return name, values, [segment[f"{column}_bits"]], True
    words = []
    for start in range(0, len(values), 32):
        word = np.zeros(segment.count, np.uint32)
        for value in values[start : start + 32]:
            word[segment.rows_of(column, value)] |= np.uint32(1 << (segment.codes[column][value] - start))
        words.append(word)
    return name, values, words, True


def _held_today(segment: Segment, scores: Array, today: date) -> list[_Held]:
    days, first = segment["date_maj"], today.toordinal()
    sessions = [session_within(segment, band, today) for band in SessionBand]
    fresh = [days >= first - band.months * MONTH for band in Fraicheur]
    good = [scores >= np.float32(float(score) - 1e-4) for score in SCORES]
    return [
        ("professionnels", ["oui"], [segment["professionnels"].astype(np.uint32)], True),
        ("places_libres", ["oui"], [(segment["places"] > 0).astype(np.uint32)], True),
        ("session", [band.value for band in SessionBand], [_bits(sessions)], True),
        ("fraicheur", [band.value for band in Fraicheur], [_bits(fresh)], True),
        ("score", list(SCORES), [_bits(good)], True),
    ]


def _bits(masks: list[Array]) -> Array:
    found = np.zeros(masks[0].shape[0], np.uint32)
    for place, mask in enumerate(masks):
        found |= mask.astype(np.uint32) << np.uint32(place)
    return found


def _facet(filters: list[_Held]) -> _Facet | None:
    """Return the facet of these filters; None when no row holds a value."""
    kind_of: Array | None = None
    for _, _, columns, _ in filters:
        for column in columns:
            _, known = np.unique(column, return_inverse=True)
            if kind_of is not None:
                known = kind_of.astype(np.int64) * (int(known.max()) + 1) + known
                _, known = np.unique(known, return_inverse=True)
            kind_of = known
    assert kind_of is not None
    size = int(kind_of.max()) + 1
    # A row of each kind tells what the kind holds.
    example = np.zeros(size, np.int64)
    example[kind_of] = np.arange(kind_of.shape[0])
    parts: list[_Part] = []
    kinds: list[Array] = []
    for name, values, columns, as_bits in filters:
        part = _Part(name, _MASKS.get(name, name), len(kinds), [])
        for code, value in enumerate(values):
            held = columns[code // 32 if as_bits else 0][example]
            having = np.flatnonzero(held >> np.uint32(code % 32) & np.uint32(1) if as_bits else held == code)
            if having.shape[0]:
                part.values.append(value)
                kinds.append(having)
        parts.append(part)
    if not kinds:
        return None
    starts = np.cumsum([0] + [having.shape[0] for having in kinds[:-1]])
    smallest = np.uint16 if size < 1 << 16 else np.uint32
    return _Facet(kind_of.astype(smallest), size, np.concatenate(kinds), starts, parts)


def _structures(segment: Segment, rows: Array) -> tuple[dict[str, int], dict[str, str]]:
    if not rows.shape[0]:
        return {}, {}
    held = segment["structure"][rows]
    if rows.shape[0] * 16 < segment.structure_count:
        held = np.sort(held)
        starts = np.flatnonzero(np.concatenate(([True], held[1:] != held[:-1])))
        which, numbers = held[starts], np.diff(starts, append=held.shape[0])
    else:
        numbers = np.bincount(held)
        which = np.flatnonzero(numbers)
        numbers = numbers[which]
    # The most results first; rows are in the order of ids.
    order = which.astype(np.int64) - (numbers.astype(np.int64) << 32)
    if order.shape[0] > STRUCTURES:
        best = np.argpartition(order, STRUCTURES)[:STRUCTURES]
        order, which, numbers = order[best], which[best], numbers[best]
    counts: dict[str, int] = {}
    names: dict[str, str] = {}
    for place in np.argsort(order).tolist():
        row = int(which[place])
        structure_id = segment.structure_id(row)
        counts[structure_id] = int(numbers[place])
        names[structure_id] = segment.structure_nom(row)
    return counts, names
