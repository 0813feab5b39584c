"""A structure that closes: what leaves the catalogue, which prescriptions are concerned, who is told."""

import uuid
from collections import Counter
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for

from portal.errors import AlreadyDone, RuleBroken
from portal.prescriptions.states import State
from portal.referencement import notifications, queries, rules
from portal.referencement.forms import ClosingForm
from portal.referencement.views.blueprint import WRITERS, blueprint, public_url
from portal.structures.models import Structure, StructureState
from portal.structures.rules import keeps_catalogue
from portal.web.access import allow, person
from portal.web.session import db


@blueprint.get("/structures/<uuid:structure_id>/fermer")
@allow(*WRITERS)
def closing(structure_id: uuid.UUID) -> Any:
    """What closing means, before it is done; for a closed one, how it opens again."""
    return _page(_structure(structure_id), ClosingForm())


@blueprint.post("/structures/<uuid:structure_id>/fermer")
@allow(*WRITERS)
def close(structure_id: uuid.UUID) -> Any:
    """Close it, and tell those concerned."""
    structure = _structure(structure_id)
    form = ClosingForm(request.form)
    if not form.validate():
        return make_response(_page(structure, form), 422)
    try:
        under_way = rules.close_structure(db(), structure, note=form.note.data, by=person())
    except AlreadyDone as done:
        db().rollback()
        flash(done.message, "info")
        return redirect(url_for("structures.show", structure_id=structure_id), 303)
    notifications.tell_closed(db(), structure, under_way, by=person(), public_url=public_url())
    db().commit()
    flash(f"« {structure.nom} » est fermée. Les personnes concernées sont prévenues.", "success")
    return redirect(url_for("structures.show", structure_id=structure_id), 303)


@blueprint.post("/structures/<uuid:structure_id>/rouvrir")
@allow(*WRITERS)
def reopen(structure_id: uuid.UUID) -> Any:
    """Open it again, as a draft."""
    structure = _structure(structure_id)
    try:
        rules.reopen_structure(db(), structure, by=person())
    except RuleBroken as broken:
        db().rollback()
        flash(broken.message, "warning")
        return redirect(url_for("referencement.closing", structure_id=structure_id), 303)
    db().commit()
    flash(
        f"« {structure.nom} » est de nouveau ouverte : c’est un brouillon. Relisez-la, puis publiez-la.",
        "success",
    )
    return redirect(url_for("structures.show", structure_id=structure_id), 303)


def _structure(structure_id: uuid.UUID) -> Structure:
    found: Structure | None = db().execute(queries.manageable(person(), structure_id)).scalar_one_or_none()
    return found or abort(404)


def _page(structure: Structure, form: ClosingForm) -> str:
    states = Counter(prescription.state for prescription in rules.under_way(db(), structure.id))
    return render_template(
        "referencement/closing.html",
        structure=structure,
        form=form,
        closed=structure.state is StructureState.FERMEE,
        offers=db().execute(queries.leaving_with(structure.id)).scalars().all(),
        # How many, never whose: those who follow these people find them in their own list.
        under_way=[(state.label, states[state]) for state in State if states[state]],
        keeper=keeps_catalogue(person()),
    )
