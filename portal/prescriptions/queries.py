"""Which prescriptions a person may see, as statements. Need-to-know stands here, in the WHERE and in what is loaded."""

import uuid
from typing import Any

from sqlalchemy import Select, and_, case, false
from sqlalchemy.orm import joinedload
from sqlmodel import Session, col, exists, func, select

from portal.accounts.models import Role, User
from portal.prescriptions.models import Prescription, Transition
from portal.prescriptions.states import Side, State
from portal.structures.models import Membership

# What waits for somebody comes first, what is ended last.
_ORDER = {
    State.BROUILLON: 0,
    State.ENVOYEE: 1,
    State.A_L_ETUDE: 2,
    State.ACCEPTEE: 3,
    State.ENTREE: 4,
}


def side_of(user: User) -> Side | None:
    """Return the side on which a person stands in prescriptions; None for those who have no part in them."""
    return {Role.REFERENT: Side.REFERENT, Role.PARTENAIRE: Side.PARTENAIRE}.get(user.role)


def visible_to(user: User) -> Select[Any]:
    """The prescriptions that `user` may see, with offer and structure.

    A référent sees those they made, with the person. A partner sees those sent to its structure, without the
    person's file: what was shared stands in the prescription itself.
    """
    statement = select(Prescription).options(
        joinedload(Prescription.offer),  # type: ignore[arg-type]
        joinedload(Prescription.structure),  # type: ignore[arg-type]
        joinedload(Prescription.referent).joinedload(User.organisation),  # type: ignore[arg-type]
    )
    side = side_of(user)
    if side is Side.REFERENT:
        return statement.options(joinedload(Prescription.beneficiary)).where(  # type: ignore[arg-type]
            col(Prescription.referent_id) == user.id
        )
    if side is Side.PARTENAIRE:
        return statement.where(
            col(Prescription.sent_at).is_not(None),
            exists().where(
                and_(
                    col(Membership.structure_id) == col(Prescription.structure_id),
                    col(Membership.user_id) == user.id,
                )
            ),
        )
    return statement.where(false())


def inbox(user: User, state: State | None = None) -> Select[Any]:
    """The list of `user`'s prescriptions: what awaits an act first, the oldest of it ahead; then the latest ended."""
    statement = visible_to(user)
    if state is not None:
        statement = statement.where(col(Prescription.state) == state)
    rank = case(*((col(Prescription.state) == s, n) for s, n in _ORDER.items()), else_=9)
    return statement.order_by(rank, col(Prescription.updated_at), col(Prescription.id))


def counts(session: Session, user: User) -> dict[State, int]:
    """Return how many of `user`'s prescriptions stand in each state, in one statement."""
    mine = (
        visible_to(user).options().with_only_columns(col(Prescription.id), col(Prescription.state)).subquery()
    )
    rows = session.execute(select(mine.c.state, func.count()).group_by(mine.c.state)).all()
    return {State(state): int(number) for state, number in rows}


def of_beneficiary(user: User, beneficiary_id: uuid.UUID) -> Select[Any]:
    """The prescriptions of one person that `user` may see, the latest first."""
    return (
        visible_to(user)
        .where(col(Prescription.beneficiary_id) == beneficiary_id)
        .order_by(col(Prescription.updated_at).desc(), col(Prescription.id))
    )


def history(prescription_id: uuid.UUID) -> Select[Any]:
    """The history of a prescription with who acted, the newest first."""
    return (
        select(Transition)
        .where(col(Transition.prescription_id) == prescription_id)
        .options(joinedload(Transition.by))  # type: ignore[arg-type]
        .order_by(col(Transition.at).desc(), col(Transition.id))
    )
