"""The lists of prescriptions as statements: what is asked, how many stand where, and one page of them.

A page is found by ids alone, state by state in the order of an index; what is shown is then read for those ids only.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, String, and_, case, false, literal, literal_column, or_, type_coerce, union_all
from sqlalchemy.orm import joinedload, load_only
from sqlmodel import Session, col, exists, func, select

from portal import geography
from portal.accounts.models import Organisation, Role, User
from portal.beneficiaries.models import Beneficiary
from portal.conventions.models import Waiting
from portal.offers.models import Offer, OfferSession
from portal.prescriptions import attention
from portal.prescriptions.buckets import LATE, Bucket, Late
from portal.prescriptions.models import Prescription
from portal.prescriptions.sharing import shared_name
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
_CHOICES_SHOWN = 200


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
class Numbers:
    """How many prescriptions stand in each state, and how many of those under study wait for a place."""

    by_state: dict[State, int]
    waiting: int

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


def whose(user: User, *, team: bool = False) -> Any:
    """Condition on Prescription: one's own, the team's sent ones too when asked, those sent to one's structures."""
    if user.role is Role.REFERENT:
        if not team or user.organisation_id is None:
            return col(Prescription.referent_id) == user.id
        colleagues = select(User.id).where(
            col(User.organisation_id) == user.organisation_id, col(User.role) == Role.REFERENT
        )
        return and_(
            col(Prescription.referent_id).in_(colleagues),
            or_(col(Prescription.sent_at).is_not(None), col(Prescription.referent_id) == user.id),
        )
    if user.role is Role.PARTENAIRE:
        theirs = select(Membership.structure_id).where(col(Membership.user_id) == user.id)
        return and_(col(Prescription.structure_id).in_(theirs), col(Prescription.sent_at).is_not(None))
    return false()


def numbers(session: Session, user: User, asked: Asked) -> Numbers:
    """Return how many stand where under the filters, whatever the bucket, in one statement."""
    conditions = _conditions(user, asked)
    # By an expression: grouped by the column alone, SQLite walks an index of states through the whole table.
    state_word = type_coerce(col(Prescription.state), String).concat(literal_column("''"))
    by_state = (
        select(
            state_word.label("etat"),
            literal(0).label("attente"),
            func.count().label("nombre"),
        )
        .where(*conditions)
        .group_by(state_word)
    )
    waiting = (
        select(literal(State.A_L_ETUDE.value), literal(1), func.count())
        .select_from(Prescription)
        .join(Waiting, _waits())
        .where(*conditions, col(Prescription.state) == State.A_L_ETUDE)
    )
    found: dict[State, int] = {}
    waits = 0
    for state, is_waiting, number in session.execute(union_all(by_state, waiting)):
        if is_waiting:
            waits = int(number)
        else:
            found[State(state)] = int(number)
    return Numbers(found, waits)


def page_of(
    session: Session, user: User, asked: Asked, known: Numbers, *, offset: int, size: int
) -> Sequence[Prescription]:
    """Return the prescriptions from `offset` on, `size` at most, in two statements.

    `known` (of the same `asked`) tells where the page begins in each state.
    """
    here = known.within(asked.bucket)
    parts: list[Any] = []
    passed = 0
    for rank, states in enumerate(_GROUPS):
        number = sum(here.get(state, 0) for state in states)
        first, last = max(offset - passed, 0), min(offset + size - passed, number)
        passed += number
        if first < last:
            present = [state for state in states if here.get(state)]
            parts.append(_part(user, asked, rank, present, first, last - first))
    if not parts:
        return []
    rows = session.execute(union_all(*parts) if len(parts) > 1 else parts[0]).all()
    ended = len(_GROUPS) - 1
    ordered = sorted(
        rows, key=lambda row: (row.rang, _stamp(row.cle) * (-1 if row.rang == ended else 1), row.id)
    )
    return shown(session, user, [row.id for row in ordered])


