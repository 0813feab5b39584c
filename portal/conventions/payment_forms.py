"""What a convention officer writes of the payments to a partner."""

import uuid
from collections.abc import Sequence
from typing import Any

from wtforms import SelectField, StringField
from wtforms.validators import DataRequired, InputRequired

from portal.conventions.engagements import PartnerPayment
from portal.conventions.models import FinancedAction
from portal.web.euros import EurosField
from portal.web.fields import Versioned, day_field, key_field
from portal.web.forms import MaxLength, options

_MONEY = {"inputmode": "decimal", "class": "field-phone"}


class PaymentForm(Versioned):
    """What is to be paid, when, and for which action?"""

    cle = key_field()
    intitule = StringField(
        "Intitulé",
        [DataRequired("Écrivez l’intitulé du versement, par exemple « Acompte »."), MaxLength(200)],
        description="Le partenaire le lit aussi. Ne nommez personne.",
    )
    prevu_le = day_field("Prévu le", "Écrivez le jour prévu.")
    montant = EurosField("Montant en euros", [InputRequired("Écrivez le montant.")], render_kw=_MONEY)
    action_id = SelectField(
        "Pour",
        choices=options([]),
        invalid_choice_message="Choisissez une action de la liste.",
    )

    def offer(self, actions: Sequence[FinancedAction]) -> None:
        """Give the actions that a payment may be for."""
        self.action_id.choices = options(
            [("", "Toute la convention"), *((str(action.id), action.intitule) for action in actions)]
        )

    def to_values(self) -> dict[str, Any]:
        """Return what `payments.plan` takes."""
        values = self.values()
        return {
            "intitule": values["intitule"],
            "prevu_le": values["prevu_le"],
            "montant_centimes": values["montant"],
            "action_id": uuid.UUID(values["action_id"]) if values["action_id"] else None,
        }


class PaidForm(Versioned):
    """When was it paid, how much, under which reference?"""

    verse_le = day_field("Versé le", "Écrivez le jour du versement.")
    montant = EurosField("Montant versé, en euros", [InputRequired("Écrivez le montant.")], render_kw=_MONEY)
    reference = StringField("Référence", [MaxLength(100)], description="Celle du mandat, par exemple.")


class UndoForm(Versioned):
    """Why take it back?"""

    motif = StringField(
        "Pourquoi ?",
        [DataRequired("Écrivez pourquoi, par exemple « erreur de saisie »."), MaxLength(1000)],
        description="Gardé dans l’historique. Ne nommez personne.",
    )


def payment_as_typed(payment: PartnerPayment) -> dict[str, Any]:
    """Return a payment as `PaymentForm` holds it."""
    return {
        "cle": str(payment.id),
        "version": str(payment.version),
        "intitule": payment.intitule,
        "prevu_le": payment.prevu_le,
        "montant": payment.montant_centimes,
        "action_id": str(payment.action_id) if payment.action_id else "",
    }


def paid_as_typed(payment: PartnerPayment) -> dict[str, Any]:
    """Return what was paid as `PaidForm` holds it; what was planned when it is not paid yet."""
    return {
        "version": str(payment.version),
        "verse_le": payment.verse_le,
        "montant": payment.montant_centimes if payment.verse_centimes is None else payment.verse_centimes,
        "reference": payment.reference,
    }
