"""Payments to a partner: planned and written down by officers, read by the partner and the State's services."""

import uuid
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for

from portal import clock
from portal.accounts.models import Role
from portal.conventions import amendments, history, papers, payments
from portal.conventions.engagements import PartnerPayment
from portal.conventions.models import Convention
from portal.conventions.payment_forms import (
    PaidForm,
    PaymentForm,
    UndoForm,
    paid_as_typed,
    payment_as_typed,
)
from portal.conventions.states import ConventionState
from portal.conventions.views.blueprint import (
    NO_PAYMENT,
    READERS,
    blueprint,
    find_payment,
    may_write,
    payment_of,
    visible,
)
from portal.errors import AlreadyDone, ChangedMeanwhile, RuleBroken
from portal.web.access import allow, person
from portal.web.conflicts import Conflict, between
from portal.web.fields import made_new, new_key, posted_version
from portal.web.session import db


@blueprint.get("/<uuid:convention_id>/versements")
@allow(*READERS)
def payments_of(convention_id: uuid.UUID) -> Any:
    """What was paid to the partner and what is to come."""
    convention = visible(convention_id)
    found = payments.of_convention(db(), convention.id)
    written = amendments.of_convention(db(), convention.id)
    return render_template(
        "conventions/payments.html",
        convention=convention,
        payments=found,
        actions={action.id: action.intitule for action in convention.actions},
        amount=amendments.amount_in_the_end(convention, written),
        paid=payments.total_paid(found),
        to_come=payments.to_come(found),
        today=clock.today(),
        papers=papers.of_payments(db(), convention.id, found, person()),
        may_write=may_write() and convention.state is not ConventionState.CLOSE,
        # A closed convention still takes what proves it.
        may_attach=may_write(),
        is_partner=person().role is Role.PARTENAIRE,
    )


