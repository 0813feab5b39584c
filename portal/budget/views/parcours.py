"""Parcours types: the page and the file that the State asks for."""

from datetime import date
from typing import Any

from flask import make_response, render_template, request

from portal import clock
from portal.budget import parcours
from portal.budget.views.blueprint import READERS, blueprint
from portal.budget.views.files import XLSX, attachment
from portal.web.access import allow
from portal.web.fields import day_field
from portal.web.forms import Form
from portal.web.pagination import page_number, pages_of, paginate
from portal.web.session import db

_PAGE_SIZE = 25


class PeriodForm(Form):
    """Which period?"""

    du = day_field("Du", "Écrivez le premier jour.")
    au = day_field("Au", "Écrivez le dernier jour.")


@blueprint.get("/parcours-types")
@allow(*READERS)
def parcours_types() -> Any:
    """One row for each financed action of the conventions that run in the period."""
    form, debut, fin = _period()
    pager = paginate(
        db(),
        parcours.statement(debut, fin),
        page_number(request.args.get("page")),
        size=_PAGE_SIZE,
        scalars=False,
    )
    page = render_template(
        "budget/parcours_types.html",
        form=form,
        debut=debut,
        fin=fin,
        rows=parcours.told(db(), pager.items, fin),
        pager=pager,
        page_url=pages_of(request),
    )
    return make_response(page, 422 if form.errors else 200)


@blueprint.get("/parcours-types.<any(csv,xlsx):kind>")
@allow(*READERS)
def parcours_types_file(kind: str) -> Any:
    """The same as a file, whole."""
    _, debut, fin = _period()
    rows = parcours.told(db(), db().execute(parcours.statement(debut, fin)).all(), fin)
    name = f"parcours-types-{debut:%Y-%m-%d}-{fin:%Y-%m-%d}.{kind}"
    if kind == "csv":
        return attachment(parcours.as_csv(rows), "text/csv; charset=utf-8", name)
    return attachment(parcours.as_xlsx(rows, debut, fin), XLSX, name)


def _period() -> tuple[PeriodForm, date, date]:
    """Return the form, and the period that it says; the current year when it says none, or not a period."""
    today = clock.today()
    usual = date(today.year, 1, 1), date(today.year, 12, 31)
    asked = "du" in request.args or "au" in request.args
    form = PeriodForm(request.args if asked else None, data={"du": usual[0], "au": usual[1]})
    if not asked:
        return form, *usual
    if not form.validate():
        return form, *usual
    if form.au.data < form.du.data:
        form.refuse("au", "Le dernier jour vient avant le premier : relisez les deux.")
        return form, *usual
    return form, form.du.data, form.au.data
