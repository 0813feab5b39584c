"""What a référent writes in a person's file."""

from collections.abc import Mapping
from typing import Any

from flask import current_app
from wtforms import BooleanField, DateField, EmailField, RadioField, SelectChoice, StringField
from wtforms.validators import DataRequired, InputRequired, Optional

from portal import geography
from portal.beneficiaries.models import Beneficiary
from portal.parcours import FREINS, Dominante
from portal.vocabulary import Structure
from portal.web.fields import DAY_FORMATS, key_field
from portal.web.forms import (
    ChecklistField,
    CommuneField,
    FollowsSchema,
    Form,
    MaxLength,
    NotInFuture,
    PhoneField,
)

# A person's details are not offered again to whoever uses the computer next.
_NOT_KEPT = {"autocomplete": "off"}


class BeneficiaryForm(Form):
    """Who is the person, how to reach them, and what stands in their way?"""

    cle = key_field()
    prenom = StringField("Prénom", [DataRequired("Écrivez le prénom."), MaxLength(80)], render_kw=_NOT_KEPT)
    nom = StringField("Nom", [DataRequired("Écrivez le nom."), MaxLength(80)], render_kw=_NOT_KEPT)
    date_naissance = DateField(
        "Date de naissance",
        [
            InputRequired("Écrivez la date de naissance."),
            NotInFuture("La date de naissance est dans le futur : corrigez-la."),
        ],
        format=DAY_FORMATS,
        invalid_value_message="Écrivez une date complète, par exemple 12/04/1985.",
        render_kw=_NOT_KEPT,
    )
    commune = CommuneField(
        "Commune",
        [Optional()],
        description="Le nom ou le code postal. Elle sert à trouver les offres proches.",
        render_kw=_NOT_KEPT,
    )
    telephone = PhoneField("Téléphone", [Optional()], render_kw={**_NOT_KEPT, "type": "tel"})
    courriel = EmailField(
        "Adresse électronique",
        [Optional(), MaxLength(254), FollowsSchema(Structure)],
        render_kw=_NOT_KEPT,
    )
    courriel_accord = BooleanField(
        "La personne accepte de recevoir des courriels",
        description="Elle sera prévenue à cette adresse de ce que deviennent ses prescriptions.",
    )
    numero_allocataire = StringField(
        "Numéro d’allocataire",
        [Optional(), MaxLength(20)],
        description="Celui de la CAF ou de la MSA.",
        render_kw=_NOT_KEPT,
    )
    dominante = RadioField(
        "Dominante du parcours",
        choices=[
            SelectChoice("", "Pas encore décidée"),
            *[SelectChoice(d.value, d.label) for d in Dominante],
        ],
        default="",
        invalid_choice_message="Choisissez une des dominantes proposées.",
    )
    freins = ChecklistField(
        "Freins repérés",
        choices=[SelectChoice(frein.slug, frein.label) for frein in FREINS],
        description="Chaque frein propose les offres qui y répondent. N’y mettez que ce qui sert au parcours.",
    )

    def __init__(self, formdata: Any = None, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(formdata, data=data)
        self.commune.departement = current_app.config["PORTAL"].departement

    def to_values(self) -> dict[str, Any]:
        """Return what `rules.create_beneficiary` takes; call it once the form is valid."""
        values = self.values()
        found = self.commune.commune
        values["code_insee"] = found.code if found else None
        return values


def as_typed(person: Beneficiary) -> dict[str, Any]:
    """Return a file as the form holds it."""
    commune = geography.commune(person.code_insee) if person.code_insee else None
    return {
        "cle": str(person.id),
        "prenom": person.prenom,
        "nom": person.nom,
        "date_naissance": person.date_naissance,
        "commune": commune.label if commune else None,
        "telephone": person.telephone,
        "courriel": person.courriel,
        "courriel_accord": person.courriel_accord,
        "numero_allocataire": person.numero_allocataire,
        "dominante": person.dominante.value if person.dominante else "",
        "freins": person.freins or [],
    }
