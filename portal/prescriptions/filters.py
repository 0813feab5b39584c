"""What a list of prescriptions may be filtered by."""

import uuid
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import String, bindparam, null, type_coerce, union_all
from sqlmodel import Session, col, select

from portal.accounts.models import Role, User
from portal.engines.alphabetical import sort_key
from portal.offers.models import Offer
from portal.prescriptions.asked import Asked, Shape, own_structures, shape_of, values_of, whose
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import OPEN, State
from portal.structures.models import Structure

_SHOWN = 200
# More than are shown: they are sorted once they are read.
_READ = 1_000


@dataclass(frozen=True, slots=True)
class Choice:
    """A structure that a list may be filtered by, or one of its offers."""

    structure_id: uuid.UUID
    structure: str
    offer_id: uuid.UUID | None = None
    offre: str = ""


def choices(session: Session, user: User, asked: Asked) -> list[Choice]:
    """Return what to filter by, by name: the offers of what is under way, each with its structure.

    A partner is given the offers of its structures. A team has too many to choose from: the structures, then the
    offers of the one that is chosen.
    """
    shape = shape_of(user, asked)
    rows = session.execute(
        _choices(Shape(user.role, shape.team, structure=shape.team and shape.structure)),
        values_of(user, asked),
    )
    by_name = sorted(
        rows, key=lambda row: (*sort_key(row.structure, row.offre), str(row.structure_id), str(row.offer_id))
    )
    ids: dict[Any, uuid.UUID] = {}
    return [
        Choice(
            ids.get(row.structure_id) or ids.setdefault(row.structure_id, _id(row.structure_id)),
            row.structure,
            None if row.offer_id is None else _id(row.offer_id),
            row.offre or "",
        )
        for row in by_name[:_SHOWN]
    ]


@cache
def _choices(shape: Shape) -> Any:
    if shape.role is Role.PARTENAIRE:
        return _offers(col(Offer.structure_id).in_(own_structures()))
    under_way = (whose(shape), col(Prescription.state).in_([State.BROUILLON, *OPEN]))
    offers = _offers(col(Offer.id).in_(select(Prescription.offer_id).where(*under_way)))
    if not shape.team:
        return offers
    structures: Any = select(
        type_coerce(col(Structure.id), String).label("structure_id"),
        col(Structure.nom).label("structure"),
        type_coerce(null(), String).label("offer_id"),
        type_coerce(null(), String).label("offre"),
    ).where(col(Structure.id).in_(select(Prescription.structure_id).where(*under_way)))
    if not shape.structure:
        return structures
    of_one = offers.where(col(Offer.structure_id) == bindparam("structure")).order_by(None).limit(None)
    return union_all(structures, of_one)


def _offers(among: Any) -> Any:
    return (
        select(
            # As they are stored: most are read to be sorted, and not shown.
            type_coerce(col(Structure.id), String).label("structure_id"),
            col(Structure.nom).label("structure"),
            type_coerce(col(Offer.id), String).label("offer_id"),
            col(Offer.nom).label("offre"),
        )
        .join(Structure, col(Structure.id) == col(Offer.structure_id))
        .where(among)
        .order_by(col(Structure.nom), col(Offer.nom), col(Offer.id))
        .limit(_READ)
    )


def _id(stored: Any) -> uuid.UUID:
    """Return an id as the engine gives it: PostgreSQL knows of them."""
    return stored if isinstance(stored, uuid.UUID) else uuid.UUID(stored)
