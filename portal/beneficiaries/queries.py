"""Whose file a person may see, as statements. Need-to-know stands here, in the WHERE."""

import uuid
from typing import Any

from sqlalchemy import Select, false, or_
from sqlalchemy.orm import joinedload
from sqlmodel import col, func, select

from portal import geography
from portal.accounts.models import Role, User
from portal.beneficiaries.models import AccessEntry, Beneficiary


def portfolio_of(user: User, words: str = "") -> Select[Any]:
    """The people whom `user` follows, by name; `words` looks in names and in the number of allocataire."""
    statement = _followed_by(user).order_by(
        col(Beneficiary.nom), col(Beneficiary.prenom), col(Beneficiary.id)
    )
    for word in words[:100].split():
        # `lower` knows no accents on SQLite: the word is tried as typed and without them.
        patterns = {word.lower(), geography.fold(word)} - {""}
        statement = statement.where(
            or_(
                *(
                    func.lower(column).contains(pattern, autoescape=True)
                    for pattern in sorted(patterns)
                    for column in (
                        col(Beneficiary.nom),
                        col(Beneficiary.prenom),
                        col(Beneficiary.numero_allocataire),
                    )
                )
            )
        )
    return statement


def visible_to(user: User, beneficiary_id: uuid.UUID) -> Select[Any]:
    """The file `beneficiary_id` if `user` follows the person; nothing otherwise."""
    return _followed_by(user).where(col(Beneficiary.id) == beneficiary_id)


def journal_of(beneficiary_id: uuid.UUID, limit: int = 50) -> Select[Any]:
    """The last accesses to a file with who made them, the newest first."""
    return (
        select(AccessEntry)
        .where(col(AccessEntry.beneficiary_id) == beneficiary_id)
        .options(joinedload(AccessEntry.user))  # type: ignore[arg-type]
        .order_by(col(AccessEntry.at).desc(), col(AccessEntry.id))
        .limit(limit)
    )


def _followed_by(user: User) -> Select[Any]:
    statement = select(Beneficiary)
    if user.role is not Role.REFERENT:
        return statement.where(false())
    return statement.where(col(Beneficiary.referent_id) == user.id)
