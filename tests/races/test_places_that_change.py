"""Seats of a session, amendments and freed places, all at once by processes of their own, on both engines."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import Role
from portal.conventions import ledger
from portal.conventions.models import FinancedAction, PlaceProposal, Waiting
from portal.db import Database
from portal.offers.models import OfferSession
from portal.prescriptions import answers, due, rules, seats
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import State
from tests.factories.accounts import make_user
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.races import workers
from tests.races.databases import own_database
from tests.races.workers import race

# Many processes on few cores: not beside another race.
pytestmark = pytest.mark.xdist_group("races")


@pytest.fixture
def arena(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of its own, with its tables."""
    with own_database(engine_name, request, tmp_path) as database:
        yield database


def url_of(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


def places(database: Database, scene: Scene) -> ledger.ActionPlaces:
    assert scene.action is not None
    with database.session(read_only=True) as session:
        action = session.get_one(FinancedAction, scene.action.id)
        return ledger.places_of_actions(session, [action])[action.id]


def waiting_for_two(session: Session, *, line: int = 2) -> tuple[Scene, list[Prescription]]:
    """Two places freed and proposed to the first of those who wait."""
    scene = make_scene(session, places=2)
    taken = [make_prescription(session, scene, State.ACCEPTEE) for _ in range(2)]
    waiting = [make_prescription(session, scene) for _ in range(line)]
    for prescription in waiting:
        answers.put_on_waiting_list(session, prescription, by=scene.partner)
    for prescription in taken:
        rules.cancel(session, prescription, by=scene.referent)
    assert {p.id for p in due.propose_places(session, scene.offer.id)} == {p.id for p in waiting[:2]}
    return scene, waiting


def test_the_last_seats_of_a_session(arena: Database) -> None:
    with arena.writing() as session:
        scene = make_scene(session, places=8)
        course = OfferSession(offer_id=scene.offer.id, debut=clock.today() + timedelta(days=9), places=2)
        session.add(course)
        session.flush()
        entrants = [(make_prescription(session, scene).id, scene.partner.id, course.id) for _ in range(6)]
        course_id = course.id

    said = Counter(race(url_of(arena), workers.accept_into, entrants))

    assert said == {"accepted": 2, "NoPlaceLeft": 4}
    assert places(arena, scene).retenues == 2
    with arena.session(read_only=True) as session:
        assert seats.seats_taken(session, [course_id]) == {course_id: 2}


def test_places_taken_away_while_they_are_being_taken(arena: Database) -> None:
    with arena.writing() as session:
        scene = make_scene(session, places=3)
        officer = make_user(session, Role.CONVENTIONNEMENT)
        assert scene.action is not None
        entrants = [("take away", scene.action.id, officer.id, 1) for _ in range(2)]
        entrants += [("accept", make_prescription(session, scene).id, scene.partner.id) for _ in range(4)]  # type: ignore[misc]

    said = Counter(race(url_of(arena), workers.on_places, entrants))

    left = places(arena, scene)
    assert left.prises == said["accepted"] <= left.financees == 3 - said["taken away"]
    # Nothing is refused for nothing: whoever came last found every place taken or taken away.
    assert left.libres == 0
    assert said["NoPlaceLeft"] == 4 - said["accepted"]
    assert said["RuleBroken"] == 2 - said["taken away"]


def test_two_freed_places_two_who_wait_and_two_others(arena: Database) -> None:
    with arena.writing() as session:
        scene, waiting = waiting_for_two(session)
        others = [make_prescription(session, scene) for _ in range(2)]
        entrants = [("accept", p.id, scene.partner.id) for p in others]
        entrants += [("take", p.id, scene.referent.id) for p in waiting]
        entrants += [("propose", waiting[0].id, scene.partner.id)] * 2

    said = race(url_of(arena), workers.on_places, entrants)

    assert said == ["NoPlaceLeft"] * 2 + ["taken"] * 2 + ["proposed"] * 2
    assert places(arena, scene).retenues == 2
    with arena.session(read_only=True) as session:
        assert session.exec(select(Waiting).where(col(Waiting.left_at).is_(None))).all() == []
        assert session.exec(select(PlaceProposal).where(col(PlaceProposal.ended_at).is_(None))).all() == []


def test_places_are_taken_left_refused_and_proposed_at_once(arena: Database) -> None:
    # Each of these holds the row of one prescription and wants the actions'; nobody may wait for each other for ever.
    with arena.writing() as session:
        scene, waiting = waiting_for_two(session, line=5)
        entrants = [
            ("take", waiting[0].id, scene.referent.id),
            ("leave", waiting[1].id, scene.referent.id),
            *(("refuse", p.id, scene.partner.id) for p in waiting[2:4]),
            *[("propose", waiting[4].id, scene.partner.id)] * 3,
        ]

    said = race(url_of(arena), workers.on_places, entrants)

    assert said == ["taken", "left", "refused", "refused", *["proposed"] * 3]
    assert places(arena, scene).retenues == 1
    with arena.writing() as session:
        due.propose_places(session)
        still = [line.prescription_id for line in session.exec(select(Waiting)) if line.left_at is None]
        assert set(still) == {waiting[1].id, waiting[4].id}
        proposed = session.exec(select(PlaceProposal).where(col(PlaceProposal.ended_at).is_(None))).all()
        assert [p.prescription_id for p in proposed] == [waiting[4].id], "the one who left it is now the last"
