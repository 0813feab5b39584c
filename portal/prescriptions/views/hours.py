"""Hours: those really done, week by week, and those that are planned."""

import uuid
from datetime import date, timedelta
from typing import Any

from flask import flash, make_response, redirect, render_template, request

from portal import clock
from portal.accounts.models import Role
from portal.errors import RuleBroken
from portal.prescriptions import answers, hours, rules
from portal.prescriptions.answer_forms import WeekForm, hours_form, week_label, week_name
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import OPEN
from portal.prescriptions.views.answer import own_desk
from portal.prescriptions.views.blueprint import blueprint, journal, visible
from portal.prescriptions.views.desk import Desk
from portal.web.access import allow
from portal.web.durations import write_minutes
from portal.web.formats import count
from portal.web.session import db

# Weeks on a page of hours: two months.
_WEEKS = 8


@blueprint.route("/<uuid:prescription_id>/heures", methods=["GET", "POST"], endpoint="hours")
@allow(Role.PARTENAIRE)
def done(prescription_id: uuid.UUID) -> Any:
    """The hours that the person really did, several weeks in one go."""
    prescription = visible(prescription_id)
    if request.method == "GET":
        journal(prescription.beneficiary_id, prescription.id)
    return hours_page(prescription, own_desk(prescription))


@blueprint.route("/<uuid:prescription_id>/semaine", methods=["GET", "POST"])
@allow(Role.REFERENT, Role.PARTENAIRE)
def week(prescription_id: uuid.UUID) -> Any:
    """The hours planned each week for this person, whatever the offer says."""
    prescription = visible(prescription_id)
    if request.method == "GET":
        journal(prescription.beneficiary_id, prescription.id)
    return week_page(prescription, own_desk(prescription))


def hours_page(prescription: Prescription, desk: Desk) -> Any:
    """Show the last weeks with what was declared, or write what was typed; all of it, or none."""
    every = hours.weeks_inside(prescription)
    if not every:
        flash("Déclarez d’abord l’entrée de la personne : les heures viennent ensuite.", "info")
        return redirect(desk.page, 303)
    before = _day(request.args.get("avant"))
    left = [w for w in every if before is None or w < before]
    weeks, older = left[:_WEEKS], left[_WEEKS:]
    known = hours.declared(db(), prescription.id, weeks)
    data = {week_name(w): known.get(w) for w in weeks}
    form = hours_form(weeks)(request.form if request.method == "POST" else None, data=data)
    if request.method == "POST" and _save(form, prescription, desk, weeks, known):
        return redirect(request.full_path.rstrip("?") if before else desk.page, 303)
    if request.method == "POST":
        prescription = desk.read_again()
    page = render_template(
        "prescriptions/hours.html",
        form=form,
        desk=desk,
        prescription=prescription,
        rows=[(w, week_label(w), form[week_name(w)], write_minutes(known.get(w))) for w in weeks],
        older=weeks[-1] if older else None,
        newer=before is not None,
        total=hours.total(db(), prescription.id),
        this_week=hours.monday_of(clock.today()),
    )
    return make_response(page, 422 if request.method == "POST" else 200)


def _save(
    form: Any, prescription: Prescription, desk: Desk, weeks: list[date], known: dict[date, int]
) -> bool:
    """Write the hours of the weeks that were changed; say so and return True, or leave everything as it was."""
    right = form.validate()
    changed = []
    for w in weeks:
        field = form[week_name(w)]
        # Compared with what the page showed, and not with what stands: a colleague may have written meanwhile.
        shown = request.form.get(f"{field.name}-avant", "")
        if field.errors or not field.raw_data or write_minutes(field.data) == shown:
            continue
        if field.data is None:
            form.refuse(field.name, "Écrivez 0 si la personne n’a rien fait cette semaine-là.")
            right = False
            continue
        changed.append(w)
    if not right:
        return False
    for w in changed:
        field = form[week_name(w)]
        try:
            answers.declare_hours(db(), prescription, by=desk.by, week=w, minutes=field.data)
        except RuleBroken as broken:
            db().rollback()
            form.refuse(field.name if broken.field else None, broken.message)
            return False
    db().commit()
    flash(
        f"Les heures de {count(len(changed), 'semaine')} sont enregistrées."
        if changed
        else "Rien n’a changé.",
        "success" if changed else "info",
    )
    return True


def week_page(prescription: Prescription, desk: Desk) -> Any:
    """Show the week that is planned, or change it."""
    if prescription.state not in OPEN:
        flash(
            f"Cette prescription est à l’état « {prescription.state.label} » : rien n’a été changé.", "info"
        )
        return redirect(desk.page, 303)
    posted = request.method == "POST"
    shown = {
        "heures": prescription.minutes_prevues,
        "debut": prescription.debut_prevu,
        "fin_prevue": prescription.fin_prevue,
    }
    form = WeekForm(request.form if posted else None, data=None if posted else shown)
    if posted and form.validate():
        try:
            rules.adjust_week(
                db(),
                prescription,
                by=desk.by,
                minutes=form.heures.data,
                debut=form.debut.data,
                fin=form.fin_prevue.data,
            )
        except RuleBroken as broken:
            db().rollback()
            prescription = desk.read_again()
            form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash("La semaine prévue est changée.", "success")
            return redirect(desk.page, 303)
    page = render_template("prescriptions/week.html", form=form, desk=desk, prescription=prescription)
    return make_response(page, 422 if posted else 200)


def _day(text: str | None) -> date | None:
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return None
    return found - timedelta(days=found.weekday())
