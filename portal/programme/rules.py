"""Verbs on a person's weeks. Each is the référent's own, and is written in the access journal of the file."""

import hashlib
import re
import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import User
from portal.beneficiaries import rules as beneficiary_rules
from portal.beneficiaries.models import AccessKind, Beneficiary
from portal.errors import ChangedMeanwhile, NotAllowed, RuleBroken
from portal.programme.models import Activity, ActivityDone, ActivityKind, LegitimateReason, WeeklyTarget
from portal.programme.reading import usual_target
from portal.programme.weeks import MAX_WEEK_MINUTES, days_inside, monday_of, touches

_HOUR = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Plan:
    """What is said of an activity; the fields are those of `Activity`. Once: `fin` is `debut`."""

    kind: ActivityKind
    intitule: str
    debut: date
    fin: date | None
    jours: tuple[int, ...]
    heure: str | None
    minutes: int


def add_activity(session: Session, person: Beneficiary, plan: Plan, *, by: User, id: uuid.UUID) -> Activity:
    """Add an activity to the person's weeks and return it; it may be over already.

    `id` is made with the form: a second press bears the same one and returns the activity already added.
    Raises NotAllowed when `by` does not follow the person or `id` is another's, RuleBroken for a plan that cannot be.
    """
    _check_referent(person, by)
    added = _added_before(session, id, person)
    if added is not None:
        return added
    _check(plan)
    activity = Activity(
        id=id, beneficiary_id=person.id, by_id=by.id, **_columns(plan), created_at=clock.now()
    )
    try:
        with session.begin_nested():
            session.add(activity)
    except IntegrityError:
        # The first press was written between our look and our writing.
        added = _added_before(session, id, person)
        if added is None:
            raise
        return added
    _journal(session, person, by)
    return activity


def change_activity(
    session: Session, person: Beneficiary, activity: Activity, plan: Plan, *, by: User, seen: str
) -> None:
    """Give the activity this plan. `seen` is the `fingerprint` of what was shown.

    Raises as `add_activity` does; ChangedMeanwhile when it is no longer what was shown; RuleBroken when hours done
    would be left outside its dates.
    """
    _check_referent(person, by)
    _check(plan)
    _lock(session, person)
    session.refresh(activity)
    if fingerprint(activity) != seen:
        raise ChangedMeanwhile(
            "Cette activité a été modifiée entre-temps, peut-être dans un autre onglet : relisez vos réponses. "
            "Si vous enregistrez de nouveau, elles remplaceront les précédentes."
        )
    outside = [week for week in _weeks_done(session, activity) if not touches(week, plan.debut, plan.fin)]
    if outside:
        raise RuleBroken(
            "Des heures faites sont notées hors de ces dates : corrigez les dates, ou effacez d’abord ces heures.",
            field="debut" if outside[0] < plan.debut else "fin",
        )
    for name, value in _columns(plan).items():
        setattr(activity, name, value)
    session.flush()
    _journal(session, person, by)


def remove_activity(session: Session, person: Beneficiary, activity: Activity, *, by: User) -> None:
    """Take an activity off every week. Raises NotAllowed, and RuleBroken when hours done are written for it."""
    _check_referent(person, by)
    _lock(session, person)
    if _weeks_done(session, activity):
        raise RuleBroken(
            "Des heures faites sont notées pour cette activité : donnez-lui plutôt un dernier jour, ces heures resteront.",
            field="fin",
        )
    session.delete(activity)
    session.flush()
    _journal(session, person, by)


def write_done(
    session: Session,
    person: Beneficiary,
    activity: Activity,
    *,
    by: User,
    week: date,
    minutes: int | None,
    seen: int | None,
) -> None:
    """Write the minutes really done of an activity in the week of the Monday `week`; None takes them off.

    `seen` is what was shown before. Raises NotAllowed; ChangedMeanwhile when it is no longer what is written;
    RuleBroken for a day that is no Monday, a week to come or without the activity, or more than 60 hours.
    """
    _check_referent(person, by)
    _lock(session, person)
    if week.weekday() != 0:
        raise RuleBroken("Choisissez un lundi.")
    if week > clock.today():
        raise RuleBroken("Cette semaine n’a pas commencé : notez les heures une fois faites.")
    if not touches(week, activity.debut, activity.fin):
        raise RuleBroken("Cette activité n’a pas lieu cette semaine-là.")
    if minutes is not None and not 0 <= minutes <= MAX_WEEK_MINUTES:
        raise RuleBroken("Écrivez entre 0 et 60 heures.")
    found = session.exec(
        select(ActivityDone).where(
            col(ActivityDone.activity_id) == activity.id, col(ActivityDone.semaine) == week
        )
    ).one_or_none()
    written = found.minutes if found else None
    if written == minutes:
        return
    if written != seen:
        raise ChangedMeanwhile("Ces heures ont été modifiées entre-temps : relisez-les, puis enregistrez.")
    if minutes is None:
        session.delete(found)
    elif found is None:
        session.add(ActivityDone(activity_id=activity.id, semaine=week, minutes=minutes, by_id=by.id))
    else:
        found.minutes, found.updated_at, found.by_id = minutes, clock.now(), by.id
    session.flush()
    _journal(session, person, by)


