"""The blueprint, what the files of views look up, and the journal of who read it."""

import uuid
from contextlib import suppress
from datetime import datetime

from flask import Blueprint, abort, request
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload
from sqlmodel import Session, col

from portal import clock
from portal.beneficiaries import rules as beneficiary_rules
from portal.beneficiaries.models import AccessKind
from portal.prescriptions import listing, queries, sharing
from portal.prescriptions.models import Prescription, PrescriptionRead
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


def readable(prescription_id: uuid.UUID) -> Prescription:
    """Return the prescription if the person of this request may read it, a colleague's too; 404 otherwise."""
    found = (
        db()
        .execute(
            queries.readable_by(person())
            .where(col(Prescription.id) == prescription_id)
            .options(joinedload(Prescription.suivi_par), joinedload(Prescription.session))  # type: ignore[arg-type]
            .execution_options(populate_existing=True)
        )
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
        _journal(apart, beneficiary_id, prescription_id)


def note_reading(prescription: Prescription) -> datetime | None:
    """Write in the journal and in `PrescriptionRead` that this person opens the prescription.

    Return when they last did; None for the first time. What comes from now on will be new to them.
    """
    if request.method == "POST":
        # The transaction of the request may write, and another beside it would wait for it.
        before = _note_reading(db(), prescription)
        db().commit()
        return before
    with database().writing() as apart:
        return _note_reading(apart, prescription)


def name_of(prescription: Prescription, side: Side) -> str:
    """Return the person's name: that of the file for whoever follows the person, as it was shared for the others."""
    if side is Side.REFERENT and (listing.knows_file(person(), prescription) or prescription.sent_at is None):
        return prescription.beneficiary.full_name
    return sharing.name_for_partner(prescription)


def _note_reading(session: Session, prescription: Prescription) -> datetime | None:
    now = clock.now()
    _journal(session, prescription.beneficiary_id, prescription.id)
    line = session.get(PrescriptionRead, (prescription.id, person().id))
    if line is not None:
        before, line.at = line.at, now
        return before
    # Opened in two windows in the same instant: the other one wrote it.
    with suppress(IntegrityError), session.begin_nested():
        session.add(PrescriptionRead(prescription_id=prescription.id, user_id=person().id, at=now))
    return None


def _journal(session: Session, beneficiary_id: uuid.UUID, prescription_id: uuid.UUID | None) -> None:
    beneficiary_rules.journal(
        session,
        beneficiary_id,
        by=person(),
        kind=AccessKind.PRESCRIPTION if prescription_id else AccessKind.LECTURE,
        prescription_id=prescription_id,
    )
