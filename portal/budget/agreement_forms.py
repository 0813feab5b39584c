"""What an officer writes of the convention with the State: its identity, its acts, its avenants and their amounts."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from stdnum import iban as iban_rule
from stdnum.exceptions import InvalidChecksum
from stdnum.exceptions import ValidationError as NotANumber
from wtforms import IntegerField, RadioField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, NumberRange, Optional, ValidationError

from portal.budget.agreement import FIELDS, MOVING
from portal.budget.models import Rounding, StateAmendment, StateConvention, UnderConsumption, Volet
from portal.web.euros import EtpField, EurosField, RateField
from portal.web.fields import Versioned, day_field, key_field, new_key
from portal.web.forms import ChecklistField, Form, MaxLength, options

__all__ = [
    "AmendmentForm",
    "CloseForm",
    "IdentityForm",
    "MovingForm",
    "NewAmendmentForm",
    "NewConventionForm",
    "OnDayForm",
    "RemoveForm",
    "ReopenForm",
    "SignForm",
    "TerminateForm",
    "amendment_form",
    "amounts_of",
    "as_typed",
]

_NARROW = {"class": "field-phone", "inputmode": "decimal"}
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")


def _line(label: str, longest: int, missing: str | None = None, description: str = "") -> StringField:
    return StringField(
        label,
        [DataRequired(missing), MaxLength(longest)] if missing else [MaxLength(longest)],
        description=description,
    )


def _together(value: Any) -> Any:
    return re.sub(r"[\s.-]", "", value).upper() if isinstance(value, str) else value


class IbanField(StringField):
    """An IBAN, kept without spaces; shown by groups of four."""

    data: str | None

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return iban_rule.format(self.data) if self.data else ""

    def pre_validate(self, form: Any) -> None:
        """Refuse what is no IBAN: its length and key, and those of the bank account inside it."""
        self.data = _together(self.data)
        if not self.data:
            return
        if not _IBAN.fullmatch(self.data):
            raise ValidationError(
                "Ce n’est pas un IBAN : écrivez les deux lettres du pays, puis tous les chiffres."
            )
        try:
            self.data = iban_rule.validate(self.data)
        except InvalidChecksum:
            raise ValidationError(
                "Cet IBAN contient une erreur de frappe : sa clé est fausse. Relisez-le."
            ) from None
        except NotANumber:
            raise ValidationError(
                "Ce n’est pas un IBAN : écrivez les deux lettres du pays, puis tous les chiffres."
            ) from None


class MovingForm(Versioned):
    """What changes without any avenant: imputation, accountant, bank details, grace."""

    programme = _line("Programme", 60)
    action = _line("Action", 60)
    sous_action = _line("Sous-action", 60)
    activite = _line("Activité", 60)
    groupe_marchandises = _line("Groupe de marchandises (GM)", 60)
    centre_financier = _line("Centre financier", 60)
    centre_cout = _line("Centre de coût", 60)
    engagement_juridique = _line("Engagement juridique (EJ)", 60)
    ordonnateur = _line("Ordonnateur", 200)
    comptable = _line("Comptable assignataire", 200)
    titulaire = _line("Titulaire du compte", 200)
    iban = IbanField(
        "IBAN",
        [MaxLength(50)],
        description="Montré aux chargés de conventionnement et aux services de l’État seulement.",
    )
    bic = StringField("BIC", [MaxLength(20)], filters=[_together], render_kw={"class": "field-phone"})
    grace_jours = IntegerField(
        "Délai de grâce, en jours",
        [
            InputRequired("Écrivez un nombre de jours, 0 s’il n’y en a pas."),
            NumberRange(0, 730, "Écrivez un nombre de jours, de 0 à 730."),
        ],
        description="Après la fin, temps pendant lequel les dépenses et les bilans s’écrivent encore.",
        render_kw={"class": "field-number"},
    )

    def validate_bic(self, field: Any) -> None:
        """Refuse what is no BIC."""
        if field.data and not _BIC.fullmatch(field.data):
            raise ValidationError("Un BIC a 8 ou 11 caractères, par exemple BDFEFRPPCCT.")

    def to_values(self) -> dict[str, Any]:
        """Return what `agreement.change` takes."""
        values = self.values()
        return {name: values[name] for name in FIELDS if name in values}


class IdentityForm(MovingForm):
    """The whole of a draft but its text and amounts."""

    _fields: dict[str, Any]
    numero = _line("Numéro", 60, "Écrivez le numéro de la convention.")
    intitule = _line("Intitulé", 200, "Écrivez l’intitulé de la convention.")
    date_debut = day_field("Premier jour", "Écrivez le premier jour.")
    date_fin = day_field("Dernier jour", "Écrivez le dernier jour.")
    etat = _line(
        "Pour l’État", 200, "Écrivez qui signe pour l’État.", "Par exemple : le préfet d’Ille-et-Vilaine."
    )
    etat_signataire = _line("Signataire pour l’État", 200)
    departement = _line("Pour le département", 200, "Écrivez le nom du département.")
    departement_signataire = _line("Signataire pour le département", 200)
    taux_avance = RateField(
        "Taux de l’avance, en %", [InputRequired("Écrivez le taux de l’avance.")], render_kw=dict(_NARROW)
    )
    arrondi_avance = RadioField(
        "Arrondi de l’avance",
        choices=options((r.value, r.label) for r in Rounding),
        validators=[InputRequired("Choisissez l’arrondi de l’avance.")],
    )
    sous_consommation = RadioField(
        "Avance qui n’est pas toute dépensée",
        choices=options((u.value, u.label) for u in UnderConsumption),
        validators=[InputRequired("Choisissez ce que devient l’avance qui n’est pas dépensée.")],
    )
    taux_departement = RateField(
        "Part du département sur le volet 2, en %",
        [InputRequired("Écrivez la part du département.")],
        description="Sur l’ensemble du volet.",
        render_kw=dict(_NARROW),
    )
    etp_ingenierie_max = EtpField(
        "ETP d’ingénierie au plus",
        [Optional()],
        description="Laissez vide si la convention n’en fixe pas.",
        render_kw=dict(_NARROW),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Put the fields in the order of the page, which is that of its list of errors: what is signed comes first."""
        super().__init__(*args, **kwargs)
        self._fields = dict(sorted(self._fields.items(), key=lambda item: item[0] in MOVING))

    def validate_date_fin(self, field: Any) -> None:
        """Refuse a period that ends before it begins."""
        if field.data and self.date_debut.data and field.data < self.date_debut.data:
            raise ValidationError("La convention finit avant de commencer : relisez les deux jours.")


