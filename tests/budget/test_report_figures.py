"""What the portal knows of the period of a report."""

from datetime import date
from typing import Any

import pytest
from sqlmodel import Session

from portal.beneficiaries.models import Beneficiary
from portal.budget import activity
from portal.conventions import ledger, taking
from portal.conventions.models import PlaceMode
from portal.prescriptions import answers
from portal.prescriptions.models import ExitReason
from portal.prescriptions.states import State
from tests.budget.report_hands import MoveClock, of, scene_of_2030
from tests.conventions.hands import made
from tests.factories.conventions import make_action, make_convention
from tests.factories.prescriptions import Scene, make_prescription


@pytest.fixture
def scene(session: Session, move_clock: MoveClock) -> Scene:
    return scene_of_2030(session, move_clock)


# --- What the portal knows ---


def test_figures_of_a_period(session: Session, scene: Scene, move_clock: MoveClock) -> None:
    first = make_prescription(session, scene, State.ENTREE)
    held = make_prescription(session, scene, State.ACCEPTEE)
    answers.note_presence(session, held, by=scene.partner, day=date(2030, 3, 1), came=False)
    move_clock(2030, 3, 12, 10)
    answers.declare_hours(session, first, by=scene.partner, week=date(2030, 3, 4), minutes=600)
    answers.declare_hours(session, first, by=scene.partner, week=date(2030, 3, 11), minutes=90)
    answers.finish(session, first, by=scene.partner, day=date(2030, 3, 12), reason=ExitReason.FORMATION)
    move_clock(2030, 3, 20, 10)
    # The same person comes again: one person, two entries.
    again = make_prescription(
        session, scene, State.ENTREE, session.get_one(Beneficiary, first.beneficiary_id)
    )
    assert again.beneficiary_id == first.beneficiary_id
    convention = of(session, scene)
    session.refresh(convention, ["actions"])

    def told(since: date, until: date) -> dict[str, Any]:
        return activity.report_figures(session, convention, since, until)

    march = told(date(2030, 3, 1), date(2030, 3, 31))
    assert march["actions"] == [
        {
            "intitule": "Action d’exemple",
            "mode": "file_active",
            "financees": 5,
            "retenues": 1,
            "occupees": 1,
            "utilisees": 0,
            "libres": 3,
            "entrees": 2,
            "sorties": {"formation": 1},
            "absences": 1,
            "personnes": 1,
            "minutes": 690,
        }
    ]
    assert {key: march["ensemble"][key] for key in ("entrees", "sorties", "personnes", "minutes")} == {
        "entrees": 2,
        "sorties": {"formation": 1},
        "personnes": 1,
        "minutes": 690,
    }
    early = told(date(2030, 3, 5), date(2030, 3, 11))["actions"][0]
    assert (early["entrees"], early["personnes"], early["minutes"], early["occupees"]) == (0, 1, 90, 1)
    gap = told(date(2030, 3, 13), date(2030, 3, 19))["actions"][0]
    assert (gap["personnes"], gap["minutes"], gap["occupees"]) == (0, 0, 0)


def test_a_place_carried_to_the_following_convention_is_counted_on_each_side(
    session: Session, scene: Scene, move_clock: MoveClock
) -> None:
    inside = make_prescription(session, scene, State.ENTREE)
    answers.declare_hours(session, inside, by=scene.partner, week=date(2030, 2, 25), minutes=60)
    after = make_action(
        session, make_convention(session, scene.structure), [scene.offer], mode=PlaceMode.FILE_ACTIVE
    )
    move_clock(2030, 4, 10, 10)
    # On a Wednesday: its week is the former action's.
    for n, day in enumerate((date(2030, 4, 1), date(2030, 4, 8)), start=1):
        answers.declare_hours(session, inside, by=scene.partner, week=day, minutes=100 * n)
    line = ledger.last_movement(session, inside.id)
    assert line is not None
    taking.carry(
        session,
        line,
        action_id=after.id,
        first_day=date(2030, 4, 10),
        left_for="Renouvelée",
        come_from="Renouvelée",
        by=None,
    )
    move_clock(2030, 4, 20, 10)
    answers.declare_hours(session, inside, by=scene.partner, week=date(2030, 4, 15), minutes=5)
    answers.note_presence(session, inside, by=scene.partner, day=date(2030, 4, 20), came=False)
    answers.finish(session, inside, by=scene.partner, day=date(2030, 4, 20), reason=ExitReason.EMPLOI)
    ids, since, until = [made(scene).id, after.id], date(2030, 1, 1), date(2030, 4, 30)
    assert activity.entries(session, ids, since, until) == {ids[0]: 1}
    assert activity.exits(session, ids, since, until) == {ids[1]: {"emploi": 1}}
    assert activity.minutes(session, ids, since, until) == {ids[0]: 360, ids[1]: 5}
    assert activity.absences(session, ids, since, until) == {ids[1]: 1}
    assert activity.people(session, ids, since, until) == {ids[0]: 1, ids[1]: 1}
    assert activity.people_of_all(session, ids, since, until) == 1
