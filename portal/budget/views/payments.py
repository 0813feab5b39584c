"""The accounts of each year, and the payments between the State and the département."""

import uuid
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for

from portal import clock
from portal.accounts.models import Role
from portal.budget import history, papers, payments
from portal.budget.accounts import Due, Year, gaps
from portal.budget.expense_forms import StepForm, UndoForm
from portal.budget.models import StateConvention
from portal.budget.payments import STEPS, Step
from portal.budget.spending_models import PaymentKind
from portal.budget.views.blueprint import READERS, blueprint, may_write, visible
from portal.budget.views.expenses import by_owner
from portal.budget.views.sections import Opened, link, section
from portal.conventions.states import ConventionState
from portal.errors import ChangedMeanwhile, RuleBroken
from portal.web.access import allow, has_role, person
from portal.web.conflicts import Conflict, between
from portal.web.session import db

link(31, "Comptes et versements", "budget.accounts")


@section(30, "budget/_accounts.html")
def accounts_section(opened: Opened) -> dict[str, Any] | None:
    """The accounts of the year of the day on the page of a convention, in six statements."""
    if opened.convention.state is ConventionState.BROUILLON:
        # Nothing is owed on a draft.
        return None
    years = payments.accounts(db(), opened.convention, opened.day)
    near = [year for year in years if year.annee <= opened.day.year] or years[:1]
    if not near:
        return None
    return {
        "year": near[-1],
        "today": opened.today,
        "convention": opened.convention,
        "gaps": gaps(years),
        "may_write": opened.may_write,
        "asks_correction": has_role(Role.ETAT),
    }


@blueprint.get("/<uuid:convention_id>/comptes")
@allow(*READERS)
def accounts(convention_id: uuid.UUID) -> Any:
    """The accounts of each year: by volet, then advance, balance, what was paid and what is due."""
    convention = visible(convention_id)
    years = payments.accounts(db(), convention)
    return render_template(
        "budget/accounts.html",
        convention=convention,
        years=list(reversed(years)),
        gaps=gaps(years),
        asks_correction=has_role(Role.ETAT),
        next_step=payments.next_step,
        steps=STEPS,
        day_of=payments.day_of,
        amount_of=payments.amount_of,
        reference_of=_reference_of,
        documents=by_owner(papers.all_of(db(), convention), "payment_id"),
        today=clock.today(),
        may_write=may_write(),
    )


@blueprint.route(
    "/<uuid:convention_id>/comptes/<int:annee>/<any(avance,solde,reversement):kind>/<any(demande,valide,verse):step>",
    methods=["GET", "POST"],
)
@allow(Role.CONVENTIONNEMENT)
def payment_step(convention_id: uuid.UUID, annee: int, kind: str, step: str) -> Any:
    """Write a step of a payment, or correct it."""
    convention = visible(convention_id)
    chosen, here = PaymentKind(kind), Step(step)
    year = _year(convention, annee)
    if request.method == "POST" and "version" not in request.form:
        return redirect(request.path, 303)
    posted = request.method == "POST"
    form = StepForm(request.form if posted else None, data=_typed(year.dues[chosen], here))
    conflict = None
    if posted and form.validate():
        try:
            payments.take_step(
                db(),
                convention,
                annee,
                chosen,
                here,
                le=form.le.data,
                centimes=form.montant.data,
                reference=form.reference.data,
                by=person(),
                version=form.opened(),
            )
        except RuleBroken as broken:
            db().rollback()
            convention = visible(convention_id)
            year = _year(convention, annee)
            if isinstance(broken, ChangedMeanwhile):
                conflict = between(
                    form, StepForm(None, data=_typed(year.dues[chosen], here)), history.last(db(), convention)
                )
            else:
                form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash(
                f"{chosen.label} {annee} : {here.noun} est enregistrée."
                if here is not Step.VERSE
                else f"{chosen.label} {annee} : {here.noun} est enregistré.",
                "success",
            )
            return redirect(url_for("budget.accounts", convention_id=convention_id), 303)
    return _step_page(
        form, convention, year, chosen, here, 409 if conflict else 422 if posted else 200, conflict
    )


