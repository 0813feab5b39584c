"""A partner arrives: find one's structure by SIRET or by name, ask to join it, or go on to describe it."""

import uuid
from typing import Any

from flask import abort, current_app, flash, make_response, redirect, render_template, request, url_for

from portal.accounts.models import Role, User
from portal.errors import AlreadyDone, RuleBroken
from portal.structures import invitations, notifications, queries, rules
from portal.structures.forms import FindForm, JoinForm
from portal.structures.models import JoinState, Structure, StructureState
from portal.structures.views.blueprint import WRITERS, blueprint, is_among, public_url
from portal.web.access import allow, has_role, person
from portal.web.session import db

_MOST = 20


@blueprint.get("/structures/rejoindre")
@allow(*WRITERS)
def join() -> Any:
    """Three ways to one's structure: its SIRET, its name, an invitation. What nobody described yet is described next."""
    if not has_role(Role.PARTENAIRE):
        return redirect(url_for("structures.new", siret=request.args.get("siret")), 303)
    form = FindForm(request.args)
    form.commune.departement = current_app.config["PORTAL"].departement
    valid = form.validate()
    found: dict[str, Any] = {"known": None, "siblings": [], "named": None, "more": False}
    if valid and form.siret.data:
        try:
            form.siret.data = rules.check_siret(form.siret.data)
        except RuleBroken as broken:
            form.refuse(broken.field, broken.message)
        else:
            found |= _by_siret(form.siret.data)
            if found["known"] is None and not found["siblings"]:
                return redirect(url_for("structures.new", siret=form.siret.data), 303)
    elif valid and (form.nom.data or form.commune.data):
        commune = form.commune.commune
        statement = queries.to_join(form.nom.data or "", commune.code if commune else None)
        rows = list(db().execute(statement.limit(_MOST + 1)).scalars())
        found |= {"named": rows[:_MOST], "more": len(rows) > _MOST}
    page = render_template("structures/join.html", form=form, **found, **_mine())
    return make_response(page, 422 if form.errors else 200)


@blueprint.get("/structures/<uuid:structure_id>/rejoindre")
@allow(Role.PARTENAIRE)
def ask(structure_id: uuid.UUID) -> Any:
    """Before asking: to whom, and a word for them."""
    structure = db().get(Structure, structure_id) or abort(404)
    if is_among(queries.changeable_by, structure_id):
        return redirect(url_for("structures.show", structure_id=structure_id), 303)
    if invitations.pending_request(db(), structure_id, person().id) is not None:
        return redirect(url_for("structures.index"), 303)
    return render_template("structures/ask.html", structure=structure, form=JoinForm())


@blueprint.post("/structures/<uuid:structure_id>/rejoindre")
@allow(Role.PARTENAIRE)
def send_request(structure_id: uuid.UUID) -> Any:
    """Ask to join; those who may answer are told. A second press says that it is sent already."""
    structure = db().get(Structure, structure_id) or abort(404)
    form = JoinForm(request.form)
    if not form.validate():
        return make_response(render_template("structures/ask.html", structure=structure, form=form), 422)
    try:
        asked = invitations.ask_to_join(db(), structure, by=person(), message=form.message.data)
    except AlreadyDone as done:
        db().rollback()
        flash(done.message, "message")
        return redirect(url_for("structures.index"), 303)
    user: User = person()
    notifications.tell_asked(db(), asked, structure, user, public_url=public_url())
    db().commit()
    flash("Votre demande est envoyée. Vous recevrez un e-mail dès que quelqu’un y aura répondu.", "success")
    return redirect(url_for("structures.index"), 303)


def _by_siret(siret: str) -> dict[str, Any]:
    known: Structure | None = db().execute(queries.of_siret(siret)).scalar_one_or_none()
    siblings = list(db().execute(queries.of_siren(siret).limit(_MOST)).scalars())
    return {"known": known, "siblings": siblings}


def _mine() -> dict[str, Any]:
    """The ids of the structures that the person belongs to, and of those that have their request in hand."""
    belongs = {structure.id for structure in db().execute(queries.changeable_by(person())).scalars()}
    requests = db().execute(queries.requests_of(person(), since=person().created_at)).scalars()
    asked = {one.structure_id for one in requests if one.state is JoinState.EN_ATTENTE}
    return {"belongs": belongs, "asked": asked, "closed": StructureState.FERMEE}
