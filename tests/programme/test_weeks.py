"""The calendar of weeks and what they add up to, without a database."""

import uuid
from datetime import UTC, date, datetime

import pytest

from portal.programme.picture import bar, picture
from portal.programme.weeks import (
    WORKING_DAYS,
    Item,
    Meeting,
    Target,
    Week,
    days_inside,
    last_mondays,
    monday_of,
    read_week,
    share,
    write_week,
)

MONDAY = date(2026, 11, 16)
USUAL = Target(15 * 60, 20 * 60)


def item(
    title: str = "Atelier",
    planned: int = 0,
    done: int | None = None,
    days: tuple[int, ...] = (),
    heure: str | None = None,
    each: int = 0,
) -> Item:
    return Item(uuid.uuid4(), title, "", planned, done, False, days, heure, each)


@pytest.mark.parametrize(
    ("text", "monday"),
    [
        ("2026-W47", date(2026, 11, 16)),
        ("2026-W53", date(2026, 12, 28)),
        ("2027-W01", date(2027, 1, 4)),
        ("2025-W01", date(2024, 12, 30)),
        ("2025-W53", None),
        ("2026-W00", None),
        ("2026-47", None),
        ("9999-W10", None),
        ("", None),
        (None, None),
        ("２０２６-W47", None),
    ],
)
def test_a_week_is_read(text: str | None, monday: date | None) -> None:
    assert read_week(text) == monday


@pytest.mark.parametrize(
    ("day", "code"),
    [
        (date(2026, 12, 31), "2026-W53"),
        (date(2027, 1, 3), "2026-W53"),
        (date(2027, 1, 4), "2027-W01"),
        (date(2024, 12, 31), "2025-W01"),
        (date(2026, 3, 29), "2026-W13"),
        (date(2026, 10, 25), "2026-W43"),
    ],
)
def test_years_end_as_iso_says(day: date, code: str) -> None:
    assert write_week(monday_of(day)) == code
    assert read_week(code) == monday_of(day)


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        (date(2026, 11, 1), None, (0, 1, 2, 3, 4)),
        (date(2026, 11, 18), None, (2, 3, 4)),
        (date(2026, 11, 1), date(2026, 11, 17), (0, 1)),
        (date(2026, 11, 21), None, ()),
        (date(2026, 11, 23), None, ()),
        (date(2026, 11, 18), date(2026, 11, 18), (2,)),
    ],
)
def test_the_days_of_a_week_that_count(start: date, end: date | None, days: tuple[int, ...]) -> None:
    assert days_inside(MONDAY, start, end, WORKING_DAYS) == days


def test_a_part_of_a_week_has_its_share() -> None:
    assert share(15 * 60, (2, 3, 4), WORKING_DAYS) == 9 * 60
    assert share(600, (), WORKING_DAYS) == 0
    assert share(600, (), ()) == 0
    assert share(100, (0,), (0, 2, 4)) == 33


def test_totals_and_what_is_missing() -> None:
    week = Week(MONDAY, [item(planned=600, done=540), item(planned=120), item(planned=0, done=30)], [], USUAL)
    assert (week.planned, week.done, week.missing, week.beyond) == (720, 570, 180, 0)
    full = Week(MONDAY, [item(planned=1500)], [], USUAL)
    assert (full.missing, full.beyond) == (0, 300)


def test_the_days_hold_what_is_fixed_by_hour() -> None:
    late = item("Bénévolat", days=(1,), heure="14:30", each=60)
    any_time = item("Démarche", days=(1,), each=30)
    meeting = Meeting(uuid.uuid4(), datetime(2026, 11, 17, 8, 0, tzinfo=UTC), "Atelier CV", "Redon")
    week = Week(MONDAY, [any_time, late, item("Sans jour", planned=60)], [meeting], USUAL)
    tuesday = week.days()[1]
    assert tuesday[0] == date(2026, 11, 17)
    assert [(slot.heure, slot.title) for slot in tuesday[1]] == [
        ("09:00", "Rendez-vous : Atelier CV"),
        ("14:30", "Bénévolat"),
        (None, "Démarche"),
    ]
    assert [slots for day, slots in week.days() if day != date(2026, 11, 17)] == [[]] * 6
    assert [line.title for line in week.varying] == ["Sans jour"]