class NewConventionForm(IdentityForm):
    """A draft and its initial text."""

    cle = key_field()
    objet = TextAreaField(
        "Objet",
        [DataRequired("Écrivez l’objet de la convention."), MaxLength(2000)],
        render_kw={"rows": 4},
    )
    cible = TextAreaField(
        "Cible",
        [MaxLength(1000)],
        description="Les personnes à accompagner, en chiffres ou en mots. Ne nommez personne.",
        render_kw={"rows": 2},
    )


class OnDayForm(Form):
    """As it stood on which day? Today when none is asked for."""

    le = day_field("À la date du")


class SignForm(Versioned):
    """Signed on which day?"""

    signe_le = day_field("Signé le", "Écrivez le jour de la signature.")


class CloseForm(Versioned):
    """Anything to say?"""

    motif = _line("Une précision ?", 1000, description="Gardée dans l’historique.")


class ReopenForm(Versioned):
    """Why?"""

    motif = _line(
        "Pourquoi la rouvrir ?", 1000, "Écrivez pourquoi vous la rouvrez.", "Gardé dans l’historique."
    )


class TerminateForm(Versioned):
    """From which day, and why?"""

    resiliee_le = day_field("Dernier jour", "Écrivez le dernier jour de la convention.")
    motif = TextAreaField(
        "Pourquoi la résilier ?",
        [DataRequired("Écrivez pourquoi elle est résiliée."), MaxLength(1000)],
        description="Gardé dans l’historique.",
        render_kw={"rows": 3},
    )


