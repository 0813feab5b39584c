"""Two people of the room at the same instant, on two connections: one decides, the other is told."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlmodel import Session, col, func, select

from portal.accounts.models import OutgoingMail, Role, User
from portal.conventions import ledger
from portal.conventions.models import FinancedAction, Waiting
from portal.db import Database
from portal.errors import AlreadyDone, RuleBroken
from portal.offers.models import Offer, OfferState
from portal.prescriptions import answers
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import State
from portal.referencement import messages, notifications, rules
from portal.referencement.models import Audience, Campaign
from portal.structures import history
from portal.structures.models import Act, Revision, Structure
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.prescriptions import make_prescription, make_scene
from tests.factories.referencement import make_administrator, submit_offer
from tests.factories.structures import make_structure
from tests.races.databases import own_database

pytestmark = pytest.mark.xdist_group("races")


@pytest.fixture
def arena(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with own_database(engine_name, request, tmp_path) as database:
        yield database


def together(database: Database, *acts: Callable[[Session], Any]) -> list[Any]:
    """Do each act in its own transaction, at the same instant; return what each gave, or the refusal it met."""
    ready = Barrier(len(acts), timeout=120)

    def run(act: Callable[[Session], Any]) -> Any:
        with database.session() as session:
            ready.wait()
            try:
                given = act(session)
                session.commit()
            except RuleBroken as broken:
                session.rollback()
                return broken
            return given

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_one_validates_and_the_other_is_told(arena: Database) -> None:
    with arena.writing() as session:
        partner, structure = make_administrator(session)
        offer_id = submit_offer(session, partner, structure).id
        people = [make_user(session, Role.ANIMATION).id for _ in range(2)]

    def validate(user_id: uuid.UUID) -> Callable[[Session], Any]:
        return lambda session: (
            rules.validate_offer(session, offer_id, by=session.get_one(User, user_id), version=None).id
        )

    given = together(arena, *(validate(user_id) for user_id in people))
    assert sorted(type(one).__name__ for one in given) == ["AlreadyDone", "UUID"]
    with arena.session(read_only=True) as session:
        lines = session.execute(history.of_offer(offer_id)).scalars().all()
        assert sum(line.act is Act.VALIDATION for line in lines) == 1


def test_two_merges_that_cross_make_one(arena: Database) -> None:
    """One keeps A, the other keeps B: neither offer may end up leading to the other in a circle."""
    with arena.writing() as session:
        structure = make_structure(session)
        ids = make_offer(session, structure).id, make_offer(session, structure).id
        people = [make_user(session, Role.ANIMATION).id for _ in range(2)]

    def merge(kept: uuid.UUID, removed: uuid.UUID, user_id: uuid.UUID) -> Callable[[Session], Any]:
        def act(session: Session) -> str:
            rules.merge_offers(
                session,
                session.get_one(Offer, kept),
                session.get_one(Offer, removed),
                by=session.get_one(User, user_id),
            )
            return "merged"

        return act

    given = together(arena, merge(*ids, people[0]), merge(ids[1], ids[0], people[1]))
    assert sorted("merged" if one == "merged" else "told" for one in given) == ["merged", "told"]
    with arena.session(read_only=True) as session:
        states = session.exec(select(Offer.state).where(col(Offer.id).in_(ids))).all()
        assert sorted(states) == [OfferState.FUSIONNEE, OfferState.PUBLIEE]
        assert (
            session.exec(
                select(func.count()).select_from(Revision).where(col(Revision.act) == Act.FUSION)
            ).one()
            == 2
        )


def test_an_acceptance_and_a_merge_leave_the_places_right(arena: Database) -> None:
    with arena.writing() as session:
        scene = make_scene(session, places=1)
        prescription_id = make_prescription(session, scene).id
        kept_id = make_offer(session, scene.structure, nom="Celle qui reste").id
        ids = scene.offer.id, scene.partner.id, make_user(session, Role.ANIMATION).id
        assert scene.action is not None
        action_id = scene.action.id
    removed_id, partner_id, animator_id = ids

    def accept(session: Session) -> str:
        found = session.get_one(Prescription, prescription_id)
        answers.accept(session, found, by=session.get_one(User, partner_id))
        return "accepted"

    def merge(session: Session) -> str:
        rules.merge_offers(
            session,
            session.get_one(Offer, kept_id),
            session.get_one(Offer, removed_id),
            by=session.get_one(User, animator_id),
        )
        return "merged"

    assert together(arena, accept, merge) == ["accepted", "merged"]
    with arena.session(read_only=True) as session:
        action = session.get_one(FinancedAction, action_id)
        places = ledger.places_of_actions(session, [action])[action_id]
        assert (places.retenues, places.libres) == (1, 0)
        assert session.get_one(Prescription, prescription_id).offer_id == kept_id


def test_waiting_and_a_merge_wait_for_nobody_in_a_circle(arena: Database) -> None:
    with arena.writing() as session:
        scene = make_scene(session, places=1)
        make_prescription(session, scene, State.ACCEPTEE)
        prescription_id = make_prescription(session, scene).id
        kept_id = make_offer(session, scene.structure, nom="Celle qui reste").id
        removed_id, partner_id = scene.offer.id, scene.partner.id
        animator_id = make_user(session, Role.ANIMATION).id

    def wait(session: Session) -> int:
        found = session.get_one(Prescription, prescription_id)
        return answers.put_on_waiting_list(session, found, by=session.get_one(User, partner_id))

    def merge(session: Session) -> str:
        rules.merge_offers(
            session,
            session.get_one(Offer, kept_id),
            session.get_one(Offer, removed_id),
            by=session.get_one(User, animator_id),
        )
        return "merged"

    assert together(arena, wait, merge) == [1, "merged"]
    with arena.session(read_only=True) as session:
        assert session.exec(select(Waiting.offer_id)).one() == kept_id


def test_a_message_sent_twice_leaves_once(arena: Database) -> None:
    with arena.writing() as session:
        structure_id, by_id = make_structure(session).id, make_user(session, Role.ANIMATION).id
    key = uuid.uuid4()

    def send(session: Session) -> str:
        messages.send(
            session,
            audience=Audience.SANS_OFFRE,
            objet="Bonjour",
            texte="Bonjour",
            structure_ids=[structure_id],
            by=session.get_one(User, by_id),
            id=key,
        )
        return "sent"

    given = together(arena, send, send)
    assert sorted(type(one) for one in given if one != "sent") == [AlreadyDone]
    with arena.session(read_only=True) as session:
        assert len(session.exec(select(Campaign)).all()) == len(session.exec(select(OutgoingMail)).all()) == 1


def test_two_machines_tell_an_animator_once(arena: Database) -> None:
    with arena.writing() as session:
        make_user(session, Role.ANIMATION)
        partner, structure = make_administrator(session)
        submit_offer(session, partner, structure)

    def remind(session: Session) -> int:
        return notifications.remind_animators(session, public_url="https://portail.example.org")

    assert sorted(together(arena, remind, remind)) == [0, 1]


def test_a_structure_closes_once(arena: Database) -> None:
    with arena.writing() as session:
        structure_id, by_id = make_structure(session).id, make_user(session, Role.ANIMATION).id

    def close(session: Session) -> str:
        rules.close_structure(
            session, session.get_one(Structure, structure_id), note=None, by=session.get_one(User, by_id)
        )
        return "closed"

    given = together(arena, close, close)
    assert sum(one == "closed" for one in given) == 1
    assert sum(isinstance(one, AlreadyDone) for one in given) == 1
