"""Questions put to those who follow prescriptions: a word, a colleague, an answer to several at once."""

from collections.abc import Iterable

from wtforms import HiddenField, SelectField, TextAreaField
from wtforms.validators import AnyOf, DataRequired, Optional

from portal.accounts.models import User
from portal.prescriptions.forms import MESSAGE_LENGTH
from portal.prescriptions.models import RefusalReason
from portal.prescriptions.states import Act
from portal.web.forms import Form, MaxLength, options


class WordForm(Form):
    """A message for the other side, without an act."""

    texte = TextAreaField(
        "Votre message",
        [DataRequired("Écrivez votre message."), MaxLength(MESSAGE_LENGTH)],
        render_kw={"rows": 3},
    )


class RemindForm(Form):
    """A word with the reminder, if need be."""

    message = TextAreaField(
        "Message à la structure", [Optional(), MaxLength(MESSAGE_LENGTH)], render_kw={"rows": 4}
    )


class HandOverForm(Form):
    """To whom, and what they need to know?"""

    collegue = SelectField("Collègue", [DataRequired("Choisissez à qui vous passez la main.")])
    message = TextAreaField(
        "Message",
        [Optional(), MaxLength(MESSAGE_LENGTH)],
        description="Il reste dans l’historique : la structure le lit aussi.",
        render_kw={"rows": 4},
    )

    def offer(self, colleagues: Iterable[User]) -> None:
        """Let the référent choose among `colleagues`."""
        self.collegue.choices = options([("", "Choisir…"), *((str(u.id), u.full_name) for u in colleagues)])


class AssignForm(Form):
    """Who of the structure follows it? The empty answer is nobody in particular."""

    suivi_par = SelectField("Qui la suit ?")

    def offer(self, members: Iterable[User]) -> None:
        """Let the partner choose among `members`."""
        self.suivi_par.choices = options(
            [("", "Personne en particulier"), *((str(u.id), u.full_name) for u in members)]
        )


class SeveralMessageForm(Form):
    """One word for several prescriptions."""

    message = TextAreaField(
        "Message aux référents",
        [Optional(), MaxLength(MESSAGE_LENGTH)],
        description="Le même message part avec chaque réponse.",
        render_kw={"rows": 4},
    )


class SeveralRefuseForm(Form):
    """Why are they all refused?"""

    motif_refus = SelectField(
        "Raison",
        [DataRequired("Choisissez la raison du refus.")],
        choices=options([("", "Choisir…"), *((reason.value, reason.label) for reason in RefusalReason)]),
    )
    message = TextAreaField(
        "Message aux référents",
        [
            DataRequired("Écrivez un mot aux référents : ils chercheront une autre solution."),
            MaxLength(MESSAGE_LENGTH),
        ],
        description="Le même message part avec chaque réponse : n’y parlez de personne en particulier.",
        render_kw={"rows": 4},
    )


# The question that goes with each act that may be done to several prescriptions at once.
SEVERAL: dict[Act, type[Form]] = {
    Act.ETUDIER: SeveralMessageForm,
    Act.ACCEPTER: SeveralMessageForm,
    Act.REFUSER: SeveralRefuseForm,
    Act.SUIVRE: AssignForm,
}


class PlaceForm(Form):
    """Take the proposed place, or leave it? Each answer is a button."""

    acte = HiddenField(
        validators=[
            AnyOf(
                [Act.PRENDRE_PLACE.value, Act.LAISSER_PLACE.value],
                "Choisissez : prendre la place, ou la laisser.",
            )
        ]
    )
    message = TextAreaField(
        "Message à la structure", [Optional(), MaxLength(MESSAGE_LENGTH)], render_kw={"rows": 3}
    )
