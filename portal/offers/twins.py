"""Offers that look like the same one: while somebody types, and for the animator to settle.

Two offers are likely twins when their names are near and they share a structure, a SIRET, a telephone, an e-mail
address or a commune. Names are compared folded, without the words that every offer uses.
"""

import re
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import load_only
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

    Only offers that share a key are compared: the work grows with the offers, not with their square.
    """
    statement = queries.all_offers().where(col(Offer.state).not_in(_GONE))
    offers = list(
        session.execute(
            statement.options(
                load_only(
                    Offer.nom,  # type: ignore[arg-type]
                    Offer.structure_id,  # type: ignore[arg-type]
                    Offer.telephone,  # type: ignore[arg-type]
                    Offer.courriel,  # type: ignore[arg-type]
                    Offer.code_insee,  # type: ignore[arg-type]
                    Offer.commune,  # type: ignore[arg-type]
                    Offer.state,  # type: ignore[arg-type]
                    Offer.created_at,  # type: ignore[arg-type]
                    Offer.import_source,  # type: ignore[arg-type]
                )
            )
        ).scalars()
    )
    settled = {tuple(row) for row in session.execute(select(NotTwins.first_id, NotTwins.second_id))}
    names = {offer.id: words_of(offer.nom) for offer in offers}
    found: dict[tuple[uuid.UUID, uuid.UUID], Pair] = {}
    for first, second in _candidates(offers, names):
        key = ordered(first.id, second.id)
        if key in found or key in settled:
            continue
        score = nearness(names[first.id], names[second.id])
        if score < NEAR:
            continue
        reasons = shared(first, first.structure, second, second.structure)
        older, newer = sorted((first, second), key=lambda o: (o.created_at, o.id))
        found[key] = Pair(older, newer, reasons, score)
    best = sorted(found.values(), key=lambda pair: (-pair.score, pair.first.nom, pair.first.id))
    return best[:limit] if limit is not None else best


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
    """Return how near two names are, from 0 to 1, whatever the order of their words."""
    one, two = sorted(first), sorted(second)
    if not one or not two:
        return 0.0
    text = SequenceMatcher(None, " ".join(one), " ".join(two), autojunk=False)
    if text.real_quick_ratio() < NEAR or text.quick_ratio() < NEAR:
        return 0.0
    return text.ratio()


def ordered(first: uuid.UUID, second: uuid.UUID) -> tuple[uuid.UUID, uuid.UUID]:
    """Return two ids, the lesser first, as the verdicts keep them."""
    return (first, second) if first.hex < second.hex else (second, first)


def _candidates(
    offers: list[Offer], names: dict[uuid.UUID, tuple[str, ...]]
) -> Iterator[tuple[Offer, Offer]]:
    shelves: dict[tuple[str, object], list[Offer]] = defaultdict(list)
    for offer in offers:
        shelves["structure", offer.structure_id].append(offer)
        if offer.structure.siret:
            shelves["siret", offer.structure.siret].append(offer)
        if offer.telephone:
            shelves["telephone", offer.telephone].append(offer)
        if offer.courriel:
            shelves["courriel", offer.courriel].append(offer)
        if offer.code_insee:
            # Near names begin alike or end alike: two shelves, so that a slip in the first word is still caught.
            for word in {names[offer.id][0][:4], names[offer.id][-1][:4]} if names[offer.id] else ():
                shelves["commune", (offer.code_insee, word)].append(offer)
    for together in shelves.values():
        if len(together) > _CROWD:
            continue
        for position, first in enumerate(together):
            for second in together[position + 1 :]:
                yield first, second
