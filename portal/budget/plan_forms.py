"""What an officer writes of the plan: a line of it."""

import uuid
from collections.abc import Iterable
from typing import Any

from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Optional

from portal.budget import plan
from portal.budget.expense_forms import natures, volets
from portal.budget.models import FicheAction, PlanLine
from portal.web.euros import EtpField, EurosField
from portal.web.fields import Versioned, key_field
from portal.web.forms import MaxLength, options

_NARROW = {"class": "field-phone", "inputmode": "decimal"}


class PlanLineForm(Versioned):
    """What is planned, on which volet, with which means?"""

    cle = key_field()
    volet = SelectField(
        "Volet",
        [DataRequired("Choisissez le volet.")],
        choices=options([("", "Choisir…"), *volets()]),
        invalid_choice_message="Choisissez un volet de la liste.",
        description="Les crédits d’un volet ne passent jamais à un autre.",
    )
    nature = SelectField(
        "Nature",
        [DataRequired("Choisissez la nature.")],
        choices=options([("", "Choisir…"), *natures()]),
        invalid_choice_message="Choisissez une nature de la liste.",
    )
    objet = StringField("Objet", [DataRequired("Écrivez l’objet de la ligne."), MaxLength(300)])
    detail = TextAreaField("Détail", [MaxLength(2000)], render_kw={"rows": 3})
    existant_etp = EtpField("ETP existants", [Optional()], render_kw=dict(_NARROW))
    existant = EurosField("Moyens existants en euros", [Optional()], render_kw=dict(_NARROW))
    cible_etp = EtpField("ETP visés", [Optional()], render_kw=dict(_NARROW))
    cible = EurosField("Moyens visés en euros", [Optional()], render_kw=dict(_NARROW))
    montant = EurosField(
        "Montant demandé à l’État en euros",
        [InputRequired("Écrivez le montant, 0 s’il n’y en a pas.")],
        render_kw=dict(_NARROW),
    )
    autres = EurosField("Autres sources en euros", [Optional()], render_kw=dict(_NARROW))
    autres_sources = StringField(
        "Qui paie ces autres sources", [MaxLength(300)], description="Par exemple FSE+, Région."
    )
    fiche = SelectField(
        "Fiche action",
        [Optional()],
        choices=options([("", "Aucune")]),
        invalid_choice_message="Choisissez une fiche de la liste.",
        description="Celle du volet 2 que la ligne finance. Plusieurs lignes peuvent financer la même.",
    )

    def offer(self, fiches: Iterable[FicheAction]) -> None:
        """Let one choose among these action sheets."""
        self.fiche.choices = options([("", "Aucune"), *((str(fiche.id), fiche.titre) for fiche in fiches)])

    def to_values(self) -> dict[str, Any]:
        """Return what `planning.write` takes."""
        values = self.values()
        return {
            "volet": int(values["volet"]),
            "nature": values["nature"],
            "objet": values["objet"],
            "detail": values["detail"],
            "existant_etp": values["existant_etp"],
            "existant_centimes": values["existant"],
            "cible_etp": values["cible_etp"],
            "cible_centimes": values["cible"],
            "montant_centimes": values["montant"],
            "autres_centimes": values["autres"],
            "autres_sources": values["autres_sources"],
            "fiche_id": uuid.UUID(values["fiche"]) if values["fiche"] else None,
        }


def line_as_typed(line: PlanLine) -> dict[str, Any]:
    """Return the form's data for a line; its version is told by what it says."""
    return {
        "cle": str(line.id),
        "version": str(plan.state_of(line)),
        "volet": str(line.volet),
        "nature": line.nature.value,
        "objet": line.objet,
        "detail": line.detail or "",
        "existant_etp": line.existant_etp or None,
        "existant": line.existant_centimes or None,
        "cible_etp": line.cible_etp or None,
        "cible": line.cible_centimes or None,
        "montant": line.montant_centimes,
        "autres": line.autres_centimes or None,
        "autres_sources": line.autres_sources or "",
        "fiche": str(line.fiche_id) if line.fiche_id else "",
    }
