"""Conventions with partners that come to their end: announced three times, then to be closed by somebody."""

import uuid
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy
from sqlalchemy.orm import aliased, contains_eager
from sqlmodel import Session, col, func, select

from portal.conventions.models import Convention, FinancedAction, PlaceMovement
from portal.conventions.states import ConventionState
from portal.structures.models import Structure

# Days before the last one at which the end is announced.
ANNOUNCED = (90, 30, 7)


@dataclass(frozen=True, slots=True)
class Ending:
    """An end to announce: `sujet_id`, `kind` and `echeance_le` are those of its `DueNotice`."""

    sujet_id: uuid.UUID
    # "fin-90", "fin-30" or "fin-7".
    kind: str
    # The last day of the convention.
    echeance_le: date
    # Days from today to the last one; 0 on that day.
    jours: int
    numero: str
    intitule: str
    structure_id: uuid.UUID


def ending_soon(session: Session, day: date) -> list[Ending]:
    """Return the ends to announce on `day`, the nearest first, in one statement.

    An announcement that no job made on its day is still due the days after, until the following one takes its place.
    A convention whose renewal is signed is not announced: somebody has seen to it.
    """
    renewal = aliased(Convention)
    signed = (
        select(renewal.id)
        .where(
            col(renewal.renouvelle_id) == col(Convention.id),
            col(renewal.state) == ConventionState.SIGNEE,
        )
        .exists()
    )
    rows = session.execute(
        sqlalchemy.select(
            col(Convention.id),
            col(Convention.date_fin),
            col(Convention.numero),
            col(Convention.intitule),
            col(Convention.structure_id),
        )
        .where(
            col(Convention.state) == ConventionState.SIGNEE,
            col(Convention.date_debut) <= day,
            col(Convention.date_fin) >= day,
            col(Convention.date_fin) <= day + timedelta(days=max(ANNOUNCED)),
            ~signed,
        )
        .order_by(col(Convention.date_fin), col(Convention.numero))
    )
    found = []
    for id, last, numero, intitule, structure_id in rows:
        left = (last - day).days
        near = min(threshold for threshold in ANNOUNCED if left <= threshold)
        found.append(Ending(id, f"fin-{near}", last, left, numero, intitule, structure_id))
    return found


@dataclass(frozen=True, slots=True)
class Ended:
    """A convention that is over and not closed: the people who still have a place, and its days of grace."""

    convention: Convention
    # The last day on which it still changes.
    grace_until: date
    occupees: int
    retenues: int


def to_close(session: Session, day: date, limit: int = 50) -> list[Ended]:
    """Return the conventions that are over on `day` and not closed, partner loaded, the oldest first, in two statements.

    `limit` at most: those that are closed make room for the following ones.
    """
    found = session.exec(
        select(Convention)
        .join(Structure, col(Structure.id) == col(Convention.structure_id))
        .where(col(Convention.state) == ConventionState.SIGNEE, col(Convention.date_fin) < day)
        .options(contains_eager(Convention.structure).load_only(Structure.nom))  # type: ignore[arg-type]
        .order_by(col(Convention.date_fin), col(Convention.numero))
        .limit(limit)
    ).all()
    inside = {
        row[0]: (int(row[1]), int(row[2]))
        for row in session.execute(
            select(
                col(FinancedAction.convention_id),
                func.sum(PlaceMovement.d_occupees),
                func.sum(PlaceMovement.d_retenues),
            )
            .join(PlaceMovement, col(PlaceMovement.action_id) == col(FinancedAction.id))
            .where(col(FinancedAction.convention_id).in_([convention.id for convention in found]))
            .group_by(col(FinancedAction.convention_id))
        )
    }
    return [
        Ended(
            convention,
            convention.date_fin + timedelta(days=convention.grace_jours),
            *inside.get(convention.id, (0, 0)),
        )
        for convention in found
    ]
