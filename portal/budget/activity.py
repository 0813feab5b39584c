"""What happened in the actions that partners run: entries, exits, absences, people, hours. Numbers only, nobody's name.

Each function is one statement, whatever the number of actions; `since` None means from the beginning. A place carried to the convention that renews is neither an entry nor an
exit: the days before are the former action's, those after the following one's.
"""

import uuid
from collections.abc import Collection
from datetime import date
from functools import cache
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, Date, Uuid, and_, bindparam, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, select

from portal.conventions import ledger
from portal.conventions.ledger import ActionPlaces
from portal.conventions.models import Convention, Movement, PlaceMovement
from portal.prescriptions.models import ExitReason, HoursDone, Prescription, Transition
from portal.prescriptions.states import Act

# How an exit without an outcome is kept.
UNTOLD = "sans-issue"


def is_entry() -> ColumnElement[bool]:
    """The condition on `PlaceMovement` that a person entered: a place that was held is now occupied."""
    return and_(col(PlaceMovement.movement) == Movement.OCCUPEE, col(PlaceMovement.d_retenues) == -1)


def is_exit() -> ColumnElement[bool]:
    """The condition on `PlaceMovement` that a person who was in left, and was not carried to another action."""
    return and_(
        col(PlaceMovement.movement).in_([Movement.LIBEREE, Movement.UTILISEE]),
        col(PlaceMovement.d_occupees) == -1,
        col(PlaceMovement.motif).is_(None),
    )


def entries(
    session: Session, ids: Collection[uuid.UUID], since: date | None, until: date
) -> dict[uuid.UUID, int]:
    """Return {action: entries that count from a day of the period}."""
    return _numbers(session, _entries(since is not None), ids, since, until)


def exits(
    session: Session, ids: Collection[uuid.UUID], since: date | None, until: date
) -> dict[uuid.UUID, dict[str, int]]:
    """Return {action: {outcome: exits}}; outcomes are values of `ExitReason`, or UNTOLD."""
    found: dict[uuid.UUID, dict[str, int]] = {}
    rows = session.execute(_exits(since is not None), _given(ids, since, until))
    for action_id, reason, number in rows:
        found.setdefault(action_id, {})[reason.value if reason else UNTOLD] = int(number)
    return found


def absences(
    session: Session, ids: Collection[uuid.UUID], since: date | None, until: date
) -> dict[uuid.UUID, int]:
    """Return {action: times that somebody who had a place did not come}."""
    return _numbers(session, _absences(since is not None), ids, since, until)


def people(
    session: Session, ids: Collection[uuid.UUID], since: date | None, until: date
) -> dict[uuid.UUID, int]:
    """Return {action: different people who were in for a day of the period at least}."""
    return _numbers(session, _people(since is not None), ids, since, until)


def people_of_all(session: Session, ids: Collection[uuid.UUID], since: date | None, until: date) -> int:
    """Return how many different people were in any of these actions: whoever was in two counts once."""
    rows = session.execute(_people_of_all(since is not None), _given(ids, since, until))
    return int(rows.scalar_one())


def minutes(
    session: Session, ids: Collection[uuid.UUID], since: date | None, until: date
) -> dict[uuid.UUID, int]:
    """Return {action: minutes declared for the weeks that begin in the period}."""
    return _numbers(session, _minutes(since is not None), ids, since, until)


def report_figures(session: Session, convention: Convention, since: date, until: date) -> dict[str, Any]:
    """Return what the portal knows of a convention (actions loaded) over a period, as a report keeps it frozen.

    {"debut", "fin", "actions": [{"intitule", "mode", the places at the end of `until`, "entrees", "sorties" {outcome:
    number}, "absences", "personnes", "minutes"}], "ensemble": the same numbers for all the actions, people counted once}.
    In eight statements.
    """
    actions = sorted(convention.actions, key=lambda action: (action.intitule, str(action.id)))
    ids = [action.id for action in actions]
    places = ledger.places_of_actions(session, actions, until)
    came, left = entries(session, ids, since, until), exits(session, ids, since, until)
    missed, inside = absences(session, ids, since, until), people(session, ids, since, until)
    done = minutes(session, ids, since, until)
    told: list[dict[str, Any]] = [
        {
            "intitule": action.intitule,
            "mode": action.mode.value,
            **_places(places[action.id]),
            "entrees": came.get(action.id, 0),
            "sorties": left.get(action.id, {}),
            "absences": missed.get(action.id, 0),
            "personnes": inside.get(action.id, 0),
            "minutes": done.get(action.id, 0),
        }
        for action in actions
    ]
    whole: dict[str, Any] = {
        name: sum(one[name] for one in told)
        for name in (
            "financees",
            "retenues",
            "occupees",
            "utilisees",
            "libres",
            "entrees",
            "absences",
            "minutes",
        )
    }
    whole["sorties"] = {
        reason: sum(one["sorties"].get(reason, 0) for one in told)
        for reason in sorted({reason for one in told for reason in one["sorties"]})
    }
    whole["personnes"] = people_of_all(session, ids, since, until) if ids else 0
    return {"debut": since.isoformat(), "fin": until.isoformat(), "actions": told, "ensemble": whole}


def outcome_label(reason: str) -> str:
    """Return an outcome of `exits` as the interface says it."""
    return "Issue non dite" if reason == UNTOLD else ExitReason(reason).label


