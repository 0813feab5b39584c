"""Places that change: amendments, overbooking, and the places of a past day."""

import uuid
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlmodel import Session, select

from portal import clock
from portal.accounts.models import User
from portal.conventions import amendments, ledger, over_time
from portal.conventions.models import (
    Convention,
    PlaceChange,
    PlaceMode,
    PlaceMovement,
)
from portal.errors import NoPlaceLeft, NotAllowed, PlacesEnded, RuleBroken
from portal.prescriptions import answers
from portal.prescriptions.states import State
from tests.conventions.hands import SignIn, address, cells, made
from tests.factories.prescriptions import Scene, make_prescription, make_scene

MoveClock = Callable[..., datetime]


def amend(session: Session, scene: Scene, officer: User, change: int, days: int = 0) -> PlaceChange:
    action = made(scene)
    return amendments.change_places(
        session,
        action,
        session.get_one(Convention, action.convention_id),
        change=change,
        effet_le=clock.today() + timedelta(days=days),
        motif="Avenant n° 1",
        by=officer,
    )


def places(session: Session, scene: Scene, day: date | None = None) -> ledger.ActionPlaces:
    return ledger.places_of_actions(session, [made(scene)], day)[made(scene).id]


# --- Amendments ---


def test_places_are_added_from_a_day_on(session: Session, officer: User, move_clock: MoveClock) -> None:
    move_clock(2030, 3, 1, 10)
    scene = make_scene(session, places=1)
    make_prescription(session, scene, State.ACCEPTEE)
    amend(session, scene, officer, 2, days=10)
    assert (places(session, scene).financees, places(session, scene).prenables) == (1, 0), "not yet"
    with pytest.raises(NoPlaceLeft):
        make_prescription(session, scene, State.ACCEPTEE)
    move_clock(2030, 3, 11, 10)
    assert (places(session, scene).financees, places(session, scene).prenables) == (3, 2)
    assert places(session, scene, date(2030, 3, 10)).financees == 1
    make_prescription(session, scene, State.ACCEPTEE)


def test_a_place_that_will_be_taken_away_is_not_given(session: Session, officer: User) -> None:
    scene = make_scene(session, places=2)
    amend(session, scene, officer, -1, days=20)
    assert places(session, scene).prenables == 1
    make_prescription(session, scene, State.ACCEPTEE)
    with pytest.raises(NoPlaceLeft):
        make_prescription(session, scene, State.ACCEPTEE)


def test_occupied_places_are_not_taken_away(session: Session, officer: User) -> None:
    scene = make_scene(session, places=3)
    make_prescription(session, scene, State.ENTREE)
    make_prescription(session, scene, State.ACCEPTEE)
    with pytest.raises(RuleBroken, match="2 places sont déjà retenues") as broken:
        amend(session, scene, officer, -2)
    assert broken.value.field == "places"
    with pytest.raises(RuleBroken):
        amend(session, scene, officer, -2, days=30)
    amend(session, scene, officer, -1)
    assert places(session, scene).prenables == 0


def test_places_taken_on_a_past_day_are_not_taken_away_from_it(
    session: Session, officer: User, move_clock: MoveClock
) -> None:
    move_clock(2030, 3, 1, 10)
    scene = make_scene(session, places=2, mode=PlaceMode.FILE_ACTIVE)
    inside = [make_prescription(session, scene, State.ENTREE) for _ in range(2)]
    move_clock(2030, 3, 20, 10)
    answers.finish(session, inside[0], by=scene.partner, day=date(2030, 3, 15))
    with pytest.raises(RuleBroken):
        amend(session, scene, officer, -1, days=-10)
    amend(session, scene, officer, -1)


@pytest.mark.parametrize(
    ("change", "days", "motif", "field"),
    [(0, 0, "Avenant", "places"), (1, 5000, "Avenant", "effet_le"), (1, 0, "  ", "motif")],
)
def test_an_amendment_that_says_nothing_is_refused(
    session: Session, officer: User, change: int, days: int, motif: str, field: str
) -> None:
    action = made(make_scene(session))
    convention = session.get_one(Convention, action.convention_id)
    with pytest.raises(RuleBroken) as broken:
        amendments.change_places(
            session,
            action,
            convention,
            change=change,
            effet_le=clock.today() + timedelta(days=days),
            motif=motif,
            by=officer,
        )
    assert broken.value.field == field


def test_an_officer_alone_writes_amendments(session: Session) -> None:
    scene = make_scene(session)
    with pytest.raises(NotAllowed):
        amend(session, scene, scene.partner, 1)


