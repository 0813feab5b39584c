"""What a convention officer writes: a convention, and the actions it finances."""

import re
from datetime import date
from typing import Any

from wtforms import DateField, HiddenField, IntegerField, RadioField, SelectChoice, SelectField, StringField
from wtforms.validators import UUID, DataRequired, InputRequired, Optional, ValidationError

from portal import clock
from portal.conventions.models import (
    ChoiceOfAction,
    Convention,
    FinancedAction,
    Financeur,
    FollowUpRules,
    PlaceMode,
)
from portal.conventions.rules import FOLLOW_UP_BOUNDS
from portal.web.forms import ChecklistField, Form, MaxLength, options

_STALE = "Cette page est incomplète : rouvrez-la et recommencez."
_NOT_A_DAY = "Écrivez une date complète, par exemple 31/12/2026."
_DAY_FORMATS = ["%Y-%m-%d", "%d/%m/%Y"]
_YEARS = range(2000, 2101)
_PLACES_MAXIMUM = 100_000

_NARROW = "\u202f"
_SIGN = re.compile(r"\s*(?:€|euros?|eur)$", re.IGNORECASE)
# Whole euros, in groups of three or in one piece; then the cents, if any, after a comma or a point.
_AMOUNT = re.compile(r"(?P<whole>[0-9]{1,3}(?: [0-9]{3})+|[0-9]+)(?:[.,](?P<cents>[0-9]{1,2}))?")
_DIGITS_MAXIMUM = 10


