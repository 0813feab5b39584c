"""Reports: asked for by the officer, written and handed in by the partner, read by the officer and the State's services."""

import uuid
from datetime import timedelta
from typing import Any

from flask import abort, current_app, flash, make_response, redirect, render_template, request, url_for

from portal import clock
from portal.accounts.models import Role
from portal.budget import activity, report_letters
from portal.budget.follow_forms import (
    CorrectionForm,
    DatesForm,
    ReportForm,
    ScheduleForm,
    dates_as_typed,
    report_as_typed,
)
from portal.budget.views.partners import (
    READERS,
    blueprint,
    is_partner,
    may_write,
    report_of,
    visible,
)
from portal.conventions import history, papers, report_schedule, report_writing, reports
from portal.conventions.engagements import PartnerReport, ReportState
from portal.conventions.models import Convention
from portal.errors import AlreadyDone, ChangedMeanwhile, RuleBroken
from portal.web.access import allow, person
from portal.web.conflicts import Conflict, between
from portal.web.fields import new_key
from portal.web.formats import count
from portal.web.pagination import page_number, paginate
from portal.web.session import db

PAGE_SIZE = 50
# Days given for a correction unless the officer says otherwise.
_TO_CORRECT = timedelta(days=15)
_LATE = "en-retard"


@blueprint.get("/rapports")
@allow(*READERS)
def all_reports() -> Any:
    """Every report that one may see: those to read, late, to hand in."""
    chosen = request.args.get("etat") or ""
    states = {state.value: state for state in ReportState}
    if chosen and chosen != _LATE and chosen not in states:
        abort(404)
    today = clock.today()
    statement = reports.readable_by(person(), states.get(chosen), late_on=today if chosen == _LATE else None)
    pager = paginate(db(), statement, page_number(request.args.get("page")), size=PAGE_SIZE, scalars=False)
    return render_template(
        "budget/all_reports.html",
        pager=pager,
        page_url=lambda page: url_for("follow.all_reports", etat=chosen or None, page=page),
        chosen=chosen,
        choices=[("", "Tous"), (_LATE, "En retard"), *((s.value, s.label) for s in ReportState)],
        today=today,
        is_partner=is_partner(),
    )


@blueprint.get("/<uuid:convention_id>/rapports")
@allow(*READERS)
def reports_of(convention_id: uuid.UUID) -> Any:
    """The reports due under a convention."""
    convention = visible(convention_id)
    return _schedule_page(convention, ScheduleForm(), 200)


@blueprint.post("/<uuid:convention_id>/rapports/calendrier")
@allow(Role.CONVENTIONNEMENT)
def schedule(convention_id: uuid.UUID) -> Any:
    """Ask for the reports that the period calls for."""
    convention = visible(convention_id)
    form = ScheduleForm(request.form)
    if form.validate():
        try:
            added = report_schedule.schedule(db(), convention, int(form.mois.data), by=person())
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
            convention = visible(convention_id)
        else:
            db().commit()
            if added:
                flash(f"{count(added, 'rapport ajouté', 'rapports ajoutés')} au calendrier.", "success")
            else:
                flash("Ces rapports sont déjà au calendrier.", "info")
            return _back(convention_id)
    return _schedule_page(convention, form, 422)


