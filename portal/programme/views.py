"""A person's weeks, open to their référent only; opening them is written in the access journal of the file."""

import uuid
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request, url_for

from portal import clock
from portal.accounts.models import Role
from portal.beneficiaries import queries as beneficiary_queries
from portal.beneficiaries import rules as beneficiary_rules
from portal.beneficiaries.models import AccessKind, Beneficiary
from portal.errors import ChangedMeanwhile, RuleBroken
from portal.programme import picture, queries, reading, rules
from portal.programme.forms import ActivityForm, TargetForm, activity_as_typed, target_as_typed
from portal.programme.models import Activity, WeeklyTarget
from portal.programme.weeks import (
    MAX_WEEK_MINUTES,
    WEEK,
    Week,
    last_mondays,
    monday_of,
    read_week,
    write_week,
)
from portal.web.access import allow, person
from portal.web.durations import DurationField, read_minutes, write_minutes
from portal.web.fields import new_key
from portal.web.formats import short_day
from portal.web.forms import Form
from portal.web.session import database, db

blueprint = Blueprint("programme", __name__, url_prefix="/beneficiaires/<uuid:beneficiary_id>/programme")

_SPANS = (6, 12)


@blueprint.get("")
@allow(Role.REFERENT)
def week(beneficiary_id: uuid.UUID) -> Any:
    """One week: what is planned, what was done, against what is aimed at."""
    beneficiary = _mine(beneficiary_id)
    monday = _asked()
    _journal_reading(beneficiary)
    return _week_page(beneficiary, monday)


@blueprint.post("")
@allow(Role.REFERENT)
def keep_done(beneficiary_id: uuid.UUID) -> Any:
    """Write the hours really done of the activities of a week, in one go."""
    beneficiary = _mine(beneficiary_id)
    monday = _asked()
    shown = reading.read(db(), person(), beneficiary.id, monday, monday)
    form = _done_form(shown.week(monday))
    known = {activity.id: activity for activity in shown.activities}
    if form.validate():
        for name, activity_id in _names(shown.week(monday)).items():
            before, typed = request.form.get(f"{name}-avant", ""), form[name].data
            if name not in request.form or write_minutes(typed) == before:
                continue
            try:
                rules.write_done(
                    db(),
                    beneficiary,
                    known[activity_id],
                    by=person(),
                    week=monday,
                    minutes=typed,
                    seen=read_minutes(before) if before else None,
                )
            except RuleBroken as broken:
                form.refuse(name, broken.message)
    if form.errors:
        db().rollback()
        return make_response(_week_page(beneficiary, monday, form), 422)
    db().commit()
    flash("Les heures faites sont enregistrées.", "success")
    return redirect(_week_url(beneficiary, monday), 303)


@blueprint.get("/mois")
@allow(Role.REFERENT)
def months(beneficiary_id: uuid.UUID) -> Any:
    """The weeks of the last months, as a picture and as a table."""
    beneficiary = _mine(beneficiary_id)
    asked = request.args.get("mois", "6")
    if asked not in {str(span) for span in _SPANS}:
        abort(404)
    mondays = last_mondays(clock.today(), int(asked))
    _journal_reading(beneficiary)
    read = reading.read(db(), person(), beneficiary.id, mondays[0], mondays[-1])
    weeks = [read.week(monday) for monday in mondays]
    return render_template(
        "programme/months.html",
        beneficiary=beneficiary,
        weeks=weeks,
        picture=picture.picture(weeks),
        span=int(asked),
        spans=_SPANS,
        write_week=write_week,
    )


