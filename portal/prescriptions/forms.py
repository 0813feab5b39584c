"""Questions put to the référent who prescribes and to the partner who answers."""

from wtforms import BooleanField, DateField, HiddenField, SelectField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Optional

from portal.prescriptions.models import RefusalReason
from portal.prescriptions.sharing import CONSENT_TEXT, PIECES
from portal.prescriptions.states import Act
from portal.web.forms import ChecklistField, Form, MaxLength, NotInFuture, options

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


class MessageForm(Form):
    """An act that may come with a word."""

    message = TextAreaField(
        "Message",
        [Optional(), MaxLength(MESSAGE_LENGTH)],
        description="L’autre partie le lira.",
        render_kw={"rows": 4},
    )


class AcceptForm(MessageForm):
    """Yes; when and where?"""

    message = TextAreaField(
        "Message au référent",
        [Optional(), MaxLength(MESSAGE_LENGTH)],
        description="Par exemple le jour, l’heure et le lieu du premier rendez-vous, et ce qu’il faut apporter.",
        render_kw={"rows": 4},
    )


class RefuseForm(Form):
    """Why not?"""

    motif_refus = SelectField(
        "Raison",
        [DataRequired("Choisissez la raison du refus.")],
        choices=options([("", "Choisir…"), *((reason.value, reason.label) for reason in RefusalReason)]),
    )
    message = TextAreaField(
        "Message au référent",
        [
            DataRequired("Écrivez un mot au référent : il cherchera une autre solution."),
            MaxLength(MESSAGE_LENGTH),
        ],
        description="Dites ce qui pourrait convenir mieux, ou quand redemander.",
        render_kw={"rows": 4},
    )


class DayForm(Form):
    """On which day, and a word if need be."""

    jour = DateField("Date", [DataRequired("Écrivez la date.")])
    message = TextAreaField(
        "Message au référent", [Optional(), MaxLength(MESSAGE_LENGTH)], render_kw={"rows": 4}
    )


class EnterForm(DayForm):
    """When did the person come?"""

    jour = DateField(
        "Jour où la personne est venue",
        [
            DataRequired("Écrivez le jour où la personne est venue."),
            NotInFuture(
                "La date d’entrée est dans le futur : déclarez l’entrée quand la personne est venue."
            ),
        ],
    )


class LeaveForm(DayForm):
    """When did it end?"""

    jour = DateField(
        "Dernier jour",
        [
            DataRequired("Écrivez le dernier jour."),
            NotInFuture("La date de sortie est dans le futur : corrigez-la."),
        ],
    )


# The question that goes with each act.
FORMS: dict[Act, type[Form]] = {
    Act.ETUDIER: MessageForm,
    Act.METTRE_EN_ATTENTE: MessageForm,
    Act.ACCEPTER: AcceptForm,
    Act.REFUSER: RefuseForm,
    Act.ENTRER: EnterForm,
    Act.TERMINER: LeaveForm,
    Act.ABANDONNER: LeaveForm,
    Act.ANNULER: MessageForm,
}


def offer_pieces(form: PrescriptionForm, pieces: list[dict[str, str]]) -> None:
    """Let the référent choose among what the file holds: `pieces` as `sharing.pieces_of` gives them, all of them."""
    required = {piece.slug for piece in PIECES if piece.required}
    form.partage.choices = options(
        (entry["piece"], f"{entry['label']} : {entry['value']}")
        for entry in pieces
        if entry["piece"] not in required
    )