@pytest.mark.parametrize(
    ("moment", "day", "hour"),
    [
        # The nights when clocks change in Paris: 29 March and 25 October 2026.
        (datetime(2026, 3, 29, 0, 30, tzinfo=UTC), date(2026, 3, 29), "01:30"),
        (datetime(2026, 3, 29, 1, 30, tzinfo=UTC), date(2026, 3, 29), "03:30"),
        (datetime(2026, 3, 29, 22, 30, tzinfo=UTC), date(2026, 3, 30), "00:30"),
        (datetime(2026, 10, 25, 22, 30, tzinfo=UTC), date(2026, 10, 25), "23:30"),
        (datetime(2026, 10, 25, 23, 30, tzinfo=UTC), date(2026, 10, 26), "00:30"),
    ],
)
def test_a_meeting_is_on_its_day_in_paris(moment: datetime, day: date, hour: str) -> None:
    meeting = Meeting(uuid.uuid4(), moment, "", None)
    assert (meeting.day, meeting.heure) == (day, hour)


def test_weeks_where_clocks_change_have_seven_days() -> None:
    for monday in (date(2026, 3, 23), date(2026, 10, 19)):
        week = Week(monday, [item(days=tuple(range(7)), heure="02:30", each=60)], [], USUAL)
        assert [len(slots) for _, slots in week.days()] == [1] * 7
        assert week.sunday == week.days()[-1][0]


def test_what_is_at_the_same_moment_is_said() -> None:
    morning = item("Formation", days=(0, 2), heure="09:00", each=180)
    inside = item("Entretien", days=(2,), heure="11:30", each=30)
    after = item("Repas", days=(2,), heure="12:00", each=60)
    week = Week(MONDAY, [after, inside, morning], [], USUAL)
    assert [(day.day, a.title, b.title) for day, a, b in week.overlaps()] == [(18, "Formation", "Entretien")]


def test_a_meeting_without_length_takes_an_hour() -> None:
    meeting = Meeting(uuid.uuid4(), datetime(2026, 11, 16, 8, 0, tzinfo=UTC), "Accueil", None)
    near, far = item("A", days=(0,), heure="09:45", each=15), item("B", days=(0,), heure="10:00", each=30)
    assert [second.title for _, _, second in Week(MONDAY, [near, far], [meeting], USUAL).overlaps()] == ["A"]


def test_the_last_months() -> None:
    half = last_mondays(date(2027, 1, 2), 6)
    assert (len(half), half[-1], half[0]) == (26, date(2026, 12, 28), date(2026, 7, 6))
    year = last_mondays(date(2027, 1, 2), 12)
    assert (len(year), year[-1]) == (52, date(2026, 12, 28))
    assert {monday.weekday() for monday in year} == {0}


def test_the_picture_keeps_proportions() -> None:
    weeks = [
        Week(monday, [item(planned=planned, done=done)], [], USUAL)
        for monday, planned, done in zip(
            last_mondays(MONDAY, 6), [600, 1200] * 13, [0, 600] * 13, strict=True
        )
    ]
    drawn = picture(weeks)
    first, second = drawn.columns[:2]
    assert second.planned.height == pytest.approx(2 * first.planned.height, abs=0.2)
    assert second.done.height == pytest.approx(first.planned.height, abs=0.2)
    assert first.done.height == 0
    assert first.band.height == pytest.approx(second.planned.height / 4, abs=0.2)
    assert drawn.scale[0] == (drawn.floor, 0)
    assert drawn.scale[-1][1] == 25
    for column in drawn.columns:
        for box in (column.planned, column.done, column.band):
            assert box.x >= 0 and box.x + box.width <= drawn.width
            assert box.y >= 0 and box.y + box.height <= drawn.floor + 0.2


def test_the_bar_of_a_week_fits_its_box() -> None:
    for planned, done, target in [(0, 0, USUAL), (3600, 0, USUAL), (0, 3600, USUAL), (60, 60, Target(0, 0))]:
        drawn = bar(Week(MONDAY, [item(planned=planned, done=done)], [], target))
        assert max(drawn.planned, drawn.done, drawn.band_start + drawn.band_width) <= 1000
        assert (drawn.planned > drawn.done) == (planned > done)
