"""Questions put to the partner who answers, and to whoever acts on a prescription that left."""

from wtforms import DateField, SelectField, TextAreaField
from wtforms.validators import DataRequired, Optional

from portal.prescriptions.forms import MESSAGE_LENGTH
from portal.prescriptions.models import RefusalReason
from portal.prescriptions.states import Act
from portal.web.forms import Form, MaxLength, NotInFuture, options


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
