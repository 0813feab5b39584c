"""Which structures a person may see or change, as statements."""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, exists, false, not_, or_, true
from sqlalchemy.orm import joinedload
from sqlmodel import col, select

from portal import geography, vocabulary
from portal.accounts.models import Role, User
from portal.engines.alphabetical import by_name
from portal.structures.models import (
    Invitation,
    JoinRequest,
    JoinState,
    Membership,
    MembershipLevel,
    Structure,
    StructureState,
)

# What the schema's record is drawn from.
RECORD_COLUMNS = tuple(name for name in vocabulary.Structure.model_fields if name in Structure.model_fields)

# Those who look after every structure, beside its own members.
_KEEPERS = frozenset({Role.ANIMATION, Role.ADMINISTRATION})


def is_member(user: User) -> Any:
    """Condition on Structure: `user` belongs to it."""
    return exists().where(
        col(Membership.structure_id) == col(Structure.id), col(Membership.user_id) == user.id
    )


def may_change(user: User | None) -> Any:
    """Condition on Structure: `user` may change it and its offers."""
    if user is None or not user.is_authenticated:
        return false()
    if user.role in _KEEPERS:
        return true()
    return is_member(user) if user.role is Role.PARTENAIRE else false()


def may_manage_members(user: User | None) -> Any:
    """Condition on Structure: `user` may say who belongs to it."""
    if user is None or not user.is_authenticated:
        return false()
    if user.role in _KEEPERS:
        return true()
    if user.role is not Role.PARTENAIRE:
        return false()
    return exists().where(
        col(Membership.structure_id) == col(Structure.id),
        col(Membership.user_id) == user.id,
        col(Membership.level) == MembershipLevel.ADMINISTRATEUR,
    )


def changeable_by(user: User, words: str = "") -> Select[Any]:
    """The structures that `user` may change, whose name or commune holds each of `words`, by name."""
    wanted = geography.fold(words[:200]).split()
    return (
        select(Structure)
        .where(
            may_change(user),
            *(col(Structure.search_text).contains(word, autoescape=True) for word in wanted),
        )
        .order_by(col(Structure.nom), col(Structure.id))
    )


def managed_by(user: User) -> Select[Any]:
    """The structures whose members `user` may add and remove, by name."""
    return select(Structure).where(may_manage_members(user)).order_by(col(Structure.nom), col(Structure.id))


def visible_to(user: User | None) -> Select[Any]:
    """The structures that `user` (None: anybody) may see: the published ones, and those they may change."""
    return (
        select(Structure)
        .where(or_(col(Structure.state) == StructureState.PUBLIEE, may_change(user)))
        .order_by(col(Structure.nom), col(Structure.id))
    )


def published() -> Select[Any]:
    """The published structures, by id: what the export holds."""
    return select(Structure).where(col(Structure.state) == StructureState.PUBLIEE).order_by(col(Structure.id))


def published_columns() -> Select[Any]:
    """The same as rows that hold what a record is made of, three times as quick to read as whole structures."""
    return published().with_only_columns(*(getattr(Structure, name) for name in RECORD_COLUMNS))


def members_of(structure_id: uuid.UUID) -> Select[Any]:
    """The memberships of a structure with their people, by name."""
    return (
        select(Membership)
        .join(User, col(User.id) == col(Membership.user_id))
        .where(col(Membership.structure_id) == structure_id)
        .options(joinedload(Membership.user))  # type: ignore[arg-type]
        .order_by(by_name(col(User.nom)), by_name(col(User.prenom)), col(User.id))
    )


def people_of(structure_ids: Collection[uuid.UUID]) -> Select[Any]:
    """Rows (structure id, User) of the people to write to: the active accounts of the members of these structures."""
    statement: Any = (
        select(col(Membership.structure_id), User)
        .join(User, col(User.id) == col(Membership.user_id))
        .where(col(Membership.structure_id).in_(list(structure_ids)), col(User.is_active))
        .order_by(col(User.courriel))
    )
    found: Select[Any] = statement
    return found


def administrators_of(structure_id: uuid.UUID) -> Select[Any]:
    """The active accounts of a structure's administrators, by address."""
    return (
        select(User)
        .join(Membership, col(Membership.user_id) == col(User.id))
        .where(
            col(Membership.structure_id) == structure_id,
            col(Membership.level) == MembershipLevel.ADMINISTRATEUR,
            col(User.is_active),
        )
        .order_by(col(User.courriel))
    )


