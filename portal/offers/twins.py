"""Offers that look like the same one: while somebody types, and for the animator to settle.

Two offers are likely twins when their names are near and they share a structure, a SIRET, a telephone, an e-mail
address or a commune. Names are compared folded, without the words that every offer uses.
"""

import re
import uuid
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import chain, combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import Indel
from sqlalchemy import ColumnElement, or_
from sqlmodel import Session, col, select

from portal import geography
from portal.accounts.models import User
from portal.offers import queries
from portal.offers.models import NotTwins, Offer, OfferState
from portal.structures.models import Structure

NEAR = 0.82
MAX_SHOWN = 5
_GONE = (OfferState.ARCHIVEE, OfferState.FUSIONNEE)
_COMMON = frozenset(
    [
        "a",
        "au",
        "aux",
        "avec",
        "d",
        "dans",
        "de",
        "des",
        "du",
        "en",
        "et",
        "l",
        "la",
        "le",
        "les",
        "ou",
        "par",
        "pour",
        "sur",
        "un",
        "une",
        "vers",
        "action",
        "atelier",
        "ateliers",
        "accompagnement",
        "offre",
        "dispositif",
        "service",
    ]
)
# Beyond this many offers under one key, the key says nothing: a switchboard, a shared mailbox.
_CROWD = 200
# Positions compared together: what is held beside them stays in a few tens of megabytes.
_TOGETHER = 1_000_000
# Rows asked for in one statement.
_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Twin:
    """An offer that may be the same: why, in words, and how near its name is (0 to 1)."""

    offer: Offer
    reasons: tuple[str, ...]
    score: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Two offers that may be the same, the older first."""

    first: Offer
    second: Offer
    reasons: tuple[str, ...]
    score: float


def likely(
    session: Session,
    *,
    structure: Structure,
    offer_id: uuid.UUID | None,
    values: dict[str, Any],
    user: User | None = None,
) -> list[Twin]:
    """Return the offers that look like the one being typed (`values` in the names of an offer), the nearest first.

    Only those that `user` may see, at most MAX_SHOWN.
    """
    name = words_of(values.get("nom") or "")
    if not name:
        return []
    keys: list[ColumnElement[bool]] = [col(Offer.structure_id) == structure.id]
    if values.get("telephone"):
        keys.append(col(Offer.telephone) == values["telephone"])
    if values.get("courriel"):
        keys.append(col(Offer.courriel) == values["courriel"])
    if structure.siret:
        keys.append(col(Structure.siret) == structure.siret)
    if values.get("code_insee"):
        longest = max(name, key=len)
        keys.append(
            (col(Offer.code_insee) == values["code_insee"])
            & col(Offer.search_text).contains(longest, autoescape=True)
        )
    found = session.execute(
        queries.visible_to(user)
        .where(or_(*keys), col(Offer.state).not_in(_GONE), col(Offer.id) != (offer_id or uuid.UUID(int=0)))
        .limit(_CROWD)
    ).scalars()
    typed = Offer(
        structure_id=structure.id,
        nom=values["nom"],
        telephone=values.get("telephone"),
        courriel=values.get("courriel"),
        code_insee=values.get("code_insee"),
    )  # type: ignore[call-arg]
    twins = []
    for other in found:
        score = nearness(name, words_of(other.nom))
        reasons = shared(typed, structure, other, other.structure)
        if score >= NEAR and reasons:
            twins.append(Twin(other, reasons, score))
    return sorted(twins, key=lambda twin: (-twin.score, twin.offer.nom))[:MAX_SHOWN]


def pairs(session: Session, limit: int | None = None) -> list[Pair]:
    """Return the pairs of offers to settle in the whole catalogue, the nearest first; those said not to be are left out.

    Only offers that share a key are compared: the work grows with the offers, not with their square. Offers are read
    whole, with their structure, for the pairs that are returned only.
    """
    return read(session, find(session)[:limit])


def read(session: Session, found: Sequence[tuple[float, uuid.UUID, uuid.UUID]]) -> list[Pair]:
    """Return the pairs that `find` gave with their offers and structures, in its order."""
    wanted = {offer_id for _, first, second in found for offer_id in (first, second)}
    offers: dict[uuid.UUID, Offer] = {}
    ids = sorted(wanted, key=lambda offer_id: offer_id.hex)
    for start in range(0, len(ids), _AT_ONCE):
        some = queries.all_offers().where(col(Offer.id).in_(ids[start : start + _AT_ONCE]))
        offers |= {offer.id: offer for offer in session.execute(some).scalars()}
    return [
        Pair(
            offers[first],
            offers[second],
            shared(offers[first], offers[first].structure, offers[second], offers[second].structure),
            score,
        )
        for score, first, second in found
        # One of them may have been merged since they were found.
        if first in offers and second in offers
    ]


def find(session: Session) -> list[tuple[float, uuid.UUID, uuid.UUID]]:
    """Return (nearness, id of the older offer, id of the newer) of each pair to settle, the nearest first."""
    rows = session.execute(
        select(  # type: ignore[call-overload]
            Offer.id,
            Offer.nom,
            Offer.structure_id,
            Structure.siret,
            Offer.telephone,
            Offer.courriel,
            Offer.code_insee,
        )
        .join(Structure, col(Structure.id) == col(Offer.structure_id))
        .where(col(Offer.state).not_in(_GONE))
        .order_by(col(Offer.created_at), col(Offer.id))
    ).all()
    settled = {tuple(row) for row in session.execute(select(NotTwins.first_id, NotTwins.second_id))}
    words = {nom: words_of(nom) for nom in {row.nom for row in rows}}
    nearby = _Nearby([" ".join(sorted(words[row.nom])) for row in rows])
    found: dict[tuple[int, int], float] = {}
    for pairs in _candidates(rows, words):
        found |= nearby.among(pairs)
    kept = [
        (score, older, newer)
        for (older, newer), score in found.items()
        if ordered(rows[older].id, rows[newer].id) not in settled
    ]
    # The rows are in order of age: so are the pairs that are equally near.
    kept.sort(key=lambda pair: (-pair[0], pair[1], pair[2]))
    return [(score, rows[older].id, rows[newer].id) for score, older, newer in kept]


def shared(
    first: Offer, first_structure: Structure, second: Offer, second_structure: Structure
) -> tuple[str, ...]:
    """Return what two offers share, in words."""
    found = []
    if first.structure_id == second.structure_id:
        found.append("même structure")
    elif first_structure.siret and first_structure.siret == second_structure.siret:
        found.append("même SIRET")
    if first.telephone and first.telephone == second.telephone:
        found.append("même téléphone")
    if first.courriel and first.courriel == second.courriel:
        found.append("même adresse électronique")
    if first.code_insee and first.code_insee == second.code_insee:
        found.append("même commune")
    return tuple(found)


def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name that tell offers apart, folded and in order; every word when none does."""
    words = re.findall(r"[a-z0-9]+", geography.fold(name))
    return tuple(word for word in words if word not in _COMMON) or tuple(words)


