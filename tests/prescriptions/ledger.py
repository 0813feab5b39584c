"""What tests read back of a prescription: its history, its place, its rank, and everything that could have moved."""

from typing import Any

from sqlmodel import Session, col, func, select

from portal.accounts.models import OutgoingMail
from portal.conventions.models import PlaceMovement, Waiting
from portal.prescriptions.models import Prescription, Transition

_STEPS = ["retenue", "occupee", "liberee", "utilisee"]


def lines(session: Session, prescription: Prescription) -> list[tuple[str | None, str | None, str]]:
    """Return (act, from, to) of the history, the oldest first."""
    rows = session.exec(
        select(Transition)
        .where(col(Transition.prescription_id) == prescription.id)
        .order_by(col(Transition.at))
    ).all()
    return [
        (
            row.act.value if row.act else None,
            row.from_state.value if row.from_state else None,
            row.to_state.value,
        )
        for row in rows
    ]


def last(session: Session, prescription: Prescription) -> Transition:
    """Return the newest line of the history."""
    return session.exec(
        select(Transition)
        .where(col(Transition.prescription_id) == prescription.id)
        .order_by(col(Transition.at).desc())
    ).all()[0]


def movements(session: Session, prescription: Prescription) -> list[str]:
    """Return the movements of the prescription's place, in the order in which a place goes through them."""
    found = session.exec(
        select(PlaceMovement.movement).where(col(PlaceMovement.prescription_id) == prescription.id)
    ).all()
    return sorted((movement.value for movement in found), key=_STEPS.index)


def waits(session: Session, prescription: Prescription) -> bool:
    """Say whether the prescription is on a waiting list."""
    return (
        session.exec(
            select(Waiting.id).where(
                col(Waiting.prescription_id) == prescription.id, col(Waiting.left_at).is_(None)
            )
        ).first()
        is not None
    )


def everything(session: Session) -> dict[str, Any]:
    """Return what a refused act must leave as it was: every row's columns, or their number for what only grows."""
    session.flush()
    session.expire_all()
    counted = {
        table.__name__: session.exec(select(func.count()).select_from(table)).one()
        for table in (Transition, PlaceMovement, OutgoingMail)
    }
    kept = {
        f"{type(row).__name__} {row.id}": {c.name: getattr(row, c.name) for c in row.__table__.columns}
        for table in (Prescription, Waiting)
        for row in session.exec(select(table))
    }
    return {**counted, **kept}
