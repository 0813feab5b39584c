"""What the offers of the catalogue cover: thématiques, intercommunalités."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from portal import geography, vocabulary
from portal.indicators.table import Table

MANY = 10


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
