"""The blueprint of what partners owe and of the follow of their actions, and what its files of views look up.

Its addresses are those of conventions; it stands in this room because it tells hours, outcomes and expenses, which
the room of conventions does not know.
"""

import uuid
from typing import Any

from flask import Blueprint, abort, request, url_for
from sqlalchemy.orm import contains_eager, selectinload
from sqlmodel import col, select

from portal.accounts.models import Role
from portal.budget.follow_forms import CorrectionForm, DatesForm, ReportForm
from portal.conventions import history, queries
from portal.conventions.engagements import PartnerReport
from portal.conventions.models import Convention
from portal.structures.models import Structure
from portal.web import failures
from portal.web.access import has_role, person
from portal.web.fields import posted_form
from portal.web.formats import moment
from portal.web.forms import Form
from portal.web.session import db

blueprint = Blueprint("follow", "portal.budget.views.partners", url_prefix="/conventions")

# A partner reads its own, the State's services those signed (`queries.scope`); only officers and the partner write.
# What each page asks, to give it back when what it was about is there no more.
_ASKED: dict[str, type[Form]] = {
    "follow.new_report": DatesForm,
    "follow.edit_report": DatesForm,
    "follow.write_report": ReportForm,
    "follow.ask_correction": CorrectionForm,
}
READERS = (Role.CONVENTIONNEMENT, Role.PARTENAIRE, Role.ETAT)


def visible(convention_id: uuid.UUID) -> Convention:
    """Return the convention, actions loaded, if the person of this request may see it; 404 otherwise."""
    statement: Any = (
        select(Convention)
        .join(Structure, col(Structure.id) == col(Convention.structure_id))
        .where(queries.scope(person()), col(Convention.id) == convention_id)
        # Neither the texts of the partner nor its offers are of use here.
        .options(
            contains_eager(Convention.structure).load_only(Structure.nom),  # type: ignore[arg-type]
            selectinload(Convention.actions),  # type: ignore[arg-type]
        )
    )
    found = db().execute(statement).scalar_one_or_none()
    if found is None:
        _refuse_thrown_away(convention_id)
        abort(404)
    assert isinstance(found, Convention)
    return found


def report_of(convention: Convention, report_id: uuid.UUID) -> PartnerReport:
    """Return the report of this convention; 404 otherwise. No longer asked for, what was typed is given back (410)."""
    found = db().get(PartnerReport, report_id)
    form = posted_form(_ASKED) if found is None and request.method == "POST" else None
    if form is not None:
        abort(
            failures.gone(
                "Ce rapport n’est plus demandé",
                "Le département l’a retiré du calendrier pendant que vous écriviez. Rien n’a été enregistré.",
                (url_for("follow.reports_of", convention_id=convention.id), "Voir les rapports demandés"),
                form,
            )
        )
    if found is None or found.convention_id != convention.id:
        abort(404)
    return found


def _refuse_thrown_away(convention_id: uuid.UUID) -> None:
    """Say so (410), and give back what was typed, when this page is posted about a draft thrown away meanwhile."""
    gone = queries.thrown_away(db(), person(), convention_id) if request.method == "POST" else None
    if gone is None:
        return
    who, when = history.last(db(), gone)
    abort(
        failures.gone(
            "Ce brouillon a été supprimé",
            f"{who or 'Le portail'} l’a supprimé {moment(when)}. Rien n’a été enregistré.",
            (url_for("conventions.show", convention_id=convention_id), "Voir son historique"),
            posted_form(_ASKED),
        )
    )


def may_write() -> bool:
    """Say whether the person of this request is an officer."""
    return has_role(Role.CONVENTIONNEMENT)


def is_partner() -> bool:
    """Say whether the person of this request is of a partner."""
    return has_role(Role.PARTENAIRE)
