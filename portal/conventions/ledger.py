"""The ledger of places, the only truth about them: what is free is what it leaves of what is financed.

Lines are added, never changed. Each bears the day it counts from, so that any past day can be told again, and what it
changes in each tally, so that a sum is a state (docs/adr/0003, 0015). The verbs that write it are in `taking`.
"""

import uuid
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from itertools import accumulate
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Date, Uuid, and_, bindparam, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, select

from portal import clock
from portal.conventions.models import (
    FinancedAction,
    Movement,
    PlaceChange,
    PlaceMovement,
)

# A place goes through these in this order; of the last two, one happens.
MOVEMENT_ORDER = (Movement.RETENUE, Movement.OCCUPEE, Movement.LIBEREE, Movement.UTILISEE)
# The place is somebody's.
HELD = frozenset({Movement.RETENUE, Movement.OCCUPEE})


# A line of the ledger: a record, or a row of its action_id, movement, at and effet_le.
Line = TypeVar("Line", bound=Any)


@dataclass(frozen=True, slots=True)
class ActionPlaces:
    """Places of an action on a day; `financees` has the amendments in, `surreservation` comes on top for holding only."""

    financees: int
    retenues: int
    occupees: int
    utilisees: int
    surreservation: int = 0
    # Financed places that an amendment already written takes away on a day to come.
    bientot_retirees: int = 0
    # What the amendments already written add, less what they take away, on days to come.
    a_venir: int = field(default=0, compare=False)

    @property
    def libres(self) -> int:
        """Financed places that nobody has; below zero when more is taken than financed."""
        return self.financees - self.prises

    @property
    def prenables(self) -> int:
        """Places that can still be held, those beyond the financed ones included; never below zero.

        A place that an amendment will take away is not given: somebody would be in it that day.
        """
        return max(0, self.libres + self.surreservation - self.bientot_retirees)

    @property
    def prises(self) -> int:
        """Places held, occupied or used up."""
        return self.retenues + self.occupees + self.utilisees


def places_of_actions(
    session: Session, actions: Collection[FinancedAction], day: date | None = None
) -> dict[uuid.UUID, ActionPlaces]:
    """Return the places of each action by its id, in two statements: as they stand, or at the end of a past `day`."""
    if not actions:
        return {}
    given: dict[str, Any] = {"ids": [action.id for action in actions]}
    moved = session.execute(_tallies(day is not None), given if day is None else {**given, "day": day})
    tallies = {row[0]: (int(row[1]), int(row[2]), int(row[3])) for row in moved}
    today = day or clock.today()
    changes: dict[uuid.UUID, list[tuple[date, int]]] = {}
    for action_id, effet_le, change in session.execute(_changes(), given):
        changes.setdefault(action_id, []).append((effet_le, change))
    found = {}
    for action in actions:
        mine = changes.get(action.id, [])
        financed = action.places_financees + sum(change for since, change in mine if since <= today)
        later = list(accumulate((change for since, change in mine if since > today), initial=0))
        held, occupied, used = tallies.get(action.id, (0, 0, 0))
        found[action.id] = ActionPlaces(
            financed,
            held,
            occupied,
            used,
            surreservation=action.surreservation,
            bientot_retirees=-min(later),
            a_venir=later[-1],
        )
    return found


# Made once, then given actions and a day: making a statement costs more than running it.
_IDS = bindparam("ids", expanding=True, type_=Uuid())


@cache
def _tallies(on_a_day: bool) -> Any:
    moved = (
        select(
            col(PlaceMovement.action_id),
            func.sum(PlaceMovement.d_retenues),
            func.sum(PlaceMovement.d_occupees),
            func.sum(PlaceMovement.d_utilisees),
        )
        .where(col(PlaceMovement.action_id).in_(_IDS))
        .group_by(col(PlaceMovement.action_id))
    )
    return moved.where(col(PlaceMovement.effet_le) <= bindparam("day", type_=Date())) if on_a_day else moved


@cache
def _changes() -> Any:
    return (
        select(col(PlaceChange.action_id), col(PlaceChange.effet_le), col(PlaceChange.d_financees))
        .where(col(PlaceChange.action_id).in_(_IDS))
        .order_by(col(PlaceChange.effet_le), col(PlaceChange.at), col(PlaceChange.id))
    )


@dataclass(frozen=True, slots=True)
class Timeline:
    """The places of an action on any day: what is financed, held, occupied and used from which day on.

    The tallies have one value more than their days: the first is that of the days before them all.
    """

    changed_on: list[date]
    financed: list[int]
    moved_on: list[date]
    held: list[int]
    occupied: list[int]
    used: list[int]
    surreservation: int

    @property
    def days(self) -> set[date]:
        """The days at whose end the places differ from the day before."""
        return {*self.changed_on, *self.moved_on}

    def on(self, day: date) -> ActionPlaces:
        """Return the places at the end of `day`."""
        at = bisect_right(self.moved_on, day)
        return ActionPlaces(
            self.financed[bisect_right(self.changed_on, day)],
            self.held[at],
            self.occupied[at],
            self.used[at],
            self.surreservation,
        )


