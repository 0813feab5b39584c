"""Places of an action over time, and what amendments change."""

import uuid
from datetime import date
from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for

from portal import clock
from portal.accounts.models import Role
from portal.conventions import amendments, ledger, over_time
from portal.conventions.forms import AmendmentForm
from portal.conventions.views.blueprint import READERS, action_of, blueprint, may_write, visible
from portal.conventions.writing import is_open
from portal.errors import RuleBroken
from portal.web.access import allow, person
from portal.web.fields import PastDayForm, new_key
from portal.web.formats import count
from portal.web.session import db


@blueprint.get("/<uuid:convention_id>/actions/<uuid:action_id>/places")
@allow(*READERS)
def places(convention_id: uuid.UUID, action_id: uuid.UUID) -> Any:
    """The places of an action at the end of each month, today, and on the past day asked for."""
    convention = visible(convention_id)
    found = action_of(convention, action_id)
    today = clock.today()
    form = PastDayForm(request.args)
    asked: date | None = None
    if form.le.raw_data and form.validate():
        asked = form.le.data
    days = over_time.days_told(convention, today)
    told = ledger.timeline(db(), found)
    page = render_template(
        "conventions/places.html",
        convention=convention,
        action=found,
        form=form,
        rows=[(one, told.on(one)) for one in days],
        asked=(asked, told.on(asked)) if asked else None,
        picture=over_time.picture(told, convention, today),
        today=today,
        may_write=may_write() and is_open(convention),
    )
    return make_response(page, 422 if form.errors else 200)


@blueprint.route("/<uuid:convention_id>/actions/<uuid:action_id>/avenant", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def amend(convention_id: uuid.UUID, action_id: uuid.UUID) -> Any:
    """Add places to an action or take some away, from a day on."""
    convention = visible(convention_id)
    found = action_of(convention, action_id)
    posted = request.method == "POST"
    form = AmendmentForm(
        request.form if posted else None,
        data={"cle": new_key(), "effet_le": clock.today(), "signe_le": clock.today()},
    )
    if posted and form.validate():
        try:
            line = amendments.change_places(
                db(),
                found,
                convention,
                change=form.change,
                effet_le=form.effet_le.data,
                motif=form.motif.data,
                signe_le=form.signe_le.data,
                by=person(),
                id=uuid.UUID(form.cle.data),
            )
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
            convention = visible(convention_id)
            found = action_of(convention, action_id)
        else:
            db().commit()
            flash(f"Enregistré : {count(abs(line.d_financees), 'place')} {form.word}.", "success")
            return redirect(
                url_for("conventions.action", convention_id=convention_id, action_id=action_id), 303
            )
    page = render_template(
        "conventions/amend.html",
        form=form,
        convention=convention,
        action=found,
        now=ledger.places_of_actions(db(), [found])[found.id],
    )
    return make_response(page, 422 if posted else 200)
