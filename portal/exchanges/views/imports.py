"""Imports of tables: send one, say its columns, see what it would do, accept. For those who keep the catalogue."""

import uuid
from typing import Any

from flask import (
    Response,
    abort,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import defer
from sqlmodel import col, select

from portal import clock, spreadsheets
from portal.accounts.models import Role, User
from portal.errors import RuleBroken
from portal.exchanges.forms import ColumnsForm, SendForm, columns_form
from portal.exchanges.imports import preview, runs
from portal.exchanges.models import ImportLine, ImportOutcome, ImportRun, ImportState
from portal.exchanges.views.blueprint import blueprint
from portal.tabular import french_csv
from portal.web import htmx, uploads
from portal.web.access import allow, person
from portal.web.fields import new_key
from portal.web.pagination import page_number, paginate
from portal.web.session import db

_KEEPERS = (Role.ANIMATION, Role.ADMINISTRATION)
_PROGRESS_ID = "import-progress"

uploads.accept("exchanges.send_table", spreadsheets.MAX_BYTES, spreadsheets.too_big)


@blueprint.get("/imports")
@allow(*_KEEPERS)
def imports() -> Any:
    """The tables that were sent, the latest first, and the way to send another."""
    return _index(SendForm(data={"cle": new_key()}))


@blueprint.post("/imports")
@allow(*_KEEPERS)
def send_table() -> Any:
    """Keep a table and read it as far as nobody needs to be asked; a second press finds the first one's."""
    form = SendForm(request.form)
    key = form.key()
    sent = request.files.get("fichier")
    if not form.validate():
        return make_response(_index(form), 422)
    if sent is None or not sent.filename:
        form.refuse("fichier", "Choisissez d’abord un fichier.")
        return make_response(_index(form), 422)
    content = sent.stream.read(spreadsheets.MAX_BYTES + 1)
    if _find(key) is not None:
        return redirect(url_for("exchanges.import_run", run_id=key), 303)
    config = current_app.config["PORTAL"]
    try:
        runs.start(
            db(),
            filename=sent.filename,
            content=content,
            source=form.source.data,
            by=person(),
            own_source=config.source,
            departement=config.departement,
            id=key,
        )
        db().commit()
    except RuleBroken as broken:
        db().rollback()
        form.refuse(broken.field, broken.message)
        return make_response(_index(form), 422)
    except IntegrityError:
        # Two requests at once: the database kept the first one.
        db().rollback()
        if _find(key) is None:
            raise
    return redirect(url_for("exchanges.import_run", run_id=key), 303)


@blueprint.get("/imports/modele.xlsx")
@allow(*_KEEPERS)
def import_template() -> Response:
    """An empty workbook in the layout that needs no mapping, with a line that explains each column."""
    response = Response(
        preview.empty_workbook(),
        mimetype="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    )
    response.headers["Content-Disposition"] = 'attachment; filename="modele-import.xlsx"'
    return response


@blueprint.get("/imports/<uuid:run_id>")
@allow(*_KEEPERS)
def import_run(run_id: uuid.UUID) -> Any:
    """Where an import stands: columns to recognise, reading, preview, writing, or report."""
    run = _one(run_id)
    if run.state is ImportState.COLONNES:
        return _columns_page(run, columns_form(run))
    if run.state in (ImportState.LECTURE, ImportState.ECRITURE):
        return _progress(run)
    if run.state is ImportState.ABANDONNE:
        return render_template("exchanges/abandoned.html", run=run, by=_author(run))
    return _preview(run)


@blueprint.get("/imports/<uuid:run_id>/colonnes")
@allow(*_KEEPERS)
def import_columns(run_id: uuid.UUID) -> Any:
    """What each column gives, as it stands, to change it."""
    run = _one(run_id)
    if run.state not in (ImportState.COLONNES, ImportState.LECTURE, ImportState.APERCU):
        return redirect(url_for("exchanges.import_run", run_id=run_id), 303)
    return _columns_page(run, columns_form(run))


@blueprint.post("/imports/<uuid:run_id>/colonnes")
@allow(*_KEEPERS)
def choose_columns(run_id: uuid.UUID) -> Any:
    """Read the table as the columns say, from the start."""
    run = _held(run_id)
    form = columns_form(run, request.form)
    if form.validate():
        try:
            runs.choose_columns(
                db(),
                run,
                form.mapping(),
                source=form.source.data,
                departement=form.departement.data,
                by=person(),
            )
        except runs.WrongColumns as wrong:
            db().rollback()
            for problem in wrong.problems:
                form.refuse(form.name_of(problem), problem.sentence)
        else:
            db().commit()
            return redirect(url_for("exchanges.import_run", run_id=run_id), 303)
    else:
        db().rollback()
    return make_response(_columns_page(_one(run_id), form), 422)


@blueprint.post("/imports/<uuid:run_id>/continuer")
@allow(*_KEEPERS)
def continue_import(run_id: uuid.UUID) -> Any:
    """Do one more handful of lines. The page asks again by itself; without script, a button does."""
    _held(run_id)
    run = runs.go_on(db(), run_id, by=person())
    db().commit()
    address = url_for("exchanges.import_run", run_id=run_id)
    if not htmx.wants(_PROGRESS_ID):
        return redirect(address, 303)
    if run.state in (ImportState.LECTURE, ImportState.ECRITURE):
        return _progress(run)
    return htmx.redirect_browser(address)


@blueprint.post("/imports/<uuid:run_id>/enregistrer")
@allow(*_KEEPERS)
def save_import(run_id: uuid.UUID) -> Any:
    """Say yes to the preview: the right lines are written, by handfuls."""
    _held(run_id)
    runs.accept(db(), run_id, publish=request.form.get("etat") == "publier")
    db().commit()
    return redirect(url_for("exchanges.import_run", run_id=run_id), 303)


@blueprint.post("/imports/<uuid:run_id>/abandonner")
@allow(*_KEEPERS)
def abandon_import(run_id: uuid.UUID) -> Any:
    """Give the import up before anything is written."""
    _held(run_id)
    run = runs.abandon(db(), run_id)
    db().commit()
    if run.state is ImportState.ABANDONNE:
        flash("L’import est abandonné : rien n’a été enregistré.", "success")
    return redirect(url_for("exchanges.imports"), 303)


@blueprint.get("/imports/<uuid:run_id>/erreurs.csv")
@allow(*_KEEPERS)
def import_errors(run_id: uuid.UUID) -> Response:
    """The refused lines as a table, to correct them with the file open beside it."""
    run = _one(run_id)
    lines = (
        db()
        .execute(runs.lines_of(run.id).where(col(ImportLine.outcome) == ImportOutcome.REFUSE))
        .scalars()
        .all()
    )
    rows = [
        [preview.sheet_of(line), line.line, line.nom, *error] for line in lines for error in line.errors or []
    ]
    response = Response(
        french_csv(("feuille", "ligne", "nom", "colonne", "valeur", "à corriger"), rows), mimetype="text/csv"
    )
    response.headers["Content-Disposition"] = 'attachment; filename="erreurs-import.csv"'
    return response


def _index(form: SendForm) -> str:
    pager = paginate(
        db(),
        select(ImportRun)
        .options(defer(ImportRun.contenu))  # type: ignore[arg-type]
        .order_by(col(ImportRun.created_at).desc(), col(ImportRun.id)),
        page_number(request.args.get("page")),
    )
    ids = {run.by_id for run in pager.items if run.by_id}
    people = {user.id: user for user in db().exec(select(User).where(col(User.id).in_(ids)))}
    return render_template(
        "exchanges/imports.html",
        pager=pager,
        people=people,
        tallies=preview.tallies(db(), [run.id for run in pager.items]),
        form=form,
        has_errors=bool(form.errors),
        max_mb=spreadsheets.MAX_BYTES // 1_000_000,
        max_lines=spreadsheets.MAX_LINES,
    )


def _columns_page(run: ImportRun, form: ColumnsForm) -> str:
    return render_template(
        "exchanges/columns.html",
        run=run,
        form=form,
        sheets=form.sheets(),
        remembered=(run.columns or {}).get("remembered"),
        has_errors=bool(form.errors),
    )


def _progress(run: ImportRun) -> Response:
    return htmx.page_or_fragment(
        "exchanges/progress.html", "exchanges/_progress.html", _PROGRESS_ID, run=run, reading=_reads(run)
    )


def _reads(run: ImportRun) -> bool:
    return run.state is ImportState.LECTURE


def _preview(run: ImportRun) -> str:
    numbers = runs.counts(db(), run.id)
    tab = request.args.get("lignes", "")
    outcome = preview.TABS.get(tab)
    statement = runs.lines_of(run.id)
    if tab:
        statement = statement.where(col(ImportLine.outcome) == outcome) if outcome else abort(404)
    pager = paginate(db(), statement, page_number(request.args.get("page")))
    return render_template(
        "exchanges/preview.html",
        run=run,
        by=_author(run),
        done=run.state is ImportState.TERMINE,
        forgotten=run.columns is None,
        numbers=preview.by_outcome(numbers),
        right=runs.right_lines(numbers),
        tabs=preview.tabs(numbers, done=run.state is ImportState.TERMINE),
        tab=tab,
        pager=pager,
        shown=[preview.Shown.of(line, run) for line in pager.items],
        incomplete=preview.incomplete(db(), run.id) if run.state is ImportState.APERCU else 0,
        today=clock.today(),
    )


def _find(run_id: uuid.UUID) -> ImportRun | None:
    statement = (
        select(ImportRun).where(col(ImportRun.id) == run_id).options(defer(ImportRun.contenu))  # type: ignore[arg-type]
    )
    return db().exec(statement).one_or_none()


def _one(run_id: uuid.UUID) -> ImportRun:
    return _find(run_id) or abort(404)


def _held(run_id: uuid.UUID) -> ImportRun:
    """Return the run, its row locked for this request. Answers 404 when there is none."""
    _one(run_id)
    return runs.hold(db(), run_id)


def _author(run: ImportRun) -> User | None:
    return db().get(User, run.by_id) if run.by_id else None
