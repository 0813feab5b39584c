"""What is written about a bilan: its parts by the officer, marks and requests by the State's readers."""

from typing import Any

from wtforms import BooleanField, FileField, RadioField, TextAreaField
from wtforms.validators import DataRequired

from portal.budget.bilan_models import Mark
from portal.budget.bilans import PartState
from portal.web.fields import Versioned
from portal.web.forms import Form, MaxLength, options


class PartForm(Versioned):
    """What is said of a part, and whether it is ready."""

    texte = TextAreaField("Votre texte", [MaxLength(20000)], render_kw={"rows": 12})
    prete = BooleanField("Cette partie est prête")


class MarkForm(Form):
    """What a reader says of a part."""

    mark = RadioField(
        "Votre avis",
        [DataRequired("Choisissez un avis.")],
        choices=options([(mark.value, mark.label) for mark in Mark]),
    )
    commentaire = TextAreaField(
        "Commentaire",
        [MaxLength(2000)],
        description="À écrire quand quelque chose est à corriger.",
        render_kw={"rows": 4},
    )


class CorrectionForm(Versioned):
    """What does the State ask to correct?"""

    demande = TextAreaField(
        "Ce qui est à corriger",
        [DataRequired("Écrivez ce qui est à corriger."), MaxLength(2000)],
        render_kw={"rows": 6},
    )


def part_as_typed(state: PartState, proposed: str) -> dict[str, Any]:
    """Return the form's data for a part; one that nobody wrote begins with what the portal proposes."""
    if state.words is None:
        return {"version": "0", "texte": proposed, "prete": False}
    return {"version": str(state.words.version), "texte": state.texte, "prete": state.ready}


class TerritoriesForm(Form):
    """Which table of territories?"""

    fichier = FileField("Tableau (XLSX ou CSV)")
