"""Following a prescription: remind the structure, give it to a colleague, say who of the structure follows it."""

import uuid
from collections.abc import Callable
from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for

from portal.accounts.models import Role, User
from portal.errors import AlreadyDone, RuleBroken
from portal.prescriptions import answers, queries, rules
from portal.prescriptions.follow_forms import AssignForm, HandOverForm, RemindForm
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import Act
from portal.prescriptions.views import telling
from portal.prescriptions.views.answer import own_desk, told_too_late
from portal.prescriptions.views.blueprint import blueprint, journal, name_of, readable, visible
from portal.web.access import allow, person
from portal.web.forms import Form
from portal.web.session import db


@blueprint.route("/<uuid:prescription_id>/relancer", methods=["GET", "POST"])
@allow(Role.REFERENT)
def remind(prescription_id: uuid.UUID) -> Any:
    """Ask the structure for its answer again."""
    form = RemindForm(_posted())
    return _ask(
        prescription_id,
        Act.RELANCER,
        form,
        lambda p: rules.remind(db(), p, by=person(), message=form.message.data),
        "La structure est relancée.",
    )


@blueprint.route("/<uuid:prescription_id>/confier", methods=["GET", "POST"])
@allow(Role.REFERENT)
def hand_over(prescription_id: uuid.UUID) -> Any:
    """Give the prescription to a colleague."""
    colleagues = db().execute(queries.colleagues_of(person())).scalars().all()
    form = HandOverForm(_posted())
    form.offer(colleagues)
    return _ask(
        prescription_id,
        Act.CONFIER,
        form,
        lambda p: rules.hand_over(
            db(), p, by=person(), to=_among(colleagues, form.collegue.data), message=form.message.data
        ),
        "La prescription est passée à votre collègue, qui la suit maintenant.",
        nobody=None if colleagues else "Il n’y a pas d’autre référent dans votre organisme.",
    )


@blueprint.post("/<uuid:prescription_id>/prendre-la-suite")
@allow(Role.REFERENT)
def take_over(prescription_id: uuid.UUID) -> Any:
    """Follow the prescription of a colleague whose account is closed."""
    prescription = readable(prescription_id)
    try:
        rules.take_over(db(), prescription, by=person())
    except AlreadyDone as already:
        db().rollback()
        flash(already.message, "info")
    else:
        db().commit()
        flash("Vous suivez maintenant cette prescription.", "success")
    return redirect(url_for("prescriptions.show", prescription_id=prescription_id), 303)


@blueprint.route("/<uuid:prescription_id>/suivre", methods=["GET", "POST"])
@allow(Role.PARTENAIRE)
def assign(prescription_id: uuid.UUID) -> Any:
    """Say who of the structure follows the prescription."""
    prescription = visible(prescription_id)
    members = db().execute(queries.members_of([prescription.structure_id])).scalars().all()
    now = str(prescription.suivi_par_id or "")
    form = AssignForm(_posted(), data=None if _posted() else {"suivi_par": now})
    form.offer(members)
    return _ask(
        prescription_id,
        Act.SUIVRE,
        form,
        lambda p: answers.assign(
            db(), p, by=person(), to=_among(members, form.suivi_par.data) if form.suivi_par.data else None
        ),
        "C’est noté.",
    )


def _ask(
    prescription_id: uuid.UUID,
    act: Act,
    form: Form,
    verb: Callable[[Prescription], object],
    done: str,
    *,
    nobody: str | None = None,
) -> Any:
    """Show the question of `act`, or run its `verb` and come back to the prescription with the sentence `done`."""
    prescription = visible(prescription_id)
    here = url_for("prescriptions.show", prescription_id=prescription_id)
    posted = request.method == "POST"
    if posted and form.validate():
        try:
            verb(prescription)
            telling.tell(prescription, act)
        except AlreadyDone as already:
            db().rollback()
            typed = request.form.get("message", "").strip()
            desk = own_desk(visible(prescription_id))
            return told_too_late(already.message, typed, desk, title="Rien n’a été changé")
        except RuleBroken as broken:
            db().rollback()
            prescription = visible(prescription_id)
            form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash(done, "success")
            return redirect(here, 303)
    if not posted:
        journal(prescription.beneficiary_id, prescription.id)
    side = queries.side_of(person())
    assert side is not None
    page = render_template(
        "prescriptions/follow.html",
        form=form,
        act=act,
        prescription=prescription,
        person_name=name_of(prescription, side),
        nobody=nobody,
    )
    return make_response(page, 422 if posted else 200)


def _posted() -> Any:
    return request.form if request.method == "POST" else None


def _among(people: Any, id: str) -> User:
    """Return the one of `people` that the form chose; it was checked against them."""
    return next(user for user in people if str(user.id) == id)
