"""What a file's form accepts, and the sentences it answers with."""

from collections.abc import Iterator
from datetime import date

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict

from portal import create_app
from portal.beneficiaries.forms import BeneficiaryForm
from portal.config import Config

TYPED = {
    "cle": "6f1b0e0e-3f5b-4a4c-9d2e-0a7f0c9f3b11",
    "prenom": " Élodie ",
    "nom": "Fictive",
    "date_naissance": "1990-02-01",
    "commune": "redon",
    "telephone": "06 00 00 00 00",
    "courriel": "elodie@exemple.example.org",
    "numero_allocataire": "",
    "dominante": "",
}


@pytest.fixture(scope="module")
def context(config: Config) -> Iterator[Flask]:
    app = create_app(config)
    with app.test_request_context():
        yield app


def filled(**values: str) -> BeneficiaryForm:
    return BeneficiaryForm(MultiDict({**TYPED, **values}))


def test_a_form_gives_what_the_rules_take(context: Flask) -> None:
    form = BeneficiaryForm(MultiDict([*TYPED.items(), ("freins", "mobilite"), ("freins", "sante")]))
    assert form.validate(), form.errors
    values = form.to_values()
    assert values["prenom"] == "Élodie"
    assert values["date_naissance"] == date(1990, 2, 1)
    assert values["code_insee"] == "35236"
    assert values["telephone"] == "+33600000000"
    assert values["numero_allocataire"] is None
    assert values["dominante"] is None
    assert values["freins"] == ["mobilite", "sante"]


def test_a_name_and_a_birth_date_are_enough(context: Flask) -> None:
    form = filled(commune="", telephone="", courriel="")
    assert form.validate(), form.errors
    assert form.to_values()["code_insee"] is None


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("prenom", "", "Écrivez le prénom."),
        ("nom", " ", "Écrivez le nom."),
        ("nom", "a" * 81, "Raccourcissez de 1 caractère"),
        ("date_naissance", "", "Écrivez la date de naissance."),
        ("date_naissance", "hier", "Écrivez une date complète"),
        ("date_naissance", "2999-01-01", "La date de naissance est dans le futur"),
        ("commune", "Nulle-Part-sur-Rien", "n’est pas connu"),
        ("telephone", "12", "Écrivez un seul numéro"),
        ("courriel", "elodie", "Écrivez une adresse électronique complète"),
        ("dominante", "autre", "Choisissez une des dominantes"),
        ("freins", "autre", "« autre » n’est pas dans la liste"),
        ("cle", "pas-une-cle", "Cette page est incomplète"),
        ("cle", "", "Cette page est incomplète"),
    ],
)
def test_what_is_wrong_is_said_once(context: Flask, field: str, value: str, sentence: str) -> None:
    form = filled(**{field: value})
    assert not form.validate()
    assert list(form.errors) == [field]
    assert len(form.errors[field]) == 1
    assert sentence in form.errors[field][0]


def test_a_day_may_be_typed_as_people_write_it(context: Flask) -> None:
    form = filled(date_naissance="01/02/1990")
    assert form.validate(), form.errors
    assert form.date_naissance.data == date(1990, 2, 1)


def test_a_name_that_several_communes_bear_is_looked_for_here_first(context: Flask) -> None:
    form = filled(commune="Saint-Malo")
    assert form.validate(), form.errors
    assert form.commune.commune is not None
    assert form.commune.commune.code_departement == "35"
