"""The follow of an action at both ends of its convention: too early to say, and what was left on its last day."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlmodel import Session

from portal.accounts.models import Role
from portal.budget import follow
from portal.budget.follow import ActionFollow
from portal.budget.follow_files import outlook
from portal.budget.projection import SETTLED, Outlook, Projection, settled
from portal.conventions import amendments
from portal.conventions.models import Convention, PlaceMode
from portal.prescriptions import answers
from portal.prescriptions.states import State
from tests.conventions.hands import made
from tests.factories.accounts import make_user
from tests.factories.prescriptions import Scene, make_prescription, make_scene

FIRST = date(2030, 1, 1)
SLEEPING = Projection(Outlook.SANS_ENTREE, 12)


def told(session: Session, scene: Scene, day: date) -> ActionFollow:
    action = made(scene)
    convention = session.get_one(Convention, action.convention_id)
    return follow.of_actions(session, [(action, convention, scene.structure.nom)], day)[0]


def test_who_went_on_in_another_convention_left_nothing_free_before_the_end(
    session: Session, move_clock: Callable[..., datetime]
) -> None:
    move_clock(2030, 1, 10, 10)
    scene = make_scene(session, places=3, mode=PlaceMode.FILE_ACTIVE)
    stays = make_prescription(session, scene, State.ENTREE)
    end = session.get_one(Convention, made(scene).convention_id).date_fin
    after = end + timedelta(days=5)
    move_clock(after.year, after.month, after.day, 10)
    answers.finish(session, stays, by=scene.partner, day=end + timedelta(days=3))
    seen = told(session, scene, after)
    assert seen.places.libres == 3
    assert seen.projection == Projection(Outlook.TERMINEE, 2)
    assert outlook(seen) == "Terminée : 2 places sont restées libres."


@pytest.mark.parametrize(
    ("day", "last", "found"),
    [
        (FIRST + timedelta(days=4), date(2030, 12, 31), Projection(Outlook.TROP_TOT)),
        (FIRST + timedelta(days=SETTLED - 2), date(2030, 12, 31), Projection(Outlook.TROP_TOT)),
        (FIRST + timedelta(days=SETTLED - 1), date(2030, 12, 31), SLEEPING),
        # A quarter of forty days.
        (FIRST + timedelta(days=8), FIRST + timedelta(days=39), Projection(Outlook.TROP_TOT)),
        (FIRST + timedelta(days=9), FIRST + timedelta(days=39), SLEEPING),
    ],
)
def test_a_few_days_without_anybody_make_no_place_sleep(day: date, last: date, found: Projection) -> None:
    assert settled(SLEEPING, FIRST, last, day) == found


def test_what_is_full_is_told_from_the_first_day() -> None:
    for seen in (Projection(Outlook.COMPLETE), Projection(Outlook.BIENTOT_COMPLETE, 0, date(2030, 3, 1))):
        assert settled(seen, FIRST, date(2030, 12, 31), FIRST) == seen


def test_it_is_said_in_words_and_nobody_is_alarmed(
    session: Session, move_clock: Callable[..., datetime]
) -> None:
    move_clock(2030, 1, 10, 10)
    scene = make_scene(session, places=12)
    convention = session.get_one(Convention, made(scene).convention_id)
    seen = told(session, scene, convention.date_debut + timedelta(days=4))
    assert outlook(seen) == "Trop tôt pour le dire : 5 jours depuis le début."
    assert not seen.reasons


def test_places_to_come_are_in_what_will_sleep_but_not_in_a_past_day(
    session: Session, move_clock: Callable[..., datetime]
) -> None:
    move_clock(2030, 6, 3, 10)
    scene = make_scene(session, places=6)
    today = date(2030, 6, 3)
    convention = session.get_one(Convention, made(scene).convention_id)

    def change(places: int, since: date) -> None:
        amendments.change_places(
            session,
            made(scene),
            convention,
            change=places,
            effet_le=since,
            motif="Avenant",
            by=make_user(session, Role.CONVENTIONNEMENT),
        )

    assert told(session, scene, today).projection == Projection(Outlook.SANS_ENTREE, 6)
    change(4, date(2030, 6, 20))
    seen = told(session, scene, today)
    assert (seen.places.financees, seen.projection.dormantes) == (6, 10)
    change(-3, date(2030, 7, 1))
    assert told(session, scene, today).projection.dormantes == 7
    # Nobody had written it yet, a day before.
    move_clock(2030, 6, 4, 10)
    assert told(session, scene, today).projection.dormantes == 6