class EurosField(StringField):
    """An amount typed as people do ("30 000", "30 000,50 €"); `data` is a whole number of cents, or None."""

    data: Any

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else show_euros(self.data)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the amount. Raises ValueError with what to write when it cannot be read."""
        self.data = read_euros(valuelist[0]) if valuelist and valuelist[0] else None


def read_euros(text: str) -> int:
    """Return the cents of an amount in euros, without ever passing by a float.

    Spaces of any kind may part the thousands. Raises ValueError, with a sentence, for anything else than a positive
    amount with two decimals at most: what could be read in two ways ("1.500") is asked again.
    """
    plain = _SIGN.sub("", " ".join(text.split()))
    if plain.startswith("-"):
        raise ValueError("Écrivez un montant positif, par exemple 30 000.")
    found = _AMOUNT.fullmatch(plain)
    if found is None:
        raise ValueError("Écrivez un montant en euros, par exemple 30 000 ou 30 000,50.")
    whole = found["whole"].replace(" ", "")
    if len(whole.lstrip("0")) > _DIGITS_MAXIMUM:
        raise ValueError("Ce montant est trop grand : relisez-le.")
    return int(whole) * 100 + int((found["cents"] or "").ljust(2, "0"))


def show_euros(cents: int) -> str:
    """Return an amount as a form shows it: 3000050 gives "30 000,50", 3000000 gives "30 000"."""
    whole, rest = divmod(cents, 100)
    return f"{whole:,}".replace(",", _NARROW) + (f",{rest:02d}" if rest else "")


def _plausible_day(form: Form, field: Any) -> None:
    if isinstance(field.data, date) and field.data.year not in _YEARS:
        raise ValidationError("Relisez l’année de cette date.")


def _plausible_places(form: Form, field: Any) -> None:
    if field.data is not None and not 0 <= field.data <= _PLACES_MAXIMUM:
        raise ValidationError("Écrivez un nombre de places entre 0 et 100 000.")


def _between(low: int, high: int) -> Any:
    def check(form: Form, field: Any) -> None:
        if field.data is not None and not low <= field.data <= high:
            raise ValidationError(f"Écrivez un nombre entre {low} et {high}.")

    return check


class ConventionForm(Form):
    """With whom, for how long, how much?"""

    # Made with the page; becomes the id of the convention, so that a second press writes nothing twice.
    cle = HiddenField(validators=[InputRequired(_STALE), UUID(_STALE)])
    numero = StringField(
        "Numéro",
        [DataRequired("Écrivez le numéro de la convention."), MaxLength(40)],
        description="Celui de l’acte signé.",
    )
    intitule = StringField("Intitulé", [DataRequired("Écrivez l’intitulé."), MaxLength(200)])
    structure_id = SelectField(
        "Partenaire",
        [DataRequired("Choisissez le partenaire.")],
        invalid_choice_message="Choisissez un partenaire de la liste.",
        description="Une structure y figure une fois publiée.",
    )
    date_debut = DateField(
        "Premier jour",
        [InputRequired("Écrivez le premier jour de la convention."), _plausible_day],
        format=_DAY_FORMATS,
        invalid_value_message=_NOT_A_DAY,
    )
    date_fin = DateField(
        "Dernier jour",
        [InputRequired("Écrivez le dernier jour de la convention."), _plausible_day],
        format=_DAY_FORMATS,
        invalid_value_message=_NOT_A_DAY,
    )
    montant = EurosField(
        "Montant en euros",
        [InputRequired("Écrivez le montant de la convention.")],
        description="Par exemple 30 000 ou 30 000,50.",
        render_kw={"inputmode": "decimal", "class": "field-phone"},
    )
    financeurs = ChecklistField(
        "Financeurs",
        choices=options((financeur.value, financeur.label) for financeur in Financeur),
        description="Ceux qui paient. On peut chercher les offres par financeur.",
    )

    delai_entree_jours = IntegerField(
        "Délai d’absence, en jours",
        [Optional(), _between(1, 365)],
        description="Après le jour prévu, la place d’une personne qui n’est pas venue est libérée au bout de ce "
        "délai. Si vous laissez vide, elle reste retenue jusqu’à un mois après la fin de la convention.",
        render_kw={"class": "field-phone"},
        invalid_value_message="Écrivez un nombre entier de jours, par exemple 15.",
    )

    def to_values(self) -> dict[str, Any]:
        """Return what `rules.create_convention` takes but for the structure, which the view looks up."""
        values = self.values()
        values["montant_centimes"] = values.pop("montant")
        return values


class ActionForm(Form):
    """How many places, at what cost, on which offers?"""

    # Made with the page; becomes the id of the action, so that a second press writes nothing twice.
    cle = HiddenField(validators=[InputRequired(_STALE), UUID(_STALE)])
    intitule = StringField("Intitulé", [DataRequired("Écrivez l’intitulé."), MaxLength(200)])
    places_financees = IntegerField(
        "Nombre de places financées",
        [
            InputRequired("Écrivez le nombre de places financées."),
            _plausible_places,
        ],
        invalid_value_message="Écrivez un nombre entier, par exemple 12.",
    )
    cout_unitaire = EurosField(
        "Coût d’une place en euros",
        [InputRequired("Écrivez le coût d’une place.")],
        description="Par exemple 1 500 ou 1 500,50.",
        render_kw={"inputmode": "decimal", "class": "field-phone"},
    )
    surreservation = IntegerField(
        "Places en plus à retenir",
        [Optional(), _between(0, 1000)],
        description="Quand des personnes ne viennent pas : autant de places peuvent être retenues au-delà des places "
        "financées. Sans réponse, aucune.",
        render_kw={"class": "field-phone"},
        invalid_value_message="Écrivez un nombre entier, par exemple 2.",
    )
    mode = RadioField(
        "Que devient la place à la sortie ?",
        [InputRequired("Dites ce que devient la place quand la personne sort.")],
        choices=[SelectChoice(mode.value, mode.label) for mode in PlaceMode],
        invalid_choice_message="Choisissez un des deux modes.",
    )
    offer_ids = ChecklistField(
        "Offres financées",
        [DataRequired("Choisissez au moins une offre.")],
        description="Les offres du partenaire. Une offre en brouillon compte dès qu’elle est publiée.",
    )

    def to_values(self) -> dict[str, Any]:
        """Return what `rules.create_action` takes but for the offers, which the view looks up."""
        values = self.values()
        values["cout_unitaire_centimes"] = values.pop("cout_unitaire")
        return values


class AmendmentForm(Form):
    """Places more or fewer, from which day, and why?"""

    # Made with the page; becomes the id of the line, so that a second press writes nothing twice.
    cle = HiddenField(validators=[InputRequired(_STALE), UUID(_STALE)])
    sens = RadioField(
        "Que fait l’avenant ?",
        [InputRequired("Dites si des places s’ajoutent ou se retirent.")],
        choices=options([("ajouter", "Il ajoute des places"), ("retirer", "Il retire des places")]),
        invalid_choice_message="Choisissez une des deux réponses.",
    )
    places = IntegerField(
        "Combien de places ?",
        [InputRequired("Écrivez combien de places."), _between(1, _PLACES_MAXIMUM)],
        render_kw={"class": "field-phone"},
        invalid_value_message="Écrivez un nombre entier, par exemple 3.",
    )
    effet_le = DateField(
        "À partir de quel jour ?",
        [InputRequired("Écrivez le premier jour."), _plausible_day],
        format=_DAY_FORMATS,
        invalid_value_message=_NOT_A_DAY,
    )
    motif = StringField(
        "D’où vient ce changement ?",
        [DataRequired("Écrivez d’où vient ce changement, par exemple « avenant n° 1 »."), MaxLength(500)],
        description="Par exemple « avenant n° 1 du 3 mars 2026 ». Le partenaire le lit aussi. Ne nommez personne.",
    )

    @property
    def change(self) -> int:
        """Places more, or fewer below zero."""
        number: int = self.places.data or 0
        return -number if self.sens.data == "retirer" else number

    @property
    def word(self) -> str:
        """What becomes of the places, in a word or two."""
        return "en moins" if self.change < 0 else "en plus"


class PastDayForm(Form):
    """On which past day?"""

    le = DateField(
        "À la date du",
        [InputRequired("Écrivez un jour."), _plausible_day],
        format=_DAY_FORMATS,
        invalid_value_message=_NOT_A_DAY,
    )

    def validate_le(self, field: Any) -> None:
        """Refuse a day to come: nobody knows yet who will have left."""
        if field.data is not None and field.data > clock.today():
            raise ValidationError("Ce jour est à venir : choisissez aujourd’hui ou un jour passé.")


def _days_field(label: str, name: str, description: str = "") -> IntegerField:
    return IntegerField(
        label,
        [InputRequired("Écrivez un nombre."), _between(*FOLLOW_UP_BOUNDS[name])],
        description=description,
        render_kw={"class": "field-phone"},
        invalid_value_message="Écrivez un nombre entier, par exemple 10.",
    )


class FollowUpForm(Form):
    """The rules of prescriptions and places, which the département sets."""

    choix_action = RadioField(
        "Quelle action donne la place ?",
        [InputRequired("Choisissez quelle action donne la place.")],
        choices=options((choice.value, choice.label) for choice in ChoiceOfAction),
        description="Quand plusieurs actions financent la même offre.",
        invalid_choice_message="Choisissez une des réponses.",
    )
    relance_partenaire_jours = _days_field(
        "Relance de la structure, en jours", "relance_partenaire_jours", "Sans réponse depuis l’envoi."
    )
    relance_referent_jours = _days_field(
        "Rappel au référent, en jours", "relance_referent_jours", "Tant que rien ne bouge."
    )
    expiration_envoyee_jours = _days_field(
        "Fin d’une prescription envoyée, en jours",
        "expiration_envoyee_jours",
        "Sans aucune réponse. Plus tard que le rappel au référent.",
    )
    expiration_etude_jours = _days_field(
        "Fin d’une prescription à l’étude, en jours",
        "expiration_etude_jours",
        "Plus tard que le rappel au référent. Sauf pour une personne en liste d’attente.",
    )
    proposition_jours = _days_field(
        "Place proposée à la première personne, en jours",
        "proposition_jours",
        "Ensuite, elle est proposée à la suivante.",
    )
    lien_jours = _days_field(
        "Lien des courriels, en jours", "lien_jours", "Il ouvre la prescription sans compte pendant ce temps."
    )
    documents_mois = _days_field(
        "Documents gardés, en mois", "documents_mois", "Après la fin de la prescription."
    )
    heures_min = _days_field("Heures par semaine, au moins", "heures_min")
    heures_max = _days_field("Heures par semaine, au plus", "heures_max")


def follow_up_as_typed(kept: FollowUpRules) -> dict[str, Any]:
    """Return the rules as their form holds them."""
    return {
        "choix_action": kept.choix_action.value,
        **{name: getattr(kept, name) for name in FOLLOW_UP_BOUNDS},
    }


def convention_as_typed(convention: Convention) -> dict[str, Any]:
    """Return a convention as its form holds it."""
    return {
        "cle": str(convention.id),
        "numero": convention.numero,
        "intitule": convention.intitule,
        "structure_id": str(convention.structure_id),
        "date_debut": convention.date_debut,
        "date_fin": convention.date_fin,
        "montant": convention.montant_centimes,
        "financeurs": convention.financeurs or [],
        "delai_entree_jours": convention.delai_entree_jours,
    }


def action_as_typed(action: FinancedAction) -> dict[str, Any]:
    """Return an action, its offers loaded, as its form holds it."""
    return {
        "cle": str(action.id),
        "intitule": action.intitule,
        "places_financees": action.places_financees,
        "cout_unitaire": action.cout_unitaire_centimes,
        "mode": action.mode.value,
        "surreservation": action.surreservation or None,
        "offer_ids": [str(offer.id) for offer in action.offers],
    }
