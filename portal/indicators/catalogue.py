"""How the offers of the catalogue stand today (annexe 5 of the instruction): good, fresh."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, select
from sqlmodel import Session, col

from portal import vocabulary
from portal.indicators.table import Table
from portal.offers import freshness, queries
from portal.offers.models import Offer, OfferState
from portal.offers.record import WANTED_SCORE, as_record
from portal.structures.models import Structure, StructureState
from portal.structures.rules import catalogue_rules

_STEPS = ((0, 20), (20, 40), (40, 60), (60, 80), (80, 100))


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
    for offer, found in zip(offers, vocabulary.qualities(map(as_record, offers)), strict=True):
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


def _percent(part: int, whole: int) -> int:
    return round(100 * part / whole) if whole else 0
