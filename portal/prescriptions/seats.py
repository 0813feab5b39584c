"""When and where a person is expected, and the seats of the sessions."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from portal import clock
from portal.errors import NoPlaceLeft, RuleBroken
from portal.offers.models import OfferSession
from portal.prescriptions.models import (
    Prescription,
)
from portal.prescriptions.states import State


@dataclass(frozen=True, slots=True)
class Meeting:
    """When and where the person is expected: a moment, a place in words, a session of the offer; each may be missing."""

    at: datetime | None = None
    place: str | None = None
    session_id: uuid.UUID | None = None


def agree(session: Session, prescription: Prescription, meeting: Meeting) -> None:
    """Write the meeting, and take the seat of its session. Raises RuleBroken, or NoPlaceLeft for a full session."""
    if meeting.at is not None and meeting.at < clock.now() - timedelta(days=1):
        raise RuleBroken("Ce rendez-vous est dans le passé : corrigez la date.", field="rendez_vous")
    if meeting.session_id is not None and meeting.session_id != prescription.session_id:
        _take_seat(session, prescription, meeting.session_id)
    prescription.rendez_vous_at = meeting.at
    prescription.rendez_vous_lieu = (meeting.place or "").strip() or None
    prescription.session_id = meeting.session_id


def seats_taken(session: Session, session_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return how many seats of each session are taken, in one statement: those expected, inside, or who were inside."""
    rows = session.execute(
        select(col(Prescription.session_id), func.count())
        .where(
            col(Prescription.session_id).in_(list(session_ids)),
            col(Prescription.state).in_([State.ACCEPTEE, State.ENTREE])
            | col(Prescription.date_entree).is_not(None),
        )
        .group_by(col(Prescription.session_id))
    )
    return {row[0]: int(row[1]) for row in rows}


def confirm_seat(session: Session, prescription: Prescription) -> None:
    """Check that the session proposed before still has a seat: several people may have been proposed the last one.

    Raises NoPlaceLeft; a session that is over, or withdrawn, asks for none.
    """
    if prescription.session_id is not None:
        chosen = _session_of(session, prescription, prescription.session_id)
        if chosen is not None and not _is_over(chosen):
            _refuse_full(session, chosen)


def lock_sessions(session: Session, ids: Collection[uuid.UUID]) -> None:
    """Take the rows of these sessions until the transaction ends, in one order for all."""
    if ids:
        session.exec(
            select(OfferSession.id)
            .where(col(OfferSession.id).in_(list(ids)))
            .order_by(col(OfferSession.id))
            .with_for_update()
        ).all()


def _take_seat(session: Session, prescription: Prescription, session_id: uuid.UUID) -> None:
    chosen = _session_of(session, prescription, session_id)
    if chosen is None:
        raise RuleBroken("Cette session n’existe plus : choisissez-en une autre.", field="session_id")
    if _is_over(chosen):
        raise RuleBroken("Cette session est finie : choisissez-en une autre.", field="session_id")
    _refuse_full(session, chosen)


def _session_of(session: Session, prescription: Prescription, session_id: uuid.UUID) -> OfferSession | None:
    return session.exec(
        select(OfferSession)
        .where(col(OfferSession.id) == session_id, col(OfferSession.offer_id) == prescription.offer_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def _is_over(chosen: OfferSession) -> bool:
    return (chosen.fin or chosen.debut) < clock.today()


def _refuse_full(session: Session, chosen: OfferSession) -> None:
    if chosen.places is not None and seats_taken(session, [chosen.id]).get(chosen.id, 0) >= chosen.places:
        raise NoPlaceLeft(
            f"La session du {chosen.debut:%d/%m/%Y} est complète : choisissez-en une autre.",
            field="session_id",
        )
