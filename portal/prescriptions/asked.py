"""What is asked of a list of prescriptions, and whose they are: what the statements of lists, of searches and of filters share."""

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, bindparam, false, literal, or_, union_all
from sqlmodel import col, exists, func, select

from portal.accounts.models import Role, User
from portal.conventions.models import Waiting
from portal.prescriptions import attention
from portal.prescriptions.buckets import Bucket, Late
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import FINAL, Side, State
from portal.structures.models import Membership

# What waits for somebody comes first, each state's oldest ahead; what is ended comes last, the latest ahead.
GROUPS: tuple[tuple[State, ...], ...] = (
    (State.BROUILLON,),
    (State.ENVOYEE,),
    (State.A_L_ETUDE,),
    (State.ACCEPTEE,),
    (State.ENTREE,),
    tuple(state for state in State if state in FINAL),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asks of their list: whose (`team`: colleagues' too), where things stand, and the filters.

    `silence_days`: after how many days without an answer a prescription is late.
    """

    side: Side
    team: bool = False
    bucket: Bucket | None = None
    structure_id: uuid.UUID | None = None
    offer_id: uuid.UUID | None = None
    late: Late | None = None
    mine: bool = False
    silence_days: int = 10


@dataclass(frozen=True, slots=True)
class Shape:
    """What the text of a statement depends on; all the rest are values that it is given."""

    role: Role
    team: bool
    structure: bool = False
    offer: bool = False
    late: Late | None = None
    mine: bool = False


def shape_of(user: User, asked: Asked) -> Shape:
    """Return what the text of the statements about `asked` depends on; a team is that of a référent."""
    return Shape(
        role=user.role,
        team=asked.team and user.role is Role.REFERENT and user.organisation_id is not None,
        structure=asked.structure_id is not None,
        offer=asked.offer_id is not None,
        late=asked.late,
        mine=asked.mine,
    )


def values_of(user: User, asked: Asked) -> dict[str, Any]:
    """What the statements of this file are given, whatever their shape."""
    return attention.moments(asked.silence_days) | {
        "me": user.id,
        "organisation": user.organisation_id,
        "structure": asked.structure_id,
        "offer": asked.offer_id,
    }


def whose(shape: Shape) -> Any:
    """Condition on Prescription: one's own, the team's sent ones too when asked, those sent to one's structures."""
    me: Any = bindparam("me")
    if shape.role is Role.REFERENT:
        if not shape.team:
            return col(Prescription.referent_id) == me
        colleagues = select(User.id).where(
            col(User.organisation_id) == bindparam("organisation"), col(User.role) == Role.REFERENT
        )
        return and_(
            col(Prescription.referent_id).in_(colleagues),
            or_(col(Prescription.sent_at).is_not(None), col(Prescription.referent_id) == me),
        )
    if shape.role is Role.PARTENAIRE:
        return and_(
            col(Prescription.structure_id).in_(own_structures()), col(Prescription.sent_at).is_not(None)
        )
    return false()


def own_structures() -> Any:
    """The ids of the structures of `me`, a value of the statement."""
    return select(Membership.structure_id).where(col(Membership.user_id) == bindparam("me"))


def part_of(
    shape: Shape,
    waiting: bool | None,
    rank: int,
    states: tuple[State, ...],
    from_end: bool,
    besides: Any = None,
    most: int | None = None,
) -> Any:
    """One part of a page; or its first `most`, that answer the condition `besides`."""
    conditions = conditions_of(shape)
    if besides is not None:
        conditions.append(besides)
    # A structure owes its answer since the sending; a référent looks at what has not moved.
    key: Any = col(Prescription.updated_at)
    if shape.role is Role.PARTENAIRE:
        key = col(Prescription.sent_at)
        # By their values: the index gives those of one structure in the order of the list.
        conditions.append(col(Prescription.structure_id).in_(bindparam("structures", expanding=True)))
    elif shape.team:
        key = by_the_way(Prescription.updated_at)
    if waiting is not None:
        waits = exists().where(waits_now())
        conditions.append(waits if waiting else ~waits)
    arms: list[Any] = [
        select(col(Prescription.id).label("id"), literal(rank).label("rang"), key.label("cle")).where(
            *conditions, col(Prescription.state) == state
        )
        for state in states
    ]
    whole: Any = arms[0] if len(arms) == 1 else union_all(*arms)
    columns = [whole.selected_columns.cle, whole.selected_columns.id]
    newest_first = (rank == len(GROUPS) - 1) is not from_end
    ordered = whole.order_by(*(column.desc() if newest_first else column.asc() for column in columns))
    if most is not None:
        return ordered.limit(most)
    return ordered.limit(bindparam(f"size{rank}")).offset(bindparam(f"first{rank}"))


def conditions_of(shape: Shape) -> list[Any]:
    """Conditions on Prescription: whose they are, and the filters."""
    conditions = [whose(shape)]
    if shape.structure:
        conditions.append(by_the_way(Prescription.structure_id) == bindparam("structure"))
    if shape.offer:
        conditions.append(by_the_way(Prescription.offer_id) == bindparam("offer"))
    if shape.mine:
        conditions.append(col(Prescription.suivi_par_id) == bindparam("me"))
    if shape.late is not None:
        conditions.append(attention.is_late(shape.late))
    return conditions


def by_the_way(column: Any) -> Any:
    """Return a column as an expression that no index holds: everybody's rows would be read in its order.

    The index of the list has it too, and holds one's own.
    """
    return func.coalesce(col(column), col(column))


def waits_now() -> Any:
    """Condition on Waiting and Prescription: this line of a waiting list is of this prescription, and open."""
    return and_(col(Waiting.prescription_id) == col(Prescription.id), col(Waiting.left_at).is_(None))