def timeline(session: Session, action: FinancedAction) -> Timeline:
    """Return the places of an action over time, in two statements."""
    moves = session.execute(
        select(
            col(PlaceMovement.effet_le),
            func.sum(PlaceMovement.d_retenues),
            func.sum(PlaceMovement.d_occupees),
            func.sum(PlaceMovement.d_utilisees),
        )
        .where(col(PlaceMovement.action_id) == action.id)
        .group_by(col(PlaceMovement.effet_le))
        .order_by(col(PlaceMovement.effet_le))
    ).all()
    changes = session.execute(
        select(col(PlaceChange.effet_le), col(PlaceChange.d_financees))
        .where(col(PlaceChange.action_id) == action.id)
        .order_by(col(PlaceChange.effet_le))
    ).all()
    held, occupied, used = ([*accumulate((int(row[n]) for row in moves), initial=0)] for n in (1, 2, 3))
    return Timeline(
        changed_on=[row[0] for row in changes],
        financed=[*accumulate((row[1] for row in changes), initial=action.places_financees)],
        moved_on=[row[0] for row in moves],
        held=held,
        occupied=occupied,
        used=used,
        surreservation=action.surreservation,
    )


def places_on_days(session: Session, action: FinancedAction, days: Sequence[date]) -> list[ActionPlaces]:
    """Return the places of an action at the end of each of these days, in two statements."""
    told = timeline(session, action)
    return [told.on(day) for day in days]


def changes_of(session: Session, action_id: uuid.UUID) -> list[PlaceChange]:
    """Return what amendments add to an action or take from it, by the day they take effect."""
    return list(
        session.exec(
            select(PlaceChange)
            .where(col(PlaceChange.action_id) == action_id)
            .order_by(col(PlaceChange.effet_le), col(PlaceChange.at), col(PlaceChange.id))
        )
    )


def places_moved(session: Session, action_id: uuid.UUID) -> bool:
    """Say whether the ledger holds a line of this action."""
    return (
        session.exec(
            select(PlaceMovement.id).where(col(PlaceMovement.action_id) == action_id).limit(1)
        ).first()
        is not None
    )


def last_movement(session: Session, prescription_id: uuid.UUID) -> PlaceMovement | None:
    """Return the line of the ledger that says where the place of a prescription stands (see `latest`)."""
    return latest(
        session.exec(select(PlaceMovement).where(col(PlaceMovement.prescription_id) == prescription_id)).all()
    )


def latest(lines: Iterable[Line]) -> Line | None:
    """Return, of the lines of one prescription, the one that says where its place stands; None without lines.

    A place that was carried to the convention that renews has lines in two actions: the one still open tells, or the
    one told last when both are over.
    """
    by_action: dict[uuid.UUID, Line] = {}
    for line in lines:
        known = by_action.get(line.action_id)
        if known is None or _step(line) > _step(known):
            by_action[line.action_id] = line
    return max(
        by_action.values(),
        key=lambda line: (line.movement in HELD, line.at, line.effet_le, _step(line)),
        default=None,
    )


def open_lines(session: Session, action_ids: Collection[uuid.UUID]) -> list[PlaceMovement]:
    """Return the lines of the places that are somebody's now in these actions, the oldest first, in one statement."""
    after = aliased(PlaceMovement)
    over = col(after.movement).in_([Movement.LIBEREE, Movement.UTILISEE])
    entered = and_(col(PlaceMovement.movement) == Movement.RETENUE, col(after.movement) == Movement.OCCUPEE)
    later = (
        select(after.id)
        .where(
            col(after.prescription_id) == col(PlaceMovement.prescription_id),
            col(after.action_id) == col(PlaceMovement.action_id),
            or_(over, entered),
        )
        .exists()
    )
    return list(
        session.exec(
            select(PlaceMovement)
            .where(
                col(PlaceMovement.action_id).in_(list(action_ids)),
                col(PlaceMovement.movement).in_(list(HELD)),
                ~later,
            )
            .order_by(col(PlaceMovement.effet_le), col(PlaceMovement.at), col(PlaceMovement.id))
        )
    )


def still_held() -> ColumnElement[bool]:
    """The condition on `PlaceMovement` that its place is held now, in this action, by somebody who has not entered."""
    after = aliased(PlaceMovement)
    later = (
        select(after.id)
        .where(
            col(after.prescription_id) == col(PlaceMovement.prescription_id),
            col(after.action_id) == col(PlaceMovement.action_id),
            col(after.movement) != Movement.RETENUE,
        )
        .exists()
    )
    return and_(col(PlaceMovement.movement) == Movement.RETENUE, ~later)


def _step(line: Any) -> int:
    return MOVEMENT_ORDER.index(line.movement)
