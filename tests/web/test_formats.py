"""Days, money, hours and numbers as French people read them."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from portal.phones import read_phone, show_phone
from portal.web import formats
from portal.web.forms import clean_text


def test_days() -> None:
    assert formats.day(date(2026, 3, 3)) == "mardi 3 mars 2026"
    assert formats.day(date(2026, 5, 1)) == "vendredi 1er mai 2026"
    assert formats.short_day(date(2026, 2, 1)) == "1er février 2026"
    assert formats.short_day(date(2026, 1, 21)) == "21 janvier 2026"
    assert formats.day(None) == ""


def test_moments_are_told_in_paris() -> None:
    assert (
        formats.moment(datetime(2026, 3, 3, 23, 5, tzinfo=UTC)) == "mercredi 4 mars 2026 à 0\u00a0h\u00a005"
    )
    assert (
        formats.moment(datetime(2026, 7, 3, 8, 12, tzinfo=UTC))
        == "vendredi 3 juillet 2026 à 10\u00a0h\u00a012"
    )
    late = datetime(2026, 11, 21, 23, 2, tzinfo=UTC)
    assert formats.day(late) == "dimanche 22 novembre 2026"
    assert formats.short_day(late) == formats.cell(late) == "22 novembre 2026"


def test_ago(move_clock: Callable[..., datetime]) -> None:
    move_clock(2026, 3, 10, 10)
    assert formats.ago(date(2026, 3, 10)) == "aujourd’hui"
    assert formats.ago(datetime(2026, 3, 9, 20, tzinfo=UTC)) == "hier"
    assert formats.ago(date(2026, 3, 5)) == "il y a 5 jours"
    assert formats.ago(date(2026, 1, 1)) == "le 1er janvier 2026"


@pytest.mark.parametrize(
    ("cents", "said"),
    [
        (123456, "1\u202f234,56\u00a0€"),
        (0, "0,00\u00a0€"),
        (-5, "-0,05\u00a0€"),
        (99812624, "998\u202f126,24\u00a0€"),
        (None, ""),
    ],
)
def test_euros(cents: int | None, said: str) -> None:
    assert formats.euros(cents) == said


def test_hours() -> None:
    assert formats.hours(7.5) == "7\u00a0h\u00a030"
    assert formats.hours(15) == "15\u00a0h"
    assert formats.hours(0.1) == "0\u00a0h\u00a006"


def test_numbers_and_amounts() -> None:
    assert [formats.number(value) for value in (0, -1234, 1_234_567, 1234.5, "beaucoup")] == [
        "0",
        "-1\u202f234",
        "1\u202f234\u202f567",
        "1\u202f234,50",
        "beaucoup",
    ]
    assert formats.amount(1200, " places") == "1\u202f200 places"
    assert formats.amount(7.5, write="hours") == formats.hours(7.5)
    assert formats.amount(123_450, write="euros") == formats.euros(123_450)


def test_the_plural_begins_at_two() -> None:
    assert [formats.count(n, "offre") for n in (0, 1, 2)] == ["0 offre", "1 offre", "2 offres"]
    assert formats.count(3, "place libre", "places libres") == "3 places libres"
    assert formats.count(1200, "offre") == "1\u202f200 offres"


def test_phones() -> None:
    assert show_phone("+33261910001") == "02 61 91 00 01"
    assert show_phone("3949") == "3949"
    assert show_phone("pas un numéro") == "pas un numéro"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("02 61 91 00 01", "+33261910001"),
        ("02.61.91.00.01", "+33261910001"),
        ("+33 (0)2 61 91 00 01", "+33261910001"),
        ("39 49", "3949"),
        ("02 61 91 00 01 / 06 39 98 00 01", None),
        ("02 61 91", None),
        ("appelez-nous", None),
    ],
)
def test_phones_are_read_as_people_write_them(typed: str, kept: str | None) -> None:
    assert read_phone(typed) == kept


def test_text_is_cleaned_and_lines_kept() -> None:
    assert clean_text("  a \t b\r\nc\x00 ") == "a b\nc"
    assert clean_text(3) == 3
