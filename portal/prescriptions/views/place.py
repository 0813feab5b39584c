"""The place proposed to somebody who waits: the référent takes it, or leaves it to the following person."""

import uuid
from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for

from portal import clock
from portal.accounts.models import Role
from portal.conventions import waiting
from portal.errors import AlreadyDone, RuleBroken
from portal.prescriptions import rules
from portal.prescriptions.follow_forms import PlaceForm
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import Act, Side
from portal.prescriptions.views import telling, turns
from portal.prescriptions.views.answer import own_desk, told_too_late
from portal.prescriptions.views.blueprint import blueprint, journal, name_of, visible
from portal.web.access import allow, person
from portal.web.session import db

_DONE = {
    Act.PRENDRE_PLACE: "La place est retenue et la prescription acceptée. La structure est prévenue.",
    Act.LAISSER_PLACE: "La place passe à la personne suivante. Celle-ci reste en liste d’attente, à la fin.",
}
_GONE = (
    "Cette place n’est plus proposée : le délai est passé, ou elle est prise. Une personne qui attendait reste sur "
    "la liste."
)


@blueprint.route("/<uuid:prescription_id>/place", methods=["GET", "POST"])
@allow(Role.REFERENT)
def place(prescription_id: uuid.UUID) -> Any:
    """Take the place, or leave it; with a word for the structure, if need be."""
    prescription = visible(prescription_id)
    here = url_for("prescriptions.show", prescription_id=prescription_id)
    proposal = waiting.proposal_of(db(), prescription_id)
    if proposal is None or proposal.expires_at <= clock.now():
        return _gone(prescription, _GONE)
    expires = proposal.expires_at
    posted = request.method == "POST"
    form = PlaceForm(request.form if posted else None)
    if posted and form.validate():
        act = Act(form.acte.data)
        verb = rules.take_place if act is Act.PRENDRE_PLACE else rules.leave_place
        try:
            verb(db(), prescription, by=person(), message=form.message.data)
            telling.tell(prescription, act)
            turns.propose(prescription)
        except AlreadyDone as already:
            db().rollback()
            return _gone(visible(prescription_id), already.message)
        except RuleBroken as broken:
            db().rollback()
            prescription = visible(prescription_id)
            form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash(_DONE[act], "success")
            return redirect(here, 303)
    if not posted:
        journal(prescription.beneficiary_id, prescription.id)
    page = render_template(
        "prescriptions/place.html",
        form=form,
        prescription=prescription,
        person_name=name_of(prescription, Side.REFERENT),
        expires=expires,
        # Without one chosen, the form would not know what to do: the two buttons carry the answer.
        take=Act.PRENDRE_PLACE,
        leave=Act.LAISSER_PLACE,
    )
    return make_response(page, 422 if posted else 200)


def _gone(prescription: Prescription, sentence: str) -> Any:
    """Say that the place is not there any more; a word that was written for the structure is given back."""
    typed = request.form.get("message", "").strip()
    return told_too_late(sentence, typed, own_desk(prescription), title="Cette place n’est plus proposée")
