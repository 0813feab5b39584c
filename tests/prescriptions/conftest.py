"""What several files of tests of prescriptions ask for."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from tests.prescriptions.reminded import START, At


@pytest.fixture
def at(move_clock: Callable[..., datetime]) -> At:
    """Move the clock so many days, hours and minutes after the start."""

    def move(days: float, **more: int) -> None:
        move_clock(*(START + timedelta(days=days, **more)).timetuple()[:6])

    move(0)
    return move
