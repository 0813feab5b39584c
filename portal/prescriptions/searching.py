"""A search by name in the lists of prescriptions: it answers on one page, and looks no further."""

from typing import Any

from sqlalchemy import case, union_all
from sqlmodel import Session, col, select

from portal import geography
from portal.accounts.models import Role, User
from portal.beneficiaries.models import Beneficiary
from portal.prescriptions.asked import (
    GROUPS,
    Asked,
    Shape,
    own_structures,
    part_of,
    shape_of,
    values_of,
    whose,
)
from portal.prescriptions.listed import Listed, shown
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import Side

# A search answers on one page, and looks no further.
SEARCHED = 40

_LOOKED_AT = 400

# Their prescriptions are looked up one by one; beyond, the list is read until enough are found.
_FEW = 100

# More than are shown: some are left out once their name is read.
_READ_TOGETHER = 48


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
    shape, values = shape_of(user, asked), values_of(user, asked)
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
        values["structures"] = list(session.execute(own_structures(), values).scalars())
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


def _all_at_once(shape: Shape, condition: Any) -> Any:
    """The ids of all those that answer `condition`, in the order of the list."""
    rank: Any = case(*((col(Prescription.state).in_(states), n) for n, states in enumerate(GROUPS)))
    key = col(Prescription.sent_at if shape.role is Role.PARTENAIRE else Prescription.updated_at)
    ended = col(Prescription.state).in_(GROUPS[-1])
    return (
        select(Prescription.id)
        .where(whose(shape), condition)
        .order_by(rank, case((~ended, key)), case((ended, key)).desc(), col(Prescription.id))
        .limit(_LOOKED_AT)
    )


def _until(shape: Shape, condition: Any, most: int) -> Any:
    """The ids of the first `most` of the list that answer `condition`: what comes after them is not looked at."""
    parts = [part_of(shape, None, rank, states, False, condition, most) for rank, states in enumerate(GROUPS)]
    return union_all(*(select(part.subquery().c.id) for part in parts)).limit(most)
