"""Verbs on a person's weeks, and the weeks that follow from them."""

import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from portal.beneficiaries.models import AccessEntry, AccessKind, Beneficiary
from portal.conventions.models import FollowUpRules
from portal.errors import ChangedMeanwhile, NotAllowed, RuleBroken
from portal.prescriptions import answers
from portal.prescriptions import rules as prescription_rules
from portal.prescriptions.models import HoursDone, Prescription
from portal.prescriptions.seats import Meeting
from portal.prescriptions.states import State
from portal.programme import reading, rules
from portal.programme.models import Activity, ActivityDone, LegitimateReason, WeeklyTarget
from portal.programme.weeks import WEEK
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.programme.hands import MONDAY, add, by, plan, week_of
from tests.statements import count_statements


@pytest.fixture(autouse=True)
def _now(move_clock: Any) -> None:
    """Saturday 21 November 2026, the week of MONDAY."""
    move_clock(2026, 11, 21, 10)


def prescribed(
    session: Session, state: State = State.ENTREE, **columns: Any
) -> tuple[Scene, Prescription, Beneficiary]:
    """A prescription of 15 hours a week from Wednesday 18 November, unless told otherwise."""
    scene = make_scene(session)
    prescription = make_prescription(session, scene, state)
    for name, value in {
        "minutes_prevues": 900,
        "debut_prevu": date(2026, 11, 18),
        "fin_prevue": None,
        **columns,
    }.items():
        setattr(prescription, name, value)
    session.flush()
    return scene, prescription, session.get_one(Beneficiary, prescription.beneficiary_id)


# --- What is planned ------------------------------------------------------------------------------------------------


def test_an_entry_in_the_middle_of_a_week_counts_its_days(session: Session) -> None:
    _, _, person = prescribed(session)
    week = week_of(session, person)
    assert week.planned == 9 * 60
    assert week.items[0].part == (3, 5)
    assert week_of(session, person, MONDAY + WEEK).planned == 15 * 60
    assert week_of(session, person, MONDAY + WEEK).items[0].part is None
    assert week_of(session, person, MONDAY - WEEK).items == []


def test_an_end_in_the_middle_of_a_week_too(session: Session) -> None:
    _, _, person = prescribed(session, fin_prevue=date(2026, 11, 24))
    assert [week_of(session, person, MONDAY + WEEK * n).planned for n in range(3)] == [540, 360, 0]


@pytest.mark.parametrize(
    "state", [State.BROUILLON, State.ENVOYEE, State.A_L_ETUDE, State.REFUSEE, State.EXPIREE, State.ANNULEE]
)
def test_what_is_not_accepted_plans_nothing(session: Session, state: State) -> None:
    _, _, person = prescribed(session, state)
    assert week_of(session, person, MONDAY + WEEK).items == []


@pytest.mark.parametrize("state", [State.ACCEPTEE, State.ENTREE])
def test_what_is_accepted_plans_its_hours(session: Session, state: State) -> None:
    _, _, person = prescribed(session, state)
    assert week_of(session, person, MONDAY + WEEK).planned == 900


def test_what_is_over_plans_until_its_last_day(session: Session) -> None:
    _, _, person = prescribed(
        session,
        State.TERMINEE,
        date_entree=date(2026, 11, 2),
        debut_prevu=None,
        date_sortie=date(2026, 11, 17),
    )
    assert [week_of(session, person, MONDAY + WEEK * n).planned for n in (-2, -1, 0, 1)] == [900, 900, 360, 0]


def test_a_first_day_that_nobody_knows_is_told_apart(session: Session) -> None:
    _, prescription, person = prescribed(session, State.ACCEPTEE, debut_prevu=None)
    read = reading.read(session, by(session, person), person.id, MONDAY, MONDAY)
    assert read.week(MONDAY).items == []
    assert [p.id for p in read.without_beginning()] == [prescription.id]


def test_hours_that_nobody_wrote_are_told_apart(session: Session) -> None:
    _, prescription, person = prescribed(session, minutes_prevues=None)
    read = reading.read(session, by(session, person), person.id, MONDAY, MONDAY)
    assert read.week(MONDAY).planned == 0
    assert [p.id for p in read.without_hours(MONDAY)] == [prescription.id]
    assert read.without_hours(MONDAY - WEEK) == []


def test_hours_adjusted_for_the_person_count(session: Session) -> None:
    scene, prescription, person = prescribed(session, State.ACCEPTEE)
    prescription_rules.adjust_week(
        session, prescription, by=scene.referent, minutes=450, debut=MONDAY, fin=None
    )
    assert week_of(session, person).planned == 450


def test_meetings_stand_on_their_day(session: Session, move_clock: Any) -> None:
    scene = make_scene(session)
    prescription = make_prescription(session, scene, State.A_L_ETUDE)
    person = session.get_one(Beneficiary, prescription.beneficiary_id)
    at = move_clock(2026, 11, 21, 10) + timedelta(days=3)
    answers.agree_meeting(session, prescription, by=scene.partner, meeting=Meeting(at=at, place="Redon"))
    assert [m.heure for m in week_of(session, person, MONDAY + WEEK).meetings] == ["11:00"]
    assert week_of(session, person).meetings == []
    prescription_rules.cancel(session, prescription, by=scene.referent)
    assert week_of(session, person, MONDAY + WEEK).meetings == []


