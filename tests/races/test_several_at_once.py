"""Several prescriptions answered at once by several people, on the same offers in opposite orders, on both engines."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from portal import clock
from portal.conventions import ledger
from portal.conventions.models import FinancedAction, PlaceMode, PlaceProposal
from portal.db import Database
from portal.errors import NoPlaceLeft
from portal.offers.models import OfferSession
from portal.prescriptions import answers, due, rules
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import State
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.factories.structures import make_partner
from tests.races import workers
from tests.races.databases import own_database
from tests.races.workers import race

# Many processes on few cores: not beside another race.
pytestmark = pytest.mark.xdist_group("races")

OFFERS = 6


@pytest.fixture
def arena(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of its own, with its tables."""
    with own_database(engine_name, request, tmp_path) as database:
        yield database


def url_of(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


def several_offers(session: Session, *, places: int) -> list[Scene]:
    """Offers of one structure; each is financed by an action of its own and by that of the next one."""
    first = make_scene(session, places=None)
    offers = [first.offer, *(make_offer(session, first.structure) for _ in range(OFFERS - 1))]
    convention = make_convention(session, first.structure)
    actions = [
        make_action(session, convention, [offer, offers[(number + 1) % OFFERS]], places=places)
        for number, offer in enumerate(offers)
    ]
    return [
        Scene(first.referent, first.partner, first.structure, offer, action)
        for offer, action in zip(offers, actions, strict=True)
    ]


def one_each(session: Session, scenes: list[Scene]) -> list[Prescription]:
    """A prescription of each offer; the first is the oldest."""
    return [make_prescription(session, scene) for scene in scenes]


def accepted(session: Session, prescription: Prescription, scene: Scene) -> bool:
    try:
        answers.accept(session, prescription, by=scene.partner)
    except NoPlaceLeft:
        return False
    return True


def taken(database: Database, scenes: list[Scene]) -> list[ledger.ActionPlaces]:
    with database.session(read_only=True) as session:
        actions = [session.get_one(FinancedAction, scene.action.id) for scene in scenes if scene.action]
        return list(ledger.places_of_actions(session, actions).values())


def test_accepted_in_opposite_orders(arena: Database) -> None:
    with arena.writing() as session:
        scenes = several_offers(session, places=4)
        colleague, _ = make_partner(session, scenes[0].structure)
        forth, back = one_each(session, scenes), one_each(session, scenes[::-1])
        entrants = [
            ("accept", [p.id for p in forth], scenes[0].partner.id),
            ("accept", [p.id for p in back], colleague.id),
        ]

    said = race(url_of(arena), workers.answer_several, entrants)

    assert said == [f"accept {OFFERS}"] * 2
    assert sum(places.retenues for places in taken(arena, scenes)) == 2 * OFFERS
    assert all(places.libres >= 0 for places in taken(arena, scenes))


def test_the_last_places_are_accepted_once(arena: Database) -> None:
    with arena.writing() as session:
        scenes = several_offers(session, places=1)
        colleague, _ = make_partner(session, scenes[0].structure)
        forth, back = one_each(session, scenes), one_each(session, scenes[::-1])
        entrants = [
            ("accept", [p.id for p in forth], scenes[0].partner.id),
            ("accept", [p.id for p in back], colleague.id),
        ]

    said = race(url_of(arena), workers.answer_several, entrants)

    assert sum(int(words.split()[1]) for words in said) == OFFERS
    assert [places.libres for places in taken(arena, scenes)] == [0] * OFFERS


def test_accepted_into_sessions_in_opposite_orders(arena: Database) -> None:
    with arena.writing() as session:
        scenes = several_offers(session, places=4)
        colleague, _ = make_partner(session, scenes[0].structure)
        forth, back = one_each(session, scenes), one_each(session, scenes[::-1])
        for scene, one, other in zip(scenes, forth, back[::-1], strict=True):
            course = OfferSession(offer_id=scene.offer.id, debut=clock.today(), places=2)
            session.add(course)
            session.flush()
            one.session_id = other.session_id = course.id
        entrants = [
            ("accept", [p.id for p in forth], scenes[0].partner.id),
            ("accept", [p.id for p in back], colleague.id),
        ]

    said = race(url_of(arena), workers.answer_several, entrants)

    assert said == [f"accept {OFFERS}"] * 2


def test_refused_in_opposite_orders_and_the_places_proposed(arena: Database) -> None:
    with arena.writing() as session:
        scenes = several_offers(session, places=1)
        colleague, _ = make_partner(session, scenes[0].structure)
        held = [p for p in one_each(session, scenes * 2) if accepted(session, p, scenes[0])]
        assert len(held) == OFFERS
        forth, back = one_each(session, scenes), one_each(session, scenes[::-1])
        waiting = one_each(session, scenes)
        for prescription in [*forth, *back, *waiting]:
            answers.put_on_waiting_list(session, prescription, by=scenes[0].partner)
        for prescription in held:
            rules.cancel(session, prescription, by=scenes[0].referent)
        due.propose_places(session)
        entrants = [
            ("refuse", [p.id for p in forth], scenes[0].partner.id),
            ("refuse", [p.id for p in back], colleague.id),
        ]

    said = race(url_of(arena), workers.answer_several, entrants)

    assert said == [f"refuse {OFFERS}"] * 2
    with arena.writing() as session:
        # What one of the two could not see of the other is made good by the job.
        due.propose_places(session)
        proposed = session.exec(select(PlaceProposal).where(col(PlaceProposal.ended_at).is_(None))).all()
        assert {p.prescription_id for p in proposed} == {p.id for p in waiting}


def test_several_places_given_back_at_the_same_moment(arena: Database) -> None:
    # Each writes in the ledger of the action that it then takes, to propose the place.
    with arena.writing() as session:
        scene = make_scene(session, places=4, mode=PlaceMode.FILE_ACTIVE)
        inside = [make_prescription(session, scene, State.ENTREE) for _ in range(4)]
        waiting = [make_prescription(session, scene) for _ in range(4)]
        for prescription in waiting:
            answers.put_on_waiting_list(session, prescription, by=scene.partner)
        entrants = [("finish", p.id, scene.partner.id) for p in inside]

    said = Counter(race(url_of(arena), workers.on_places, entrants))

    assert said == {"finished": 4}
    with arena.session(read_only=True) as session:
        proposed = session.exec(select(PlaceProposal).where(col(PlaceProposal.ended_at).is_(None))).all()
        assert {p.prescription_id for p in proposed} == {p.id for p in waiting}
