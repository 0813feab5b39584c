"""Which services of a segment answer a search, and how well: from the filter that keeps few, no row by row."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from rapidfuzz import fuzz, process

from portal.catalogue import reach, text
from portal.catalogue.criteria import Area, Around, Correction, Criteria, SessionBand
from portal.catalogue.features import IN_DESCRIPTION, IN_LABELS, IN_NAME, IN_NEED, IN_STRUCTURE
from portal.catalogue.segments import HOURS_BANDS, Array, Segment, holding

EVERYBODY = "tous-publics"
# A word not yet finished may be the beginning of so many stems; fewer letters than this begin too many.
_COMPLETIONS = 16
_SHORTEST_BEGINNING = 3
# Two words nearer than this are one misspelt (Indel similarity, in hundredths).
_NEAR_ENOUGH = 80.0
MONTH = 30
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
    """What a segment answers: `rows`, rising. `masks`, made to count: which rows pass each filter in force."""

    segment: Segment
    masks: dict[str, Array]
    rows: Array
    # Of the rows: kilometres (NaN when it has no meaning), relevance (0 without words).
    distance: Array
    relevance: Array


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


# The name of a filter in force, and which of some rows (all, or their numbers) pass it, as a mask.
_Filter = tuple[str, Callable[[Any], Array]]


def match(
    segment: Segment,
    criteria: Criteria,
    words: list[Word],
    *,
    unknown: bool,
    scores: Array,
    today: date,
    total: int,
    counts: bool = False,
) -> Matched:
    """Return the services of `segment` that answer `criteria`, with the masks of the filters when `counts` asks.

    `unknown`: a word nothing holds, so that nothing answers. `total`: services of all the segments, for the weight of words.
    """
    relevance: Array | None = None
    worded = bool(words or unknown or (criteria.words and not text.typed_words(criteria.words)))
    if worded:
        if words and not unknown and segment.count:
            relevance = _relevance(segment, criteria, words, total)
        else:
            relevance = np.zeros(segment.count, np.float32)
    filters = list(_filters(segment, criteria, scores, today))
    if counts:
        masks = {name: passes(reach.ALL) for name, passes in filters}
        if relevance is not None:
            masks["words"] = relevance > 0
        distance = None
        if isinstance(criteria.where, Around):
            masks["where"], distance = _around_all(segment, criteria.where)
        rows = np.flatnonzero(all_of(segment.count, masks))
        kilometres = distance[rows] if distance is not None else None
    else:
        masks = {}
        rows, kilometres = _few_by_few(segment, criteria, relevance, filters)
    return Matched(
        segment,
        masks,
        rows,
        np.full(rows.shape[0], np.nan, np.float32) if kilometres is None else kilometres,
        np.zeros(rows.shape[0], np.float32) if relevance is None else relevance[rows],
    )


def _few_by_few(
    segment: Segment, criteria: Criteria, relevance: Array | None, filters: list[_Filter]
) -> tuple[Array, Array | None]:
    """Return (rows that pass everything, their kilometres): from what keeps few, each filter looks at what is left."""
    where, kilometres = criteria.where, None
    led_by_place = False
    if relevance is not None:
        rows = np.flatnonzero(relevance)
    elif criteria.thematiques:
        rows = np.flatnonzero(holding(segment, "thematiques", criteria.thematiques))
        filters = [one for one in filters if one[0] != "thematiques"]
    elif isinstance(where, Around):
        rows, kilometres = reach.around(segment, where)
        led_by_place = True
    else:
        rows = np.arange(segment.count)
    for _, passes in filters:
        if not rows.shape[0]:
            break
        kept = passes(rows)
        rows = rows[kept]
        if kilometres is not None:
            kilometres = kilometres[kept]
    if isinstance(where, Around) and not led_by_place:
        kept, kilometres = reach.among(segment, where, rows)
        rows = rows[kept]
    return rows, kilometres


def _around_all(segment: Segment, where: Around) -> tuple[Array, Array]:
    """Return (which rows a place reaches, as a mask; the kilometres of every row)."""
    rows, kilometres = reach.around(segment, where)
    mask = np.zeros(segment.count, np.bool_)
    mask[rows] = True
    distance = np.full(segment.count, np.nan, np.float32)
    distance[rows] = kilometres
    return mask, distance


def all_of(count: int, masks: dict[str, Array], but: str | None = None) -> Array:
    """Return the rows that pass every mask, one left aside or not, as a mask."""
    kept: Array | None = None
    for name, mask in masks.items():
        if name != but:
            kept = mask if kept is None else kept & mask
    return np.ones(count, np.bool_) if kept is None else kept


def _filters(segment: Segment, criteria: Criteria, scores: Array, today: date) -> Iterator[_Filter]:
    """Yield the filters in force, words and the circle around a point left aside."""

    def held(name: str, values: Iterable[str]) -> Callable[[Any], Array]:
        return lambda rows: holding(segment, name, values, rows)

    def one_of(column: str, values: Iterable[int]) -> Callable[[Any], Array]:
        wanted = np.array(list(values), segment[column].dtype)
        return lambda rows: np.isin(segment[column][rows], wanted)

    if criteria.thematiques:
        yield "thematiques", held("thematiques", criteria.thematiques)
    # Who asks for "everybody" does not choose; who is open to everybody suits every public (contract §2.3).
    if criteria.publics and EVERYBODY not in criteria.publics:
        yield "publics", held("publics", criteria.publics | {EVERYBODY})
    if criteria.publics_words.strip():
        yield "publics_words", lambda rows: _publics_words(segment, criteria.publics_words)[rows]
    for name, wanted in (("modes_accueil", criteria.modes_accueil), ("dominantes", criteria.dominantes)):
        if wanted:
            yield name, held(name, wanted)
    for name, wanted in (("type", criteria.types), ("frais", criteria.frais), ("source", criteria.sources)):
        if wanted:
            known = segment.codes[name]
            yield name, one_of(name, [known[value] for value in wanted if value in known])
    if criteria.financeurs or criteria.conventions:
        financeurs = held("financeurs", criteria.financeurs)
        conventions = held("conventions", criteria.conventions)
        yield "finance", lambda rows: financeurs(rows) | conventions(rows)
    if criteria.structures:
        structures = [segment.structure_row_of(value) for value in criteria.structures]
        yield "structures", one_of("structure", [row for row in structures if row is not None])
    if criteria.heures:
        yield "heures", one_of("heures", [HOURS_BANDS.index(band) for band in criteria.heures])
    if criteria.professionnels:
        yield "professionnels", lambda rows: segment["professionnels"][rows]
    if criteria.places_libres:
        yield "places_libres", lambda rows: segment["places"][rows] > 0
    if (band := criteria.session) is not None:
        yield "session", lambda rows: session_within(segment, band, today)[rows]
    if (fraicheur := criteria.fraicheur) is not None:
        since = today.toordinal() - fraicheur.months * MONTH
        yield "fraicheur", lambda rows: segment["date_maj"][rows] >= since
    if criteria.score_minimum is not None:
        # Scores have two decimals: a hair lower, so that 0.8 is not less than 0.8.
        least = np.float32(criteria.score_minimum - 1e-4)
        yield "score", lambda rows: scores[rows] >= least
    if criteria.appeared_after is not None:
        after = _seconds(criteria.appeared_after)
        yield "appeared", lambda rows: segment["appeared"][rows] >= after
    if (within := criteria.within) is not None:
        yield "within", lambda rows: reach.located(segment, within, rows)
    if isinstance(area := criteria.where, Area):
        yield "where", lambda rows: reach.in_area(segment, area, rows)


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
