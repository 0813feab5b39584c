"""Documents to fill in: added and removed by editors, downloaded by whoever sees the offer."""

import io
import os
import uuid
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, send_file, url_for
from sqlmodel import col, select

from portal.documents import MAX_BYTES, too_big
from portal.errors import RuleBroken
from portal.offers import documents, queries, rules, saisies
from portal.offers.models import Offer, OfferDocument
from portal.offers.views.blueprint import blueprint
from portal.offers.views.form_page import WRITERS, differences, keep_typed, make_form, the_offer
from portal.structures import history
from portal.web import uploads
from portal.web.access import allow, person, public
from portal.web.fields import posted_key
from portal.web.session import db

# The answers of the form travel with the file.
uploads.accept_document("offers.add_document", beside=2 * saisies.MAX_CHARACTERS)


@blueprint.post("/offres/<uuid:offer_id>/documents")
@allow(*WRITERS)
def add_document(offer_id: uuid.UUID) -> Any:
    """Keep a document, or say what is wrong with it. The answers of the form come along and are kept as typed."""
    offer = the_offer(offer_id)
    sent = request.files.get("fichier")
    key = posted_key("cle_document")
    try:
        _keep_answers(offer)
        if sent is None or not sent.filename:
            raise RuleBroken("Choisissez d’abord un fichier.")
        if key is None or db().get(OfferDocument, key) is None:
            size = sent.stream.seek(0, os.SEEK_END)
            if size > MAX_BYTES:
                raise RuleBroken(too_big(size))
            sent.stream.seek(0)
            content = sent.stream.read()
            uploads.checked(content)
            offer = the_offer(offer_id)
            kept, changes = documents.add(
                db(), offer, filename=sent.filename, content=content, by=person(), id=key
            )
            name = kept.nom
            _note(offer, changes)
            db().commit()
            flash(f"« {name} » est ajouté.", "success")
    except RuleBroken as broken:
        db().rollback()
        return _refused(the_offer(offer_id), broken.message)
    finally:
        if sent is not None:
            sent.close()
    return redirect(url_for("offers.edit", offer_id=offer_id, _anchor="documents"), 303)


@blueprint.post("/offres/<uuid:offer_id>/documents/<uuid:document_id>/retirer")
@allow(*WRITERS)
def remove_document(offer_id: uuid.UUID, document_id: uuid.UUID) -> Any:
    """Take a document off. The answers of the form come along and are kept as typed."""
    offer = the_offer(offer_id)
    try:
        _keep_answers(offer)
        if changes := documents.remove(db(), offer, document_id):
            _note(offer, changes)
    except RuleBroken as broken:
        db().rollback()
        return _refused(the_offer(offer_id), broken.message)
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


def _keep_answers(offer: Offer) -> None:
    """Keep them whatever becomes of the document, unless they are those that are saved."""
    if "nom" not in request.form:
        return
    form = make_form(request.form, offer=offer)
    if not form.validate() or differences(form, offer):
        keep_typed(offer.structure, offer, offer.id)
        db().commit()


def _note(offer: Offer, changes: history.Changes) -> None:
    rules.change_offer(db(), offer, {}, structure=offer.structure, by=person(), also=changes)
    saisies.follow(db(), user=person(), offer=offer)


def _refused(offer: Offer, sentence: str) -> Any:
    return make_response(render_template("offers/document_refused.html", offer=offer, sentence=sentence), 422)
