"""Hours really done: the weeks that may be declared, and what was declared of them."""

import uuid
from collections.abc import Collection
from datetime import date, timedelta

from sqlmodel import Session, col, func, select

from portal import clock
from portal.prescriptions.models import HoursDone, Prescription

_WEEK = timedelta(days=7)


def monday_of(day: date) -> date:
    """Return the Monday of the week of `day`."""
    return day - timedelta(days=day.weekday())


def weeks_inside(prescription: Prescription) -> list[date]:
    """Return the Mondays of the weeks the person was in the action, this one included, the latest first."""
    entry = prescription.date_entree
    if entry is None:
        return []
    week = monday_of(min(prescription.date_sortie or clock.today(), clock.today()))
    weeks = []
    while week >= monday_of(entry):
        weeks.append(week)
        week -= _WEEK
    return weeks


def declared(session: Session, prescription_id: uuid.UUID, weeks: Collection[date]) -> dict[date, int]:
    """Return the minutes declared for those of these weeks (Mondays) that were, in one statement."""
    if not weeks:
        return {}
    rows = session.execute(
        select(col(HoursDone.semaine), col(HoursDone.minutes)).where(
            col(HoursDone.prescription_id) == prescription_id, col(HoursDone.semaine).in_(list(weeks))
        )
    )
    return {row[0]: int(row[1]) for row in rows}


def total(session: Session, prescription_id: uuid.UUID) -> int:
    """Return the minutes declared for a prescription since the entry."""
    statement = select(func.coalesce(func.sum(HoursDone.minutes), 0)).where(
        col(HoursDone.prescription_id) == prescription_id
    )
    return int(session.exec(statement).one())
