"""What becomes of places at the present pace: worked out by hand, then against a walk day by day."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.budget.projection import WINDOW, Outlook, Pace, Projection, project, window
from portal.conventions.models import PlaceMode

DAY = date(2030, 6, 1)
ENTREE, FILE = PlaceMode.ENTREE, PlaceMode.FILE_ACTIVE


def told(**values: Any) -> Projection:
    return project(
        **{
            "mode": ENTREE,
            "financees": 20,
            "prises": 10,
            "pace": Pace(9, 0, 90),
            "date_debut": date(2030, 1, 1),
            "date_fin": date(2030, 12, 31),
            "day": DAY,
            **values,
        }
    )


def test_places_fill_with_entries_until_the_last_one() -> None:
    # One entry each ten days: ten places in a hundred days.
    assert told() == Projection(Outlook.BIENTOT_COMPLETE, 0, date(2030, 9, 9))


def test_places_sleep_when_entries_are_too_few() -> None:
    # 213 days are left, at one entry each thirty days: seven entries for ten places.
    assert told(pace=Pace(3, 0, 90)) == Projection(Outlook.DORMANTES, 3)


def test_exits_free_nothing_where_an_entry_uses_the_place_up() -> None:
    assert told(pace=Pace(9, 9, 90)) == told()


def test_a_file_active_fills_with_entries_less_exits() -> None:
    assert told(mode=FILE, pace=Pace(18, 9, 90)) == Projection(Outlook.BIENTOT_COMPLETE, 0, date(2030, 9, 9))
    # As many leave as come: what is free stays free.
    assert told(mode=FILE, pace=Pace(9, 9, 90)) == Projection(Outlook.DORMANTES, 10)
    # More leave than come: 213 days at one fewer each thirty days.
    assert told(mode=FILE, pace=Pace(6, 9, 90)) == Projection(Outlook.DORMANTES, 17)
    # Never fewer than nobody.
    assert told(mode=FILE, prises=2, pace=Pace(0, 90, 90)) == Projection(Outlook.DORMANTES, 20)


def test_nobody_came_nor_left() -> None:
    assert told(pace=Pace(0, 0, 90)) == Projection(Outlook.SANS_ENTREE, 10)


@pytest.mark.parametrize("taken", [20, 23])
def test_already_full(taken: int) -> None:
    assert told(prises=taken) == Projection(Outlook.COMPLETE)


def test_before_and_after() -> None:
    assert told(day=date(2029, 12, 31)) == Projection(Outlook.A_VENIR, 10)
    assert told(day=date(2030, 12, 31)) == Projection(Outlook.TERMINEE, 10)
    assert told(day=date(2031, 5, 1), prises=20) == Projection(Outlook.TERMINEE, 0)
    assert told(financees=0, prises=0) == Projection(Outlook.SANS_PLACE)


def test_the_last_day_that_counts() -> None:
    """Full on the very last day, and one place short one day earlier."""
    ends = told().complete_le
    assert ends is not None
    assert told(date_fin=ends) == Projection(Outlook.BIENTOT_COMPLETE, 0, ends)
    assert told(date_fin=ends - timedelta(days=1)) == Projection(Outlook.DORMANTES, 1)


def test_the_pace_is_measured_over_ninety_days_or_since_the_beginning() -> None:
    assert window(DAY, DAY) == 1
    assert window(DAY - timedelta(days=9), DAY) == 10
    assert window(DAY - timedelta(days=500), DAY) == WINDOW
    assert window(DAY + timedelta(days=5), DAY) == 1, "never a division by zero"


@given(
    mode=st.sampled_from(PlaceMode),
    financees=st.integers(0, 40),
    prises=st.integers(0, 45),
    entrees=st.integers(0, 60),
    sorties=st.integers(0, 60),
    jours=st.integers(1, WINDOW),
    left=st.integers(-5, 400),
)
def test_a_walk_day_by_day_says_the_same(
    mode: PlaceMode, financees: int, prises: int, entrees: int, sorties: int, jours: int, left: int
) -> None:
    end = DAY + timedelta(days=left)
    found = told(
        mode=mode, financees=financees, prises=prises, pace=Pace(entrees, sorties, jours), date_fin=end
    )
    assert 0 <= found.dormantes <= financees
    if financees == 0 or left <= 0 or prises >= financees:
        assert found.complete_le is None
        assert found.dormantes == (max(0, financees - prises) if left <= 0 else 0)
        return
    net = entrees if mode is ENTREE else entrees - sorties
    filled = next((n for n in range(1, left + 1) if net * n >= (financees - prises) * jours), None)
    assert found.complete_le == (None if filled is None else DAY + timedelta(days=filled))
    if filled is None:
        # What is gained or lost is counted in whole people.
        change = net * left // jours if net >= 0 else -(-net * left // jours)
        assert found.dormantes == financees - max(0, prises + change)
