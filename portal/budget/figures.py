"""What the portal itself knows of financed actions over a period: entries, people, hours, places. Counts only, never a name.

An entry is a line `occupee` that follows a held place; a place carried to the convention that renews is neither an exit
nor an entry (docs/adr/0017). A person counts from the day of entry to the day before the exit.
"""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum, auto
from functools import cache
from typing import Any

from sqlalchemy import Date, Subquery, Uuid, and_, bindparam, case, func, literal, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from portal.budget.models import FicheFinancedAction
from portal.conventions.models import FinancedAction, Movement, PlaceChange, PlaceMovement
from portal.prescriptions.models import HoursDone, Prescription

_OUT = (Movement.LIBEREE, Movement.UTILISEE)
# What is told when a statement runs: the first and last day of the period, and the ids it is about.
_DEBUT, _FIN = bindparam("debut", type_=Date()), bindparam("fin", type_=Date())
_IDS = bindparam("ids", expanding=True, type_=Uuid())


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a group of actions over a period; places are those at the end of its last day."""

    entrees: int = 0
    sorties: int = 0
    # Different people with an occupied place on a day of the period.
    personnes: int = 0
    # Those of them whose first entry ever, in any offer of the portal, is one of these entries.
    nouveaux: int = 0
    minutes: int = 0
    financees: int = 0
    retenues: int = 0
    occupees: int = 0
    utilisees: int = 0

    @property
    def libres(self) -> int:
        """Financed places that nobody had at the end; below zero when more was taken than financed."""
        return self.financees - self.retenues - self.occupees - self.utilisees


def of_actions(
    session: Session, action_ids: Collection[uuid.UUID], debut: date, fin: date
) -> dict[uuid.UUID, Figures]:
    """Return {action: its figures from `debut` to `fin`, both included}."""
    found = _grouped(session, _Scope.ACTION, action_ids, debut, fin)
    return {action_id: found.get(action_id, Figures()) for action_id in action_ids}


def of_conventions(
    session: Session, convention_ids: Collection[uuid.UUID], debut: date, fin: date
) -> dict[uuid.UUID, Figures]:
    """Return {convention with a partner: the figures of its actions together}."""
    found = _grouped(session, _Scope.CONVENTION, convention_ids, debut, fin)
    return {convention_id: found.get(convention_id, Figures()) for convention_id in convention_ids}


def of_fiches(
    session: Session,
    fiche_ids: Collection[uuid.UUID],
    debut: date,
    fin: date,
    only: Collection[str] | None = None,
) -> dict[uuid.UUID, Figures]:
    """Return {action sheet: the figures of the financed actions that carry it out, together}.

    With `only`, the names of the figures that are shown, the statements of the others are spared.
    """
    found = _grouped(session, _Scope.FICHE, fiche_ids, debut, fin, only)
    return {fiche_id: found.get(fiche_id, Figures()) for fiche_id in fiche_ids}


def together(session: Session, action_ids: Collection[uuid.UUID], debut: date, fin: date) -> Figures:
    """Return the figures of these actions as one: somebody who is in two of them is one person."""
    return _grouped(session, _Scope.TOGETHER, action_ids, debut, fin).get(0, Figures())


class _Scope(Enum):
    """What figures are told by: the pairs `key`, `action_id`. An action may be of several keys."""

    ACTION = auto()
    CONVENTION = auto()
    FICHE = auto()
    TOGETHER = auto()

    def pairs(self) -> Any:
        """Return the statement of the pairs of the ids that are bound."""
        if self is _Scope.FICHE:
            key = col(FicheFinancedAction.fiche_id)
            return select(key.label("key"), col(FicheFinancedAction.action_id).label("action_id")).where(
                key.in_(_IDS)
            )
        if self is _Scope.CONVENTION:
            key = col(FinancedAction.convention_id)
            return _scope(key).where(key.in_(_IDS))
        action = col(FinancedAction.id)
        return _scope(action if self is _Scope.ACTION else literal(0)).where(action.in_(_IDS))


def _grouped(
    session: Session,
    scope: _Scope,
    ids: Collection[uuid.UUID],
    debut: date,
    fin: date,
    only: Collection[str] | None = None,
) -> Mapping[Any, Figures]:
    """Return {key: figures} in six statements at most, whatever the number of actions.

    A key whose actions have no figure may be absent.
    """
    bound = {"ids": list(ids), "debut": debut, "fin": fin}
    told: dict[Any, dict[str, int]] = {}
    for statement, names in _statements(scope):
        if only is not None and not set(names) & set(only):
            continue
        for key, *values in session.execute(statement, bound):
            here = told.setdefault(key, {})
            for name, value in zip(names, values, strict=True):
                here[name] = here.get(name, 0) + int(value or 0)
    return {key: Figures(**values) for key, values in told.items()}


@cache
def _statements(scope: _Scope) -> list[tuple[Any, tuple[str, ...]]]:
    """Return the statements of a scope, with the figures that each counts; made once: it costs as much as running them."""
    within = scope.pairs().subquery("within")
    return [
        (_movements(within), ("entrees", "sorties", "retenues", "occupees", "utilisees")),
        (_people(within), ("personnes",)),
        (_newcomers(within), ("nouveaux",)),
        (_minutes(within), ("minutes",)),
        (_financed(within), ("financees",)),
        (_changes(within), ("financees",)),
    ]


def _scope(key: Any) -> Any:
    return select(key.label("key"), col(FinancedAction.id).label("action_id"))


def _entered(line: Any) -> Any:
    # One carried from another convention was occupied already: it takes nothing from those held.
    return and_(col(line.movement) == Movement.OCCUPEE, col(line.d_retenues) == -1)


def _movements(within: Subquery) -> Any:
    line = PlaceMovement
    in_period = col(line.effet_le) >= _DEBUT
    out = and_(col(line.movement).in_(_OUT), col(line.d_occupees) == -1, col(line.motif).is_(None))
    return (
        select(  # type: ignore[call-overload]
            within.c.key,
            func.sum(case((and_(in_period, _entered(line)), 1), else_=0)),
            func.sum(case((and_(in_period, out), 1), else_=0)),
            func.sum(col(line.d_retenues)),
            func.sum(col(line.d_occupees)),
            func.sum(col(line.d_utilisees)),
        )
        .join(line, col(line.action_id) == within.c.action_id)
        .where(col(line.effet_le) <= _FIN)
        .group_by(within.c.key)
    )


def _people(within: Subquery) -> Any:
    line, out = PlaceMovement, aliased(PlaceMovement)
    gone = (
        select(out.id)
        .where(
            col(out.prescription_id) == col(line.prescription_id),
            col(out.action_id) == col(line.action_id),
            col(out.movement).in_(_OUT),
            col(out.effet_le) <= _DEBUT,
        )
        .exists()
    )
    return (
        select(within.c.key, func.count(col(Prescription.beneficiary_id).distinct()))
        .join(line, col(line.action_id) == within.c.action_id)
        .join(Prescription, col(Prescription.id) == col(line.prescription_id))
        .where(col(line.movement) == Movement.OCCUPEE, col(line.effet_le) <= _FIN)
        # Entered and left on the same day of the period: was there. Only earlier entries ask what became of them.
        .where(or_(col(line.effet_le) >= _DEBUT, ~gone))
        .group_by(within.c.key)
    )


def _newcomers(within: Subquery) -> Any:
    line, before = PlaceMovement, aliased(Prescription)
    earlier = (
        select(before.id)
        .where(
            col(before.beneficiary_id) == col(Prescription.beneficiary_id),
            col(before.date_entree) < col(Prescription.date_entree),
        )
        .exists()
    )
    return (
        select(within.c.key, func.count(col(Prescription.beneficiary_id).distinct()))
        .join(line, col(line.action_id) == within.c.action_id)
        .join(Prescription, col(Prescription.id) == col(line.prescription_id))
        .where(_entered(line), col(line.effet_le) >= _DEBUT, col(line.effet_le) <= _FIN, ~earlier)
        .group_by(within.c.key)
    )


def _minutes(within: Subquery) -> Any:
    """Hours of the weeks whose Monday is in the period, each told once.

    That of the last action entered by that Monday; the first one when the week is that of the entry, or before it.
    """
    line, other = PlaceMovement, aliased(PlaceMovement)
    monday = col(HoursDone.semaine)
    better = (
        select(other.id)
        .where(
            col(other.prescription_id) == col(line.prescription_id),
            col(other.movement) == Movement.OCCUPEE,
            col(other.id) != col(line.id),
            or_(
                and_(col(other.effet_le) > col(line.effet_le), col(other.effet_le) <= monday),
                and_(col(line.effet_le) > monday, col(other.effet_le) < col(line.effet_le)),
            ),
        )
        .exists()
    )
    return (
        select(within.c.key, func.sum(col(HoursDone.minutes)))
        .join(line, col(line.action_id) == within.c.action_id)
        .join(HoursDone, col(HoursDone.prescription_id) == col(line.prescription_id))
        .where(col(line.movement) == Movement.OCCUPEE, monday >= _DEBUT, monday <= _FIN, ~better)
        .group_by(within.c.key)
    )


def _financed(within: Subquery) -> Any:
    return (
        select(within.c.key, func.sum(col(FinancedAction.places_financees)))
        .join(FinancedAction, col(FinancedAction.id) == within.c.action_id)
        .group_by(within.c.key)
    )


def _changes(within: Subquery) -> Any:
    return (
        select(within.c.key, func.sum(col(PlaceChange.d_financees)))
        .join(PlaceChange, col(PlaceChange.action_id) == within.c.action_id)
        .where(col(PlaceChange.effet_le) <= _FIN)
        .group_by(within.c.key)
    )
