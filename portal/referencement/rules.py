"""What the animator does: read and answer, make one offer of two, close a structure that stops.

Each verb takes the row first: of two people who answer at once, the second is told, and nobody is written to twice.
"""

import uuid
from collections.abc import Collection, Sequence

from sqlmodel import Session, col, select

from portal.accounts.models import User
from portal.conventions import taking
from portal.errors import AlreadyDone, ChangedMeanwhile, NotAllowed, RuleBroken
from portal.offers import merge
from portal.offers import queries as offer_queries
from portal.offers import rules as offers
from portal.offers.models import Offer, OfferState
from portal.prescriptions import rules as prescriptions
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import OPEN
from portal.structures import rules as structures
from portal.structures.models import Structure, StructureState

_CHANGED = "La fiche a changé pendant que vous la lisiez : voici la nouvelle. Relisez, puis recommencez."


def validate_structure(session: Session, structure: Structure, *, by: User, version: int | None) -> None:
    """The animator has read a structure that waits, or that is public and unread: it is public and read. `version` is the one that was read.

    Raises AlreadyDone when it waits no more, ChangedMeanwhile when there is a newer version.
    """
    _take_structure(session, structure, version)
    structures.validate_structure(session, structure, by=by)


def send_back_structure(
    session: Session, structure: Structure, *, note: str, by: User, version: int | None
) -> None:
    """The animator asks for something to be mended in a structure that waits. Raises as `validate_structure` does."""
    _take_structure(session, structure, version)
    structures.send_back_structure(session, structure, note=note, by=by)


def validate_offer(session: Session, offer_id: uuid.UUID, *, by: User, version: int | None) -> Offer:
    """The animator has read an offer that waits, or that is public and unread; return it.

    Raises AlreadyDone when somebody answered, ChangedMeanwhile when there is a newer version than the one read,
    Incomplete when something is missing by now.
    """
    offer = _take_offer(session, offer_id, version)
    offers.validate_offer(session, offer, structure=offer.structure, by=by)
    return offer


def send_back_offer(
    session: Session, offer_id: uuid.UUID, *, note: str, by: User, version: int | None
) -> Offer:
    """The animator asks for something to be mended in an offer of the queue; return it. Raises as `validate_offer`."""
    offer = _take_offer(session, offer_id, version)
    offers.send_back_offer(session, offer, note=note, by=by)
    return offer


def validate_many(
    session: Session, read: Collection[tuple[uuid.UUID, int | None]], *, by: User
) -> tuple[list[Offer], list[tuple[str, str]]]:
    """Validate the offers of `read`, (id, version) each; return those that are, and (name, why not) of the others.

    Those that somebody answered meanwhile are neither: there is nothing to do about them.
    """
    validated: list[Offer] = []
    refused: list[tuple[str, str]] = []
    for offer_id, version in read:
        try:
            with session.begin_nested():
                validated.append(validate_offer(session, offer_id, by=by, version=version))
        except AlreadyDone:
            continue
        except RuleBroken as broken:
            name = session.exec(select(Offer.nom).where(col(Offer.id) == offer_id)).first()
            refused.append((name or "", said(broken)))
    return validated, refused


def said(broken: RuleBroken) -> str:
    """Return what a broken rule says, each point to mend included."""
    points = broken.problems.values() if isinstance(broken, offers.Incomplete) else ()
    return " ".join([broken.message, *points])


def merge_offers(
    session: Session,
    kept: Offer,
    removed: Offer,
    *,
    take: Collection[str] = (),
    by: User,
    opened: merge.Opened | None = None,
) -> None:
    """Make one offer of two, as `merge.merge` does; what the rooms above hold of the one that goes follows.

    Of one structure: its prescriptions, waiting list and financed actions become the kept offer's. Of two structures,
    they stay with the offer that goes, which answers for them: people agreed that this partner reads them, and its
    convention is with it. Raises as `merge.merge`, and RuleBroken when somebody has a prescription under way on each.
    """
    if kept.structure_id == removed.structure_id and kept.id != removed.id:
        # First, in the order in which a partner who answers takes rows: nobody waits for one who waits for them.
        prescriptions.move_offer(session, origin=removed.id, target=kept.id)
        taking.move_offer(session, origin=removed.id, target=kept.id)
    merge.merge(session, kept, removed, take=take, by=by, opened=opened)


def under_way(session: Session, structure_id: uuid.UUID) -> Sequence[Prescription]:
    """Return the prescriptions of a structure between their sending and their end, for counting and writing."""
    return session.exec(
        select(Prescription)
        .where(col(Prescription.structure_id) == structure_id, col(Prescription.state).in_(OPEN))
        .order_by(col(Prescription.sent_at), col(Prescription.id))
    ).all()


def close_structure(
    session: Session, structure: Structure, *, note: str | None, by: User
) -> Sequence[Prescription]:
    """Close a structure for good and return its prescriptions under way, whose people are to be told.

    They stay as they are: both sides follow them to their end. Raises AlreadyDone when it is closed already.
    """
    session.refresh(structure, with_for_update=True)
    if structure.state is StructureState.FERMEE:
        raise AlreadyDone("Cette structure est déjà fermée.")
    structures.close_structure(session, structure, note=note, by=by)
    session.flush()
    return under_way(session, structure.id)


def reopen_structure(session: Session, structure: Structure, *, by: User) -> None:
    """Open again a structure that was closed: it is a draft. Raises NotAllowed for anybody but who keeps the catalogue."""
    if not structures.keeps_catalogue(by):
        raise NotAllowed("Seul l’animateur du département peut rouvrir une structure : écrivez-lui.")
    session.refresh(structure, with_for_update=True)
    if structure.state is not StructureState.FERMEE:
        raise AlreadyDone("Cette structure n’est pas fermée.")
    structures.reopen_structure(session, structure, by=by)


def _take_structure(session: Session, structure: Structure, version: int | None) -> None:
    session.refresh(structure, with_for_update=True)
    if not is_structure_to_read(structure):
        raise AlreadyDone("Cette structure n’attend plus de réponse : quelqu’un d’autre s’en est occupé.")
    if version is not None and structure.version != version:
        raise ChangedMeanwhile(_CHANGED)


def _take_offer(session: Session, offer_id: uuid.UUID, version: int | None) -> Offer:
    offer: Offer | None = session.execute(
        offer_queries.all_offers()
        .where(col(Offer.id) == offer_id)
        .with_for_update(of=Offer)
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if offer is None or not is_to_read(offer):
        raise AlreadyDone("Cette offre n’attend plus de réponse : quelqu’un d’autre s’en est occupé.")
    if version is not None and offer.version != version:
        raise ChangedMeanwhile(_CHANGED)
    return offer


def is_structure_to_read(structure: Structure) -> bool:
    """Say whether the animator has still to read the structure."""
    return structure.state is StructureState.A_VALIDER or (
        structure.state is StructureState.PUBLIEE and structure.reviewed_at is None
    )


def is_to_read(offer: Offer) -> bool:
    """Say whether the animator has still to read the offer."""
    return offer.state is OfferState.A_VALIDER or (
        offer.state is OfferState.PUBLIEE and offer.reviewed_at is None
    )
