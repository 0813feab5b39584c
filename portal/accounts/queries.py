"""Questions about accounts."""

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Select, or_
from sqlalchemy.orm import joinedload
from sqlmodel import col, select

from portal.accounts.models import ApiToken, Organisation, OutgoingMail, Role, User
from portal.engines.alphabetical import by_name

MAX_ATTEMPTS = 10
# How long a message stays with the sender that took it; refused ones are tried again no sooner.
CLAIM_LIFE = timedelta(minutes=4)


def all_users() -> Select[Any]:
    """Every account with its organisation, by name."""
    return (
        select(User)
        .options(joinedload(cast(Any, User.organisation)))
        .order_by(by_name(col(User.nom)), by_name(col(User.prenom)), col(User.id))
    )


def active_of_role(role: Role) -> Select[Any]:
    """The active accounts of a role, by name."""
    return (
        select(User)
        .where(col(User.role) == role, col(User.is_active))
        .order_by(by_name(col(User.nom)), by_name(col(User.prenom)), col(User.id))
    )


def all_organisations() -> Select[Any]:
    """Every organisation, by name."""
    return select(Organisation).order_by(by_name(col(Organisation.nom)), col(Organisation.id))


def api_tokens() -> Select[Any]:
    """Every key of the API, those that work first, the newest first."""
    return select(ApiToken).order_by(
        col(ApiToken.revoked_at).is_not(None), col(ApiToken.created_at).desc(), col(ApiToken.id)
    )


def outbox() -> Select[Any]:
    """Every message, the newest first."""
    return select(OutgoingMail).order_by(col(OutgoingMail.created_at).desc(), col(OutgoingMail.id))


def next_mail_to_send(now: datetime) -> Select[Any]:
    """The oldest message still to send, locked against another sender, or nothing.

    Those that another sender has in hand, or gave back less than CLAIM_LIFE ago, are left alone; ten attempts are enough.
    """
    return (
        select(OutgoingMail)
        .where(
            col(OutgoingMail.sent_at).is_(None),
            col(OutgoingMail.attempts) < MAX_ATTEMPTS,
            or_(col(OutgoingMail.claimed_at).is_(None), col(OutgoingMail.claimed_at) <= now - CLAIM_LIFE),
        )
        .order_by(col(OutgoingMail.created_at), col(OutgoingMail.id))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
