"""Activities, hours done, and who may write them."""

import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from portal.beneficiaries.models import AccessEntry, AccessKind
from portal.errors import ChangedMeanwhile, NotAllowed, RuleBroken
from portal.prescriptions.models import HoursDone
from portal.programme import reading, rules
from portal.programme.models import Activity, ActivityDone, WeeklyTarget
from portal.programme.weeks import WEEK
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.programme.hands import MONDAY, add, by, plan, week_of
from tests.programme.prescribed import prescribed, set_target
from tests.statements import count_statements


@pytest.fixture(autouse=True)
def _now(move_clock: Any) -> None:
    """Saturday 21 November 2026, the week of MONDAY."""
    move_clock(2026, 11, 21, 10)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"intitule": "  "}, "intitule"),
        ({"fin": MONDAY - timedelta(days=1)}, "fin"),
        ({"debut": date(1026, 11, 16)}, "debut"),
        ({"fin": date(9026, 11, 16)}, "fin"),
        ({"minutes": 0}, "minutes"),
        ({"minutes": 3601, "jours": ()}, "minutes"),
        ({"minutes": 1441}, "minutes"),
        ({"fin": MONDAY, "minutes": 1441}, "minutes"),
        ({"heure": "25:00"}, "heure"),
        ({"jours": (7,)}, "jours"),
        ({"jours": ()}, "jours"),
        ({"fin": date(2026, 11, 20), "jours": (5,)}, "jours"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(session: Session, values: dict[str, Any], field: str) -> None:
    person = make_beneficiary(session)
    with pytest.raises(RuleBroken) as refused:
        add(session, person, **values)
    assert refused.value.field == field
    assert session.exec(select(Activity)).all() == []


def test_a_past_activity_may_be_added(session: Session) -> None:
    person = make_beneficiary(session)
    add(session, person, debut=date(2025, 1, 7), fin=date(2025, 3, 4))
    assert week_of(session, person, date(2025, 2, 3)).planned == 180


def test_a_second_press_adds_nothing(session: Session) -> None:
    person = make_beneficiary(session)
    key = uuid.uuid4()
    first = rules.add_activity(session, person, plan(), by=by(session, person), id=key)
    assert rules.add_activity(session, person, plan(), by=by(session, person), id=key) is first
    other = make_beneficiary(session)
    with pytest.raises(NotAllowed):
        rules.add_activity(session, other, plan(), by=by(session, other), id=key)


def test_a_change_made_meanwhile_is_told(session: Session) -> None:
    person = make_beneficiary(session)
    activity = add(session, person)
    seen = rules.fingerprint(activity)
    rules.change_activity(session, person, activity, plan(minutes=120), by=by(session, person), seen=seen)
    assert activity.minutes == 120
    with pytest.raises(ChangedMeanwhile):
        rules.change_activity(session, person, activity, plan(minutes=60), by=by(session, person), seen=seen)
    assert activity.minutes == 120


def test_hours_done_are_written_changed_and_taken_off(session: Session) -> None:
    person = make_beneficiary(session)
    activity = add(session, person)

    def write(minutes: int | None, seen: int | None) -> None:
        rules.write_done(
            session, person, activity, by=by(session, person), week=MONDAY, minutes=minutes, seen=seen
        )

    write(150, None)
    assert week_of(session, person).done == 150
    write(150, None)
    with pytest.raises(ChangedMeanwhile):
        write(90, None)
    write(0, 150)
    assert week_of(session, person).items[0].done == 0
    write(None, 0)
    assert week_of(session, person).items[0].done is None
    assert session.exec(select(ActivityDone)).all() == []


@pytest.mark.parametrize(
    ("week", "minutes"),
    [
        (MONDAY + WEEK, 60),
        (MONDAY - WEEK, 60),
        (MONDAY + timedelta(days=1), 60),
        (MONDAY, 3601),
        (MONDAY, -1),
    ],
)
def test_hours_that_cannot_have_been_done_are_refused(session: Session, week: date, minutes: int) -> None:
    person = make_beneficiary(session)
    activity = add(session, person)
    with pytest.raises(RuleBroken):
        rules.write_done(
            session, person, activity, by=by(session, person), week=week, minutes=minutes, seen=None
        )
    assert session.exec(select(ActivityDone)).all() == []


def test_hours_done_are_never_lost_by_a_change_or_a_removal(session: Session) -> None:
    person = make_beneficiary(session)
    activity, referent = add(session, person), by(session, person)
    rules.write_done(session, person, activity, by=referent, week=MONDAY, minutes=60, seen=None)
    with pytest.raises(RuleBroken) as refused:
        rules.remove_activity(session, person, activity, by=referent)
    assert refused.value.field == "fin"
    with pytest.raises(RuleBroken) as refused:
        rules.change_activity(
            session,
            person,
            activity,
            plan(debut=MONDAY + WEEK),
            by=referent,
            seen=rules.fingerprint(activity),
        )
    assert refused.value.field == "debut"
    with pytest.raises(RuleBroken) as refused:
        rules.change_activity(
            session,
            person,
            activity,
            plan(debut=MONDAY - WEEK * 2, fin=MONDAY - WEEK),
            by=referent,
            seen=rules.fingerprint(activity),
        )
    assert refused.value.field == "fin"
    rules.write_done(session, person, activity, by=referent, week=MONDAY, minutes=None, seen=60)
    rules.remove_activity(session, person, activity, by=referent)
    assert session.exec(select(Activity)).all() == []


def test_hours_declared_by_the_structure_count(session: Session) -> None:
    _, prescription, person = prescribed(session)
    session.add(HoursDone(prescription_id=prescription.id, semaine=MONDAY, minutes=400))
    session.flush()
    assert week_of(session, person).done == 400
    assert week_of(session, person, MONDAY + WEEK).done == 0


def test_the_database_refuses_the_impossible(session: Session) -> None:
    person = make_beneficiary(session)
    for impossible in (
        WeeklyTarget(beneficiary_id=person.id, a_partir_du=MONDAY, minutes_min=2, minutes_max=1),
        Activity(beneficiary_id=person.id, kind="autre", intitule="x", debut=MONDAY, minutes=3601),
        Activity(
            beneficiary_id=person.id, kind="autre", intitule="x", debut=MONDAY, fin=MONDAY - WEEK, minutes=1
        ),
    ):
        nested = session.begin_nested()
        session.add(impossible)
        with pytest.raises(IntegrityError):
            session.flush()
        nested.rollback()


def test_nobody_else_may_write(session: Session) -> None:
    person = make_beneficiary(session)
    activity = add(session, person)
    other = make_user(session)
    for verb in (
        lambda: rules.add_activity(session, person, plan(), by=other, id=uuid.uuid4()),
        lambda: rules.change_activity(
            session, person, activity, plan(), by=other, seen=rules.fingerprint(activity)
        ),
        lambda: rules.remove_activity(session, person, activity, by=other),
        lambda: rules.write_done(session, person, activity, by=other, week=MONDAY, minutes=1, seen=None),
        lambda: rules.set_target(
            session, person, by=other, from_week=MONDAY, minutes_min=900, minutes_max=1200, reason=None
        ),
    ):
        with pytest.raises(NotAllowed):
            verb()


def test_every_verb_is_in_the_journal(session: Session) -> None:
    person = make_beneficiary(session)
    activity, referent = add(session, person), by(session, person)
    rules.change_activity(
        session, person, activity, plan(minutes=60), by=referent, seen=rules.fingerprint(activity)
    )
    rules.write_done(session, person, activity, by=referent, week=MONDAY, minutes=60, seen=None)
    set_target(session, person, 900, 1200)
    rules.write_done(session, person, activity, by=referent, week=MONDAY, minutes=None, seen=60)
    rules.remove_activity(session, person, activity, by=referent)
    written = session.exec(
        select(AccessEntry.kind).where(
            col(AccessEntry.beneficiary_id) == person.id, col(AccessEntry.kind) == AccessKind.MODIFICATION
        )
    ).all()
    assert len(written) == 6


def test_a_year_costs_as_many_statements_as_a_week(session: Session) -> None:
    person = make_beneficiary(session)
    referent = by(session, person)
    for number in range(3):
        add(session, person, intitule=f"Activité {number}", debut=MONDAY - WEEK * 60)
    sent = []
    for first in (MONDAY, MONDAY - WEEK * 51):
        session.expunge_all()
        with count_statements(session) as statements:
            read = reading.read(session, referent, person.id, first, MONDAY)
            assert read.week(first).planned == 540
        sent.append(len(statements))
    assert sent == [6, 6]
