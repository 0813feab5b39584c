"""The prescription as a sheet of paper, for partners who answer by hand."""

import io
import uuid
from typing import Any

from flask import abort, current_app, send_file

from portal.accounts.models import Role
from portal.clock import PARIS
from portal.prescriptions import fiche, sharing
from portal.prescriptions.models import Prescription
from portal.prescriptions.views.answer import own_desk
from portal.prescriptions.views.blueprint import blueprint, visible
from portal.prescriptions.views.desk import Desk
from portal.prescriptions.views.documents import note_reading_of
from portal.web.access import allow
from portal.web.formats import moment, short_day


@blueprint.get("/<uuid:prescription_id>/fiche.pdf", endpoint="fiche")
@allow(Role.REFERENT, Role.PARTENAIRE)
def sheet(prescription_id: uuid.UUID) -> Any:
    """The sheet. Reading it is written in the access journal of the person."""
    prescription = visible(prescription_id)
    return sheet_of(prescription, own_desk(prescription))


def sheet_of(prescription: Prescription, desk: Desk) -> Any:
    """Answer with the sheet; 404 for a draft, and once the prescription came to nothing."""
    if not has_sheet(prescription):
        abort(404)
    pdf = fiche.make_pdf(_said(prescription))
    note_reading_of(prescription, desk)
    answer = send_file(
        io.BytesIO(pdf),
        mimetype="application/pdf",
        download_name=f"prescription-{fiche.reference(prescription.id)}.pdf",
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


def has_sheet(prescription: Prescription) -> bool:
    """Say whether there is something for the partner to read."""
    return prescription.sent_at is not None and sharing.motif_for_partner(prescription) is not None


def _said(prescription: Prescription) -> fiche.Sheet:
    referent = prescription.referent
    who = referent.full_name + (f", {referent.organisation.nom}" if referent.organisation else "")
    facts = [("Référent", who), ("Courriel", referent.courriel)]
    if prescription.sent_at is not None:
        facts.append(("Envoyée le", short_day(prescription.sent_at.astimezone(PARIS).date())))
    if prescription.rendez_vous_at is not None:
        place = f", {prescription.rendez_vous_lieu}" if prescription.rendez_vous_lieu else ""
        facts.append(("Rendez-vous", moment(prescription.rendez_vous_at) + place))
    agreed = prescription.consentement_at
    consent = f" Accord recueilli le {short_day(agreed.astimezone(PARIS).date())}." if agreed else ""
    return fiche.Sheet(
        portal=current_app.config["PORTAL"].name,
        reference=fiche.reference(prescription.id),
        offer=prescription.offre_nom,
        structure=prescription.structure.nom,
        facts=facts,
        motif=sharing.motif_for_partner(prescription) or "",
        shared=[(entry["label"], entry["value"]) for entry in sharing.read_by_partner(prescription)],
        consent=sharing.agreed_text(prescription) + consent,
        send_back=[who, referent.courriel],
    )
