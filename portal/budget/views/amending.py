"""Avenants of a convention with the State, and its initial text: written, compared with what was before, signed."""

import uuid
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for

from portal import clock
from portal.accounts.models import Role
from portal.budget import amendments, history, papers
from portal.budget.agreement_forms import (
    AmendmentForm,
    NewAmendmentForm,
    RemoveForm,
    SignForm,
    amendment_form,
    amounts_of,
)
from portal.budget.models import StateAmendment, StateConvention, Volet
from portal.budget.terms import Texts, texts_of
from portal.budget.views.blueprint import READERS, blueprint, may_write, visible
from portal.conventions.states import ConventionState
from portal.errors import ChangedMeanwhile, RuleBroken
from portal.web import failures
from portal.web.access import allow, person
from portal.web.conflicts import Conflict, between
from portal.web.fields import STALE, new_key
from portal.web.session import db


@blueprint.get("/<uuid:convention_id>/avenants/<int:numero>")
@allow(*READERS)
def amendment(convention_id: uuid.UUID, numero: int) -> Any:
    """A text: what it says, what it changes, its documents. Number 0 is the initial one."""
    convention, texts, found = _opened(convention_id, numero)
    stuck = _why_stuck(convention, found)
    return render_template(
        "budget/amendment.html",
        convention=convention,
        amendment=found,
        compared=amendments.compared(texts, found),
        volets=list(Volet),
        plan_years=sorted(
            {a.annee for a in texts.amounts if a.amendment_id == found.id}
            | {annee for owner, annee in texts.plan_years if owner == found.id}
        ),
        documents=papers.of(db(), convention, amendment_id=found.id),
        may_attach=may_write() and convention.state is not ConventionState.CLOSE,
        may_change=may_write() and found.signe_le is None and not stuck,
        may_remove=may_write() and found.signe_le is None and numero > 0,
        stuck=stuck,
        remove_form=RemoveForm(data={"version": str(found.version)}),
    )


