"""What a convention officer writes along the life of a convention: its signature, end, renewal and amendments."""

import re
import uuid
from collections.abc import Sequence
from typing import Any

from wtforms import IntegerField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Optional, ValidationError

from portal import money
from portal.conventions.amendments import PLACES
from portal.conventions.models import FinancedAction
from portal.web.euros import EurosField
from portal.web.fields import Versioned, day_field, key_field
from portal.web.forms import Form, MaxLength

_MINUS = re.compile(r"^[-−–]\s*")
_PLUS = re.compile(r"^\+\s*")


class MoreOrLessEurosField(EurosField):
    """An amount that is added or, with a minus before it, taken away; `data` is a whole number of cents, or None."""

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        if not self.data:
            return ""
        return ("−" if self.data < 0 else "") + money.show_euros(abs(self.data))

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the amount. Raises ValueError with what to write when it cannot be read."""
        typed = valuelist[0].strip() if valuelist else ""
        if not typed:
            self.data = None
            return
        sign = -1 if _MINUS.match(typed) else 1
        self.data = sign * money.read_euros(_PLUS.sub("", _MINUS.sub("", typed)))


class MoreOrLessField(IntegerField):
    """A whole number that is added or, with a minus before it, taken away; `data` is None when nothing is written."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the number. Raises ValueError with what to write when it cannot be read."""
        typed = valuelist[0].strip() if valuelist else ""
        if not typed:
            self.data = None
            return
        sign = -1 if _MINUS.match(typed) else 1
        digits = _PLUS.sub("", _MINUS.sub("", typed))
        if not digits.isdecimal() or len(digits) > 6:
            self.data = None
            raise ValueError("Écrivez un nombre entier, par exemple 3 ou -3.")
        self.data = sign * int(digits)


class SignForm(Versioned):
    """Signed on which day?"""

    signee_le = day_field("Signée le", "Écrivez le jour de la signature.")


class CloseForm(Versioned):
    """Anything to say?"""

    motif = StringField(
        "Une précision ?",
        [MaxLength(1000)],
        description="Gardée dans l’historique. Ne nommez personne.",
    )


class DiscardForm(Versioned):
    """Anything to say?"""

    motif = StringField(
        "Pourquoi ?",
        [MaxLength(1000)],
        description="Gardé dans l’historique. Ne nommez personne.",
    )


class ReopenForm(Versioned):
    """Why?"""

    motif = StringField(
        "Pourquoi la rouvrir ?",
        [DataRequired("Écrivez pourquoi vous la rouvrez."), MaxLength(1000)],
        description="Gardé dans l’historique. Ne nommez personne.",
    )


class TerminateForm(Versioned):
    """From which day, and why?"""

    resiliee_le = day_field("Dernier jour", "Écrivez le dernier jour de la convention.")
    motif = TextAreaField(
        "Pourquoi la résilier ?",
        [DataRequired("Écrivez pourquoi elle est résiliée."), MaxLength(1000)],
        description="Gardé dans l’historique. Ne nommez personne.",
        render_kw={"rows": 3},
    )


class RenewForm(Form):
    """Under which number, for how long, how much?"""

    cle = key_field()
    numero = StringField(
        "Numéro",
        [DataRequired("Écrivez le numéro de la nouvelle convention."), MaxLength(40)],
    )
    intitule = StringField("Intitulé", [DataRequired("Écrivez l’intitulé."), MaxLength(200)])
    date_debut = day_field("Premier jour", "Écrivez le premier jour de la nouvelle convention.")
    date_fin = day_field("Dernier jour", "Écrivez le dernier jour de la nouvelle convention.")
    montant = EurosField(
        "Montant en euros",
        [InputRequired("Écrivez le montant de la nouvelle convention.")],
        render_kw={"inputmode": "decimal", "class": "field-phone"},
    )

    def to_values(self) -> dict[str, Any]:
        """Return what `renewal.renew` takes."""
        values = self.values()
        values["montant_centimes"] = values.pop("montant")
        values.pop("cle")
        return values


class WholeAmendmentForm(Versioned):
    """What does this amendment change? The places of each action come after (see `amendment_form`)."""

    cle = key_field()
    objet = StringField(
        "Objet de l’avenant",
        [DataRequired("Écrivez l’objet de l’avenant."), MaxLength(500)],
        description="Le partenaire le lit aussi. Ne nommez personne.",
    )
    signe_le = day_field("Signé le", "Écrivez le jour de la signature.")
    effet_le = day_field(
        "Compte à partir du",
        "Écrivez le premier jour.",
        description="Le premier jour de ce nouveau montant et de ces places.",
    )
    d_montant = MoreOrLessEurosField(
        "Montant en plus, en euros",
        [Optional()],
        description="Par exemple 5 000, ou -5 000 pour retirer. Sans réponse, le montant ne change pas.",
        render_kw={"class": "field-phone"},
    )
    date_fin = day_field("Nouveau dernier jour", description="Sans réponse, il ne change pas.")

    def to_values(self, actions: Sequence[FinancedAction]) -> dict[str, Any]:
        """Return what `amendments.amend` takes."""
        values = self.values()
        return {
            "objet": values["objet"],
            "signe_le": values["signe_le"],
            "effet_le": values["effet_le"],
            "date_fin": values["date_fin"],
            "d_montant_centimes": values["d_montant"],
            "places": {action.id: values[places_name(action.id)] for action in actions},
        }


def places_name(action_id: uuid.UUID) -> str:
    """Return the name of the field that holds the places of an action."""
    return f"{PLACES}{action_id.hex}"


def amendment_form(
    actions: Sequence[FinancedAction], posted: Any, data: dict[str, Any]
) -> WholeAmendmentForm:
    """Return the form of an amendment, with a field for the places of each action."""

    def plausible(form: Form, field: Any) -> None:
        if field.data is not None and abs(field.data) > 100_000:
            raise ValidationError("Relisez ce nombre de places : il est trop grand.")

    fields = {
        places_name(action.id): MoreOrLessField(
            action.intitule, [Optional(), plausible], render_kw={"class": "field-number"}
        )
        for action in actions
    }
    made: WholeAmendmentForm = type("AmendmentOfThisConvention", (WholeAmendmentForm,), fields)(
        posted, data=data
    )
    return made
