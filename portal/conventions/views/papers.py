"""Documents of a convention: added and withdrawn by the officer, downloaded by whoever sees it, always to be saved."""

import io
import os
import uuid
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, send_file, url_for

from portal.accounts.models import Role
from portal.conventions import papers
from portal.conventions.views.blueprint import READERS, blueprint, visible
from portal.documents import EXTENSIONS, MAX_BYTES, too_big
from portal.errors import RuleBroken
from portal.web import uploads
from portal.web.access import allow, person
from portal.web.session import db

uploads.accept(
    "conventions.add_paper",
    MAX_BYTES + 20_000,
    f"Un document fait {MAX_BYTES // 1_000_000} Mo au plus : réduisez-le (un PDF plutôt qu’une photo).",
)


@blueprint.route("/<uuid:convention_id>/documents", methods=["GET", "POST"])
@allow(Role.CONVENTIONNEMENT)
def add_paper(convention_id: uuid.UUID) -> Any:
    """Add a document to a convention."""
    convention = visible(convention_id)
    wrong = None
    if request.method == "POST":
        try:
            name, content = _sent()
            uploads.checked(content)
            convention = visible(convention_id)
            kept = papers.attach(db(), convention, filename=name, content=content, by=person(), id=_key())
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
        accept=",".join(f".{extension}" for extension in EXTENSIONS),
        megabytes=MAX_BYTES // 1_000_000,
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
    if found is None:
        abort(404)
    answer = send_file(
        io.BytesIO(found.contenu), mimetype=found.content_type, as_attachment=True, download_name=found.nom
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _sent() -> tuple[str, bytes]:
    sent = request.files.get("fichier")
    if sent is None or not sent.filename:
        raise RuleBroken("Choisissez d’abord un fichier.", field="fichier")
    try:
        size = sent.stream.seek(0, os.SEEK_END)
        if size > MAX_BYTES:
            raise RuleBroken(too_big(size), field="fichier")
        sent.stream.seek(0)
        return sent.filename, sent.stream.read()
    finally:
        sent.close()


def _key() -> uuid.UUID | None:
    try:
        return uuid.UUID(request.form.get("cle_document", ""))
    except ValueError:
        return None