def test_an_amendment_is_written_on_its_page_once(session: Session, officer: User, sign_in: SignIn) -> None:
    scene = make_scene(session, places=3)
    browser = sign_in(officer)
    form = browser.get(address(made(scene), "/avenant")).form("amendment-form")
    for _ in range(2):
        page = form.submit(sens="retirer", places="2", motif="Avenant n° 7")
    assert page.path == address(made(scene))
    (line,) = page.soup.select("#avenants tbody tr")
    assert cells(line)[1:3] == ["−2", "Avenant n° 7"]
    assert session.exec(select(PlaceChange.d_financees)).all() == [-2]
    assert "Inscrire un avenant" not in sign_in(scene.partner).get(address(made(scene))).text


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"sens": "retirer", "places": "4"}, "places"),
        ({"sens": "ajouter", "places": "0"}, "places"),
        ({"sens": "ajouter", "places": "beaucoup"}, "places"),
        ({"sens": "ajouter", "places": "1", "effet_le": "2001-01-01"}, "effet_le"),
        ({"sens": "ajouter", "places": "1", "motif": ""}, "motif"),
        ({"places": "1"}, "sens"),
    ],
)
def test_the_page_of_an_amendment_says_what_is_wrong(
    session: Session, officer: User, sign_in: SignIn, typed: dict[str, str], field: str
) -> None:
    scene = make_scene(session, places=3)
    form = sign_in(officer).get(address(made(scene), "/avenant")).form("amendment-form")
    page = form.submit(status=422, **{"motif": "Avenant n° 7", **typed})
    assert list(page.errors) == [field]
    assert page.form("amendment-form").values["motif"] == typed.get("motif", "Avenant n° 7")
    assert session.exec(select(PlaceChange)).all() == []


# --- Overbooking, and a convention that is over ---


def test_overbooking_goes_up_to_its_number(session: Session, officer: User, sign_in: SignIn) -> None:
    scene = make_scene(session, places=1)
    page = sign_in(officer).get(address(made(scene), "/modifier")).form("action-form")
    page.submit("Enregistrer", surreservation="1")
    session.refresh(made(scene))
    for _ in range(2):
        make_prescription(session, scene, State.ACCEPTEE)
    assert (places(session, scene).libres, places(session, scene).prenables) == (-1, 0)
    with pytest.raises(NoPlaceLeft):
        make_prescription(session, scene, State.ACCEPTEE)
    form = sign_in(officer).get(address(made(scene), "/modifier")).form("action-form")
    form.submit("Enregistrer", surreservation="0", status=422)
    session.refresh(made(scene))
    assert made(scene).surreservation == 1, "two places are held: they stay"


def test_the_delay_of_absence_is_the_convention_s(session: Session, officer: User, sign_in: SignIn) -> None:
    scene = make_scene(session)
    convention = session.get_one(Convention, made(scene).convention_id)
    path = f"/conventions/{convention.id}"
    form = sign_in(officer).get(f"{path}/modifier").form(f"{convention.id}/modifier")
    assert list(form.submit("Enregistrer", status=422, delai_entree_jours="400").errors) == [
        "delai_entree_jours"
    ]
    assert "15 jours" in form.submit("Enregistrer", delai_entree_jours="15").text
    session.refresh(convention)
    assert convention.delai_entree_jours == 15
    form = sign_in(officer).get(f"{path}/modifier").form(f"{convention.id}/modifier")
    form.submit("Enregistrer", delai_entree_jours="")
    session.refresh(convention)
    assert convention.delai_entree_jours is None


def test_when_the_convention_is_over_one_accepts_without_a_place(
    session: Session, move_clock: MoveClock
) -> None:
    move_clock(2030, 1, 2, 10)
    scene = make_scene(session)
    prescription = make_prescription(session, scene)
    move_clock(2031, 1, 2, 10)
    with pytest.raises(PlacesEnded, match="finie depuis le"):
        answers.accept(session, prescription, by=scene.partner)
    answers.accept(session, prescription, by=scene.partner, without_place=True)
    assert prescription.state is State.ACCEPTEE
    assert session.exec(select(PlaceMovement)).all() == []


# --- Places over time ---


def test_the_days_told_are_the_month_ends_and_today(session: Session) -> None:
    action = made(make_scene(session))
    convention = session.get_one(Convention, action.convention_id)
    convention.date_debut, convention.date_fin = date(2030, 1, 15), date(2030, 12, 31)
    assert over_time.days_told(convention, date(2030, 1, 10)) == []
    assert over_time.days_told(convention, date(2030, 1, 31)) == [date(2030, 1, 31)]
    assert over_time.days_told(convention, date(2030, 3, 2)) == [
        date(2030, 1, 31),
        date(2030, 2, 28),
        date(2030, 3, 2),
    ]
    assert over_time.days_told(convention, date(2031, 2, 2))[-2:] == [date(2030, 12, 31), date(2031, 2, 2)]


