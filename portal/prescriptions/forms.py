"""Questions put to the référent who prescribes."""

from wtforms import BooleanField, HiddenField, TextAreaField
from wtforms.validators import DataRequired, InputRequired

from portal.prescriptions.sharing import CONSENT_TEXT, PIECES
from portal.web.forms import ChecklistField, Form, MaxLength, options

MESSAGE_LENGTH = 2000


class PrescriptionForm(Form):
    """Why, and what goes with it."""

    cle = HiddenField()
    motif = TextAreaField(
        "Pourquoi cette offre ?",
        [
            DataRequired("Écrivez en une ou deux phrases pourquoi vous prescrivez cette offre."),
            MaxLength(MESSAGE_LENGTH),
        ],
        description="Ce que la personne cherche, ce qui rendrait l’action utile. La structure lira ce texte : "
        "n’y mettez pas d’information de santé ni de justice qui ne serve pas à l’action.",
        render_kw={"rows": 5},
    )
    partage = ChecklistField(
        "Ce que la structure pourra lire",
        description="Le prénom et le nom sont toujours transmis. Cochez seulement ce qui sert à l’action.",
    )


class SendForm(Form):
    """Does the person agree?"""

    consentement = BooleanField(
        CONSENT_TEXT, [InputRequired("Demandez son accord à la personne, puis cochez la case.")]
    )


def offer_pieces(form: PrescriptionForm, pieces: list[dict[str, str]]) -> None:
    """Let the référent choose among what the file holds: `pieces` as `sharing.pieces_of` gives them, all of them."""
    required = {piece.slug for piece in PIECES if piece.required}
    form.partage.choices = options(
        (entry["piece"], f"{entry['label']} : {entry['value']}")
        for entry in pieces
        if entry["piece"] not in required
    )
