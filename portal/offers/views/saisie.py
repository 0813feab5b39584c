"""While somebody types: what is typed is kept, and what it is worth is shown."""

import uuid
from contextlib import suppress
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from sqlmodel import col

from portal import clock
from portal.errors import RuleBroken
from portal.offers import queries, rules, saisies
from portal.offers.models import Offer
from portal.offers.record import PRIVATE_CONTACT
from portal.offers.views.blueprint import blueprint
from portal.offers.views.form_page import (
    WRITERS,
    find_offer,
    keep_typed,
    make_form,
    panel_of,
    proposed,
    reader,
    the_structure,
    theme_groups,
    typed,
    typed_form,
)
from portal.structures import history
from portal.web.access import allow, person
from portal.web.session import db


@blueprint.post("/structures/<uuid:structure_id>/saisie/<uuid:offer_id>")
@allow(*WRITERS)
def keep(structure_id: uuid.UUID, offer_id: uuid.UUID) -> Any:
    """Keep what is typed so far, and answer with the aside: quality, DORA, likely twins, total of hours."""
    structure = the_structure(structure_id)
    offer = find_offer(offer_id)
    if offer is not None and offer.structure_id != structure_id:
        abort(404)
    problem = None
    try:
        keep_typed(structure, offer, offer_id)
        db().commit()
    except RuleBroken as broken:
        db().rollback()
        problem = broken.message
    form = make_form(request.form, offer=offer)
    form.validate()
    return render_template(
        "offers/_aside.html",
        kept_at=None if problem else clock.now(),
        problem=problem,
        offer=offer,
        live=True,
        **panel_of(form, structure, offer_id),
    )


@blueprint.post("/structures/<uuid:structure_id>/saisie/<uuid:offer_id>/oublier")
@allow(*WRITERS)
def forget(structure_id: uuid.UUID, offer_id: uuid.UUID) -> Any:
    """Start again from what is saved."""
    structure = the_structure(structure_id)
    saisies.drop(db(), user=person(), offer_id=offer_id)
    db().commit()
    if find_offer(offer_id) is not None:
        flash("Voici la fiche telle qu’elle est enregistrée.", "success")
        return redirect(url_for("offers.edit", offer_id=offer_id), 303)
    return redirect(url_for("offers.new", structure_id=structure.id), 303)


@blueprint.post("/offres/thematiques")
@allow(*WRITERS)
def themes() -> Any:
    """The thématiques of the form, those that answer the need first: a fragment; nothing is written."""
    form = make_form(request.form)
    need = request.form.get("besoin", "")
    return render_template(
        "offers/_themes.html", form=form, themes=theme_groups(form, need), proposed=proposed(need)
    )


@blueprint.post("/structures/<uuid:structure_id>/saisie/<uuid:offer_id>/comparer/<uuid:other_id>")
@allow(*WRITERS)
def compare(structure_id: uuid.UUID, offer_id: uuid.UUID, other_id: uuid.UUID) -> Any:
    """What is typed beside an offer that looks the same. The button sends the whole form: its answers are kept first."""
    structure = the_structure(structure_id)
    offer = find_offer(offer_id)
    if offer is not None and offer.structure_id != structure_id:
        abort(404)
    other = db().execute(queries.visible_to(person()).where(col(Offer.id) == other_id)).scalar_one_or_none()
    if other is None:
        abort(404)
    if "nom" in request.form:
        with suppress(RuleBroken):
            keep_typed(structure, offer, offer_id)
        db().commit()
    saisie = saisies.find(db(), user=person(), offer_id=offer_id)
    if saisie is not None:
        form = typed_form(saisie, offer)
        form.validate()
        mine = rules.sketch(typed(form), structure)
    elif offer is not None:
        mine = offer
    else:
        abort(404)
    theirs = history.snapshot(other, rules.FIELDS)
    if not other.contact_public and find_offer(other_id) is None:
        theirs |= dict.fromkeys(PRIVATE_CONTACT)
    ours = history.snapshot(mine, rules.FIELDS)
    both = {name: [ours[name], theirs[name]] for name in rules.FIELDS if ours[name] or theirs[name]}
    return make_response(
        render_template(
            "offers/compare.html",
            structure=structure,
            offer=offer,
            offer_id=offer_id,
            other=other,
            rows=reader().rows(both),
            editable=find_offer(other_id) is not None,
        )
    )
