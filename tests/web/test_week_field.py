"""The question about opening hours: what the table and the text become, and what they say when they are wrong."""

import json
import uuid
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask import Flask, render_template_string
from sqlmodel import Session
from werkzeug.datastructures import MultiDict

from portal.accounts.models import Role
from portal.structures.models import Structure
from portal.web import hours
from portal.web.forms import Form, MaxLength
from portal.web.hours_field import WeekField
from tests.factories.accounts import make_user
from tests.factories.structures import make_partner, make_structure
from tests.pages import Page

NAME = "horaires_accueil"
OFFICE = "Mo-Fr 09:00-12:00,14:00-17:00; Sa 09:00-12:00; PH off"
# Read by everybody, and more than a table of two spans a day can show.
RICH = [
    "Jan-Mar Mo 09:00-12:00",
    'Mo 09:00-12:00 "sur rendez-vous"',
    "Mo 08:00-09:00,10:00-11:00,14:00-15:00",
    "Fr 22:00-02:00",
]


class Question(Form):
    horaires_accueil = WeekField("Horaires d’accueil", [MaxLength(500)], description="Laissez vide.")


def shown(text: str | None) -> dict[str, str]:
    """What a browser sends of the form as it was opened on `text`."""
    form = Question(data={NAME: text})
    return sent(form)


def sent(form: Question) -> dict[str, str]:
    field = form.horaires_accueil
    found = {NAME: field._value(), field.before_name: field.before_value}
    found |= {cell.name: cell.value for day in field.days for span in day.spans for cell in span}
    if field.is_closed_on_holidays:
        found[field.holidays_name] = "1"
    return found


def cells(**days: str) -> dict[str, str]:
    """cells(mo="9h 12h - 17h") → {control: what is typed}; "-" is a control left empty."""
    found = {}
    for day, typed in days.items():
        for place, value in zip(("1-start", "1-end", "2-start", "2-end"), typed.split(), strict=False):
            found[f"{NAME}-{day}-{place}"] = "" if value == "-" else value
    return found


def answered(values: dict[str, Any]) -> Question:
    form = Question(MultiDict(values))
    form.validate()
    return form


@pytest.mark.parametrize(
    "text",
    [
        None,
        OFFICE,
        "Mo-Fr 08:30-12:30; PH off",
        "mo-fr 9:00-12:00,   Sa 10:00-12:00",
        " Tu 09:00-12:00\r\n",
        "Tu 09:00-12:00;\nWe 09:00-12:00",
        "PH off",
        "off",
        "24/7",
        "tous les matins",
        *RICH,
    ],
)
def test_a_form_that_nobody_changed_changes_nothing(text: str | None) -> None:
    form = answered(shown(text))
    assert form.errors == {}
    assert form.values()[NAME] == text


@pytest.mark.parametrize(
    "text", [OFFICE, "Mo-Fr 08:30-12:30; PH off", "24/7", "Fr 18:00-24:00", "Tu 14:00-17:00"]
)
def test_the_table_alone_says_what_the_text_said(text: str) -> None:
    form = answered(
        {name: value for name, value in shown(text).items() if name not in {NAME, f"{NAME}-before"}}
    )
    assert form.errors == {}
    assert form.horaires_accueil.data == text


def test_the_table_shows_the_text() -> None:
    values = shown("Mo 09:00-12:00,14:00-17:30; Tu 08:00-16:00; We 14:00-18:00; Fr 20:00-24:00; PH off")
    assert {
        name.removeprefix(f"{NAME}-"): value for name, value in values.items() if value and "-" in name
    } == {
        "before": json.dumps(values[NAME]),
        "mo-1-start": "09:00",
        "mo-1-end": "12:00",
        "mo-2-start": "14:00",
        "mo-2-end": "17:30",
        "tu-1-start": "08:00",
        "tu-1-end": "16:00",
        # An afternoon stands in the second place.
        "we-2-start": "14:00",
        "we-2-end": "18:00",
        "fr-2-start": "20:00",
        "fr-2-end": "24:00",
        "holidays": "1",
    }


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        (cells(mo="09:00 12:00 14:00 17:00"), "Mo 09:00-12:00,14:00-17:00"),
        (cells(mo="9h 12h30 14 1730"), "Mo 09:00-12:30,14:00-17:30"),
        (cells(mo="- - 14h 17h"), "Mo 14:00-17:00"),
        (cells(mo="14h 17h 9h 12h"), "Mo 09:00-12:00,14:00-17:00"),
        (cells(sa="18:00 00:00"), "Sa 18:00-24:00"),
        (cells(sa="0h 24h"), "Sa 00:00-24:00"),
        (cells(sa="00:00 00:00"), "Sa 00:00-24:00"),
        (
            cells(mo="9h 12h", tu="9h 12h", we="9h 12h") | {f"{NAME}-holidays": "1"},
            "Mo-We 09:00-12:00; PH off",
        ),
    ],
)
@pytest.mark.parametrize("before", [None, "tous les matins", RICH[0]])
def test_a_table_filled_in_is_written(typed: dict[str, str], text: str, before: str | None) -> None:
    form = answered(shown(before) | typed)
    assert form.errors == {}
    assert form.horaires_accueil.data == text
    assert hours.is_readable(text)


