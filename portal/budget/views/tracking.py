"""A year in pictures and tables, their files; and the territories that figures are told by."""

import os
import uuid
from typing import Any

from flask import Response, current_app, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy.exc import IntegrityError

from portal import clock
from portal.accounts.models import Role
from portal.budget import sheets, territories, tracking, tracking_pictures
from portal.budget.bilan_forms import TerritoriesForm
from portal.budget.models import StateConvention, TerritoryKind
from portal.budget.sheets import exact
from portal.budget.territories import Cut
from portal.budget.views.blueprint import READERS, blueprint, may_write, visible
from portal.budget.views.expenses import with_year
from portal.budget.views.files import XLSX, attachment
from portal.budget.views.sections import link
from portal.errors import RuleBroken
from portal.spreadsheets import MAX_BYTES
from portal.tabular import french_csv
from portal.web import uploads
from portal.web.access import allow, person
from portal.web.session import db

link(50, "Suivi en images", "budget.tracking_of_year", year=True)

for endpoint in ("budget.read_territories", "budget.write_territories"):
    uploads.accept(
        endpoint,
        MAX_BYTES + 20_000,
        f"Un tableau fait {MAX_BYTES // 1_000_000} Mo au plus : gardez les seules colonnes utiles.",
    )


@blueprint.get("/<uuid:convention_id>/suivi")
@allow(*READERS)
def tracking_page(convention_id: uuid.UUID) -> Any:
    """The follow of the year of today, or the nearest one of the convention."""
    convention = visible(convention_id)
    years = convention.annees
    annee = min(max(clock.today().year, years[0]), years[-1])
    return redirect(url_for("budget.tracking_of_year", convention_id=convention_id, annee=annee))


@blueprint.get("/<uuid:convention_id>/suivi/<int:annee>")
@allow(*READERS)
def tracking_of_year(convention_id: uuid.UUID, annee: int) -> Any:
    """Spending against the plan, by volet, block, action and territory."""
    convention = with_year(convention_id, annee)
    cut = _cut()
    year = tracking.of_year(db(), convention, annee, cut)
    return render_template(
        "budget/tracking.html",
        convention=convention,
        annee=annee,
        year=year,
        cut=cut,
        cuts=list(Cut),
        frame=tracking_pictures,
        height_of=tracking_pictures.height_of,
        may_write=may_write(),
    )


@blueprint.get(
    "/<uuid:convention_id>/suivi/<int:annee>/<any(volets,blocs,actions,territoires):table>.<any(csv,xlsx):kind>"
)
@allow(*READERS)
def tracking_file(convention_id: uuid.UUID, annee: int, table: str, kind: str) -> Response:
    """A table of the follow, as a file."""
    convention = with_year(convention_id, annee)
    told = tracking.of_year(db(), convention, annee, _cut()).tables[table]
    name = f"suivi-{table}-{annee}.{kind}"
    if kind == "csv":
        rows = [[_plain(value, told.columns[at][1]) for at, value in enumerate(row)] for row in _all(told)]
        return attachment(french_csv([label for label, _ in told.columns], rows), "text/csv", name)
    return attachment(_book(told, convention), XLSX, name)


@blueprint.get("/territoires")
@allow(*READERS)
def territories_page() -> Any:
    """The CDAS and bassins as they are, and the form to replace them."""
    return _territories_page(TerritoriesForm(None))


@blueprint.post("/territoires")
@allow(Role.CONVENTIONNEMENT)
def read_territories() -> Any:
    """Read a table, and show what it would write."""
    form = TerritoriesForm(request.form)
    try:
        sent = request.files.get("fichier")
        if sent is None or not sent.filename:
            raise RuleBroken("Choisissez d’abord un fichier.", field="fichier")
        sent.stream.seek(0, os.SEEK_END)
        sent.stream.seek(0)
        content = sent.stream.read()
        uploads.checked(content)
        found = territories.read(sent.filename, content, current_app.config["PORTAL"].departement)
        if not found.lines and not found.wrong:
            raise RuleBroken("Ce tableau n’a aucune commune : relisez-le.", field="fichier")
    except RuleBroken as broken:
        db().rollback()
        form.refuse(broken.field, broken.message)
        return _territories_page(form, 422)
    first, more = territories.shown(found.wrong)
    page = render_template(
        "budget/territories_preview.html",
        found=found,
        wrong=first,
        more=more,
        lines="\n".join(f"{line.code_insee}\t{line.cdas}\t{line.bassin}" for line in found.lines),
        kinds=list(TerritoryKind),
    )
    return make_response(page, 422 if found.wrong else 200)


@blueprint.post("/territoires/enregistrer")
@allow(Role.CONVENTIONNEMENT)
def write_territories() -> Any:
    """Replace the territories by those that were shown."""
    rows = []
    for number, text in enumerate(request.form.get("lignes", "").splitlines(), start=1):
        cells = [*text.split("\t"), "", ""][:3]
        rows.append((number, cells[0].strip(), cells[1].strip(), cells[2].strip()))
    found = territories.preview(rows)
    form = TerritoriesForm(None)
    if not found.may_be_written:
        form.refuse("fichier", "Cette page n’est plus à jour : envoyez de nouveau le tableau.")
        return _territories_page(form, 422)
    try:
        territories.replace(db(), found.lines, by=person())
        db().commit()
    except RuleBroken as broken:
        db().rollback()
        form.refuse(broken.field, broken.message)
        return _territories_page(form, 422)
    except IntegrityError:
        db().rollback()
        flash("Quelqu’un d’autre a changé les territoires en même temps : relisez-les.", "warning")
        return redirect(url_for("budget.territories_page"), 303)
    flash("Les territoires sont enregistrés.", "success")
    return redirect(url_for("budget.territories_page"), 303)


def _territories_page(form: TerritoriesForm, status: int = 200) -> Any:
    page = render_template(
        "budget/territories.html", form=form, counts=territories.counts(db()), may_write=may_write()
    )
    return make_response(page, status)


def _cut() -> Cut:
    try:
        return Cut(request.args.get("territoire", ""))
    except ValueError:
        return Cut.EPCI


def _all(told: tracking.Table) -> list[list[Any]]:
    return [*told.rows, told.total] if told.total else told.rows


def _plain(value: Any, kind: str) -> Any:
    return str(exact(value, 2)).replace(".", ",") if kind == "euros" and value is not None else value


def _book(told: tracking.Table, convention: StateConvention) -> bytes:
    with sheets.Book(told.title) as book:
        sheet = book.sheet(
            told.key.capitalize(),
            f"{told.title} – convention avec l’État {convention.numero}",
            [(label, 34 if kind == "text" else 20) for label, kind in told.columns],
        )
        first, last = sheet.row, len(told.columns) - 1
        for row in told.rows:
            for at, value in enumerate(row):
                kind = told.columns[at][1]
                if told.across and at == last:
                    sheet.compute(at, f"=SUM({sheet.cell(1)}:{sheet.cell(last - 1)})", value, kind)
                else:
                    sheet.put(at, value, kind)
            sheet.row += 1
        if told.total is not None:
            rows = range(first, sheet.row)
            sheet.fill("total")
            for at, value in enumerate(told.total):
                kind = told.columns[at][1]
                if at in told.summed:
                    sheet.sum_of(at, rows, value, kind, "total")
                else:
                    sheet.put(at, value, kind, "total")
            sheet.row += 1
        sheet.row += 1
        sheet.put(0, told.note)
    return book.content
