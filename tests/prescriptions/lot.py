"""What tests of a lot do again and again: make it, and fill in its page."""

import uuid
from typing import Any

from sqlmodel import Session

from portal.beneficiaries.models import Beneficiary
from portal.offers.models import Offer
from portal.prescriptions import lots
from portal.prescriptions.models import Prescription
from tests.factories.prescriptions import Scene
from tests.prescriptions.hands import prescriptions


def made(session: Session, scene: Scene, people: list[Beneficiary], offers: list[Offer]) -> uuid.UUID:
    """A lot of drafts."""
    lot_id = uuid.uuid4()
    for offer in offers:
        session.refresh(offer, ["structure"])
    lots.create_lot(
        session, lot_id=lot_id, people=people, offers=offers, by=scene.referent, partage=["contact"]
    )
    session.commit()
    return lot_id


def address(lot_id: uuid.UUID) -> str:
    return f"/prescriptions/lots/{lot_id}"


def motif_of(draft: Prescription) -> str:
    return f"p-{draft.id}-motif"


def agreed(person: Beneficiary) -> str:
    return f"q-{person.id}-consentement"


def agree(*people: Beneficiary) -> dict[str, Any]:
    """The boxes that say that these people agree, ticked."""
    return {agreed(one): "y" for one in people}


def own(draft: Prescription, text: str) -> dict[str, Any]:
    """A text for this draft alone."""
    return {motif_of(draft): text}


def by_person(session: Session, person: Beneficiary) -> list[Prescription]:
    return [p for p in prescriptions(session) if p.beneficiary_id == person.id]
