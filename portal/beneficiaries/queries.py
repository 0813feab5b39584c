"""Whose file a person may see, as statements. Need-to-know stands here, in the WHERE."""

import uuid
from typing import Any

from sqlalchemy import Select, false
from sqlalchemy.orm import joinedload
from sqlmodel import col, select

from portal import geography
from portal.accounts.models import Role, User
from portal.beneficiaries.models import AccessEntry, Beneficiary
from portal.engines.alphabetical import by_name


def portfolio_of(user: User, words: str = "") -> Select[Any]:
    """The people whom `user` follows, by name.

    Each of `words` must stand in the names or in the number of allocataire; accents, case and hyphens do not matter.
    """
    # Signs alone name nobody.
    wanted = geography.fold(words[:100]).split() or words.split()
    return (
        _followed_by(user)
        .where(*(col(Beneficiary.search_text).contains(word, autoescape=True) for word in wanted))
        .order_by(by_name(col(Beneficiary.nom)), by_name(col(Beneficiary.prenom)), col(Beneficiary.id))
    )


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
