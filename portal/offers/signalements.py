"""Errors that professionals see in offers, and what the editors answer."""

import uuid
from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, func
from sqlalchemy.orm import contains_eager, joinedload
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import Role, User
from portal.errors import AlreadyDone, RuleBroken
from portal.offers.models import Offer, Signalement
from portal.structures.models import Membership, Structure
from portal.structures.queries import may_change

# Those who may see an error in an offer that is not theirs to mend.
REPORTERS = (Role.REFERENT, Role.CONVENTIONNEMENT, Role.ANIMATION, Role.PARTENAIRE)

# reason -> its words
MOTIFS: dict[str, str] = {
    "contact": "Le téléphone, l’adresse électronique ou le contact n’est pas le bon",
    "lieu": "L’adresse n’est pas la bonne",
    "horaires": "Les horaires ou les dates ne sont pas les bons",
    "conditions": "Le public ou les conditions d’accès ont changé",
    "prix": "Le prix n’est pas le bon",
    "fermee": "L’offre n’existe plus",
    "complete": "Il n’y a plus de place",
    "doublon": "L’offre est déjà décrite ailleurs sur le portail",
    "autre": "Autre chose",
}


def report(
    session: Session, offer: Offer, *, motifs: list[str], commentaire: str | None, by: User
) -> tuple[Signalement, bool]:
    """Keep an error that `by` saw in `offer`; return it, and True when it is new.

    Somebody who has one open about this offer changes it. Raises RuleBroken without a reason, or without a word on "autre".
    """
    motifs = [motif for motif in MOTIFS if motif in motifs]
    commentaire = (commentaire or "").strip() or None
    if not motifs:
        raise RuleBroken("Dites ce qui ne va pas : cochez au moins une ligne.", field="motifs")
    if motifs == ["autre"] and commentaire is None:
        raise RuleBroken("Dites en quelques mots ce qui ne va pas.", field="commentaire")
    # Two presses at once: the second waits for the first, then finds its report.
    session.exec(select(Offer.id).where(col(Offer.id) == offer.id).with_for_update()).one()
    found = open_report(session, offer.id, by)
    is_new = found is None
    if found is None:
        found = Signalement(offer_id=offer.id, by_id=by.id, motifs=motifs)
        session.add(found)
    found.motifs = motifs
    found.commentaire = commentaire
    session.flush()
    return found, is_new


def open_report(session: Session, offer_id: uuid.UUID, by: User) -> Signalement | None:
    """Return the report that `by` made about this offer and that waits for its answer, if any.

    There may be two after a merge, which brings those of the other offer: the latest is returned.
    """
    return session.exec(
        select(Signalement)
        .where(
            col(Signalement.offer_id) == offer_id,
            col(Signalement.by_id) == by.id,
            col(Signalement.answered_at).is_(None),
        )
        .order_by(col(Signalement.created_at).desc())
    ).first()


def answer(session: Session, signalement: Signalement, *, reponse: str, by: User) -> None:
    """Answer who reported the error. Raises AlreadyDone when somebody did, RuleBroken without words."""
    session.refresh(signalement, ["answered_at"], with_for_update=True)
    if signalement.answered_at is not None:
        raise AlreadyDone("Quelqu’un a déjà répondu à ce signalement.")
    if not reponse.strip():
        raise RuleBroken("Écrivez une réponse : « C’est corrigé, merci » suffit.", field="reponse")
    signalement.reponse = reponse.strip()
    signalement.answered_at = clock.now()
    signalement.answered_by_id = by.id


def to_answer_by(user: User) -> Select[Any]:
    """The reports on the offers that `user` may change, with their offer and their author, the open ones first."""
    return (
        _whole()
        .where(may_change(user))
        .order_by(col(Signalement.answered_at).is_not(None), col(Signalement.created_at).desc())
    )


def reported_by(user: User) -> Select[Any]:
    """The reports that `user` made, the latest first."""
    return _whole().where(col(Signalement.by_id) == user.id).order_by(col(Signalement.created_at).desc())


def count_open(session: Session, user: User) -> int:
    """Return how many reports wait for an answer of `user`."""
    waiting = to_answer_by(user).where(col(Signalement.answered_at).is_(None)).order_by(None).subquery()
    return int(session.execute(select(func.count()).select_from(waiting)).scalar_one())


def find_for(session: Session, user: User, signalement_id: uuid.UUID) -> Signalement | None:
    """Return the report when `user` may answer it."""
    found: Signalement | None = session.execute(
        to_answer_by(user).where(col(Signalement.id) == signalement_id)
    ).scalar_one_or_none()
    return found


def workplaces(session: Session, people: Collection[User]) -> dict[uuid.UUID, str]:
    """Return where each of these people (their organisation loaded) works, as their colleagues would say it."""
    found = {user.id: user.organisation.nom if user.organisation else user.role.label for user in people}
    partners = [user.id for user in people if user.role is Role.PARTENAIRE]
    if partners:
        names: dict[uuid.UUID, list[str]] = defaultdict(list)
        rows = session.execute(
            select(col(Membership.user_id), col(Structure.nom))
            .join(Structure, col(Structure.id) == col(Membership.structure_id))
            .where(col(Membership.user_id).in_(partners))
            .order_by(col(Structure.nom))
        )
        for user_id, name in rows:
            names[user_id].append(name)
        found |= {user_id: ", ".join(several) for user_id, several in names.items()}
    return found


def _whole() -> Select[Any]:
    return (
        select(Signalement)
        .join(Offer, col(Offer.id) == col(Signalement.offer_id))
        .join(Structure, col(Structure.id) == col(Offer.structure_id))
        .options(
            contains_eager(Signalement.offer).contains_eager(Offer.structure),  # type: ignore[arg-type]
            joinedload(Signalement.by).joinedload(User.organisation),  # type: ignore[arg-type]
        )
    )
