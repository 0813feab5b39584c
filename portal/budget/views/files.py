"""The plan, the statement, the accounts and the action sheets as files."""

import uuid

from flask import Response, current_app

from portal.budget import accounts, fiches, official_sheets, pdf, plan, sheets
from portal.budget.models import StateConvention
from portal.budget.statement import statement
from portal.budget.views.blueprint import READERS, blueprint, reads_drafts, visible
from portal.budget.views.expenses import with_year
from portal.budget.views.fiches import fiche_of
from portal.budget.views.plan import text_of, with_plan_year
from portal.geography import fold
from portal.web.access import allow
from portal.web.session import db

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PDF = "application/pdf"


@blueprint.get("/<uuid:convention_id>/textes/<uuid:amendment_id>/plan/<int:annee>.<any(xlsx,pdf):kind>")
@allow(*READERS)
def plan_file(convention_id: uuid.UUID, amendment_id: uuid.UUID, annee: int, kind: str) -> Response:
    """The plan of a year as one text sets it."""
    convention = with_plan_year(convention_id, annee)
    amendment = text_of(convention, amendment_id)
    told = plan.of(db(), amendment, annee)
    signed = f"signé le {amendment.signe_le:%d/%m/%Y}" if amendment.signe_le else "brouillon"
    heading = f"{_heading(convention)}, {amendment.name.lower()} ({signed})"
    name = f"plan-{annee}"
    if kind == "pdf":
        return attachment(pdf.plan_pdf(told, heading, portal=_portal()), PDF, _name(name, convention, kind))
    with sheets.Book(f"Plan de financement {annee}") as book:
        official_sheets.add_plan(book, told, f"Plan de financement {annee} – {heading}")
    return attachment(book.content, XLSX, _name(name, convention, kind))


@blueprint.get("/<uuid:convention_id>/depenses/<int:annee>.<any(xlsx,pdf):kind>")
@allow(*READERS)
def statement_file(convention_id: uuid.UUID, annee: int, kind: str) -> Response:
    """The statement of expenses of a year, whole."""
    convention = with_year(convention_id, annee)
    told = statement(db(), convention, annee)
    heading, name = _heading(convention), f"etat-des-depenses-{annee}"
    if kind == "pdf":
        return attachment(
            pdf.statement_pdf(told, heading, portal=_portal()), PDF, _name(name, convention, kind)
        )
    with sheets.Book(f"État des dépenses {annee}") as book:
        official_sheets.add_statement(book, told, f"État des dépenses {annee} – {heading}")
    return attachment(book.content, XLSX, _name(name, convention, kind))


@blueprint.get("/<uuid:convention_id>/comptes.xlsx")
@allow(*READERS)
def accounts_file(convention_id: uuid.UUID) -> Response:
    """The accounts, year by year."""
    convention = visible(convention_id)
    with sheets.Book("Comptes") as book:
        official_sheets.add_accounts(book, accounts.of(db(), convention), f"Comptes – {_heading(convention)}")
    return attachment(book.content, XLSX, _name("comptes", convention, "xlsx"))


@blueprint.get("/<uuid:convention_id>/fiche/<uuid:fiche_id>.pdf")
@allow(*READERS)
def fiche_pdf(convention_id: uuid.UUID, fiche_id: uuid.UUID) -> Response:
    """An action sheet on one page."""
    convention = visible(convention_id)
    found = fiche_of(convention, fiche_id)
    told = fiches.told_of(db(), convention, found.annee, [found], drafts=reads_drafts())[found.id]
    heading = f"{_heading(convention)}, fiche action {found.annee}"
    return attachment(
        pdf.fiche_pdf(found, told, heading, portal=_portal()), PDF, f"fiche-action-{found.annee}.pdf"
    )


def attachment(content: bytes, mimetype: str, name: str) -> Response:
    """Answer with a file to keep."""
    answer = Response(content, mimetype=mimetype)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _heading(convention: StateConvention) -> str:
    return f"Convention avec l’État {convention.numero}"


def _name(what: str, convention: StateConvention, kind: str) -> str:
    """Return a file's name that any system takes: the number of the convention without what it cannot bear."""
    number = "".join(c if c.isascii() and c.isalnum() else "-" for c in fold(convention.numero)).strip("-")
    return f"{what}-{number or 'convention'}.{kind}"


def _portal() -> str:
    return str(current_app.config["PORTAL"].name)