@blueprint.route(
    "/<uuid:convention_id>/comptes/<int:annee>/<any(avance,solde,reversement):kind>/annuler",
    methods=["GET", "POST"],
)
@allow(Role.CONVENTIONNEMENT)
def undo_payment(convention_id: uuid.UUID, annee: int, kind: str) -> Any:
    """Take the last step of a payment away, saying why."""
    convention = visible(convention_id)
    chosen = PaymentKind(kind)
    payment = _year(convention, annee).dues[chosen].payment
    if payment is None:
        if request.method == "GET":
            abort(404)
        flash("Ce versement n’a plus rien à annuler.", "info")
        return redirect(url_for("budget.accounts", convention_id=convention_id), 303)
    posted = request.method == "POST"
    form = UndoForm(request.form if posted else None, data={"version": str(payment.version)})
    last = [step for step in STEPS if payments.day_of(payment, step) is not None][-1]
    if posted and form.validate():
        try:
            payments.undo_step(
                db(),
                convention,
                annee,
                chosen,
                motif=form.motif.data or "",
                by=person(),
                version=form.opened(),
            )
        except RuleBroken as broken:
            db().rollback()
            convention = visible(convention_id)
            payment = _year(convention, annee).dues[chosen].payment
            if payment is None:
                flash("Ce versement n’a plus rien à annuler.", "info")
                return redirect(url_for("budget.accounts", convention_id=convention_id), 303)
            form.refuse(broken.field, broken.message)
            if isinstance(broken, ChangedMeanwhile):
                # Read again, it may be confirmed: the page below says what would be undone now.
                form.version.data = str(payment.version)
                last = [step for step in STEPS if payments.day_of(payment, step) is not None][-1]
        else:
            db().commit()
            flash(f"{chosen.label} {annee} : la dernière étape est annulée.", "success")
            return redirect(url_for("budget.accounts", convention_id=convention_id), 303)
    page = render_template(
        "budget/undo_payment.html",
        form=form,
        convention=convention,
        annee=annee,
        kind=chosen,
        step=last,
        payment=payment,
        day=payments.day_of(payment, last),
        amount=payments.amount_of(payment, last),
        documents=papers.of(db(), convention, payment_id=payment.id),
    )
    return make_response(page, 422 if posted else 200)


def _year(convention: StateConvention, annee: int) -> Year:
    found = next((year for year in payments.accounts(db(), convention) if year.annee == annee), None)
    return found or abort(404)


def _typed(due: Due, step: Step) -> dict[str, Any]:
    """Return what the form begins with: what was written, or the amount of the step before."""
    payment = due.payment
    data: dict[str, Any] = {"version": str(payment.version if payment else 0)}
    if payment is not None and payments.day_of(payment, step) is not None:
        return data | {
            "le": payments.day_of(payment, step),
            "montant": payments.amount_of(payment, step),
            "reference": _reference_of(payment, step) or "",
        }
    place = STEPS.index(step)
    before = payments.amount_of(payment, STEPS[place - 1]) if payment is not None and place else None
    return data | {"le": clock.today(), "montant": due.montant if before is None else before}


def _reference_of(payment: Any, step: Step) -> str | None:
    reference: str | None = getattr(payment, f"{step.value}_reference")
    return reference


def _step_page(
    form: StepForm,
    convention: StateConvention,
    year: Year,
    kind: PaymentKind,
    step: Step,
    status: int,
    conflict: Conflict | None,
) -> Any:
    payment = year.dues[kind].payment
    page = render_template(
        "budget/payment_step.html",
        form=form,
        convention=convention,
        year=year,
        due=year.dues[kind],
        kind=kind,
        step=step,
        conflict=conflict,
        documents=papers.of(db(), convention, payment_id=payment.id) if payment else [],
    )
    return make_response(page, status)
