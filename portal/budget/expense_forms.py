"""What an officer writes of the money spent: an expense, a post, a table of expenses, a payment."""

import uuid
from collections.abc import Sequence
from typing import Any

from wtforms import BooleanField, FileField, SelectField, StringField
from wtforms.validators import DataRequired, InputRequired, Optional

from portal.budget.models import Nature, Volet
from portal.budget.spending_models import Expense, NonEligible, Post
from portal.web.euros import EtpField, EurosField, UnitsField
from portal.web.fields import Versioned, day_field, key_field
from portal.web.forms import Form, MaxLength, options

_NARROW = {"class": "field-phone", "inputmode": "decimal"}


def volets() -> list[tuple[str, str]]:
    """Return (value, label) of the volets."""
    return [(str(volet.value), volet.label) for volet in Volet]


def natures() -> list[tuple[str, str]]:
    """Return (value, label) of the natures, in the order of the layout."""
    return [(nature.value, nature.label) for nature in Nature]


class ExpenseForm(Versioned):
    """What was spent, on what, when, and who bears it?"""

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
    objet = StringField(
        "Objet",
        [DataRequired("Écrivez l’objet de la dépense."), MaxLength(300)],
        description="Ce qui est payé, jamais le nom d’une personne.",
    )
    date_debut = day_field("Du", "Écrivez le premier jour.")
    date_fin = day_field("Au", "Écrivez le dernier jour.")
    unite = StringField(
        "Unité",
        [DataRequired("Écrivez l’unité, par exemple « mois »."), MaxLength(60)],
        description="Par exemple mois, ETP, parcours, forfait.",
        render_kw={"class": "field-phone", "list": "unites"},
    )
    nombre = UnitsField(
        "Nombre d’unités", [InputRequired("Écrivez le nombre d’unités.")], render_kw=dict(_NARROW)
    )
    cout_unitaire = EurosField(
        "Coût d’une unité en euros", [InputRequired("Écrivez le coût d’une unité.")], render_kw=dict(_NARROW)
    )
    montant = EurosField(
        "Montant en euros",
        [Optional()],
        description="Laissez vide : il est calculé. S’il est écrit, il est comparé au calcul, au centime.",
        render_kw=dict(_NARROW),
    )
    part_etat = EurosField(
        "Part de l’État en euros",
        [Optional()],
        description="Laissez vide : tout sur les volets 1 et 3, et sur le volet 2 ce que laisse la part du département.",
        render_kw=dict(_NARROW),
    )
    non_eligible = SelectField(
        "Dépense non éligible",
        choices=options([("", "Non, elle est éligible"), *((n.value, n.label) for n in NonEligible)]),
        invalid_choice_message="Choisissez une réponse de la liste.",
        description="Ce que l’instruction DGEFP/DPE/2023/192 exclut.",
    )
    hors_convention = BooleanField(
        "Garder à part, à la charge du département",
        description="Hors de l’état des dépenses et de tous ses totaux.",
    )
    partenaire = StringField(
        "Convention (partenaire)",
        [MaxLength(40)],
        description="Son numéro, si la dépense la paie.",
        render_kw={"class": "field-phone"},
    )
    action = StringField(
        "Action de cette convention", [MaxLength(200)], description="Son intitulé, si une seule est payée."
    )
    poste = SelectField(
        "Poste",
        [Optional()],
        choices=options([("", "Aucun")]),
        invalid_choice_message="Choisissez un poste de la liste.",
        description="Si la dépense le paie.",
    )

    def offer(self, posts: Sequence[Post]) -> None:
        """Let one choose among these posts."""
        self.poste.choices = options(
            [("", "Aucun"), *((str(post.id), f"{post.intitule} ({post.nature.label})") for post in posts)]
        )

    def to_values(self) -> dict[str, Any]:
        """Return what `expenses.write` takes but for the partner's convention and action, which the view looks up."""
        values = self.values()
        return {
            "volet": int(values["volet"]),
            "nature": values["nature"],
            "objet": values["objet"],
            "unite": values["unite"],
            "nombre": values["nombre"],
            "cout_unitaire_centimes": values["cout_unitaire"],
            "date_debut": values["date_debut"],
            "date_fin": values["date_fin"],
            "montant_centimes": values["montant"],
            "part_etat_centimes": values["part_etat"],
            "hors_convention": bool(values["hors_convention"]),
            "non_eligible": values["non_eligible"],
            "post_id": uuid.UUID(values["poste"]) if values["poste"] else None,
        }


