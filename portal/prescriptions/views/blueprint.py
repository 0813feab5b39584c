"""The blueprint, what both files of views look up, and the journal of who read it."""

import uuid

from flask import Blueprint, abort
from sqlmodel import col

from portal.beneficiaries import rules as beneficiary_rules
from portal.beneficiaries.models import AccessKind
from portal.prescriptions import queries, sharing
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import Side, State
from portal.web.access import person
from portal.web.session import database, db

blueprint = Blueprint("prescriptions", "portal.prescriptions.views", url_prefix="/prescriptions")

# How each state is shown: kind of the badge, icon. The word is the state's own.
BADGES: dict[State, tuple[str, str]] = {
    State.BROUILLON: ("neutral", "pen"),
    State.ENVOYEE: ("accent", "send"),
    State.A_L_ETUDE: ("accent", "search"),
    State.ACCEPTEE: ("success", "check"),
    State.REFUSEE: ("danger", "cross"),
    State.ENTREE: ("success", "door"),
    State.TERMINEE: ("neutral", "flag"),
    State.ABANDONNEE: ("warning", "warning"),
    State.ANNULEE: ("neutral", "cross"),
    State.EXPIREE: ("warning", "clock"),
}


def visible(prescription_id: uuid.UUID) -> Prescription:
    """Return the prescription if the person of this request may see it; 404 otherwise, whether it exists or not."""
    found = (
        db()
        .execute(queries.visible_to(person()).where(col(Prescription.id) == prescription_id))
        .scalar_one_or_none()
    )
    if found is None:
        abort(404)
    assert isinstance(found, Prescription)
    return found


def journal(beneficiary_id: uuid.UUID, prescription_id: uuid.UUID | None = None) -> None:
    """Write in the person's access journal who reads their file here, or a prescription made from it."""
    # Apart: a page that shows may not write, and the line must stay even if the page then fails.
    with database().writing() as apart:
        beneficiary_rules.journal(
            apart,
            beneficiary_id,
            by=person(),
            kind=AccessKind.PRESCRIPTION if prescription_id else AccessKind.LECTURE,
            prescription_id=prescription_id,
        )


def name_of(prescription: Prescription, side: Side) -> str:
    """Return the person's name: as it was shared for the partner, that of the file for the référent."""
    if side is Side.PARTENAIRE:
        return sharing.name_for_partner(prescription)
    return prescription.beneficiary.full_name
