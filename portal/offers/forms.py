"""Questions put to those who write an offer."""

import re
from datetime import date
from typing import Any

from wtforms import (
    BooleanField,
    DateField,
    EmailField,
    FieldList,
    FormField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
    URLField,
    ValidationError,
)
from wtforms.validators import DataRequired, Optional, StopValidation

from portal import clock, geography
from portal.offers.models import Offer
from portal.offers.rules import FIELDS
from portal.parcours import FREINS, Dominante
from portal.structures.models import Structure
from portal.vocabulary import Service
from portal.web.fields import Keyed, Versioned, day_field, new_key
from portal.web.forms import (
    ChecklistField,
    CommuneField,
    FollowsSchema,
    Form,
    MaxLength,
    PhoneField,
    ZonesField,
    options,
    pairs,
)
from portal.web.hours_field import WeekField

MAX_HOURS = 60
MAX_WEEKS = 520

# Months between two confirmations that a partner may choose.
MONTHS = (1, 2, 3, 6, 12)
# Empty rows of sessions shown below those that are written.
_SPARE_SESSIONS = 2

_HOURS_AND_MINUTES = re.compile(r"([0-9]{1,3})\s*h\s*([0-5]?[0-9])?", re.IGNORECASE)
_DECIMAL = re.compile(r"-?[0-9]{1,6}(?:[.,][0-9]{1,6})?")


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


def _months(value: Any) -> int | None:
    return int(value) if value not in (None, "") else None


class SeatsField(IntegerField):
    """A whole number of seats."""

    data: Any

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the number."""
        self.data = None
        typed = (valuelist[0] if valuelist else "").strip()
        if not typed:
            return
        if not re.fullmatch(r"[0-9]{1,4}", typed) or int(typed) < 1:
            raise ValueError("Écrivez un nombre de places, par exemple 8.")
        self.data = int(typed)


class FirstDay:
    """Validator: a session begins one day, unless its whole row is blank."""

    def __call__(self, form: Any, field: Any) -> None:
        """Raise StopValidation when the row says something without its first day."""
        if (field.raw_data or [""])[0].strip():
            return
        field.errors = []
        raise StopValidation(
            "" if field.data or form.is_blank else "Écrivez le premier jour de cette session."
        )


class SessionForm(Form):
    """When does this session take place? Left empty, there is no such session."""

    debut = day_field("Premier jour", FirstDay())
    fin = day_field("Dernier jour")
    places = SeatsField("Places")
    precisions = StringField("Précisions", [MaxLength(300)])

    def validate_fin(self, field: DateField) -> None:
        """It does not end before."""
        if field.data and self.debut.data and field.data < self.debut.data:
            raise ValidationError("Le dernier jour vient avant le premier : corrigez l’un des deux.")

    @property
    def is_blank(self) -> bool:
        """True when nothing is written in this row."""
        return not any(str((field.raw_data or [""])[0]).strip() or field.data for field in self)


class OfferForm(Keyed, Versioned):
    """What is this offer, for whom, where, and how is it asked for?"""

    # The template it begins from.
    modele = HiddenField()

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
        "Conditions d’accès et prérequis",
        [MaxLength(4000), FollowsSchema(Service)],
        description="Ce qu’il faut avoir ou savoir avant de venir.",
    )
    documents_a_apporter = TextAreaField(
        "Documents à apporter",
        [MaxLength(2000)],
        description="Un document par ligne.",
    )
    dominantes = ChecklistField(
        "Dominante du parcours",
        choices=options((dominante.value, dominante.label) for dominante in Dominante),
        description="À quels parcours l’offre convient, selon l’orientation donnée par le département.",
    )
    freins = ChecklistField(
        "Freins levés",
        choices=options((frein.slug, frein.label) for frein in FREINS),
        description="Ce que l’offre aide à surmonter. Les référents cherchent aussi par là.",
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
    horaires_accueil = WeekField(
        "Horaires",
        [MaxLength(500), FollowsSchema(Service)],
        description="À laisser vide si ce sont ceux de la structure. Sinon, écrivez 9h ou 9h30 ; une journée continue s’écrit "
        "dans le premier créneau.",
    )
    frequence = StringField(
        "Fréquence et horaires, en toutes lettres",
        [MaxLength(300)],
        description="Par exemple : le mardi matin, une semaine sur deux.",
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
    sessions = FieldList(FormField(SessionForm, "Session"), "Sessions", max_entries=40)
    date_fin = day_field(
        "Dernier jour de l’offre",
        description="À laisser vide si l’offre n’a pas de fin. Le lendemain, elle se cache d’elle-même.",
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
    contact_public = BooleanField(
        "Montrer à tout le monde le téléphone, l’adresse électronique et le nom du contact",
        default=True,
        description="Si vous décochez, seuls les professionnels connectés les voient, et ils ne partent pas vers "
        "data.inclusion et DORA.",
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

    confirmation_mois = SelectField(
        "À confirmer",
        [Optional()],
        coerce=_months,
        choices=options(
            [
                ("", "Comme le département le prévoit"),
                *((str(n), "Tous les mois" if n == 1 else f"Tous les {n} mois") for n in MONTHS),
            ]
        ),
        description="Le portail vous demande à ce rythme si l’offre est toujours valable.",
    )

    # The offer's last day as it is saved: one that is past is refused only when it is new.
    saved_date_fin: date | None = None

    def validate_date_fin(self, field: DateField) -> None:
        """A day to come, unless it is the one already saved."""
        if field.data and field.data < clock.today() and field.data != self.saved_date_fin:
            raise ValidationError("Ce jour est passé : écrivez un jour à venir, ou laissez vide.")

    def record(self) -> dict[str, Any]:
        """Return the answers in the names of `rules.FIELDS`; call after a successful validation."""
        return self.values() | {"code_insee": self.commune.commune.code if self.commune.commune else None}

    def rows(self) -> list[dict[str, Any]]:
        """Return the sessions that are written: debut, fin, places, precisions."""
        return [
            {name: (None if value == "" else value) for name, value in form.data.items()}
            for form in self._written()
        ]

    def refuse_row(self, number: int, name: str | None, message: str) -> None:
        """Put the sentence of a broken rule beside the field `name` of the session at this place among `rows()`."""
        self._written()[number].refuse(name, message)
        self.sessions.errors = [entry.errors for entry in self.sessions]

    def _written(self) -> list[SessionForm]:
        return [entry.form for entry in self.sessions if not entry.form.is_blank]


def blank(structure: Structure) -> dict[str, Any]:
    """Return what the form of a new offer already knows: its id, and the structure's address and contacts."""
    commune = geography.commune(structure.code_insee) if structure.code_insee else None
    return {
        "cle": new_key(),
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
        "commune": commune.label if commune else offer.commune,
        "version": str(offer.version),
    }


def add_spare_sessions(form: OfferForm) -> None:
    """End the sessions with rows to fill in."""
    blank_rows = sum(entry.form.is_blank for entry in form.sessions)
    for _ in range(_SPARE_SESSIONS - blank_rows):
        if len(form.sessions.entries) < (form.sessions.max_entries or 0):
            form.sessions.append_entry()
