"""The demo on any day: it loads, each role finds something alive, and `jobs run` tells once what there is to tell."""

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from data_inclusion.schema.v1 import services, structures
from sqlmodel import Session, col, func, select

from portal import clock, demo, jobs
from portal.accounts import rules as account_rules
from portal.accounts.models import OutgoingMail, User
from portal.budget import bilans, expenses, follow
from portal.budget.bilan_models import BilanState
from portal.budget.models import StateConvention
from portal.config import Config
from portal.conventions import waiting
from portal.conventions.engagements import PartnerReport, ReportState
from portal.conventions.ledger import ActionPlaces, places_of_actions
from portal.conventions.models import Convention, FinancedAction
from portal.conventions.states import Standing
from portal.db import Database
from portal.demo import elsewhere
from portal.demo.days import workday
from portal.offers.models import Offer, OfferSession
from portal.prescriptions import attention
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import State
from tests.demo.reading import everyone
from tests.races.databases import own_database

# Loaded once for each engine in each process: together on one worker.
pytestmark = pytest.mark.xdist_group("demo")

# By the calendar of Paris: a first day of a year, a month that begins while it is still February in Greenwich, the last
# second of a year, the end of a month longer than the one six months before.
DAYS = [
    pytest.param(("sqlite", datetime(2027, 1, 1, 11, tzinfo=UTC)), id="sqlite-new-year"),
    pytest.param(("sqlite", datetime(2028, 2, 29, 23, 10, tzinfo=UTC)), id="sqlite-after-midnight"),
    pytest.param(("sqlite", datetime(2030, 12, 31, 22, 59, 59, 999_999, UTC)), id="sqlite-last-second"),
    pytest.param(("postgresql", datetime(2029, 8, 31, 9, tzinfo=UTC)), id="postgresql-end-of-august"),
]


class _Calendar(date):
    """The calendar of the machine, which the schema's package goes by, at the clock that the test stopped."""

    @classmethod
    def today(cls) -> "_Calendar":
        return cls.fromordinal(clock.now().date().toordinal())


@pytest.fixture(params=DAYS)
def that_day(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Database]:
    """The demo in a database of its own, loaded on a day; the clock then stands there."""
    engine_name, moment = request.param
    monkeypatch.setattr(clock, "_source", lambda: moment)
    for module in (services, structures, elsewhere):
        monkeypatch.setattr(module, "date", _Calendar)
    with own_database(engine_name, request, tmp_path) as database:
        with database.writing() as writing:
            demo.load(writing)
        yield database


def test_each_role_finds_something_alive_and_is_told_once(
    that_day: Database, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    # Loaded once for all of it: that is what costs.
    with that_day.session(read_only=True) as session:
        _both_sides_have_prescriptions_to_see_to(session)
        _places_are_free_held_occupied_and_waited_for(session)
        _conventions_run_and_their_reports_are_due(session)
        _the_state_finances_this_year(session)
        _offers_are_fresh_and_their_sessions_to_come(session)
    with caplog.at_level(logging.WARNING):
        told = [_run(that_day, config) for _ in range(2)]
    assert caplog.messages == []
    assert told[0] > 0
    assert told[1] == told[0]


def _both_sides_have_prescriptions_to_see_to(session: Session) -> None:
    prescriptions = everyone(session, Prescription)
    assert {p.state for p in prescriptions} == set(State)
    for slug in ("ervp", "apase"):
        structure_id = demo.demo_id("structure", slug)
        assert any(p.structure_id == structure_id and p.state is State.ENVOYEE for p in prescriptions)
    for local in ("referent", "partenaire"):
        news = attention.news_among(session, _user(session, local), [p.id for p in prescriptions])
        assert sum(of_one.messages for of_one in news.values()) >= 1
    met = {p.rendez_vous_at.astimezone(clock.PARIS).date() for p in prescriptions if p.rendez_vous_at}
    assert workday(clock.today() + timedelta(days=1)) in met


def _places_are_free_held_occupied_and_waited_for(session: Session) -> None:
    places: list[ActionPlaces] = list(places_of_actions(session, everyone(session, FinancedAction)).values())
    for name in ("libres", "retenues", "occupees"):
        assert any(getattr(of_one, name) for of_one in places), name
    offer_id = demo.demo_id("offre", "volant")
    first, second = session.exec(waiting.in_order(offer_id)).all()
    proposals = waiting.proposals_of(session, offer_id)
    assert proposals[first.id].expires_at > clock.now()
    assert second.id not in proposals


def _conventions_run_and_their_reports_are_due(session: Session) -> None:
    today = clock.today()
    conventions = everyone(session, Convention)
    for convention in conventions:
        assert convention.numero.startswith(f"35-{convention.date_debut.year}-")
        assert 365 <= (convention.date_fin - convention.date_debut).days + 1 <= 366
    standing = [convention.standing_on(today) for convention in conventions]
    assert standing.count(Standing.ACTIVE) == len(demo.CONVENTIONS)
    assert {Standing.BROUILLON, Standing.ECHUE} < set(standing)
    reports = everyone(session, PartnerReport)
    waits = [report.du_le for report in reports if report.state is ReportState.A_REMETTRE]
    assert any(today <= day <= today + timedelta(days=15) for day in waits)
    assert len([day for day in waits if day < today]) == 1
    assert any(report.state is ReportState.REMIS for report in reports)
    officer = _user(session, "conventionnement")
    rows = [(a, c, nom) for a, c, nom in session.execute(follow.running(officer, today))]
    watched = follow.watched(follow.of_actions(session, rows, today), None)
    assert 0 < len(watched) < len(rows)


def _the_state_finances_this_year(session: Session) -> None:
    today = clock.today()
    active = [c for c in everyone(session, StateConvention) if c.standing_on(today) is Standing.ACTIVE]
    assert active
    waits = [one for c in active for one in bilans.expected(session, c, today) if one.waits]
    assert any(not one.late_on(today) for one in waits)
    assert not any(one.late_on(today) for one in waits)
    assert any(
        one.bilan is not None and one.bilan.state is not BilanState.PREPARATION
        for c in everyone(session, StateConvention)
        for one in bilans.expected(session, c, today)
    )
    assert any(
        expenses.statement(session, c, year).montant for c in active for year in (today.year - 1, today.year)
    )


def _offers_are_fresh_and_their_sessions_to_come(session: Session) -> None:
    today = clock.today()
    assert all(offer.date_maj <= today for offer in everyone(session, Offer))
    assert all(today < one.debut < one.fin for one in everyone(session, OfferSession))


def _run(database: Database, config: Config) -> int:
    """Run every job, and return how many messages were written since the demo was loaded."""
    for job in jobs.JOBS.values():
        job(database, config)
    with database.session(read_only=True) as session:
        return session.exec(select(func.count(col(OutgoingMail.id)))).one()


def _user(session: Session, local: str) -> User:
    user = account_rules.find_user(session, f"{local}@demo.example.org")
    assert user is not None
    return user
