"""What the dashboard of the catalogue says (annexe 5 of the instruction): listed, fresh, good, covered, once only.

Every figure is a `Table`: the page draws it, the CSV holds it. Everything is counted in a bounded number of statements.
"""

import uuid
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from statistics import median
from typing import Any

from sqlalchemy import Row, select
from sqlmodel import Session, col

from portal import clock, geography, vocabulary
from portal.offers import freshness, queries, twins
from portal.offers.models import Offer, OfferState, Signalement
from portal.offers.record import WANTED_SCORE, as_record
from portal.structures.models import Act, Revision, Structure, StructureState
from portal.structures.rules import catalogue_rules

MONTHS = 24
MANY = 10
_BORN = frozenset({Act.CREATION, Act.IMPORT})
_UPDATES = frozenset({Act.MODIFICATION, Act.CONFIRMATION, Act.RESTAURATION, Act.MODELE, Act.IMPORT})
_STEPS = ((0, 20), (20, 40), (40, 60), (60, 80), (80, 100))


@dataclass(frozen=True, slots=True)
class Table:
    """A figure: its name in addresses, its title, how it is counted, its columns and rows; `notes` are said with it."""

    name: str
    title: str
    definition: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Life:
    """The states of one thing over time: from each moment, in order, the state that begins."""

    moments: list[datetime]
    states: list[str]

    def over(self, moments: Sequence[datetime], wanted: str) -> list[bool]:
        """Say for each of these moments, in order, whether the state is `wanted` just then."""
        found = []
        place, last = 0, len(self.moments)
        state = None
        for moment in moments:
            while place < last and self.moments[place] <= moment:
                state = self.states[place]
                place += 1
            found.append(state == wanted)
        return found


@dataclass(frozen=True, slots=True)
class History:
    """Every act on offers, and the life of each offer and structure."""

    acts: list[tuple[uuid.UUID, datetime, Act, str]]
    offers: dict[uuid.UUID, Life]
    structures: dict[uuid.UUID, Life]


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
    for offer_id, published_at, state in session.execute(
        select(col(Offer.id), col(Offer.published_at), col(Offer.state))
    ):
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
    return History(acts, _lives(offers), _lives(structures))


def over_time(session: Session, history: History | None = None) -> Table:
    """Return, month by month, what is in the catalogue at the end, published, updated, suspended, taken out."""
    history = history or read_history(session)
    owners: dict[uuid.UUID, tuple[uuid.UUID, date | None]] = {
        offer_id: (structure_id, last)
        for offer_id, structure_id, last in session.execute(
            select(col(Offer.id), col(Offer.structure_id), col(Offer.date_fin))
        )
    }
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
    homes = {key: life.over(closes, StructureState.PUBLIEE) for key, life in history.structures.items()}
    listed = [0] * len(ends)
    for offer_id, life in history.offers.items():
        structure_id, last_day = owners[offer_id]
        home = homes[structure_id]
        for month, shown in enumerate(life.over(closes, OfferState.PUBLIEE)):
            if shown and home[month] and (last_day is None or last_day >= ends[month]):
                listed[month] += 1
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


def listed_offers(session: Session) -> list[Row[Any]]:
    """Return the offers of the catalogue: rows of what a record is made of, their rhythm and `structure_nom`."""
    columns = queries.published_columns().add_columns(
        col(Offer.confirmation_mois), col(Structure.nom).label("structure_nom")
    )
    return list(session.execute(columns.order_by(None)))


def quality(offers: Sequence[Row[Any]]) -> tuple[Table, Table, Table]:
    """Return how the scores of the offers fall, what they lack most, and the mean of each structure."""
    steps: Counter[int] = Counter()
    missing: Counter[str] = Counter()
    by_structure: dict[uuid.UUID, list[float]] = defaultdict(list)
    names: dict[uuid.UUID, str] = {}
    good = 0
    for offer in offers:
        found = vocabulary.quality(as_record(offer))
        good += found.score >= WANTED_SCORE
        steps[min(int(found.score * 5), 4)] += 1
        missing.update(sentence for sentence, _ in found.missing)
        by_structure[offer.structure_id].append(found.score)
        names[offer.structure_id] = offer.structure_nom
    definition = (
        "Le score de qualité de data.inclusion, entre 0 et 100 %, calculé sur la fiche telle qu’elle part. À partir de 80 %, "
        "DORA peut montrer l’offre."
    )
    shares = [
        (f"{low} à {high} %", steps[n], _percent(steps[n], len(offers)))
        for n, (low, high) in enumerate(_STEPS)
    ]
    means = sorted(
        (
            (names[structure_id], len(scores), round(100 * sum(scores) / len(scores)))
            for structure_id, scores in by_structure.items()
        ),
        key=lambda row: (row[2], row[0]),
    )
    return (
        Table(
            "qualite",
            "Qualité des fiches",
            definition,
            ("Score", "Offres", "Part en %"),
            list(shares),
            {"good": good, "share": _percent(good, len(offers)), "total": len(offers)},
        ),
        Table(
            "manques",
            "Ce qui manque le plus souvent",
            definition,
            ("Ce qui manque", "Offres"),
            [(sentence, number) for sentence, number in missing.most_common()],
        ),
        Table(
            "structures",
            "Qualité moyenne par structure",
            definition,
            ("Structure", "Offres", "Score moyen en %"),
            list(means),
        ),
    )


