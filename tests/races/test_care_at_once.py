"""Two presses of one button, at the same instant: kept once, and nobody meets an error."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from portal.accounts.models import User
from portal.db import Database
from portal.offers import favourites, signalements
from portal.offers.models import Favourite, Offer, Signalement
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.races.databases import own_database
from tests.races.workers import race

pytestmark = pytest.mark.xdist_group("races")


@pytest.fixture
def arena(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of its own, with its tables."""
    with own_database(engine_name, request, tmp_path) as database:
        yield database


def keep(database: Database, start: Callable[[], object], user_id: uuid.UUID, offer_id: uuid.UUID) -> str:
    """Press the star."""
    start()
    with database.writing() as session:
        favourites.keep(session, session.get_one(User, user_id), session.get_one(Offer, offer_id))
    return "kept"


def report(database: Database, start: Callable[[], object], user_id: uuid.UUID, offer_id: uuid.UUID) -> str:
    """Send a report."""
    start()
    with database.writing() as session:
        _, is_new = signalements.report(
            session,
            session.get_one(Offer, offer_id),
            motifs=["prix"],
            commentaire=None,
            by=session.get_one(User, user_id),
        )
    return "new" if is_new else "completed"


def test_a_star_pressed_twice_is_kept_once(arena: Database) -> None:
    with arena.writing() as session:
        user_id, offer_id = make_user(session).id, make_offer(session).id
    url = arena.engine.url.render_as_string(hide_password=False)
    assert race(url, keep, [(user_id, offer_id)] * 4) == ["kept"] * 4
    with arena.session(read_only=True) as session:
        assert len(session.exec(select(Favourite)).all()) == 1


def test_a_report_sent_twice_is_one_report(arena: Database) -> None:
    with arena.writing() as session:
        user_id, offer_id = make_user(session).id, make_offer(session).id
    url = arena.engine.url.render_as_string(hide_password=False)
    said = race(url, report, [(user_id, offer_id)] * 4)
    assert sorted(said) == ["completed"] * 3 + ["new"]
    with arena.session(read_only=True) as session:
        assert len(session.exec(select(Signalement)).all()) == 1
