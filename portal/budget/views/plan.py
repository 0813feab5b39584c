"""The financing plan of a year: read by all who read the convention, written by officers as long as its text is a draft."""

import uuid
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from sqlmodel import col, select

from portal import clock
from portal.accounts.models import Role
from portal.budget import history, plan, planning
from portal.budget.models import FicheAction, PlanLine, StateAmendment, StateConvention, Volet
from portal.budget.plan_forms import PlanLineForm, line_as_typed
from portal.budget.terms import terms_on
from portal.budget.views.blueprint import READERS, blueprint, may_write, visible
from portal.budget.views.sections import link
from portal.conventions.states import ConventionState
from portal.errors import ChangedMeanwhile, RuleBroken
from portal.web.access import allow, person
from portal.web.conflicts import Conflict, between
from portal.web.fields import made_new, new_key
from portal.web.session import db

link(10, "Plan de financement", "budget.plan_of_year", year=True)


@blueprint.get("/<uuid:convention_id>/plan/<int:annee>")
@allow(*READERS)
def plan_of_year(convention_id: uuid.UUID, annee: int) -> Any:
    """Go to the plan in force for a year; when none is, to that of the last text that the person may read."""
    convention = with_plan_year(convention_id, annee)
    owner = terms_on(db(), convention, clock.today()).plans.get(annee)
    if owner is None:
        texts = _texts(convention)
        owner = texts[-1].id if texts else abort(404)
    return redirect(
        url_for("budget.plan_of_amendment", convention_id=convention_id, amendment_id=owner, annee=annee)
    )


@blueprint.get("/<uuid:convention_id>/textes/<uuid:amendment_id>/plan/<int:annee>")
@allow(*READERS)
def plan_of_amendment(convention_id: uuid.UUID, amendment_id: uuid.UUID, annee: int) -> Any:
    """The plan of a year as one text sets it, with its totals and ceilings, and what changed since the one before."""
    convention = with_plan_year(convention_id, annee)
    amendment = text_of(convention, amendment_id)
    told = plan.of(db(), amendment, annee)
    compared = plan.compared(db(), amendment, annee)
    return render_template(
        "budget/plan.html",
        convention=convention,
        amendment=amendment,
        texts=_texts(convention),
        annee=annee,
        plan=told,
        problems=plan.too_much(told, convention.etp_ingenierie_max),
        compared=compared,
        may_write=may_write() and writable(convention, amendment),
    )


@blueprint.route(
    "/<uuid:convention_id>/textes/<uuid:amendment_id>/plan/<int:annee>/nouvelle", methods=["GET", "POST"]
)
@allow(Role.CONVENTIONNEMENT)
def new_plan_line(convention_id: uuid.UUID, amendment_id: uuid.UUID, annee: int) -> Any:
    """Add a line to the plan."""
    convention = with_plan_year(convention_id, annee)
    amendment = text_of(convention, amendment_id)
    posted = request.method == "POST"
    form = PlanLineForm(request.form if posted else None, data=_proposed())
    form.offer(_fiches(convention, annee))
    if posted and form.validate():
        try:
            made = planning.write(
                db(), amendment, annee, form.to_values(), by=person(), id=uuid.UUID(form.cle.data)
            )
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
            convention = with_plan_year(convention_id, annee)
            amendment = text_of(convention, amendment_id)
        else:
            db().commit()
            flash(f"La ligne « {made.objet} » est enregistrée.", "success")
            return redirect(_plan_url(convention_id, amendment_id, annee), 303)
    return _form_page(form, convention, amendment, annee, None, 422 if posted else 200)