def expense_as_typed(
    expense: Expense, numero: str | None, action: str | None, usual_part: int
) -> dict[str, Any]:
    """Return the form's data for an expense; the partner's convention is told by its number, its action by its title.

    What the portal computes is left empty, so that another number or cost is followed by another amount: the amount,
    and the State's part when it is the usual one (`usual_part` cents).
    """
    apart = expense.hors_convention or expense.part_etat_centimes == usual_part
    return {
        "cle": str(expense.id),
        "version": str(expense.version),
        "volet": str(expense.volet),
        "nature": expense.nature.value,
        "objet": expense.objet,
        "date_debut": expense.date_debut,
        "date_fin": expense.date_fin,
        "unite": expense.unite,
        "nombre": expense.nombre,
        "cout_unitaire": expense.cout_unitaire_centimes,
        "montant": None,
        "part_etat": None if apart else expense.part_etat_centimes,
        "non_eligible": expense.non_eligible.value if expense.non_eligible else "",
        "hors_convention": expense.hors_convention,
        "partenaire": numero or "",
        "action": action or "",
        "poste": str(expense.post_id) if expense.post_id else "",
    }


class PostForm(Versioned):
    """Which post, of what nature, how much of it, since when?"""

    cle = key_field()
    intitule = StringField(
        "Intitulé",
        [DataRequired("Écrivez l’intitulé du poste."), MaxLength(200)],
        description="La fonction, jamais le nom de la personne.",
    )
    nature = SelectField(
        "Nature",
        [DataRequired("Choisissez la nature.")],
        choices=options([("", "Choisir…"), *natures()]),
        invalid_choice_message="Choisissez une nature de la liste.",
    )
    etp = EtpField("ETP", [InputRequired("Écrivez le nombre d’ETP.")], render_kw=dict(_NARROW))
    date_debut = day_field("Premier jour", "Écrivez le premier jour.")
    date_fin = day_field("Dernier jour", description="À laisser vide s’il n’est pas connu.")

    def to_values(self) -> dict[str, Any]:
        """Return what `posts.write` takes."""
        values = self.values()
        return {name: values[name] for name in ("intitule", "nature", "etp", "date_debut", "date_fin")}


def post_as_typed(post: Post) -> dict[str, Any]:
    """Return the form's data for a post."""
    return {
        "cle": str(post.id),
        "version": str(post.version),
        "intitule": post.intitule,
        "nature": post.nature.value,
        "etp": post.etp,
        "date_debut": post.date_debut,
        "date_fin": post.date_fin,
    }


class SendTableForm(Form):
    """Which table of expenses?"""

    cle = key_field()
    fichier = FileField("Tableau (XLSX ou CSV)")


class StepForm(Versioned):
    """A step of a payment: which day, how much, which reference?"""

    le = day_field("Jour", "Écrivez le jour.")
    montant = EurosField("Montant en euros", [InputRequired("Écrivez le montant.")], render_kw=dict(_NARROW))
    reference = StringField(
        "Référence", [MaxLength(100)], description="Celle du courrier, du service fait ou du virement."
    )


class UndoForm(Versioned):
    """Why take the last step away?"""

    motif = StringField(
        "Pourquoi ?",
        [DataRequired("Écrivez pourquoi, par exemple « erreur de saisie »."), MaxLength(2000)],
    )
