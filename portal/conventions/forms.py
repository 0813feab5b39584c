"""What a convention officer writes: a convention, and the actions it finances."""

from typing import Any

from wtforms import (
    HiddenField,
    IntegerField,
    RadioField,
    SelectChoice,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, InputRequired, Optional, ValidationError

from portal.conventions.follow_up import BOUNDS
from portal.conventions.models import (
    ChoiceOfAction,
    Convention,
    FinancedAction,
    Financeur,
    FollowUpRules,
    PlaceMode,
)
from portal.conventions.rules import NO_OFFER
from portal.web.euros import EurosField
from portal.web.fields import Versioned, day_field, key_field
from portal.web.forms import ChecklistField, Form, MaxLength, options

_PLACES_MAXIMUM = 100_000


def _plausible_places(form: Form, field: Any) -> None:
    if field.data is not None and not 0 <= field.data <= _PLACES_MAXIMUM:
        raise ValidationError("Écrivez un nombre de places entre 0 et 100 000.")


def between(low: int, high: int) -> Any:
    """Return the validator of a whole number from `low` to `high`."""

    def check(form: Form, field: Any) -> None:
        if field.data is not None and not low <= field.data <= high:
            raise ValidationError(f"Écrivez un nombre entre {low} et {high}.")

    return check


class ConventionForm(Versioned):
    """With whom, for how long, how much?"""

    cle = key_field()
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
    date_debut = day_field("Premier jour", "Écrivez le premier jour de la convention.")
    date_fin = day_field("Dernier jour", "Écrivez le dernier jour de la convention.")
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
        [Optional(), between(1, 365)],
        description="Après le jour prévu, la place d’une personne qui n’est pas venue est libérée au bout de ce "
        "délai. Si vous laissez vide, elle reste retenue jusqu’à un mois après la fin de la convention.",
        render_kw={"class": "field-phone"},
        invalid_value_message="Écrivez un nombre entier de jours, par exemple 15.",
    )
    signee_le = day_field(
        "Signée le",
        description="Sans réponse, elle reste un brouillon : ses places ne comptent pas, et le partenaire ne la voit pas.",
    )
    grace_jours = IntegerField(
        "Délai de grâce, en jours",
        [Optional(), between(0, 365)],
        description="Après le dernier jour : le partenaire remet encore ses rapports, et tout se corrige. Sans réponse, "
        "60 jours.",
        render_kw={"class": "field-phone"},
        invalid_value_message="Écrivez un nombre entier de jours, par exemple 60.",
    )
    objectifs = TextAreaField(
        "Objectifs",
        [MaxLength(5000)],
        description="Ce que la convention attend du partenaire, qui le lit aussi.",
        render_kw={"rows": 6},
    )
    motif = StringField(
        "Pourquoi ce changement ?",
        [MaxLength(1000)],
        description="Gardé dans l’historique, que le partenaire ne lit pas.",
    )

    def to_values(self) -> dict[str, Any]:
        """Return what `rules.create_convention` takes but for the structure, which the view looks up."""
        values = self.values()
        values["montant_centimes"] = values.pop("montant")
        return values


class ActionForm(Form):
    """How many places, at what cost, on which offers?"""

    cle = key_field()
    # What the action was when it was opened (`rules.print_of`); empty for a new one.
    version = HiddenField()
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
        [Optional(), between(0, 1000)],
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
        # Ids say nothing to anybody.
        invalid_choice_message=NO_OFFER,
    )

    def to_values(self) -> dict[str, Any]:
        """Return what `rules.create_action` takes but for the offers, which the view looks up."""
        values = self.values()
        values["cout_unitaire_centimes"] = values.pop("cout_unitaire")
        return values


class AmendmentForm(Form):
    """Places more or fewer, from which day, and why?"""

    cle = key_field()
    sens = RadioField(
        "Que fait l’avenant ?",
        [InputRequired("Dites si des places s’ajoutent ou se retirent.")],
        choices=options([("ajouter", "Il ajoute des places"), ("retirer", "Il retire des places")]),
        invalid_choice_message="Choisissez une des deux réponses.",
    )
    places = IntegerField(
        "Combien de places ?",
        [InputRequired("Écrivez combien de places."), between(1, _PLACES_MAXIMUM)],
        render_kw={"class": "field-phone"},
        invalid_value_message="Écrivez un nombre entier, par exemple 3.",
    )
    effet_le = day_field("À partir de quel jour ?", "Écrivez le premier jour.")
    signe_le = day_field("Signé le", "Écrivez le jour de la signature.")
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


def _days_field(label: str, name: str, description: str = "") -> IntegerField:
    return IntegerField(
        label,
        [InputRequired("Écrivez un nombre."), between(*BOUNDS[name])],
        description=description,
        render_kw={"class": "field-phone"},
        invalid_value_message="Écrivez un nombre entier, par exemple 10.",
    )


class FollowUpForm(Versioned):
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
    motif = StringField(
        "Pourquoi ce changement ?",
        [MaxLength(1000)],
        description="Gardé dans l’historique, en bas de cette page.",
    )


def follow_up_as_typed(kept: FollowUpRules) -> dict[str, Any]:
    """Return the rules as their form holds them."""
    return {
        "choix_action": kept.choix_action.value,
        **{name: getattr(kept, name) for name in BOUNDS},
        "version": kept.version,
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
        "signee_le": convention.signee_le,
        "grace_jours": convention.grace_jours,
        "objectifs": convention.objectifs,
        "version": convention.version,
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