@blueprint.route(
    "/<uuid:convention_id>/textes/<uuid:amendment_id>/plan/<int:annee>/<uuid:line_id>/modifier",
    methods=["GET", "POST"],
)
@allow(Role.CONVENTIONNEMENT)
def edit_plan_line(convention_id: uuid.UUID, amendment_id: uuid.UUID, annee: int, line_id: uuid.UUID) -> Any:
    """Change a line of the plan."""
    convention = with_plan_year(convention_id, annee)
    amendment = text_of(convention, amendment_id)
    if request.method == "POST" and "cle" not in request.form:
        # "Start over from what is saved."
        return redirect(request.path, 303)
    posted = request.method == "POST"
    line = _one(amendment, annee, line_id)
    if line is None:
        return _gone(convention, amendment, annee) if posted else abort(404)
    form = PlanLineForm(request.form if posted else None, data=line_as_typed(line))
    form.offer(_fiches(convention, annee))
    conflict = None
    if posted and form.validate():
        try:
            planning.change(db(), line, amendment, form.to_values(), by=person(), state=form.opened())
        except RuleBroken as broken:
            db().rollback()
            convention = with_plan_year(convention_id, annee)
            amendment = text_of(convention, amendment_id)
            line = _one(amendment, annee, line_id)
            if line is None:
                return _gone(convention, amendment, annee)
            if isinstance(broken, ChangedMeanwhile):
                saved = PlanLineForm(None, data=line_as_typed(line))
                saved.fiche.choices = form.fiche.choices
                conflict = between(form, saved, history.last(db(), convention))
            else:
                form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash("La ligne est enregistrée.", "success")
            return redirect(_plan_url(convention_id, amendment_id, annee), 303)
    return _form_page(
        form, convention, amendment, annee, line, 409 if conflict else 422 if posted else 200, conflict
    )


@blueprint.post("/<uuid:convention_id>/textes/<uuid:amendment_id>/plan/<int:annee>/<uuid:line_id>/deplacer")
@allow(Role.CONVENTIONNEMENT)
def move_plan_line(convention_id: uuid.UUID, amendment_id: uuid.UUID, annee: int, line_id: uuid.UUID) -> Any:
    """Put a line before the one above it, or after the one below it."""
    convention = with_plan_year(convention_id, annee)
    amendment = text_of(convention, amendment_id)
    line = _one(amendment, annee, line_id)
    back = redirect(_plan_url(convention_id, amendment_id, annee), 303)
    if line is None:
        flash("Cette ligne n’est plus dans le plan.", "info")
        return back
    try:
        planning.move(db(), line, amendment, up=request.form.get("sens") != "bas", by=person())
    except RuleBroken as broken:
        db().rollback()
        flash(broken.message, "warning")
        return back
    db().commit()
    return back


@blueprint.post("/<uuid:convention_id>/textes/<uuid:amendment_id>/plan/<int:annee>/<uuid:line_id>/supprimer")
@allow(Role.CONVENTIONNEMENT)
def remove_plan_line(
    convention_id: uuid.UUID, amendment_id: uuid.UUID, annee: int, line_id: uuid.UUID
) -> Any:
    """Take a line out of the plan."""
    convention = with_plan_year(convention_id, annee)
    amendment = text_of(convention, amendment_id)
    line = _one(amendment, annee, line_id)
    if line is None:
        # Pressed twice, or taken out by another.
        flash("Cette ligne n’est plus dans le plan.", "info")
        return redirect(_plan_url(convention_id, amendment_id, annee), 303)
    title, state = line.objet, request.form.get("version", "")
    try:
        planning.remove(
            db(),
            line,
            amendment,
            by=person(),
            state=int(state) if state.isascii() and state.isdigit() else None,
        )
    except RuleBroken as broken:
        db().rollback()
        flash(broken.message, "warning")
        return redirect(
            url_for(
                "budget.edit_plan_line",
                convention_id=convention_id,
                amendment_id=amendment_id,
                annee=annee,
                line_id=line_id,
            ),
            303,
        )
    db().commit()
    flash(f"La ligne « {title} » est ôtée du plan.", "success")
    return redirect(_plan_url(convention_id, amendment_id, annee), 303)


