"""What the history of the catalogue says: what it held month by month, how it is looked after."""

import uuid
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from statistics import median
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from portal import clock
from portal.indicators.table import Table
from portal.offers import twins
from portal.offers.models import Offer, OfferState, Signalement
from portal.structures.models import Act, Revision, Structure, StructureState

MONTHS = 24

_BORN = frozenset({Act.CREATION, Act.IMPORT})
_UPDATES = frozenset({Act.MODIFICATION, Act.CONFIRMATION, Act.RESTAURATION, Act.MODELE, Act.IMPORT})


@dataclass(frozen=True, slots=True)
class Life:
    """The states of one thing over time: from each moment, in order, the state that begins."""

    moments: list[datetime]
    states: list[str]

    def spans(self, moments: Sequence[datetime], wanted: str) -> list[tuple[int, int]]:
        """Return [first, last[ of the places in `moments`, which are in order, where the state is `wanted`."""
        found = []
        for place, state in enumerate(self.states):
            if state == wanted:
                until = self.moments[place + 1 : place + 2]
                last = bisect_left(moments, until[0]) if until else len(moments)
                first = bisect_left(moments, self.moments[place])
                if first < last:
                    found.append((first, last))
        return found


@dataclass(frozen=True, slots=True)
class History:
    """Every act on offers, and the life of each offer and structure."""

    acts: list[tuple[uuid.UUID, datetime, Act, str]]
    offers: dict[uuid.UUID, Life]
    structures: dict[uuid.UUID, Life]
    # Each offer's structure, and its last day.
    owners: dict[uuid.UUID, tuple[uuid.UUID, date | None]]


def read_history(session: Session) -> History:
    """Return the history of the whole catalogue. What is older than the history counts from its publication."""
    acts: list[tuple[uuid.UUID, datetime, Act, str]] = []
    offers: dict[uuid.UUID, list[tuple[datetime, str]]] = defaultdict(list)
    structures: dict[uuid.UUID, list[tuple[datetime, str]]] = defaultdict(list)
    told: set[uuid.UUID] = set()
    for offer_id, structure_id, at, act, state in session.execute(
        select(
            col(Revision.offer_id),
            col(Revision.structure_id),
            col(Revision.at),
            col(Revision.act),
            col(Revision.state_after),
        ).order_by(col(Revision.at), col(Revision.number))
    ):
        if offer_id is not None:
            offers[offer_id].append((at, state))
            acts.append((offer_id, at, act, state))
            told.add(offer_id) if act in _BORN else None
        else:
            structures[structure_id].append((at, state))
            told.add(structure_id) if act in _BORN else None
    owners: dict[uuid.UUID, tuple[uuid.UUID, date | None]] = {}
    for offer_id, published_at, state, structure_id, last in session.execute(
        select(
            col(Offer.id),
            col(Offer.published_at),
            col(Offer.state),
            col(Offer.structure_id),
            col(Offer.date_fin),
        )
    ):
        owners[offer_id] = (structure_id, last)
        if offer_id not in told and published_at is not None:
            known = offers[offer_id]
            first = OfferState.PUBLIEE if known else state
            known.insert(0, (min([published_at, *(at for at, _ in known[:1])]), str(first)))
    for structure_id, created_at, state in session.execute(
        select(col(Structure.id), col(Structure.created_at), col(Structure.state))
    ):
        if structure_id not in told:
            known = structures[structure_id]
            first = StructureState.PUBLIEE if known else state
            known.insert(0, (min([created_at, *(at for at, _ in known[:1])]), str(first)))
    return History(acts, _lives(offers), _lives(structures), owners)