@blueprint.route("/<uuid:convention_id>/versements/nouveau", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def new_payment(convention_id: uuid.UUID) -> Any:
    """Plan a payment."""
    convention = visible(convention_id)
    posted = request.method == "POST"
    form = PaymentForm(request.form if posted else None, data={"cle": new_key()})
    form.offer(convention.actions)
    if posted and form.validate():
        try:
            made = payments.plan(db(), convention, form.to_values(), by=person(), id=uuid.UUID(form.cle.data))
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
            convention = visible(convention_id)
        else:
            db().commit()
            flash(f"Le versement « {made.intitule} » est prévu.", "success")
            return _back(convention_id)
    return _form_page(form, convention, None, 422 if posted else 200)


@blueprint.route("/<uuid:convention_id>/versements/<uuid:payment_id>/modifier", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def edit_payment(convention_id: uuid.UUID, payment_id: uuid.UUID) -> Any:
    """Change what is planned."""
    convention = visible(convention_id)
    posted = request.method == "POST"
    payment = find_payment(convention, payment_id)
    if payment is None:
        return _gone(convention) if posted and "cle" in request.form else abort(404)
    if posted and "cle" not in request.form:
        # Starting over after a conflict.
        return redirect(request.path, 303)
    form = PaymentForm(request.form if posted else None, data=payment_as_typed(payment))
    form.offer(convention.actions)
    conflict = None
    if posted and form.validate():
        try:
            payments.change(
                db(), convention, payment_id, form.to_values(), by=person(), version=form.opened()
            )
        except RuleBroken as broken:
            db().rollback()
            convention = visible(convention_id)
            payment = find_payment(convention, payment_id)
            if payment is None:
                return _gone(convention)
            if isinstance(broken, ChangedMeanwhile):
                saved = PaymentForm(None, data=payment_as_typed(payment))
                saved.offer(convention.actions)
                conflict = between(form, saved, history.last(db(), convention))
            else:
                form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash("Le versement est enregistré.", "success")
            return _back(convention_id)
    return _form_page(form, convention, payment, 409 if conflict else 422 if posted else 200, conflict)


@blueprint.post("/<uuid:convention_id>/versements/<uuid:payment_id>/oter")
@allow(Role.CONVENTIONNEMENT)
def remove_payment(convention_id: uuid.UUID, payment_id: uuid.UUID) -> Any:
    """Take a planned payment out of the schedule."""
    convention = visible(convention_id)
    try:
        name = payments.remove(db(), convention, payment_id, by=person(), version=posted_version())
    except RuleBroken as broken:
        db().rollback()
        flash(broken.message, "info" if isinstance(broken, AlreadyDone) else "warning")
    else:
        db().commit()
        flash(f"Le versement « {name} » est ôté du calendrier.", "success")
    return _back(convention_id)


@blueprint.route("/<uuid:convention_id>/versements/<uuid:payment_id>/verse", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def pay(convention_id: uuid.UUID, payment_id: uuid.UUID) -> Any:
    """Write that a payment was made, or correct it."""
    convention = visible(convention_id)
    payment = payment_of(convention, payment_id)
    posted = request.method == "POST"
    if posted and "verse_le" not in request.form:
        return redirect(request.path, 303)
    typed = paid_as_typed(payment)
    form = PaidForm(
        request.form if posted else None, data=typed | {"verse_le": typed["verse_le"] or clock.today()}
    )
    conflict = None
    if posted and form.validate():
        try:
            payments.pay(
                db(),
                convention,
                payment_id,
                verse_le=form.verse_le.data,
                verse_centimes=form.montant.data,
                reference=form.reference.data,
                by=person(),
                version=form.opened(),
            )
        except RuleBroken as broken:
            db().rollback()
            convention = visible(convention_id)
            payment = payment_of(convention, payment_id)
            if isinstance(broken, ChangedMeanwhile):
                saved = PaidForm(None, data=paid_as_typed(payment))
                conflict = between(form, saved, history.last(db(), convention))
            else:
                form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash("Le versement est inscrit comme fait.", "success")
            return _back(convention_id)
    page = render_template(
        "conventions/pay.html", form=form, convention=convention, payment=payment, conflict=conflict
    )
    return make_response(page, 409 if conflict else 422 if posted else 200)


@blueprint.route("/<uuid:convention_id>/versements/<uuid:payment_id>/annuler", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def undo_pay(convention_id: uuid.UUID, payment_id: uuid.UUID) -> Any:
    """Take back that a payment was made, saying why."""
    convention = visible(convention_id)
    payment = payment_of(convention, payment_id)
    posted = request.method == "POST"
    form = UndoForm(request.form if posted else None, data={"version": str(payment.version)})
    if posted and form.validate():
        try:
            payments.undo(
                db(),
                convention,
                payment_id,
                motif=form.motif.data or "",
                by=person(),
                version=form.opened(),
            )
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
            convention = visible(convention_id)
            payment = payment_of(convention, payment_id)
            if isinstance(broken, ChangedMeanwhile):
                form.version.data = str(payment.version)
        else:
            db().commit()
            flash("Le versement est de nouveau prévu.", "success")
            return _back(convention_id)
    page = render_template("conventions/undo_pay.html", form=form, convention=convention, payment=payment)
    return make_response(page, 422 if posted else 200)


def _back(convention_id: uuid.UUID) -> Any:
    return redirect(url_for("conventions.payments_of", convention_id=convention_id), 303)


def _gone(convention: Convention) -> Any:
    """Somebody took the payment out meanwhile: what was typed is there still, to be planned again."""
    form = PaymentForm(request.form)
    form.offer(convention.actions)
    made_new(form)
    form.refuse(None, f"{NO_PAYMENT}. Enregistrez pour le prévoir de nouveau.")
    return _form_page(form, convention, None, 422)


def _form_page(
    form: PaymentForm,
    convention: Convention,
    payment: PartnerPayment | None,
    status: int,
    conflict: Conflict | None = None,
) -> Any:
    page = render_template(
        "conventions/payment_form.html",
        form=form,
        convention=convention,
        payment=payment,
        conflict=conflict,
        amount=amendments.amount_in_the_end(convention, amendments.of_convention(db(), convention.id)),
        planned=sum(payments.engaged(one) for one in payments.of_convention(db(), convention.id)),
    )
    return make_response(page, status)
