"""An answer that came back on paper, written down by the référent with the sheet that says it."""

import uuid
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for

from portal import clock
from portal.accounts.models import Role
from portal.errors import AlreadyDone, OutOfTurn, PlacesEnded, RuleBroken
from portal.prescriptions import actors, answers, documents
from portal.prescriptions.acting import too_late
from portal.prescriptions.models import DocumentKind, Prescription, RefusalReason
from portal.prescriptions.paper_forms import LABELS, ON_DEMAND, WhichForm, answers_open, form_of
from portal.prescriptions.states import Act, Side
from portal.prescriptions.views.answer import own_desk, told_too_late
from portal.prescriptions.views.blueprint import blueprint, journal, visible
from portal.prescriptions.views.telling import tell
from portal.web import uploads
from portal.web.access import allow, person
from portal.web.forms import options
from portal.web.session import db


@blueprint.route("/<uuid:prescription_id>/papier", methods=["GET", "POST"])
@allow(Role.REFERENT)
def paper(prescription_id: uuid.UUID) -> Any:
    """Write down what a sheet of paper says: first which answer, then the rest and the sheet itself."""
    prescription = visible(prescription_id)
    if prescription.sent_at is None:
        abort(404)
    possible = answers_open(prescription.state)
    said = request.args.get("reponse", "")
    typed = request.form.get("message", "").strip()
    if typed and said in LABELS and said not in possible:
        return told_too_late(too_late(db(), prescription), typed, own_desk(prescription))
    here = url_for("prescriptions.show", prescription_id=prescription_id)
    if not possible:
        flash(
            f"Cette prescription est à l’état « {prescription.state.label} » : il n’y a plus de réponse à noter.",
            "info",
        )
        return redirect(here, 303)
    if said not in possible:
        return _first_question(prescription, possible, said)
    act = Act(said)
    if request.method == "GET":
        journal(prescription.beneficiary_id, prescription.id)
        return _page(prescription, act, form_of(act, prescription.state, data=None))
    form = form_of(act, prescription.state, request.form)
    refusal: RuleBroken | None = None
    if form.validate():
        try:
            _write_down(prescription_id, act, form)
        except AlreadyDone as done:
            db().rollback()
            return told_too_late(done.message, typed, own_desk(visible(prescription_id)))
        except RuleBroken as broken:
            db().rollback()
            prescription, refusal = visible(prescription_id), broken
            form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash("La réponse sur papier est enregistrée, avec la feuille.", "success")
            return redirect(here, 303)
    return make_response(_page(prescription, act, form, refusal), 422)


def _first_question(prescription: Prescription, possible: list[Act], said: str) -> Any:
    form = WhichForm(request.args if said else None)
    form.reponse.choices = options((act.value, LABELS[act]) for act in possible)
    status = 200
    if request.method == "POST" or said:
        # A page that stayed open while the prescription went on, or a choice that is none.
        form.validate()
        status = 422
    page = render_template("prescriptions/paper_which.html", form=form, prescription=prescription)
    return make_response(page, status)


def _page(prescription: Prescription, act: Act, form: Any, refusal: RuleBroken | None = None) -> str:
    asked = {name for name in ON_DEMAND if request.form.get(name)}
    if isinstance(refusal, OutOfTurn):
        asked.add("passer_avant")
    if isinstance(refusal, PlacesEnded):
        asked.add("sans_place")
    return render_template(
        "prescriptions/paper.html",
        form=form,
        act=act,
        label=LABELS[act],
        prescription=prescription,
        today=clock.today(),
        hidden={name for name in ON_DEMAND if name not in asked},
    )


def _write_down(prescription_id: uuid.UUID, act: Act, form: Any) -> None:
    """Keep the sheet, run the verb and tell the others. Raises RuleBroken as they do."""
    name, content = uploads.sent_document()
    uploads.checked(content)
    prescription = visible(prescription_id)
    by = actors.on_paper(person())
    documents.attach(
        db(),
        prescription,
        filename=name,
        content=content,
        by=by,
        side=Side.PARTENAIRE,
        kind=DocumentKind.REPONSE,
    )
    message = form.message.data or None
    if act is Act.ACCEPTER:
        answers.accept(
            db(),
            prescription,
            by=by,
            message=message,
            out_of_turn=form.passer_avant.data or None,
            without_place=form.sans_place.data,
        )
    elif act is Act.REFUSER:
        answers.refuse(
            db(), prescription, by=by, reason=RefusalReason(form.motif_refus.data), message=message or ""
        )
    elif act is Act.ENTRER:
        answers.enter(db(), prescription, by=by, day=form.jour.data, message=message)
    else:
        leave = answers.finish if act is Act.TERMINER else answers.give_up
        leave(
            db(),
            prescription,
            by=by,
            day=form.jour.data,
            reason=form.reason,
            contract=form.contract,
            message=message,
        )
    tell(prescription, act)