def over_time(session: Session, history: History | None = None) -> Table:
    """Return, month by month, what is in the catalogue at the end, published, updated, suspended, taken out."""
    history = history or read_history(session)
    ends = _month_ends(clock.today(), MONTHS)
    counted: list[Counter[str]] = [Counter() for _ in ends]
    updated: list[set[uuid.UUID]] = [set() for _ in ends]
    starts = [_midnight(end.replace(day=1)) for end in ends]
    for offer_id, at, act, state in history.acts:
        month = bisect_right(starts, at) - 1
        if month < 0 or _midnight(ends[month] + timedelta(days=1)) <= at:
            continue
        if act in _UPDATES:
            updated[month].add(offer_id)
        if act in (Act.PUBLICATION, Act.VALIDATION) and state == OfferState.PUBLIEE:
            counted[month]["published"] += act is Act.PUBLICATION
            updated[month].add(offer_id)
        counted[month]["suspended"] += act is Act.SUSPENSION
        counted[month]["out"] += act in (Act.RETRAIT, Act.ARCHIVAGE, Act.FUSION, Act.RENVOI)
    closes = [_midnight(end + timedelta(days=1)) - timedelta(microseconds=1) for end in ends]
    homes = {key: life.spans(closes, StructureState.PUBLIEE) for key, life in history.structures.items()}
    # How many more offers, or fewer, than at the end of the month before.
    moves = [0] * (len(ends) + 1)
    for offer_id, life in history.offers.items():
        structure_id, last_day = history.owners[offer_id]
        over = len(ends) if last_day is None else bisect_right(ends, last_day)
        for first, last in life.spans(closes, OfferState.PUBLIEE):
            for opened, closed in homes[structure_id]:
                begin, out = max(first, opened), min(last, closed, over)
                if begin < out:
                    moves[begin] += 1
                    moves[out] -= 1
    listed = list(accumulate(moves))
    rows: list[tuple[Any, ...]] = [
        (
            f"{end.year}-{end.month:02d}",
            listed[month],
            counted[month]["published"],
            len(updated[month]),
            counted[month]["suspended"],
            counted[month]["out"],
        )
        for month, end in enumerate(ends)
    ]
    return Table(
        "mois",
        "Offres du catalogue, mois par mois",
        "Une offre est dans le catalogue à la fin d’un mois si elle et sa structure étaient publiées ce jour-là. Mise à jour : "
        "une réponse a changé, ou quelqu’un a dit qu’elle était toujours valable. Le dernier mois n’est pas fini.",
        ("Mois", "Dans le catalogue", "Publiées", "Mises à jour", "Suspendues", "Retirées ou archivées"),
        rows,
    )


def care(session: Session, history: History | None = None) -> Table:
    """Return how the catalogue is looked after: twins to settle, errors reported, delays in days."""
    history = history or read_history(session)
    reports = session.execute(select(col(Signalement.created_at), col(Signalement.answered_at))).all()
    answered = [(_days(made, done)) for made, done in reports if done is not None]
    waits: list[float] = []
    submitted: dict[uuid.UUID, datetime] = {}
    for offer_id, at, act, _state in history.acts:
        if act in (Act.SOUMISSION, Act.PUBLICATION):
            submitted[offer_id] = at
        elif act in (Act.VALIDATION, Act.RENVOI) and offer_id in submitted:
            waits.append(_days(submitted.pop(offer_id), at))
    rows: list[tuple[Any, ...]] = [
        ("Paires de doublons à examiner", len(twins.find(session))),
        ("Erreurs signalées sans réponse", sum(done is None for _, done in reports)),
        ("Erreurs signalées avec réponse", len(answered)),
        ("Délai médian de réponse, en jours", round(median(answered), 1) if answered else None),
        ("Offres relues par l’animateur", len(waits)),
        ("Délai médian de relecture, en jours", round(median(waits), 1) if waits else None),
    ]
    return Table(
        "suivi",
        "Doublons, erreurs signalées, relecture",
        "Délais comptés du signalement à la réponse, et de l’envoi ou de la publication à la relecture.",
        ("Quoi", "Combien"),
        rows,
    )


def _lives(events: dict[uuid.UUID, list[tuple[datetime, str]]]) -> dict[uuid.UUID, Life]:
    return {
        key: Life([at for at, _ in known], [state for _, state in known]) for key, known in events.items()
    }


def _month_ends(today: date, number: int) -> list[date]:
    """The last days of the months up to this one; this month ends today."""
    found = [today]
    first = today.replace(day=1)
    while len(found) < number:
        found.append(first - timedelta(days=1))
        first = found[-1].replace(day=1)
    return found[::-1]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), clock.PARIS)


def _days(first: datetime, second: datetime) -> float:
    return (second - first).total_seconds() / 86_400
