"""Pages of a person's weeks: their référent only, every reading written down, forms that keep what was typed."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from portal.accounts.models import Role, User
from portal.beneficiaries.models import AccessEntry, AccessKind, Beneficiary
from portal.prescriptions.models import HoursDone
from portal.prescriptions.states import State
from portal.programme.models import Activity, ActivityDone, WeeklyTarget
from portal.programme.weeks import WEEK
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.prescriptions import make_prescription, make_scene
from tests.pages import Browser
from tests.programme.hands import MONDAY, add, by
from tests.statements import count_statements

SignIn = Callable[[User], Browser]

TYPED: dict[str, Any] = {
    "cle": str(uuid.UUID(int=7)),
    "kind": "benevolat",
    "intitule": "Jardin partagé",
    "rythme": "chaque-semaine",
    "debut": "2026-11-16",
    "fin": "",
    "jours": ["1", "3"],
    "heure": "14h30",
    "minutes": "7,5",
}


@pytest.fixture(autouse=True)
def _now(move_clock: Any) -> None:
    """Saturday 21 November 2026, the week of MONDAY."""
    move_clock(2026, 11, 21, 10)


def at(person: Beneficiary, rest: str = "") -> str:
    return f"/beneficiaires/{person.id}/programme{rest}"


def readings(session: Session, person: Beneficiary) -> int:
    kinds = session.exec(select(AccessEntry.kind).where(col(AccessEntry.beneficiary_id) == person.id))
    return sum(kind is AccessKind.LECTURE for kind in kinds)


def pages_of(person: Beneficiary, activity: Activity) -> list[str]:
    return [
        at(person),
        at(person, "/mois"),
        at(person, "/activites/nouvelle"),
        at(person, f"/activites/{activity.id}"),
        at(person, "/objectif"),
    ]


# --- Who may knock --------------------------------------------------------------------------------------------------


def test_every_page_is_read_by_the_referent_and_written_down(session: Session, sign_in: SignIn) -> None:
    person = make_beneficiary(session)
    activity = add(session, person)
    browser = sign_in(by(session, person))
    for number, url in enumerate(pages_of(person, activity), 1):
        browser.get(url)
        assert readings(session, person) == number


@pytest.mark.parametrize("role", [None, *[role for role in Role if role is not Role.REFERENT]])
def test_nobody_else_sees_a_week(session: Session, sign_in: SignIn, role: Role | None) -> None:
    person = make_beneficiary(session)
    activity = add(session, person)
    # Without a role: another référent, even of the same organisation, for whom the person does not exist.
    referent = by(session, person)
    stranger = (
        make_user(session, role) if role else make_user(session, organisation_id=referent.organisation_id)
    )
    browser = sign_in(stranger)
    status = 403 if role else 404
    for url in pages_of(person, activity):
        assert person.nom not in browser.get(url, status=status).text
    for url in (
        at(person),
        at(person, "/activites/nouvelle"),
        at(person, f"/activites/{activity.id}"),
        at(person, f"/activites/{activity.id}/retrait"),
        at(person, "/objectif"),
    ):
        browser.post(url, TYPED, status=status)
    assert readings(session, person) == 0
    assert session.exec(select(Activity)).all() == [activity]


def test_an_activity_of_somebody_else_does_not_exist(session: Session, sign_in: SignIn) -> None:
    person = make_beneficiary(session)
    others = add(session, make_beneficiary(session))
    browser = sign_in(by(session, person))
    browser.get(at(person, f"/activites/{others.id}"), status=404)
    browser.post(at(person, f"/activites/{others.id}"), TYPED, status=404)
    browser.post(at(person, f"/activites/{others.id}/retrait"), {}, status=404)
    assert session.get(Activity, others.id) is not None


# --- The week -------------------------------------------------------------------------------------------------------


def test_the_week_tells_what_is_planned_and_done(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    prescription = make_prescription(session, scene, State.ENTREE)
    prescription.minutes_prevues, prescription.debut_prevu = 600, MONDAY
    session.add(HoursDone(prescription_id=prescription.id, semaine=MONDAY, minutes=450))
    person = session.get_one(Beneficiary, prescription.beneficiary_id)
    add(session, person)
    page = sign_in(scene.referent).get(at(person, "?semaine=2026-W47"))
    text = page.text.replace("\u00a0", " ")
    for words in (
        "Semaine 47",
        "13 h",
        "7 h 30",
        "Il manque 2 h",
        "14 h 30",
        "Jardin partagé",
        "déclaré par la structure",
    ):
        assert words in text


def test_a_week_that_does_not_exist_is_not_found(session: Session, sign_in: SignIn) -> None:
    person = make_beneficiary(session)
    browser = sign_in(by(session, person))
    browser.get(at(person, "?semaine=2026-W53"))
    for wrong in ("2025-W53", "2026-W99", "demain", "9999-W01"):
        browser.get(at(person, f"?semaine={wrong}"), status=404)
    browser.get(at(person, "/mois?mois=7"), status=404)


def test_weeks_lead_to_each_other_over_the_end_of_the_year(session: Session, sign_in: SignIn) -> None:
    person = make_beneficiary(session)
    page = sign_in(by(session, person)).get(at(person, "?semaine=2026-W53"))
    weeks = {
        link["href"].rpartition("semaine=")[2] for link in page.soup.select("nav[aria-label=Semaines] a")
    }
    assert {"2026-W52", "2027-W01"} <= weeks


def test_two_things_at_once_are_allowed_and_said(session: Session, sign_in: SignIn) -> None:
    person = make_beneficiary(session)
    add(session, person)
    add(session, person, intitule="Mairie", heure="15:00", minutes=30)
    page = sign_in(by(session, person)).get(at(person))
    assert "Jardin partagé et Mairie" in page.text


def test_a_week_of_more_than_sixty_hours_is_said(session: Session, sign_in: SignIn) -> None:
    person = make_beneficiary(session)
    for _ in range(2):
        add(session, person, jours=(), heure=None, minutes=2000)
    assert "La semaine est trop pleine" in sign_in(by(session, person)).get(at(person)).text


def test_the_number_of_statements_does_not_grow(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session, places=20)
    person = make_beneficiary(session, scene.referent)
    counts = {}
    for wanted in (1, 4):
        for _ in range(wanted):
            other = make_scene(session, places=20)
            other.referent = scene.referent
            prescription = make_prescription(session, other, State.ENTREE, person)
            prescription.minutes_prevues, prescription.debut_prevu = 120, MONDAY
            add(session, person)
        browser = sign_in(scene.referent)
        session.expunge_all()
        scene.referent = session.get_one(User, scene.referent.id)
        person = session.get_one(Beneficiary, person.id)
        for rest in ("", "/mois?mois=12"):
            with count_statements(session) as sent:
                browser.get(at(person, rest))
            counts[wanted, rest] = len(sent)
    assert counts[1, ""] == counts[4, ""] <= 12
    assert counts[1, "/mois?mois=12"] == counts[4, "/mois?mois=12"] <= 12


# --- Hours done -----------------------------------------------------------------------------------------------------


def test_hours_done_are_typed_as_they_come_and_saved_in_one_go(session: Session, sign_in: SignIn) -> None:
    person = make_beneficiary(session)
    first, second, third = (add(session, person, intitule=name) for name in ("A", "B", "C"))
    browser = sign_in(by(session, person))
    names = [f"fait_{activity.id.hex}" for activity in (first, second, third)]
    typed = {names[0]: "7h30", names[1]: "7,5", names[2]: "", **{f"{name}-avant": "" for name in names}}
    page = browser.post(at(person, "?semaine=2026-W47"), typed)
    assert "Les heures faites sont enregistrées" in page.text
    done = {d.activity_id: d.minutes for d in session.exec(select(ActivityDone))}
    assert done == {first.id: 450, second.id: 450}
    # Emptied: taken off; left as it was: left alone.
    browser.post(
        at(person, "?semaine=2026-W47"),
        {names[0]: "", f"{names[0]}-avant": "7 h 30", names[1]: "7 h 30", f"{names[1]}-avant": "7 h 30"},
    )
    session.expire_all()
    assert [d.activity_id for d in session.exec(select(ActivityDone))] == [second.id]


def test_hours_that_do_not_read_keep_what_was_typed(session: Session, sign_in: SignIn) -> None:
    person = make_beneficiary(session)
    good, wrong, many = (add(session, person, intitule=name) for name in ("A", "B", "C"))
    typed = {}
    for activity, text in ((good, "2 h"), (wrong, "beaucoup"), (many, "61")):
        typed |= {f"fait_{activity.id.hex}": text, f"fait_{activity.id.hex}-avant": ""}
    browser = sign_in(by(session, person))
    page = browser.post(at(person, "?semaine=2026-W47"), typed, status=422)
    assert "« beaucoup » ne se lit pas" in page.text
    assert page.soup.select_one(f"#fait_{wrong.id.hex}")["value"] == "beaucoup"
    typed[f"fait_{wrong.id.hex}"] = ""
    page = browser.post(at(person, "?semaine=2026-W47"), typed, status=422)
    assert "Écrivez entre 0 et 60 heures" in page.text
    assert session.exec(select(ActivityDone)).all() == []


def test_hours_changed_in_another_tab_are_told(session: Session, sign_in: SignIn) -> None:
    person = make_beneficiary(session)
    activity = add(session, person)
    name = f"fait_{activity.id.hex}"
    browser = sign_in(by(session, person))
    browser.post(at(person, "?semaine=2026-W47"), {name: "2", f"{name}-avant": ""})
    page = browser.post(at(person, "?semaine=2026-W47"), {name: "3", f"{name}-avant": ""}, status=422)
    assert "modifiées entre-temps" in page.text
    # The page now holds what is stored: saving again is a choice.
    assert page.soup.select_one(f'input[name="{name}-avant"]')["value"] == "2 h"
    assert page.soup.select_one(f'input[name="{name}"]')["value"] == "3"
    browser.post(at(person, "?semaine=2026-W47"), {name: "3", f"{name}-avant": "2 h"})
    session.expire_all()
    assert [d.minutes for d in session.exec(select(ActivityDone))] == [180]


def test_a_week_to_come_has_nothing_to_write(session: Session, sign_in: SignIn) -> None:
    person = make_beneficiary(session)
    activity = add(session, person)
    name = f"fait_{activity.id.hex}"
    browser = sign_in(by(session, person))
    assert name not in browser.get(at(person, "?semaine=2026-W48")).text
    browser.post(at(person, "?semaine=2026-W48"), {name: "3", f"{name}-avant": ""})
    assert session.exec(select(ActivityDone)).all() == []


# --- Activities -----------------------------------------------------------------------------------------------------


def test_an_activity_is_added_changed_and_removed(session: Session, sign_in: SignIn) -> None:
    person = make_beneficiary(session)
    browser = sign_in(by(session, person))
    url = at(person, "/activites/nouvelle")
    assert "« Jardin partagé » est ajouté" in browser.post(url, TYPED).text
    browser.post(url, TYPED)
    activity = session.exec(select(Activity)).one()
    assert (activity.jours, activity.heure, activity.minutes, activity.fin) == ([1, 3], "14:30", 450, None)
    page = browser.get(at(person, f"/activites/{activity.id}"))
    assert page.soup.select_one("#heure")["value"] == "14 h 30"
    assert page.soup.select_one("#minutes")["value"] == "7 h 30"
    mark = page.soup.select_one("#vu")["value"]
    browser.post(
        at(person, f"/activites/{activity.id}"),
        TYPED | {"vu": mark, "rythme": "une-fois", "heure": "9", "minutes": "1 h"},
    )
    session.expire_all()
    activity = session.exec(select(Activity)).one()
    assert (activity.jours, activity.heure, activity.minutes, activity.fin) == (None, "09:00", 60, MONDAY)
    page = browser.post(at(person, f"/activites/{activity.id}"), TYPED | {"vu": mark}, status=422)
    assert "modifiée entre-temps" in page.text
    assert page.soup.select_one("#vu")["value"] != mark
    assert "est retiré" in browser.post(at(person, f"/activites/{activity.id}/retrait"), {}).text
    assert session.exec(select(Activity)).all() == []


def test_an_activity_with_hours_done_stays(session: Session, sign_in: SignIn) -> None:
    person = make_beneficiary(session)
    activity = add(session, person)
    session.add(ActivityDone(activity_id=activity.id, semaine=MONDAY, minutes=60))
    browser = sign_in(by(session, person))
    page = browser.post(at(person, f"/activites/{activity.id}/retrait"), {}, status=422)
    assert "donnez-lui plutôt un dernier jour" in page.text
    assert session.get(Activity, activity.id) is not None


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"intitule": ""}, "Écrivez ce que c’est"),
        ({"intitule": "x" * 100_000}, "Raccourcissez"),
        ({"minutes": ""}, "Écrivez la durée"),
        ({"minutes": "longtemps"}, "ne se lit pas"),
        ({"minutes": "61", "jours": [], "heure": ""}, "60 heures par semaine au plus"),
        ({"heure": "26h"}, "ne se lit pas"),
        ({"debut": ""}, "Écrivez le jour"),
        ({"debut": "31/02/2026"}, "date complète"),
        ({"fin": "2026-11-01"}, "Le dernier jour est avant le premier"),
        ({"rythme": "une-fois", "fin": "2026-12-01"}, "laissez le dernier jour vide"),
        ({"rythme": "souvent"}, "une fois ou chaque semaine"),
        ({"kind": "sieste"}, "Choisissez dans la liste"),
        ({"jours": ["9"]}, "pas dans la liste"),
        ({"cle": "pas-une-cle"}, "Cette page est incomplète"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(
    session: Session, sign_in: SignIn, wrong: dict[str, Any], sentence: str
) -> None:
    person = make_beneficiary(session)
    page = sign_in(by(session, person)).post(at(person, "/activites/nouvelle"), TYPED | wrong, status=422)
    assert sentence in page.text
    assert session.exec(select(Activity)).all() == []


# --- What is aimed at -----------------------------------------------------------------------------------------------


def test_a_target_needs_a_reason_to_be_lower(session: Session, sign_in: SignIn) -> None:
    person = make_beneficiary(session)
    browser = sign_in(by(session, person))
    typed = {"a_partir_du": "2026-11-19", "minutes_min": "5", "minutes_max": "10 h", "raison": ""}
    page = browser.post(at(person, "/objectif"), typed, status=422)
    assert "choisissez la raison" in page.text
    page = browser.post(at(person, "/objectif"), typed | {"raison": "garde-enfants"})
    assert "Objectif fixé à partir du 16 novembre 2026" in page.text
    target = session.exec(select(WeeklyTarget)).one()
    assert (target.a_partir_du, target.minutes_min, target.minutes_max) == (MONDAY, 300, 600)
    page = browser.get(at(person, "/objectif?semaine=2026-W48"))
    assert page.soup.select_one('input[name="raison"][checked]')["value"] == "garde-enfants"
    browser.post(at(person, "/objectif"), typed | {"raison": "paresse"}, status=422)
    page = browser.post(at(person, "/objectif"), typed | {"minutes_min": ""}, status=422)
    assert "Écrivez un nombre d’heures" in page.text


# --- Months, print and the file -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("months", "weeks"), [(6, 26), (12, 52)])
def test_the_months_are_a_picture_and_its_table(
    session: Session, sign_in: SignIn, months: int, weeks: int
) -> None:
    person = make_beneficiary(session)
    add(session, person, debut=MONDAY - WEEK, fin=MONDAY - timedelta(days=1))
    page = sign_in(by(session, person)).get(at(person, f"/mois?mois={months}"))
    rows = page.soup.select("table tbody tr")
    assert len(rows) == weeks
    cells = [
        [cell.get_text(" ", strip=True).replace("\u00a0", " ") for cell in row.select("th, td")]
        for row in rows[:2]
    ]
    assert cells == [
        ["16 novembre 2026", "0 h", "0 h", "de 15 h à 20 h"],
        ["9 novembre 2026", "3 h", "0 h", "de 15 h à 20 h"],
    ]
    assert len(page.soup.select("rect.programme-planned")) == weeks + 1


def test_the_file_tells_the_hours_of_the_week(session: Session, sign_in: SignIn) -> None:
    person = make_beneficiary(session)
    add(session, person, minutes=1000)
    page = sign_in(by(session, person)).get(f"/beneficiaires/{person.id}")
    text = page.text.replace("\u00a0", " ")
    assert "16 h 40 prévues, 0 h faites" in text
    assert "Objectif atteint" in text
    assert page.soup.select_one(f'a[href="{at(person)}"]')


def test_the_agreement_to_e_mails_needs_an_address(session: Session, sign_in: SignIn) -> None:
    person = make_beneficiary(session)
    browser = sign_in(by(session, person))
    url = f"/beneficiaires/{person.id}/modifier"
    typed = {
        "cle": str(person.id),
        "prenom": person.prenom,
        "nom": person.nom,
        "date_naissance": "1985-04-12",
        "courriel": "",
        "courriel_accord": "y",
        "dominante": "",
    }
    page = browser.post(url, typed, status=422)
    assert "Écrivez l’adresse électronique" in page.text
    browser.post(url, typed | {"courriel": "dominique@exemple.example.org"})
    session.expire_all()
    assert session.get_one(Beneficiary, person.id).courriel_accord is True
    assert browser.get(url).soup.select_one("#courriel_accord").has_attr("checked")
    del typed["courriel_accord"]
    browser.post(url, typed | {"courriel": "dominique@exemple.example.org"})
    session.expire_all()
    assert session.get_one(Beneficiary, person.id).courriel_accord is False
