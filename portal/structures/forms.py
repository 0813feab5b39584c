"""Questions put to those who describe a structure, and to those who say who belongs to it."""

import re
import uuid
from typing import Any

from wtforms import (
    EmailField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
    URLField,
)
from wtforms.validators import DataRequired

from portal import geography
from portal.accounts.rules import PASSWORD_MINIMUM
from portal.structures.models import MembershipLevel
from portal.structures.models import Structure as StructureRow
from portal.structures.rules import FIELDS
from portal.vocabulary import Structure
from portal.web.fields import Keyed, Versioned
from portal.web.forms import (
    ChecklistField,
    CommuneField,
    FollowsSchema,
    Form,
    MaxLength,
    PhoneField,
    options,
    pairs,
)
from portal.web.hours_field import WeekField
from portal.web.password_fields import chosen_password


class SiretField(StringField):
    """A SIRET, however the fourteen figures are grouped."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Drop the blanks and dots that people put between figures."""
        if valuelist:
            self.data = re.sub(r"[\s.]", "", valuelist[0])


class StructureForm(Keyed, Versioned):
    """What is this structure, and how is it reached?"""

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
    antenne_of_id = SelectField(
        "Antenne de",
        choices=options([("", "Aucune : structure à part entière")]),
        default="",
        description="Si cette structure dépend d’une autre de la même entité.",
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
    horaires_accueil = WeekField(
        "Horaires d’accueil",
        [MaxLength(500), FollowsSchema(Structure)],
        description="Écrivez 9h ou 9h30, et laissez vides les jours fermés. Une journée continue s’écrit dans le premier créneau.",
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
        """Return the answers in the names of `rules.KEPT`; call after a successful validation."""
        head = self.antenne_of_id.data
        record = self.values() | {
            "code_insee": self.commune.commune.code if self.commune.commune else None,
            "antenne_of_id": uuid.UUID(head) if head else None,
        }
        if not self.antenne_of_id.raw_data:
            # Not asked, for want of anything to choose: it stays as it is.
            del record["antenne_of_id"]
        return record


class FindForm(Form):
    """Which structure do you look for?"""

    siret = SiretField("SIRET", description="Les 14 chiffres de l’établissement. Il figure sur vos factures.")
    nom = StringField("Nom de la structure", [MaxLength(150)], description="Un mot suffit.")
    commune = CommuneField("Commune", [MaxLength(150)], description="Son nom ou son code postal.")


class JoinForm(Form):
    """What will help the administrators know you?"""

    message = TextAreaField(
        "Votre message",
        [MaxLength(1000)],
        description="Par exemple votre fonction : il sera lu par ceux qui vous répondront.",
    )


_LEVELS = options((level.value, level.label) for level in MembershipLevel)


class InviteForm(Keyed):
    """Who is invited?"""

    courriel = EmailField(
        "Adresse électronique",
        [DataRequired("Écrivez l’adresse électronique."), MaxLength(254), FollowsSchema(Structure)],
        description="La personne recevra un lien, valable quatorze jours.",
    )
    level = RadioField(
        "Ce qu’elle pourra faire",
        [DataRequired("Choisissez ce que la personne pourra faire.")],
        choices=_LEVELS,
        default=MembershipLevel.MEMBRE.value,
    )


class LevelForm(Form):
    """What may this member do?"""

    level = SelectField("Niveau", choices=_LEVELS, default=MembershipLevel.MEMBRE.value)


class NewcomerForm(Form):
    """Who are you, and which password do you choose?"""

    prenom = StringField("Prénom", [DataRequired("Écrivez votre prénom."), MaxLength(80)])
    nom = StringField("Nom", [DataRequired("Écrivez votre nom."), MaxLength(80)])
    mot_de_passe, mot_de_passe_encore = chosen_password(
        "Choisissez un mot de passe", minimum=PASSWORD_MINIMUM
    )


def answers_of(structure: StructureRow) -> dict[str, Any]:
    """Return what the form shows for a structure that exists: the commune by its label."""
    commune = geography.commune(structure.code_insee) if structure.code_insee else None
    return {name: getattr(structure, name) for name in FIELDS} | {
        "commune": commune.label if commune else structure.commune,
        "antenne_of_id": str(structure.antenne_of_id or ""),
        "version": str(structure.version),
    }
