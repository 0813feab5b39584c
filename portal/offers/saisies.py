"""What people are typing in the form of an offer, kept as typed until they save: a reload or a cut loses nothing."""

import uuid
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import User
from portal.errors import RuleBroken
from portal.offers.models import Offer, Saisie

KEPT_DAYS = 90
MAX_CHARACTERS = 200_000
# What the form sends that is not an answer.
_NOT_ANSWERS = frozenset({"csrf_token", "acte", "besoin", "fichier", "cle_document"})


def save(
    session: Session,
    *,
    user: User,
    structure_id: uuid.UUID,
    offer_id: uuid.UUID,
    version: int | None,
    champs: Sequence[tuple[str, str]],
) -> Saisie:
    """Keep the raw answers of `user` for this offer (or the id the form will give it), in place of the former ones.

    Raises RuleBroken when they are longer than anything a person writes.
    """
    kept = [[name, value] for name, value in champs if name not in _NOT_ANSWERS]
    if sum(len(name) + len(value) for name, value in kept) > MAX_CHARACTERS:
        raise RuleBroken("Ces réponses sont trop longues pour être gardées : raccourcissez les textes.")
    found = find(session, user=user, offer_id=offer_id)
    if found is None:
        found = Saisie(user_id=user.id, structure_id=structure_id, offer_id=offer_id, champs=kept)
        try:
            with session.begin_nested():
                session.add(found)
        except IntegrityError:
            # Two requests at once, from two windows: the database kept the first one.
            kept_meanwhile = find(session, user=user, offer_id=offer_id)
            if kept_meanwhile is None:
                raise
            found = kept_meanwhile
    found.version = version
    found.champs = kept
    found.saved_at = clock.now()
    session.add(found)
    return found


def find(session: Session, *, user: User, offer_id: uuid.UUID) -> Saisie | None:
    """Return what `user` was typing for this offer, None when everything is saved."""
    return session.exec(
        select(Saisie).where(col(Saisie.user_id) == user.id, col(Saisie.offer_id) == offer_id)
    ).one_or_none()


def latest_new(session: Session, *, user: User, structure_id: uuid.UUID) -> Saisie | None:
    """Return the latest thing `user` began for this structure that is not an offer yet."""
    return session.exec(
        select(Saisie)
        .where(
            col(Saisie.user_id) == user.id,
            col(Saisie.structure_id) == structure_id,
            col(Saisie.version).is_(None),
            col(Saisie.offer_id).not_in(select(Offer.id)),
        )
        .order_by(col(Saisie.saved_at).desc())
        .limit(1)
    ).first()


def of_user(session: Session, user: User) -> list[Saisie]:
    """Return everything `user` began and did not save, the latest first."""
    return list(
        session.exec(
            select(Saisie).where(col(Saisie.user_id) == user.id).order_by(col(Saisie.saved_at).desc())
        )
    )


def drop(session: Session, *, user: User, offer_id: uuid.UUID) -> None:
    """Forget what `user` was typing: it is saved, or they start again from what is."""
    session.execute(delete(Saisie).where(col(Saisie.user_id) == user.id, col(Saisie.offer_id) == offer_id))


def follow(session: Session, *, user: User, offer: Offer) -> None:
    """Bring what `user` was typing to the version of `offer` that they just made beside the form (a document).

    It is not somebody else's change. What was typed over an older version still is.
    """
    found = find(session, user=user, offer_id=offer.id)
    if found is None or found.version != offer.version - 1:
        return
    found.version = offer.version
    found.champs = [
        [name, str(offer.version) if name == "version" else value] for name, value in found.champs
    ]


def purge(session: Session) -> int:
    """Forget what nobody came back to for KEPT_DAYS days; return how many."""
    old = clock.now() - timedelta(days=KEPT_DAYS)
    return int(session.execute(delete(Saisie).where(col(Saisie.saved_at) < old)).rowcount)  # type: ignore[attr-defined]


def answer(saisie: Saisie, name: str) -> str:
    """Return what was typed for one question, "" when nothing was."""
    return next((str(value) for key, value in saisie.champs if key == name), "")
