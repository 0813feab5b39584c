"""What a person's weeks are made of, as statements. Who may ask is told by `beneficiaries.queries.visible_to`."""

import uuid
from datetime import date
from typing import Any

from sqlalchemy import Select, or_
from sqlmodel import col, select

from portal.prescriptions.models import HoursDone, Prescription
from portal.programme.models import Activity, ActivityDone, WeeklyTarget


def activities_between(beneficiary_id: uuid.UUID, first: date, last: date) -> Select[Any]:
    """The activities that have a day between the two, the oldest first."""
    return (
        select(Activity)
        .where(
            col(Activity.beneficiary_id) == beneficiary_id,
            col(Activity.debut) <= last,
            or_(col(Activity.fin).is_(None), col(Activity.fin) >= first),
        )
        .order_by(col(Activity.debut), col(Activity.created_at), col(Activity.id))
    )


def activity_of(beneficiary_id: uuid.UUID, activity_id: uuid.UUID) -> Select[Any]:
    """The activity, if it is this person's."""
    return select(Activity).where(
        col(Activity.id) == activity_id, col(Activity.beneficiary_id) == beneficiary_id
    )


def targets_of(beneficiary_id: uuid.UUID) -> Select[Any]:
    """The targets set for a person, the oldest first."""
    return (
        select(WeeklyTarget)
        .where(col(WeeklyTarget.beneficiary_id) == beneficiary_id)
        .order_by(col(WeeklyTarget.a_partir_du))
    )


def activity_hours(beneficiary_id: uuid.UUID, first: date, last: date) -> Select[uuid.UUID, date, int]:
    """(activity, Monday, minutes) of what was done of the person's activities in these weeks."""
    return (
        select(col(ActivityDone.activity_id), col(ActivityDone.semaine), col(ActivityDone.minutes))
        .join(Activity, col(Activity.id) == col(ActivityDone.activity_id))
        .where(col(Activity.beneficiary_id) == beneficiary_id, col(ActivityDone.semaine).between(first, last))
    )


def declared_hours(beneficiary_id: uuid.UUID, first: date, last: date) -> Select[uuid.UUID, date, int]:
    """(prescription, Monday, minutes) of what structures declared for the person in these weeks."""
    return (
        select(col(HoursDone.prescription_id), col(HoursDone.semaine), col(HoursDone.minutes))
        .join(Prescription, col(Prescription.id) == col(HoursDone.prescription_id))
        .where(
            col(Prescription.beneficiary_id) == beneficiary_id, col(HoursDone.semaine).between(first, last)
        )
    )
