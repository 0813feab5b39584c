"""The usual time to answer: a median, over a year, from three answers on."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session

from portal import clock
from portal.prescriptions import delays
from portal.prescriptions.delays import Delay, usual_delay
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import State
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.prescriptions.hands import SignIn
from tests.statements import count_statements


def answered(session: Session, scene: Scene, *, days: float, ago: int = 30) -> Prescription:
    """A prescription answered after so many days, so many days ago."""
    made = make_prescription(session, scene, State.REFUSEE)
    made.answered_at = clock.now() - timedelta(days=ago)
    made.sent_at = made.answered_at - timedelta(days=days)
    session.flush()
    return made


def test_the_median_of_the_answers(session: Session) -> None:
    scene, other = make_scene(session), make_scene(session)
    for days in (1, 2.4, 40):
        answered(session, scene, days=days)
    for days in (0.1, 0.2, 0.3, 0.4):
        answered(session, other, days=days)
    with count_statements(session) as sent:
        found = usual_delay(session, [scene.structure.id, other.structure.id])
    assert len(sent) == 1
    assert found == {scene.structure.id: Delay(3, 3), other.structure.id: Delay(1, 4)}
    assert found[scene.structure.id].words == "répond en général sous 3 jours"
    assert found[other.structure.id].words == "répond en général dans la journée"


def test_under_three_answers_nothing_is_said(session: Session) -> None:
    scene = make_scene(session)
    answered(session, scene, days=1)
    answered(session, scene, days=1)
    make_prescription(session, scene)
    assert usual_delay(session, [scene.structure.id]) == {}
    assert usual_delay(session, []) == {}


def test_what_is_older_than_a_year_no_longer_counts(session: Session) -> None:
    scene = make_scene(session)
    for ago in (366, 400, 500):
        answered(session, scene, days=1, ago=ago)
    assert usual_delay(session, [scene.structure.id]) == {}


def test_only_the_latest_answers_of_a_busy_structure_are_read(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delays, "_MOST", 3)
    scene = make_scene(session)
    for ago, days in ((1, 2), (2, 2), (3, 2), (50, 90), (60, 90), (70, 90), (80, 90)):
        answered(session, scene, days=days, ago=ago)
    assert usual_delay(session, [scene.structure.id]) == {scene.structure.id: Delay(2, 3)}


def test_a_referent_reads_it_on_the_offer_and_nobody_else(
    session: Session, sign_in: SignIn, move_clock: Callable[..., datetime]
) -> None:
    move_clock(2025, 3, 3, 10)
    scene = make_scene(session)
    for _ in range(3):
        answered(session, scene, days=4)
    session.commit()
    said = "La structure répond en général sous 4 jours"
    assert said in sign_in(scene.referent).get(f"/offres/{scene.offer.id}").text
    assert said not in sign_in(scene.partner).get(f"/offres/{scene.offer.id}").text
