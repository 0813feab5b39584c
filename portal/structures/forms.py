"""Questions put to those who describe a structure, and to those who say who belongs to it."""

import re
from typing import Any

from wtforms import BooleanField, EmailField, HiddenField, StringField, TextAreaField, URLField
from wtforms.validators import DataRequired

from portal import geography
from portal.structures.models import Structure as StructureRow
from portal.structures.rules import FIELDS
from portal.vocabulary import Structure
from portal.web.forms import (
    ChecklistField,
    CommuneField,
    FollowsSchema,
    Form,
    HoursField,
    MaxLength,
    PhoneField,
    pairs,
)


class SiretField(StringField):
    """A SIRET, however the fourteen figures are grouped."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Drop the blanks and dots that people put between figures."""
        if valuelist:
            self.data = re.sub(r"[\s.]", "", valuelist[0])


class StructureForm(Form):
    """What is this structure, and how is it reached?"""

    # The id of the structure to create, made when the form is opened: pressing twice creates once.
    cle = HiddenField()

    nom = StringField(
        "Nom de la structure",
        [DataRequired("Écrivez le nom de la structure."), MaxLength(150), FollowsSchema(Structure)],
        description="Le nom que connaissent les personnes que vous accueillez.",
    )
    description = TextAreaField(
        "Présentation",
        [MaxLength(10_000), FollowsSchema(Structure)],
        description="Ce que fait la structure, en quelques phrases simples.",
    )
    siret = SiretField(
        "SIRET",
        [FollowsSchema(Structure)],
        description="Les 14 chiffres de l’établissement qui accueille, ou ceux du siège.",
    )
    reseaux_porteurs = ChecklistField(
        "Réseaux", [FollowsSchema(Structure)], choices=pairs("reseaux_porteurs")
    )

    commune = CommuneField(
        "Commune",
        [MaxLength(150), FollowsSchema(Structure)],
        description="Son nom ou son code postal. Il la faut pour publier.",
    )
    code_postal = StringField("Code postal", [FollowsSchema(Structure)])
    adresse = StringField(
        "Adresse",
        [MaxLength(250), FollowsSchema(Structure)],
        description="Numéro et rue, par exemple 12 rue de la Gare.",
    )
    complement_adresse = StringField(
        "Complément d’adresse",
        [MaxLength(250), FollowsSchema(Structure)],
        description="Bâtiment, étage, entrée.",
    )
    horaires_accueil = HoursField(
        "Horaires d’accueil",
        [MaxLength(500), FollowsSchema(Structure)],
        description="Jours en deux lettres (Mo Tu We Th Fr Sa Su), puis heures. Par exemple, du lundi au vendredi : "
        "Mo-Fr 09:00-12:00,14:00-17:00; PH off (fermé les jours fériés).",
    )
    accessibilite_lieu = URLField(
        "Accessibilité du lieu",
        [MaxLength(2083), FollowsSchema(Structure)],
        description="L’adresse de sa fiche sur acceslibre.beta.gouv.fr.",
    )

    telephone = PhoneField(
        "Téléphone",
        [MaxLength(20), FollowsSchema(Structure)],
        description="Un seul numéro, par exemple 02 99 00 00 00.",
    )
    courriel = EmailField(
        "Adresse électronique",
        [MaxLength(254), FollowsSchema(Structure)],
        description="Une adresse d’accueil plutôt que celle d’une personne : elle sera publiée.",
    )
    site_web = URLField(
        "Site internet",
        [MaxLength(2083), FollowsSchema(Structure)],
        description="L’adresse complète, qui commence par https://.",
    )

    def record(self) -> dict[str, Any]:
        """Return the answers in the names of `rules.FIELDS`; call after a successful validation."""
        return self.values() | {"code_insee": self.commune.commune.code if self.commune.commune else None}


class MemberForm(Form):
    """Who joins the structure?"""

    prenom = StringField("Prénom", [DataRequired("Écrivez le prénom."), MaxLength(80)])
    nom = StringField("Nom", [DataRequired("Écrivez le nom."), MaxLength(80)])
    courriel = EmailField(
        "Adresse électronique",
        [DataRequired("Écrivez l’adresse électronique."), MaxLength(254), FollowsSchema(Structure)],
        description="Si la personne n’a pas de compte, un lien pour choisir un mot de passe y sera envoyé.",
    )
    administrateur = BooleanField(
        "Cette personne peut aussi ajouter et retirer des membres",
    )


def answers_of(structure: StructureRow) -> dict[str, Any]:
    """Return what the form shows for a structure that exists: the commune by its label."""
    commune = geography.commune(structure.code_insee) if structure.code_insee else None
    return {name: getattr(structure, name) for name in FIELDS} | {
        "commune": commune.label if commune else structure.commune
    }
