"""When alerts leave, to whom, and what a failure leaves as it was."""

import time
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from portal import clock, jobs
from portal.accounts.models import User
from portal.accounts.rules import queue_mail
from portal.catalogue import alerts, saved
from portal.catalogue.models import Frequence, KnownService, SavedSearch
from portal.config import Config
from portal.db import Database
from tests.catalogue.alerting import BEGUN, LATER, MONTHLY, NEVER, WEEKLY, MoveClock, Run, keep, mails
from tests.factories.accounts import make_user
from tests.factories.catalogue import index as make_index
from tests.factories.catalogue import known_service
from tests.factories.offers import make_offer
from tests.races.databases import own_database


@pytest.mark.parametrize(
    ("frequence", "kept_on", "first"),
    [
        (WEEKLY, date(2026, 3, 3), date(2026, 3, 10)),
        (MONTHLY, date(2026, 3, 3), date(2026, 4, 3)),
        # The last day of a month stands for all those that it lacks.
        (MONTHLY, date(2026, 1, 31), date(2026, 2, 28)),
        (NEVER, date(2026, 3, 3), None),
    ],
)
def test_the_day_it_is_due(
    session: Session,
    run: Run,
    move_clock: MoveClock,
    frequence: Frequence,
    kept_on: date,
    first: date | None,
) -> None:
    move_clock(kept_on.year, kept_on.month, kept_on.day, 9)
    keep(session, make_user(session), frequence=frequence)
    move_clock(kept_on.year, kept_on.month, kept_on.day, 10)
    make_offer(session)
    told = []
    for days in range(40):
        day = kept_on + timedelta(days=days)
        # A little earlier each day: the day counts, not the hour.
        move_clock(day.year, day.month, day.day, 8)
        if run() != "0 searches looked at, 0 people told":
            told.append(day)
    assert told[:1] == ([first] if first else [])
    assert len(mails(session)) == (1 if first else 0)


def test_a_closed_account_is_told_nothing(session: Session, run: Run, move_clock: MoveClock) -> None:
    move_clock(*BEGUN)
    user = make_user(session)
    keep(session, user)
    user.is_active = False
    move_clock(*LATER)
    make_offer(session)
    move_clock(2026, 3, 10, 8)
    assert run() == "0 searches looked at, 0 people told"
    assert mails(session) == []


@pytest.mark.parametrize("change", ["stopped", "deleted", "closed", "told"])
def test_what_changed_while_the_job_ran_is_respected(
    session: Session,
    database: Database,
    run: Run,
    move_clock: MoveClock,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
) -> None:
    move_clock(*BEGUN)
    user = make_user(session)
    search_id = keep(session, user).id
    move_clock(*LATER)
    make_offer(session)
    session.commit()
    looked = alerts.news_of

    def then_changed(*args: Any, **values: Any) -> Any:
        found = looked(*args, **values)
        with database.writing() as other:
            search = other.get_one(SavedSearch, search_id)
            if change == "stopped":
                saved.stop_alerts(other, search)
            elif change == "deleted":
                saved.delete_search(other, search)
            elif change == "closed":
                other.get_one(User, search.user_id).is_active = False
            else:
                search.seen_until += timedelta(seconds=1)
        return found

    monkeypatch.setattr(alerts, "news_of", then_changed)
    move_clock(2026, 3, 10, 8)
    assert run() == "0 searches looked at, 0 people told"
    assert mails(session) == []


def test_one_search_that_fails_does_not_keep_others_from_their_message(
    session: Session, run: Run, move_clock: MoveClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    move_clock(*BEGUN)
    unlucky, other = make_user(session), make_user(session)
    keep(session, unlucky, nom="Malchance")
    keep(session, other)
    move_clock(*LATER)
    make_offer(session)
    looked = alerts.news_of

    def fails_once(session: Session, snapshot: Any, search: SavedSearch, **values: Any) -> Any:
        if search.nom == "Malchance":
            raise ValueError("a surprise")
        return looked(session, snapshot, search, **values)

    monkeypatch.setattr(alerts, "news_of", fails_once)
    move_clock(2026, 3, 10, 8)
    assert run() == "1 searches looked at, 1 people told, 1 failed"
    assert [mail.recipient for mail in mails(session)] == [other.courriel]
    # It is tried again the next time.
    monkeypatch.setattr(alerts, "news_of", looked)
    assert run() == "1 searches looked at, 1 people told"
    assert {mail.recipient for mail in mails(session)} == {unlucky.courriel, other.courriel}


def test_a_message_that_cannot_be_written_leaves_its_searches_as_they_were(
    session: Session, run: Run, move_clock: MoveClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = move_clock(*BEGUN)
    search = keep(session, make_user(session))
    move_clock(*LATER)
    make_offer(session)

    def refused(*_args: Any, **_values: Any) -> None:
        raise OSError("no room left")

    monkeypatch.setattr(alerts, "queue_mail", refused)
    move_clock(2026, 3, 10, 8)
    assert run() == "0 searches looked at, 0 people told, 1 failed"
    session.refresh(search)
    assert (search.seen_until, search.alerted_at) == (begun, None)
    monkeypatch.setattr(alerts, "queue_mail", queue_mail)
    assert run() == "1 searches looked at, 1 people told"


def test_another_slug_of_ours_is_followed(
    session: Session, database: Database, config: Config, move_clock: MoveClock
) -> None:
    move_clock(*BEGUN)
    keep(session, make_user(session))
    move_clock(*LATER)
    make_offer(session)
    session.commit()
    session.expire_all()
    move_clock(2026, 3, 10, 8)
    other = replace(config, source="portail-autre")
    assert jobs.JOBS["alertes"](database, other) == "1 searches looked at, 1 people told"


def test_an_import_that_is_still_being_written_is_told_the_next_time(
    engine_name: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    config: Config,
) -> None:
    """Its services bear a moment that has passed when they are seen at last."""
    with own_database(engine_name, request, tmp_path) as database:
        with clock.stopped_at(clock.now() - timedelta(days=20)), database.writing() as session:
            keep(session, make_user(session), "thematique=numerique")
        job = partial(jobs.JOBS["alertes"], database, config)
        with database.sessions() as importing:
            if engine_name == "postgresql":
                known_service(importing, key="1")
                time.sleep(0.1)
                assert job() == "1 searches looked at, 0 people told"
            else:
                # There the job waits for the import: it cannot begin while another writes.
                known_service(importing, key="1")
            make_index(importing)
            importing.commit()
        if engine_name == "postgresql":
            with database.writing() as session:
                search = session.exec(select(SavedSearch)).one()
                service = session.exec(select(KnownService)).one()
                assert search.seen_until < service.received_at
                # A week passes.
                search.seen_until -= timedelta(days=8)
                service.received_at -= timedelta(days=8)
        assert job() == "1 searches looked at, 1 people told"
