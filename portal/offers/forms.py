"""Questions put to those who look for an offer, and to those who write one."""

import re
import uuid
from typing import Any

from wtforms import (
    EmailField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    URLField,
    ValidationError,
)
from wtforms.validators import DataRequired, Optional

from portal import geography, vocabulary
from portal.offers.models import Offer
from portal.offers.queries import DEFAULT_RADIUS_KM, RADII_KM
from portal.offers.rules import FIELDS
from portal.parcours import Dominante
from portal.structures.models import Structure
from portal.vocabulary import Service
from portal.web.forms import (
    ChecklistField,
    CommuneField,
    FollowsSchema,
    Form,
    HoursField,
    MaxLength,
    PhoneField,
    ZonesField,
    options,
    pairs,
)

MAX_WORDS = 200
MAX_HOURS = 60
MAX_WEEKS = 520

_HOURS_AND_MINUTES = re.compile(r"([0-9]{1,3})\s*h\s*([0-5]?[0-9])?", re.IGNORECASE)
_DECIMAL = re.compile(r"-?[0-9]{1,6}(?:[.,][0-9]{1,6})?")


class PlaceField(StringField):
    """Where to look: after validation `commune` is the place, or `near` holds the labels of those to choose from."""

    data: str | None
    commune: geography.Commune | None = None
    departement: str | None = None
    near: list[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.near = []

    def pre_validate(self, form: Any) -> None:
        """Find the commune. Five figures are a postal code first: nobody knows the INSEE code of a neighbour."""
        if not self.data:
            return
        try:
            self.commune = geography.resolve(self.data, self.departement)
        except geography.AmbiguousPlace as ambiguous:
            postal = [place for place in ambiguous.choices if self.data.strip() in place.codes_postaux]
            if len(postal) == 1:
                self.commune = postal[0]
            else:
                self.near = [place.label for place in postal or ambiguous.choices]
                raise ValidationError(
                    f"Plusieurs communes répondent à « {self.data[:100]} » : choisissez la vôtre."
                ) from None
        except geography.UnknownPlace as unknown:
            self.near = unknown.labels
            raise ValidationError(
                f"Nous ne trouvons pas « {self.data[:100]} ». Écrivez le nom d’une commune ou son code postal."
            ) from None


class ThematiquesField(SelectMultipleField):
    """Thématiques, or whole categories of them; after validation `expanded` holds the thématiques."""

    data: Any
    expanded: list[str]

    def pre_validate(self, form: Any) -> None:
        """Refuse what is neither, in a sentence that names it."""
        self.data = list(dict.fromkeys(value for value in self.data or () if value))
        try:
            self.expanded = vocabulary.expand_thematiques(self.data)
        except KeyError as unknown:
            raise ValidationError(
                f"La thématique « {str(unknown.args[0])[:80]} » n’existe pas : choisissez-en une dans la liste."
            ) from None


class SearchForm(Form):
    """What do you need, and where?"""

    quoi = StringField("Quoi ?")
    ou = PlaceField("Où ?")
    thematique = ThematiquesField("Thématique")
    rayon = StringField("Dans un rayon de")

    def validate_quoi(self, field: StringField) -> None:
        """Keep the beginning of a text that is too long: it is a slip, not a fault."""
        field.data = (field.data or "")[:MAX_WORDS]

    def validate_rayon(self, field: StringField) -> None:
        """Only the distances of the list."""
        if field.data and field.data not in map(str, RADII_KM):
            choices = ", ".join(map(str, RADII_KM))
            raise ValidationError(f"Choisissez un rayon de la liste : {choices} km.")

    @property
    def radius_km(self) -> int:
        """The radius in force, the widest one unless another was chosen."""
        return int(self.rayon.data) if self.rayon.data and not self.rayon.errors else DEFAULT_RADIUS_KM


class WeeklyHoursField(StringField):
    """Hours a week as people write them: 3,5 or 3.5 or 3 h 30; `data` is a number."""

    data: Any

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else f"{self.data:g}".replace(".", ",")

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the number."""
        self.data = None
        typed = (valuelist[0] if valuelist else "").strip()
        if not typed:
            return
        if both := _HOURS_AND_MINUTES.fullmatch(typed):
            self.data = round(int(both[1]) + int(both[2] or 0) / 60, 2)
        elif _DECIMAL.fullmatch(typed):
            self.data = float(typed.replace(",", "."))
        else:
            raise ValueError("Écrivez un nombre d’heures, par exemple 3,5 ou 3 h 30.")


class WeeksField(IntegerField):
    """A whole number of weeks."""

    data: Any

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the number."""
        self.data = None
        typed = (valuelist[0] if valuelist else "").strip()
        if not typed:
            return
        if not re.fullmatch(r"-?[0-9]{1,9}", typed):
            raise ValueError("Écrivez un nombre entier de semaines, par exemple 12.")
        self.data = int(typed)


class AtMost:
    """Validator: a number no greater than what makes sense."""

    def __init__(self, maximum: int, message: str) -> None:
        self.maximum, self.message = maximum, message

    def __call__(self, form: Any, field: Any) -> None:
        """Raise ValidationError beyond the maximum."""
        if field.data is not None and field.data > self.maximum:
            raise ValidationError(self.message)


class OfferForm(Form):
    """What is this offer, for whom, where, and how is it asked for?"""

    # The id of the offer to create, made when the form is opened: pressing twice creates once.
    cle = HiddenField()

    nom = StringField(
        "Nom de l’offre",
        [DataRequired("Écrivez le nom de l’offre."), MaxLength(150), FollowsSchema(Service)],
        description="Ce qu’on y fait, en peu de mots : « Préparer le code de la route en groupe ». "
        "130 caractères au plus, sans point à la fin.",
    )
    type = SelectField(
        "Type",
        [FollowsSchema(Service)],
        choices=[*options([("", "Choisir…")]), *pairs("type")],
    )
    thematiques = ChecklistField(
        "Thématiques",
        [FollowsSchema(Service)],
        choices=pairs("thematiques"),
        description="Ouvrez une famille, puis cochez. Une offre sans thématique ne se trouve pas.",
    )
    description = TextAreaField(
        "Description",
        [MaxLength(10_000), FollowsSchema(Service)],
        description="Ce qui est proposé, comment cela se passe, ce que la personne en retire. "
        "Entre 200 et 2 000 caractères.",
    )

    publics = ChecklistField(
        "Publics",
        [FollowsSchema(Service)],
        choices=pairs("publics"),
        description="« Tous publics » se coche seul.",
    )
    publics_precisions = TextAreaField(
        "Précisions sur les publics",
        [MaxLength(2000), FollowsSchema(Service)],
        description="Âge, situation, niveau : tout ce que les cases ne disent pas.",
    )
    conditions_acces = TextAreaField(
        "Conditions d’accès",
        [MaxLength(4000), FollowsSchema(Service)],
        description="Ce qu’il faut avoir ou savoir avant de venir, les documents à apporter.",
    )
    dominantes = ChecklistField(
        "Dominante du parcours",
        choices=options((dominante.value, dominante.label) for dominante in Dominante),
        description="À quels parcours l’offre convient, selon l’orientation donnée par le département.",
    )
    zone_eligibilite = ZonesField(
        "Zone : d’où peut-on venir ?",
        [FollowsSchema(Service)],
        description="Un lieu par ligne : une commune, une intercommunalité, un département, ou France. "
        "Laissez vide si peu importe.",
    )

    modes_accueil = ChecklistField(
        "Comment rencontre-t-on les personnes ?", [FollowsSchema(Service)], choices=pairs("modes_accueil")
    )
    commune = CommuneField(
        "Commune",
        [MaxLength(150), FollowsSchema(Service)],
        description="Son nom ou son code postal. Il la faut même pour une offre à distance.",
    )
    code_postal = StringField("Code postal", [FollowsSchema(Service)])
    adresse = StringField(
        "Adresse",
        [MaxLength(250), FollowsSchema(Service)],
        description="Là où l’on est reçu : numéro et rue.",
    )
    complement_adresse = StringField(
        "Complément d’adresse",
        [MaxLength(250), FollowsSchema(Service)],
        description="Bâtiment, étage, entrée.",
    )
    horaires_accueil = HoursField(
        "Horaires",
        [MaxLength(500), FollowsSchema(Service)],
        description="Jours en deux lettres (Mo Tu We Th Fr Sa Su), puis heures. Par exemple, le mardi matin : "
        "Tu 09:00-12:00. À laisser vide si ce sont ceux de la structure.",
    )
    volume_horaire_hebdomadaire = WeeklyHoursField(
        "Heures par semaine",
        [
            AtMost(MAX_HOURS, f"Écrivez {MAX_HOURS} heures au plus : c’est le volume d’une seule semaine."),
            FollowsSchema(Service),
        ],
        description="Par exemple 3,5 ou 3 h 30. Elles comptent dans les 15 à 20 heures d’activité.",
    )
    nombre_semaines = WeeksField(
        "Nombre de semaines",
        [AtMost(MAX_WEEKS, f"Écrivez {MAX_WEEKS} semaines au plus."), FollowsSchema(Service)],
        description="La durée pour une personne.",
    )

    mobilisable_par = ChecklistField(
        "Qui peut demander cette offre ?",
        [FollowsSchema(Service)],
        choices=pairs("mobilisable_par"),
        description="Cochez « Professionnels » pour qu’un référent puisse la prescrire ici.",
    )
    modes_mobilisation = ChecklistField(
        "Comment la demander ?", [FollowsSchema(Service)], choices=pairs("modes_mobilisation")
    )
    telephone = PhoneField(
        "Téléphone",
        [MaxLength(20), FollowsSchema(Service)],
        description="Un seul numéro, par exemple 02 99 00 00 00.",
    )
    courriel = EmailField(
        "Adresse électronique",
        [MaxLength(254), FollowsSchema(Service)],
        description="Une adresse d’accueil plutôt que celle d’une personne : elle sera publiée.",
    )
    contact_nom_prenom = StringField(
        "Personne à contacter",
        [MaxLength(150), FollowsSchema(Service)],
        description="Son nom sera publié : demandez-lui son accord.",
    )
    lien_mobilisation = URLField(
        "Lien pour demander l’offre",
        [MaxLength(2083), FollowsSchema(Service)],
        description="Une page d’inscription ou de prescription, adresse complète avec https://.",
    )
    mobilisation_precisions = TextAreaField(
        "Précisions sur la demande",
        [MaxLength(2000), FollowsSchema(Service)],
        description="Quand appeler, quoi dire, en combien de temps on répond.",
    )
    mode_prescription = StringField(
        "Mode de prescription",
        [MaxLength(500)],
        description="Pour les référents : fiche de prescription, mandat en commission, prescription directe…",
    )

    # Optional clears the refusal that an unanswered question gets from the list of radios.
    frais = RadioField("Prix", [Optional(), FollowsSchema(Service)], choices=pairs("frais"))
    frais_precisions = TextAreaField(
        "Précisions sur le prix",
        [MaxLength(2000), FollowsSchema(Service)],
        description="Combien, et les aides possibles.",
    )

    def record(self) -> dict[str, Any]:
        """Return the answers in the names of `rules.FIELDS`; call after a successful validation."""
        return self.values() | {"code_insee": self.commune.commune.code if self.commune.commune else None}


def blank(structure: Structure) -> dict[str, Any]:
    """Return what the form of a new offer already knows: its id, and the structure's address and contacts."""
    commune = geography.commune(structure.code_insee) if structure.code_insee else None
    return {
        "cle": str(uuid.uuid4()),
        "commune": commune.label if commune else None,
        "code_postal": structure.code_postal,
        "adresse": structure.adresse,
        "complement_adresse": structure.complement_adresse,
        "telephone": structure.telephone,
        "courriel": structure.courriel,
    }


def answers_of(offer: Offer) -> dict[str, Any]:
    """Return what the form shows for an offer that exists: the commune by its label."""
    commune = geography.commune(offer.code_insee) if offer.code_insee else None
    return {name: getattr(offer, name) for name in FIELDS} | {
        "commune": commune.label if commune else offer.commune
    }