@blueprint.post("/<uuid:convention_id>/textes/<uuid:amendment_id>/plan/<int:annee>/reprendre")
@allow(Role.CONVENTIONNEMENT)
def restate_plan(convention_id: uuid.UUID, amendment_id: uuid.UUID, annee: int) -> Any:
    """Begin the plan of a draft with that of the text before."""
    convention = with_plan_year(convention_id, annee)
    amendment = text_of(convention, amendment_id)
    try:
        number = planning.restate(db(), amendment, annee, by=person())
    except RuleBroken as broken:
        db().rollback()
        flash(broken.message, "warning")
    else:
        db().commit()
        flash(
            "Une ligne est reprise : changez-la."
            if number == 1
            else f"{number} lignes sont reprises : changez ce qui change.",
            "success",
        )
    return redirect(_plan_url(convention_id, amendment_id, annee), 303)


def with_plan_year(convention_id: uuid.UUID, annee: int) -> StateConvention:
    """Return the convention if the person may see it and it had begun that year; 404 otherwise."""
    convention = visible(convention_id)
    if not 2000 <= annee <= 2100 or annee < convention.date_debut.year:
        abort(404)
    return convention


def text_of(convention: StateConvention, amendment_id: uuid.UUID) -> StateAmendment:
    """Return a text of the convention; 404 for another's, and for a draft to whom only reads."""
    found = next((text for text in _texts(convention) if text.id == amendment_id), None)
    return found or abort(404)


def writable(convention: StateConvention, amendment: StateAmendment) -> bool:
    """Say whether the plan of this text still changes."""
    ended = convention.state in {ConventionState.CLOSE, ConventionState.RESILIEE}
    return amendment.signe_le is None and not ended


def _texts(convention: StateConvention) -> list[StateAmendment]:
    """The initial text and its avenants, in order; the State's services read those signed."""
    statement = select(StateAmendment).where(col(StateAmendment.convention_id) == convention.id)
    if person().role is Role.ETAT:
        statement = statement.where(col(StateAmendment.signe_le).is_not(None))
    return list(db().exec(statement.order_by(col(StateAmendment.numero))))


def _plan_url(convention_id: uuid.UUID, amendment_id: uuid.UUID, annee: int) -> str:
    return url_for(
        "budget.plan_of_amendment", convention_id=convention_id, amendment_id=amendment_id, annee=annee
    )


def _one(amendment: StateAmendment, annee: int, line_id: uuid.UUID) -> PlanLine | None:
    line = db().get(PlanLine, line_id)
    return line if line is not None and (line.amendment_id, line.annee) == (amendment.id, annee) else None


def _gone(convention: StateConvention, amendment: StateAmendment, annee: int) -> Any:
    """Somebody took the line out meanwhile: what was typed is there still, to be added again."""
    form = PlanLineForm(request.form)
    form.offer(_fiches(convention, annee))
    made_new(form)
    form.refuse(
        None,
        "Cette ligne a été ôtée du plan pendant que vous écriviez. Enregistrez pour l’ajouter de nouveau.",
    )
    return _form_page(form, convention, amendment, annee, None, 422)


def _fiches(convention: StateConvention, annee: int) -> list[FicheAction]:
    return list(
        db().exec(
            select(FicheAction)
            .where(col(FicheAction.convention_id) == convention.id, col(FicheAction.annee) == annee)
            .order_by(col(FicheAction.titre))
        )
    )


def _proposed() -> dict[str, Any]:
    """What a new line begins with: the volet and the nature of the place where the button was."""
    data: dict[str, Any] = {"cle": new_key()}
    for name in ("volet", "nature", "fiche"):
        if value := request.args.get(name):
            data[name] = value[:40]
    if data.get("fiche"):
        data.setdefault("volet", str(Volet.SOLUTIONS.value))
    return data


def _form_page(
    form: PlanLineForm,
    convention: StateConvention,
    amendment: StateAmendment,
    annee: int,
    line: PlanLine | None,
    status: int,
    conflict: Conflict | None = None,
) -> Any:
    page = render_template(
        "budget/plan_line_form.html",
        form=form,
        convention=convention,
        amendment=amendment,
        annee=annee,
        line=line,
        conflict=conflict,
    )
    return make_response(page, status)
