"""Which structures a person may see or change, as statements."""

import uuid
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, exists, false, func, or_, true
from sqlalchemy.orm import joinedload
from sqlmodel import col, select

from portal import geography
from portal.accounts.models import Role, User
from portal.structures.models import Membership, MembershipLevel, Structure, StructureState

# Those who look after every structure, beside its own members.
_KEEPERS = frozenset({Role.ANIMATION, Role.ADMINISTRATION})
# What French names hold beyond a to z, for a comparison that neither engine makes by itself.
_PLAIN = {
    **dict(zip("àâäçéèêëîïôöùûüÿ", "aaaceeeeiioouuuy", strict=True)),
    **dict(zip("ÀÂÄÇÉÈÊËÎÏÔÖÙÛÜŸ", "aaaceeeeiioouuuy", strict=True)),
    "œ": "oe",
    "Œ": "oe",
    "æ": "ae",
    "Æ": "ae",
}


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
    statement = select(Structure).where(may_change(user))
    wanted = geography.fold(words[:200]).split()
    if wanted:
        folded = _folded_names()
        found = select(folded.c.id).where(
            *(folded.c.words.contains(word, autoescape=True) for word in wanted)
        )
        statement = statement.where(col(Structure.id).in_(found))
    return statement.order_by(col(Structure.nom), col(Structure.id))


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


def _folded_names() -> CTE:
    """Return (id, words): each structure's name and commune as `geography.fold` gives them, punctuation left."""
    words: ColumnElement[str] = col(Structure.nom) + " " + func.coalesce(col(Structure.commune), "")
    step: Any = select(col(Structure.id), words.label("words")).cte()
    letters = list(_PLAIN.items())
    # A few at a time: SQLite's parser does not follow thirty calls inside one another.
    for start in range(0, len(letters), 6):
        text: Any = step.c.words
        for letter, plain in letters[start : start + 6]:
            text = func.replace(text, letter, plain)
        step = select(step.c.id, text.label("words")).cte()
    folded: CTE = select(step.c.id, func.lower(step.c.words).label("words")).cte()
    return folded
