"""Import of a table of expenses: send it, say its columns, see what it would write, import."""

import uuid
from typing import Any

from flask import Response, abort, flash, make_response, redirect, render_template, request, url_for
from wtforms import SelectField

from portal.accounts.models import Role
from portal.budget import expense_table, intake
from portal.budget.expense_forms import SendTableForm, natures, volets
from portal.budget.models import Nature, StateConvention, Volet
from portal.budget.spending_models import ExpenseImport
from portal.budget.views.blueprint import blueprint, visible
from portal.budget.views.expenses import with_year
from portal.errors import AlreadyDone, RuleBroken
from portal.tabular import french_csv
from portal.web import uploads
from portal.web.access import allow, person
from portal.web.fields import new_key
from portal.web.forms import Form, options
from portal.web.pagination import Pager, page_number
from portal.web.session import db

PAGE_SIZE = 50
# How each outcome is said: one line, several, kind of the badge.
OUTCOMES = {
    "nouvelle": ("À importer", "success"),
    "refusee": ("À corriger", "danger"),
    "deja": ("Déjà dans l’état", "neutral"),
    "ignoree": ("Titre ou total, laissé de côté", "neutral"),
}

uploads.accept("budget.send_expenses", intake.MAX_BYTES, intake.too_big)


@blueprint.route("/<uuid:convention_id>/depenses/<int:annee>/importer", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def send_expenses(convention_id: uuid.UUID, annee: int) -> Any:
    """Send a table of expenses; a second press finds the first one's."""
    convention = with_year(convention_id, annee)
    posted = request.method == "POST"
    form = SendTableForm(request.form if posted else None, data={"cle": new_key()})
    if posted and form.validate():
        sent = request.files.get("fichier")
        if sent is None or not sent.filename:
            form.refuse("fichier", "Choisissez d’abord un fichier.")
        else:
            try:
                run = intake.start(
                    db(),
                    convention,
                    annee,
                    nom=sent.filename,
                    contenu=sent.stream.read(intake.MAX_BYTES + 1),
                    by=person(),
                    id=uuid.UUID(form.cle.data),
                )
            except RuleBroken as broken:
                db().rollback()
                form.refuse(broken.field, broken.message)
                convention = with_year(convention_id, annee)
            else:
                db().commit()
                return redirect(_url(convention_id, run.id), 303)
    page = render_template(
        "budget/send_expenses.html",
        form=form,
        convention=convention,
        annee=annee,
        columns=expense_table.COLUMNS,
        max_mb=intake.MAX_BYTES // 1_000_000,
        max_lines=intake.MAX_LINES,
    )
    return make_response(page, 422 if posted else 200)


@blueprint.get("/<uuid:convention_id>/depenses/modele.csv")
@allow(Role.CONVENTIONNEMENT)
def expenses_template(convention_id: uuid.UUID) -> Response:
    """An empty table whose columns are known, with a line as an example."""
    year = visible(convention_id).date_debut.year
    example = [
        "Chefferie de projet",
        Nature.INGENIERIE.label,
        "1",
        "mois",
        "12",
        "4 000,00",
        "48 000,00",
        "48 000,00",
        f"01/01/{year}",
        f"31/12/{year}",
        "",
        "non",
    ]
    response = Response(french_csv(list(expense_table.COLUMNS.values()), [example]), mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="modele-depenses.csv"'
    return response


@blueprint.get("/<uuid:convention_id>/imports/<uuid:run_id>")
@allow(Role.CONVENTIONNEMENT)
def expense_import(convention_id: uuid.UUID, run_id: uuid.UUID) -> Any:
    """What the table would write, line by line; or, once imported, what it wrote."""
    convention = visible(convention_id)
    return _page(convention, _one(convention, run_id))


@blueprint.post("/<uuid:convention_id>/imports/<uuid:run_id>/colonnes")
@allow(Role.CONVENTIONNEMENT)
def choose_expense_columns(convention_id: uuid.UUID, run_id: uuid.UUID) -> Any:
    """Read the table as the columns say."""
    convention = visible(convention_id)
    run = _one(convention, run_id)
    seen = intake.preview(db(), run, convention)
    form = _columns_form(seen)(request.form)
    if form.validate():
        try:
            intake.choose(
                db(),
                run,
                feuille=form["feuille"].data or "",
                champs={name: int(form[name].data) for name in expense_table.COLUMNS if form[name].data},
                volet=Volet(int(form["volet_defaut"].data)) if form["volet_defaut"].data else None,
                nature=Nature(form["nature_defaut"].data) if form["nature_defaut"].data else None,
                by=person(),
            )
        except RuleBroken as broken:
            db().rollback()
            form.refuse(broken.field, broken.message)
        else:
            db().commit()
            return redirect(_url(convention_id, run_id), 303)
    db().rollback()
    convention = visible(convention_id)
    return make_response(_page(convention, _one(convention, run_id), form), 422)


@blueprint.post("/<uuid:convention_id>/imports/<uuid:run_id>/importer")
@allow(Role.CONVENTIONNEMENT)
def write_expenses(convention_id: uuid.UUID, run_id: uuid.UUID) -> Any:
    """Write the right lines; a second press writes nothing."""
    convention = visible(convention_id)
    run = _one(convention, run_id)
    annee = run.annee
    try:
        made = intake.accept(db(), run, convention, by=person())
    except RuleBroken as broken:
        db().rollback()
        flash(broken.message, "info" if isinstance(broken, AlreadyDone) else "warning")
        return redirect(_url(convention_id, run_id), 303)
    db().commit()
    number = len(made)
    flash(
        f"{number} dépenses sont enregistrées." if number > 1 else "Une dépense est enregistrée.", "success"
    )
    return redirect(url_for("budget.expenses_of_year", convention_id=convention_id, annee=annee), 303)


@blueprint.post("/<uuid:convention_id>/imports/<uuid:run_id>/abandonner")
@allow(Role.CONVENTIONNEMENT)
def abandon_expenses(convention_id: uuid.UUID, run_id: uuid.UUID) -> Any:
    """Give the table up: nothing of it was written."""
    convention = visible(convention_id)
    run = db().get(ExpenseImport, run_id)
    annee = convention.date_debut.year
    if run is not None and run.convention_id == convention.id:
        annee = run.annee
        try:
            intake.abandon(db(), run, by=person())
        except RuleBroken as broken:
            db().rollback()
            flash(broken.message, "info")
            return redirect(_url(convention_id, run_id), 303)
        db().commit()
        flash("L’import est abandonné : rien n’a été enregistré.", "success")
    return redirect(url_for("budget.expenses_of_year", convention_id=convention_id, annee=annee), 303)


def _url(convention_id: uuid.UUID, run_id: uuid.UUID) -> str:
    return url_for("budget.expense_import", convention_id=convention_id, run_id=run_id)


def _one(convention: StateConvention, run_id: uuid.UUID) -> ExpenseImport:
    run = db().get(ExpenseImport, run_id)
    return run if run is not None and run.convention_id == convention.id else abort(404)


def _columns_form(seen: intake.Preview) -> type[Form]:
    """Return the form of one table: for each of our fields, which column gives it?"""
    places = [("", "Aucune"), *((str(n), header) for n, header in enumerate(seen.sheet.headers))]
    fields: dict[str, Any] = {
        name: SelectField(label, choices=options(places), default=str(seen.columns.get(name, "")))
        for name, label in expense_table.COLUMNS.items()
    }
    fields["feuille"] = SelectField(
        "Feuille",
        choices=options((name, name or "Tableau") for name in seen.sheets),
        default=seen.sheet.name,
    )
    fields["volet_defaut"] = SelectField(
        "Volet des lignes qui n’en disent pas",
        choices=options([("", "Aucun"), *volets()]),
        default=str(seen.volet.value) if seen.volet else "",
    )
    fields["nature_defaut"] = SelectField(
        "Nature des lignes qui n’en disent pas",
        choices=options([("", "Aucune"), *natures()]),
        default=seen.nature.value if seen.nature else "",
    )
    return type("ExpenseColumnsForm", (Form,), fields)


def _page(convention: StateConvention, run: ExpenseImport, form: Form | None = None) -> str:
    seen = intake.preview(db(), run, convention)
    done = run.written_at is not None
    # Once written, every right line is in the statement: only what was left out is still of use.
    lines = [line for line in seen.lines if not done or line.outcome == "refusee"]
    number = page_number(request.args.get("page"))
    pages = max(1, -(-len(lines) // PAGE_SIZE))
    if number > pages:
        abort(404)
    return render_template(
        "budget/expense_import.html",
        convention=convention,
        run=run,
        annee=run.annee,
        done=done,
        seen=seen,
        form=form or _columns_form(seen)(),
        fields=list(expense_table.COLUMNS),
        numbers=[(label, len(seen.of(outcome))) for outcome, (label, _) in OUTCOMES.items()],
        right=len(seen.of("nouvelle")),
        outcomes=OUTCOMES,
        pager=Pager(lines[(number - 1) * PAGE_SIZE : number * PAGE_SIZE], number, pages, len(lines)),
        page_url=lambda page: url_for(
            "budget.expense_import", convention_id=convention.id, run_id=run.id, page=page
        ),
    )
