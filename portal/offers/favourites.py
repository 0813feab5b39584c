"""Offers that people keep at hand."""

import uuid
from collections.abc import Collection
from contextlib import suppress
from typing import Any

from sqlalchemy import Select, delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import contains_eager
from sqlmodel import Session, col, select

from portal.accounts.models import User
from portal.offers.models import Favourite, Offer
from portal.structures.models import Structure


def keep(session: Session, user: User, offer: Offer) -> None:
    """Put an offer among the favourites of `user`; one that is there stays there."""
    if session.get(Favourite, (user.id, offer.id)) is not None:
        return
    # Two presses at once: the database kept the first one.
    with suppress(IntegrityError), session.begin_nested():
        session.add(Favourite(user_id=user.id, offer_id=offer.id))


def drop(session: Session, user: User, offer_id: uuid.UUID) -> None:
    """Take an offer off the favourites of `user`."""
    session.execute(
        delete(Favourite).where(col(Favourite.user_id) == user.id, col(Favourite.offer_id) == offer_id)
    )


def among(session: Session, user: User | None, offer_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return which of these offers are favourites of `user` (None: nobody's)."""
    if user is None or not offer_ids:
        return set()
    return set(
        session.exec(
            select(Favourite.offer_id).where(
                col(Favourite.user_id) == user.id, col(Favourite.offer_id).in_(list(offer_ids))
            )
        )
    )


def of_user(user: User) -> Select[Any]:
    """The favourites of `user` with their structure, whatever became of them, by name."""
    return (
        select(Offer)
        .join(Favourite, col(Favourite.offer_id) == col(Offer.id))
        .join(Structure, col(Structure.id) == col(Offer.structure_id))
        .options(contains_eager(Offer.structure))  # type: ignore[arg-type]
        .where(col(Favourite.user_id) == user.id)
        .order_by(col(Offer.nom), col(Offer.id))
    )
