"""Which offers a person may see or change, as statements."""

import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_
from sqlalchemy.orm import contains_eager
from sqlmodel import Session, col, select

from portal import clock, geography, vocabulary
from portal.accounts.models import User
from portal.offers.models import Offer, OfferState
from portal.structures.models import Structure, StructureState
from portal.structures.queries import may_change

# What the schema's record is drawn from; the last two change what leaves (`record.as_record`).
RECORD_COLUMNS = (
    *(name for name in vocabulary.Service.model_fields if name in Offer.model_fields),
    "documents_a_apporter",
    "contact_public",
)


def visible_to(user: User | None) -> Select[Any]:
    """The offers, with their structure, that `user` (None: anybody) may see."""
    return _with_structure().where(or_(_in_catalogue(), may_change(user)))


def changeable_by(user: User, words: str = "") -> Select[Any]:
    """The offers, with their structure, that `user` may change and that hold each of `words`: drafts first, by name."""
    return (
        _with_structure()
        .where(may_change(user), *_hold(words))
        .order_by(case((col(Offer.state) == OfferState.BROUILLON, 0), else_=1), col(Offer.nom), col(Offer.id))
    )


def published() -> Select[Any]:
    """The offers of the catalogue, with their structure, by id: what the export holds."""
    return _with_structure().where(_in_catalogue()).order_by(col(Offer.id))


def published_columns() -> Select[Any]:
    """The same, without their structure, as rows that hold what a record is made of: three times as quick to read."""
    statement: Select[Any] = (
        select(*(getattr(Offer, name) for name in RECORD_COLUMNS))
        .join(Structure, col(Structure.id) == col(Offer.structure_id))
        .where(_in_catalogue())
        .order_by(col(Offer.id))
    )
    return statement


def of_structure(structure_id: uuid.UUID, *, with_drafts: bool = False) -> Select[Any]:
    """The offers of one structure that everybody sees, and its other ones when asked for, by name."""
    statement = _with_structure().where(col(Offer.structure_id) == structure_id)
    if not with_drafts:
        statement = statement.where(_in_catalogue())
    return statement.order_by(col(Offer.nom), col(Offer.id))


def count_by_structure(session: Session, structure_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return how many offers, drafts included, each of these structures has; those without any are absent."""
    rows = session.execute(
        select(col(Offer.structure_id), func.count())
        .where(col(Offer.structure_id).in_(list(structure_ids)))
        .group_by(col(Offer.structure_id))
    )
    return {structure_id: int(number) for structure_id, number in rows}


def all_offers() -> Select[Any]:
    """Every offer with its structure, whatever their states, in no order: for those who look after the whole."""
    return _with_structure()


def _with_structure() -> Select[Any]:
    return (
        select(Offer)
        .join(Structure, col(Structure.id) == col(Offer.structure_id))
        .options(contains_eager(Offer.structure))  # type: ignore[arg-type]
    )


def _hold(words: str) -> list[ColumnElement[bool]]:
    return [
        col(Offer.search_text).contains(word, autoescape=True) for word in geography.fold(words[:200]).split()
    ]


def _in_catalogue() -> ColumnElement[bool]:
    return and_(
        col(Offer.state) == OfferState.PUBLIEE,
        col(Structure.state) == StructureState.PUBLIEE,
        # The offer hides by itself the day after its last one.
        or_(col(Offer.date_fin).is_(None), col(Offer.date_fin) >= clock.today()),
    )
