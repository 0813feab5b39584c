"""Which services of a segment answer a search, and how well: one array operation a question, no row by row."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from math import cos, radians, sin

import numpy as np
from rapidfuzz import fuzz, process

from portal import geography, vocabulary
from portal.catalogue import text
from portal.catalogue.criteria import Area, AreaKind, Around, Correction, Criteria, Fraicheur, SessionBand
from portal.catalogue.features import IN_DESCRIPTION, IN_LABELS, IN_NAME, IN_NEED, IN_STRUCTURE
from portal.catalogue.segments import HOURS_BANDS, MANY, Array, Segment
from portal.geography.distance import EARTH_RADIUS_KM

COUNTRY = ("france", "99100")
ON_SITE = "en-presentiel"
REMOTE = "a-distance"
EVERYBODY = "tous-publics"
# A word not yet finished may be the beginning of so many stems; fewer letters than this begin too many.
_COMPLETIONS = 16
_SHORTEST_BEGINNING = 3
# Two words nearer than this are one misspelt (Indel similarity, in hundredths).
_NEAR_ENOUGH = 80.0
_MONTH = 30
_HALF_THE_EARTH_KM = 20_000
# The filter that a count leaves aside, where it is not the count's own name.
_MASKS = {"categories": "thematiques", "financeurs": "finance", "conventions": "finance"}
SESSION_DAYS = {SessionBand.UN_MOIS: 31, SessionBand.TROIS_MOIS: 92, SessionBand.A_VENIR: 36500}


def _weight(bits: int) -> float:
    if bits & IN_NAME:
        return 1.0
    if bits & IN_STRUCTURE:
        return 0.7
    if bits & IN_LABELS:
        return 0.5
    return 0.25 if bits & IN_NEED else 0.12 if bits & IN_DESCRIPTION else 0.0


_PEOPLE = np.array([_weight(bits) for bits in range(32)], np.float32)
# data.inclusion's search does not know needs in everyday words.
_SOFTWARE = np.array([_weight(bits & ~IN_NEED) for bits in range(32)], np.float32)


@dataclass(frozen=True, slots=True)
class Word:
    """A word looked for: its stem, and whether it may be the beginning of another."""

    typed: str
    stem: str
    unfinished: bool = False


@dataclass(slots=True)
class Matched:
    """What a segment answers. `masks`: which rows pass each filter in force; `rows` pass them all."""

    segment: Segment
    masks: dict[str, Array]
    rows: Array
    # Of the rows: kilometres (NaN when it has no meaning), relevance (0 without words).
    distance: Array
    relevance: Array
    on_site: Array = field(default_factory=lambda: np.zeros(0, np.bool_))


def words_of(
    criteria: Criteria, segments: Iterable[Segment]
) -> tuple[list[Word], list[Correction], list[str]]:
    """Return (words to look for, corrections made, words that nothing is near to)."""
    held = list(segments)
    typed = text.typed_words(criteria.words)
    looked_for: list[Word] = []
    corrections: list[Correction] = []
    unknown: list[str] = []
    for word in typed:
        stem = text.stem(word)
        known = any(segment.stem_code(stem) is not None for segment in held)
        if not criteria.forgiving:
            looked_for.append(Word(word, stem))
            continue
        # The last word may not be finished: "perm" is on its way to "permis".
        begins = word == typed[-1] and not criteria.words[-1:].isspace() and len(word) >= _SHORTEST_BEGINNING
        if known or (begins and any(segment.stems_beginning(word, 1) for segment in held)):
            looked_for.append(Word(word, stem, unfinished=begins))
        elif near := _near(word, held):
            looked_for.append(Word(near, text.stem(near)))
            corrections.append(Correction(word, near))
        else:
            unknown.append(word)
    return looked_for, corrections, unknown


def _near(word: str, segments: list[Segment]) -> str | None:
    """Return the known word nearest to one that is not known; the most frequent of those as near."""
    if len(word) < 4:
        return None
    best: tuple[float, int, str] | None = None
    for segment in segments:
        for found, score, number in process.extract(
            word, segment.word_list, scorer=fuzz.ratio, score_cutoff=_NEAR_ENOUGH, limit=8
        ):
            if found[:1] != word[:1] and score < 88:
                continue
            code = int(segment["word_stems"][number])
            frequency = int(segment["stem_ptr"][code + 1]) - int(segment["stem_ptr"][code])
            if best is None or (score, frequency) > best[:2]:
                best = (score, frequency, found)
    return best[2] if best else None


def match(
    segment: Segment,
    criteria: Criteria,
    words: list[Word],
    *,
    unknown: bool,
    scores: Array,
    today: date,
    total: int,
) -> Matched:
    """Return the services of `segment` that answer `criteria`.

    `unknown`: a word nothing holds, so that nothing answers. `total`: services of all the segments, for the weight of words.
    """
    masks: dict[str, Array] = {}
    distance: Array | None = None
    relevance: Array | None = None
    if words or unknown or (criteria.words and not text.typed_words(criteria.words)):
        relevance = _relevance(segment, criteria, words, total) if words and not unknown else None
        masks["words"] = relevance > 0 if relevance is not None else np.zeros(segment.count, np.bool_)
    if isinstance(criteria.where, Around):
        masks["where"], distance = _around(segment, criteria.where)
    elif criteria.where is not None:
        masks["where"] = _in_area(segment, criteria.where)
    if criteria.within is not None:
        masks["within"] = _located(segment, criteria.within)
    _filters(segment, criteria, masks, scores, today)
    rows = np.flatnonzero(all_of(segment.count, masks))
    return Matched(
        segment,
        masks,
        rows,
        distance[rows] if distance is not None else np.full(rows.shape[0], np.nan),
        relevance[rows] if relevance is not None else np.zeros(rows.shape[0], np.float32),
    )


def all_of(count: int, masks: dict[str, Array], but: str | None = None) -> Array:
    """Return the rows that pass every mask, one left aside or not, as a mask."""
    kept: Array | None = None
    for name, mask in masks.items():
        if name != but:
            kept = mask if kept is None else kept & mask
    return np.ones(count, np.bool_) if kept is None else kept


def holding(segment: Segment, name: str, values: Iterable[str]) -> Array:
    """Return the rows that hold one of `values` in one of the filters of several values, as a mask."""
    if f"{name}_bits" in segment:
        known = segment.codes[name]
        wanted = sum(1 << known[value] for value in set(values) if value in known)
        return np.asarray((segment[f"{name}_bits"] & np.uint32(wanted)) != 0)
    mask = np.zeros(segment.count, np.bool_)
    for value in values:
        mask[segment.rows_of(name, value)] = True
    return mask


def _filters(
    segment: Segment, criteria: Criteria, masks: dict[str, Array], scores: Array, today: date
) -> None:
    if criteria.thematiques:
        masks["thematiques"] = holding(segment, "thematiques", criteria.thematiques)
    # Who asks for "everybody" does not choose; who is open to everybody suits every public (contract §2.3).
    if criteria.publics and EVERYBODY not in criteria.publics:
        masks["publics"] = holding(segment, "publics", criteria.publics | {EVERYBODY})
    if criteria.publics_words.strip():
        masks["publics_words"] = _publics_words(segment, criteria.publics_words)
    for name, wanted in (("modes_accueil", criteria.modes_accueil), ("dominantes", criteria.dominantes)):
        if wanted:
            masks[name] = holding(segment, name, wanted)
    for name, wanted in (("type", criteria.types), ("frais", criteria.frais), ("source", criteria.sources)):
        if wanted:
            codes = [segment.codes[name][value] for value in wanted if value in segment.codes[name]]
            masks[name] = np.isin(segment[name], np.array(codes, segment[name].dtype))
    if criteria.financeurs or criteria.conventions:
        masks["finance"] = holding(segment, "financeurs", criteria.financeurs) | holding(
            segment, "conventions", criteria.conventions
        )
    if criteria.structures:
        rows = [segment.structure_row_of(value) for value in criteria.structures]
        masks["structures"] = np.isin(
            segment["structure"], np.array([r for r in rows if r is not None], np.int32)
        )
    if criteria.heures:
        masks["heures"] = np.isin(
            segment["heures"], np.array([HOURS_BANDS.index(band) for band in criteria.heures], np.uint8)
        )
    if criteria.professionnels:
        masks["professionnels"] = segment["professionnels"]
    if criteria.places_libres:
        masks["places_libres"] = segment["places"] > 0
    if criteria.session is not None:
        masks["session"] = session_within(segment, criteria.session, today)
    if criteria.fraicheur is not None:
        masks["fraicheur"] = segment["date_maj"] >= today.toordinal() - criteria.fraicheur.months * _MONTH
    if criteria.score_minimum is not None:
        # Scores have two decimals: a hair lower, so that 0.8 is not less than 0.8.
        masks["score"] = scores >= np.float32(criteria.score_minimum - 1e-4)
    if criteria.appeared_after is not None:
        masks["appeared"] = segment["appeared"] >= _seconds(criteria.appeared_after)


def session_within(segment: Segment, band: SessionBand, today: date) -> Array:
    """Return the services whose next session begins in the band, as a mask."""
    first = today.toordinal()
    held = segment["session"]
    return (held >= first) & (held <= first + SESSION_DAYS[band])


def _seconds(day: date) -> int:
    return (day - date(1970, 1, 1)).days * 86400


def _relevance(segment: Segment, criteria: Criteria, words: list[Word], total: int) -> Array:
    """Return, for each service, how well it holds the words, between 0 and 1; 0 when one of them is missing."""
    weights = _PEOPLE if criteria.forgiving else _SOFTWARE
    everything: Array | None = None
    for word in words:
        codes = [] if (code := segment.stem_code(word.stem)) is None else [code]
        beginnings = segment.stems_beginning(word.typed, _COMPLETIONS) if word.unfinished else []
        found = np.zeros(segment.count, np.float32)
        begun = False
        for worth, stems in ((1.0, codes), (0.8, [c for c in beginnings if c not in codes])):
            for stem in stems:
                rows, bits = segment.stem_rows(stem)
                # A rare word says more than a common one.
                rarity = worth * (0.4 + 0.6 * (1 - np.log1p(rows.shape[0]) / np.log1p(max(total, 1) + 1)))
                worths = (weights * np.float32(rarity))[bits]
                found[rows] = np.maximum(found[rows], worths) if begun else worths
                begun = True
        if everything is None:
            everything = found
        else:
            everything = np.where((found > 0) & (everything > 0), everything + found, np.float32(0))
    assert everything is not None
    return np.asarray(everything / np.float32(len(words)), np.float32)


def _publics_words(segment: Segment, asked: str) -> Array:
    """Return the services whose public holds the words, as a search of the web: "or" between, "-" before what is not."""
    alternatives: list[Array] = []
    current: Array | None = None
    excluded: Array = np.zeros(segment.count, np.bool_)
    for token in asked[: text.MAX_TYPED].replace('"', " ").split()[: text.MAX_WORDS]:
        if token.casefold() == "or":
            if current is not None:
                alternatives.append(current)
                current = None
            continue
        for word in text.words(token):
            found = holding(segment, "publics_words", [text.stem(word)])
            if token.startswith("-"):
                excluded = excluded | found
            else:
                current = found if current is None else current & found
    if current is not None:
        alternatives.append(current)
    if not alternatives:
        return np.zeros(segment.count, np.bool_) if not excluded.any() else ~excluded
    result = alternatives[0]
    for other in alternatives[1:]:
        result = result | other
    return result & ~excluded


def _around(segment: Segment, where: Around) -> tuple[Array, Array]:
    """Return (rows kept, kilometres): within the radius, or at a distance unless `strict`; and eligible.

    The rule is data.inclusion's (contract §2.3): the distance is told for what is on site and within the radius.
    """
    rows, kilometres = _within(segment, where)
    kept = np.zeros(segment.count, np.bool_)
    kept[rows] = True
    distance = np.full(segment.count, np.nan, np.float32)
    if where.strict:
        distance[rows] = kilometres
    else:
        on_site = holding(segment, "modes_accueil", [ON_SITE])[rows]
        distance[rows[on_site]] = kilometres[on_site]
        kept |= holding(segment, "modes_accueil", [REMOTE])
    if where.commune is not None:
        kept &= _eligible(segment, geography.zone_codes_covering(where.commune))
    return kept, distance


def _within(segment: Segment, where: Around) -> tuple[Array, Array]:
    """Return (rows within the radius, their kilometres): the box in the band of latitudes, then the exact distance."""
    south, north, west, east = geography.bounding_box(
        where.latitude, where.longitude, min(where.radius_km, _HALF_THE_EARTH_KM)
    )
    held = segment["band_latitude"]
    band = slice(int(np.searchsorted(held, south)), int(np.searchsorted(held, north, side="right")))
    longitudes = segment["band_longitude"][band]
    box = np.flatnonzero((longitudes >= west) & (longitudes <= east))
    latitude, longitude = radians(where.latitude), radians(where.longitude)
    chord = (segment["band_x"][band][box] - cos(latitude) * cos(longitude)) ** 2
    chord += (segment["band_y"][band][box] - cos(latitude) * sin(longitude)) ** 2
    chord += (segment["band_z"][band][box] - sin(latitude)) ** 2
    half = np.sqrt(chord) / 2
    # Up to 500 km the first two terms of the arc sine are right to a metre.
    arc = half + half**3 / 6 if where.radius_km <= 500 else np.arcsin(np.minimum(half, 1.0))
    kilometres = 2 * EARTH_RADIUS_KM * arc
    inside = kilometres <= where.radius_km
    return segment["band_rows"][band][box[inside]], kilometres[inside]


def _eligible(segment: Segment, codes: Iterable[str]) -> Array:
    """Return the services whose eligibility zone is unknown or holds one of the codes, as a mask."""
    mask: Array = segment["zone_null"].copy()
    known = segment.codes["zones"]
    for code in codes:
        if code in known:
            mask[segment.rows_of("zones", code)] = True
    return mask


def _in_area(segment: Segment, area: Area) -> Array:
    located = _located(segment, area)
    if area.located:
        return located
    kept = located | holding(segment, "modes_accueil", [REMOTE])
    return kept & _eligible(segment, zones_of(area))


def _located(segment: Segment, area: Area) -> Array:
    columns = segment.place_columns
    inside = np.zeros(65536, np.bool_)
    held = columns[area.kind.value] == area.code
    inside[: held.shape[0]] = held
    inside[65535] = False
    return np.asarray(inside[segment["commune"]])


@lru_cache(maxsize=256)
def zones_of(area: Area) -> frozenset[str]:
    """Return the codes of the zones that hold at least a part of a territory: what its inhabitants may come under."""
    if area.kind is AreaKind.COMMUNE:
        commune = geography.commune(area.code)
        return geography.zone_codes_covering(commune) if commune else frozenset(COUNTRY)
    codes = set(COUNTRY)
    names = {
        AreaKind.EPCI: "code_epci",
        AreaKind.DEPARTEMENT: "code_departement",
        AreaKind.REGION: "code_region",
    }
    for commune in geography.communes():
        if getattr(commune, names[area.kind]) == area.code:
            codes |= geography.zone_codes_covering(commune)
    return frozenset(codes)


def named_places(segment: Segment, where: Around | Area | None, rows: Array) -> Array:
    """Say of each row whether its eligibility zone names the place: neither unknown nor the whole country."""
    named = np.zeros(rows.shape[0], np.bool_)
    codes: frozenset[str] = frozenset()
    if isinstance(where, Around) and where.commune is not None:
        codes = geography.zone_codes_covering(where.commune)
    elif isinstance(where, Area):
        codes = zones_of(where)
    known = segment.codes["zones"]
    for code in codes:
        if code in known and code not in COUNTRY:
            held = segment.rows_of("zones", code)
            at = np.minimum(np.searchsorted(held, rows), held.shape[0] - 1)
            named |= held[at] == rows
    return named


def count(
    matched: Matched, criteria: Criteria, scores: Array, today: date, structures: int = 50
) -> dict[str, dict[str, int]]:
    """Return {filter: {value: how many}} in a segment, each filter counted with the others applied and not itself."""
    segment, masks = matched.segment, matched.masks

    def without(name: str) -> Array:
        if name not in masks:
            return matched.rows
        return np.flatnonzero(all_of(segment.count, masks, but=name))

    counts: dict[str, dict[str, int]] = {}
    for name in (*MANY, "categories"):
        mask_name = _MASKS.get(name, name)
        counts[name] = _count_many(segment, name, without(mask_name)) if segment.values[name] else {}
    for name, key in (("type", "types"), ("frais", "frais"), ("source", "sources")):
        numbers = np.bincount(segment[name][without(name)], minlength=len(segment.values[name]))
        counts[key] = {
            value: int(numbers[code]) for code, value in enumerate(segment.values[name]) if numbers[code]
        }
    bands = np.bincount(segment["heures"][without("heures")], minlength=len(HOURS_BANDS))
    counts["heures"] = {name: int(number) for name, number in zip(HOURS_BANDS, bands, strict=True) if number}
    counts["professionnels"] = {
        "oui": int(np.count_nonzero(segment["professionnels"][without("professionnels")]))
    }
    counts["places_libres"] = {"oui": int(np.count_nonzero(segment["places"][without("places_libres")] > 0))}
    counts["session"] = dict.fromkeys([band.value for band in SessionBand], 0)
    if segment["session"].any():
        kept = without("session")
        for band in SessionBand:
            counts["session"][band.value] = int(np.count_nonzero(session_within(segment, band, today)[kept]))
    days = segment["date_maj"][without("fraicheur")]
    counts["fraicheur"] = {
        band.value: int(np.count_nonzero(days >= today.toordinal() - band.months * _MONTH))
        for band in Fraicheur
    }
    held = scores[without("score")]
    counts["score"] = {
        name: int(np.count_nonzero(held >= np.float32(float(name) - 1e-4))) for name in ("0.5", "0.8", "0.9")
    }
    counts["structures"] = _count_structures(segment, without("structures"), structures)
    return counts


def with_everybody(publics: dict[str, int]) -> dict[str, int]:
    """Return the counts of publics as the filter keeps them: who is open to everybody suits each of them.

    It names no other public (schema v1), so that nothing is counted twice.
    """
    everybody = publics.get(EVERYBODY, 0)
    if not everybody:
        return publics
    known = {choice.value for choice in vocabulary.choices("publics")} | set(publics)
    return {value: publics.get(value, 0) + (0 if value == EVERYBODY else everybody) for value in known}


def _count_many(segment: Segment, name: str, rows: Array) -> dict[str, int]:
    values = segment.values[name]
    if f"{name}_bits" in segment:
        bits = segment[f"{name}_bits"][rows]
        numbers = [np.count_nonzero(bits & np.uint32(1 << code)) for code in range(len(values))]
    elif rows.shape[0] * 4 > segment.count:
        # Many rows: each value asks its own whether they are among them.
        mask = np.zeros(segment.count, np.uint8)
        mask[rows] = 1
        bounds = segment[f"{name}_ptr"][:-1].astype(np.int64)
        numbers = np.add.reduceat(mask[segment[f"{name}_rows"]], bounds, dtype=np.int32).tolist()
    else:
        # Few rows: their values end to end, where each begins where its row does.
        codes, starts = segment[f"{name}_of"], segment[f"{name}_of_ptr"]
        first = starts[rows].astype(np.int64)
        sizes = starts[rows + 1] - first
        ends = np.cumsum(sizes)
        places = np.repeat(first - ends + sizes, sizes) + np.arange(int(ends[-1]) if ends.shape[0] else 0)
        numbers = np.bincount(codes[places], minlength=len(values)).tolist()
    return {value: int(number) for value, number in zip(values, numbers, strict=True) if number}


def _count_structures(segment: Segment, rows: Array, limit: int) -> dict[str, int]:
    if not rows.shape[0]:
        return {}
    numbers = np.bincount(segment["structure"][rows])
    best = np.flatnonzero(numbers > 1)
    if best.shape[0] < limit:
        best = np.flatnonzero(numbers)
    if best.shape[0] > limit:
        best = best[np.argpartition(-numbers[best], limit)[:limit]]
    best = best[np.lexsort((best, -numbers[best]))]
    return {segment.structure_id(int(row)): int(numbers[row]) for row in best}
