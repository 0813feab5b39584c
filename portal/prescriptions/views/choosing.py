"""What the pages of prescribing look up: offers, people and what to say before sending."""

import uuid
from collections.abc import Sequence
from typing import Any

from flask import abort, current_app
from sqlmodel import col

from portal.beneficiaries import queries as beneficiary_queries
from portal.beneficiaries.models import Beneficiary
from portal.offers import queries as offer_queries
from portal.offers.models import Offer
from portal.prescriptions import checks, lots
from portal.prescriptions.models import Prescription
from portal.prescriptions.sharing import PIECES
from portal.prescriptions.states import State
from portal.prescriptions.views.blueprint import visible
from portal.web.access import person
from portal.web.session import db

EVERY_PIECE = [piece.slug for piece in PIECES]
# Ticked at first: what a structure nearly always needs to call the person back.
USUAL_PIECES = ["contact", "commune"]


def read_uuid(text: str | None) -> uuid.UUID | None:
    """Return the id written in an address or a form, None when it is not one."""
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None


def find_offers(texts: Sequence[str]) -> list[Offer]:
    """Return the offers of the catalogue of these ids, in that order; 404 when one is no id, or when none is found.

    One that left the catalogue meanwhile is left out.
    """
    wanted = list(dict.fromkeys(read_uuid(text) for text in texts[: lots.MOST] if text))
    if None in wanted:
        abort(404)
    rows = db().execute(offer_queries.visible_to(None).where(col(Offer.id).in_(wanted))).scalars()
    found = {offer.id: offer for offer in rows}
    if wanted and not found:
        abort(404)
    return [found[one] for one in wanted if one in found]


def find_person(beneficiary_id: uuid.UUID) -> Beneficiary:
    """Return the person if the référent of this request follows them; 404 otherwise."""
    found = db().execute(beneficiary_queries.visible_to(person(), beneficiary_id)).scalar_one_or_none()
    if found is None:
        abort(404)
    assert isinstance(found, Beneficiary)
    return found


def find_people(texts: Sequence[str]) -> list[Beneficiary]:
    """Return the people of these ids whom the référent of this request follows, by name; 404 when one is not."""
    wanted = list(dict.fromkeys(read_uuid(text) for text in texts))
    if None in wanted:
        abort(404)
    statement = beneficiary_queries.portfolio_of(person()).where(col(Beneficiary.id).in_(wanted))
    found = list(db().execute(statement).scalars())
    if len(found) != len(wanted):
        abort(404)
    return found


def own_draft(prescription_id: uuid.UUID) -> Prescription:
    """Return the prescription of this référent; 404 for a draft about somebody whom they follow no more."""
    found = visible(prescription_id)
    if found.state is State.BROUILLON and found.beneficiary.referent_id != person().id:
        abort(404)
    return found


def delays(structure_ids: Sequence[uuid.UUID]) -> Any:
    """Return the usual time to answer of these structures (see `delays.usual_delay`)."""
    return current_app.extensions["structure_delays"](db(), structure_ids)


def advice(beneficiary: Beneficiary, offer: Offer, motif: str) -> dict[str, Any]:
    """Return what the page of one prescription says beside the form."""
    known = checks.gather(db(), [beneficiary.id], [offer])
    return {
        "places": known.places.get(offer.id),
        "delay": delays([offer.structure_id]).get(offer.structure_id),
        "remarks": checks.said_of(known, beneficiary, offer),
        "wording": checks.wording(motif, [offer]),
    }
