"""What happened in the actions that partners run: entries, exits, absences, people, hours. Numbers only, nobody's name.

Each function is one statement, whatever the number of actions; `ids` is a list of actions or a statement that gives
them, `since` None means from the beginning. A place carried to the convention that renews is neither an entry nor an
exit: the days before are the former action's, those after the following one's.
"""

import uuid
from datetime import date
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, and_, or_
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


def entries(session: Session, ids: Any, since: date | None, until: date) -> dict[uuid.UUID, int]:
    """Return {action: entries that count from a day of the period}."""
    return _numbers(
        session,
        select(col(PlaceMovement.action_id), func.count())
        .where(_of(ids), is_entry(), *_within(col(PlaceMovement.effet_le), since, until))
        .group_by(col(PlaceMovement.action_id)),
    )


def exits(session: Session, ids: Any, since: date | None, until: date) -> dict[uuid.UUID, dict[str, int]]:
    """Return {action: {outcome: exits}}; outcomes are values of `ExitReason`, or UNTOLD."""
    found: dict[uuid.UUID, dict[str, int]] = {}
    for action_id, reason, number in session.execute(
        select(col(PlaceMovement.action_id), col(Prescription.motif_sortie), func.count())
        .join(Prescription, col(Prescription.id) == col(PlaceMovement.prescription_id))
        .where(_of(ids), is_exit(), *_within(col(PlaceMovement.effet_le), since, until))
        .group_by(col(PlaceMovement.action_id), col(Prescription.motif_sortie))
    ):
        found.setdefault(action_id, {})[reason.value if reason else UNTOLD] = int(number)
    return found


def absences(session: Session, ids: Any, since: date | None, until: date) -> dict[uuid.UUID, int]:
    """Return {action: times that somebody who had a place did not come}."""
    left = aliased(PlaceMovement)
    carried = _carried_in()
    return _numbers(
        session,
        select(col(PlaceMovement.action_id), func.count())
        .select_from(PlaceMovement)
        .join(Transition, col(Transition.prescription_id) == col(PlaceMovement.prescription_id))
        .outerjoin(left, _carried_out(left))
        .where(
            _of(ids),
            or_(col(PlaceMovement.d_retenues) == 1, carried),
            col(Transition.act) == Act.ABSENCE,
            *_within(col(Transition.jour), since, until),
            or_(~carried, col(Transition.jour) >= col(PlaceMovement.effet_le)),
            or_(col(left.id).is_(None), col(Transition.jour) < col(left.effet_le)),
        )
        .group_by(col(PlaceMovement.action_id)),
    )


def people(session: Session, ids: Any, since: date | None, until: date) -> dict[uuid.UUID, int]:
    """Return {action: different people who were in for a day of the period at least}."""
    return _numbers(
        session,
        _inside(
            ids,
            since,
            until,
            col(PlaceMovement.action_id),
            func.count(sqlalchemy.distinct(col(Prescription.beneficiary_id))),
        ).group_by(col(PlaceMovement.action_id)),
    )


def people_of_all(session: Session, ids: Any, since: date | None, until: date) -> int:
    """Return how many different people were in any of these actions: whoever was in two counts once."""
    counted = func.count(sqlalchemy.distinct(col(Prescription.beneficiary_id)))
    return int(session.execute(_inside(ids, since, until, counted)).scalar_one())


def minutes(session: Session, ids: Any, since: date | None, until: date) -> dict[uuid.UUID, int]:
    """Return {action: minutes declared for the weeks that begin in the period}."""
    left = aliased(PlaceMovement)
    return _numbers(
        session,
        select(col(PlaceMovement.action_id), func.sum(HoursDone.minutes))
        .select_from(PlaceMovement)
        .join(HoursDone, col(HoursDone.prescription_id) == col(PlaceMovement.prescription_id))
        .outerjoin(left, _carried_out(left))
        .where(
            _of(ids),
            col(PlaceMovement.movement) == Movement.OCCUPEE,
            *_within(col(HoursDone.semaine), since, until),
            or_(~_carried_in(), col(HoursDone.semaine) >= col(PlaceMovement.effet_le)),
            or_(col(left.id).is_(None), col(HoursDone.semaine) < col(left.effet_le)),
        )
        .group_by(col(PlaceMovement.action_id)),
    )


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


def _inside(ids: Any, since: date | None, until: date, *columns: Any) -> Any:
    """Select `columns` of the entries of people who were in for a day of the period."""
    statement: Any = (
        sqlalchemy.select(*columns)
        .select_from(PlaceMovement)
        .join(Prescription, col(Prescription.id) == col(PlaceMovement.prescription_id))
        .where(
            _of(ids),
            col(PlaceMovement.movement) == Movement.OCCUPEE,
            col(PlaceMovement.effet_le) <= until,
        )
    )
    if since is None:
        return statement
    left = aliased(PlaceMovement)
    return statement.outerjoin(
        left,
        and_(
            col(left.prescription_id) == col(PlaceMovement.prescription_id),
            col(left.action_id) == col(PlaceMovement.action_id),
            col(left.movement).in_([Movement.LIBEREE, Movement.UTILISEE]),
        ),
    ).where(or_(col(left.id).is_(None), col(left.effet_le) >= since))


def _of(ids: Any) -> ColumnElement[bool]:
    return col(PlaceMovement.action_id).in_(ids)


def _within(day: Any, since: date | None, until: date) -> list[Any]:
    return [day <= until] if since is None else [day >= since, day <= until]


def _numbers(session: Session, statement: Any) -> dict[uuid.UUID, int]:
    return {row[0]: int(row[1]) for row in session.execute(statement)}
