"""Documents to fill in before coming: what an offer carries (which files are taken: `portal.documents`)."""

import uuid

from sqlalchemy.orm import defer
from sqlmodel import Session, col, func, select

from portal.accounts.models import User
from portal.documents import recognised
from portal.errors import RuleBroken
from portal.offers.models import Offer, OfferDocument
from portal.structures import history

MAX_DOCUMENTS = 10


def of_offer(session: Session, offer_id: uuid.UUID) -> list[OfferDocument]:
    """Return the documents of an offer by name, without their content."""
    return list(
        session.exec(
            select(OfferDocument)
            .where(col(OfferDocument.offer_id) == offer_id)
            .options(defer(OfferDocument.contenu))  # type: ignore[arg-type]
            .order_by(col(OfferDocument.nom), col(OfferDocument.id))
        )
    )


def add(
    session: Session, offer: Offer, *, filename: str, content: bytes, by: User, id: uuid.UUID | None = None
) -> tuple[OfferDocument, history.Changes]:
    """Keep a document with `offer`; return it, and what to say in the offer's history.

    Raises RuleBroken when it is empty, too big, one too many, or not what its name says: its first bytes tell.
    """
    name, content_type = recognised(filename, content)
    # Two sent at once count one after the other.
    session.exec(select(Offer.id).where(col(Offer.id) == offer.id).with_for_update()).one()
    here = session.exec(
        select(func.count()).select_from(OfferDocument).where(col(OfferDocument.offer_id) == offer.id)
    ).one()
    if here >= MAX_DOCUMENTS:
        raise RuleBroken(
            f"Une offre porte {MAX_DOCUMENTS} documents au plus : retirez-en un avant d’en ajouter.",
            field="fichier",
        )
    kept = OfferDocument(
        offer_id=offer.id,
        nom=name,
        content_type=content_type,
        taille=len(content),
        contenu=content,
        added_by_id=by.id,
    )
    if id is not None:
        kept.id = id
    session.add(kept)
    return kept, {"documents": [None, name]}


def remove(session: Session, offer: Offer, document_id: uuid.UUID) -> history.Changes:
    """Take a document off; return what to say in the offer's history, nothing when it is gone already."""
    found = session.exec(
        select(OfferDocument).where(
            col(OfferDocument.id) == document_id, col(OfferDocument.offer_id) == offer.id
        )
    ).one_or_none()
    if found is None:
        return {}
    session.delete(found)
    return {"documents": [found.nom, None]}
