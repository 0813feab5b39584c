"""A password that somebody chooses, typed twice: nobody sees what they type."""

from typing import Any

from wtforms import Field, PasswordField, ValidationError
from wtforms.validators import DataRequired

from portal.web.forms import Form, kept_as_typed

kept_as_typed(PasswordField)


class SameAs:
    """Refuses an answer that is not that of the field `name`, when there is one."""

    def __init__(self, name: str, message: str) -> None:
        self.name, self.message = name, message

    def __call__(self, form: Form, field: Field) -> None:
        """Raise ValidationError when the two answers differ."""
        other = form[self.name].data
        if other and other != field.data:
            raise ValidationError(self.message)


def chosen_password(label: str, *, minimum: int) -> tuple[Any, Any]:
    """Return the two fields of a form, `mot_de_passe` and `mot_de_passe_encore`; `minimum` is told, the rules check it."""
    return (
        PasswordField(
            label,
            [DataRequired("Choisissez un mot de passe.")],
            description=f"{minimum} caractères ou plus. Une phrase de quatre mots est facile à retenir.",
        ),
        PasswordField(
            "Le même, encore une fois",
            [
                DataRequired("Écrivez-le une seconde fois."),
                SameAs("mot_de_passe", "Les deux mots de passe ne sont pas les mêmes."),
            ],
        ),
    )