def stale(session: Session, offers: Sequence[Row[Any]]) -> Table:
    """Return, for each structure that has some, the offers to confirm and the suspended ones, the most first."""
    settings = catalogue_rules(session)
    oldest: dict[uuid.UUID, date] = {}
    names: dict[uuid.UUID, str] = {}
    waiting = session.execute(
        select(col(Offer.structure_id), col(Structure.nom).label("structure_nom"), col(Offer.date_maj))
        .join(Structure, col(Structure.id) == col(Offer.structure_id))
        .where(col(Offer.state) == OfferState.SUSPENDUE, col(Structure.state) == StructureState.PUBLIEE)
    ).all()
    suspended = Counter(row.structure_id for row in waiting)
    to_confirm = [offer for offer in offers if freshness.is_due(offer, settings)]
    late = Counter(row.structure_id for row in to_confirm)
    for row in (*to_confirm, *waiting):
        names[row.structure_id] = row.structure_nom
        oldest[row.structure_id] = min(oldest.get(row.structure_id, row.date_maj), row.date_maj)
    rows = sorted(
        ((names[key], late[key], suspended[key], oldest[key]) for key in names),
        key=lambda row: (-(row[1] + row[2]), row[0]),
    )
    return Table(
        "confirmations",
        "Offres à confirmer, par structure",
        "À confirmer : personne n’a modifié ni confirmé l’offre dans le délai fixé. Suspendue : le délai de grâce est passé.",
        ("Structure", "À confirmer", "Suspendues", "Plus ancienne mise à jour"),
        list(rows),
        {"late": sum(late.values()), "suspended": sum(suspended.values())},
    )


def coverage(offers: Sequence[Row[Any]], departement: str, category: str | None = None) -> Table:
    """Return the offers within reach of each EPCI of `departement`, by category (or by thématique of one).

    Within reach: received in one of its communes, or at a distance and open to it.
    """
    territories = _territories(departement)
    subjects = (
        [c.value for c in vocabulary.categories()]
        if category is None
        else [
            c.value for c in vocabulary.choices("thematiques") if vocabulary.category_of(c.value) == category
        ]
    )
    labels = {
        choice.value: choice.label
        for choice in (*vocabulary.categories(), *vocabulary.choices("thematiques"))
    }
    counts: Counter[tuple[str, str]] = Counter()
    for offer in offers:
        held = set(offer.thematiques or ())
        about = {vocabulary.category_of(t) for t in held} if category is None else held
        for code in _reached(offer, territories):
            counts.update((subject, code) for subject in about)
    order = sorted(territories.values(), key=lambda t: (-t.population, t.nom))
    rows = [
        (
            labels.get(subject, subject),
            territory.nom,
            territory.population,
            counts[subject, territory.code],
            round(10_000 * counts[subject, territory.code] / territory.population, 2)
            if territory.population
            else None,
        )
        for subject in subjects
        for territory in order
    ]
    return Table(
        "couverture",
        "Thématiques et territoires",
        "Pour chaque intercommunalité du département, les offres où l’on est reçu dans l’une de ses communes, et celles à "
        "distance qui lui sont ouvertes. La population est celle de ses communes dans le département.",
        ("Thématique", "Intercommunalité", "Habitants", "Offres", "Offres pour 10 000 habitants"),
        rows,
        {"subjects": subjects, "labels": labels, "territories": order, "counts": counts},
    )


def themes(offers: Sequence[Row[Any]]) -> Table:
    """Return how many offers each thématique has, those without any first."""
    counts: Counter[str] = Counter()
    for offer in offers:
        counts.update(set(offer.thematiques or ()))
    rows = sorted(
        ((choice.label, counts[choice.value]) for choice in vocabulary.choices("thematiques")),
        key=lambda row: (row[1], row[0]),
    )
    return Table(
        "thematiques",
        "Offres par thématique",
        "Le nombre d’offres du catalogue qui portent chaque thématique du schéma ; une offre peut en porter plusieurs.",
        ("Thématique", "Offres"),
        list(rows),
        {
            "missing": [label for label, number in rows if not number],
            "many": sorted((row for row in rows if row[1] >= MANY), key=lambda row: -row[1])[:10],
        },
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


@dataclass(frozen=True, slots=True)
class Territory:
    """An EPCI of the département: the codes that a zone may use to cover part of it, and its people there."""

    code: str
    nom: str
    population: int
    zone_codes: frozenset[str]


def _territories(departement: str) -> dict[str, Territory]:
    people: Counter[str] = Counter()
    codes: dict[str, set[str]] = defaultdict(set)
    for commune in geography.communes():
        if commune.code_departement == departement and commune.code_epci:
            people[commune.code_epci] += commune.population
            codes[commune.code_epci].update(geography.zone_codes_covering(commune))
    return {code: Territory(code, _name(code), people[code], frozenset(codes[code])) for code in people}


def _reached(offer: Row[Any], territories: dict[str, Territory]) -> Iterable[str]:
    found = set()
    is_remote = "a-distance" in (offer.modes_accueil or ())
    if not is_remote or "en-presentiel" in offer.modes_accueil:
        commune = geography.commune(offer.code_insee) if offer.code_insee else None
        if commune is not None and commune.code_epci in territories:
            found.add(commune.code_epci)
    if is_remote:
        zones = set(offer.zone_eligibilite or ())
        found |= {code for code, t in territories.items() if not zones or zones & t.zone_codes}
    return found


def _name(code: str) -> str:
    found = geography.epci(code)
    return found.nom if found else code


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


def _percent(part: int, whole: int) -> int:
    return round(100 * part / whole) if whole else 0
