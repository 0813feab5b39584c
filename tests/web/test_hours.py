"""A plain week, to and from OpenStreetMap's text; the parser that readers use is the judge."""

import random
from datetime import datetime, timedelta

import pytest
from opening_hours import OpeningHours

from portal.web import hours
from portal.web.hours import DAY, Span, Week

# A week without a public holiday, and one with 14 July 2026, a Tuesday.
ORDINARY = datetime(2026, 6, 15)  # noqa: DTZ001 -- hours are those of the wall
BASTILLE_WEEK = datetime(2026, 7, 13)  # noqa: DTZ001
STEP = timedelta(minutes=30)


def week(holidays: bool = False, **days: list[tuple[str, str]]) -> Week:
    """week(mo=[("09:00", "12:00")])"""
    named = [days.get(code.lower(), []) for code in hours.DAYS]
    return Week(tuple(tuple((minutes(a), minutes(b)) for a, b in spans) for spans in named), holidays)


def minutes(text: str) -> int:
    found = hours.read_time(text)
    assert found is not None
    return found


def a_week(dice: random.Random) -> Week:
    """Any week: each day of up to four spans on the half hour, days often alike."""

    def a_day() -> tuple[Span, ...]:
        marks = sorted(dice.sample(range(0, DAY + 1, 30), 2 * dice.choice([0, 0, 1, 1, 2, 2, 3, 4])))
        return tuple(zip(marks[::2], marks[1::2], strict=True))

    kinds = [a_day() for _ in range(dice.randint(1, 3))]
    return Week(tuple(dice.choice(kinds) for _ in range(7)), dice.random() < 0.5)


def disagreements(text: str, told: Week) -> list[datetime]:
    """The half hours of two weeks at which the parser and the week do not say the same."""
    parsed = OpeningHours(text, country="FR")
    found = []
    for monday in (ORDINARY, BASTILLE_WEEK):
        for step in range(7 * 48):
            moment = monday + step * STEP
            at = moment.hour * 60 + moment.minute
            is_open = any(start <= at < end for start, end in told.days[moment.weekday()])
            if told.closed_on_holidays and (moment.month, moment.day) == (7, 14):
                is_open = False
            if parsed.is_open(moment) != is_open:
                found.append(moment)
    return found


def test_what_is_written_is_read_back_the_same_and_means_it() -> None:
    dice = random.Random(35)
    for number in range(300):
        made = a_week(dice)
        text = hours.write(made)
        assert hours.read(text) == made, text
        assert len(text) <= 500
        if not text:
            continue
        assert hours.is_readable(text), text
        if number % 6 == 0 and any(made.days):
            assert not disagreements(text, made), text


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (week(), ""),
        (week(holidays=True), "PH off"),
        (week(tu=[("09:00", "12:00")]), "Tu 09:00-12:00"),
        (
            week(
                holidays=True,
                **{d: [("09:00", "12:00"), ("14:00", "17:00")] for d in ("mo", "tu", "we", "th", "fr")},
                sa=[("09:00", "12:00")],
            ),
            "Mo-Fr 09:00-12:00,14:00-17:00; Sa 09:00-12:00; PH off",
        ),
        (week(mo=[("9h", "12h")], we=[("9h", "12h")]), "Mo,We 09:00-12:00"),
        (week(mo=[("9h", "12h")], tu=[("9h", "12h")]), "Mo,Tu 09:00-12:00"),
        (
            week(**{d: [("9h", "12h")] for d in ("mo", "tu", "we", "fr")}, th=[("14h", "17h")]),
            "Mo-We,Fr 09:00-12:00; Th 14:00-17:00",
        ),
        (Week((((0, DAY),),) * 7), "24/7"),
        (Week((((0, DAY),),) * 7, True), "Mo-Su 00:00-24:00; PH off"),
        (week(fr=[("18:00", "24:00")]), "Fr 18:00-24:00"),
    ],
)
def test_text_is_short_and_always_the_same(told: Week, text: str) -> None:
    assert hours.write(told) == text
    assert hours.read(text) == told


