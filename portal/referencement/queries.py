"""What waits for the animator, and what helps to judge it."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, case, func, or_
from sqlalchemy.orm import joinedload
from sqlmodel import Session, col, exists, select

from portal.accounts.models import User
from portal.conventions.models import ActionOffer
from portal.offers import queries as offer_queries
from portal.offers import twins
from portal.offers.models import Favourite, Offer, OfferDocument, OfferSession, OfferState, Signalement
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import OPEN
from portal.structures import history
from portal.structures import queries as structure_queries
from portal.structures.models import Act, Revision, Structure, StructureState
from portal.structures.rules import keeps_catalogue

# Beyond so many offers, twins are looked for when they are asked for only.
MANY_OFFERS = 5_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many of each thing wait for the animator; `twins` is None when there are too many offers to look each time."""

    structures: int
    offers_before: int
    offers_after: int
    suspended: int
    reports: int
    without_offer: int
    twins: int | None

    @property
    def to_read(self) -> int:
        """What stands in the queue."""
        return self.structures + self.offers_before + self.offers_after


@dataclass(frozen=True, slots=True)
class Weight:
    """What hangs on an offer: prescriptions (those under way among them), favourites, financed actions, reports."""

    prescriptions: int = 0
    under_way: int = 0
    favourites: int = 0
    actions: int = 0
    reports: int = 0


def structures_to_read() -> Select[Any]:
    """The structures that wait, or are public and unread: those that wait first, the oldest ahead."""
    return (
        select(Structure)
        .where(
            or_(
                col(Structure.state) == StructureState.A_VALIDER,
                and_(col(Structure.state) == StructureState.PUBLIEE, col(Structure.reviewed_at).is_(None)),
            )
        )
        .order_by(
            case((col(Structure.state) == StructureState.A_VALIDER, 0), else_=1),
            func.coalesce(col(Structure.submitted_at), col(Structure.created_at)),
            col(Structure.id),
        )
    )


def offers_to_read() -> Select[Any]:
    """The offers that wait, or are public and unread, with their structure: those that wait first, the oldest ahead."""
    return (
        offer_queries.all_offers()
        .where(_to_read())
        .order_by(
            case((col(Offer.state) == OfferState.A_VALIDER, 0), else_=1),
            func.coalesce(col(Offer.submitted_at), col(Offer.created_at)),
            col(Offer.id),
        )
    )


def without_offer() -> Select[Any]:
    """The published structures that have no published offer, by name."""
    has_one = exists().where(
        col(Offer.structure_id) == col(Structure.id), col(Offer.state) == OfferState.PUBLIEE
    )
    return (
        select(Structure)
        .where(col(Structure.state) == StructureState.PUBLIEE, ~has_one)
        .order_by(col(Structure.nom), col(Structure.id))
    )


def waiting(session: Session) -> Waiting:
    """Return what waits for the animator."""
    by_state: dict[OfferState, int] = {}
    unread = 0
    statement = select(
        col(Offer.state), func.count(), func.sum(case((col(Offer.reviewed_at).is_(None), 1), else_=0))
    )
    statement = (
        statement.join(Structure, col(Structure.id) == col(Offer.structure_id))
        .where(col(Structure.state) != StructureState.FERMEE)
        .group_by(col(Offer.state))
    )
    for state, number, without_reading in session.execute(statement):
        by_state[state] = number
        if state is OfferState.PUBLIEE:
            unread = int(without_reading or 0)
    known = sum(by_state.values())
    return Waiting(
        structures=_count(session, structures_to_read()),
        offers_before=by_state.get(OfferState.A_VALIDER, 0),
        offers_after=unread,
        suspended=by_state.get(OfferState.SUSPENDUE, 0),
        reports=_count(session, select(Signalement.id).where(col(Signalement.answered_at).is_(None))),
        without_offer=_count(session, without_offer()),
        twins=len(twins.find(session)) if known <= MANY_OFFERS else None,
    )


def submitted_by(session: Session, things: Sequence[Structure | Offer]) -> dict[uuid.UUID, User]:
    """Return who asked for each of these structures or offers to be read, in one statement; the portal's are absent."""
    ids = [thing.id for thing in things]
    if not ids:
        return {}
    found: dict[uuid.UUID, User] = {}
    lines = session.execute(
        select(Revision)
        .options(joinedload(Revision.by))  # type: ignore[arg-type]
        .where(
            or_(col(Revision.offer_id).in_(ids), col(Revision.structure_id).in_(ids)),
            col(Revision.act).in_([Act.SOUMISSION, Act.PUBLICATION]),
        )
        .order_by(col(Revision.number).desc())
    ).scalars()
    for line in lines:
        thing_id = line.offer_id or line.structure_id
        if thing_id is not None and line.by is not None:
            found.setdefault(thing_id, line.by)
    return found


