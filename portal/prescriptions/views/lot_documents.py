"""A document joined in one go to every prescription that a lot holds for one person: it is theirs, and nobody else's."""

import uuid
from collections.abc import Sequence
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for

from portal.accounts.models import Role
from portal.db import new_id
from portal.documents import clean_name
from portal.errors import AlreadyDone, RuleBroken
from portal.prescriptions import documents, lots
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import Side
from portal.prescriptions.views import telling
from portal.prescriptions.views.blueprint import BADGES, blueprint
from portal.web import uploads
from portal.web.access import allow, person
from portal.web.fields import posted_key
from portal.web.formats import count
from portal.web.session import db

uploads.accept_document("prescriptions.lot_documents")


@blueprint.route("/lots/<uuid:lot_id>/documents/<uuid:beneficiary_id>", methods=["GET", "POST"])
@allow(Role.REFERENT)
def lot_documents(lot_id: uuid.UUID, beneficiary_id: uuid.UUID) -> Any:
    """Join a document to the prescriptions of one person in a lot, those that left included while they are open."""
    found = _of_person(lot_id, beneficiary_id)
    if request.method == "GET":
        return _page(lot_id, found)
    key = posted_key("cle_document") or new_id()
    try:
        name, content = uploads.sent_document()
        uploads.checked(content)
        found = _of_person(lot_id, beneficiary_id)
        joined = documents.attach_to_each(
            db(), found, filename=name, content=content, by=person(), side=Side.REFERENT, key=key
        )
        for prescription, kept in joined.kept:
            telling.tell_document(prescription, kept)
        if not joined.kept and not joined.again:
            raise (
                joined.refused[0][1]
                if joined.refused
                else AlreadyDone(
                    "Ces prescriptions sont closes : on ne peut plus y ajouter de document.", field="fichier"
                )
            )
    except RuleBroken as broken:
        db().rollback()
        return make_response(_page(lot_id, _of_person(lot_id, beneficiary_id), broken.message), 422)
    db().commit()
    number = len(joined.kept) + len(joined.again)
    where = count(number, "prescription de cette personne", "prescriptions de cette personne")
    flash(f"« {clean_name(name)} » est joint à {where}.", "success")
    for prescription, refused in joined.refused:
        flash(f"« {prescription.offre_nom} » : {refused.message}", "warning")
    return redirect(url_for("prescriptions.lot", lot_id=lot_id, _anchor=f"person-{beneficiary_id}"), 303)


def _of_person(lot_id: uuid.UUID, beneficiary_id: uuid.UUID) -> list[Prescription]:
    found = [one for one in lots.of_lot(db(), lot_id, person()) if one.beneficiary_id == beneficiary_id]
    if not found:
        abort(404)
    return found


def _page(lot_id: uuid.UUID, found: Sequence[Prescription], problem: str | None = None) -> str:
    return render_template(
        "prescriptions/lot_documents.html",
        lot_id=lot_id,
        person_name=found[0].beneficiary.full_name,
        open_ones=[one for one in found if documents.may_add(one, Side.REFERENT)],
        badges=BADGES,
        problem=problem,
        key=new_id(),
        accept=uploads.KINDS,
        megabytes=uploads.MEGABYTES,
    )