@pytest.mark.parametrize(
    ("text", "same_as"),
    [
        ("Mo,We 09:00-12:00", "Mo,We 09:00-12:00"),
        ("Mo-Fr 09:00-12:00, Sa 10:00-12:00", "Mo-Fr 09:00-12:00; Sa 10:00-12:00"),
        ("Mo-Fr 09:00-12:00, We 14:00-17:00", "Mo,Tu,Th,Fr 09:00-12:00; We 09:00-12:00,14:00-17:00"),
        ("Mo-Fr 09:00-12:00; We 14:00-17:00", "Mo,Tu,Th,Fr 09:00-12:00; We 14:00-17:00"),
        ("Mo-Su 09:00-12:00; Su off", "Mo-Sa 09:00-12:00"),
        ("09:00-17:00", "Mo-Su 09:00-17:00"),
        ("mo-fr 9:00-12:00;PH closed", "Mo-Fr 09:00-12:00; PH off"),
        ("Mo-Fr 08:30-12:30 ; Su,PH off", "Mo-Fr 08:30-12:30; PH off"),
        ("Mo-Fr 08:30-12:30, PH off", "Mo-Fr 08:30-12:30; PH off"),
        ("Mo 14:00-17:00,09:00-12:00", "Mo 09:00-12:00,14:00-17:00"),
        ("Mo 09:00-12:00, 14:00-17:00", "Mo 09:00-12:00,14:00-17:00"),
        ("Sa-Mo 10:00-12:00", "Mo,Sa,Su 10:00-12:00"),
        ("24/7; PH off", "Mo-Su 00:00-24:00; PH off"),
        ("Fr 18:00-00:00", "Fr 18:00-24:00"),
        (" Tu 09:00-12:00 ", "Tu 09:00-12:00"),
        ("off", ""),
    ],
)
def test_what_others_write_is_read(text: str, same_as: str) -> None:
    told = hours.read(text)
    assert told is not None
    assert hours.write(told) == same_as
    assert not disagreements(text, told)


@pytest.mark.parametrize(
    "text",
    [
        "Mo 22:00-02:00",
        "Mo 22:00-26:00",
        "Mo 10:00-10:00",
        "Mo 09:00-12:00,11:00-14:00",
        "Mo 09:00-12:00, Mo 11:00-14:00",
        "Jan-Mar Mo 09:00-12:00",
        "week 1-53/2 Mo 09:00-12:00",
        'Mo 09:00-12:00 "sur rendez-vous"',
        "Mo[1] 09:00-12:00",
        "Mo 18:00+",
        "Mo sunrise-12:00",
        "PH 10:00-12:00",
        "SH off",
        "Mo-Fr,PH 09:00-12:00",
        # On a holiday that is a Monday the second rule opens again.
        "PH off; Mo 09:00-12:00",
        "Mo 09:00-12:00 || Tu 09:00-12:00",
        "Mo, We 09:00-12:00",
        "Mo-Fr",
        "Mo-Fr 09:00-12:00, We off",
        "Mo 09:00-12:00;",
        "Lu 09:00-12:00",
        "tous les matins",
        "Mo 09:75-12:00",
        "; Mo 09:00-12:00",
    ],
)
def test_what_a_week_cannot_hold_is_left_alone(text: str) -> None:
    assert hours.read(text) is None


def test_nothing_is_read_that_the_parser_refuses_or_understands_otherwise() -> None:
    """Texts put together from pieces that people write, well or badly."""
    dice = random.Random(1)
    days = ["Mo-Fr ", "Sa ", "Su,PH ", "PH ", "Mo,We ", "Sa-Mo ", "mo ", "Mo , We ", "", "Th-Sa ", "We-We "]
    spans = [
        "09:00-12:00",
        "9:00-12:00,14:00-17:00",
        "off",
        "14:00-18:00, 10:00-11:00",
        "closed",
        "22:00-06:00",
        "24/7",
        "18:00-00:00",
        "00:00-24:00",
    ]
    joints = ["; ", ";", ", ", ",", " ; ", " , "]
    read = 0
    for _ in range(3000):
        text = dice.choice(days) + dice.choice(spans)
        for _ in range(dice.randint(0, 2)):
            text += dice.choice(joints) + dice.choice(days) + dice.choice(spans)
        told = hours.read(text)
        if told is None:
            continue
        read += 1
        assert hours.is_readable(text), text
        if read % 10 == 0:
            assert not disagreements(text, told), text
    assert read > 300


@pytest.mark.parametrize(
    ("typed", "minutes_"),
    [
        ("09:00", 540),
        ("9:30", 570),
        ("9h", 540),
        ("9 h", 540),
        ("9 h 30", 570),
        ("9\u00a0h\u00a030", 570),
        ("9H30", 570),
        ("9.30", 570),
        ("9,30", 570),
        ("930", 570),
        ("0930", 570),
        ("14", 840),
        ("09:00:00", 540),
        ("0h", 0),
        ("24:00", DAY),
        ("24:01", None),
        ("25h", None),
        ("9h75", None),
        ("neuf heures", None),
        ("-1", None),
        ("", None),
        ("9:3", None),
        ("12345", None),
    ],
)
def test_times_as_people_type_them(typed: str, minutes_: int | None) -> None:
    assert hours.read_time(typed) == minutes_
