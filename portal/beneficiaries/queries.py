"""Whose file a person may see, as statements. Need-to-know stands here, in the WHERE."""

import uuid
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, or_
from sqlalchemy.orm import joinedload
from sqlmodel import col, func, select

from portal import geography
from portal.accounts.models import Role, User
from portal.beneficiaries.models import AccessEntry, Beneficiary

MAX_WORDS = 6

# Accented letters in both cases: `lower` leaves them alone on SQLite.
_LETTERS = {
    "a": "àâäáãåÀÂÄÁÃÅ",
    "c": "çÇ",
    "e": "éèêëÉÈÊË",
    "i": "îïíìÎÏÍÌ",
    "n": "ñÑ",
    "o": "ôöóòõÔÖÓÒÕ",
    "u": "ùûüúÙÛÜÚ",
    "y": "ÿýŸÝ",
    "oe": "œŒ",
    "ae": "æÆ",
    " ": "-’'",
}
_REPLACED = [(letter, plain) for plain, letters in _LETTERS.items() for letter in letters]
# SQLite's parser overflows from 28 calls one in another: they are made in several steps.
_NESTED_CALLS = 16


def portfolio_of(user: User, words: str = "") -> Select[Any]:
    """The people whom `user` follows, by name.

    Each of the first `MAX_WORDS` of `words` must stand in the names or in the number of allocataire; accents, case
    and hyphens do not matter.
    """
    statement = _followed_by(user).order_by(
        col(Beneficiary.nom), col(Beneficiary.prenom), col(Beneficiary.id)
    )
    looked_for = words[:100].split()[:MAX_WORDS]
    if not looked_for:
        return statement
    people = _searchable(user)
    return statement.where(
        col(Beneficiary.id).in_(select(people.c.id).where(*(_holds(people, word) for word in looked_for)))
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


def _searchable(user: User) -> Any:
    """The people whom `user` follows with what is searched: in lower case (`typed`), and without accents (`folded`).

    The latter is `geography.fold` in the words both engines know.
    """
    text = func.lower(
        col(Beneficiary.nom)
        + " "
        + col(Beneficiary.prenom)
        + " "
        + func.coalesce(col(Beneficiary.numero_allocataire), "")
    )
    rows: Any = (
        select(col(Beneficiary.id), text.label("typed"), text.label("folded"))
        .where(col(Beneficiary.referent_id) == user.id)
        .cte("searched_0")
    )
    for step, start in enumerate(range(0, len(_REPLACED), _NESTED_CALLS), 1):
        folded = rows.c.folded
        for letter, plain in _REPLACED[start : start + _NESTED_CALLS]:
            folded = func.replace(folded, letter, plain)
        rows = select(rows.c.id, rows.c.typed, folded.label("folded")).cte(f"searched_{step}")
    return rows


def _holds(people: Any, word: str) -> ColumnElement[bool]:
    # Letters that `_LETTERS` does not know are still found as they are typed.
    as_typed: ColumnElement[bool] = people.c.typed.contains(word.lower(), autoescape=True)
    parts = geography.fold(word).split()
    if not parts:
        return as_typed
    return or_(and_(*(people.c.folded.contains(part, autoescape=True) for part in parts)), as_typed)


def _followed_by(user: User) -> Select[Any]:
    statement = select(Beneficiary)
    if user.role is not Role.REFERENT:
        return statement.where(false())
    return statement.where(col(Beneficiary.referent_id) == user.id)
