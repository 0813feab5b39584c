"""The lists of prescriptions as statements: how many stand where, and one page of them.

A page is found by ids alone, state by state in the order of an index; what is shown is then read for those ids only.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import String, literal, null, type_coerce, union_all
from sqlmodel import Session, col, func, select

from portal.accounts.models import Role, User
from portal.conventions.models import Waiting
from portal.prescriptions import attention
from portal.prescriptions.asked import (
    GROUPS,
    Asked,
    Shape,
    conditions_of,
    part_of,
    shape_of,
    values_of,
    waits_now,
    whose,
)
from portal.prescriptions.buckets import LATE, Bucket, Late
from portal.prescriptions.listed import Listed, shown
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import State

# Statements kept as they are made: to make one costs more than to run it.
_KEPT = 512


@dataclass(frozen=True, slots=True)
class Numbers:
    """How many prescriptions stand in each state, and how many of those under study wait for a place.

    `structures`: those that they were sent to, for a partner.
    """

    by_state: dict[State, int]
    waiting: int
    structures: tuple[uuid.UUID, ...] = ()

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_state.values())

    def within(self, bucket: Bucket | None) -> dict[State, int]:
        """Return how many stand in each state of `bucket`; everywhere when None."""
        if bucket is None:
            return self.by_state
        if bucket.waiting:
            return {State.A_L_ETUDE: self.waiting}
        left_out = self.waiting if bucket.waiting is False else 0
        return {state: self.by_state.get(state, 0) - left_out for state in bucket.states}

    def of(self, bucket: Bucket) -> int:
        """Return how many stand in `bucket`."""
        return sum(self.within(bucket).values())


def numbers(session: Session, user: User, asked: Asked) -> Numbers:
    """Return how many stand where under the filters, whatever the bucket, in one statement."""
    shape = shape_of(user, asked)
    by_state: dict[State, int] = {}
    structures: dict[uuid.UUID, None] = {}
    waits = 0
    for state, is_waiting, number, *structure in session.execute(_numbers(shape), values_of(user, asked)):
        if is_waiting:
            waits = int(number)
            continue
        by_state[State(state)] = by_state.get(State(state), 0) + int(number)
        structures.update(dict.fromkeys(structure))
    return Numbers(by_state, waits, tuple(structures))


def page_of(
    session: Session, user: User, asked: Asked, known: Numbers, *, offset: int, size: int
) -> Sequence[Listed]:
    """Return the prescriptions from `offset` on, `size` at most, in two statements.

    `known` (of the same `asked`) tells where the page begins in each state.
    """
    here = known.within(asked.bucket)
    parts: list[tuple[int, tuple[State, ...], bool]] = []
    values = values_of(user, asked) | {"structures": list(known.structures)}
    passed = 0
    for rank, states in enumerate(GROUPS):
        number = sum(here.get(state, 0) for state in states)
        first, last = max(offset - passed, 0), min(offset + size - passed, number)
        passed += number
        if first < last:
            # Read from the nearer end: what comes before a page is walked through.
            from_end = number - last < first
            values |= {f"first{rank}": number - last if from_end else first, f"size{rank}": last - first}
            parts.append((rank, tuple(state for state in states if here.get(state)), from_end))
    if not parts:
        return []
    waiting = asked.bucket.waiting if asked.bucket else None
    rows = session.execute(_page(shape_of(user, asked), waiting, tuple(parts)), values).all()
    ended = len(GROUPS) - 1
    ordered = sorted((row for row in rows if row.rang < ended), key=lambda row: (row.rang, row.cle, row.id))
    latest = sorted(
        (row for row in rows if row.rang == ended), key=lambda row: (row.cle, row.id), reverse=True
    )
    return shown(session, user, [row.id for row in (*ordered, *latest)])


def knows_file(user: User, prescription: Prescription) -> bool:
    """Say whether `user` follows the person (the file is loaded for référents): the others read what was shared."""
    return user.role is Role.REFERENT and prescription.beneficiary.referent_id == user.id


def late_numbers(session: Session, user: User, asked: Asked) -> dict[Late, int]:
    """Return how many are late, each in its way, of one's own or the team's, in one statement."""
    kinds = LATE[asked.side]
    row = session.execute(
        _late_numbers(Shape(user.role, shape_of(user, asked).team), kinds), values_of(user, asked)
    ).one()
    return {kind: int(number) for kind, number in zip(kinds, row, strict=True)}


@lru_cache(maxsize=_KEPT)
def _numbers(shape: Shape) -> Any:
    is_partner = shape.role is Role.PARTENAIRE
    owner = col(Prescription.structure_id if is_partner else Prescription.referent_id)
    conditions = conditions_of(shape)
    # In the order of the index of the list, which is then read once, from end to end, and alone.
    each: Any = (
        select(
            owner.label("a_qui"),
            type_coerce(col(Prescription.state), String).label("etat"),
            func.count().label("nombre"),
        )
        .where(*conditions)
        .group_by(owner, col(Prescription.state))
        .subquery()
    )
    waiting: Any = (
        select(literal(State.A_L_ETUDE.value), literal(1), func.count())
        .select_from(Prescription)
        .join(Waiting, waits_now())
        .where(*conditions, col(Prescription.state) == State.A_L_ETUDE)
    )
    if is_partner:
        by_state: Any = select(each.c.etat, literal(0), each.c.nombre, each.c.a_qui)
        return union_all(by_state, waiting.add_columns(null()))
    return union_all(select(each.c.etat, literal(0), func.sum(each.c.nombre)).group_by(each.c.etat), waiting)


@lru_cache(maxsize=_KEPT)
def _page(shape: Shape, waiting: bool | None, parts: tuple[tuple[int, tuple[State, ...], bool], ...]) -> Any:
    """The ids of a page with their rank and the moment they are sorted by; a part: rank, states, read from its end."""
    found = [part_of(shape, waiting, *part) for part in parts]
    return found[0] if len(found) == 1 else union_all(*(select(part.subquery()) for part in found))


@lru_cache(maxsize=_KEPT)
def _late_numbers(shape: Shape, kinds: tuple[Late, ...]) -> Any:
    return select(
        *(
            select(func.count())
            .select_from(Prescription)
            .where(whose(shape), attention.is_late(kind))
            .scalar_subquery()
            for kind in kinds
        )
    )