def since_last_reading(now: dict[str, Any], lines: Sequence[Revision]) -> history.Changes | None:
    """Return {field: [when it was last read, now]} from the history of a thing; None when nobody has read it yet.

    `now` is its snapshot; `lines` come the latest first, with who did each. What an animator publishes is read.
    """
    read = next(
        (
            line
            for line in lines
            if line.act is Act.VALIDATION
            or (line.act is Act.PUBLICATION and line.by is not None and keeps_catalogue(line.by))
        ),
        None,
    )
    if read is None:
        return None
    then = history.values_at(now, lines, read.id) or {}
    changes = history.differences({name: then.get(name) for name in now}, now)
    # What history says beside the fields: sessions, documents.
    for line in lines:
        if line.id == read.id:
            break
        for name, (before, after) in (line.changes or {}).items():
            if name not in now:
                changes[name] = [before, changes[name][1] if name in changes else after]
    return {name: pair for name, pair in changes.items() if pair[0] != pair[1]}


def similar_structures(session: Session, structure: Structure) -> list[tuple[Structure, tuple[str, ...]]]:
    """Return the structures that may be the same as this one, or of the same entity, with the reasons in words."""
    keys: list[Any] = []
    if structure.code_insee:
        keys.append(col(Structure.code_insee) == structure.code_insee)
    if structure.siret:
        keys.append(col(Structure.siret).startswith(structure.siret[:9], autoescape=True))
    if structure.telephone:
        keys.append(col(Structure.telephone) == structure.telephone)
    if structure.courriel:
        keys.append(col(Structure.courriel) == structure.courriel)
    if not keys:
        return []
    name = twins.words_of(structure.nom)
    found: list[tuple[float, Structure, tuple[str, ...]]] = []
    statement = select(Structure).where(col(Structure.id) != structure.id, or_(*keys))
    for other in session.exec(statement.order_by(col(Structure.nom)).limit(1_000)):
        near = twins.nearness(name, twins.words_of(other.nom))
        reasons = []
        if structure.siret and (other.siret or "").startswith(structure.siret[:9]):
            reasons.append("même SIREN")
        if near and other.code_insee == structure.code_insee:
            reasons.append("même nom et même commune" if near == 1 else "nom proche et même commune")
        if structure.telephone and other.telephone == structure.telephone:
            reasons.append("même téléphone")
        if structure.courriel and other.courriel == structure.courriel:
            reasons.append("même adresse électronique")
        if reasons:
            found.append((near, other, tuple(reasons)))
    found.sort(key=lambda item: (-len(item[2]), -item[0], item[1].nom))
    return [(other, reasons) for _, other, reasons in found[:5]]


def weights(session: Session, offer_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Weight]:
    """Return what hangs on each of these offers, in four statements."""
    ids = list(offer_ids)
    under = case((col(Prescription.state).in_(OPEN), 1), else_=0)
    prescribed = {
        offer_id: (int(number), int(open_ or 0))
        for offer_id, number, open_ in session.execute(
            select(col(Prescription.offer_id), func.count(), func.sum(under))
            .where(col(Prescription.offer_id).in_(ids))
            .group_by(col(Prescription.offer_id))
        )
    }
    favourites = _by_offer(session, Favourite.offer_id, ids)
    actions = _by_offer(session, ActionOffer.offer_id, ids)
    reports = _by_offer(session, Signalement.offer_id, ids)
    return {
        offer_id: Weight(
            *prescribed.get(offer_id, (0, 0)),
            favourites.get(offer_id, 0),
            actions.get(offer_id, 0),
            reports.get(offer_id, 0),
        )
        for offer_id in ids
    }


def leaving_with(structure_id: uuid.UUID) -> Select[Any]:
    """The offers of a structure that are in the catalogue, by name: those that leave it when the structure closes."""
    return structure_offers(structure_id, in_catalogue=True)


def structure_offers(structure_id: uuid.UUID, *, in_catalogue: bool = False) -> Select[Any]:
    """The offers of a structure, or those of the catalogue only, by name."""
    return offer_queries.of_structure(structure_id, with_drafts=not in_catalogue)


def manageable(user: User, structure_id: uuid.UUID) -> Select[Any]:
    """The structure when `user` may close it: those who keep the catalogue, and its own administrators."""
    return structure_queries.managed_by(user).where(col(Structure.id) == structure_id)


def _to_read() -> Any:
    return and_(
        # Nobody waits for what a closed structure wrote.
        col(Structure.state) != StructureState.FERMEE,
        or_(
            col(Offer.state) == OfferState.A_VALIDER,
            and_(col(Offer.state) == OfferState.PUBLIEE, col(Offer.reviewed_at).is_(None)),
        ),
    )


def _count(session: Session, statement: Any) -> int:
    bare = statement.order_by(None).subquery()
    return int(session.execute(select(func.count()).select_from(bare)).scalar_one())


def _by_offer(session: Session, column: Any, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    rows = session.execute(
        select(col(column), func.count()).where(col(column).in_(list(ids))).group_by(col(column))
    )
    return {offer_id: int(number) for offer_id, number in rows}


def attachments(session: Session, offer_id: uuid.UUID) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the sessions of an offer, as history keeps them, and the names of its documents."""
    sessions = session.exec(
        select(OfferSession)
        .where(col(OfferSession.offer_id) == offer_id)
        .order_by(col(OfferSession.debut), col(OfferSession.id))
    ).all()
    names = session.exec(
        select(OfferDocument.nom)
        .where(col(OfferDocument.offer_id) == offer_id)
        .order_by(col(OfferDocument.nom))
    ).all()
    return [history.snapshot(one, ("debut", "fin", "places", "precisions")) for one in sessions], list(names)