@blueprint.route("/<uuid:convention_id>/rapports/nouveau", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def new_report(convention_id: uuid.UUID) -> Any:
    """Ask for one more report."""
    convention = visible(convention_id)
    posted = request.method == "POST"
    form = DatesForm(request.form if posted else None, data={"cle": new_key()})
    if posted and form.validate():
        try:
            report_schedule.ask(db(), convention, form.to_values(), by=person(), id=uuid.UUID(form.cle.data))
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
            convention = visible(convention_id)
        else:
            db().commit()
            flash("Le rapport est au calendrier.", "success")
            return _back(convention_id)
    return _dates_page(form, convention, None, 422 if posted else 200)


@blueprint.route("/<uuid:convention_id>/rapports/<uuid:report_id>/dates", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def edit_report(convention_id: uuid.UUID, report_id: uuid.UUID) -> Any:
    """Change the days of a report that waits for the partner."""
    convention = visible(convention_id)
    report = report_of(convention, report_id)
    posted = request.method == "POST"
    if posted and "cle" not in request.form:
        return redirect(request.path, 303)
    form = DatesForm(request.form if posted else None, data=dates_as_typed(report))
    conflict = None
    if posted and form.validate():
        try:
            report_schedule.change_days(
                db(), convention, report_id, form.to_values(), by=person(), version=form.opened()
            )
        except RuleBroken as broken:
            db().rollback()
            convention = visible(convention_id)
            report = report_of(convention, report_id)
            if isinstance(broken, ChangedMeanwhile):
                conflict = between(
                    form, DatesForm(None, data=dates_as_typed(report)), history.last(db(), convention)
                )
            else:
                form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash("Les dates du rapport sont enregistrées.", "success")
            return _back(convention_id)
    return _dates_page(form, convention, report, 409 if conflict else 422 if posted else 200, conflict)


@blueprint.post("/<uuid:convention_id>/rapports/<uuid:report_id>/retirer")
@allow(Role.CONVENTIONNEMENT)
def withdraw_report(convention_id: uuid.UUID, report_id: uuid.UUID) -> Any:
    """Ask no more for a report."""
    convention = visible(convention_id)
    try:
        name = report_schedule.withdraw(db(), convention, report_id, by=person())
    except RuleBroken as broken:
        db().rollback()
        flash(broken.message, "info" if isinstance(broken, AlreadyDone) else "warning")
    else:
        db().commit()
        flash(f"« {name} » n’est plus demandé.", "success")
    return _back(convention_id)


@blueprint.get("/<uuid:convention_id>/rapports/<uuid:report_id>")
@allow(*READERS)
def report(convention_id: uuid.UUID, report_id: uuid.UUID) -> Any:
    """A report: what the portal knows of the period, and what the partner adds."""
    convention = visible(convention_id)
    found = report_of(convention, report_id)
    return _report_page(convention, found, ReportForm(None, data=report_as_typed(found)), 200)


@blueprint.post("/<uuid:convention_id>/rapports/<uuid:report_id>")
@allow(Role.PARTENAIRE)
def write_report(convention_id: uuid.UUID, report_id: uuid.UUID) -> Any:
    """Keep what is written, or hand it in."""
    convention = visible(convention_id)
    found = report_of(convention, report_id)
    if "realise" not in request.form:
        # Starting over after a conflict.
        return redirect(request.path, 303)
    form = ReportForm(request.form)
    handing = request.form.get("geste") == "remettre"
    conflict = None
    if form.validate():
        try:
            if handing:
                figures = _figures(convention, found)
                report_writing.hand_in(
                    db(),
                    convention,
                    report_id,
                    form.to_values(),
                    figures,
                    by=person(),
                    version=form.opened(),
                )
            else:
                report_writing.save(
                    db(), convention, report_id, form.to_values(), by=person(), version=form.opened()
                )
        except RuleBroken as broken:
            db().rollback()
            convention = visible(convention_id)
            found = report_of(convention, report_id)
            if isinstance(broken, ChangedMeanwhile):
                conflict = between(
                    form, ReportForm(None, data=report_as_typed(found)), history.last(db(), convention)
                )
            else:
                form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash(
                "Le rapport est remis au département." if handing else "Le brouillon est enregistré.",
                "success",
            )
            return redirect(request.path, 303)
    return _report_page(convention, found, form, 409 if conflict else 422, conflict)


@blueprint.post("/<uuid:convention_id>/rapports/<uuid:report_id>/accepter")
@allow(Role.CONVENTIONNEMENT)
def accept_report(convention_id: uuid.UUID, report_id: uuid.UUID) -> Any:
    """Accept a report."""
    convention = visible(convention_id)
    form = CorrectionForm(request.form)
    try:
        accepted = report_writing.accept(db(), convention, report_id, by=person(), version=form.opened())
        report_letters.tell_accepted(db(), convention, accepted, public_url=_public_url())
    except RuleBroken as broken:
        db().rollback()
        flash(broken.message, "info" if isinstance(broken, AlreadyDone) else "warning")
    else:
        db().commit()
        flash("Le rapport est accepté. Le partenaire est prévenu.", "success")
    return redirect(url_for("follow.report", convention_id=convention_id, report_id=report_id), 303)


@blueprint.route("/<uuid:convention_id>/rapports/<uuid:report_id>/corriger", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def ask_correction(convention_id: uuid.UUID, report_id: uuid.UUID) -> Any:
    """Give a report back to the partner, saying what to correct."""
    convention = visible(convention_id)
    found = report_of(convention, report_id)
    posted = request.method == "POST"
    form = CorrectionForm(
        request.form if posted else None,
        data={"version": str(found.version), "du_le": clock.today() + _TO_CORRECT},
    )
    if posted and form.validate():
        try:
            given = report_writing.ask_correction(
                db(),
                convention,
                report_id,
                demande=form.demande.data or "",
                du_le=form.du_le.data,
                by=person(),
                version=form.opened(),
            )
            report_letters.tell_correction(db(), convention, given, public_url=_public_url())
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
            convention = visible(convention_id)
            found = report_of(convention, report_id)
            if isinstance(broken, ChangedMeanwhile):
                form.version.data = str(found.version)
        else:
            db().commit()
            flash("La correction est demandée. Le partenaire est prévenu.", "success")
            return redirect(url_for("follow.report", convention_id=convention_id, report_id=report_id), 303)
    page = render_template("budget/ask_correction.html", form=form, convention=convention, report=found)
    return make_response(page, 422 if posted else 200)


def _back(convention_id: uuid.UUID) -> Any:
    return redirect(url_for("follow.reports_of", convention_id=convention_id), 303)


def _public_url() -> str:
    return str(current_app.config["PORTAL"].public_url)


def _figures(convention: Convention, found: PartnerReport) -> dict[str, Any]:
    """What the portal knows of the period now, up to today when it is not over."""
    last = max(found.debut, min(reports.last_day(convention, found), clock.today()))
    return activity.report_figures(db(), convention, found.debut, last)


def _schedule_page(convention: Convention, form: ScheduleForm, status: int) -> Any:
    found = reports.of_convention(db(), convention.id)
    page = render_template(
        "budget/reports.html",
        convention=convention,
        reports=found,
        form=form,
        proposed=[
            (months, report_schedule.proposed(convention, months))
            for months in (12, 6)
            if may_write() and not found
        ],
        today=clock.today(),
        may_write=may_write(),
        is_partner=is_partner(),
    )
    return make_response(page, status)


def _dates_page(
    form: DatesForm,
    convention: Convention,
    found: PartnerReport | None,
    status: int,
    conflict: Conflict | None = None,
) -> Any:
    page = render_template(
        "budget/report_dates.html",
        form=form,
        convention=convention,
        report=found,
        conflict=conflict,
        begun=found is not None and reports.is_begun(found),
    )
    return make_response(page, status)


def _report_page(
    convention: Convention,
    found: PartnerReport,
    form: ReportForm,
    status: int,
    conflict: Conflict | None = None,
) -> Any:
    today = clock.today()
    frozen = found.state in reports.FROZEN
    writable = is_partner() and reports.still_written(convention, found, today)
    page = render_template(
        "budget/report.html",
        convention=convention,
        report=found,
        form=form,
        conflict=conflict,
        figures=found.figures if frozen else _figures(convention, found),
        frozen=frozen,
        outcome=activity.outcome_label,
        # A draft is the partner's own.
        readable=frozen or is_partner(),
        documents=papers.of_convention(db(), convention.id, found.id) if frozen or is_partner() else [],
        writable=writable,
        # Refused because the report no longer changes: what was typed is shown, to be kept elsewhere.
        typed=form if form.errors and is_partner() and not writable else None,
        over=today > reports.last_day(convention, found),
        may_write=may_write(),
        today=today,
    )
    return make_response(page, status)
