"""The one door to the search: what the catalogue holds now, kept in memory, the same in every process (docs/adr/0011)."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from sqlmodel import Session

from portal.catalogue import counting, matching, reach
from portal.catalogue.criteria import (
    LARGEST_PAGE,
    AreaKind,
    Around,
    Criteria,
    Found,
    Hit,
    Sort,
    Why,
    ref_of,
)
from portal.catalogue.freshness import Holder
from portal.catalogue.known import known_services
from portal.catalogue.matching import Matched
from portal.catalogue.ours import Ours
from portal.catalogue.segments import Array, Segment
from portal.catalogue.structures import Structures
from portal.offers.places import Places
from portal.structures.rules import catalogue_rules

_FAR = (1 << 17) - 1


@dataclass(frozen=True, slots=True)
class Card:
    """A result as a page shows it: the records in the schema's names, and what only we know of our own offers."""

    hit: Hit
    record: dict[str, Any]
    structure_nom: str
    score: float
    # None: known from elsewhere.
    offer_id: uuid.UUID | None
    structure_uuid: uuid.UUID | None
    places: Places | None = None
    next_session: date | None = None
    dominantes: tuple[str, ...] = ()
    financeurs: tuple[str, ...] = ()
    # Months after which one of ours is to be confirmed; None: known from elsewhere.
    confirmation_mois: int | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """A result on the map; degrees, WGS 84."""

    id: str
    nom: str
    structure: str
    latitude: float
    longitude: float


