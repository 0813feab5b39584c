"""Action sheets of volet 2: read by all who read the convention, written by officers. No page here names a beneficiary."""

import uuid
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from sqlmodel import col, select

from portal import clock
from portal.accounts.models import Role
from portal.budget import fiches, history, plan
from portal.budget.fiche_forms import INDICATORS, FicheForm, TieForm, fiche_as_typed
from portal.budget.models import FicheAction, StateConvention
from portal.budget.views.blueprint import READERS, blueprint, may_write, reads_drafts, visible
from portal.budget.views.sections import link
from portal.conventions.models import Convention, FinancedAction
from portal.errors import ChangedMeanwhile, RuleBroken
from portal.geography import fold
from portal.web.access import allow, person
from portal.web.conflicts import Conflict, between
from portal.web.fields import made_new, new_key
from portal.web.session import db

link(15, "Fiches action", "budget.fiches", year=True)


@blueprint.get("/<uuid:convention_id>/fiches/<int:annee>", endpoint="fiches")
@allow(*READERS)
def list_fiches(convention_id: uuid.UUID, annee: int) -> Any:
    """The action sheets of a year, with what the portal counts of each."""
    convention = _with_year(convention_id, annee)
    found = fiches.of_year(db(), convention, annee)
    return render_template(
        "budget/fiches.html",
        convention=convention,
        annee=annee,
        fiches=found,
        told=fiches.told_of(db(), convention, annee, found, drafts=reads_drafts(), brief=True),
        may_write=may_write(),
    )


@blueprint.get("/<uuid:convention_id>/fiche/<uuid:fiche_id>")
@allow(*READERS)
def fiche(convention_id: uuid.UUID, fiche_id: uuid.UUID) -> Any:
    """One action sheet, complete, with its indicators."""
    convention = visible(convention_id)
    return _page(convention, fiche_of(convention, fiche_id), TieForm(None))


