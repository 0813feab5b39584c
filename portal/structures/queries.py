"""Which structures a person may see or change, as statements."""

import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, exists, false, or_, true
from sqlalchemy.orm import joinedload
from sqlmodel import col, select

from portal import geography
from portal.accounts.models import Role, User
from portal.structures.models import Membership, MembershipLevel, Structure, StructureState

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


def members_of(structure_id: uuid.UUID) -> Select[Any]:
    """The memberships of a structure with their people, by name."""
    return (
        select(Membership)
        .join(User, col(User.id) == col(Membership.user_id))
        .where(col(Membership.structure_id) == structure_id)
        .options(joinedload(Membership.user))  # type: ignore[arg-type]
        .order_by(col(User.nom), col(User.prenom))
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
