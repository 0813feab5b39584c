"""The département's rules of prescriptions and places, on one page, with what they were."""

from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for

from portal.accounts.models import Role
from portal.conventions import follow_up as rules
from portal.conventions.forms import FollowUpForm, follow_up_as_typed
from portal.conventions.models import ChoiceOfAction
from portal.conventions.views.blueprint import blueprint
from portal.errors import ChangedMeanwhile, RuleBroken
from portal.web.access import allow, person
from portal.web.answers import changes_of
from portal.web.conflicts import between
from portal.web.pagination import page_number, paginate
from portal.web.session import db


@blueprint.route("/regles", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def follow_up() -> Any:
    """Which action gives the place, when silence ends, what a contract aims at, and who changed it when."""
    posted = request.method == "POST"
    if posted and "proposition_jours" not in request.form:
        # Starting over after a conflict.
        return redirect(url_for("conventions.follow_up"), 303)
    form = FollowUpForm(request.form if posted else None, data=follow_up_as_typed(rules.in_force(db())))
    conflict = None
    if posted and form.validate():
        values = form.values()
        try:
            changed = rules.change(
                db(), values, by=person(), version=form.opened(), motif=values.pop("motif")
            )
        except RuleBroken as broken:
            db().rollback()
            if isinstance(broken, ChangedMeanwhile):
                # Why they change is no answer that somebody else gave.
                now = follow_up_as_typed(rules.in_force(db())) | {"motif": form.motif.data}
                conflict = between(form, FollowUpForm(None, data=now), rules.last(db()))
            else:
                form.refuse(broken.field, broken.message)
        else:
            db().commit()
            if changed:
                flash("Les règles sont enregistrées. Elles valent dès maintenant.", "success")
            else:
                flash("Rien n’a changé : ces règles étaient déjà celles-là.", "info")
            return redirect(url_for("conventions.follow_up"), 303)
    pager = paginate(db(), rules.history(), page_number(request.args.get("page")), scalars=False)
    labels = {field.name: field.label.text for field in form}
    page = render_template(
        "conventions/regles.html",
        form=form,
        conflict=conflict,
        changed=rules.last(db()),
        pager=pager,
        history=[
            (line, user.full_name if user else None, changes_of(line.detail, labels, _READERS))
            for line, user in pager.items
        ],
    )
    return make_response(page, 409 if conflict else 422 if posted else 200)


_READERS = {"choix_action": lambda text: ChoiceOfAction(text).label}