@blueprint.route("/<uuid:convention_id>/avenants/nouveau", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def new_amendment(convention_id: uuid.UUID) -> Any:
    """Write the draft of the next avenant."""
    convention = visible(convention_id)
    texts = texts_of(db(), [convention])[convention.id]
    now = texts.on(None)
    posted = request.method == "POST"
    form = NewAmendmentForm(request.form if posted else None, data={"cle": new_key()})
    years = now.annees or convention.annees
    form.offer(years)
    if not posted:
        form.annees.data = [str(annee) for annee in years if annee >= clock.today().year]
    if posted and form.validate():
        try:
            made = amendments.create(
                db(),
                convention,
                objet=form.objet.data,
                cible=form.cible.data or None,
                date_fin=form.date_fin.data,
                years=[int(annee) for annee in form.annees.data or ()],
                by=person(),
                id=uuid.UUID(form.cle.data),
            )
        except RuleBroken as broken:
            db().rollback()
            convention = visible(convention_id)
            form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash(f"L’avenant n° {made.numero} est en brouillon. Écrivez maintenant ses montants.", "success")
            return redirect(
                url_for("budget.edit_amendment", convention_id=convention_id, numero=made.numero), 303
            )
    page = render_template("budget/new_amendment.html", form=form, convention=convention, terms=now)
    return make_response(page, 422 if posted else 200)


@blueprint.route("/<uuid:convention_id>/avenants/<int:numero>/modifier", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def edit_amendment(convention_id: uuid.UUID, numero: int) -> Any:
    """Change a draft: its object, target, end, and amounts by year and volet."""
    convention = visible(convention_id)
    if request.method == "POST" and "version" not in request.form:
        # "Start over from what is saved."
        return redirect(request.path, 303)
    posted = request.method == "POST"
    if posted and numero and amendments.one(db(), convention, numero) is None:
        return _gone(convention, numero)
    convention, texts, found = _opened(convention_id, numero)
    why = _why_stuck(convention, found)
    if why and not posted:
        return _stuck(convention, found, why)
    form = _form(request.form if posted else None, convention, texts, found)
    conflict: Conflict | None = None
    if posted and form.validate():
        try:
            amendments.change(
                db(),
                convention,
                found,
                objet=form.objet.data,
                cible=form.cible.data or None,
                date_fin=form["date_fin"].data if "date_fin" in form else None,
                amounts=amounts_of(form),
                by=person(),
                version=form.opened(),
            )
        except RuleBroken as broken:
            db().rollback()
            convention = visible(convention_id)
            texts = texts_of(db(), [convention])[convention.id]
            there = next((a for a in texts.amendments if a.numero == numero), None)
            if there is None:
                return _gone(convention, numero)
            found = there
            if isinstance(broken, ChangedMeanwhile):
                conflict = between(
                    form, _form(None, convention, texts, found), history.last(db(), convention)
                )
            else:
                form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash("Le texte est enregistré.", "success")
            if numero == 0:
                return redirect(url_for("budget.show", convention_id=convention_id), 303)
            return redirect(url_for("budget.amendment", convention_id=convention_id, numero=numero), 303)
    page = render_template(
        "budget/amendment_form.html",
        form=form,
        convention=convention,
        amendment=found,
        former=texts.until(numero - 1) if numero else None,
        conflict=conflict,
        volets=list(Volet),
    )
    return make_response(page, 409 if conflict else 422 if posted else 200)


@blueprint.route("/<uuid:convention_id>/avenants/<int:numero>/signer", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def sign_amendment(convention_id: uuid.UUID, numero: int) -> Any:
    """Write on which day an avenant was signed."""
    convention, texts, found = _opened(convention_id, numero)
    if numero == 0:
        return redirect(url_for("budget.sign", convention_id=convention_id), 303)
    posted = request.method == "POST"
    why = _why_stuck(convention, found)
    if why and not posted:
        return _stuck(convention, found, why)
    form = SignForm(request.form if posted else None, data={"version": str(found.version)})
    if posted and form.validate():
        try:
            amendments.sign(
                db(),
                convention,
                found,
                signe_le=form.signe_le.data,
                by=person(),
                version=form.opened(),
            )
        except RuleBroken as broken:
            db().rollback()
            convention, texts, found = _opened(convention_id, numero)
            form.refuse(broken.field, broken.message)
            if isinstance(broken, ChangedMeanwhile):
                form.version.data = str(found.version)
        else:
            db().commit()
            flash(f"L’avenant n° {numero} est signé.", "success")
            return redirect(url_for("budget.amendment", convention_id=convention_id, numero=numero), 303)
    page = render_template(
        "budget/sign_amendment.html",
        form=form,
        convention=convention,
        amendment=found,
        former=texts.amendments[texts.amendments.index(found) - 1],
        compared=amendments.compared(texts, found),
        volets=list(Volet),
    )
    return make_response(page, 422 if posted else 200)


@blueprint.post("/<uuid:convention_id>/avenants/<int:numero>/retirer")
@allow(Role.CONVENTIONNEMENT)
def remove_amendment(convention_id: uuid.UUID, numero: int) -> Any:
    """Take a draft avenant away."""
    convention = visible(convention_id)
    found = amendments.one(db(), convention, numero)
    if found is None:
        # Pressed twice, or taken away by another.
        flash("Cet avenant est déjà retiré.", "info")
        return redirect(url_for("budget.show", convention_id=convention_id), 303)
    form = RemoveForm(request.form)
    try:
        if not form.validate():
            raise RuleBroken(STALE)
        amendments.remove(db(), convention, found, by=person(), version=form.opened())
    except RuleBroken as broken:
        db().rollback()
        flash(broken.message, "warning")
        return redirect(url_for("budget.amendment", convention_id=convention_id, numero=numero), 303)
    db().commit()
    flash(f"L’avenant n° {numero} est retiré.", "success")
    return redirect(url_for("budget.show", convention_id=convention_id), 303)


def _opened(convention_id: uuid.UUID, numero: int) -> tuple[StateConvention, Texts, StateAmendment]:
    """Return a convention, its texts and the one of that number; 404 when there is none, or a draft that the person may not see."""
    convention = visible(convention_id)
    texts = texts_of(db(), [convention])[convention.id]
    found = next((a for a in texts.amendments if a.numero == numero), None)
    if found is None or (found.signe_le is None and not may_write() and numero):
        abort(404)
    return convention, texts, found


def _why_stuck(convention: StateConvention, found: StateAmendment) -> str | None:
    return amendments.why_not_signed(convention, clock.today()) if found.signe_le is None else None


def _stuck(convention: StateConvention, found: StateAmendment, why: str) -> Any:
    flash(why, "warning")
    return redirect(url_for("budget.amendment", convention_id=convention.id, numero=found.numero), 303)


def _gone(convention: StateConvention, numero: int) -> Any:
    """Somebody took the draft away meanwhile: what was typed is given back."""
    # Of the amounts, those of the years that the page may have shown.
    years = range(convention.date_debut.year, convention.date_fin.year + 2)
    lost = StateAmendment(convention_id=convention.id, numero=numero, objet="")
    return failures.gone(
        "Cet avenant a été retiré",
        f"Quelqu’un a retiré l’avenant n° {numero} pendant que vous écriviez. Rien n’a été enregistré.",
        (url_for("budget.show", convention_id=convention.id, _anchor="avenants"), "Revenir à la convention"),
        amendment_form(years, request.form, lost, {}),
    )


def _amounts(texts: Texts, found: StateAmendment) -> dict[tuple[int, Volet], int]:
    return {
        (a.annee, Volet(a.volet)): a.montant_centimes for a in texts.amounts if a.amendment_id == found.id
    }


def _form(formdata: Any, convention: StateConvention, texts: Texts, found: StateAmendment) -> AmendmentForm:
    said = _amounts(texts, found)
    years = set(convention.annees) | {annee for annee, _ in said}
    if found.numero:
        end = max(found.date_fin or convention.date_fin, convention.date_fin)
        # The year after as well: the same page may move the end and say what it gives.
        years |= set(range(convention.date_debut.year, end.year + 2))
    return amendment_form(sorted(years), formdata, found, said)