class RemoveForm(Versioned):
    """Nothing but the version that was read."""


class _TextForm(Versioned):
    objet = TextAreaField(
        "Objet",
        [DataRequired("Écrivez l’objet."), MaxLength(2000)],
        render_kw={"rows": 4},
    )
    cible = TextAreaField(
        "Cible",
        [MaxLength(1000)],
        description="Les personnes à accompagner, en chiffres ou en mots. Ne nommez personne.",
        render_kw={"rows": 2},
    )
    date_fin = day_field(
        "Nouveau dernier jour",
        description="À laisser vide si l’avenant ne change pas la fin de la convention.",
    )


class NewAmendmentForm(_TextForm):
    """The next avenant: its object, and the years that it speaks of."""

    cle = key_field()
    annees = ChecklistField(
        "Années que l’avenant reprend",
        description="Leurs montants et leur plan de financement sont recopiés, à corriger ensuite. Les autres années ne changent pas.",
    )

    def offer(self, years: Collection[int]) -> None:
        """Let one choose among these years."""
        self.annees.choices = options((str(annee), str(annee)) for annee in years)


class AmendmentForm(_TextForm):
    """A text and its amounts; made by `amendment_form`, which gives it a field by year and volet."""

    rows: list[int]

    def cells(self, annee: int) -> list[EurosField]:
        """Return the three fields of a year."""
        return [self[_cell(annee, volet)] for volet in Volet]

    def volet_label(self, volet: Volet) -> str:
        """Return the head of a column."""
        return volet.label


def _cell(annee: int, volet: Volet) -> str:
    return f"montant_{annee}_{volet.value}"


def amendment_form(
    years: Collection[int], formdata: Any, amendment: StateAmendment, amounts: Mapping[tuple[int, Volet], int]
) -> AmendmentForm:
    """Return the form of a text for these years, filled in with `amounts` and what it says; the initial one moves no end."""
    fields: dict[str, Any] = {
        _cell(annee, volet): EurosField(
            f"{volet.short} en {annee}, en euros", [Optional()], render_kw={"inputmode": "decimal"}
        )
        for annee in years
        for volet in Volet
    }
    if amendment.numero == 0:
        fields["date_fin"] = None
    form_class = type("AmendmentForm", (AmendmentForm,), fields)
    data = {
        "objet": amendment.objet,
        "cible": amendment.cible,
        "date_fin": amendment.date_fin,
        "version": str(amendment.version),
        **{_cell(annee, volet): cents for (annee, volet), cents in amounts.items()},
    }
    form: AmendmentForm = form_class(formdata, data=data)
    form.rows = list(years)
    return form


def amounts_of(form: AmendmentForm) -> dict[tuple[int, Volet], int]:
    """Return {(year, volet): cents} of the fields that are filled in."""
    return {
        (annee, volet): form[_cell(annee, volet)].data
        for annee in form.rows
        for volet in Volet
        if form[_cell(annee, volet)].data is not None
    }


def as_typed(convention: StateConvention) -> dict[str, Any]:
    """Return the form's data for a convention."""
    told = {name: getattr(convention, name) for name in FIELDS}
    told["arrondi_avance"] = convention.arrondi_avance.value
    told["sous_consommation"] = convention.sous_consommation.value
    return {**told, "version": str(convention.version), "cle": str(convention.id)}


def defaults() -> dict[str, Any]:
    """Return what a new convention begins with: the rules of the national model, and an id of its own."""
    return {
        "cle": new_key(),
        "taux_avance": 6000,
        "arrondi_avance": Rounding.EURO_PROCHE.value,
        "sous_consommation": UnderConsumption.DEDUITE.value,
        "taux_departement": 5000,
        "etp_ingenierie_max": 300,
        "grace_jours": 92,
    }
