"""The statement of expenses of a year: read by all who read the convention, written by officers."""

import uuid
from collections.abc import Iterable
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from sqlmodel import col, select

from portal.accounts.models import Role
from portal.budget import expenses, history, papers, posts
from portal.budget.checks import closing_bilans
from portal.budget.expense_forms import ExpenseForm, expense_as_typed
from portal.budget.models import BudgetDocument, Nature, StateConvention, Volet
from portal.budget.spending_models import Expense
from portal.budget.statement import statement
from portal.budget.views.blueprint import READERS, blueprint, may_write, visible
from portal.budget.views.sections import link
from portal.conventions.models import Convention, FinancedAction
from portal.errors import ChangedMeanwhile, RuleBroken
from portal.geography import fold
from portal.web.access import allow, person
from portal.web.conflicts import Conflict, between
from portal.web.fields import made_new, new_key, posted_version
from portal.web.session import db

LINES_AT_ONCE = 120

link(30, "État des dépenses", "budget.expenses_of_year", year=True)


@blueprint.get("/<uuid:convention_id>/depenses/<int:annee>")
@allow(*READERS)
def expenses_of_year(convention_id: uuid.UUID, annee: int) -> Any:
    """The statement of a year by bloc, then nature, with its totals; a volet or a nature may be chosen."""
    convention = with_year(convention_id, annee)
    volet, nature = _volet(request.args.get("volet")), _nature(request.args.get("nature"))
    told = statement(db(), convention, annee, volet=volet, nature=nature)
    return render_template(
        "budget/expenses.html",
        convention=convention,
        annee=annee,
        told=told,
        # The lines of a long statement are shown nature by nature; its subtotals all at once.
        folded=len(told.lines) > LINES_AT_ONCE and nature is None and "tout" not in request.args,
        volet=volet,
        nature=nature,
        volets=list(Volet),
        natures=list(Nature),
        bilan=closing_bilans(db(), [convention.id]).get((convention.id, annee)),
        documents=by_owner(papers.all_of(db(), convention), "expense_id"),
        may_write=may_write(),
    )


