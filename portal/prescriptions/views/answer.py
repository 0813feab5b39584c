"""Answering: the acts that are possible for this person, each on a page of its own."""

import uuid
from collections.abc import Callable
from typing import Any

from flask import current_app, flash, make_response, redirect, render_template, request, url_for

from portal import clock
from portal.accounts.models import Role
from portal.conventions import queries as convention_queries
from portal.errors import AlreadyDone, NoPlaceLeft, RuleBroken
from portal.prescriptions import answers, notifications, queries, rules
from portal.prescriptions.answer_forms import FORMS
from portal.prescriptions.models import Prescription, RefusalReason
from portal.prescriptions.states import Act, possible_acts
from portal.prescriptions.views.blueprint import blueprint, journal, name_of, visible
from portal.web.access import allow, person
from portal.web.formats import count
from portal.web.session import db

_ASKED = ",".join(f'"{act.value}"' for act in FORMS)

_DONE = {
    Act.ETUDIER: "La prescription est à l’étude. Le référent est prévenu.",
    Act.ACCEPTER: "La prescription est acceptée. Le référent est prévenu.",
    Act.REFUSER: "La prescription est refusée. Le référent est prévenu.",
    Act.ENTRER: "L’entrée est déclarée. Le référent est prévenu.",
    Act.TERMINER: "La fin est déclarée. Le référent est prévenu.",
    Act.ABANDONNER: "L’abandon est déclaré. Le référent est prévenu.",
    Act.ANNULER: "La prescription est annulée.",
}


@blueprint.route(f"/<uuid:prescription_id>/<any({_ASKED}):name>", methods=["GET", "POST"])
@allow(Role.REFERENT, Role.PARTENAIRE)
def act(prescription_id: uuid.UUID, name: str) -> Any:
    """Do one of the acts that the table allows to this person in this state."""
    chosen = Act(name)
    prescription = visible(prescription_id)
    here = url_for("prescriptions.show", prescription_id=prescription_id)
    side = queries.side_of(person())
    if side is None or chosen not in possible_acts(prescription.state, side):
        flash(
            f"Cette prescription est à l’état « {prescription.state.label} » : rien n’a été changé.", "info"
        )
        return redirect(here, 303)
    posted = request.method == "POST"
    form = FORMS[chosen](request.form if posted else None, data=None if posted else {"jour": clock.today()})
    refusal: RuleBroken | None = None
    if posted and form.validate():
        try:
            sentence = _do(chosen, prescription, form)
        except AlreadyDone as done:
            db().rollback()
            flash(done.message, "info")
            return redirect(here, 303)
        except RuleBroken as broken:
            db().rollback()
            prescription = visible(prescription_id)
            refusal = broken
            if broken.field is not None:
                form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash(sentence, "success")
            return redirect(here, 303)
    if not posted:
        journal(prescription.beneficiary_id, prescription.id)
    not_possible = refusal is not None and refusal.field is None
    status = 409 if not_possible else 422 if posted else 200
    page = render_template(
        "prescriptions/act.html",
        form=form,
        act=chosen,
        prescription=prescription,
        person_name=name_of(prescription, side),
        refusal=refusal if not_possible else None,
        may_wait=isinstance(refusal, NoPlaceLeft)
        and convention_queries.waiting_rank(db(), prescription_id) is None,
        places=current_app.extensions["offer_places"](db(), [prescription.offer_id]).get(
            prescription.offer_id
        ),
    )
    return make_response(page, status)


def _do(chosen: Act, prescription: Prescription, form: Any) -> str:
    """Run the verb of `chosen`, tell the other side, and return the sentence that says it is done."""
    by = person()
    message = form.message.data
    verbs: dict[Act, Callable[[], int | None]] = {
        Act.ETUDIER: lambda: answers.study(db(), prescription, by=by, message=message),
        Act.METTRE_EN_ATTENTE: lambda: answers.put_on_waiting_list(
            db(), prescription, by=by, message=message
        ),
        Act.ACCEPTER: lambda: answers.accept(db(), prescription, by=by, message=message),
        Act.REFUSER: lambda: answers.refuse(
            db(), prescription, by=by, reason=RefusalReason(form.motif_refus.data), message=message or ""
        ),
        Act.ENTRER: lambda: answers.enter(db(), prescription, by=by, day=form.jour.data, message=message),
        Act.TERMINER: lambda: answers.finish(db(), prescription, by=by, day=form.jour.data, message=message),
        Act.ABANDONNER: lambda: answers.give_up(
            db(), prescription, by=by, day=form.jour.data, message=message
        ),
        Act.ANNULER: lambda: rules.cancel(db(), prescription, by=by, message=message),
    }
    sent_before = prescription.sent_at is not None
    rank = verbs[chosen]()
    if sent_before:
        # A draft withdrawn was never known to the partner.
        notifications.tell(db(), prescription, chosen, public_url=current_app.config["PORTAL"].public_url)
    if chosen is Act.METTRE_EN_ATTENTE:
        return f"La personne est en liste d’attente, au rang {rank}. Le référent est prévenu."
    if chosen is Act.ACCEPTER:
        place = convention_queries.place_of(db(), prescription.id)
        if place is not None:
            left = current_app.extensions["offer_places"](db(), [prescription.offer_id])[
                prescription.offer_id
            ]
            return f"La prescription est acceptée et une place est retenue ; il en reste {count(left.libres, 'libre')}."
    return _DONE[chosen]
