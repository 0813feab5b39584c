"""The last places, taken at once by processes of their own, on both engines. What is committed here is committed."""

import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import col, func, select

from portal.accounts.models import OutgoingMail
from portal.conventions.models import Movement, PlaceMovement, Waiting
from portal.db import Database
from portal.prescriptions import answers, rules
from portal.prescriptions.models import Prescription, Transition
from portal.prescriptions.states import Act, State
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.prescriptions import make_prescription, make_scene
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


def tallies(database: Database) -> tuple[int, int, int]:
    """(held, occupied, used up) by the sum of the ledger."""
    with database.session(read_only=True) as session:
        row = session.execute(
            select(
                func.coalesce(func.sum(col(PlaceMovement.d_retenues)), 0),
                func.coalesce(func.sum(col(PlaceMovement.d_occupees)), 0),
                func.coalesce(func.sum(col(PlaceMovement.d_utilisees)), 0),
            )
        ).one()
    return int(row[0]), int(row[1]), int(row[2])


def states(database: Database) -> Counter[State]:
    with database.session(read_only=True) as session:
        return Counter(session.exec(select(Prescription.state)))


def test_twenty_acceptances_at_once_on_three_places(arena: Database) -> None:
    with arena.writing() as session:
        scene = make_scene(session, places=3)
        entrants = [(make_prescription(session, scene).id, scene.partner.id) for _ in range(20)]

    said = Counter(race(url_of(arena), workers.accept, entrants))

    assert said == {"accepted": 3, "NoPlaceLeft": 17}
    assert tallies(arena) == (3, 0, 0)
    assert states(arena) == {State.ACCEPTEE: 3, State.ENVOYEE: 17}
    with arena.session(read_only=True) as session:
        lines = session.exec(select(PlaceMovement)).all()
        assert [line.movement for line in lines] == [Movement.RETENUE] * 3
        accepted = session.exec(
            select(Prescription.id).where(col(Prescription.state) == State.ACCEPTEE)
        ).all()
        assert {line.prescription_id for line in lines} == set(accepted)
        written = session.exec(select(Transition).where(col(Transition.act) == Act.ACCEPTER)).all()
        assert {line.prescription_id for line in written} == set(accepted)
        assert len(written) == 3


def test_a_place_freed_while_others_wait_goes_to_the_first_in_line(arena: Database) -> None:
    with arena.writing() as session:
        scene = make_scene(session, places=1)
        taken = make_prescription(session, scene, State.ACCEPTEE)
        line = [make_prescription(session, scene) for _ in range(4)]
        for waiting in line:
            answers.put_on_waiting_list(session, waiting, by=scene.partner)
        rules.cancel(session, taken, by=scene.referent)
        late = [make_prescription(session, scene) for _ in range(2)]
        entrants = [(p.id, scene.partner.id) for p in (*reversed(line), *late)]
        first = line[0].id

    said = race(url_of(arena), workers.accept, entrants)

    assert said == ["NoPlaceLeft"] * 3 + ["accepted"] + ["NoPlaceLeft"] * 2
    assert tallies(arena) == (1, 0, 0)
    with arena.session(read_only=True) as session:
        assert session.get_one(Prescription, first).state is State.ACCEPTEE
        still = session.exec(select(func.count()).where(col(Waiting.left_at).is_(None))).one()
        assert still == 3


def test_the_same_prescription_accepted_by_eight_people_at_once(arena: Database) -> None:
    with arena.writing() as session:
        scene = make_scene(session, places=3)
        prescription = make_prescription(session, scene)
        entrants = [(prescription.id, scene.partner.id)] * 8

    said = Counter(race(url_of(arena), workers.accept, entrants))

    assert said == {"accepted": 1, "AlreadyDone": 7}
    assert tallies(arena) == (1, 0, 0)
    with arena.session(read_only=True) as session:
        acts = session.exec(select(Transition.act).where(col(Transition.act) == Act.ACCEPTER)).all()
        assert len(acts) == 1


def test_two_drafts_of_the_same_person_sent_at_once(arena: Database) -> None:
    with arena.writing() as session:
        scene = make_scene(session)
        entrants = []
        for _ in range(4):
            person = make_beneficiary(session, scene.referent)
            drafts = [make_prescription(session, scene, State.BROUILLON, person) for _ in range(2)]
            entrants += [(draft.id, scene.referent.id) for draft in drafts]

    said = race(url_of(arena), workers.send, entrants)

    assert [sorted(said[n : n + 2]) for n in range(0, 8, 2)] == [["RuleBroken", "sent"]] * 4
    assert states(arena) == {State.ENVOYEE: 4, State.BROUILLON: 4}


def test_the_same_form_sent_twice_at_once_writes_one_draft(arena: Database) -> None:
    with arena.writing() as session:
        scene = make_scene(session)
        entrants = []
        for _ in range(3):
            person, key = make_beneficiary(session, scene.referent), uuid.uuid4()
            entrants += [(person.id, scene.offer.id, key)] * 2

    said = race(url_of(arena), workers.create, entrants)

    assert [said[n] for n in (0, 2, 4)] == [said[n] for n in (1, 3, 5)]
    with arena.session(read_only=True) as session:
        assert {str(one) for one in session.exec(select(Prescription.id))} == set(said)
        assert len(session.exec(select(Transition)).all()) == 3


def test_accepted_by_one_side_and_cancelled_by_the_other_at_once(arena: Database) -> None:
    with arena.writing() as session:
        scene = make_scene(session, places=2)
        made = [make_prescription(session, scene) for _ in range(4)]
        entrants = []
        for prescription in made:
            entrants.append(("accept", prescription.id, scene.partner.id))
            entrants.append(("cancel", prescription.id, scene.referent.id))

    said = race(url_of(arena), workers.accept_or_cancel, entrants)

    # Whoever comes first, the référent's word is the last: cancelling is possible before and after the acceptance.
    assert [said[n] for n in (1, 3, 5, 7)] == ["cancelled"] * 4
    assert {said[n] for n in (0, 2, 4, 6)} <= {"accepted", "AlreadyDone", "NoPlaceLeft"}
    assert states(arena) == {State.ANNULEE: 4}
    assert tallies(arena) == (0, 0, 0)
    with arena.session(read_only=True) as session:
        moved = Counter(session.exec(select(PlaceMovement.movement)))
        assert moved[Movement.RETENUE] == moved[Movement.LIBEREE] == said.count("accepted")
        assert session.exec(select(OutgoingMail)).all() == []
