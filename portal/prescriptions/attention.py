"""What calls for somebody in a list of prescriptions: what is late, what is new to them, the places proposed."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import and_, bindparam, literal, or_, union_all
from sqlmodel import Session, col, exists, func, select

from portal import clock
from portal.accounts.models import User
from portal.beneficiaries.models import AccessEntry
from portal.conventions.models import PlaceProposal
from portal.offers.models import OfferSession
from portal.prescriptions.buckets import Late
from portal.prescriptions.models import Prescription, PrescriptionMessage, PrescriptionRead, Transition
from portal.prescriptions.states import Side, State


@dataclass(frozen=True, slots=True)
class News:
    """What somebody has not seen yet of a prescription: how many acts, how many messages."""

    acts: int = 0
    messages: int = 0


def news_among(session: Session, user: User, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, News]:
    """Return what is new to `user` of these prescriptions, in one statement; those without anything new are absent."""
    if not ids:
        return {}
    rows = session.execute(_news(), {"ids": list(ids), "me": user.id})
    return {id: News(int(number) - int(messages), int(messages)) for id, number, messages in rows}


# Scanners of mail open the links of an e-mail within minutes of what it tells, and read nothing.
_SCANNED_WITHIN = timedelta(minutes=15)


def seen_by_link(session: Session, prescription: Prescription) -> datetime | None:
    """Return up to when the structure has surely seen, by its link, what happens to a prescription; None: nothing yet.

    The access journal tells when the link was opened: whatever happened a quarter of an hour before was there to read.
    What the structure did or wrote itself shows that it had read what came before.
    """
    opened, did, wrote = session.execute(
        select(
            select(func.max(AccessEntry.at))
            .where(
                # The journal of one person is what its index gives.
                col(AccessEntry.beneficiary_id) == prescription.beneficiary_id,
                col(AccessEntry.prescription_id) == prescription.id,
                col(AccessEntry.par_lien),
            )
            .scalar_subquery(),
            select(func.max(Transition.at))
            .where(
                col(Transition.prescription_id) == prescription.id,
                col(Transition.side) == Side.PARTENAIRE,
                ~col(Transition.sur_papier),
            )
            .scalar_subquery(),
            select(func.max(PrescriptionMessage.at))
            .where(
                col(PrescriptionMessage.prescription_id) == prescription.id,
                col(PrescriptionMessage.side) == Side.PARTENAIRE,
            )
            .scalar_subquery(),
        )
    ).one()
    seen = [opened - _SCANNED_WITHIN if opened is not None else None, did, wrote]
    return max((moment for moment in seen if moment is not None), default=None)


@cache
def _news() -> Any:
    ids: Any = bindparam("ids", expanding=True)
    me: Any = bindparam("me")
    acts: Any = select(
        col(Transition.prescription_id).label("id"), col(Transition.at).label("at"), literal(0).label("mot")
    ).where(
        col(Transition.prescription_id).in_(ids),
        col(Transition.to_state) != State.BROUILLON,
        or_(col(Transition.by_id).is_(None), col(Transition.by_id) != me),
    )
    words: Any = select(
        col(PrescriptionMessage.prescription_id), col(PrescriptionMessage.at), literal(1)
    ).where(
        col(PrescriptionMessage.prescription_id).in_(ids),
        or_(col(PrescriptionMessage.by_id).is_(None), col(PrescriptionMessage.by_id) != me),
    )
    both = union_all(acts, words).subquery()
    return (
        select(both.c.id, func.count(), func.sum(both.c.mot))
        .outerjoin(
            PrescriptionRead,
            and_(col(PrescriptionRead.prescription_id) == both.c.id, col(PrescriptionRead.user_id) == me),
        )
        .where(or_(col(PrescriptionRead.at).is_(None), both.c.at > col(PrescriptionRead.at)))
        .group_by(both.c.id)
    )


def moments(silence_days: int) -> dict[str, Any]:
    """Return the values that `is_late` and `proposed_now` ask for, `silence_days` after a sending being late."""
    now = clock.now()
    return {"now": now, "today": clock.today(), "silent_since": now - timedelta(days=silence_days)}


def is_late(kind: Late) -> Any:
    """Condition on Prescription: it is late in this way, by the values of `moments`."""
    if kind is Late.SANS_REPONSE:
        return and_(
            col(Prescription.state) == State.ENVOYEE, col(Prescription.sent_at) < bindparam("silent_since")
        )
    if kind is Late.ENTREE:
        begun = exists().where(
            col(OfferSession.id) == col(Prescription.session_id), col(OfferSession.debut) < bindparam("today")
        )
        return and_(
            col(Prescription.state) == State.ACCEPTEE,
            or_(col(Prescription.rendez_vous_at) < bindparam("now"), begun),
        )
    proposed = exists().where(col(PlaceProposal.prescription_id) == col(Prescription.id), *proposed_now())
    return and_(col(Prescription.state) == State.A_L_ETUDE, proposed)


def proposed_now() -> tuple[Any, ...]:
    """Conditions on PlaceProposal: it stands at the moment `now` of the statement's values."""
    return col(PlaceProposal.ended_at).is_(None), col(PlaceProposal.expires_at) > bindparam("now")