@blueprint.route("/activites/nouvelle", methods=["GET", "POST"])
@allow(Role.REFERENT)
def new_activity(beneficiary_id: uuid.UUID) -> Any:
    """Add an activity to the person's weeks."""
    beneficiary = _mine(beneficiary_id)
    posted = request.method == "POST"
    monday = _asked()
    today = clock.today()
    first = today if monday == monday_of(today) else monday
    form = ActivityForm(request.form if posted else None, data={"cle": new_key(), "debut": first})
    if posted and form.validate():
        try:
            made = rules.add_activity(
                db(), beneficiary, form.to_plan(), by=person(), id=uuid.UUID(form.cle.data)
            )
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash(f"« {made.intitule} » est ajouté au programme.", "success")
            return redirect(_week_url(beneficiary, monday_of(made.debut)), 303)
    if not posted:
        _journal_reading(beneficiary)
    page = render_template(
        "programme/activity.html",
        form=form,
        beneficiary=beneficiary,
        activity=None,
        back=_week_url(beneficiary, monday),
    )
    return make_response(page, 422 if posted else 200)


@blueprint.route("/activites/<uuid:activity_id>", methods=["GET", "POST"])
@allow(Role.REFERENT)
def edit_activity(beneficiary_id: uuid.UUID, activity_id: uuid.UUID) -> Any:
    """Change an activity."""
    beneficiary = _mine(beneficiary_id)
    activity = _activity(beneficiary, activity_id)
    posted = request.method == "POST"
    monday = _asked()
    form = ActivityForm(
        request.form if posted else None, data=activity_as_typed(activity, rules.fingerprint(activity))
    )
    if posted and form.validate():
        try:
            rules.change_activity(
                db(), beneficiary, activity, form.to_plan(), by=person(), seen=form.vu.data or ""
            )
        except ChangedMeanwhile as changed:
            db().rollback()
            # What is stored now has been told: saving again is a choice.
            form.vu.data = rules.fingerprint(_activity(beneficiary, activity_id))
            form.refuse(None, changed.message)
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash(f"« {activity.intitule} » est enregistré.", "success")
            return redirect(_week_url(beneficiary, monday), 303)
    if not posted:
        _journal_reading(beneficiary)
    return make_response(_edit_page(beneficiary, activity, form, monday), 422 if posted else 200)


@blueprint.post("/activites/<uuid:activity_id>/retrait")
@allow(Role.REFERENT)
def remove_activity(beneficiary_id: uuid.UUID, activity_id: uuid.UUID) -> Any:
    """Take an activity off; one whose hours were written stays, and the page says what to do."""
    beneficiary = _mine(beneficiary_id)
    monday = _asked()
    activity = _activity(beneficiary, activity_id)
    try:
        rules.remove_activity(db(), beneficiary, activity, by=person())
    except RuleBroken as broken:
        db().rollback()
        activity = _activity(beneficiary, activity_id)
        form = ActivityForm(data=activity_as_typed(activity, rules.fingerprint(activity)))
        form.refuse(broken.field, broken.message)
        return make_response(_edit_page(beneficiary, activity, form, monday), 422)
    db().commit()
    flash(f"« {activity.intitule} » est retiré du programme.", "success")
    return redirect(_week_url(beneficiary, monday), 303)


@blueprint.route("/objectif", methods=["GET", "POST"])
@allow(Role.REFERENT)
def target(beneficiary_id: uuid.UUID) -> Any:
    """Set the hours aimed at from a week on."""
    beneficiary = _mine(beneficiary_id)
    posted = request.method == "POST"
    monday = _asked()
    known: Sequence[WeeklyTarget] = db().execute(queries.targets_of(beneficiary.id)).scalars().all()
    usual = reading.usual_target(db())
    before = [t for t in known if t.a_partir_du <= monday]
    stored = before[-1] if before else None
    form = TargetForm(
        request.form if posted else None,
        data=target_as_typed(monday, usual, stored),
    )
    if posted and form.validate():
        try:
            made = rules.set_target(
                db(),
                beneficiary,
                by=person(),
                from_week=form.a_partir_du.data,
                minutes_min=form.minutes_min.data,
                minutes_max=form.minutes_max.data,
                reason=form.reason,
            )
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash(f"L’objectif est enregistré à partir du {short_day(made.a_partir_du)}.", "success")
            return redirect(_week_url(beneficiary, made.a_partir_du), 303)
    if not posted:
        _journal_reading(beneficiary)
    page = render_template(
        "programme/target.html",
        form=form,
        beneficiary=beneficiary,
        usual=usual,
        known=list(reversed(known)),
        back=_week_url(beneficiary, monday),
    )
    return make_response(page, 422 if posted else 200)


