"""Documents of a convention: added and withdrawn by the officer, downloaded by whoever sees it, always to be saved."""

import uuid
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for

from portal.accounts.models import Role
from portal.conventions import papers
from portal.conventions.views.blueprint import READERS, blueprint, visible
from portal.errors import RuleBroken
from portal.web import uploads
from portal.web.access import allow, has_role, person
from portal.web.fields import posted_key
from portal.web.session import db

uploads.accept_document("conventions.add_paper")


@blueprint.route("/<uuid:convention_id>/documents", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def add_paper(convention_id: uuid.UUID) -> Any:
    """Add a document to a convention."""
    convention = visible(convention_id)
    wrong = None
    if request.method == "POST":
        try:
            name, content = uploads.sent_document()
            uploads.checked(content)
            convention = visible(convention_id)
            kept = papers.attach(
                db(), convention, filename=name, content=content, by=person(), id=posted_key("cle_document")
            )
        except RuleBroken as broken:
            db().rollback()
            convention = visible(convention_id)
            wrong = broken.message
        else:
            db().commit()
            flash(f"« {kept.nom} » est ajouté.", "success")
            return redirect(f"{url_for('conventions.show', convention_id=convention_id)}#documents", 303)
    page = render_template(
        "conventions/paper.html",
        convention=convention,
        wrong=wrong,
        key=uuid.uuid4(),
        accept=uploads.KINDS,
        megabytes=uploads.MEGABYTES,
    )
    return make_response(page, 422 if wrong else 200)


@blueprint.post("/<uuid:convention_id>/documents/<uuid:document_id>/retirer")
@allow(Role.CONVENTIONNEMENT)
def withdraw_paper(convention_id: uuid.UUID, document_id: uuid.UUID) -> Any:
    """Withdraw a document."""
    convention = visible(convention_id)
    name = papers.withdraw(db(), convention, document_id, by=person())
    db().commit()
    flash(f"« {name} » est retiré." if name else "Ce document est déjà retiré.", "success")
    return redirect(f"{url_for('conventions.show', convention_id=convention_id)}#documents", 303)


@blueprint.get("/<uuid:convention_id>/documents/<uuid:document_id>")
@allow(*READERS)
def paper(convention_id: uuid.UUID, document_id: uuid.UUID) -> Any:
    """The document itself, to be saved: a browser shows nothing that somebody sent."""
    convention = visible(convention_id)
    found = papers.content_of(db(), convention.id, document_id)
    if found is None or (not has_role(Role.PARTENAIRE) and papers.is_of_a_draft(db(), found)):
        abort(404)
    return uploads.to_save(found, found.contenu)
