"""What an officer writes of an action sheet, and which partners' actions carry it out."""

from typing import Any

from wtforms import IntegerField, StringField, TextAreaField
from wtforms.validators import DataRequired, NumberRange, Optional

from portal.budget.models import FicheAction
from portal.web.euros import EurosField
from portal.web.fields import Versioned, day_field, key_field
from portal.web.forms import Form, MaxLength

_NARROW = {"class": "field-phone", "inputmode": "decimal"}
_COUNT = {"class": "field-phone", "inputmode": "numeric"}
# Own indicators beside those that the portal counts.
INDICATORS = range(1, 7)


def _count(label: str, description: str) -> IntegerField:
    return IntegerField(
        label,
        [Optional(), NumberRange(min=0, max=10**7, message="Écrivez un nombre de personnes.")],
        invalid_value_message="Écrivez un nombre entier, par exemple 120.",
        description=description,
        render_kw=dict(_COUNT),
    )


class FicheForm(Versioned):
    """What is the action, for whom, with whom, when, at what cost, and how will it be judged?"""

    cle = key_field()
    titre = StringField("Titre de l’action", [DataRequired("Écrivez le titre de l’action."), MaxLength(200)])
    contexte = TextAreaField("Contexte", [MaxLength(5000)], render_kw={"rows": 4})
    enjeux = TextAreaField("Enjeux et objectifs", [MaxLength(5000)], render_kw={"rows": 4})
    description = TextAreaField("Description de l’action", [MaxLength(10000)], render_kw={"rows": 6})
    date_debut = day_field("Date de début")
    duree_mois = IntegerField(
        "Durée en mois",
        [Optional(), NumberRange(min=1, max=120, message="Écrivez une durée de 1 à 120 mois.")],
        invalid_value_message="Écrivez un nombre de mois, par exemple 12.",
        render_kw=dict(_COUNT),
    )
    partenaires = TextAreaField(
        "Partenaires et cofinanceurs",
        [MaxLength(2000)],
        description="Les structures, jamais le nom d’une personne.",
        render_kw={"rows": 3},
    )
    budget_etat = EurosField("Part de l’État en euros", [Optional()], render_kw=dict(_NARROW))
    budget_collectivite = EurosField(
        "Part de la collectivité en euros", [Optional()], render_kw=dict(_NARROW)
    )
    budget_detail = TextAreaField("Détail du budget", [MaxLength(5000)], render_kw={"rows": 3})
    calendrier = TextAreaField("Calendrier", [MaxLength(5000)], render_kw={"rows": 3})
    cible_entrants = _count(
        "Nouveaux entrants visés", "Des personnes qui n’étaient encore entrées dans aucune offre."
    )
    cible_allocataires = _count(
        "Allocataires concernés visés", "Toutes les personnes que l’action accompagne."
    )

    def to_values(self) -> dict[str, Any]:
        """Return what `fiches.write` takes."""
        values = self.values()
        names = ("titre", "contexte", "enjeux", "description", "date_debut", "duree_mois", "partenaires")
        more = ("budget_detail", "calendrier", "cible_entrants", "cible_allocataires")
        return {
            **{name: values[name] for name in (*names, *more)},
            "budget_etat_centimes": values["budget_etat"],
            "budget_collectivite_centimes": values["budget_collectivite"],
            "indicateurs": [
                {
                    "libelle": values[f"libelle_{number}"] or "",
                    "cible": values[f"cible_{number}"] or "",
                    "realise": values[f"realise_{number}"] or "",
                }
                for number in INDICATORS
            ],
        }


for _number in INDICATORS:
    setattr(FicheForm, f"libelle_{_number}", StringField(f"Indicateur {_number}", [MaxLength(200)]))
    setattr(FicheForm, f"cible_{_number}", StringField(f"Cible de l’indicateur {_number}", [MaxLength(100)]))
    setattr(
        FicheForm, f"realise_{_number}", StringField(f"Réalisé de l’indicateur {_number}", [MaxLength(100)])
    )


def fiche_as_typed(fiche: FicheAction) -> dict[str, Any]:
    """Return the form's data for a sheet."""
    data: dict[str, Any] = {
        "cle": str(fiche.id),
        "version": str(fiche.version),
        "titre": fiche.titre,
        "contexte": fiche.contexte or "",
        "enjeux": fiche.enjeux or "",
        "description": fiche.description or "",
        "date_debut": fiche.date_debut,
        "duree_mois": fiche.duree_mois,
        "partenaires": fiche.partenaires or "",
        "budget_etat": fiche.budget_etat_centimes or None,
        "budget_collectivite": fiche.budget_collectivite_centimes or None,
        "budget_detail": fiche.budget_detail or "",
        "calendrier": fiche.calendrier or "",
        "cible_entrants": fiche.cible_entrants,
        "cible_allocataires": fiche.cible_allocataires,
    }
    for number, one in zip(INDICATORS, fiche.indicateurs or [], strict=False):
        for name in ("libelle", "cible", "realise"):
            data[f"{name}_{number}"] = one.get(name, "")
    return data


class TieForm(Form):
    """Which partner's action carries out the sheet?"""

    partenaire = StringField(
        "Convention (partenaire)",
        [DataRequired("Écrivez le numéro de la convention."), MaxLength(40)],
        description="Son numéro.",
        render_kw={"class": "field-phone"},
    )
    action = StringField(
        "Action de cette convention",
        [MaxLength(200)],
        description="Son intitulé. Laissez vide pour toutes ses actions.",
    )
