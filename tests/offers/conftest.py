"""What the tests of freshness share: the job of a day, and of many."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import Session

from portal import jobs
from portal.config import Config
from portal.db import Database
from tests.offers.reminding import MoveClock, at, mails


@pytest.fixture
def run(session: Session, database: Database, config: Config) -> Callable[[], None]:
    """Run the job of this day, as `jobs run freshness` does."""

    def once() -> None:
        session.commit()
        jobs.JOBS["freshness"](database, config)
        session.expire_all()

    return once


@pytest.fixture
def days(move_clock: MoveClock, run: Callable[[], None], session: Session) -> Callable[[date, date], Any]:
    """Run the job each morning between two days; return [(day, subject)] of the messages that left."""

    def walk(first: date, last: date) -> list[tuple[date, str]]:
        left = []
        known = {mail.id for mail in mails(session)}
        while first <= last:
            at(move_clock, first)
            run()
            new = [mail for mail in mails(session) if mail.id not in known]
            known |= {mail.id for mail in new}
            left += [(first, mail.subject) for mail in new]
            first += timedelta(days=1)
        return left

    return walk