class Snapshot:
    """The catalogue at a moment. It never changes: a page and its companions are of one piece."""

    def __init__(self, base: Segment, ours: Ours, mark: str, today: date, scores: Array) -> None:
        self.mark = mark
        self.total = base.count + ours.segment.count
        self._today = today
        self._ours = ours
        self._segments = (base, ours.segment)
        self._scores = (scores, ours.scores)
        for segment, of_today in zip(self._segments, self._scores, strict=True):
            counting.prepare(segment, of_today, today)
        # Ours come together in the order of ids, since they share a prefix that nobody else bears.
        self._at = base.insertion_row(ours.prefix)
        self.structures = Structures(base, ours, self._scores)

    # ── Services ──

    def search(
        self,
        criteria: Criteria,
        *,
        page: int = 1,
        size: int = 20,
        sort: Sort = Sort.AUTO,
        counts: bool = False,
        reasons: bool = True,
    ) -> Found:
        """Return the page `page` (from 1) of what answers `criteria`, and the counts of every filter when asked.

        Without `reasons`, results do not say why they are there.
        Raises ValueError for a page below 1 or a size out of 0..10 000.
        """
        if page < 1 or not 0 <= size <= LARGEST_PAGE:
            raise ValueError("page from 1, size from 0 to 10 000")
        words, corrections, unknown = matching.words_of(criteria, self._segments)
        matched = [
            matching.match(
                segment,
                criteria,
                words,
                unknown=bool(unknown),
                scores=scores,
                today=self._today,
                total=self.total,
                counts=counts,
            )
            for segment, scores in zip(self._segments, self._scores, strict=True)
        ]
        if criteria.exclure_doublons:
            matched = self._without_twins(matched)
        total = sum(int(m.rows.shape[0]) for m in matched)
        hits = self._page(matched, criteria, sort, page, size, reasons) if total else ()
        tallies: dict[str, dict[str, int]] = {}
        names: dict[str, str] = {}
        if counts:
            for m, scores in zip(matched, self._scores, strict=True):
                counted, named = counting.count(m, scores, self._today)
                tallies, names = counting.added(tallies, counted), names | named
            tallies["publics"] = counting.with_everybody(tallies.get("publics", {}))
        return Found(total, hits, tallies, tuple(corrections), tuple(unknown), names)

    def points(self, criteria: Criteria, *, limit: int = 1000, sort: Sort = Sort.AUTO) -> list[Point]:
        """Return the results that have a position, best first, `limit` at most: what a map shows."""
        found = self.search(criteria, size=min(limit, LARGEST_PAGE), sort=sort)
        points = []
        for hit in found.hits:
            segment, row = self._row(hit.ref)
            latitude, longitude = float(segment["latitude"][row]), float(segment["longitude"][row])
            if latitude == latitude:
                structure = segment.structure_nom(int(segment["structure"][row]))
                points.append(Point(hit.id, segment.nom(row), structure, latitude, longitude))
        return points

    def find(self, service_id: str) -> Hit | None:
        """Return the service of this prefixed id, or None."""
        for which, segment in enumerate(self._segments):
            row = segment.row_of(service_id)
            if row is not None:
                return Hit(service_id, ref_of(which, row))
        return None

    def service_records(self, session: Session, hits: Sequence[Hit]) -> list[bytes]:
        """Return the JSON of each service, in order: the schema's fields, `adresse_certifiee`, `score_qualite`.

        One that was removed meanwhile is left out.
        """
        return self._read(session, hits, detailed=False)

    def detailed_records(self, session: Session, hits: Sequence[Hit]) -> list[bytes]:
        """Return the same as `service_records`, each with its `structure`."""
        return self._read(session, hits, detailed=True)

    def cards(self, session: Session, hits: Sequence[Hit]) -> list[Card]:
        """Return the results as pages show them, in order."""
        cards = []
        months: int | None = None
        theirs = known_services(session, [hit.id for hit in hits if not hit.ref & 1], detailed=False)
        for hit in hits:
            segment, row = self._row(hit.ref)
            own = self._ours.of(hit.id) if hit.ref & 1 else None
            found = self._ours.service(session, hit.id, detailed=False) if own else theirs.get(hit.id)
            if found is None:
                continue
            if own and months is None and not own.confirmation_mois:
                # Not kept with the snapshot: rules leave no mark when they change.
                months = catalogue_rules(session).confirmation_mois
            cards.append(
                Card(
                    hit,
                    orjson.loads(found[0]),
                    segment.structure_nom(int(segment["structure"][row])),
                    float(self._scores[hit.ref & 1][row]),
                    own.id if own else None,
                    own.structure_id if own else None,
                    own.places if own else None,
                    own.next_session if own else None,
                    own.dominantes if own else (),
                    own.financeurs if own else (),
                    (own.confirmation_mois or months) if own else None,
                )
            )
        return cards

    def sources(self) -> dict[str, int]:
        """Return how many services each source gives."""
        found: dict[str, int] = {}
        for segment in self._segments:
            numbers = np.bincount(segment["source"], minlength=len(segment.values["source"]))
            for code, value in enumerate(segment.values["source"]):
                found[value] = found.get(value, 0) + int(numbers[code])
        return found

    # ── Inside ──

    def _row(self, ref: int) -> tuple[Segment, int]:
        return self._segments[ref & 1], ref >> 1

    def _ranks(self, which: int, rows: Array) -> Array:
        """Return the place of rows of a segment in the order of all ids."""
        rows = rows.astype(np.int64)
        if which == 1:
            return rows + self._at
        return rows + np.where(rows >= self._at, self._segments[1].count, 0)

    def _at_rank(self, rank: int) -> tuple[int, int]:
        ours = self._segments[1].count
        if rank < self._at:
            return 0, rank
        if rank < self._at + ours:
            return 1, rank - self._at
        return 0, rank - ours

    def _page(
        self, matched: list[Matched], criteria: Criteria, sort: Sort, page: int, size: int, reasons: bool
    ) -> tuple[Hit, ...]:
        worded = bool(criteria.words)
        best = 0.0
        if worded:
            best = max((float(m.relevance.max()) for m in matched if m.relevance.shape[0]), default=0.0)
        keys = [
            self._keys(which, m, worded, sort, best) if m.rows.shape[0] else _NO_KEYS
            for which, m in enumerate(matched)
        ]
        first = _least(np.concatenate(keys), (page - 1) * size, page * size)
        split = matched[0].rows.shape[0]
        hits: list[Hit | None] = [None] * first.shape[0]
        for which, m in enumerate(matched):
            here = np.flatnonzero(first >= split if which else first < split)
            if not here.shape[0]:
                continue
            at = first[here] - split * which
            rows = m.rows[at]
            named = reach.named_places(m.segment, criteria.where, rows).tolist() if reasons else None
            for n, (place, row, kilometres, relevance) in enumerate(
                zip(
                    here.tolist(),
                    rows.tolist(),
                    m.distance[at].tolist(),
                    m.relevance[at].tolist(),
                    strict=True,
                )
            ):
                hits[place] = Hit(
                    m.segment.id(row),
                    ref_of(which, row),
                    None if kilometres != kilometres else kilometres,
                    relevance if worded else None,
                    () if named is None else self._why(m.segment, row, kilometres, named[n], criteria),
                )
        return tuple(hit for hit in hits if hit is not None)

    def _why(
        self, segment: Segment, row: int, kilometres: float, is_named: bool, criteria: Criteria
    ) -> tuple[Why, ...]:
        if criteria.where is None:
            return ()
        if kilometres == kilometres:
            reason = Why.DISTANCE
        elif isinstance(criteria.where, Around):
            reason = Why.A_DISTANCE
        elif _is_in(segment, row, criteria.where.kind, criteria.where.code):
            reason = Why.TERRITOIRE
        else:
            reason = Why.A_DISTANCE
        return (reason, Why.ZONE) if is_named else (reason,)

    def _keys(self, which: int, m: Matched, worded: bool, sort: Sort, best: float) -> Array:
        """Return a number for each row matched: the lesser, the sooner. Fields side by side in 63 bits."""
        rank = self._ranks(which, m.rows)
        if sort is Sort.ID:
            return rank
        metres = m.distance * 100
        metres[np.isnan(metres)] = _FAR
        metres = np.minimum(metres, _FAR).astype(np.int64)
        if sort is Sort.DISTANCE_ID:
            return ((metres + 50) // 100) << 24 | rank
        quality = 127 - np.round(self._scores[which][m.rows] * 100).astype(np.int64)
        if sort is Sort.PERTINENCE or (sort is Sort.AUTO and worded):
            # Steps of a tenth: between two offers that answer as well, the nearer comes first.
            steps = np.round(m.relevance / (best or 1.0) * 10).astype(np.int64)
            return ((10 - steps) << 48) | metres << 31 | quality << 24 | rank
        if sort is Sort.FRAICHEUR:
            age = (1 << 20) - m.segment["date_maj"][m.rows].astype(np.int64)
            return age << 24 | rank
        if sort is Sort.PLACES:
            left = 40_000 - m.segment["places"][m.rows].astype(np.int64)
            return left << 41 | metres << 24 | rank
        return metres << 31 | quality << 24 | rank

    def _without_twins(self, matched: list[Matched]) -> list[Matched]:
        """Keep, of structures that are the same one, the services of the best (contract §2.3: score, then freshness)."""
        ranks = self.structures.merits()
        clusters = [m.segment["s_cluster"][m.segment["structure"][m.rows]] for m in matched]
        merits = [ranks[which][m.segment["structure"][m.rows]] for which, m in enumerate(matched)]
        size = max((int(c.max()) for c in clusters if c.shape[0]), default=0) + 1
        lead = np.full(size, np.iinfo(np.int64).max)
        for cluster, merit in zip(clusters, merits, strict=True):
            np.minimum.at(lead, cluster, merit)
        kept = []
        for m, cluster, merit in zip(matched, clusters, merits, strict=True):
            keep = merit == lead[cluster]
            masks = dict(m.masks)
            if masks:
                only = np.ones(m.segment.count, np.bool_)
                only[m.rows[~keep]] = False
                masks["doublons"] = only
            kept.append(Matched(m.segment, masks, m.rows[keep], m.distance[keep], m.relevance[keep]))
        return kept

    def _read(self, session: Session, hits: Sequence[Hit], *, detailed: bool) -> list[bytes]:
        theirs = known_services(session, [hit.id for hit in hits if not hit.ref & 1], detailed=detailed)
        answers = []
        for hit in hits:
            if hit.ref & 1:
                found = self._ours.service(session, hit.id, detailed=detailed)
            else:
                found = theirs.get(hit.id)
            if found is None:
                continue
            record, structure = found
            score = b"%.2f" % float(self._scores[hit.ref & 1][hit.ref >> 1])
            end = b',"structure":' + structure + b"}" if detailed else b"}"
            answers.append(record[:-1] + b',"score_qualite":' + score + end)
        return answers


_NO_KEYS: Array = np.zeros(0, np.int64)


def _least(keys: Array, start: int, end: int) -> Array:
    """Return where the keys stand that come from `start` to `end` in their order."""
    end = min(end, keys.shape[0])
    if start >= end:
        return keys[:0].astype(np.int64)
    if end < keys.shape[0] // 4:
        first = np.argpartition(keys, end - 1)[:end]
        return first[np.argsort(keys[first])][start:]
    return np.argsort(keys)[start:end]


def _is_in(segment: Segment, row: int, kind: AreaKind, code: str) -> bool:
    at = int(segment["commune"][row])
    column = segment.place_columns[kind.value]
    return at < column.shape[0] and str(column[at]) == code


class Catalogue:
    """The catalogue of a process. `source` and `public_url` are ours; `folder` is where files of the index are kept."""

    def __init__(self, *, source: str, public_url: str, folder: Path, poll_seconds: float = 1.0) -> None:
        self._holder = Holder(
            source=source, public_url=public_url, folder=folder, poll_seconds=poll_seconds, make=Snapshot
        )

    def snapshot(self, session: Session, *, fresh: bool = False) -> Snapshot:
        """Return the catalogue as `session` sees it, one second late at most; not late at all when `fresh`."""
        found: Snapshot = self._holder.snapshot(session, fresh=fresh)
        return found

    def held(self) -> Snapshot | None:
        """Return the catalogue as it was less than one second ago; None when it must be looked at again."""
        found: Snapshot | None = self._holder.held()
        return found

    def forget(self) -> None:
        """Drop everything: the next question reads it all again."""
        self._holder.forget()
