"""A password that is chosen: typed twice, the same."""

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict

from portal.accounts.forms import PasswordForm
from portal.structures.forms import NewcomerForm
from portal.web.forms import Form

OTHERS = {"prenom": "Camille", "nom": "Exemple"}


@pytest.mark.parametrize("form", [PasswordForm, NewcomerForm])
@pytest.mark.parametrize(
    ("first", "second", "errors"),
    [
        ("quatre mots pas plus", "quatre mots pas plus", {}),
        (
            "quatre mots pas plus",
            "quatre mots pas plis",
            {"mot_de_passe_encore": ["Les deux mots de passe ne sont pas les mêmes."]},
        ),
        # The blanks of a password are its own.
        (
            "quatre mots pas plus",
            "quatre mots pas plus ",
            {"mot_de_passe_encore": ["Les deux mots de passe ne sont pas les mêmes."]},
        ),
        ("quatre mots pas plus", "", {"mot_de_passe_encore": ["Écrivez-le une seconde fois."]}),
        ("", "quatre mots pas plus", {"mot_de_passe": ["Choisissez un mot de passe."]}),
    ],
)
def test_the_second_must_be_the_first(
    app: Flask, form: type[Form], first: str, second: str, errors: dict[str, list[str]]
) -> None:
    with app.test_request_context():
        asked = form(MultiDict(OTHERS | {"mot_de_passe": first, "mot_de_passe_encore": second}))
        assert asked.validate() is (not errors)
        assert asked.errors == errors
        names = [field.name for field in asked if field.name.startswith("mot_de_passe")]
        assert names == ["mot_de_passe", "mot_de_passe_encore"]
