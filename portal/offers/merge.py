"""Two offers found to be the same become one: what is kept of each, and what follows (docs/adr/0010).

Neither is removed: the one that is not kept stays with its history, and its id leads to the other.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import User
from portal.errors import AlreadyDone, ChangedMeanwhile, RuleBroken
from portal.offers import queries, rules, sessions, states, twins
from portal.offers.models import (
    Favourite,
    NotTwins,
    Offer,
    OfferDocument,
    OfferState,
    Signalement,
)
from portal.offers.record import PRIVATE_CONTACT
from portal.structures import history
from portal.structures.models import Act

# The parts of an address make sense together: they are taken or left as one.
PLACE = "lieu"
PLACE_FIELDS = ("adresse", "complement_adresse", "code_postal", "code_insee")
SESSIONS = "sessions"
DOCUMENTS = "documents"
# What may be taken from the offer that is not kept.
TAKEABLE = (
    *(name for name in rules.FIELDS if name not in PLACE_FIELDS),
    PLACE,
    SESSIONS,
    DOCUMENTS,
)
_MAX_DOCUMENTS = 10


@dataclass(frozen=True, slots=True)
class Opened:
    """The versions of two offers that somebody compared: those saved since are not merged blindly."""

    kept: int
    removed: int


def merge(
    session: Session,
    kept: Offer,
    removed: Offer,
    *,
    take: Collection[str] = (),
    by: User,
    opened: Opened | None = None,
) -> None:
    """Make one offer of two: `kept` stays, with the answers named in `take` (see TAKEABLE) of `removed`.

    `removed` leaves the catalogue, its id leads to `kept`, as do those merged into it before; favourites and reports
    follow. Raises AlreadyDone when they were merged already, ChangedMeanwhile when one was saved since `opened`,
    RuleBroken when the kept one cannot stand for the other, or when an answer cannot be kept; Incomplete when a
    published offer would lose what it needs.
    """
    if kept.id == removed.id:
        raise RuleBroken("C’est la même offre : choisissez-en deux.")
    unknown = set(take) - set(TAKEABLE)
    if unknown:
        raise RuleBroken("Une des réponses à reprendre n’existe pas : choisissez dans la liste.")
    kept, removed = lock(session, kept.id, removed.id)
    _check(kept, removed, opened)
    # Read now: a row taken again comes back without its structure.
    structure = kept.structure
    named = f"« {removed.nom} » ({removed.structure.nom})"
    also = _take_lists(session, kept, removed, take)
    changed = rules.change_offer(
        session,
        kept,
        _values(kept, removed, take),
        structure=structure,
        by=by,
        act=Act.FUSION,
        note=f"Réunie avec {named}",
        also=also,
    )
    if not changed:
        # Nothing was taken: the offer says what it said, and its day of update does not move.
        history.record(session, kept, Act.FUSION, by=by, note=f"Réunie avec {named}")
    removed.state = states.after(removed.state, Act.FUSION)
    removed.merged_into_id = kept.id
    removed.suspended_at = None
    removed.version += 1
    session.flush()
    history.record(session, removed, Act.FUSION, by=by, note=f"Réunie à « {kept.nom} » ({structure.nom})")
    session.execute(
        update(Offer).where(col(Offer.merged_into_id) == removed.id).values(merged_into_id=kept.id)
    )
    _follow(session, kept.id, removed.id)
    session.flush()


def say_not_twins(session: Session, first_id: uuid.UUID, second_id: uuid.UUID, *, by: User) -> None:
    """Keep that two offers that look alike are not the same: they are no longer proposed. Said twice, it is kept once."""
    if first_id == second_id:
        raise RuleBroken("C’est la même offre : choisissez-en deux.")
    lesser, greater = twins.ordered(first_id, second_id)
    # Taken in the same order as a merge takes them: of two people at once, the second sees what the first decided.
    lock(session, first_id, second_id)
    if session.get(NotTwins, (lesser, greater)) is None:
        session.add(NotTwins(first_id=lesser, second_id=greater, decided_by_id=by.id, decided_at=clock.now()))
        session.flush()


def are_not_twins(session: Session, first_id: uuid.UUID, second_id: uuid.UUID) -> bool:
    """Say whether somebody decided that these two are not the same."""
    return session.get(NotTwins, twins.ordered(first_id, second_id)) is not None


def lock(session: Session, first_id: uuid.UUID, second_id: uuid.UUID) -> tuple[Offer, Offer]:
    """Return two offers, with their structures, as they are now, kept from others until the transaction ends."""
    session.flush()
    found = {
        offer.id: offer
        for offer in session.execute(
            queries.all_offers()
            .where(col(Offer.id).in_([first_id, second_id]))
            # One order for all, so that two people never wait for each other.
            .order_by(col(Offer.id))
            .with_for_update(of=Offer, key_share=True)
            .execution_options(populate_existing=True)
        ).scalars()
    }
    return found[first_id], found[second_id]


def as_answers(offer: Offer) -> dict[str, Any]:
    """Return the answers of an offer as history keeps them, for a comparison; its place apart (see `place_of`)."""
    return history.snapshot(offer, [name for name in rules.FIELDS if name not in PLACE_FIELDS])


def place_of(offer: Offer) -> str | None:
    """Return the address of an offer on one line, None when it has none."""
    town = " ".join(part for part in (offer.code_postal, offer.commune) if part)
    return ", ".join(part for part in (offer.adresse, offer.complement_adresse, town) if part) or None


def _check(kept: Offer, removed: Offer, opened: Opened | None) -> None:
    if removed.state is OfferState.FUSIONNEE:
        if removed.merged_into_id == kept.id:
            raise AlreadyDone("Ces deux offres sont déjà réunies.")
        raise RuleBroken(f"« {removed.nom} » a déjà été réunie à une autre offre : rien n’a été changé.")
    if kept.state not in states.OPEN:
        raise RuleBroken(
            f"« {kept.nom} » est {kept.state.label.lower()} : elle ne peut pas remplacer l’autre. Gardez l’autre."
        )
    if removed.is_public and not kept.is_public:
        raise RuleBroken(
            f"« {kept.nom} » n’est pas publiée : publiez-la d’abord, ou gardez l’autre. "
            "Sinon, plus rien ne serait visible."
        )
    if opened is not None and (kept.version, removed.version) != (opened.kept, opened.removed):
        raise ChangedMeanwhile(
            "Quelqu’un a modifié une des deux offres pendant que vous compariez. Relisez, puis recommencez."
        )


def _values(kept: Offer, removed: Offer, take: Collection[str]) -> dict[str, Any]:
    values = {name: getattr(removed, name) for name in take if name in rules.FIELDS}
    origins = {name: removed if name in values else kept for name in PRIVATE_CONTACT}
    if any(getattr(offer, name) and not offer.contact_public for name, offer in origins.items()):
        # A contact that its offer kept for professionals is not made public by the way.
        values["contact_public"] = False
    if PLACE in take:
        values |= {name: getattr(removed, name) for name in PLACE_FIELDS}
        if removed.latitude is not None and removed.longitude is not None:
            values["position"] = (removed.latitude, removed.longitude)
    return values


def _take_lists(session: Session, kept: Offer, removed: Offer, take: Collection[str]) -> history.Changes:
    changes: history.Changes = {}
    if SESSIONS in take:
        rows = sessions.as_rows(sessions.of_offer(session, removed.id))
        changes |= sessions.set_sessions(session, kept, rows)
    if DOCUMENTS in take:
        changes |= _take_documents(session, kept.id, removed.id)
    return changes


def _take_documents(session: Session, kept_id: uuid.UUID, removed_id: uuid.UUID) -> history.Changes:
    names: dict[uuid.UUID, list[str]] = {kept_id: [], removed_id: []}
    for offer_id, name in session.execute(
        select(OfferDocument.offer_id, OfferDocument.nom).where(
            col(OfferDocument.offer_id).in_([kept_id, removed_id])
        )
    ):
        names[offer_id].append(name)
    mine, theirs = sorted(names[kept_id]), sorted(names[removed_id])
    if not theirs:
        return {}
    if len(mine) + len(theirs) > _MAX_DOCUMENTS:
        raise RuleBroken(
            f"Une offre porte {_MAX_DOCUMENTS} documents au plus : retirez-en d’abord, ou laissez ceux de l’autre."
        )
    session.execute(
        update(OfferDocument).where(col(OfferDocument.offer_id) == removed_id).values(offer_id=kept_id)
    )
    return {"documents": [mine or None, sorted(mine + theirs)]}


def _follow(session: Session, kept_id: uuid.UUID, removed_id: uuid.UUID) -> None:
    """Favourites and reports of the one lead to the other; who kept both keeps one."""
    already = select(Favourite.user_id).where(col(Favourite.offer_id) == kept_id)
    session.execute(
        delete(Favourite).where(col(Favourite.offer_id) == removed_id, col(Favourite.user_id).in_(already))
    )
    session.execute(update(Favourite).where(col(Favourite.offer_id) == removed_id).values(offer_id=kept_id))
    session.execute(
        update(Signalement).where(col(Signalement.offer_id) == removed_id).values(offer_id=kept_id)
    )
