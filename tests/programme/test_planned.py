"""What a week plans: hours of prescriptions, activities and meetings, on the days that are theirs."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import Session

from portal.beneficiaries.models import Beneficiary
from portal.prescriptions import answers
from portal.prescriptions import rules as prescription_rules
from portal.prescriptions.seats import Meeting
from portal.prescriptions.states import State
from portal.programme import reading
from portal.programme.weeks import WEEK
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.prescriptions import make_prescription, make_scene
from tests.programme.hands import MONDAY, add, by, week_of
from tests.programme.prescribed import prescribed


@pytest.fixture(autouse=True)
def _now(move_clock: Any) -> None:
    """Saturday 21 November 2026, the week of MONDAY."""
    move_clock(2026, 11, 21, 10)


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
