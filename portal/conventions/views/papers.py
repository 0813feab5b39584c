"""Documents of a convention and of its payments: added and withdrawn by the officer, downloaded by whoever may read them.

Always to be saved: a browser shows nothing that somebody sent.
"""

import uuid
from typing import Any

from flask import abort, flash, redirect, render_template, url_for

from portal.accounts.models import Role
from portal.conventions import papers
from portal.conventions.engagements import ConventionDocument, PartnerPayment
from portal.conventions.models import Convention
from portal.conventions.views.blueprint import READERS, blueprint, payment_of, visible
from portal.web import uploads
from portal.web.access import allow, person
from portal.web.joining import Sent, join
from portal.web.session import db

uploads.accept_document("conventions.add_paper")
uploads.accept_document("conventions.add_payment_paper")


@blueprint.route("/<uuid:convention_id>/documents", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def add_paper(convention_id: uuid.UUID) -> Any:
    """Add a document to a convention."""
    return _add(convention_id, None)


@blueprint.route("/<uuid:convention_id>/versements/<uuid:payment_id>/documents", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def add_payment_paper(convention_id: uuid.UUID, payment_id: uuid.UUID) -> Any:
    """Add a document to a payment."""
    return _add(convention_id, payment_id)


@blueprint.post("/<uuid:convention_id>/documents/<uuid:document_id>/retirer")
@allow(Role.CONVENTIONNEMENT)
def withdraw_paper(convention_id: uuid.UUID, document_id: uuid.UUID) -> Any:
    """Withdraw a document."""
    convention = visible(convention_id)
    found = papers.content_of(db(), convention.id, document_id)
    home = _home(convention_id, found is not None and found.payment_id is not None)
    name = papers.withdraw(db(), convention, document_id, by=person())
    db().commit()
    flash(f"« {name} » est retiré." if name else "Ce document est déjà retiré.", "success")
    return redirect(home, 303)


@blueprint.get("/<uuid:convention_id>/documents/<uuid:document_id>")
@allow(*READERS)
def paper(convention_id: uuid.UUID, document_id: uuid.UUID) -> Any:
    """The document itself."""
    convention = visible(convention_id)
    found = papers.content_of(db(), convention.id, document_id)
    if found is None or not papers.may_read(db(), found, person()):
        abort(404)
    return uploads.to_save(found, found.contenu)


def _add(convention_id: uuid.UUID, payment_id: uuid.UUID | None) -> Any:
    return join(
        lambda: _opened(convention_id, payment_id),
        lambda found, sent: _attach(found[0], payment_id, sent),
        lambda found: _home(convention_id, payment_id is not None),
        lambda found, told: render_template(
            "conventions/paper.html", convention=found[0], payment=found[1], **told
        ),
    )


def _attach(convention: Convention, payment_id: uuid.UUID | None, sent: Sent) -> ConventionDocument:
    told: dict[str, Any] = {
        "filename": sent.filename,
        "content": sent.content,
        "by": person(),
        "id": sent.key,
    }
    if payment_id is None:
        return papers.attach(db(), convention, **told)
    return papers.attach_to_payment(db(), convention, payment_id, **told)


def _opened(
    convention_id: uuid.UUID, payment_id: uuid.UUID | None
) -> tuple[Convention, PartnerPayment | None]:
    convention = visible(convention_id)
    return convention, payment_of(convention, payment_id) if payment_id else None


def _home(convention_id: uuid.UUID, of_payment: bool) -> str:
    """Return the address of the list where the document stands."""
    return url_for(
        "conventions.payments_of" if of_payment else "conventions.show",
        convention_id=convention_id,
        _anchor="documents",
    )
