"""Makes the columns of a segment from features."""

import hashlib
from array import array
from collections.abc import Sequence

import numpy as np

from portal import vocabulary
from portal.catalogue import text
from portal.catalogue.features import ServiceFeatures, StructureFeatures
from portal.catalogue.segments import MANY, MOST_BITS, NO_CODE, NO_COMMUNE, NO_ROWS, ONE, Array, Segment

# Elements of a column renumbered at once: what is held beside it stays small.
_PIECE = 1 << 20


class Builder:
    """Makes a segment from features, which must come in the order of their ids: structures first, then services."""

    def __init__(self) -> None:
        self._s_ids = _Texts()
        self._s_noms = _Texts()
        self._s_columns: dict[str, array[int]] = {
            name: array("q") for name in ("date_maj", "source", "commune")
        }
        self._s_reseaux = _Postings()
        self._s_rows: dict[str, int] = {}
        self._twins = _Twins()
        self._ids = _Texts()
        self._noms = _Texts()
        self._one = {name: _Codes() for name in (*ONE, "communes")}
        self._many = {name: _Postings() for name in MANY}
        self._zones = _Postings()
        self._zone_null = array("b")
        self._whole: dict[str, array[int]] = {
            name: array("q")
            for name in (
                *ONE,
                "commune",
                "structure",
                "date_maj",
                "criteria",
                "ages",
                "professionnels",
                "heures",
                "places",
                "session",
                "appeared",
            )
        }
        self._real: dict[str, array[float]] = {
            name: array("d") for name in ("latitude", "longitude", "points")
        }
        self._stem_of: dict[str, int] = {}
        self._stems: dict[str, int] = {}
        self._stem_codes = array("I")
        # Where the words of each row end: the rows themselves would take as much again.
        self._stem_ends = array("Q")
        self._stem_bits = array("B")
        self._publics_words = _Postings()

    def add_structure(self, structure: StructureFeatures) -> None:
        """Add a structure."""
        row = len(self._s_rows)
        self._s_rows[structure.id] = row
        self._s_ids.add(structure.id)
        self._s_noms.add(structure.nom)
        self._s_columns["date_maj"].append(structure.date_maj)
        self._s_columns["source"].append(self._one["source"].code(structure.source))
        self._s_columns["commune"].append(self._commune(structure.code_insee))
        self._s_reseaux.add(row, structure.reseaux_porteurs)
        self._twins.add(row, structure)

    def add_service(self, service: ServiceFeatures) -> None:
        """Add a service. Raises KeyError when its structure was not added."""
        whole, row = self._whole, self._ids.count
        whole["structure"].append(self._s_rows[service.structure_id])
        self._ids.add(service.id)
        self._noms.add(service.nom)
        for name in ONE:
            whole[name].append(self._one[name].code(getattr(service, name)))
        whole["commune"].append(self._commune(service.code_insee))
        whole["date_maj"].append(service.date_maj)
        whole["criteria"].append(service.criteria)
        whole["ages"].append(service.ages)
        whole["professionnels"].append(service.professionnels)
        whole["heures"].append(_hours_band(service.heures))
        whole["places"].append(service.places)
        whole["session"].append(service.next_session)
        whole["appeared"].append(service.appeared)
        self._real["points"].append(service.points)
        latitude, longitude = service.position or (float("nan"), float("nan"))
        self._real["latitude"].append(latitude)
        self._real["longitude"].append(longitude)
        for name in MANY:
            self._many[name].add(row, getattr(service, name))
        self._zones.add(row, service.zone or ())
        self._zone_null.append(service.zone is None)
        self._publics_words.add(row, text.stems(service.publics_words))
        self._add_words(service.words)

    def _add_words(self, words: dict[str, int]) -> None:
        codes = list(map(self._stem_of.get, words))
        if None in codes:
            for at, word in enumerate(words):
                if codes[at] is None:
                    stem = text.stem(word)
                    codes[at] = self._stem_of[word] = self._stems.setdefault(stem, len(self._stems))
        # Two words of one stem ("formation", "formations") are put together at the end, all at once.
        self._stem_codes.extend(codes)  # type: ignore[arg-type]
        self._stem_bits.extend(words.values())
        self._stem_ends.append(len(self._stem_codes))

    def _commune(self, code: str | None) -> int:
        return NO_COMMUNE if code is None else self._one["communes"].code(code)

    def finish(self) -> Segment:
        """Return the segment."""
        arrays: dict[str, Array] = {}
        values: dict[str, list[str]] = {name: codes.values for name, codes in self._one.items()}
        narrow = {
            "type": np.uint8,
            "frais": np.uint8,
            "source": np.uint16,
            "criteria": np.uint8,
            "ages": np.bool_,
        }
        narrow |= {"professionnels": np.bool_, "heures": np.uint8, "places": np.int16, "commune": np.uint16}
        for name, column in self._whole.items():
            held = np.array(column, np.int64)
            if name == "places":
                held = np.minimum(held, 32767)
            arrays[name] = held.astype(narrow.get(name, np.int32))
        for name, reals in self._real.items():
            arrays[name] = np.array(reals, np.float64)
        arrays["points"] = arrays["points"].astype(np.float32)
        arrays |= _by_latitude(arrays["latitude"], arrays["longitude"])
        for name, postings in (
            *self._many.items(),
            ("zones", self._zones),
            ("publics_words", self._publics_words),
        ):
            values[name], arrays[f"{name}_ptr"], arrays[f"{name}_rows"] = postings.finish()
        arrays["zone_null"] = np.array(self._zone_null, np.bool_)
        categories = [vocabulary.category_of(value) for value in values["thematiques"]]
        values["categories"] = sorted(set(categories))
        arrays["categories_ptr"], arrays["categories_rows"] = _joined(
            arrays["thematiques_ptr"], arrays["thematiques_rows"], categories, values["categories"]
        )
        for name in (*MANY, "categories"):
            arrays |= _by_row(name, arrays[f"{name}_ptr"], arrays[f"{name}_rows"], self._ids.count)
        arrays |= self._finish_words()
        for prefix, texts in (
            ("ids", self._ids),
            ("noms", self._noms),
            ("s_ids", self._s_ids),
            ("s_noms", self._s_noms),
        ):
            arrays[prefix], arrays[f"{prefix}_ptr"] = texts.finish()
        arrays["s_date_maj"] = np.array(self._s_columns["date_maj"], np.int32)
        arrays["s_source"] = np.array(self._s_columns["source"], np.uint16)
        arrays["s_commune"] = np.array(self._s_columns["commune"], np.uint16)
        values["reseaux_porteurs"], arrays["reseaux_porteurs_ptr"], arrays["reseaux_porteurs_rows"] = (
            self._s_reseaux.finish()
        )
        arrays["s_cluster"] = self._twins.finish(self._s_rows)
        arrays["key_hashes"], arrays["key_rows"] = self._twins.keys()
        return Segment(arrays, values)

    def _finish_words(self) -> dict[str, Array]:
        stems = np.array(
            [stem.encode()[: text.MAX_WORD] for stem in self._stems] or [b""], f"S{text.MAX_WORD}"
        )
        order = np.argsort(stems, kind="stable")
        rank = np.empty(len(order), np.uint32)
        rank[order] = np.arange(len(order), dtype=np.uint32)
        words = np.array([word.encode() for word in self._stem_of] or [b""], f"S{text.MAX_WORD}")
        by_word = np.argsort(words, kind="stable")
        of_words = np.array(list(self._stem_of.values()) or [0], np.uint32)
        # Millions of places: numbered where they are, then sorted by spans of stems, so that the memory it takes
        # stays a fraction of theirs.
        codes = _as_array(self._stem_codes, np.uint32)
        for begin in range(0, codes.shape[0], _PIECE):
            codes[begin : begin + _PIECE] = rank[codes[begin : begin + _PIECE]]
        ends, bits = _as_array(self._stem_ends, np.uint64), _as_array(self._stem_bits, np.uint8)
        by_stem, bits_by_stem = np.empty_like(codes), np.empty_like(bits)
        sizes: list[Array] = []
        filled = 0
        step = -(-len(stems) // 16)
        for first in range(0, len(stems), step):
            last = min(first + step, len(stems))
            span = np.flatnonzero((codes >= first) & (codes < last))
            span = span[np.argsort(codes[span], kind="stable")]
            rows = np.searchsorted(ends, span.astype(np.uint64), side="right").astype(np.uint32)
            size, kept, places = _once(codes[span], rows, bits[span], first, last)
            sizes.append(size)
            by_stem[filled : filled + kept.shape[0]] = kept
            bits_by_stem[filled : filled + kept.shape[0]] = places
            filled += kept.shape[0]
        del codes, ends, bits
        self._stem_codes, self._stem_ends, self._stem_bits = array("I"), array("Q"), array("B")
        return {
            "stems": stems[order],
            "stem_ptr": np.concatenate(([0], np.cumsum(np.concatenate(sizes)))).astype(np.uint32),
            "stem_rows": by_stem[:filled],
            "stem_bits": bits_by_stem[:filled],
            "words": words[by_word],
            "word_stems": rank[of_words[by_word]],
        }


def _as_array(held: "array[int]", kind: type) -> Array:
    return np.frombuffer(held, kind) if held else np.zeros(0, kind)


def _once(codes: Array, rows: Array, bits: Array, first: int, last: int) -> tuple[Array, Array, Array]:
    """Return (how many rows for each stem of the span, rows, bits): a row named twice for a stem is named once."""
    if not rows.shape[0]:
        return np.zeros(last - first, np.int64), rows, bits
    new = np.ones(rows.shape[0], np.bool_)
    new[1:] = (codes[1:] != codes[:-1]) | (rows[1:] != rows[:-1])
    starts = np.flatnonzero(new)
    sizes = np.bincount(codes[starts] - first, minlength=last - first)
    return sizes, rows[starts], np.bitwise_or.reduceat(bits, starts)


class _Texts:
    """Texts end to end, with where each begins."""

    def __init__(self) -> None:
        self._content = bytearray()
        self._bounds = array("Q", [0])

    @property
    def count(self) -> int:
        return len(self._bounds) - 1

    def add(self, value: str) -> None:
        self._content += value.encode()
        self._bounds.append(len(self._content))

    def finish(self) -> tuple[Array, Array]:
        return np.frombuffer(bytes(self._content), np.uint8), np.array(self._bounds, np.uint32)


class _Codes:
    """The number of each value met, in the order they come."""

    def __init__(self) -> None:
        self.values: list[str] = []
        self._known: dict[str, int] = {}

    def code(self, value: str | None) -> int:
        if value is None:
            return NO_CODE
        code = self._known.get(value)
        if code is None:
            code = self._known[value] = len(self.values)
            self.values.append(value)
        return code


class _Postings:
    """Which rows hold which values."""

    def __init__(self) -> None:
        self._codes = _Codes()
        self._pairs = array("I")
        self._rows = array("I")

    def add(self, row: int, values: Sequence[str]) -> None:
        for value in values:
            self._pairs.append(self._codes.code(value))
            self._rows.append(row)

    def finish(self) -> tuple[list[str], Array, Array]:
        codes = np.array(self._pairs, np.uint32)
        order = np.argsort(codes, kind="stable")
        return (
            self._codes.values,
            _bounds(codes, len(self._codes.values)),
            np.array(self._rows, np.uint32)[order],
        )


class _Twins:
    """Structures that are the same one: same SIRET, same name in the same commune, or said so by their source."""

    def __init__(self) -> None:
        self._first: dict[str, int] = {}
        self._pairs: list[tuple[int, int]] = []
        self._said: list[tuple[int, str]] = []
        self._count = 0

    def add(self, row: int, structure: StructureFeatures) -> None:
        self._count += 1
        for key in structure.keys:
            other = self._first.setdefault(key, row)
            if other != row:
                self._pairs.append((other, row))
        self._said += [(row, twin) for twin in structure.doublons]

    def finish(self, rows: dict[str, int]) -> Array:
        roots = list(range(self._count))

        def root(row: int) -> int:
            while roots[row] != row:
                roots[row] = roots[roots[row]]
                row = roots[row]
            return row

        said = [(row, rows[twin]) for row, twin in self._said if twin in rows]
        for one, other in (*self._pairs, *said):
            first, second = sorted((root(one), root(other)))
            roots[second] = first
        return np.array([root(row) for row in range(self._count)], np.int32)

    def keys(self) -> tuple[Array, Array]:
        hashes = np.array([key_hash(key) for key in self._first], np.uint64)
        order = np.argsort(hashes, kind="stable")
        return hashes[order], np.array(list(self._first.values()), np.int32)[order]


def key_hash(key: str) -> int:
    """Return a number for a key by which structures are known, the same in every process."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little")


def _by_latitude(latitude: Array, longitude: Array) -> dict[str, Array]:
    """Return the rows that have a position from south to north, with their positions: a circle is looked for in a band."""
    placed = np.flatnonzero(~np.isnan(latitude))
    order = placed[np.argsort(latitude[placed], kind="stable")]
    lat, lon = np.radians(latitude[order]), np.radians(longitude[order])
    return {
        "band_rows": order.astype(np.uint32),
        "band_latitude": latitude[order],
        "band_longitude": longitude[order],
        # On the sphere of radius 1: a distance is then three differences, without trigonometry.
        "band_x": np.cos(lat) * np.cos(lon),
        "band_y": np.cos(lat) * np.sin(lon),
        "band_z": np.sin(lat),
    }


def _by_row(name: str, bounds: Array, rows: Array, count: int) -> dict[str, Array]:
    """Return the values of each row of a filter, to count them; and as bits when they are few, to look for them."""
    sizes: Array = np.diff(bounds.astype(np.int64))
    codes = np.repeat(np.arange(sizes.shape[0], dtype=np.uint16), sizes)
    order = np.argsort(rows, kind="stable")
    found = {f"{name}_of": codes[order], f"{name}_of_ptr": _bounds(rows, count)}
    if sizes.shape[0] <= MOST_BITS:
        bits = np.zeros(count, np.uint32)
        for code in range(sizes.shape[0]):
            bits[rows[bounds[code] : bounds[code + 1]]] |= np.uint32(1 << code)
        found[f"{name}_bits"] = bits
    return found


def _bounds(codes: Array, count: int) -> Array:
    return np.concatenate(([0], np.cumsum(np.bincount(codes, minlength=count)))).astype(np.uint32)


def _joined(bounds: Array, rows: Array, groups: list[str], names: list[str]) -> tuple[Array, Array]:
    """Return the postings of groups of values, each row once."""
    parts = []
    for name in names:
        held = [rows[bounds[code] : bounds[code + 1]] for code, group in enumerate(groups) if group == name]
        parts.append(np.unique(np.concatenate(held)))
    sizes = [len(part) for part in parts]
    joined = np.concatenate(parts) if parts else NO_ROWS
    return np.concatenate(([0], np.cumsum(sizes))).astype(np.uint32), joined.astype(np.uint32)


def _hours_band(hours: float | None) -> int:
    if hours is None:
        return 3
    return 0 if hours < 5 else 1 if hours < 15 else 2
