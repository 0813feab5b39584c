"""The département's rules of prescriptions and places, on one page."""

from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for

from portal.accounts.models import Role, User
from portal.conventions import ledger, rules
from portal.conventions.forms import FollowUpForm, follow_up_as_typed
from portal.conventions.views.blueprint import blueprint
from portal.errors import RuleBroken
from portal.web.access import allow, person
from portal.web.session import db


@blueprint.route("/regles", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def follow_up() -> Any:
    """Which action gives the place, when silence ends, what a contract aims at."""
    kept = ledger.follow_up_rules(db())
    by = db().get(User, kept.updated_by_id) if kept.updated_by_id else None
    changed = (kept.updated_at, by.full_name) if by else None
    posted = request.method == "POST"
    form = FollowUpForm(request.form if posted else None, data=follow_up_as_typed(kept))
    if posted and form.validate():
        try:
            rules.set_follow_up_rules(db(), form.values(), by=person())
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash("Les règles sont enregistrées. Elles valent dès maintenant.", "success")
            return redirect(url_for("conventions.follow_up"), 303)
    page = render_template("conventions/regles.html", form=form, changed=changed)
    return make_response(page, 422 if posted else 200)
