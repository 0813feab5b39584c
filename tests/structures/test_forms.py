"""Questions on structures, without a database."""

import pytest
from werkzeug.datastructures import MultiDict

from portal.structures.forms import StructureForm
from portal.structures.views import readable_hours


def errors(**answers: str) -> dict[str, list[str]]:
    form = StructureForm(MultiDict({"nom": "Association Exemple", **answers}))
    form.commune.departement = "35"
    form.validate()
    return {str(name): list(sentences) for name, sentences in form.errors.items()}


def test_only_the_name_is_needed() -> None:
    assert errors() == {}
    assert list(errors(nom="")) == ["nom"]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("nom", "Ab", "au moins 3"),
        ("siret", "123", "14 chiffres"),
        ("siret", "1234567890123A", "14 chiffres"),
        ("code_postal", "3500", "5 chiffres"),
        ("courriel", "accueil@", "adresse électronique"),
        ("telephone", "02 99 00", "numéro de téléphone"),
        ("site_web", "www.exemple.org", "https://"),
        ("site_web", "javascript:alert(1)", "https://"),
        ("horaires_accueil", "tous les matins", "horaires"),
        ("commune", "Rednn", "Redon (35600)"),
        ("adresse", "x" * 251, "Raccourcissez"),
        ("reseaux_porteurs", "pas-un-reseau", "pas-un-reseau"),
    ],
)
def test_what_is_refused_says_what_to_write(name: str, value: str, sentence: str) -> None:
    found = errors(**{name: value})
    assert list(found) == [name]
    assert sentence in found[name][0]


def test_answers_become_what_the_rules_take() -> None:
    form = StructureForm(
        MultiDict(
            [
                ("nom", "  Association   Exemple "),
                ("siret", "356 000 000 00048"),
                ("commune", "redon"),
                ("telephone", "02 99 00 00 00"),
                ("reseaux_porteurs", "ai"),
                ("reseaux_porteurs", "aci"),
                ("site_web", ""),
            ]
        )
    )
    assert form.validate(), form.errors
    record = form.record()
    assert record["nom"] == "Association Exemple"
    assert record["siret"] == "35600000000048"
    assert record["code_insee"] == "35236"
    assert record["telephone"] == "+33299000000"
    assert record["reseaux_porteurs"] == ["ai", "aci"]
    assert record["site_web"] is None


def test_a_warning_does_not_block() -> None:
    form = StructureForm(MultiDict({"nom": "Association Exemple."}))
    assert form.validate()
    assert list(form.avertissements) == ["nom"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (
            "Mo-Fr 09:00-12:00,14:00-17:30; PH off",
            ["lun. à ven. : 9 h à 12 h et 14 h à 17 h 30", "jours fériés : fermé"],
        ),
        ("Tu,Th 08:30-10:00", ["mar., jeu. : 8 h 30 à 10 h"]),
        ("Mo-We,Fr 09:00-12:00; Sa,Su off", ["lun. à mer., ven. : 9 h à 12 h", "sam., dim. : fermé"]),
        ("09:00-17:00", ["lun. à dim. : 9 h à 17 h"]),
        ("mo 9:00-12:00, Sa 10:00-12:00", ["lun. : 9 h à 12 h", "sam. : 10 h à 12 h"]),
        ("Fr 18:00-24:00; PH off", ["ven. : 18 h à 24 h", "jours fériés : fermé"]),
        ("24/7", ["24 h sur 24, 7 jours sur 7"]),
        ('Mo "sur rendez-vous"', ['Mo "sur rendez-vous"']),
        ("Jan-Mar Mo 09:00-10:00", ["Jan-Mar Mo 09:00-10:00"]),
        ("", []),
        (None, []),
    ],
)
def test_opening_hours_are_said_in_french(written: str | None, read: list[str]) -> None:
    assert readable_hours(written) == read