def test_a_past_day_is_told_again(
    session: Session, officer: User, sign_in: SignIn, move_clock: MoveClock
) -> None:
    move_clock(2030, 3, 1, 10)
    scene = make_scene(session, places=3)
    prescription = make_prescription(session, scene, State.ACCEPTEE)
    move_clock(2030, 3, 20, 10)
    answers.enter(session, prescription, by=scene.partner, day=date(2030, 3, 10))
    amend(session, scene, officer, 2, days=0)
    for user in (officer, scene.partner):
        browser = sign_in(user)
        page = browser.get(address(made(scene), "/places"))
        for day, told in (
            ("2030-03-05", ["5 mars 2030", "3", "1", "0", "0", "2"]),
            ("2030-03-12", ["12 mars 2030", "3", "0", "1", "0", "2"]),
            ("2030-03-20", ["20 mars 2030", "5", "0", "1", "0", "4"]),
        ):
            (row,) = page.form("day-form").submit(le=day).soup.select("#ce-jour tbody tr")
            assert cells(row) == told
        before = session.get_one(Convention, made(scene).convention_id).date_debut - timedelta(days=1)
        assert "ne courait pas ce jour-là" in page.form("day-form").submit(le=before.isoformat()).text
        assert "ne courait pas" not in page.form("day-form").submit(le="2030-03-05").text
        assert prescription.beneficiary_id is not None and "Fictif" not in page.text
        for wrong in ("2030-03-21", "hier"):
            assert list(page.form("day-form").submit(le=wrong, status=422).errors) == ["le"]


def test_the_picture_says_what_the_table_says(session: Session, officer: User, sign_in: SignIn) -> None:
    scene = make_scene(session, places=3)
    for state in (State.ACCEPTEE, State.ENTREE, State.TERMINEE):
        make_prescription(session, scene, state)
    amend(session, scene, officer, 1, days=30)
    action = made(scene)
    convention = session.get_one(Convention, action.convention_id)
    drawn = over_time.picture(ledger.timeline(session, action), convention, clock.today())
    assert [area.label for area in drawn.areas] == ["Utilisées", "Occupées", "Retenues"]
    heights = [float(corner.split(",")[1]) for corner in drawn.financed.split()]
    assert len(set(heights)) == 2 and heights[0] > heights[-1], "one step up"
    by_number = {number: y for y, number in drawn.grid}
    assert (heights[0], heights[-1]) == (by_number[3], by_number[4])
    svg = sign_in(officer).get(address(action, "/places")).soup.select_one("svg.chart")
    assert svg is not None and svg.select_one("title") and svg.select_one("desc")
    assert len(svg.select("polygon")) == 3


def test_places_held_beyond_the_financed_ones_are_a_column_of_their_own(
    session: Session, officer: User, sign_in: SignIn
) -> None:
    scene = make_scene(session, places=1)
    made(scene).surreservation = 2
    session.flush()
    path = address(made(scene), "/places")
    labels = ["Fin du jour", "Financées", "Retenues", "Occupées", "Utilisées", "Libres"]

    def table() -> tuple[list[str], list[str]]:
        found = sign_in(officer).get(path).soup.select(".places-table")[-1]
        return [th.get_text(strip=True) for th in found.select("thead th")], cells(found.select("tr")[-1])

    make_prescription(session, scene, State.ENTREE)
    head, row = table()
    assert (head, row[1:]) == (labels, ["1", "0", "1", "0", "0"])
    for _ in range(2):
        make_prescription(session, scene, State.ACCEPTEE)
    head, row = table()
    assert head == [*labels[:2], "Dépassement", *labels[2:]]
    financed, beyond, *taken, free = map(int, row[1:])
    assert (financed, beyond, taken, free) == (1, 2, [2, 1, 0], 0)
    assert financed + beyond == sum(taken) + free


def test_a_day_that_changes_nothing_is_no_corner(session: Session) -> None:
    """A year of comings and goings is drawn in as many corners as the tally has values, not days."""
    action = made(make_scene(session))
    convention = session.get_one(Convention, action.convention_id)
    first = convention.date_debut
    days = [first + timedelta(days=n) for n in range(60)]
    told = ledger.Timeline([], [9], days, [0] * 61, [0, *range(1, 31), *[30] * 30], [0] * 61, 0)
    drawn = over_time.picture(told, convention, clock.today())
    (area,) = drawn.areas
    # Up: two corners for each of the 30 values, the beginning and today; down: level, along the floor.
    assert len(area.points.split()) == 2 * 29 + 2 + 2
    xs = [float(corner.split(",")[0]) for corner in area.points.split()]
    assert xs[:-2] == sorted(xs[:-2]) and xs[-2:] == [xs[-3], xs[0]]


def test_an_action_that_nobody_took_is_drawn_too(session: Session) -> None:
    action = made(make_scene(session, places=0))
    convention = session.get_one(Convention, action.convention_id)
    drawn = over_time.picture(ledger.timeline(session, action), convention, clock.today())
    assert drawn.areas == []
    assert len(drawn.financed.split()) >= 2


def test_another_partner_does_not_see_the_places(session: Session, sign_in: SignIn) -> None:
    scene, other = make_scene(session), make_scene(session)
    sign_in(other.partner).get(address(made(scene), "/places"), status=404)
    sign_in(scene.referent).get(address(made(scene), "/places"), status=403)
    wrong = address(made(scene)).replace(str(made(scene).id), str(uuid.uuid4()))
    sign_in(scene.partner).get(f"{wrong}/places", status=404)