def shown(session: Session, user: User, ids: Sequence[uuid.UUID]) -> list[Prescription]:
    """Return these prescriptions in this order, with what a list shows and nothing more, in one statement.

    Of the person's file, a référent reads the name; a partner nothing.
    """
    if not ids:
        return []
    statement = select(Prescription).where(col(Prescription.id).in_(list(ids))).options(*_shown(user))
    found = {p.id: p for p in session.exec(statement)}
    return [found[id] for id in ids if id in found]


def search(session: Session, user: User, words: str, *, team: bool = False) -> list[Prescription]:
    """Return the prescriptions of the people whose name holds each of `words`, `SEARCHED` at most, in two statements.

    One's own are found by the file (names, number); the others by the name that was shared, and by nothing else.
    """
    wanted = geography.fold(words[:100]).split()
    if not wanted:
        return []
    rank = case(*((col(Prescription.state).in_(states), n) for n, states in enumerate(_GROUPS)))
    named = [col(Beneficiary.search_text).contains(word, autoescape=True) for word in wanted]
    statement: Any = (
        select(col(Prescription.id), col(Prescription.donnees_partagees), col(Beneficiary.referent_id))
        .join(Beneficiary, col(Beneficiary.id) == col(Prescription.beneficiary_id))
        .where(whose(user, team=team), *named)
        .order_by(rank, col(Prescription.updated_at), col(Prescription.id))
        .limit(_LOOKED_AT)
    )
    if team or user.role is Role.PARTENAIRE:
        # So many prescriptions that the people of that name are found first.
        people = select(Beneficiary.id).where(*named)
        statement = statement.where(col(Prescription.beneficiary_id).in_(people))
    found = []
    for id, shared, referent_id in session.execute(statement):
        if user.role is not Role.REFERENT or referent_id != user.id:
            name = geography.fold(shared_name(shared))
            if not all(word in name for word in wanted):
                continue
        found.append(id)
    return shown(session, user, found[:SEARCHED])


def knows_file(user: User, prescription: Prescription) -> bool:
    """Say whether `user` follows the person (the file is loaded for référents): the others read what was shared."""
    return user.role is Role.REFERENT and prescription.beneficiary.referent_id == user.id


def late_numbers(session: Session, user: User, asked: Asked) -> dict[Late, int]:
    """Return how many are late, each in its way, of one's own or the team's, in one statement."""
    kinds = LATE[asked.side]
    row = session.execute(
        select(
            *(
                select(func.count())
                .select_from(Prescription)
                .where(whose(user, team=asked.team), attention.is_late(kind, asked.silence_days))
                .scalar_subquery()
                for kind in kinds
            )
        )
    ).one()
    return {kind: int(number) for kind, number in zip(kinds, row, strict=True)}


def choices(session: Session, user: User, asked: Asked) -> list[Any]:
    """Return rows (structure_id, structure, offer_id, offre) to filter by: those of what is under way, by name.

    A partner is given the offers of its structures.
    """
    if asked.side is Side.PARTENAIRE:
        theirs = select(Membership.structure_id).where(col(Membership.user_id) == user.id)
        statement: Any = (
            select(
                col(Structure.id).label("structure_id"),
                col(Structure.nom).label("structure"),
                col(Offer.id).label("offer_id"),
                col(Offer.nom).label("offre"),
            )
            .join(Structure, col(Structure.id) == col(Offer.structure_id))
            .where(col(Offer.structure_id).in_(theirs))
            .order_by(col(Structure.nom), col(Offer.nom), col(Offer.id))
        )
    else:
        under_way = (
            select(col(Prescription.structure_id), col(Prescription.offer_id))
            .where(whose(user, team=asked.team), col(Prescription.state).in_([State.BROUILLON, *OPEN]))
            .distinct()
            .subquery()
        )
        statement = (
            select(
                col(Structure.id).label("structure_id"),
                col(Structure.nom).label("structure"),
                col(Offer.id).label("offer_id"),
                col(Offer.nom).label("offre"),
            )
            .select_from(under_way)
            .join(Structure, col(Structure.id) == under_way.c.structure_id)
            .join(Offer, col(Offer.id) == under_way.c.offer_id)
            .order_by(col(Structure.nom), col(Offer.nom), col(Offer.id))
        )
    return list(session.execute(statement.limit(_CHOICES_SHOWN)))


