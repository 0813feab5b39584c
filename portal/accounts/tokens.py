"""Keys of the API: make, revoke, recognise."""

import hashlib
import logging
import secrets
import threading
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col

from portal import clock
from portal.accounts.models import ApiToken
from portal.db import Database
from portal.errors import AlreadyDone, RuleBroken

DEFAULT_DAYS = 365
MAX_DAYS = 3 * 365
#: A key is looked up at most this often by each process: one that is revoked stops within this delay.
LOOKED_UP_EVERY = timedelta(minutes=1)
_REMEMBERED = 2_000
# Ours are 43 characters long; nothing much longer is worth hashing.
_MAX_LENGTH = 200
# How long the note that a key was used today waits for another writer; the next request will note it.
_PATIENCE_MS = 200

log = logging.getLogger("portal.accounts")


class Scope(StrEnum):
    """What a key opens."""

    API = "api"
    PLACES = "places"

    @property
    def label(self) -> str:
        """The scope as the interface says it."""
        return {"api": "Lire les offres et les structures", "places": "Lire les places disponibles"}[
            self.value
        ]


@dataclass(frozen=True, slots=True)
class Known:
    """A key that is neither revoked nor unknown."""

    id: uuid.UUID
    scopes: frozenset[str]
    expires_at: datetime


def make(
    session: Session,
    *,
    nom: str,
    scopes: Collection[str],
    days: int = DEFAULT_DAYS,
    id: uuid.UUID | None = None,
) -> tuple[ApiToken, str]:
    """Add a key good for `days` days and return it with its secret, which is kept nowhere.

    `id` is the new row's, when a form chose it. Raises RuleBroken when the name, the scopes or the number of days does
    not do, AlreadyDone when `id` is that of an existing key.
    """
    nom = nom.strip()
    if not 1 <= len(nom) <= 120:
        raise RuleBroken("Donnez à la clé le nom du logiciel, en 120 caractères au plus.", field="nom")
    unknown = sorted(set(scopes) - {scope.value for scope in Scope})
    if unknown or not scopes:
        raise RuleBroken("Choisissez au moins une des autorisations proposées.", field="scopes")
    if not 1 <= days <= MAX_DAYS:
        raise RuleBroken(f"La durée va de 1 à {MAX_DAYS} jours.", field="jours")
    if id is not None and session.get(ApiToken, id) is not None:
        raise AlreadyDone("Cette clé est déjà créée.")
    secret = secrets.token_urlsafe(32)
    token = ApiToken(
        nom=nom,
        scopes=sorted({str(scope) for scope in scopes}),
        token_hash=_digest(secret),
        expires_at=clock.now() + timedelta(days=days),
    )
    if id is not None:
        token.id = id
    session.add(token)
    session.flush()
    return token, secret


def revoke(session: Session, token: ApiToken) -> None:
    """Close a key for ever; each process learns it within LOOKED_UP_EVERY. Twice is as once."""
    if token.revoked_at is None:
        token.revoked_at = clock.now()
        session.add(token)


def find(session: Session, secret: str) -> ApiToken | None:
    """Return the key that bears this secret, past its end or not; None when there is none or it was revoked."""
    return _find(session, _digest(secret))


class Keyring:
    """The keys that a process met lately, so that the database is asked once a minute for each. Threads share it."""

    def __init__(self) -> None:
        self._met: dict[str, tuple[datetime, Known | None]] = {}
        self._lock = threading.Lock()

    def recognise(self, secret: str, session: Session, database: Database) -> Known | None:
        """Return the key that bears `secret`; None when it is unknown, revoked or past its end.

        The day of its last use is noted through `database`, apart from `session`, which may be read-only.
        """
        if not secret or len(secret) > _MAX_LENGTH:
            return None
        now, digest = clock.now(), _digest(secret)
        met = self._met.get(digest)
        if met is None or not now - LOOKED_UP_EVERY < met[0] <= now:
            found = _find(session, digest)
            known = None
            if found is not None:
                known = Known(found.id, frozenset(found.scopes), found.expires_at)
                if found.last_used_on != clock.today() and known.expires_at > now:
                    _note_use(database, found.id)
            with self._lock:
                if len(self._met) >= _REMEMBERED:
                    # Somebody tries secrets at random: forgetting all costs one look-up for each true key.
                    self._met.clear()
                self._met[digest] = met = (now, known)
        known = met[1]
        return known if known is not None and known.expires_at > now else None


def _find(session: Session, digest: str) -> ApiToken | None:
    statement = select(ApiToken).where(col(ApiToken.token_hash) == digest, col(ApiToken.revoked_at).is_(None))
    return session.execute(statement).scalar_one_or_none()


def _note_use(database: Database, token_id: uuid.UUID) -> None:
    session = database.sessions()
    try:
        session.connection(execution_options={"portal_patience_ms": _PATIENCE_MS})
        session.execute(
            update(ApiToken).where(col(ApiToken.id) == token_id).values(last_used_on=clock.today())
        )
        session.commit()
    except SQLAlchemyError:
        # The database is busy writing something else: the answer does not wait for this.
        session.rollback()
        log.info("use of the key %s not noted", token_id)
    finally:
        session.close()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
