"""A freed place is proposed to the first who waits: the référent takes it or leaves it, the structure sees the line."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlmodel import Session

from portal import clock
from portal.accounts.models import Role, User
from portal.conventions import waiting
from portal.prescriptions import answers, due, rules
from portal.prescriptions.models import Prescription
from portal.prescriptions.sharing import name_for_partner
from portal.prescriptions.states import State
from tests.conventions.hands import cells
from tests.factories.accounts import make_user
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.pages import Browser
from tests.prescriptions.hands import ways

SignIn = Callable[[User], Browser]
MoveClock = Callable[..., datetime]
TAKE, LEAVE = "Prendre la place", "Laisser la place à la suivante"


def freed(session: Session, *, line: int = 2) -> tuple[Scene, list[Prescription]]:
    """One place, freed and proposed to the first of those who wait."""
    scene = make_scene(session, places=1)
    taken = make_prescription(session, scene, State.ACCEPTEE)
    people = [make_prescription(session, scene) for _ in range(line)]
    for prescription in people:
        answers.put_on_waiting_list(session, prescription, by=scene.partner)
    rules.cancel(session, taken, by=scene.referent)
    assert due.propose_places(session, scene.offer.id) == [people[0]]
    return scene, people


def test_the_referent_takes_the_place(session: Session, sign_in: SignIn) -> None:
    scene, (first, second) = freed(session)
    page = sign_in(scene.referent).get(f"/prescriptions/{first.id}/place")
    assert "Proposée jusqu’au" in page.text
    page = page.form("place-form").submit(TAKE, message="Elle est prête.")
    assert page.path == f"/prescriptions/{first.id}"
    session.refresh(first)
    assert first.state is State.ACCEPTEE
    assert waiting.proposal_of(session, second.id) is None, "the place is taken"


def test_a_place_that_is_left_is_proposed_to_the_following_person(session: Session, sign_in: SignIn) -> None:
    scene, (first, second) = freed(session)
    page = sign_in(scene.referent).get(f"/prescriptions/{first.id}/place").form("place-form").submit(LEAVE)
    assert "personne suivante" in page.text
    session.refresh(first)
    assert first.state is State.A_L_ETUDE
    assert waiting.proposal_of(session, second.id) is not None
    assert waiting.proposal_of(session, first.id) is None
    line = [one.prescription_id for one in session.exec(waiting.in_order(scene.offer.id))]
    assert line == [second.id, first.id]


def test_a_place_that_is_no_longer_proposed_is_not_taken(
    session: Session, sign_in: SignIn, move_clock: MoveClock
) -> None:
    scene, (first, second) = freed(session)
    form = sign_in(scene.referent).get(f"/prescriptions/{first.id}/place").form("place-form")
    after = clock.now() + timedelta(days=6)
    move_clock(after.year, after.month, after.day, after.hour)
    assert "n’est plus proposée" in form.submit(TAKE).text
    assert "n’est plus proposée" in sign_in(scene.referent).get(f"/prescriptions/{second.id}/place").text
    session.refresh(first)
    assert first.state is State.A_L_ETUDE


def test_the_place_is_nobody_else_s(session: Session, sign_in: SignIn) -> None:
    scene, (first, _) = freed(session)
    other = make_scene(session)
    sign_in(other.referent).get(f"/prescriptions/{first.id}/place", status=404)
    sign_in(scene.partner).get(f"/prescriptions/{first.id}/place", status=403)


def test_the_answer_is_one_of_the_two(session: Session, sign_in: SignIn) -> None:
    scene, (first, _) = freed(session)
    browser = sign_in(scene.referent)
    browser.post(f"/prescriptions/{first.id}/place", {"acte": "accepter"}, status=422)
    session.refresh(first)
    assert first.state is State.A_L_ETUDE


def test_the_structure_sees_its_waiting_list_in_order(session: Session, sign_in: SignIn) -> None:
    scene, people = freed(session, line=3)
    assert scene.action is not None
    page = sign_in(scene.partner).get(f"/conventions/{scene.action.convention_id}")
    page = page.click(f"Liste d’attente : {scene.offer.nom}")
    assert page.path == f"/prescriptions/attente/{scene.offer.id}"
    rows = [cells(row) for row in page.soup.select("#waiting-list tbody tr")]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert [row[3].split(",")[0] for row in rows] == ["Oui", "Pas encore", "Pas encore"]
    links = [str(a["href"]) for a in page.soup.select("#waiting-list a")]
    assert links == [f"/prescriptions/{p.id}" for p in people]


def test_an_empty_list_says_so_and_another_structure_sees_none(session: Session, sign_in: SignIn) -> None:
    scene, other = make_scene(session), make_scene(session)
    path = f"/prescriptions/attente/{scene.offer.id}"
    assert "Personne n’attend" in sign_in(scene.partner).get(path).text
    sign_in(other.partner).get(path, status=404)
    sign_in(scene.referent).get(path, status=403)


def test_the_prescription_leads_the_structure_to_it_and_tells_the_referent_the_rank_alone(
    session: Session, sign_in: SignIn
) -> None:
    scene, (first, _, last) = freed(session, line=3)
    page = sign_in(scene.partner).get(f"/prescriptions/{last.id}").click("Voir la liste d’attente")
    assert page.path == f"/prescriptions/attente/{scene.offer.id}"
    page = sign_in(scene.referent).get(f"/prescriptions/{last.id}")
    assert "En liste d’attente, rang 3" in page.text
    assert "Prendre ou laisser la place" not in ways(page)
    assert "Prendre ou laisser la place" in ways(sign_in(scene.referent).get(f"/prescriptions/{first.id}"))
    assert "Voir la liste d’attente" not in page.text
    # Where nobody waits there is nothing to see.
    other = make_scene(session)
    alone = make_prescription(session, other)
    session.commit()
    assert "Voir la liste d’attente" not in sign_in(other.partner).get(f"/prescriptions/{alone.id}").text


def test_the_officer_sees_how_long_the_list_is_and_nobody_on_it(session: Session, sign_in: SignIn) -> None:
    scene, people = freed(session, line=3)
    assert scene.action is not None
    officer = make_user(session, Role.CONVENTIONNEMENT)
    page = sign_in(officer).get(f"/conventions/{scene.action.convention_id}")
    page = page.click(f"Liste d’attente : {scene.offer.nom}")
    rows = [cells(row) for row in page.soup.select("#waiting-list tbody tr")]
    assert [row[0].removeprefix("Rang ") for row in rows] == ["1", "2", "3"]
    assert [row[2].split(",")[0] for row in rows] == ["Oui", "Pas encore", "Pas encore"]
    for prescription in people:
        assert str(prescription.id) not in page.response.text
        assert name_for_partner(prescription) not in page.text
    assert (
        "Personne n’attend"
        in sign_in(officer).get(f"/prescriptions/attente/{make_scene(session).offer.id}").text
    )