def _week_page(beneficiary: Beneficiary, monday: date, form: Form | None = None) -> str:
    read = reading.read(db(), person(), beneficiary.id, monday, monday)
    shown = read.week(monday)
    this_monday = monday_of(clock.today())
    form = form or _done_form(shown)
    names = {activity_id: name for name, activity_id in _names(shown).items()}
    return render_template(
        "programme/week.html",
        beneficiary=beneficiary,
        week=shown,
        bar=picture.bar(shown),
        too_much=shown.planned > MAX_WEEK_MINUTES,
        later=read.without_beginning(),
        hourless=read.without_hours(monday),
        form=form,
        # Each line with the field where its hours are written, and what was written when the page was made.
        rows=[
            (item, form[names[item.id]] if item.id in names else None, write_minutes(item.done))
            for item in shown.items
        ],
        started=monday <= this_monday,
        code=write_week(monday),
        number=monday.isocalendar().week,
        is_this_week=monday == this_monday,
        before=_week_url(beneficiary, monday - WEEK),
        after=_week_url(beneficiary, monday + WEEK),
        this_week=_week_url(beneficiary, this_monday),
    )


def _edit_page(beneficiary: Beneficiary, activity: Activity, form: ActivityForm, monday: date) -> str:
    return render_template(
        "programme/activity.html",
        form=form,
        beneficiary=beneficiary,
        activity=activity,
        code=write_week(monday),
        back=_week_url(beneficiary, monday),
    )


def _names(shown: Week) -> dict[str, uuid.UUID]:
    """Return {name of the field: activity} of what the référent may write hours for: nothing before the week begins."""
    if shown.monday > clock.today():
        return {}
    return {f"fait_{item.id.hex}": item.id for item in shown.items if not item.is_prescription}


def _done_form(shown: Week) -> Form:
    titles = {item.id: item for item in shown.items}
    fields = {
        name: DurationField(f"Heures faites : {titles[activity_id].title}")
        for name, activity_id in _names(shown).items()
    }
    made: type[Form] = type("DoneForm", (Form,), fields)
    return made(
        request.form if request.method == "POST" else None,
        data={name: titles[activity_id].done for name, activity_id in _names(shown).items()},
    )


def _asked() -> date:
    """Return the Monday of the week in the address; this week without one. A week that does not exist is not found."""
    text = request.args.get("semaine")
    if not text:
        return monday_of(clock.today())
    monday = read_week(text)
    if monday is None or monday + timedelta(days=6) > date(2099, 12, 1):
        abort(404)
    return monday


def _week_url(beneficiary: Beneficiary, monday: date) -> str:
    return url_for("programme.week", beneficiary_id=beneficiary.id, semaine=write_week(monday))


def _mine(beneficiary_id: uuid.UUID) -> Beneficiary:
    found = db().execute(beneficiary_queries.visible_to(person(), beneficiary_id)).scalar_one_or_none()
    if found is None:
        abort(404)
    assert isinstance(found, Beneficiary)
    return found


def _activity(beneficiary: Beneficiary, activity_id: uuid.UUID) -> Activity:
    found = db().execute(queries.activity_of(beneficiary.id, activity_id)).scalar_one_or_none()
    if found is None:
        abort(404)
    assert isinstance(found, Activity)
    return found


def _journal_reading(beneficiary: Beneficiary) -> None:
    """Write that the person of this request reads the weeks; apart, since the request's session only reads."""
    with database().writing() as apart:
        beneficiary_rules.journal(apart, beneficiary.id, by=person(), kind=AccessKind.LECTURE)
