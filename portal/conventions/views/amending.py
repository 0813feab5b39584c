"""An amendment of a convention, whole: money, a moved end, places of each action."""

import uuid
from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for

from portal import clock
from portal.accounts.models import Role
from portal.conventions import amendments, ledger
from portal.conventions.life_forms import amendment_form, places_name
from portal.conventions.views.blueprint import blueprint, visible
from portal.conventions.writing import is_open
from portal.errors import ChangedMeanwhile, RuleBroken
from portal.web.access import allow, person
from portal.web.fields import new_key
from portal.web.session import db


@blueprint.route("/<uuid:convention_id>/avenant", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def amend_convention(convention_id: uuid.UUID) -> Any:
    """Write an amendment."""
    convention = visible(convention_id)
    posted = request.method == "POST"
    today = clock.today()
    form = amendment_form(
        convention.actions,
        request.form if posted else None,
        {"cle": new_key(), "version": convention.version, "signe_le": today, "effet_le": today},
    )
    if posted and form.validate():
        try:
            made = amendments.amend(
                db(),
                convention,
                form.to_values(convention.actions),
                by=person(),
                id=uuid.UUID(form.cle.data),
                version=form.opened(),
            )
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
            convention = visible(convention_id)
            if isinstance(broken, ChangedMeanwhile):
                # What it is now is shown beside: it may be confirmed.
                form.version.data = str(convention.version)
        else:
            db().commit()
            flash(f"L’avenant n° {made.numero} est inscrit.", "success")
            return redirect(f"{url_for('conventions.show', convention_id=convention_id)}#avenants", 303)
    written = amendments.of_convention(db(), convention.id)
    places = ledger.places_of_actions(db(), convention.actions)
    page = render_template(
        "conventions/amend_convention.html",
        form=form,
        convention=convention,
        numero=written[-1].numero + 1 if written else 1,
        amount=amendments.amount_in_the_end(convention, written),
        lines=[(form[places_name(action.id)], action, places[action.id]) for action in convention.actions],
        changes=is_open(convention),
        posted=posted,
    )
    return make_response(page, 422 if posted else 200)
