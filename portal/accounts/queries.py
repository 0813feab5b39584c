"""Questions about accounts."""

from typing import Any, cast

from sqlalchemy import Select
from sqlalchemy.orm import joinedload
from sqlmodel import col, select

from portal.accounts.models import Organisation, OutgoingMail, User


def all_users() -> Select[Any]:
    """Every account with its organisation, by name."""
    return (
        select(User)
        .options(joinedload(cast(Any, User.organisation)))
        .order_by(col(User.nom), col(User.prenom), col(User.id))
    )


def all_organisations() -> Select[Any]:
    """Every organisation, by name."""
    return select(Organisation).order_by(col(Organisation.nom))


def outbox() -> Select[Any]:
    """Every message, the newest first."""
    return select(OutgoingMail).order_by(col(OutgoingMail.created_at).desc(), col(OutgoingMail.id))


def mails_to_send(limit: int = 100) -> Select[Any]:
    """Messages still to send, oldest first, locked against another sender (PostgreSQL) and given up after ten attempts."""
    return (
        select(OutgoingMail)
        .where(col(OutgoingMail.sent_at).is_(None), col(OutgoingMail.attempts) < 10)
        .order_by(col(OutgoingMail.created_at), col(OutgoingMail.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
