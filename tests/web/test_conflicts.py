"""What the second of two people on one form is shown."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, DateField, HiddenField, IntegerField, SelectField, StringField

from portal.web.conflicts import between, given
from portal.web.euros import EurosField
from portal.web.forms import ChecklistField, Form, options

WHEN = datetime(2026, 3, 3, 9, tzinfo=UTC)
SAVED: dict[str, Any] = {
    "cle": "a",
    "version": "4",
    "nom": "Un",
    "jour": date(2026, 3, 1),
    "montant": 3_000_050,
    "nombre": 0,
    "pour": "b",
    "parmi": ["y", "x"],
    "oui": True,
}


class Questions(Form):
    """One field of each kind."""

    cle = HiddenField()
    version = HiddenField()
    nom = StringField("Nom")
    jour = DateField("Jour", format=["%Y-%m-%d"])
    montant = EurosField("Montant")
    nombre = IntegerField("Nombre")
    pour = SelectField("Pour", choices=options([("", "Tous"), ("b", "L’un")]))
    parmi = ChecklistField("Parmi", choices=options([("x", "Ixe"), ("y", "Igrec")]))
    oui = BooleanField("Oui ?")


def typed(**changes: Any) -> Questions:
    """The form as typed: what is saved, but for these."""
    said = {
        "cle": "b",
        "version": "2",
        "nom": "Un",
        "jour": "2026-03-01",
        "montant": "30000,50",
        "nombre": "00",
        "pour": "b",
        "parmi": ["x", "y"],
        "oui": "y",
    } | changes
    return Questions(MultiDict({name: value for name, value in said.items() if value is not None}))


def rows(form: Form) -> list[tuple[str, str, str]]:
    """The rows shown, as (question, theirs, ours)."""
    found = between(form, Questions(None, data=SAVED), ("Camille Exemple", WHEN))
    assert (found.who, found.when) == ("Camille Exemple", WHEN)
    return [(row.label, row.before, row.after) for row in found.rows]


def test_the_same_typed_otherwise_is_the_same() -> None:
    assert rows(typed()) == []


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"nom": "Deux"}, ("Nom", "Un", "Deux")),
        ({"nom": ""}, ("Nom", "Un", "Rien")),
        ({"jour": "2026-12-31"}, ("Jour", "1er mars 2026", "31 décembre 2026")),
        ({"montant": "30 000"}, ("Montant", "30\u202f000,50\u00a0€", "30\u202f000,00\u00a0€")),
        ({"nombre": ""}, ("Nombre", "0", "Rien")),
        ({"pour": ""}, ("Pour", "L’un", "Tous")),
        ({"parmi": ["y"]}, ("Parmi", "Ixe, Igrec", "Igrec")),
        ({"parmi": None}, ("Parmi", "Ixe, Igrec", "Rien")),
        ({"oui": None}, ("Oui ?", "Oui", "Non")),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_what_differs_is_said_as_people_read_it(changes: dict[str, Any], row: tuple[str, str, str]) -> None:
    assert rows(typed(**changes)) == [row]


def test_sent_again_it_replaces_what_was_saved() -> None:
    form = typed(nom="Deux")
    between(form, Questions(None, data=SAVED), (None, WHEN))
    assert (form.version._value(), form.cle.data, form.nom.data) == ("4", "b", "Deux")


def test_the_portal_itself_may_have_written() -> None:
    assert between(typed(), Questions(None, data=SAVED), (None, WHEN)).who == "Le portail"


def test_a_question_that_is_asked_no_more_is_left_out() -> None:
    class More(Questions):
        montant_2030 = EurosField("2030")

    form = More(MultiDict({"montant_2030": "5", "nom": "Un"}))
    assert "2030" not in [row[0] for row in rows(form)]


def test_what_was_typed_is_given_back_as_it_was_typed() -> None:
    assert given(typed(jour="demain", montant="douze", nombre=None, oui=None, nom="")) == [
        ("Jour", "demain"),
        ("Montant", "douze"),
        ("Pour", "L’un"),
        ("Parmi", "Ixe, Igrec"),
    ]
    assert given(typed())[-1] == ("Oui ?", "Oui")
    assert given(Questions(MultiDict())) == []