def _places(places: ActionPlaces) -> dict[str, int]:
    return {
        "financees": places.financees,
        "retenues": places.retenues,
        "occupees": places.occupees,
        "utilisees": places.utilisees,
        "libres": max(0, places.libres),
    }


# Statements are made once, then given their actions and days: making one costs more than running it. `since` says
# whether the period has a first day.

_IDS = bindparam("ids", expanding=True, type_=Uuid())
_SINCE, _UNTIL = bindparam("since", type_=Date()), bindparam("until", type_=Date())


@cache
def _entries(since: bool) -> Any:
    return (
        select(col(PlaceMovement.action_id), func.count())
        .where(_of_ids(), is_entry(), *_within(col(PlaceMovement.effet_le), since))
        .group_by(col(PlaceMovement.action_id))
    )


@cache
def _exits(since: bool) -> Any:
    return (
        select(col(PlaceMovement.action_id), col(Prescription.motif_sortie), func.count())
        .join(Prescription, col(Prescription.id) == col(PlaceMovement.prescription_id))
        .where(_of_ids(), is_exit(), *_within(col(PlaceMovement.effet_le), since))
        .group_by(col(PlaceMovement.action_id), col(Prescription.motif_sortie))
    )


@cache
def _absences(since: bool) -> Any:
    left = aliased(PlaceMovement)
    carried = _carried_in()
    return (
        select(col(PlaceMovement.action_id), func.count())
        .select_from(PlaceMovement)
        .join(Transition, col(Transition.prescription_id) == col(PlaceMovement.prescription_id))
        .outerjoin(left, _carried_out(left))
        .where(
            _of_ids(),
            or_(col(PlaceMovement.d_retenues) == 1, carried),
            col(Transition.act) == Act.ABSENCE,
            *_within(col(Transition.jour), since),
            or_(~carried, col(Transition.jour) >= col(PlaceMovement.effet_le)),
            or_(col(left.id).is_(None), col(Transition.jour) < col(left.effet_le)),
        )
        .group_by(col(PlaceMovement.action_id))
    )


@cache
def _people(since: bool) -> Any:
    counted = func.count(sqlalchemy.distinct(col(Prescription.beneficiary_id)))
    return _inside(since, col(PlaceMovement.action_id), counted).group_by(col(PlaceMovement.action_id))


@cache
def _people_of_all(since: bool) -> Any:
    return _inside(since, func.count(sqlalchemy.distinct(col(Prescription.beneficiary_id))))


@cache
def _minutes(since: bool) -> Any:
    left = aliased(PlaceMovement)
    return (
        select(col(PlaceMovement.action_id), func.sum(HoursDone.minutes))
        .select_from(PlaceMovement)
        .join(HoursDone, col(HoursDone.prescription_id) == col(PlaceMovement.prescription_id))
        .outerjoin(left, _carried_out(left))
        .where(
            _of_ids(),
            col(PlaceMovement.movement) == Movement.OCCUPEE,
            *_within(col(HoursDone.semaine), since),
            or_(~_carried_in(), col(HoursDone.semaine) >= col(PlaceMovement.effet_le)),
            or_(col(left.id).is_(None), col(HoursDone.semaine) < col(left.effet_le)),
        )
        .group_by(col(PlaceMovement.action_id))
    )


def _carried_in() -> ColumnElement[bool]:
    return and_(
        col(PlaceMovement.movement) == Movement.OCCUPEE,
        col(PlaceMovement.d_retenues) == 0,
    )


def _carried_out(left: Any) -> ColumnElement[bool]:
    return and_(
        col(left.prescription_id) == col(PlaceMovement.prescription_id),
        col(left.action_id) == col(PlaceMovement.action_id),
        col(left.movement) == Movement.LIBEREE,
        col(left.motif).is_not(None),
    )


def _inside(since: bool, *columns: Any) -> Any:
    """Select `columns` of the entries of people who were in for a day of the period."""
    statement: Any = (
        sqlalchemy.select(*columns)
        .select_from(PlaceMovement)
        .join(Prescription, col(Prescription.id) == col(PlaceMovement.prescription_id))
        .where(
            _of_ids(),
            col(PlaceMovement.movement) == Movement.OCCUPEE,
            col(PlaceMovement.effet_le) <= _UNTIL,
        )
    )
    if not since:
        return statement
    left = aliased(PlaceMovement)
    return statement.outerjoin(
        left,
        and_(
            col(left.prescription_id) == col(PlaceMovement.prescription_id),
            col(left.action_id) == col(PlaceMovement.action_id),
            col(left.movement).in_([Movement.LIBEREE, Movement.UTILISEE]),
        ),
    ).where(or_(col(left.id).is_(None), col(left.effet_le) >= _SINCE))


def _of_ids() -> ColumnElement[bool]:
    return col(PlaceMovement.action_id).in_(_IDS)


def _within(day: Any, since: bool) -> list[Any]:
    return [day >= _SINCE, day <= _UNTIL] if since else [day <= _UNTIL]


def _given(ids: Collection[uuid.UUID], since: date | None, until: date) -> dict[str, Any]:
    given: dict[str, Any] = {"ids": list(ids), "until": until}
    return given if since is None else {**given, "since": since}


def _numbers(
    session: Session, statement: Any, ids: Collection[uuid.UUID], since: date | None, until: date
) -> dict[uuid.UUID, int]:
    return {row[0]: int(row[1]) for row in session.execute(statement, _given(ids, since, until))}
