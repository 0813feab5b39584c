"""Hours: how they are typed, those really done week by week, and those that are planned."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import Session

from portal import clock
from portal.prescriptions import answers, hours
from portal.prescriptions.answer_forms import week_name
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import State
from portal.web.durations import read_minutes, write_minutes
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.prescriptions.hands import SignIn, address
from tests.prescriptions.ledger import everything

SAVE = "Enregistrer les heures"


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("7 h 30", 450),
        ("7h30", 450),
        ("7H", 420),
        ("7:30", 450),
        ("7,5", 450),
        ("7.5", 450),
        ("7,25 h", 435),
        ("7\u00a0h\u00a030", 450),
        ("45 min", 45),
        ("0", 0),
        ("12 heures", 720),
        ("7 h 5", 425),
        ("7 h 60", None),
        ("7 h 30 h", None),
        ("sept", None),
        ("-3", None),
        ("", None),
        ("1e3", None),
        ("٧", None),
    ],
)
def test_hours_as_people_type_them(text: str, minutes: int | None) -> None:
    assert read_minutes(text) == minutes


@pytest.mark.parametrize("minutes", [0, 1, 59, 60, 450, 3600])
def test_what_is_written_is_read_again(minutes: int) -> None:
    assert read_minutes(write_minutes(minutes)) == minutes


def entered(session: Session, move_clock: Any, *, days: int = 24) -> tuple[Scene, Prescription]:
    """Somebody who came in on Tuesday 6 October 2026, `days` days ago."""
    move_clock(2026, 10, 6, 9)
    scene = make_scene(session)
    prescription = make_prescription(session, scene, State.ENTREE)
    later = date(2026, 10, 6) + timedelta(days=days)
    move_clock(later.year, later.month, later.day, 9)
    return scene, prescription


def typed(**weeks: str) -> dict[str, Any]:
    """What is typed for the weeks of these Mondays of 2026: typed(o19="6") for 19 October."""
    return {week_name(date(2026, 10, int(day[1:]))): text for day, text in weeks.items()}


def written(session: Session, prescription: Prescription) -> dict[date, int]:
    return hours.declared(session, prescription.id, hours.weeks_inside(prescription))


class TestDone:
    def test_several_weeks_in_one_go(self, session: Session, sign_in: SignIn, move_clock: Any) -> None:
        scene, prescription = entered(session, move_clock)
        weeks = [date(2026, 10, 26), date(2026, 10, 19), date(2026, 10, 12), date(2026, 10, 5)]
        page = sign_in(scene.partner).get(address(prescription, "heures"))
        form = page.form("/heures")
        assert [
            name for name in form.values if name.startswith("semaine") and not name.endswith("avant")
        ] == [week_name(w) for w in weeks]
        assert "Semaine du 26 octobre au 1er novembre 2026 (en cours)" in page.text
        page = form.submit(SAVE, **typed(o19="7 h 30", o12="6"))
        assert "Les heures de 2 semaines sont enregistrées." in page.text
        assert written(session, prescription) == {weeks[1]: 450, weeks[2]: 360}
        page = page.browser.get(address(prescription, "heures"))
        assert "13 h 30" in page.text.replace("\u00a0", " ")
        values = page.form("/heures").values
        assert values[week_name(weeks[1])] == "7 h 30"
        page = page.form("/heures").submit(SAVE)
        assert "Rien n’a changé." in page.text

    def test_one_wrong_week_and_nothing_is_written(
        self, session: Session, sign_in: SignIn, move_clock: Any
    ) -> None:
        scene, prescription = entered(session, move_clock)
        monday, other = week_name(date(2026, 10, 19)), week_name(date(2026, 10, 12))
        form = sign_in(scene.partner).get(address(prescription, "heures")).form("/heures")
        for wrong, sentence in (
            ("beaucoup", "« beaucoup » ne se lit pas : écrivez par exemple 7 h 30."),
            ("61", "Écrivez entre 0 et 60 heures."),
        ):
            page = form.submit(SAVE, **typed(o12="6", o19=wrong), status=422)
            assert page.errors == {monday: sentence}
            values = page.form("/heures").values
            assert (values[other], values[monday]) == ("6", wrong)
            assert written(session, prescription) == {}

    def test_to_take_hours_back_one_writes_zero(
        self, session: Session, sign_in: SignIn, move_clock: Any
    ) -> None:
        scene, prescription = entered(session, move_clock)
        monday = date(2026, 10, 19)
        answers.declare_hours(session, prescription, by=scene.partner, week=monday, minutes=300)
        form = sign_in(scene.partner).get(address(prescription, "heures")).form("/heures")
        page = form.submit(SAVE, **typed(o19=""), status=422)
        assert page.errors == {week_name(monday): "Écrivez 0 si la personne n’a rien fait cette semaine-là."}
        page.form("/heures").submit(SAVE, **typed(o19="0"))
        assert written(session, prescription) == {monday: 0}

    def test_a_colleague_who_wrote_meanwhile_is_not_undone(
        self, session: Session, sign_in: SignIn, move_clock: Any
    ) -> None:
        scene, prescription = entered(session, move_clock)
        mine, theirs = date(2026, 10, 19), date(2026, 10, 12)
        form = sign_in(scene.partner).get(address(prescription, "heures")).form("/heures")
        answers.declare_hours(session, prescription, by=scene.partner, week=theirs, minutes=600)
        session.commit()
        form.submit(SAVE, **typed(o19="5"))
        assert written(session, prescription) == {mine: 300, theirs: 600}

    def test_older_weeks_stand_behind_a_link(
        self, session: Session, sign_in: SignIn, move_clock: Any
    ) -> None:
        scene, prescription = entered(session, move_clock, days=100)
        page = sign_in(scene.partner).get(address(prescription, "heures"))
        assert len(page.soup.select("tbody tr")) == 8
        page = page.click("Semaines plus anciennes")
        assert len(page.soup.select("tbody tr")) == 7
        page = page.form("/heures").submit(SAVE, **typed(o05="4"))
        assert written(session, prescription) == {date(2026, 10, 5): 240}
        assert "Dernières semaines" in page.text
        page.browser.get(address(prescription, "heures") + "?avant=demain")

    def test_not_before_the_entry(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, State.ACCEPTEE)
        page = sign_in(scene.partner).get(address(prescription, "heures"))
        assert page.path == address(prescription)
        assert "Déclarez d’abord l’entrée" in page.text

    def test_not_a_week_that_is_not_on_the_page(
        self, session: Session, sign_in: SignIn, move_clock: Any
    ) -> None:
        scene, prescription = entered(session, move_clock)
        browser = sign_in(scene.partner)
        before = everything(session)
        browser.post(address(prescription, "heures"), {"semaine-2020-01-06": "5"})
        assert everything(session) == before
        assert written(session, prescription) == {}


class TestPlanned:
    @pytest.mark.parametrize("side", ["referent", "partner"])
    def test_either_side_adjusts_the_week(self, session: Session, sign_in: SignIn, side: str) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, State.ACCEPTEE)
        page = sign_in(getattr(scene, side)).get(address(prescription, "semaine"))
        form = page.form("/semaine")
        assert form.values["heures"] == "6 h"
        today = clock.today()
        page = form.submit(
            "Changer la semaine",
            heures="7h30",
            debut=today.isoformat(),
            fin_prevue=(today - timedelta(days=1)).isoformat(),
            status=422,
        )
        assert page.errors == {"fin_prevue": "La fin est avant le début : corrigez les dates."}
        page = page.form("/semaine").submit("Changer la semaine", heures="61", fin_prevue="", status=422)
        assert page.errors == {"heures": "Écrivez entre 0 et 60 heures par semaine."}
        page = page.form("/semaine").submit("Changer la semaine", heures="7h30", fin_prevue="")
        assert "La semaine prévue est changée." in page.text
        assert (prescription.minutes_prevues, prescription.debut_prevu) == (450, today)

    def test_not_once_it_has_ended(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, State.REFUSEE)
        page = sign_in(scene.partner).get(address(prescription, "semaine"))
        assert page.path == address(prescription)
        assert "rien n’a été changé" in page.text
