"""The fields that many forms bear: a day, the key of a row, the version that was opened."""

import uuid
from datetime import date
from typing import Any

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict
from wtforms import RadioField, SelectField

from portal.web import fields
from portal.web.fields import (
    Keyed,
    PastDayForm,
    Versioned,
    day_field,
    key_field,
    new_key,
    posted_key,
    posted_version,
    read_version,
)
from portal.web.forms import Form, NotInFuture, options

KEY = "0b4f5a8e-5d0c-4b8e-9d55-6f6a1f2f9d10"


@pytest.mark.parametrize("kind", [SelectField, RadioField])
def test_a_choice_that_is_gone_is_said_in_plain_words(kind: Any) -> None:
    class Chosen(Form):
        qui = kind("Qui ?", choices=options([("a", "Alix")]))

    form = Chosen(MultiDict({"qui": "parti"}))
    assert not form.validate()
    assert form.qui.errors == ["Ce choix n’est pas, ou n’est plus, dans la liste : choisissez-en un autre."]


class Asked(Versioned):
    cle = key_field()
    debut = day_field("Premier jour", "Écrivez le premier jour.")
    fin = day_field("Dernier jour", description="À laisser vide s’il n’est pas connu.")
    venue = day_field("Venue le", None, NotInFuture("Ce jour est à venir."))


def filled(**said: str) -> Asked:
    return Asked(MultiDict({"cle": KEY, "debut": "2026-12-31", **said}))


@pytest.mark.parametrize("typed", ["2026-12-31", "31/12/2026"])
def test_a_day_is_read_as_a_browser_sends_it_and_as_people_type_it(typed: str) -> None:
    form = filled(debut=typed, fin=typed)
    assert form.validate(), form.errors
    assert form.debut.data == form.fin.data == date(2026, 12, 31)
    assert typed in form.debut()


def test_a_day_that_is_kept_is_shown_as_browsers_read_it() -> None:
    assert 'value="2026-02-01"' in Asked(data={"debut": date(2026, 2, 1)}).debut()


@pytest.mark.parametrize("typed", ["demain", "2026-13-01", "31/02/2026", "31/12/26", " "])
def test_what_is_no_day_is_told_once_with_an_example(typed: str) -> None:
    form = filled(debut=typed)
    assert not form.validate()
    assert form.errors == {"debut": [fields.NOT_A_DAY]}


@pytest.mark.parametrize("typed", ["0026-12-31", "1999-12-31", "01/01/2101", "31/12/9999"])
def test_a_year_that_nobody_means_is_to_be_read_again(typed: str) -> None:
    form = filled(fin=typed)
    assert not form.validate()
    assert form.errors == {"fin": ["Relisez l’année de cette date."]}


@pytest.mark.parametrize("typed", ["2000-01-01", "2100-12-31"])
def test_the_first_and_the_last_year_are_right(typed: str) -> None:
    assert filled(fin=typed).validate()


def test_only_a_day_that_is_asked_for_is_missed() -> None:
    form = filled(debut="", fin="", venue="")
    assert not form.validate()
    assert form.errors == {"debut": ["Écrivez le premier jour."]}
    assert form.debut.flags.required and not form.fin.flags.required
    assert form.fin.data is None
    assert form.fin.description == "À laisser vide s’il n’est pas connu."


def test_checks_come_after_and_a_validator_may_say_what_is_missing(move_clock: Any) -> None:
    def told(form: Any, field: Any) -> None:
        if not field.data:
            field.errors = []
            raise fields.StopValidation("Alors, quand ?")

    class Own(Form):
        jour = day_field("Jour", told)

    form = Own(MultiDict({"jour": ""}))
    assert not form.validate() and form.errors == {"jour": ["Alors, quand ?"]}

    move_clock(2026, 6, 15, 10)
    assert filled(venue="15/06/2026").validate()
    form2 = filled(venue="16/06/2026")
    assert not form2.validate() and form2.errors == {"venue": ["Ce jour est à venir."]}


def test_a_past_day_is_past_or_today(move_clock: Any) -> None:
    move_clock(2026, 6, 15, 10)
    assert PastDayForm(MultiDict({"le": "15/06/2026"})).validate()
    form = PastDayForm(MultiDict({"le": "2026-06-16"}))
    assert not form.validate()
    assert form.errors["le"] == ["Ce jour est à venir : choisissez aujourd’hui ou un jour passé."]
    assert not PastDayForm(MultiDict({"le": ""})).validate()


@pytest.mark.parametrize("key", ["", "x", KEY[:-1]])
def test_a_page_without_its_key_is_stale(key: str) -> None:
    form = filled(cle=key)
    assert not form.validate()
    assert form.errors == {"cle": [fields.STALE]}


def test_a_new_key_is_an_id_and_never_the_same() -> None:
    assert filled(cle=new_key()).validate()
    assert new_key() != new_key()


def test_a_form_that_makes_a_row_keeps_its_key_or_is_given_one() -> None:
    assert Keyed(MultiDict({"cle": KEY})).key() == uuid.UUID(KEY)
    form = Keyed(MultiDict({"cle": "x"}))
    assert form.key() == form.key() == uuid.UUID(form.cle.data)
    assert Keyed(MultiDict()).key()


@pytest.mark.parametrize(
    ("said", "version"),
    [("0", 0), ("7", 7), ("999999999", 999_999_999), ("", None)],
)
def test_the_version_that_was_opened(said: str, version: int | None) -> None:
    form = filled(version=said)
    assert form.validate(), form.errors
    assert form.opened() == version


@pytest.mark.parametrize("said", ["-1", "1x", "1.5", "²", "٣", "1000000000", " 1 2"])
def test_what_is_no_version_is_stale(said: str) -> None:
    form = filled(version=said)
    assert not form.validate()
    assert form.errors == {"version": [fields.STALE]}
    assert form.opened() is None


def test_a_form_bears_the_version_of_what_it_shows() -> None:
    assert 'value="3"' in Asked(data={"version": 3}).version()
    assert Asked(data={"version": 3}).opened() == 3
    assert Asked(data={"version": 0}).opened() == 0
    assert Asked().opened() is None
    assert read_version(None) is None


def test_a_posted_page_says_its_key_and_its_version() -> None:
    app = Flask(__name__)
    with app.test_request_context(method="POST", data={"cle": KEY, "cle_document": "x", "version": "4"}):
        assert posted_key() == uuid.UUID(KEY)
        assert posted_key("cle_document") is None
        assert posted_version() == 4
    with app.test_request_context(method="POST", data={"version": "4x"}):
        assert posted_key() is None
        assert posted_version() is None