def test_a_changed_table_wins_over_the_text() -> None:
    changed = shown(OFFICE) | cells(sa="- -") | {NAME: "Su 09:00-10:00"}
    assert answered(changed).horaires_accueil.data == "Mo-Fr 09:00-12:00,14:00-17:00; PH off"


def test_an_emptied_table_empties_the_text() -> None:
    values = {name: "" for name in shown(OFFICE) if name != f"{NAME}-holidays"}
    form = answered(values | {NAME: OFFICE, f"{NAME}-before": json.dumps(OFFICE)})
    assert form.values()[NAME] is None


@pytest.mark.parametrize("before", [None, OFFICE, RICH[0], "tous les matins"])
@pytest.mark.parametrize("text", ["Su 09:00-10:00", "", RICH[1]])
def test_a_changed_text_wins_over_a_table_left_as_it_was(before: str | None, text: str) -> None:
    form = answered(shown(before) | {NAME: text})
    assert form.errors == {}
    assert form.values()[NAME] == (text or None)


@pytest.mark.parametrize("text", ["Mo-Fr 09:00-12:00", RICH[1], ""])
def test_the_text_alone_is_enough(text: str) -> None:
    form = answered({NAME: text})
    assert form.errors == {}
    assert form.values()[NAME] == (text or None)


@pytest.mark.parametrize("before", ["pas du json", "[1]", "", '{"a": 1}'])
def test_a_hidden_control_that_was_tampered_with_is_forgotten(before: str) -> None:
    form = answered({NAME: "Tu 09:00-12:00", f"{NAME}-before": before})
    assert form.horaires_accueil.data == "Tu 09:00-12:00"
    assert answered({NAME: "le matin", f"{NAME}-before": before}).errors


@pytest.mark.parametrize(
    ("typed", "sentence", "control"),
    [
        (cells(tu="12:00 09:00"), "Le mardi : l’heure de fin vient avant l’heure de début.", "tu-1-end"),
        (cells(tu="9h 9h"), "Le mardi : l’heure de fin est la même que l’heure de début.", "tu-1-end"),
        (cells(tu="9h -"), "Le mardi : écrivez l’heure de fin du premier créneau.", "tu-1-end"),
        (cells(su="9h 12h - 17h"), "Le dimanche : écrivez l’heure de début du second créneau.", "su-2-start"),
        (cells(mo="9h 12h 11h 17h"), "Le lundi : les deux créneaux se recouvrent.", "mo-2-start"),
        (cells(mo="matin midi"), "Le lundi : « matin » n’est pas une heure.", "mo-1-start"),
        (cells(mo="24h 24h"), "Le lundi : l’heure de fin est la même que l’heure de début.", "mo-1-end"),
        (cells(mo="9h 25h"), "Le lundi : « 25h » n’est pas une heure.", "mo-1-end"),
        (cells(sa="22:00 02:00"), "Le samedi : l’heure de fin vient avant l’heure de début.", "sa-1-end"),
    ],
)
def test_a_day_that_is_wrong_says_so_in_its_place(
    app: Flask, typed: dict[str, str], sentence: str, control: str
) -> None:
    form = answered(shown(OFFICE) | typed)
    ((said,),) = form.errors.values()
    assert said.startswith(sentence)
    soup = page_of(app, form)
    assert [(a["href"], a.text) for a in soup.select("#error-summary a")] == [(f"#{NAME}-{control}", said)]
    wrong = soup.select("[aria-invalid]")
    assert [tag["id"] for tag in wrong] == [f"{NAME}-{control}"]
    told = soup.select_one(f"#{wrong[0]['aria-describedby']}")
    assert told is not None
    assert said in told.text
    assert told.find_parent("fieldset").legend.text == said.split()[1].capitalize()  # type: ignore[union-attr]
    # What was typed stays, times written the same way everywhere.
    for name, value in typed.items():
        (cell,) = soup.select(f"#{name}")
        minutes = hours.read_time(value)
        assert cell["value"] == (value if minutes is None else hours.write_time(minutes))


