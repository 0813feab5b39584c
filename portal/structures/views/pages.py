"""The structures one may change, one structure as everybody reads it, its history; put it online and take it off."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for

from portal import clock, vocabulary
from portal.accounts.models import Role
from portal.errors import RuleBroken
from portal.structures import history, notifications, queries, rules
from portal.structures.forms import answers_of
from portal.structures.models import Revision, StructureState
from portal.structures.views.blueprint import WRITERS, blueprint, is_among, public_url, the_structure
from portal.structures.views.form_page import again, make_form, reader
from portal.web.access import allow, has_role, person, public
from portal.web.pagination import page_number, paginate
from portal.web.session import db

# How long a refusal is still told to who asked.
_TOLD = timedelta(days=30)


@blueprint.get("/structures", strict_slashes=False)
@allow(*WRITERS)
def index() -> Any:
    """Those that the person may change; a partner who has none goes and looks for theirs."""
    words = request.args.get("q", "")[:200]
    pager = paginate(db(), queries.changeable_by(person(), words), page_number(request.args.get("page")))
    asked = []
    if has_role(Role.PARTENAIRE):
        asked = list(db().execute(queries.requests_of(person(), clock.now() - _TOLD)).scalars())
        if not pager.total and not asked and not words:
            return redirect(url_for("structures.join"), 303)
    count, _ = current_app.extensions["structure_offers"]
    offers = count(db(), [structure.id for structure in pager.items])
    return render_template("structures/index.html", pager=pager, offers=offers, words=words, asked=asked)


@blueprint.get("/structures/<uuid:structure_id>")
@public
def show(structure_id: uuid.UUID) -> Any:
    """One structure and its offers, as everybody reads them; with what to do for who may change it."""
    structure = the_structure(queries.visible_to(person()), structure_id)
    editable = is_among(queries.changeable_by, structure_id)
    _, listed = current_app.extensions["structure_offers"]
    offers = db().execute(listed(structure.id, with_drafts=editable)).scalars().all()
    manages = editable and is_among(queries.managed_by, structure_id)
    return render_template(
        "structures/show.html",
        structure=structure,
        offers=offers,
        editable=editable,
        manages=manages,
        waiting=len(db().execute(queries.requests_to(structure_id)).scalars().all()) if manages else 0,
        belongs=editable and has_role(Role.PARTENAIRE),
        establishments=db().execute(queries.establishments_of(structure, person())).scalars().all(),
        networks=vocabulary.labels("reseaux_porteurs", structure.reseaux_porteurs),
        twins=current_app.extensions["structure_elsewhere"](structure.id),
    )


@blueprint.get("/structures/<uuid:structure_id>/historique")
@allow(*WRITERS)
def history_of(structure_id: uuid.UUID) -> Any:
    """Who did what, and each answer before and after."""
    structure = the_structure(queries.changeable_by(person()), structure_id)
    lines: Sequence[Revision] = db().execute(history.of_structure(structure_id)).scalars().all()
    read = reader(lines)
    return render_template(
        "structures/history.html",
        structure=structure,
        items=[(line, read.rows(line.changes or {})) for line in lines],
    )


@blueprint.post("/structures/<uuid:structure_id>/publier")
@allow(*WRITERS)
def publish(structure_id: uuid.UUID) -> Any:
    """Show the structure to everybody, or ask the animator to, or say what is missing where it is to be filled in."""
    structure = the_structure(queries.changeable_by(person()), structure_id)
    before = structure.state
    try:
        rules.publish_structure(db(), structure, by=person())
    except RuleBroken as broken:
        db().rollback()
        structure = the_structure(queries.changeable_by(person()), structure_id)
        form = make_form(structure, data=answers_of(structure))
        form.refuse(broken.field, broken.message)
        return again(form, structure_id)
    if structure.state is StructureState.A_VALIDER and before is not StructureState.A_VALIDER:
        notifications.tell_submitted(db(), structure, public_url=public_url())
    db().commit()
    if structure.is_public:
        flash("La structure est publiée : tout le monde peut la voir.", "success")
    else:
        flash(
            "La structure attend maintenant la validation de l’animateur. Écrivez déjà vos offres : "
            "elles paraîtront avec elle.",
            "success",
        )
    return redirect(url_for("structures.show", structure_id=structure_id), 303)


@blueprint.post("/structures/<uuid:structure_id>/retirer")
@allow(*WRITERS)
def withdraw(structure_id: uuid.UUID) -> Any:
    """Hide the structure and its offers."""
    structure = the_structure(queries.changeable_by(person()), structure_id)
    rules.withdraw_structure(db(), structure, by=person())
    db().commit()
    flash("La structure et ses offres ne sont plus visibles. Rien n’est effacé.", "success")
    return redirect(url_for("structures.show", structure_id=structure_id), 303)
