"""The lists of prescriptions as statements: what is asked, how many stand where, and one page of them.

A page is found by ids alone, state by state in the order of an index; what is shown is then read for those ids only.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import String, and_, bindparam, case, false, literal, null, or_, type_coerce, union_all
from sqlmodel import Session, col, exists, func, select

from portal import geography
from portal.accounts.models import Role, User
from portal.beneficiaries.models import Beneficiary
from portal.conventions.models import Waiting
from portal.engines.alphabetical import sort_key
from portal.offers.models import Offer
from portal.prescriptions import attention
from portal.prescriptions.buckets import LATE, Bucket, Late
from portal.prescriptions.listed import Listed, shown
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import FINAL, OPEN, Side, State
from portal.structures.models import Membership, Structure

# What waits for somebody comes first, each state's oldest ahead; what is ended comes last, the latest ahead.
_GROUPS: tuple[tuple[State, ...], ...] = (
    (State.BROUILLON,),
    (State.ENVOYEE,),
    (State.A_L_ETUDE,),
    (State.ACCEPTEE,),
    (State.ENTREE,),
    tuple(state for state in State if state in FINAL),
)
# A search answers on one page, and looks no further.
SEARCHED = 40
_LOOKED_AT = 400
# Their prescriptions are looked up one by one; beyond, the list is read until enough are found.
_FEW = 100
# More than are shown: some are left out once their name is read.
_READ_TOGETHER = 48
_CHOICES_SHOWN = 200
_CHOICES_READ = 1_000
# Statements kept as they are made: to make one costs more than to run it.
_KEPT = 512


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
class _Shape:
    """What the text of a statement depends on; all the rest are values that it is given."""

    role: Role
    team: bool
    structure: bool = False
    offer: bool = False
    late: Late | None = None
    mine: bool = False


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
    shape = _shape(user, asked)
    by_state: dict[State, int] = {}
    structures: dict[uuid.UUID, None] = {}
    waits = 0
    for state, is_waiting, number, *structure in session.execute(_numbers(shape), _values(user, asked)):
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
    values = _values(user, asked) | {"structures": list(known.structures)}
    passed = 0
    for rank, states in enumerate(_GROUPS):
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
    rows = session.execute(_page(_shape(user, asked), waiting, tuple(parts)), values).all()
    ended = len(_GROUPS) - 1
    ordered = sorted((row for row in rows if row.rang < ended), key=lambda row: (row.rang, row.cle, row.id))
    latest = sorted(
        (row for row in rows if row.rang == ended), key=lambda row: (row.cle, row.id), reverse=True
    )
    return shown(session, user, [row.id for row in (*ordered, *latest)])


def search(session: Session, user: User, words: str, *, team: bool = False) -> list[Listed]:
    """Return the prescriptions of the people whose name holds each of `words`, `SEARCHED` at most, in list order.

    One's own are found by the file (names, number), in two statements; the others by the name that was shared, and by
    nothing else, in three (five when many people bear the name). More are sent when many a file's name was shared
    otherwise.
    """
    wanted = geography.fold(words[:100]).split()
    if not wanted:
        return []
    asked = Asked(side=Side.PARTENAIRE if user.role is Role.PARTENAIRE else Side.REFERENT, team=team)
    shape, values = _shape(user, asked), _values(user, asked)
    named = [col(Beneficiary.search_text).contains(word, autoescape=True) for word in wanted]
    # Asked of each line as it is read (`LIMIT` keeps PostgreSQL from reading everybody first).
    person = select(Beneficiary.id).where(col(Beneficiary.id) == col(Prescription.beneficiary_id), *named)
    theirs = person.limit(1).correlate(Prescription).scalar_subquery().is_not(None)
    if shape.role is Role.REFERENT and not shape.team:
        # Asked of each of one's own, which are few.
        return _named(session, user, wanted, _all_at_once(shape, theirs), values)
    # Which way is short depends on how many bear the name: those few, or the list until there are enough of them.
    people = session.execute(select(Beneficiary.id).where(*named).limit(_FEW + 1)).scalars().all()
    if len(people) <= _FEW:
        among = col(Prescription.beneficiary_id).in_(people)
        return _named(session, user, wanted, _all_at_once(shape, among), values) if people else []
    if shape.role is Role.PARTENAIRE:
        values["structures"] = list(session.execute(_own_structures(), values).scalars())
    found = _named(session, user, wanted, _until(shape, theirs, _READ_TOGETHER), values)
    if len(found) < SEARCHED:
        found = _named(session, user, wanted, _until(shape, theirs, _LOOKED_AT), values)
    return found


def _named(session: Session, user: User, wanted: list[str], ids: Any, values: dict[str, Any]) -> list[Listed]:
    """Return those of the prescriptions that the statement `ids` gives whose name, as the reader knows it, is wanted."""
    rows = [row[0] for row in session.execute(ids, values)]
    found: list[Listed] = []
    for start in range(0, len(rows), _READ_TOGETHER):
        for line in shown(session, user, rows[start : start + _READ_TOGETHER]):
            name = geography.fold(line.name)
            if line.by_file or all(word in name for word in wanted):
                found.append(line)
        if len(found) >= SEARCHED:
            break
    return found[:SEARCHED]


def _all_at_once(shape: _Shape, condition: Any) -> Any:
    """The ids of all those that answer `condition`, in the order of the list."""
    rank: Any = case(*((col(Prescription.state).in_(states), n) for n, states in enumerate(_GROUPS)))
    key = col(Prescription.sent_at if shape.role is Role.PARTENAIRE else Prescription.updated_at)
    ended = col(Prescription.state).in_(_GROUPS[-1])
    return (
        select(Prescription.id)
        .where(_whose(shape), condition)
        .order_by(rank, case((~ended, key)), case((ended, key)).desc(), col(Prescription.id))
        .limit(_LOOKED_AT)
    )


def _until(shape: _Shape, condition: Any, most: int) -> Any:
    """The ids of the first `most` of the list that answer `condition`: what comes after them is not looked at."""
    parts = [_part(shape, None, rank, states, False, condition, most) for rank, states in enumerate(_GROUPS)]
    return union_all(*(select(part.subquery().c.id) for part in parts)).limit(most)


def knows_file(user: User, prescription: Prescription) -> bool:
    """Say whether `user` follows the person (the file is loaded for référents): the others read what was shared."""
    return user.role is Role.REFERENT and prescription.beneficiary.referent_id == user.id


def late_numbers(session: Session, user: User, asked: Asked) -> dict[Late, int]:
    """Return how many are late, each in its way, of one's own or the team's, in one statement."""
    kinds = LATE[asked.side]
    row = session.execute(
        _late_numbers(_Shape(user.role, _shape(user, asked).team), kinds), _values(user, asked)
    ).one()
    return {kind: int(number) for kind, number in zip(kinds, row, strict=True)}


def choices(session: Session, user: User, asked: Asked) -> list[Any]:
    """Return rows (structure_id, structure, offer_id, offre) to filter by: those of what is under way, by name.

    A partner is given the offers of its structures.
    """
    rows = session.execute(_choices(_Shape(user.role, _shape(user, asked).team)), _values(user, asked))
    return sorted(rows, key=lambda row: (*sort_key(row.structure, row.offre), row.offer_id))[:_CHOICES_SHOWN]


def _shape(user: User, asked: Asked) -> _Shape:
    return _Shape(
        role=user.role,
        team=asked.team and user.role is Role.REFERENT and user.organisation_id is not None,
        structure=asked.structure_id is not None,
        offer=asked.offer_id is not None,
        late=asked.late,
        mine=asked.mine,
    )


def _values(user: User, asked: Asked) -> dict[str, Any]:
    """What the statements of this file are given, whatever their shape."""
    return attention.moments(asked.silence_days) | {
        "me": user.id,
        "organisation": user.organisation_id,
        "structure": asked.structure_id,
        "offer": asked.offer_id,
    }


def _whose(shape: _Shape) -> Any:
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
            col(Prescription.structure_id).in_(_own_structures()), col(Prescription.sent_at).is_not(None)
        )
    return false()


def _own_structures() -> Any:
    return select(Membership.structure_id).where(col(Membership.user_id) == bindparam("me"))


@lru_cache(maxsize=_KEPT)
def _numbers(shape: _Shape) -> Any:
    is_partner = shape.role is Role.PARTENAIRE
    owner = col(Prescription.structure_id if is_partner else Prescription.referent_id)
    conditions = _conditions(shape)
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
        .join(Waiting, _waits())
        .where(*conditions, col(Prescription.state) == State.A_L_ETUDE)
    )
    if is_partner:
        by_state: Any = select(each.c.etat, literal(0), each.c.nombre, each.c.a_qui)
        return union_all(by_state, waiting.add_columns(null()))
    return union_all(select(each.c.etat, literal(0), func.sum(each.c.nombre)).group_by(each.c.etat), waiting)


@lru_cache(maxsize=_KEPT)
def _page(shape: _Shape, waiting: bool | None, parts: tuple[tuple[int, tuple[State, ...], bool], ...]) -> Any:
    """The ids of a page with their rank and the moment they are sorted by; a part: rank, states, read from its end."""
    found = [_part(shape, waiting, *part) for part in parts]
    return found[0] if len(found) == 1 else union_all(*(select(part.subquery()) for part in found))


def _part(
    shape: _Shape,
    waiting: bool | None,
    rank: int,
    states: tuple[State, ...],
    from_end: bool,
    besides: Any = None,
    most: int | None = None,
) -> Any:
    """One part of a page; or its first `most`, that answer the condition `besides`."""
    conditions = _conditions(shape)
    if besides is not None:
        conditions.append(besides)
    # A structure owes its answer since the sending; a référent looks at what has not moved.
    key: Any = col(Prescription.updated_at)
    if shape.role is Role.PARTENAIRE:
        key = col(Prescription.sent_at)
        # By their values: the index gives those of one structure in the order of the list.
        conditions.append(col(Prescription.structure_id).in_(bindparam("structures", expanding=True)))
    elif shape.team:
        key = _by_the_way(Prescription.updated_at)
    if waiting is not None:
        waits = exists().where(_waits())
        conditions.append(waits if waiting else ~waits)
    arms: list[Any] = [
        select(col(Prescription.id).label("id"), literal(rank).label("rang"), key.label("cle")).where(
            *conditions, col(Prescription.state) == state
        )
        for state in states
    ]
    whole: Any = arms[0] if len(arms) == 1 else union_all(*arms)
    columns = [whole.selected_columns.cle, whole.selected_columns.id]
    newest_first = (rank == len(_GROUPS) - 1) is not from_end
    ordered = whole.order_by(*(column.desc() if newest_first else column.asc() for column in columns))
    if most is not None:
        return ordered.limit(most)
    return ordered.limit(bindparam(f"size{rank}")).offset(bindparam(f"first{rank}"))


@lru_cache(maxsize=_KEPT)
def _late_numbers(shape: _Shape, kinds: tuple[Late, ...]) -> Any:
    return select(
        *(
            select(func.count())
            .select_from(Prescription)
            .where(_whose(shape), attention.is_late(kind))
            .scalar_subquery()
            for kind in kinds
        )
    )


@lru_cache(maxsize=_KEPT)
def _choices(shape: _Shape) -> Any:
    if shape.role is Role.PARTENAIRE:
        among = col(Offer.structure_id).in_(_own_structures())
    else:
        under_way = select(Prescription.offer_id).where(
            _whose(shape), col(Prescription.state).in_([State.BROUILLON, *OPEN])
        )
        among = col(Offer.id).in_(under_way)
    return (
        select(
            col(Structure.id).label("structure_id"),
            col(Structure.nom).label("structure"),
            col(Offer.id).label("offer_id"),
            col(Offer.nom).label("offre"),
        )
        .join(Structure, col(Structure.id) == col(Offer.structure_id))
        .where(among)
        .order_by(col(Structure.nom), col(Offer.nom), col(Offer.id))
        .limit(_CHOICES_READ)
    )


def _conditions(shape: _Shape) -> list[Any]:
    conditions = [_whose(shape)]
    if shape.structure:
        conditions.append(_by_the_way(Prescription.structure_id) == bindparam("structure"))
    if shape.offer:
        conditions.append(_by_the_way(Prescription.offer_id) == bindparam("offer"))
    if shape.mine:
        conditions.append(col(Prescription.suivi_par_id) == bindparam("me"))
    if shape.late is not None:
        conditions.append(attention.is_late(shape.late))
    return conditions


def _by_the_way(column: Any) -> Any:
    """Return a column as an expression that no index holds: everybody's rows would be read in its order.

    The index of the list has it too, and holds one's own.
    """
    return func.coalesce(col(column), col(column))


def _waits() -> Any:
    return and_(col(Waiting.prescription_id) == col(Prescription.id), col(Waiting.left_at).is_(None))