def set_target(
    session: Session,
    person: Beneficiary,
    *,
    by: User,
    from_week: date,
    minutes_min: int,
    minutes_max: int,
    reason: LegitimateReason | None,
) -> WeeklyTarget:
    """Aim at these minutes a week from the week of `from_week` on; a second time for one week replaces the first.

    Raises NotAllowed; RuleBroken for hours out of order or over 60, for fewer than the département's without a reason
    (domain §4.6), and for a reason that lowers nothing.
    """
    _check_referent(person, by)
    if not 2000 <= from_week.year <= 2099:
        raise RuleBroken("Relisez l’année.", field="a_partir_du")
    if minutes_max > MAX_WEEK_MINUTES or minutes_min < 0:
        raise RuleBroken("Écrivez entre 0 et 60 heures par semaine.", field="minutes_max")
    if minutes_max < minutes_min:
        raise RuleBroken("Le maximum est plus petit que le minimum : corrigez-les.", field="minutes_max")
    lowers = minutes_min < usual_target(session).minutes_min
    if lowers and reason is None:
        raise RuleBroken(
            "C’est moins que l’objectif du département : choisissez la raison dans la liste.", field="raison"
        )
    if reason is not None and not lowers:
        raise RuleBroken(
            "Ces heures ne sont pas moins que l’objectif du département : choisissez « Aucune ».",
            field="raison",
        )
    _lock(session, person)
    monday = monday_of(from_week)
    target = session.exec(
        select(WeeklyTarget).where(
            col(WeeklyTarget.beneficiary_id) == person.id, col(WeeklyTarget.a_partir_du) == monday
        )
    ).one_or_none()
    if target is None:
        target = WeeklyTarget(
            beneficiary_id=person.id, a_partir_du=monday, minutes_min=minutes_min, minutes_max=minutes_max
        )
        session.add(target)
    target.minutes_min, target.minutes_max, target.raison = minutes_min, minutes_max, reason
    target.at, target.by_id = clock.now(), by.id
    session.flush()
    _journal(session, person, by)
    return target


def fingerprint(activity: Activity) -> str:
    """Return a mark of what an activity says; another plan has another mark."""
    said = repr(
        (
            activity.kind.value,
            activity.intitule,
            activity.debut,
            activity.fin,
            sorted(activity.jours or ()),
            activity.heure,
            activity.minutes,
        )
    )
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _check(plan: Plan) -> None:
    once = plan.fin == plan.debut
    if not plan.intitule.strip():
        raise RuleBroken("Écrivez ce que c’est.", field="intitule")
    if not 2000 <= plan.debut.year <= 2099:
        raise RuleBroken("Relisez l’année.", field="debut")
    if plan.fin is not None and plan.fin.year > 2099:
        raise RuleBroken("Relisez l’année.", field="fin")
    if plan.fin is not None and plan.fin < plan.debut:
        raise RuleBroken("Le dernier jour est avant le premier : corrigez les dates.", field="fin")
    if plan.heure is not None and not _HOUR.fullmatch(plan.heure):
        raise RuleBroken("Écrivez une heure de la journée, par exemple 14 h 30.", field="heure")
    if not 1 <= plan.minutes <= MAX_WEEK_MINUTES:
        raise RuleBroken("Écrivez une durée de 60 heures par semaine au plus.", field="minutes")
    if not set(plan.jours) <= set(range(7)):
        raise RuleBroken("Choisissez des jours de la semaine.", field="jours")
    if plan.minutes > _DAY_MINUTES * (1 if once else len(plan.jours) or 7):
        raise RuleBroken("C’est plus de 24 heures par jour : corrigez la durée.", field="minutes")
    if plan.heure is not None and not once and not plan.jours:
        raise RuleBroken("Choisissez aussi les jours, ou laissez l’heure vide.", field="jours")
    if plan.fin is not None and plan.jours and not once:
        weeks = {monday_of(plan.debut), monday_of(plan.fin), monday_of(plan.debut + timedelta(days=7))}
        if not any(days_inside(week, plan.debut, plan.fin, plan.jours) for week in weeks):
            raise RuleBroken("Aucun de ces jours n’est entre les deux dates.", field="jours")


def _columns(plan: Plan) -> dict[str, Any]:
    once = plan.fin == plan.debut
    return {
        "kind": plan.kind,
        "intitule": plan.intitule.strip(),
        "debut": plan.debut,
        "fin": plan.fin,
        "jours": None if once else sorted(set(plan.jours)) or None,
        "heure": plan.heure,
        "minutes": plan.minutes,
    }


def _weeks_done(session: Session, activity: Activity) -> list[date]:
    found = session.execute(
        select(col(ActivityDone.semaine))
        .where(col(ActivityDone.activity_id) == activity.id)
        .order_by(col(ActivityDone.semaine))
    )
    return list(found.scalars())


def _added_before(session: Session, id: uuid.UUID, person: Beneficiary) -> Activity | None:
    found = session.get(Activity, id)
    if found is not None and found.beneficiary_id != person.id:
        raise NotAllowed("Cette activité n’est pas de ce dossier : rouvrez la page et recommencez.")
    return found


def _lock(session: Session, person: Beneficiary) -> None:
    # Whoever else writes in this programme waits until this is written.
    session.execute(select(col(Beneficiary.id)).where(col(Beneficiary.id) == person.id).with_for_update())


def _check_referent(person: Beneficiary, by: User) -> None:
    if person.referent_id != by.id:
        raise NotAllowed("Seul le référent de la personne peut modifier son programme.")


def _journal(session: Session, person: Beneficiary, by: User) -> None:
    beneficiary_rules.journal(session, person.id, by=by, kind=AccessKind.MODIFICATION)
