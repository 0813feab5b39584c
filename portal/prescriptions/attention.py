"""What calls for somebody in a list of prescriptions: what is late, what is new to them, the places proposed."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, literal, or_, union_all
from sqlmodel import Session, col, exists, func, select

from portal import clock
from portal.accounts.models import User
from portal.conventions.models import PlaceProposal
from portal.offers.models import OfferSession
from portal.prescriptions.buckets import Late
from portal.prescriptions.models import Prescription, PrescriptionMessage, PrescriptionRead, Transition
from portal.prescriptions.states import State


@dataclass(frozen=True, slots=True)
class News:
    """What somebody has not seen yet of a prescription: how many acts, how many messages."""

    acts: int = 0
    messages: int = 0


def news_among(session: Session, user: User, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, News]:
    """Return what is new to `user` of these prescriptions, in one statement; those without anything new are absent."""
    if not ids:
        return {}
    acts: Any = select(
        col(Transition.prescription_id).label("id"), col(Transition.at).label("at"), literal(0).label("mot")
    ).where(
        col(Transition.prescription_id).in_(list(ids)),
        col(Transition.to_state) != State.BROUILLON,
        or_(col(Transition.by_id).is_(None), col(Transition.by_id) != user.id),
    )
    words: Any = select(
        col(PrescriptionMessage.prescription_id), col(PrescriptionMessage.at), literal(1)
    ).where(
        col(PrescriptionMessage.prescription_id).in_(list(ids)),
        or_(col(PrescriptionMessage.by_id).is_(None), col(PrescriptionMessage.by_id) != user.id),
    )
    both = union_all(acts, words).subquery()
    rows = session.execute(
        select(both.c.id, func.count(), func.sum(both.c.mot))
        .outerjoin(
            PrescriptionRead,
            and_(
                col(PrescriptionRead.prescription_id) == both.c.id, col(PrescriptionRead.user_id) == user.id
            ),
        )
        .where(or_(col(PrescriptionRead.at).is_(None), both.c.at > col(PrescriptionRead.at)))
        .group_by(both.c.id)
    )
    return {id: News(int(number) - int(messages), int(messages)) for id, number, messages in rows}


def proposed_among(session: Session, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, datetime]:
    """Return until when a place is proposed, for those of these prescriptions to which one is, in one statement."""
    if not ids:
        return {}
    rows = session.execute(
        select(col(PlaceProposal.prescription_id), col(PlaceProposal.expires_at)).where(
            col(PlaceProposal.prescription_id).in_(list(ids)), *_proposed_now()
        )
    )
    return {row[0]: row[1] for row in rows}


def lateness(prescription: Prescription, silence_days: int) -> Late | None:
    """Return what is late about a prescription that `listing.shown` gave; None when nothing is (places proposed apart)."""
    now = clock.now()
    if prescription.state is State.ENVOYEE and prescription.sent_at is not None:
        return Late.SANS_REPONSE if prescription.sent_at < now - timedelta(days=silence_days) else None
    if prescription.state is State.ACCEPTEE:
        met = prescription.rendez_vous_at is not None and prescription.rendez_vous_at < now
        begun = prescription.session is not None and prescription.session.debut < clock.today()
        return Late.ENTREE if met or begun else None
    return None


def is_late(kind: Late, silence_days: int) -> Any:
    """Condition on Prescription: it is late in this way, `silence_days` after its sending for an answer."""
    now = clock.now()
    if kind is Late.SANS_REPONSE:
        return and_(
            col(Prescription.state) == State.ENVOYEE,
            col(Prescription.sent_at) < now - timedelta(days=silence_days),
        )
    if kind is Late.ENTREE:
        begun = exists().where(
            col(OfferSession.id) == col(Prescription.session_id), col(OfferSession.debut) < clock.today()
        )
        return and_(
            col(Prescription.state) == State.ACCEPTEE, or_(col(Prescription.rendez_vous_at) < now, begun)
        )
    proposed = exists().where(col(PlaceProposal.prescription_id) == col(Prescription.id), *_proposed_now())
    return and_(col(Prescription.state) == State.A_L_ETUDE, proposed)


def _proposed_now() -> tuple[Any, ...]:
    return col(PlaceProposal.ended_at).is_(None), col(PlaceProposal.expires_at) > clock.now()
