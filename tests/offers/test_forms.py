"""Questions on offers, without a database."""

from datetime import date
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from portal.offers.forms import OfferForm


def offer_form(**answers: Any) -> OfferForm:
    form = OfferForm(MultiDict({"nom": "Atelier vélo", "type": "", **answers}))
    form.commune.departement = "35"
    return form


def test_only_the_name_is_needed() -> None:
    assert offer_form().validate()
    form = offer_form(nom="")
    assert not form.validate()
    assert list(form.errors) == ["nom"]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("type", "inconnu", ""),
        ("thematiques", "mobilite--inconnue", "mobilite--inconnue"),
        ("publics", "martiens", "martiens"),
        ("dominantes", "joie", "joie"),
        ("frais", "cher", ""),
        ("description", "Non", "au moins 5"),
        ("commune", "Rednn", "Redon (35600)"),
        ("commune", "Saint-Denis", "Saint-Denis (97400)"),
        ("zone_eligibilite", "Ille-et-Vilaine\nNulle-Part-sur-Mer", "Nulle-Part-sur-Mer"),
        ("volume_horaire_hebdomadaire", "trois", "3,5"),
        ("volume_horaire_hebdomadaire", "nan", "3,5"),
        ("volume_horaire_hebdomadaire", "1e9", "3,5"),
        ("volume_horaire_hebdomadaire", "-1", "égal ou supérieur"),
        ("volume_horaire_hebdomadaire", "61", "60 heures au plus"),
        ("nombre_semaines", "douze", "nombre entier"),
        ("nombre_semaines", "1,5", "nombre entier"),
        ("nombre_semaines", "0", "égal ou supérieur"),
        ("nombre_semaines", "999999999999", "nombre entier"),
        ("nombre_semaines", "521", "520 semaines"),
        ("lien_mobilisation", "www.exemple.org", "https://"),
        ("courriel", "accueil", "adresse électronique"),
        ("telephone", "appelez-nous", "numéro de téléphone"),
        ("horaires_accueil", "le matin", "horaires"),
        ("mode_prescription", "x" * 501, "Raccourcissez"),
    ],
)
def test_what_is_refused_says_what_to_write(name: str, value: str, sentence: str) -> None:
    form = offer_form(**{name: value})
    assert not form.validate()
    assert list(form.errors) == [name]
    assert sentence in form.errors[name][0]
    assert form.errors[name][0]


def test_all_publics_come_alone() -> None:
    form = OfferForm(
        MultiDict([("nom", "Vélo"), ("type", ""), ("publics", "tous-publics"), ("publics", "femmes")])
    )
    assert not form.validate()
    assert list(form.errors) == ["publics"]


@pytest.mark.parametrize(
    ("typed", "hours"),
    [
        ("3,5", 3.5),
        ("3.5", 3.5),
        ("7", 7.0),
        ("3 h 30", 3.5),
        ("3h", 3.0),
        ("2 H 20", 2.33),
        ("0", 0.0),
        ("", None),
    ],
)
def test_hours_are_read_as_people_write_them(typed: str, hours: float | None) -> None:
    form = offer_form(volume_horaire_hebdomadaire=typed)
    assert form.validate(), form.errors
    assert form.record()["volume_horaire_hebdomadaire"] == hours


def test_hours_are_shown_with_a_comma() -> None:
    form = OfferForm(data={"volume_horaire_hebdomadaire": 3.5, "nombre_semaines": 12})
    assert 'value="3,5"' in form.volume_horaire_hebdomadaire()
    assert 'value="12"' in form.nombre_semaines()


def test_a_zone_is_read_line_by_line_and_shown_by_name() -> None:
    form = offer_form(zone_eligibilite="Ille-et-Vilaine\n\nRedon (35600)\nRedon Agglomération\nFrance")
    assert form.validate(), form.errors
    assert form.record()["zone_eligibilite"] == ["35", "35236", "243500741", "france"]
    shown = str(OfferForm(data={"zone_eligibilite": ["35", "france"]}).zone_eligibilite())
    assert "Ille-et-Vilaine (35)" in shown
    assert "France entière" in shown


def test_a_warning_does_not_block() -> None:
    form = offer_form(nom="Atelier vélo.")
    assert form.validate()
    assert list(form.avertissements) == ["nom"]


def test_days_may_be_typed_where_no_calendar_is_shown() -> None:
    form = offer_form(
        **{"date_fin": "31/12/2030", "sessions-0-debut": "15/01/2030", "sessions-0-fin": "2030-01-20"}
    )
    assert form.validate(), form.errors
    assert form.date_fin.data == date(2030, 12, 31)
    assert [(row["debut"], row["fin"]) for row in form.rows()] == [(date(2030, 1, 15), date(2030, 1, 20))]
    form = offer_form(**{"date_fin": "fin 2030", "sessions-0-debut": "mi-janvier"})
    assert not form.validate()
    assert "31/12/2026" in form.errors["date_fin"][0]
    assert "31/12/2026" in form.sessions.entries[0].form.errors["debut"][0]