@blueprint.route("/<uuid:convention_id>/depenses/<int:annee>/nouvelle", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def new_expense(convention_id: uuid.UUID, annee: int) -> Any:
    """Add an expense to the statement of a year."""
    convention = with_year(convention_id, annee)
    posted = request.method == "POST"
    form = ExpenseForm(request.form if posted else None, data=_proposed(convention, annee))
    form.offer(posts.of(db(), convention))
    if posted and form.validate():
        try:
            made = expenses.write(
                db(), convention, annee, _values(form), by=person(), id=uuid.UUID(form.cle.data)
            )
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
            convention = with_year(convention_id, annee)
        else:
            db().commit()
            flash(f"La dépense « {made.objet} » est enregistrée.", "success")
            return redirect(_statement_url(convention_id, annee), 303)
    return _form_page(form, convention, annee, None, 422 if posted else 200)


@blueprint.route(
    "/<uuid:convention_id>/depenses/<int:annee>/<uuid:expense_id>/modifier", methods=["GET", "POST"]
)
@allow(Role.CONVENTIONNEMENT)
def edit_expense(convention_id: uuid.UUID, annee: int, expense_id: uuid.UUID) -> Any:
    """Change an expense."""
    convention = with_year(convention_id, annee)
    posted = request.method == "POST"
    expense = expenses.of_year(db(), convention, annee, expense_id)
    if expense is None:
        return _gone(convention, annee) if posted and "cle" in request.form else abort(404)
    if posted and "cle" not in request.form:
        # "Start over from what is saved."
        return redirect(request.path, 303)
    form = ExpenseForm(request.form if posted else None, data=_typed(convention, expense))
    form.offer(posts.of(db(), convention))
    conflict = None
    if posted and form.validate():
        try:
            expenses.change(db(), expense, convention, _values(form), by=person(), version=form.opened())
        except RuleBroken as broken:
            db().rollback()
            convention = with_year(convention_id, annee)
            expense = expenses.of_year(db(), convention, annee, expense_id)
            if expense is None:
                return _gone(convention, annee)
            if isinstance(broken, ChangedMeanwhile):
                saved = ExpenseForm(None, data=_typed(convention, expense))
                saved.poste.choices = form.poste.choices
                conflict = between(form, saved, history.last(db(), convention))
            else:
                form.refuse(broken.field, broken.message)
        else:
            db().commit()
            flash("La dépense est enregistrée.", "success")
            return redirect(_statement_url(convention_id, annee), 303)
    return _form_page(form, convention, annee, expense, 409 if conflict else 422 if posted else 200, conflict)


@blueprint.post("/<uuid:convention_id>/depenses/<int:annee>/<uuid:expense_id>/supprimer")
@allow(Role.CONVENTIONNEMENT)
def remove_expense(convention_id: uuid.UUID, annee: int, expense_id: uuid.UUID) -> Any:
    """Take an expense out of the statement."""
    convention = with_year(convention_id, annee)
    expense = expenses.of_year(db(), convention, annee, expense_id)
    if expense is None:
        # Pressed twice, or taken out by another.
        flash("Cette dépense n’est plus dans l’état.", "info")
        return redirect(_statement_url(convention_id, annee), 303)
    try:
        expenses.remove(db(), expense, convention, by=person(), version=posted_version())
    except RuleBroken as broken:
        db().rollback()
        flash(broken.message, "warning")
        return redirect(
            url_for("budget.edit_expense", convention_id=convention_id, annee=annee, expense_id=expense_id),
            303,
        )
    db().commit()
    flash(f"La dépense « {expense.objet} » est ôtée de l’état.", "success")
    return redirect(_statement_url(convention_id, annee), 303)


def with_year(convention_id: uuid.UUID, annee: int) -> StateConvention:
    """Return the convention if the person may see it and the year is one of its own; 404 otherwise."""
    convention = visible(convention_id)
    if not 2000 <= annee <= 2100 or annee < convention.date_debut.year:
        abort(404)
    return convention


def by_owner(documents: Iterable[BudgetDocument], column: str) -> dict[uuid.UUID, list[BudgetDocument]]:
    """Return {what they are about: documents}, `column` being that of the thing ("expense_id")."""
    found: dict[uuid.UUID, list[BudgetDocument]] = {}
    for document in documents:
        owner = getattr(document, column)
        if owner is not None:
            found.setdefault(owner, []).append(document)
    return found


def _statement_url(convention_id: uuid.UUID, annee: int) -> str:
    return url_for("budget.expenses_of_year", convention_id=convention_id, annee=annee)


def _gone(convention: StateConvention, annee: int) -> Any:
    """Somebody took the expense out meanwhile: what was typed is there still, to be added again."""
    form = ExpenseForm(request.form)
    form.offer(posts.of(db(), convention))
    made_new(form)
    form.refuse(
        None,
        "Cette dépense a été ôtée de l’état pendant que vous écriviez. Enregistrez pour l’ajouter de nouveau.",
    )
    return _form_page(form, convention, annee, None, 422)


def _form_page(
    form: ExpenseForm,
    convention: StateConvention,
    annee: int,
    expense: Expense | None,
    status: int,
    conflict: Conflict | None = None,
) -> Any:
    page = render_template(
        "budget/expense_form.html",
        form=form,
        convention=convention,
        annee=annee,
        expense=expense,
        conflict=conflict,
        documents=papers.of(db(), convention, expense_id=expense.id) if expense else [],
    )
    return make_response(page, status)


def _proposed(convention: StateConvention, annee: int) -> dict[str, Any]:
    """What a new expense begins with: the year, within the convention; the post or the convention that was chosen."""
    within = expenses.frame(db(), convention, annee)
    data: dict[str, Any] = {"cle": new_key(), "date_debut": within.debut, "date_fin": within.fin}
    post = within.posts.get(_uuid(request.args.get("poste")) or uuid.UUID(int=0))
    if post is not None:
        data |= {
            "poste": str(post.id),
            "nature": post.nature.value,
            "objet": post.intitule,
            "unite": "mois",
            "date_debut": max(within.debut, post.date_debut),
            "date_fin": min(within.fin, post.date_fin or within.fin),
        }
    if partner := request.args.get("partenaire"):
        data["partenaire"] = partner[:40]
    return data


def _typed(convention: StateConvention, expense: Expense) -> dict[str, Any]:
    partner = db().get(Convention, expense.partner_convention_id) if expense.partner_convention_id else None
    action = db().get(FinancedAction, expense.action_id) if expense.action_id else None
    usual = expenses.default_part(Volet(expense.volet), expense.montant_centimes, convention.taux_departement)
    return expense_as_typed(
        expense, partner.numero if partner else None, action.intitule if action else None, usual
    )


def _values(form: ExpenseForm) -> dict[str, Any]:
    """Return what `expenses.write` takes. Raises RuleBroken when the partner's convention or action is unknown."""
    partner, action = _tie(form)
    return {**form.to_values(), "partner_convention_id": partner, "action_id": action}


def _tie(form: ExpenseForm) -> tuple[uuid.UUID | None, uuid.UUID | None]:
    numero, title = form.partenaire.data, form.action.data
    if not numero:
        if title:
            raise RuleBroken(
                "Écrivez d’abord le numéro de la convention de cette action.", field="partenaire"
            )
        return None, None
    partner = db().exec(select(Convention.id).where(col(Convention.numero) == numero)).one_or_none()
    if partner is None:
        raise RuleBroken(
            f"Aucune convention avec un partenaire ne porte le numéro « {numero} » : relisez-le.",
            field="partenaire",
        )
    if not title:
        return partner, None
    known = {
        fold(name): (action_id, name)
        for action_id, name in db().execute(
            select(FinancedAction.id, FinancedAction.intitule)
            .where(col(FinancedAction.convention_id) == partner)
            .order_by(col(FinancedAction.intitule))
        )
    }
    found = known.get(fold(title[:200]))
    if found is None:
        names = ", ".join(f"« {name} »" for _, name in list(known.values())[:5])
        raise RuleBroken(
            f"Cette convention n’a pas cette action. Les siennes : {names}."
            if names
            else "Cette convention n’a pas d’action : laissez ce champ vide.",
            field="action",
        )
    return partner, found[0]


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None


def _volet(text: str | None) -> Volet | None:
    if not text:
        return None
    try:
        return Volet(int(text))
    except ValueError:
        abort(404)


def _nature(text: str | None) -> Nature | None:
    if not text:
        return None
    try:
        return Nature(text)
    except ValueError:
        abort(404)
