"""Documents to fill in: added and removed by editors, downloaded by whoever sees the offer."""

import io
import uuid
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, send_file, url_for
from sqlmodel import col, select

from portal.errors import RuleBroken
from portal.offers import documents, queries, rules
from portal.offers.models import Offer, OfferDocument
from portal.offers.views.blueprint import blueprint
from portal.offers.views.form_page import WRITERS, the_offer
from portal.web import uploads
from portal.web.access import allow, person, public
from portal.web.session import db

uploads.accept(
    "offers.add_document",
    documents.MAX_BYTES,
    f"Un document fait {documents.MAX_BYTES // 1_000_000} Mo au plus : réduisez-le (un PDF plutôt qu’une photo).",
)


@blueprint.post("/offres/<uuid:offer_id>/documents")
@allow(*WRITERS)
def add_document(offer_id: uuid.UUID) -> Any:
    """Keep a document, or say what is wrong with it; what is typed in the offer's form is kept apart."""
    offer = the_offer(offer_id)
    sent = request.files.get("fichier")
    if sent is None or not sent.filename:
        return _refused(offer, "Choisissez d’abord un fichier.")
    content = sent.stream.read(documents.MAX_BYTES + 1)
    try:
        kept, changes = documents.add(
            db(), offer, filename=sent.filename, content=content, by=person(), id=_key()
        )
        rules.change_offer(db(), offer, {}, structure=offer.structure, by=person(), also=changes)
    except RuleBroken as broken:
        db().rollback()
        return _refused(the_offer(offer_id), broken.message)
    name = kept.nom
    db().commit()
    flash(f"« {name} » est ajouté.", "success")
    return redirect(url_for("offers.edit", offer_id=offer_id, _anchor="documents"), 303)


@blueprint.post("/offres/<uuid:offer_id>/documents/<uuid:document_id>/retirer")
@allow(*WRITERS)
def remove_document(offer_id: uuid.UUID, document_id: uuid.UUID) -> Any:
    """Take a document off."""
    offer = the_offer(offer_id)
    changes = documents.remove(db(), offer, document_id)
    if changes:
        rules.change_offer(db(), offer, {}, structure=offer.structure, by=person(), also=changes)
    db().commit()
    flash("Le document est retiré.", "success")
    return redirect(url_for("offers.edit", offer_id=offer_id, _anchor="documents"), 303)


@blueprint.get("/offres/<uuid:offer_id>/documents/<uuid:document_id>")
@public
def document(offer_id: uuid.UUID, document_id: uuid.UUID) -> Any:
    """The document itself, always to be saved: a browser shows nothing that a partner sent."""
    seen = db().execute(queries.visible_to(person()).where(col(Offer.id) == offer_id)).scalar_one_or_none()
    found = (
        db()
        .execute(
            select(OfferDocument).where(
                col(OfferDocument.id) == document_id, col(OfferDocument.offer_id) == offer_id
            )
        )
        .scalar_one_or_none()
    )
    if seen is None or found is None:
        abort(404)
    return send_file(
        io.BytesIO(found.contenu),
        mimetype=found.content_type,
        as_attachment=True,
        download_name=found.nom,
        last_modified=found.added_at,
        max_age=0,
    )


def _key() -> uuid.UUID | None:
    try:
        key = uuid.UUID(request.form.get("cle", ""))
    except ValueError:
        return None
    return key if db().get(OfferDocument, key) is None else None


def _refused(offer: Offer, sentence: str) -> Any:
    return make_response(render_template("offers/document_refused.html", offer=offer, sentence=sentence), 422)