def test_activities_of_each_week_and_of_one_day(session: Session) -> None:
    person = make_beneficiary(session)
    add(session, person)
    add(
        session,
        person,
        intitule="Mairie",
        debut=date(2026, 11, 19),
        fin=date(2026, 11, 19),
        jours=(),
        minutes=60,
    )
    add(session, person, intitule="Libre", debut=date(2026, 11, 19), jours=(), heure=None, minutes=300)
    week = week_of(session, person)
    assert {item.title: item.planned for item in week.items} == {
        "Jardin partagé": 180,
        "Mairie": 60,
        "Libre": 120,
    }
    assert [[slot.title for slot in slots] for _, slots in week.days()] == [
        [],
        ["Jardin partagé"],
        [],
        ["Mairie"],
        [],
        [],
        [],
    ]
    following = week_of(session, person, MONDAY + WEEK)
    assert {item.title: item.planned for item in following.items} == {"Jardin partagé": 180, "Libre": 300}


def test_an_activity_counts_its_own_days(session: Session) -> None:
    person = make_beneficiary(session)
    add(session, person, debut=date(2026, 11, 18), jours=(0, 2), minutes=240)
    assert week_of(session, person).planned == 120
    assert week_of(session, person).items[0].part == (1, 2)
    add(
        session,
        person,
        intitule="Marché",
        debut=MONDAY,
        fin=date(2026, 11, 29),
        jours=(5, 6),
        heure=None,
        minutes=60,
    )
    assert week_of(session, person, MONDAY + WEEK).planned == 300


def test_weeks_of_the_end_of_a_year_go_on(session: Session) -> None:
    person = make_beneficiary(session)
    add(
        session,
        person,
        debut=date(2026, 12, 28),
        fin=date(2027, 1, 5),
        jours=(0, 1, 2, 3, 4),
        heure=None,
        minutes=500,
    )
    assert [week_of(session, person, date(2026, 12, 28) + WEEK * n).planned for n in (-1, 0, 1, 2)] == [
        0,
        500,
        200,
        0,
    ]


def test_weeks_where_clocks_change_are_like_others(session: Session) -> None:
    person = make_beneficiary(session)
    add(session, person, debut=date(2026, 3, 1), jours=(5, 6), heure="02:30", minutes=120)
    for monday in (date(2026, 3, 23), date(2026, 3, 30), date(2026, 10, 19), date(2026, 10, 26)):
        assert week_of(session, person, monday).planned == 120


# --- Verbs ----------------------------------------------------------------------------------------------------------


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


# --- What is aimed at ----------------------------------------------------------------------------------------------


def set_target(
    session: Session,
    person: Beneficiary,
    low: int,
    high: int,
    day: date = MONDAY,
    reason: LegitimateReason | None = None,
) -> WeeklyTarget:
    return rules.set_target(
        session,
        person,
        by=by(session, person),
        from_week=day,
        minutes_min=low,
        minutes_max=high,
        reason=reason,
    )


def test_the_usual_hours_are_the_departements(session: Session) -> None:
    person = make_beneficiary(session)
    target = week_of(session, person).target
    assert (target.minutes_min, target.minutes_max, target.since) == (900, 1200, None)
    session.add(FollowUpRules(heures_min=10, heures_max=12))
    session.flush()
    assert week_of(session, person).target.minutes_min == 600


def test_a_target_holds_from_its_week_to_the_next_one(session: Session) -> None:
    person = make_beneficiary(session)
    set_target(session, person, 300, 600, date(2026, 11, 19), LegitimateReason.GARDE)
    set_target(session, person, 900, 1200, MONDAY + WEEK * 2)
    targets = [week_of(session, person, MONDAY + WEEK * n).target for n in range(-1, 4)]
    assert [t.minutes_min for t in targets] == [900, 300, 300, 900, 900]
    assert [t.raison for t in targets] == [
        None,
        "Pas de garde d’enfants",
        "Pas de garde d’enfants",
        None,
        None,
    ]
    assert [t.since for t in targets] == [None, MONDAY, MONDAY, MONDAY + WEEK * 2, MONDAY + WEEK * 2]


def test_a_second_target_for_one_week_replaces_the_first(session: Session) -> None:
    person = make_beneficiary(session)
    set_target(session, person, 0, 0, reason=LegitimateReason.HOSPITALISATION)
    set_target(session, person, 600, 900, MONDAY + timedelta(days=6), LegitimateReason.PROGRESSIVE)
    assert len(session.exec(select(WeeklyTarget)).all()) == 1
    assert week_of(session, person).target.raison == "Reprise progressive"


@pytest.mark.parametrize(
    ("low", "high", "reason", "field"),
    [
        (300, 600, None, "raison"),
        (900, 1200, LegitimateReason.ARRET, "raison"),
        (1200, 900, None, "minutes_max"),
        (900, 3601, None, "minutes_max"),
        (-1, 900, LegitimateReason.ARRET, "minutes_max"),
    ],
)
def test_a_target_that_cannot_be_is_refused(
    session: Session, low: int, high: int, reason: LegitimateReason | None, field: str
) -> None:
    person = make_beneficiary(session)
    with pytest.raises(RuleBroken) as refused:
        set_target(session, person, low, high, reason=reason)
    assert refused.value.field == field
    assert session.exec(select(WeeklyTarget)).all() == []


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


# --- Who may, and what is written down ------------------------------------------------------------------------------


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
