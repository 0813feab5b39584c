"""The structures of a snapshot: how they are found, what is the same one as what, and their records."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import orjson
from sqlmodel import Session

from portal.catalogue.criteria import LARGEST_PAGE, Found, Hit, StructureCriteria, ref_of
from portal.catalogue.known import known_structures, without_twins
from portal.catalogue.ours import Ours
from portal.catalogue.segments import Array, Segment


class Structures:
    """The structures of two segments, what is known from elsewhere and ours; `scores` are those of their services."""

    def __init__(self, base: Segment, ours: Ours, scores: tuple[Array, Array]) -> None:
        self._segments = (base, ours.segment)
        self._scores = scores
        self._ours = ours
        # Ours come together in the order of ids, since they share a prefix that nobody else bears.
        self._at = base.structure_insertion_row(ours.prefix)

    def search(self, criteria: StructureCriteria, *, page: int = 1, size: int = 20) -> Found:
        """Return the page `page` (from 1) of the structures that answer, by id.

        Raises ValueError for a page below 1 or a size out of 0..10 000.
        """
        if page < 1 or not 0 <= size <= LARGEST_PAGE:
            raise ValueError("page from 1, size from 0 to 10 000")
        kept = [self._matching(which, criteria) for which in (0, 1)]
        if criteria.exclure_doublons:
            kept = self._best(kept)
        ranks = np.concatenate([self._ranks(which, rows) for which, rows in enumerate(kept)])
        ranks.sort()
        chosen = ranks[(page - 1) * size : page * size]
        hits = []
        for rank in chosen.tolist():
            which, row = self._at_rank(rank)
            hits.append(Hit(self._segments[which].structure_id(row), ref_of(which, row)))
        return Found(int(ranks.shape[0]), tuple(hits))

    def find(self, structure_id: str) -> Hit | None:
        """Return the structure of this prefixed id, or None."""
        for which, segment in enumerate(self._segments):
            row = segment.structure_row_of(structure_id)
            if row is not None:
                return Hit(structure_id, ref_of(which, row))
        return None

    def name(self, structure_id: str) -> str | None:
        """Return the name of a structure by its prefixed id, or None."""
        hit = self.find(structure_id)
        if hit is None:
            return None
        segment, row = self._row(hit.ref)
        return segment.structure_nom(row)

    def services_of(self, structure_id: str) -> tuple[Hit, ...]:
        """Return the services of a structure, by id."""
        hit = self.find(structure_id)
        if hit is None:
            return ()
        segment, structure = self._row(hit.ref)
        order, held = segment.service_order
        first, last = np.searchsorted(held, structure), np.searchsorted(held, structure, side="right")
        which = hit.ref & 1
        return tuple(
            Hit(segment.id(int(row)), ref_of(which, int(row))) for row in sorted(order[first:last].tolist())
        )

    def twins_of(self, structure_id: str) -> list[str]:
        """Return the prefixed ids of the other structures that are the same one, by id."""
        hit = self.find(structure_id)
        if hit is None:
            return []
        segment, row = self._row(hit.ref)
        cluster = int(segment["s_cluster"][row])
        found = []
        for other in self._segments:
            order, clusters = other.cluster_order
            first, last = np.searchsorted(clusters, cluster), np.searchsorted(clusters, cluster, side="right")
            found += [other.structure_id(int(r)) for r in order[first:last]]
        return sorted(set(found) - {structure_id})

    def records(self, session: Session, hits: Sequence[Hit]) -> list[bytes]:
        """Return the JSON of each structure, in order: the schema's fields, `adresse_certifiee`, `score_qualite`, `doublons`."""
        theirs = known_structures(session, [hit.id for hit in hits if not hit.ref & 1])
        answers = []
        for hit in hits:
            content = self._ours.structure(session, hit.id) if hit.ref & 1 else theirs.get(hit.id)
            if content is None:
                continue
            segment, row = self._row(hit.ref)
            score = float(self._means[hit.ref & 1][row])
            alone = self._cluster_sizes[int(segment["s_cluster"][row])] < 2
            twins = [] if alone else [{"source": t.split("--", 1)[0], "id": t} for t in self.twins_of(hit.id)]
            # What its source told of its doublons gives way to what is known here, which holds it.
            answers.append(
                b'%b,"score_qualite":%.2f,"doublons":%b}'
                % (without_twins(content)[:-1], score, orjson.dumps(twins))
            )
        return answers

    def merits(self) -> list[Array]:
        """Return, for each structure, a number that is the lesser the better its score, then its freshness."""
        merits = []
        for which, segment in enumerate(self._segments):
            score = 100 - np.round(self._means[which] * 100).astype(np.int64)
            merits.append(score << 24 | ((1 << 20) - segment["s_date_maj"].astype(np.int64)))
        return merits

    # ── Inside ──

    def _row(self, ref: int) -> tuple[Segment, int]:
        return self._segments[ref & 1], ref >> 1

    @cached_property
    def _means(self) -> list[Array]:
        """The mean score of the services of each structure, by segment; 0 without any."""
        return [_means(segment, scores) for segment, scores in zip(self._segments, self._scores, strict=True)]

    @cached_property
    def _cluster_sizes(self) -> Array:
        """How many structures are the same one, by cluster."""
        return np.bincount(np.concatenate([segment["s_cluster"] for segment in self._segments]))

    def _matching(self, which: int, criteria: StructureCriteria) -> Array:
        segment = self._segments[which]
        mask = np.ones(segment.structure_count, np.bool_)
        if criteria.sources:
            codes = [
                segment.codes["source"][value]
                for value in criteria.sources
                if value in segment.codes["source"]
            ]
            mask &= np.isin(segment["s_source"], np.array(codes, np.uint16))
        if criteria.reseaux_porteurs:
            held = np.zeros(segment.structure_count, np.bool_)
            for value in criteria.reseaux_porteurs:
                held[segment.rows_of("reseaux_porteurs", value)] = True
            mask &= held
        if criteria.within is not None:
            column = segment.place_columns[criteria.within.kind.value]
            inside = np.zeros(65536, np.bool_)
            inside[: column.shape[0]] = column == criteria.within.code
            inside[65535] = False
            mask &= inside[segment["s_commune"]]
        return np.flatnonzero(mask)

    def _best(self, kept: list[Array]) -> list[Array]:
        """Keep one structure of each group of twins: best score, newest, least id."""
        merits = self.merits()
        best: dict[int, tuple[int, int, int, int]] = {}
        for which, rows in enumerate(kept):
            clusters = self._segments[which]["s_cluster"][rows].tolist()
            for row, cluster, merit, rank in zip(
                rows.tolist(),
                clusters,
                merits[which][rows].tolist(),
                self._ranks(which, rows).tolist(),
                strict=True,
            ):
                candidate = (merit, rank, which, row)
                if cluster not in best or candidate < best[cluster]:
                    best[cluster] = candidate
        return [
            np.array(sorted(row for _, _, w, row in best.values() if w == which), np.int64)
            for which in (0, 1)
        ]

    def _ranks(self, which: int, rows: Array) -> Array:
        """Return the place of rows of a segment in the order of all ids."""
        rows = rows.astype(np.int64)
        if which == 1:
            return rows + self._at
        return rows + np.where(rows >= self._at, self._segments[1].structure_count, 0)

    def _at_rank(self, rank: int) -> tuple[int, int]:
        ours = self._segments[1].structure_count
        if rank < self._at:
            return 0, rank
        if rank < self._at + ours:
            return 1, rank - self._at
        return 0, rank - ours


def _means(segment: Segment, scores: Array) -> Array:
    if not segment.structure_count:
        return np.zeros(0)
    sums = np.bincount(segment["structure"], weights=scores, minlength=segment.structure_count)
    numbers = np.bincount(segment["structure"], minlength=segment.structure_count)
    return np.round(sums / np.maximum(numbers, 1), 2)
