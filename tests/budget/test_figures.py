"""The portal's own figures of financed actions: entries, people, hours, places; never a name."""

import uuid
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlmodel import Session

from portal import clock
from portal.accounts.models import Role
from portal.budget import figures
from portal.budget.figures import Figures
from portal.budget.models import FicheAction, FicheFinancedAction
from portal.conventions import ledger, taking
from portal.conventions.models import FinancedAction, PlaceChange, PlaceMode
from portal.prescriptions import answers
from portal.prescriptions.models import HoursDone, Prescription
from portal.prescriptions.states import State
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.budget import make_state_convention
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.statements import count_statements

YEAR = (date(2026, 1, 1), date(2026, 12, 31))


@pytest.fixture
def scene(session: Session, move_clock: Callable[..., datetime]) -> Scene:
    move_clock(2026, 3, 2, 10)
    return make_scene(session, places=5, mode=PlaceMode.FILE_ACTIVE)


def action_of(scene: Scene) -> FinancedAction:
    assert scene.action is not None
    return scene.action


def other_offer(session: Session, scene: Scene, *, places: int = 5) -> Scene:
    """Another offer of the same partner, with its own action."""
    offer = make_offer(session, scene.structure)
    convention = make_convention(session, scene.structure)
    action = make_action(session, convention, [offer], places=places)
    return Scene(scene.referent, scene.partner, scene.structure, offer, action)


def hours(session: Session, prescription: Prescription, *weeks: tuple[date, int]) -> None:
    session.add_all(
        HoursDone(prescription_id=prescription.id, semaine=week, minutes=minutes) for week, minutes in weeks
    )
    session.flush()


def test_entries_people_newcomers_hours_and_places(
    session: Session, scene: Scene, move_clock: Callable[..., datetime]
) -> None:
    action = action_of(scene)
    person = make_beneficiary(session, scene.referent)
    first = make_prescription(session, scene, State.ENTREE, person)
    make_prescription(session, scene, State.ACCEPTEE)
    hours(session, first, (date(2026, 3, 2), 300), (date(2025, 12, 29), 60))
    move_clock(2026, 3, 9, 10)
    answers.finish(session, first, by=scene.partner, day=date(2026, 3, 9))
    # The same person comes back in the other action: an entry more, no newcomer there, one person over both.
    other = other_offer(session, scene)
    again = make_prescription(session, other, State.ENTREE, person)
    hours(session, again, (date(2026, 3, 9), 120))
    session.add(
        PlaceChange(
            action_id=action.id, d_financees=2, effet_le=date(2026, 12, 31), motif="Avenant d’exemple"
        )
    )
    session.flush()

    found = figures.of_actions(session, [action.id, action_of(other).id, uuid.UUID(int=1)], *YEAR)
    assert found[action.id] == Figures(
        entrees=1, sorties=1, personnes=1, nouveaux=1, minutes=300, financees=7, retenues=1
    )
    assert found[action.id].libres == 6
    assert found[action_of(other).id] == Figures(entrees=1, personnes=1, minutes=120, financees=5, occupees=1)
    assert found[uuid.UUID(int=1)] == Figures()
    assert figures.together(session, [action.id, action_of(other).id], *YEAR) == Figures(
        entrees=2, sorties=1, personnes=1, nouveaux=1, minutes=420, financees=12, retenues=1, occupees=1
    )
    assert figures.of_conventions(session, [action.convention_id], *YEAR) == {
        action.convention_id: found[action.id]
    }
    # Places as they stood before; the person had left by then.
    assert figures.of_actions(session, [action.id], *YEAR)[action.id].financees == 7
    before = figures.of_actions(session, [action.id], date(2026, 3, 3), date(2026, 3, 8))[action.id]
    assert before == Figures(personnes=1, minutes=0, financees=5, occupees=1, retenues=1)
    after = figures.of_actions(session, [action.id], date(2026, 3, 9), date(2026, 3, 31))[action.id]
    assert (after.personnes, after.sorties, after.financees) == (0, 1, 5)


def test_somebody_who_comes_and_leaves_in_a_day_was_there(session: Session, scene: Scene) -> None:
    make_prescription(session, scene, State.TERMINEE)
    today = clock.today()
    told = figures.of_actions(session, [action_of(scene).id], today, today)[action_of(scene).id]
    assert (told.entrees, told.sorties, told.personnes, told.occupees) == (1, 1, 1, 0)


def test_a_first_entry_without_a_financed_place_counts_as_the_first(session: Session, scene: Scene) -> None:
    person = make_beneficiary(session, scene.referent)
    free = make_offer(session, scene.structure)
    early = make_prescription(
        session, Scene(scene.referent, scene.partner, scene.structure, free, None), State.ENTREE, person
    )
    early.date_entree = date(2026, 2, 1)
    make_prescription(session, scene, State.ENTREE, person)
    told = figures.of_actions(session, [action_of(scene).id], *YEAR)[action_of(scene).id]
    assert (told.entrees, told.personnes, told.nouveaux) == (1, 1, 0)


def test_a_place_carried_to_the_convention_that_renews_is_neither_an_exit_nor_an_entry(
    session: Session, scene: Scene
) -> None:
    former, officer = action_of(scene), make_user(session, Role.CONVENTIONNEMENT)
    inside = make_prescription(session, scene, State.ENTREE)
    following = other_offer(session, scene)
    renewed = action_of(following)
    line = ledger.last_movement(session, inside.id)
    assert line is not None
    day = date(2026, 3, 16)
    taking.carry(
        session, line, action_id=renewed.id, first_day=day, left_for="Suite", come_from="Suite", by=officer
    )
    hours(session, inside, (date(2026, 3, 2), 100), (date(2026, 3, 9), 100), (date(2026, 3, 16), 7))
    found = figures.of_actions(session, [former.id, renewed.id], *YEAR)
    assert found[former.id] == Figures(entrees=1, personnes=1, nouveaux=1, minutes=200, financees=5)
    assert found[renewed.id] == Figures(personnes=1, minutes=7, financees=5, occupees=1)
    # Each week is told once, and the person is one.
    both = figures.together(session, [former.id, renewed.id], *YEAR)
    assert (both.entrees, both.sorties, both.personnes, both.minutes) == (1, 0, 1, 207)
    # From the day of the renewal on, the former convention has nobody.
    late = figures.of_actions(session, [former.id, renewed.id], day, YEAR[1])
    assert (late[former.id].personnes, late[renewed.id].personnes) == (0, 1)


def test_an_action_may_carry_out_two_sheets(session: Session, scene: Scene) -> None:
    make_prescription(session, scene, State.ENTREE)
    convention = make_state_convention(session)
    sheets = [FicheAction(convention_id=convention.id, annee=2026, titre=title) for title in ("A", "B", "C")]
    session.add_all(sheets)
    session.flush()
    session.add_all(
        FicheFinancedAction(fiche_id=sheet.id, action_id=action_of(scene).id) for sheet in sheets[:2]
    )
    session.flush()
    found = figures.of_fiches(session, [sheet.id for sheet in sheets], *YEAR)
    assert [found[sheet.id].entrees for sheet in sheets] == [1, 1, 0]


def test_the_same_statements_whatever_the_number(session: Session, scene: Scene) -> None:
    counts = []
    ids = [action_of(scene).id]
    for _ in range(2):
        with count_statements(session) as sent:
            figures.of_actions(session, ids, clock.today() - timedelta(days=30), clock.today())
        counts.append(len(sent))
        ids += [action_of(other_offer(session, scene)).id for _ in range(4)]
    assert counts == [6, 6]
