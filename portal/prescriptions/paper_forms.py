"""What the référent writes down of a sheet of paper that came back: one form for each answer."""

from typing import Any

from wtforms import BooleanField, FileField, RadioField, SelectField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Optional

from portal.prescriptions.answer_forms import REASON_LENGTH, EnterForm, LeaveForm, outcomes
from portal.prescriptions.forms import MESSAGE_LENGTH
from portal.prescriptions.models import RefusalReason
from portal.prescriptions.states import ON_PAPER, Act, Side, State, possible_acts
from portal.web.forms import Form, MaxLength, options

LABELS = {
    Act.ACCEPTER: "Oui : la structure accepte",
    Act.REFUSER: "Non : la structure refuse",
    Act.ENTRER: "La personne est entrée",
    Act.TERMINER: "La personne a fini",
    Act.ABANDONNER: "La personne a abandonné, ou n’est pas venue",
}


class WhichForm(Form):
    """What does the sheet say?"""

    reponse = RadioField(
        "Que dit la feuille ?", [InputRequired("Choisissez ce que dit la feuille.")], choices=[]
    )


class _SheetForm(Form):
    """Where is the sheet?"""

    fichier = FileField(
        "La feuille signée, en photo ou en PDF",
        description="5 Mo au plus. Elle est gardée avec la prescription ; après une erreur, choisissez-la de nouveau.",
        render_kw={"accept": ".pdf,.png,.jpg,.jpeg", "required": True},
    )


class AcceptedForm(_SheetForm):
    """Yes; two more questions are asked when the places demand it."""

    message = TextAreaField(
        "Message écrit sur la feuille", [Optional(), MaxLength(MESSAGE_LENGTH)], render_kw={"rows": 3}
    )
    passer_avant = TextAreaField(
        "Pourquoi passer avant ceux qui attendent ?",
        [Optional(), MaxLength(REASON_LENGTH)],
        description="Gardé avec la place, et lu par l’agent qui suit la convention.",
        render_kw={"rows": 2},
    )
    sans_place = BooleanField("La structure accepte sans place financée")


class RefusedForm(_SheetForm):
    """No; why?"""

    motif_refus = SelectField(
        "Raison du refus",
        [InputRequired("Choisissez la raison du refus.")],
        choices=options([("", "Choisir"), *((reason.value, reason.label) for reason in RefusalReason)]),
    )
    message = TextAreaField(
        "Ce que la structure a écrit",
        [DataRequired("Recopiez ce que la structure a écrit."), MaxLength(MESSAGE_LENGTH)],
        render_kw={"rows": 3},
    )


class EnteredForm(_SheetForm, EnterForm):
    """When did the person come?"""

    message = TextAreaField(
        "Message écrit sur la feuille", [Optional(), MaxLength(MESSAGE_LENGTH)], render_kw={"rows": 3}
    )


class LeftForm(_SheetForm, LeaveForm):
    """When did it end, and for what?"""

    message = TextAreaField(
        "Message écrit sur la feuille", [Optional(), MaxLength(MESSAGE_LENGTH)], render_kw={"rows": 3}
    )


_FORMS: dict[Act, type[Form]] = {
    Act.ACCEPTER: AcceptedForm,
    Act.REFUSER: RefusedForm,
    Act.ENTRER: EnteredForm,
    Act.TERMINER: LeftForm,
    Act.ABANDONNER: LeftForm,
}
# Questions asked only when the places demand it.
ON_DEMAND = ("passer_avant", "sans_place")


def answers_open(state: State) -> list[Act]:
    """Return what a sheet may say in `state`, in the order of the buttons."""
    found = [act for act in possible_acts(state, Side.PARTENAIRE) if act in ON_PAPER]
    return sorted(found, key=lambda act: act.weight)


def form_of(act: Act, state: State, data: Any = None, **options_: Any) -> Any:
    """Return the form of `act`; `data` is what was posted."""
    form = _FORMS[act](data, **options_)
    if isinstance(form, LeftForm):
        form.motif_sortie.choices = options((reason.value, reason.label) for reason in outcomes(act, state))
    return form