def nearness(first: Iterable[str], second: Iterable[str]) -> float:
    """Return how near two names are, from 0 to 1, whatever the order of their words; 0 when they are not near."""
    return _ratio(" ".join(sorted(first)), " ".join(sorted(second)))


def ordered(first: uuid.UUID, second: uuid.UUID) -> tuple[uuid.UUID, uuid.UUID]:
    """Return two ids, the lesser first, as the verdicts keep them."""
    return (first, second) if first.hex < second.hex else (second, first)


def _ratio(one: str, two: str) -> float:
    if not one or not two:
        return 0.0
    if one == two:
        return 1.0
    # What is found in common may depend on which comes first.
    return max(_found_in_common(one, two), _found_in_common(two, one))


def _found_in_common(one: str, two: str) -> float:
    text = SequenceMatcher(None, one, two, autojunk=False)
    if text.real_quick_ratio() < NEAR or text.quick_ratio() < NEAR:
        return 0.0
    score = text.ratio()
    return score if score >= NEAR else 0.0


class _Nearby:
    """How near the names of rows are: many offers bear the same ones, so each pair of names is compared once."""

    def __init__(self, names: Sequence[str]) -> None:
        self._distinct = list(dict.fromkeys(names))
        numbers = {name: number for number, name in enumerate(self._distinct)}
        self._which = np.array([numbers[name] for name in names], np.int64)
        self._known: dict[int, float] = {}

    def among(self, pairs: "array[int]") -> dict[tuple[int, int], float]:
        """Return the nearness of those of `pairs` (positions of rows, flat) that are near."""
        sides = np.frombuffer(pairs, np.int64).reshape(-1, 2)
        names = np.sort(self._which[sides], axis=1)
        codes, again = np.unique(names[:, 0] * len(self._distinct) + names[:, 1], return_inverse=True)
        scores = self._scores(codes)[again]
        near = np.flatnonzero(scores)
        return {
            (older, newer): score
            for (older, newer), score in zip(sides[near].tolist(), scores[near].tolist(), strict=True)
        }

    def _scores(self, codes: "NDArray[np.int64]") -> "NDArray[np.float64]":
        one, two = np.divmod(codes, len(self._distinct))
        # The letters in common in their order are as many as difflib can find at best, and cost a thousandth of it.
        best = process.cpdist(
            [self._distinct[number] for number in one.tolist()],
            [self._distinct[number] for number in two.tolist()],
            scorer=Indel.normalized_similarity,
            dtype=np.float64,
        )
        scores = np.zeros(codes.shape[0])
        for place in np.flatnonzero(best >= NEAR - 1e-9).tolist():
            code = int(codes[place])
            if code not in self._known:
                self._known[code] = _ratio(self._distinct[one[place]], self._distinct[two[place]])
            scores[place] = self._known[code]
        return scores


def _candidates(rows: Sequence[Any], words: Mapping[str, tuple[str, ...]]) -> Iterator["array[int]"]:
    """Yield the pairs of positions in `rows` that share a key, flat, the lesser of each first; one may come again."""
    shelves: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for position, row in enumerate(rows):
        shelves["structure", row.structure_id].append(position)
        for name, value in (
            ("siret", row.siret),
            ("telephone", row.telephone),
            ("courriel", row.courriel),
        ):
            if value:
                shelves[name, value].append(position)
        own = words[row.nom]
        if row.code_insee and own:
            # Near names begin alike or end alike: two shelves, so that a slip in the first word is still caught.
            for word in {own[0][:4], own[-1][:4]}:
                shelves["commune", row.code_insee, word].append(position)
    pairs = array("q")
    for together in shelves.values():
        if 1 < len(together) <= _CROWD:
            pairs.extend(chain.from_iterable(combinations(together, 2)))
        if len(pairs) > _TOGETHER:
            yield pairs
            pairs = array("q")
    if pairs:
        yield pairs
