"""Documents of a convention with the State: added and withdrawn by the officer, downloaded by whoever sees it."""

import uuid
from typing import Any

from flask import (
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    url_for,
)

from portal.accounts.models import Role
from portal.budget import papers
from portal.budget.bilan_models import Bilan
from portal.budget.models import BudgetDocument, StateAmendment, StateConvention
from portal.budget.papers import Kind
from portal.budget.spending_models import Expense, StatePayment
from portal.budget.views.blueprint import READERS, blueprint, reads_drafts, visible
from portal.errors import RuleBroken
from portal.web import uploads
from portal.web.access import allow, has_role, person
from portal.web.joining import Sent, join
from portal.web.session import db

uploads.accept_document("budget.add_paper")

_Owner = StateConvention | StateAmendment | Expense | StatePayment | Bilan
_Opened = tuple[StateConvention, _Owner]


@blueprint.route(
    "/<uuid:convention_id>/documents/"
    "<any(convention,avenant,depense,versement,bilan):kind>/<uuid:thing_id>/ajouter",
    methods=["GET", "POST"],
)
@allow(Role.CONVENTIONNEMENT)
def add_paper(convention_id: uuid.UUID, kind: str, thing_id: uuid.UUID) -> Any:
    """Add a document to a convention, an avenant, an expense, a payment or a bilan."""

    def attach(found: _Opened, sent: Sent) -> BudgetDocument:
        return papers.attach(
            db(),
            found[0],
            Kind(kind),
            thing_id,
            filename=sent.filename,
            content=sent.content,
            by=person(),
            id=sent.key,
        )

    def home(found: _Opened) -> str:
        return home_of(convention_id, found[1])

    def page(found: _Opened, told: dict[str, Any]) -> str:
        convention, owner = found
        return render_template(
            "budget/paper.html", convention=convention, about=name_of(owner), home=home(found), **told
        )

    return join(lambda: _opened(convention_id, kind, thing_id), attach, home, page)


@blueprint.post("/<uuid:convention_id>/documents/<uuid:document_id>/retirer")
@allow(Role.CONVENTIONNEMENT)
def withdraw_paper(convention_id: uuid.UUID, document_id: uuid.UUID) -> Any:
    """Withdraw a document."""
    convention = visible(convention_id)
    found = papers.content_of(db(), convention, document_id)
    home = url_for("budget.show", convention_id=convention_id, _anchor="documents")
    if found is not None:
        kind, owner_id = papers.kind_of(found)
        owner = papers.owner_of(db(), convention, kind, owner_id)
        home = home_of(convention_id, owner) if owner is not None else home
    try:
        name = papers.withdraw(db(), convention, document_id, by=person())
    except RuleBroken as broken:
        db().rollback()
        flash(broken.message, "warning")
        return redirect(home, 303)
    db().commit()
    flash(f"« {name} » est retiré." if name else "Ce document est déjà retiré.", "success")
    return redirect(home, 303)


@blueprint.get("/<uuid:convention_id>/documents/<uuid:document_id>")
@allow(*READERS)
def paper(convention_id: uuid.UUID, document_id: uuid.UUID) -> Any:
    """The document itself, to be saved: a browser shows nothing that somebody sent."""
    convention = visible(convention_id)
    found = papers.content_of(db(), convention, document_id)
    if found is None or (not reads_drafts() and papers.is_of_a_draft(db(), convention, found)):
        abort(404)
    return uploads.to_save(found, found.contenu)


def name_of(owner: _Owner) -> str:
    """Return what a document is about, as its page says it."""
    if isinstance(owner, StateAmendment):
        return owner.name
    if isinstance(owner, Expense):
        return f"Dépense {owner.annee} : {owner.objet}"
    if isinstance(owner, StatePayment):
        return f"{owner.kind.label} {owner.annee}"
    if isinstance(owner, Bilan):
        return f"{owner.kind.label} {owner.annee}"
    return "Convention"


def home_of(convention_id: uuid.UUID, owner: _Owner) -> str:
    """Return the address of the page that lists the documents of `owner`."""
    if isinstance(owner, StateAmendment) and owner.numero:
        return url_for(
            "budget.amendment", convention_id=convention_id, numero=owner.numero, _anchor="documents"
        )
    if isinstance(owner, Expense) and has_role(Role.CONVENTIONNEMENT):
        return url_for(
            "budget.edit_expense",
            convention_id=convention_id,
            annee=owner.annee,
            expense_id=owner.id,
            _anchor="documents",
        )
    if isinstance(owner, StatePayment):
        return url_for("budget.accounts", convention_id=convention_id)
    if isinstance(owner, Bilan) and "budget.bilan" in current_app.view_functions:
        return url_for("budget.bilan", convention_id=convention_id, bilan_id=owner.id, _anchor="documents")
    return url_for("budget.show", convention_id=convention_id, _anchor="documents")


def _opened(convention_id: uuid.UUID, kind: str, thing_id: uuid.UUID) -> _Opened:
    convention = visible(convention_id)
    owner = papers.owner_of(db(), convention, Kind(kind), thing_id)
    if owner is None:
        abort(404)
    return convention, owner