def test_every_wrong_day_is_told_at_once() -> None:
    form = answered(shown(None) | cells(mo="9h -", we="17h 9h", fr="9h 12h"))
    assert [sentence.split(" : ")[0] for sentence in form.errors[NAME]] == ["Le lundi", "Le mercredi"]


@pytest.mark.parametrize("before", [None, OFFICE, RICH[0]])
def test_a_text_that_nobody_can_read_is_told_beside_it(app: Flask, before: str | None) -> None:
    form = answered(shown(before) | {NAME: "tous les matins"})
    soup = page_of(app, form)
    assert [a["href"] for a in soup.select("#error-summary a")] == [f"#{NAME}"]
    (text,) = soup.select(f"#{NAME}")
    assert (text["value"], text["aria-invalid"]) == ("tous les matins", "true")
    assert "ne peuvent pas être lus" in soup.select_one(f"#{NAME}-error").text  # type: ignore[union-attr]
    around = text.find_parent("details")
    assert around is None or around.has_attr("open"), "the control in question is folded away"


@pytest.mark.parametrize("text", RICH)
def test_what_the_table_cannot_show_is_shown_as_text(app: Flask, text: str) -> None:
    soup = page_of(app, Question(data={NAME: text}))
    (control,) = soup.select(f"#{NAME}")
    assert control["value"] == text
    assert control.find_parent("details") is None
    assert "ne tiennent pas dans un tableau" in soup.text
    assert soup.select_one("details .week-days") is not None
    assert not soup.select_one("details[open]")


def test_a_text_that_is_too_long_is_refused() -> None:
    form = answered({NAME: "; ".join(["Mo 09:00-12:00"] * 40)})
    assert "Raccourcissez" in form.errors[NAME][0]


def page_of(app: Flask, form: Question) -> BeautifulSoup:
    template = (
        '{% import "components/forms.html" as forms %}{{ forms.error_summary(form) }}'
        "{{ forms.week(form.horaires_accueil) }}"
    )
    with app.test_request_context():
        return BeautifulSoup(render_template_string(template, form=form), "html5lib")


# --- In the form of a structure ---


def open_form(session: Session, sign_in: Any, text: str | None) -> tuple[Page, Structure]:
    partner, structure = make_partner(session, make_structure(session, horaires_accueil=text))
    return sign_in(partner).get(f"/structures/{structure.id}/modifier"), structure


def test_a_week_is_filled_in_saved_and_shown_again(session: Session, sign_in: Any) -> None:
    page, structure = open_form(session, sign_in, None)
    monday = cells(mo="9h 12h 14h 17h30")
    shown_page = page.form("structure-form").submit(**monday, **{f"{NAME}-holidays": "1"})
    session.expire_all()
    assert structure.horaires_accueil == "Mo 09:00-12:00,14:00-17:30; PH off"
    assert "lun. : 9 h à 12 h et 14 h à 17 h 30" in shown_page.text
    again = page.browser.get(f"/structures/{structure.id}/modifier").form("structure-form").values
    assert again[f"{NAME}-mo-2-end"] == "17:30"
    assert again[f"{NAME}-holidays"] == "1"


@pytest.mark.parametrize("text", ["Mo-Fr 08:30-12:30;  PH off", RICH[1], "tous les matins"])
def test_saving_something_else_leaves_the_hours_to_the_letter(
    session: Session, sign_in: Any, text: str
) -> None:
    page, structure = open_form(session, sign_in, text)
    page.form("structure-form").submit(description="Une autre présentation.")
    session.expire_all()
    assert (structure.description, structure.horaires_accueil) == ("Une autre présentation.", text)


def test_a_refused_week_keeps_what_was_typed(session: Session, sign_in: Any) -> None:
    page, structure = open_form(session, sign_in, OFFICE)
    refused = page.form("structure-form").submit(status=422, **cells(tu="12:00 09:00"))
    assert refused.errors == {f"{NAME}-tu-1-end": "Le mardi : l’heure de fin vient avant l’heure de début."}
    mended = refused.form("structure-form")
    assert mended.values[f"{NAME}-tu-1-start"] == "12:00"
    mended.submit(**cells(tu="09:00 12:00 - -"))
    session.expire_all()
    assert structure.horaires_accueil == ("Mo,We-Fr 09:00-12:00,14:00-17:00; Tu,Sa 09:00-12:00; PH off")


def test_a_new_structure_with_its_hours(session: Session, sign_in: Any) -> None:
    browser = sign_in(make_user(session, Role.ANIMATION))
    form = browser.get("/structures/nouvelle").form("structure-form")
    form.submit(nom="Ouverte le jeudi", **cells(th="- - 14h 18h"))
    made = session.get(Structure, uuid.UUID(str(form.values["cle"])))
    assert made is not None
    assert made.horaires_accueil == "Th 14:00-18:00"
