"""Questions put to those who follow prescriptions: a word, a colleague, an answer to several at once."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from wtforms import HiddenField, SelectField, TextAreaField
from wtforms.validators import AnyOf, DataRequired, Optional

from portal.accounts.models import User
from portal.prescriptions import wording
from portal.prescriptions.forms import MESSAGE_LENGTH
from portal.prescriptions.models import Prescription, RefusalReason
from portal.prescriptions.sharing import name_for_partner
from portal.prescriptions.states import Act
from portal.web.fields import Keyed
from portal.web.forms import Form, MaxLength, options


class WordForm(Keyed):
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


class ToPersonForm(Form):
    """What the person of one of several prescriptions is told."""

    message_personne = TextAreaField(
        validators=[Optional(), MaxLength(MESSAGE_LENGTH)], render_kw={"rows": 3}
    )


# Answers of which the person is told, as when they are given one by one.
_TOLD_TO_PERSON = frozenset({Act.ACCEPTER, Act.REFUSER})


@dataclass(slots=True)
class SeveralForms:
    """The forms of one page, read together: what all the answers share, and the words for each person."""

    common: Any
    people: dict[uuid.UUID, ToPersonForm]
    form_errors: list[str] = field(default_factory=list)

    def validate(self) -> bool:
        """Check every form, so that every mistake is told at once."""
        return all([form.validate() for form in (self.common, *self.people.values())])

    def word_to(self, prescription: Prescription) -> str | None:
        """Return what the person of this prescription is told."""
        form = self.people.get(prescription.id)
        return form.message_personne.data if form else None

    @property
    def errors(self) -> dict[str, Any]:
        """{id of the control: sentences}, as a form has."""
        return {one.id: one.errors for one in self if one.errors}

    def __iter__(self) -> Iterator[Any]:
        """Every field, in the order of the page, for the summary of errors."""
        yield from self.common
        for form in self.people.values():
            yield from form


def several_forms(act: Act, prescriptions: Iterable[Prescription], typed: Any) -> SeveralForms:
    """Return the forms of `act` for these prescriptions: as `typed` when it is given, else with the words put forward."""
    people = {}
    for prescription in prescriptions if act in _TOLD_TO_PERSON else ():
        form = ToPersonForm(
            typed,
            prefix=f"p-{prescription.id}-",
            data={"message_personne": wording.to_person(act, prescription.offre_nom)},
        )
        name = name_for_partner(prescription)
        # The same person may be there for two offers.
        form.message_personne.label.text = f"Message à {name}, pour « {prescription.offre_nom} »"
        people[prescription.id] = form
    return SeveralForms(SEVERAL[act](typed), people)


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