def open_invitations(structure_id: uuid.UUID) -> Select[Any]:
    """The invitations to a structure that nobody used or cancelled, the latest first."""
    return (
        select(Invitation)
        .where(
            col(Invitation.structure_id) == structure_id,
            col(Invitation.accepted_at).is_(None),
            col(Invitation.cancelled_at).is_(None),
        )
        .order_by(col(Invitation.sent_at).desc(), col(Invitation.id))
    )


def requests_to(structure_id: uuid.UUID) -> Select[Any]:
    """The requests to join a structure that wait for an answer, with their people, the oldest first."""
    return (
        select(JoinRequest)
        .where(col(JoinRequest.structure_id) == structure_id, col(JoinRequest.state) == JoinState.EN_ATTENTE)
        .options(joinedload(JoinRequest.user))  # type: ignore[arg-type]
        .order_by(col(JoinRequest.created_at), col(JoinRequest.id))
    )


def requests_of(user: User, since: datetime) -> Select[Any]:
    """The requests of `user` that wait, or were refused `since` then, with their structures, the latest first."""
    refused = and_(col(JoinRequest.state) == JoinState.REFUSEE, col(JoinRequest.decided_at) >= since)
    member = exists().where(
        col(Membership.structure_id) == col(JoinRequest.structure_id),
        col(Membership.user_id) == col(JoinRequest.user_id),
    )
    return (
        select(JoinRequest)
        .where(
            col(JoinRequest.user_id) == user.id,
            or_(col(JoinRequest.state) == JoinState.EN_ATTENTE, refused),
            not_(member),
        )
        .options(joinedload(JoinRequest.structure))  # type: ignore[arg-type]
        .order_by(col(JoinRequest.created_at).desc(), col(JoinRequest.id))
        .limit(10)
    )


def of_siret(siret: str) -> Select[Any]:
    """The structure that bears this SIRET."""
    return select(Structure).where(col(Structure.siret) == siret)


def of_siren(siret: str) -> Select[Any]:
    """The other structures of the legal unit of this SIRET (its first nine figures), closed ones left out, by name."""
    return (
        select(Structure)
        .where(
            col(Structure.siret).startswith(siret[:9], autoescape=True),
            col(Structure.siret) != siret,
            col(Structure.state) != StructureState.FERMEE,
        )
        .order_by(col(Structure.nom), col(Structure.id))
    )


def to_join(words: str, code_insee: str | None) -> Select[Any]:
    """The structures, drafts included and closed ones left out, whose name or commune holds `words`, in this commune."""
    wanted = geography.fold(words[:200]).split()
    statement = select(Structure).where(
        col(Structure.state) != StructureState.FERMEE,
        *(col(Structure.search_text).contains(word, autoescape=True) for word in wanted),
    )
    if code_insee:
        statement = statement.where(col(Structure.code_insee) == code_insee)
    found: Select[Any] = statement.order_by(col(Structure.nom), col(Structure.id))
    return found


def establishments_of(structure: Structure, user: User | None) -> Select[Any]:
    """The other establishments of this one's entity that `user` may see: same SIREN, its antennes, what it depends on."""
    head = structure.antenne_of_id or structure.id
    same = [col(Structure.antenne_of_id) == head, col(Structure.id) == head]
    if structure.siret:
        same.append(col(Structure.siret).startswith(structure.siret[:9], autoescape=True))
    return visible_to(user).where(
        or_(*same), col(Structure.id) != structure.id, col(Structure.state) != StructureState.FERMEE
    )


def possible_heads(user: User, structure: Structure | None, siret: str | None) -> Select[Any]:
    """What a structure may be an antenne of: those of its SIREN, and the person's own; antennes and itself left out."""
    same: list[Any] = []
    if user.role is Role.PARTENAIRE:
        same.append(is_member(user))
    if siret:
        same.append(col(Structure.siret).startswith(siret[:9], autoescape=True))
    free = and_(
        or_(false(), *same),
        col(Structure.antenne_of_id).is_(None),
        col(Structure.state) != StructureState.FERMEE,
    )
    if structure is not None:
        # What it depends on already stays possible, whatever became of it.
        free = or_(
            and_(free, col(Structure.id) != structure.id), col(Structure.id) == structure.antenne_of_id
        )
    found: Select[Any] = (
        select(Structure).where(free).order_by(col(Structure.nom), col(Structure.id)).limit(50)
    )
    return found