@blueprint.route("/<uuid:convention_id>/fiches/<int:annee>/nouvelle", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def new_fiche(convention_id: uuid.UUID, annee: int) -> Any:
    """Write an action sheet."""
    convention = _with_year(convention_id, annee)
    posted = request.method == "POST"
    form = FicheForm(request.form if posted else None, data={"cle": new_key()})
    if posted and form.validate():
        try:
            made = fiches.write(
                db(), convention, annee, form.to_values(), by=person(), id=uuid.UUID(form.cle.data)
            )
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
            convention = _with_year(convention_id, annee)
        else:
            db().commit()
            flash(f"La fiche « {made.titre} » est enregistrée.", "success")
            return redirect(_url(made), 303)
    return _form_page(form, convention, annee, None, 422 if posted else 200)


@blueprint.route("/<uuid:convention_id>/fiche/<uuid:fiche_id>/modifier", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def edit_fiche(convention_id: uuid.UUID, fiche_id: uuid.UUID) -> Any:
    """Change an action sheet."""
    convention = visible(convention_id)
    if request.method == "POST" and "cle" not in request.form:
        # "Start over from what is saved."
        return redirect(request.path, 303)
    posted = request.method == "POST"
    found = _one(convention, fiche_id)
    if found is None:
        return _gone(convention) if posted else abort(404)
    form = FicheForm(request.form if posted else None, data=fiche_as_typed(found))
    conflict = None
    if posted and form.validate():
        try:
            fiches.change(db(), found, convention, form.to_values(), by=person(), version=form.opened())
        except RuleBroken as broken:
            db().rollback()
            convention = visible(convention_id)
            found = _one(convention, fiche_id)
            if found is None:
                return _gone(convention)
            if isinstance(broken, ChangedMeanwhile):
                conflict = between(
                    form, FicheForm(None, data=fiche_as_typed(found)), history.last(db(), convention)
                )
            else:
                form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash("La fiche est enregistrée.", "success")
            return redirect(_url(found), 303)
    return _form_page(
        form, convention, found.annee, found, 409 if conflict else 422 if posted else 200, conflict
    )


@blueprint.post("/<uuid:convention_id>/fiche/<uuid:fiche_id>/supprimer")
@allow(Role.CONVENTIONNEMENT)
def remove_fiche(convention_id: uuid.UUID, fiche_id: uuid.UUID) -> Any:
    """Take an action sheet away."""
    convention = visible(convention_id)
    found = db().get(FicheAction, fiche_id)
    if found is None or found.convention_id != convention.id:
        # Pressed twice, or taken away by another.
        flash("Cette fiche n’est plus là.", "info")
        return redirect(
            url_for("budget.fiches", convention_id=convention_id, annee=convention.date_debut.year), 303
        )
    annee, title, version = found.annee, found.titre, request.form.get("version", "")
    try:
        fiches.remove(
            db(),
            found,
            convention,
            by=person(),
            version=int(version) if version.isascii() and version.isdigit() else None,
        )
    except RuleBroken as broken:
        db().rollback()
        flash(broken.message, "warning")
        return redirect(url_for("budget.edit_fiche", convention_id=convention_id, fiche_id=fiche_id), 303)
    db().commit()
    flash(f"La fiche « {title} » est ôtée.", "success")
    return redirect(url_for("budget.fiches", convention_id=convention_id, annee=annee), 303)


@blueprint.post("/<uuid:convention_id>/fiche/<uuid:fiche_id>/actions")
@allow(Role.CONVENTIONNEMENT)
def tie_action(convention_id: uuid.UUID, fiche_id: uuid.UUID) -> Any:
    """Say which partner's action carries out the sheet."""
    convention = visible(convention_id)
    found = fiche_of(convention, fiche_id)
    form = TieForm(request.form)
    if form.validate():
        try:
            number = fiches.tie(db(), found, convention, _actions(form), by=person())
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
            convention = visible(convention_id)
            found = fiche_of(convention, fiche_id)
        else:
            db().commit()
            flash(
                "Cette action porte déjà la fiche."
                if not number
                else "L’action est ajoutée : ses chiffres comptent dans la fiche."
                if number == 1
                else f"{number} actions sont ajoutées : leurs chiffres comptent dans la fiche.",
                "success" if number else "info",
            )
            return redirect(_url(found), 303)
    return _page(convention, found, form, 422)


@blueprint.post("/<uuid:convention_id>/fiche/<uuid:fiche_id>/actions/<uuid:action_id>/oter")
@allow(Role.CONVENTIONNEMENT)
def untie_action(convention_id: uuid.UUID, fiche_id: uuid.UUID, action_id: uuid.UUID) -> Any:
    """Say that an action does not carry out the sheet."""
    convention = visible(convention_id)
    found = fiche_of(convention, fiche_id)
    try:
        there = fiches.untie(db(), found, convention, action_id, by=person())
    except RuleBroken as broken:
        db().rollback()
        flash(broken.message, "warning")
        return redirect(url_for("budget.fiche", convention_id=convention_id, fiche_id=fiche_id), 303)
    db().commit()
    flash("L’action est ôtée de la fiche." if there else "Cette action n’était plus dans la fiche.", "info")
    return redirect(_url(found), 303)


def fiche_of(convention: StateConvention, fiche_id: uuid.UUID) -> FicheAction:
    """Return a sheet of the convention; 404 for another's."""
    return _one(convention, fiche_id) or abort(404)


def _one(convention: StateConvention, fiche_id: uuid.UUID) -> FicheAction | None:
    found = db().get(FicheAction, fiche_id)
    return found if found is not None and found.convention_id == convention.id else None


def _gone(convention: StateConvention) -> Any:
    """Somebody took the sheet away meanwhile: what was typed is there still, to be written again."""
    years = plan.years_of(db(), convention)
    annee = min(max(clock.today().year, years[0]), years[-1])
    form = FicheForm(request.form)
    made_new(form)
    form.refuse(
        None,
        "Cette fiche a été ôtée pendant que vous écriviez. Enregistrez pour l’écrire de nouveau, "
        f"parmi celles de {annee}.",
    )
    return _form_page(form, convention, annee, None, 422)


def _with_year(convention_id: uuid.UUID, annee: int) -> StateConvention:
    convention = visible(convention_id)
    if annee not in plan.years_of(db(), convention):
        abort(404)
    return convention


def _url(found: FicheAction) -> str:
    return url_for("budget.fiche", convention_id=found.convention_id, fiche_id=found.id)


def _page(convention: StateConvention, found: FicheAction, form: TieForm, status: int = 200) -> Any:
    page = render_template(
        "budget/fiche.html",
        convention=convention,
        fiche=found,
        told=fiches.told_of(db(), convention, found.annee, [found], drafts=reads_drafts())[found.id],
        period=fiches.period(found),
        form=form,
        may_write=may_write(),
    )
    return make_response(page, status)


def _form_page(
    form: FicheForm,
    convention: StateConvention,
    annee: int,
    found: FicheAction | None,
    status: int,
    conflict: Conflict | None = None,
) -> Any:
    page = render_template(
        "budget/fiche_form.html",
        form=form,
        convention=convention,
        annee=annee,
        fiche=found,
        indicators=INDICATORS,
        conflict=conflict,
    )
    return make_response(page, status)


def _actions(form: TieForm) -> list[FinancedAction]:
    """Return the actions that the form names. Raises RuleBroken when there is none."""
    numero, title = form.partenaire.data, form.action.data
    partner = db().exec(select(Convention.id).where(col(Convention.numero) == numero)).one_or_none()
    if partner is None:
        raise RuleBroken(
            f"Aucune convention avec un partenaire ne porte le numéro « {numero} » : relisez-le.",
            field="partenaire",
        )
    known = list(
        db().exec(
            select(FinancedAction)
            .where(col(FinancedAction.convention_id) == partner)
            .order_by(col(FinancedAction.intitule))
        )
    )
    found = [action for action in known if not title or fold(action.intitule) == fold(title)]
    if not found:
        names = ", ".join(f"« {action.intitule} »" for action in known[:5])
        raise RuleBroken(
            f"Cette convention n’a pas cette action. Les siennes : {names}."
            if names
            else "Cette convention n’a pas d’action.",
            field="action" if names else "partenaire",
        )
    return found
