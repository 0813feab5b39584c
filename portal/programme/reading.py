"""A person's weeks as they stand: everything read at once, then counted week by week."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlmodel import Session

from portal import clock
from portal.accounts.models import User
from portal.beneficiaries.dossier import WeekHours
from portal.conventions import follow_up
from portal.prescriptions import queries as prescription_queries
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import State
from portal.programme import queries
from portal.programme.models import Activity, WeeklyTarget
from portal.programme.weeks import (
    WORKING_DAYS,
    Item,
    Meeting,
    Target,
    Week,
    days_inside,
    monday_of,
    share,
    touches,
)

_UNDER_WAY = frozenset({State.ACCEPTEE, State.ENTREE})
_OVER = frozenset({State.TERMINEE, State.ABANDONNEE})
_MEET = _UNDER_WAY | _OVER | {State.ENVOYEE, State.A_L_ETUDE}

Done = dict[tuple[uuid.UUID, date], int]


@dataclass(frozen=True, slots=True)
class Programme:
    """What is known of a person's weeks over a while; `week` counts one of them."""

    prescriptions: Sequence[Prescription]
    activities: Sequence[Activity]
    targets: Sequence[WeeklyTarget]
    usual: Target
    done: Done

    def week(self, monday: date) -> Week:
        """Return the week of this Monday, which must be among those that were read."""
        items = [item for p in self.prescriptions if (item := self._of_prescription(p, monday)) is not None]
        items += [item for a in self.activities if (item := self._of_activity(a, monday)) is not None]
        meetings = [
            meeting
            for p in self.prescriptions
            if p.rendez_vous_at is not None and p.state in _MEET
            for meeting in [Meeting(p.id, p.rendez_vous_at, p.offre_nom, p.rendez_vous_lieu)]
            if monday_of(meeting.day) == monday
        ]
        return Week(monday, items, sorted(meetings, key=lambda m: m.at), self.target_of(monday))

    def target_of(self, monday: date) -> Target:
        """Return what is aimed at in this week: the last target set before its end, or the département's."""
        set_before = [t for t in self.targets if t.a_partir_du <= monday]
        if not set_before:
            return self.usual
        last = set_before[-1]
        return Target(
            last.minutes_min, last.minutes_max, last.raison.label if last.raison else None, last.a_partir_du
        )

    def without_beginning(self) -> list[Prescription]:
        """Return the prescriptions that were accepted, whose first day nobody knows yet: no week counts them."""
        return [p for p in self.prescriptions if p.state in _UNDER_WAY and _planned_span(p) is None]

    def without_hours(self, monday: date) -> list[Prescription]:
        """Return the prescriptions under way in this week whose hours nobody wrote: they count for nothing."""
        return [
            p
            for p in self.prescriptions
            if p.state in _UNDER_WAY
            and p.minutes_prevues is None
            and (span := _planned_span(p)) is not None
            and touches(monday, *span)
        ]

    def _of_prescription(self, prescription: Prescription, monday: date) -> Item | None:
        span = _planned_span(prescription)
        done = self.done.get((prescription.id, monday))
        inside = days_inside(monday, *span, WORKING_DAYS) if span else ()
        if done is None and not (span and touches(monday, *span)):
            return None
        return Item(
            id=prescription.id,
            title=prescription.offre_nom,
            detail=prescription.structure.nom,
            planned=share(prescription.minutes_prevues or 0, inside, WORKING_DAYS),
            done=done,
            is_prescription=True,
            part=(len(inside), 5) if len(inside) < 5 else None,
        )

    def _of_activity(self, activity: Activity, monday: date) -> Item | None:
        done = self.done.get((activity.id, monday))
        if not touches(monday, activity.debut, activity.fin):
            return None
        usual = days_of(activity)
        inside = days_inside(monday, activity.debut, activity.fin, usual or WORKING_DAYS)
        if not inside and done is None and usual:
            return None
        whole = usual or WORKING_DAYS
        return Item(
            id=activity.id,
            title=activity.intitule,
            detail=activity.kind.label,
            planned=share(activity.minutes, inside, whole),
            done=done,
            is_prescription=False,
            days=inside if usual else (),
            heure=activity.heure,
            each=round(activity.minutes / len(whole)) if usual else 0,
            part=(len(inside), len(whole)) if len(inside) < len(whole) else None,
        )


def days_of(activity: Activity) -> tuple[int, ...]:
    """Return the days of the week of an activity, 0 for Monday; none when they vary."""
    if activity.fin == activity.debut:
        return (activity.debut.weekday(),)
    return tuple(activity.jours or ())


def read(session: Session, user: User, beneficiary_id: uuid.UUID, first: date, last: date) -> Programme:
    """Return what is known of the person from the Monday `first` to the week of the Monday `last`, in six statements.

    Prescriptions are those that `user` may read; that `user` follows the person is the caller's to ask.
    """
    prescriptions = session.execute(prescription_queries.of_beneficiary(user, beneficiary_id)).scalars().all()
    readable = {p.id for p in prescriptions}
    activities = (
        session.execute(queries.activities_between(beneficiary_id, first, last + timedelta(days=6)))
        .scalars()
        .all()
    )
    declared = session.execute(queries.declared_hours(beneficiary_id, first, last))
    done: Done = {(row[0], row[1]): int(row[2]) for row in declared if row[0] in readable}
    for row in session.execute(queries.activity_hours(beneficiary_id, first, last)):
        done[row[0], row[1]] = int(row[2])
    return Programme(
        # The longest there first: a week keeps its order as prescriptions come and go.
        sorted(prescriptions, key=lambda p: (p.created_at, p.id)),
        activities,
        session.execute(queries.targets_of(beneficiary_id)).scalars().all(),
        usual_target(session),
        done,
    )


def usual_target(session: Session) -> Target:
    """Return the hours that the département aims at when nothing else was set for a person."""
    usual = follow_up.in_force(session)
    return Target(usual.heures_min * 60, usual.heures_max * 60)


def _planned_span(prescription: Prescription) -> tuple[date, date | None] | None:
    """Return the first and last day that a prescription fills; None when it fills none, or its first is not known.

    It goes by the plan, and stops on the day of the exit: what was planned after it is planned no longer.
    """
    entered = prescription.date_entree is not None
    if prescription.state not in _UNDER_WAY and not (prescription.state in _OVER and entered):
        return None
    start = prescription.debut_prevu or prescription.date_entree
    if start is None:
        return None
    ends = [day for day in (prescription.fin_prevue, prescription.date_sortie) if day is not None]
    end = min(ends, default=None)
    if end is not None and end < start:
        return None
    return start, end


def hours_of_this_week(session: Session, user: User, beneficiary_id: uuid.UUID) -> WeekHours:
    """Return the hours of the present week of a person whom `user` follows (see `dossier.WeekReader`)."""
    monday = monday_of(clock.today())
    week = read(session, user, beneficiary_id, monday, monday).week(monday)
    return WeekHours(week.planned, week.done, week.target.minutes_min, week.target.minutes_max)