def _conditions(user: User, asked: Asked) -> list[Any]:
    conditions = [whose(user, team=asked.team)]
    if asked.structure_id is not None:
        conditions.append(col(Prescription.structure_id) == asked.structure_id)
    if asked.offer_id is not None:
        conditions.append(col(Prescription.offer_id) == asked.offer_id)
    if asked.mine:
        conditions.append(col(Prescription.suivi_par_id) == user.id)
    if asked.late is not None:
        conditions.append(attention.is_late(asked.late, asked.silence_days))
    return conditions


def _waits() -> Any:
    return and_(col(Waiting.prescription_id) == col(Prescription.id), col(Waiting.left_at).is_(None))


def _key(asked: Asked) -> Any:
    """The moment a list is sorted by, that of the side's index."""
    # A structure owes its answer since the sending; a référent looks at what has not moved.
    return col(Prescription.sent_at if asked.side is Side.PARTENAIRE else Prescription.updated_at)


def _part(
    user: User, asked: Asked, rank: int, states: Sequence[State], offset: int, size: int
) -> Select[Any]:
    """Ids of one group of states, in its order, with its rank and the moment it is sorted by."""
    key = _key(asked)

    def of(state: State, *, newest: bool) -> Select[Any]:
        statement: Any = select(
            col(Prescription.id).label("id"), literal(rank).label("rang"), key.label("cle")
        ).where(*_conditions(user, asked), col(Prescription.state) == state)
        if asked.bucket is not None and asked.bucket.waiting is not None:
            waits = exists().where(_waits())
            statement = statement.where(waits if asked.bucket.waiting else ~waits)
        ordered: Select[Any] = statement.order_by(key.desc() if newest else key, col(Prescription.id))
        return ordered

    if rank < len(_GROUPS) - 1:
        alone: Any = of(states[0], newest=False).limit(size).offset(offset).subquery()
        return select(alone)
    # Each state's latest, then the latest of them all: no state is read further than the page needs.
    firsts: list[Any] = [of(state, newest=True).limit(offset + size).subquery() for state in states]
    latest: list[Any] = [select(first) for first in firsts]
    together: Any = union_all(*latest).subquery()
    of_all: Any = select(together).order_by(together.c.cle.desc(), together.c.id).limit(size).offset(offset)
    return select(of_all.subquery())


def _stamp(moment: datetime | None) -> float:
    return moment.timestamp() if moment is not None else 0.0


def _shown(user: User) -> tuple[Any, ...]:
    return _FOR_REFERENT if user.role is Role.REFERENT else _FOR_PARTNER


# Made once: to put them together costs more than to read a row.
_FOR_PARTNER: tuple[Any, ...] = (
    joinedload(Prescription.structure).options(load_only(Structure.nom, Structure.state)),  # type: ignore[arg-type]
    joinedload(Prescription.referent).options(  # type: ignore[arg-type]
        load_only(User.prenom, User.nom, User.organisation_id),  # type: ignore[arg-type]
        joinedload(User.organisation).options(load_only(Organisation.nom)),  # type: ignore[arg-type]
    ),
    joinedload(Prescription.suivi_par).options(load_only(User.prenom, User.nom)),  # type: ignore[arg-type]
    joinedload(Prescription.session).options(load_only(OfferSession.debut)),  # type: ignore[arg-type]
)
_FOR_REFERENT: tuple[Any, ...] = (
    *_FOR_PARTNER,
    joinedload(Prescription.beneficiary).options(  # type: ignore[arg-type]
        load_only(Beneficiary.prenom, Beneficiary.nom, Beneficiary.referent_id)  # type: ignore[arg-type]
    ),
)
