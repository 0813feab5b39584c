"""Verbs on accounts: create, set a password, sign in; and putting a message in the outbox."""

import hashlib
import secrets
import uuid
from datetime import timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import Organisation, OrganisationKind, OutgoingMail, PasswordLink, Role, User
from portal.errors import RuleBroken

PASSWORD_MINIMUM = 12
LINK_LIFE = timedelta(days=3)

_TAKEN = "Un compte existe déjà pour cette adresse électronique."
_hasher = PasswordHasher()
# Checked when the address is unknown, so that the answer takes as long as for a wrong password.
_NOBODY = _hasher.hash(secrets.token_hex(16))


def create_user(
    session: Session,
    *,
    courriel: str,
    prenom: str,
    nom: str,
    role: Role,
    organisation: Organisation | None = None,
) -> User:
    """Add an account without a password (see `make_password_link`) and return it.

    Raises RuleBroken when the address already has an account, or when a référent has no organisation.
    """
    courriel = courriel.strip().lower()
    if find_user(session, courriel) is not None:
        raise RuleBroken(_TAKEN, field="courriel")
    if role is Role.REFERENT and organisation is None:
        raise RuleBroken("Un référent appartient à un organisme : choisissez-le.", field="organisation_id")
    user = User(
        courriel=courriel,
        prenom=prenom,
        nom=nom,
        role=role,
        organisation_id=organisation.id if organisation else None,
        session_key=secrets.token_hex(16),
    )
    try:
        with session.begin_nested():
            session.add(user)
    except IntegrityError:
        # Two requests at once: the database kept the first one. Any other refusal is a fault, and said as one.
        if find_user(session, courriel) is None:
            raise
        raise RuleBroken(_TAKEN, field="courriel") from None
    return user


def sign_up(session: Session, *, courriel: str, prenom: str, nom: str) -> tuple[User, bool]:
    """Open a partner's account for whoever asks; return it, or the one that the address has already, and which it is.

    True: the account is new. Nothing of an account that exists is changed.
    """
    existing = find_user(session, courriel)
    if existing is not None:
        return existing, False
    try:
        user = create_user(session, courriel=courriel, prenom=prenom, nom=nom, role=Role.PARTENAIRE)
    except RuleBroken:
        return session.exec(select(User).where(col(User.courriel) == courriel.strip().lower())).one(), False
    return user, True


def find_user(session: Session, courriel: str) -> User | None:
    """Return the account of this address, whatever its case, or None."""
    return session.exec(select(User).where(col(User.courriel) == courriel.strip().lower())).one_or_none()


def create_organisation(session: Session, *, nom: str, kind: OrganisationKind) -> Organisation:
    """Add an organisation and return it. Raises RuleBroken when the name is taken."""
    if session.exec(select(Organisation).where(col(Organisation.nom) == nom)).one_or_none() is not None:
        raise RuleBroken("Un organisme porte déjà ce nom.", field="nom")
    organisation = Organisation(nom=nom, kind=kind)
    session.add(organisation)
    session.flush()
    return organisation


def make_password_link(session: Session, user: User) -> str:
    """Return the secret of a new one-time link, good for three days; earlier links of this person stop working."""
    for link in session.exec(
        select(PasswordLink).where(col(PasswordLink.user_id) == user.id, col(PasswordLink.used_at).is_(None))
    ):
        link.used_at = clock.now()
    token = secrets.token_urlsafe(32)
    session.add(PasswordLink(user_id=user.id, token_hash=_digest(token), expires_at=clock.now() + LINK_LIFE))
    session.flush()
    return token


def open_password_link(session: Session, token: str, *, to_use: bool = False) -> PasswordLink | None:
    """Return the link that bears this secret if it can still be used, or None. `to_use` keeps others off it."""
    statement = select(PasswordLink).where(col(PasswordLink.token_hash) == _digest(token))
    link = session.exec(statement.with_for_update() if to_use else statement).one_or_none()
    if link is None or link.used_at is not None or link.expires_at <= clock.now():
        return None
    return link


def set_password(session: Session, link: PasswordLink, password: str) -> User:
    """Give the link's person this password, use the link up, close their open sessions; return the person.

    Raises RuleBroken when the password is too short or is made from the address.
    """
    user = session.get_one(User, link.user_id)
    give_password(user, password)
    link.used_at = clock.now()
    return user


def give_password(user: User, password: str) -> None:
    """Give `user` this password and close their open sessions.

    Raises RuleBroken when it is too short or is made from the address.
    """
    if len(password) < PASSWORD_MINIMUM:
        raise RuleBroken(
            f"Choisissez un mot de passe d’au moins {PASSWORD_MINIMUM} caractères.", field="mot_de_passe"
        )
    if user.courriel.split("@")[0] in password.lower() or len(set(password)) < 5:
        raise RuleBroken(
            "Ce mot de passe est trop facile à deviner : une phrase de quatre mots convient bien.",
            field="mot_de_passe",
        )
    user.password_hash = _hasher.hash(password)
    user.session_key = secrets.token_hex(16)


def check_sign_in(session: Session, *, courriel: str, password: str) -> User:
    """Return the person who signs in. Raises RuleBroken, with one sentence for every cause, when they may not."""
    user = find_user(session, courriel)
    known_hash = user.password_hash if user is not None and user.password_hash else None
    try:
        _hasher.verify(known_hash or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        known_hash = None
    if user is None or known_hash is None or not user.is_active:
        raise RuleBroken("L’adresse ou le mot de passe ne convient pas.")
    if _hasher.check_needs_rehash(known_hash):
        user.password_hash = _hasher.hash(password)
    user.last_sign_in_at = clock.now()
    return user


def close_sessions(session: Session, user: User) -> None:
    """Sign the person out everywhere."""
    user.session_key = secrets.token_hex(16)
    session.add(user)


def set_active(session: Session, user: User, *, active: bool, by: User) -> None:
    """Open or close an account; a closed one is signed out. Raises RuleBroken for one's own account."""
    if user.id == by.id:
        raise RuleBroken("Vous ne pouvez pas fermer votre propre compte.")
    user.is_active = active
    close_sessions(session, user)


def queue_mail(session: Session, *, recipient: str, subject: str, body: str) -> OutgoingMail:
    """Put a message in the outbox; it leaves with `jobs run`. Nothing personal goes in `subject`."""
    mail = OutgoingMail(recipient=recipient, subject=subject, body=body)
    session.add(mail)
    return mail


def user_of_session(session: Session, kept: str) -> User | None:
    """Return the person that a session's text (`User.get_id`) names, if it is still open."""
    text, _, key = kept.partition(".")
    try:
        user = session.get(User, uuid.UUID(text))
    except ValueError:
        return None
    if user is None or not user.is_active or not secrets.compare_digest(user.session_key, key):
        return None
    return user


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
