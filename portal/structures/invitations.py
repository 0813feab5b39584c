"""How people come into a structure: invited by e-mail, or because they ask to."""

import secrets
import uuid
from datetime import timedelta
from enum import StrEnum

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from portal import clock, links
from portal.accounts import rules as accounts
from portal.accounts.models import Role, User
from portal.errors import AlreadyDone, NotAllowed, RuleBroken
from portal.structures import members
from portal.structures.models import (
    Invitation,
    JoinRequest,
    JoinState,
    Membership,
    MembershipLevel,
    Structure,
)

LIFE = timedelta(days=14)
_PURPOSE = "invitation"
# The row says until when; the signature only outlives it.
_SIGNATURE_DAYS = 365


class End(StrEnum):
    """Why an invitation's link opens nothing."""

    UNKNOWN = "unknown"
    REPLACED = "replaced"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    USED = "used"


class DeadInvitation(Exception):
    """The link opens nothing; `end` says why, `invitation` is the one it was for when it is known."""

    def __init__(self, end: End, invitation: Invitation | None = None) -> None:
        super().__init__(end.value)
        self.end = end
        self.invitation = invitation


def invite(
    session: Session,
    structure: Structure,
    *,
    courriel: str,
    level: MembershipLevel,
    by: User,
    id: uuid.UUID | None = None,
) -> Invitation:
    """Invite the person of this address; return the invitation, whose link is still to send.

    One that had expired takes the place of a new one. `id` is the one the form was given when it was opened: raises
    AlreadyDone when it was sent already. Raises RuleBroken when the person is invited or is a member already, or when
    their account may not join.
    """
    courriel = courriel.strip().lower()
    if id is not None and session.get(Invitation, id) is not None:
        raise AlreadyDone("Cette invitation est déjà partie.")
    user = accounts.find_user(session, courriel)
    if user is not None:
        _refuse_account(user)
        if _membership(session, structure.id, user.id) is not None:
            raise RuleBroken(f"{user.full_name} fait déjà partie de la structure.", field="courriel")
    waiting = _open_for(session, structure.id, courriel)
    if waiting is not None:
        if waiting.expires_at > clock.now():
            raise RuleBroken(
                "Cette personne est déjà invitée : utilisez « Renvoyer » pour lui écrire de nouveau.",
                field="courriel",
            )
        waiting.level = level
        waiting.invited_by_id = by.id
        return resend(session, waiting)
    invitation = Invitation(
        structure_id=structure.id,
        courriel=courriel,
        level=level,
        nonce=secrets.token_urlsafe(24),
        invited_by_id=by.id,
        sent_at=clock.now(),
        expires_at=clock.now() + LIFE,
    )
    if id is not None:
        invitation.id = id
    try:
        with session.begin_nested():
            session.add(invitation)
    except IntegrityError:
        # Two requests at once: the database kept the first one. Any other refusal is a fault, and said as one.
        if _open_for(session, structure.id, courriel) is None:
            raise
        raise AlreadyDone("Cette invitation est déjà partie.") from None
    return invitation


def resend(session: Session, invitation: Invitation) -> Invitation:
    """Give the invitation a new link, good for LIFE; the former one opens nothing. Return it.

    Raises AlreadyDone when it is used or cancelled.
    """
    _in_turn(session, invitation)
    _refuse_ended(invitation)
    invitation.nonce = secrets.token_urlsafe(24)
    invitation.sent_at = clock.now()
    invitation.expires_at = clock.now() + LIFE
    session.flush()
    return invitation


def cancel(session: Session, invitation: Invitation) -> None:
    """Call an invitation off; its link opens nothing. Raises AlreadyDone when somebody used it already."""
    _in_turn(session, invitation)
    if invitation.cancelled_at is not None:
        return
    _refuse_ended(invitation)
    invitation.cancelled_at = clock.now()


def link_of(invitation: Invitation, secret: str) -> str:
    """Return what the link of this invitation carries: signed with `secret`, no address and no name in it."""
    return links.sign(secret, _PURPOSE, [str(invitation.id), invitation.nonce])


def open_link(session: Session, text: str, secret: str, *, to_use: bool = False) -> Invitation:
    """Return the invitation that this link opens. `to_use` keeps others off it. Raises DeadInvitation."""
    try:
        found_id, nonce = links.read(secret, _PURPOSE, text, days=_SIGNATURE_DAYS)
        wanted = uuid.UUID(found_id)
    except (links.DeadLink, ValueError):
        raise DeadInvitation(End.UNKNOWN) from None
    statement = select(Invitation).where(col(Invitation.id) == wanted)
    if to_use:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    invitation = session.exec(statement).one_or_none()
    if invitation is None:
        raise DeadInvitation(End.UNKNOWN)
    if invitation.accepted_at is not None:
        raise DeadInvitation(End.USED, invitation)
    if invitation.cancelled_at is not None:
        raise DeadInvitation(End.CANCELLED, invitation)
    if not secrets.compare_digest(invitation.nonce, nonce):
        raise DeadInvitation(End.REPLACED, invitation)
    if invitation.expires_at <= clock.now():
        raise DeadInvitation(End.EXPIRED, invitation)
    return invitation


def accept(session: Session, invitation: Invitation, user: User) -> Membership:
    """Make `user` a member; `invitation` was opened `to_use`. Return the membership.

    Raises NotAllowed when the invitation is for another address, RuleBroken when the account may not join.
    """
    if user.courriel != invitation.courriel:
        raise NotAllowed("Cette invitation est pour une autre adresse électronique.")
    _refuse_account(user)
    structure = session.get_one(Structure, invitation.structure_id)
    membership = members.join(session, structure, user, level=invitation.level)
    invitation.accepted_at = clock.now()
    waiting = pending_request(session, structure.id, user.id)
    if waiting is not None:
        _decide(waiting, JoinState.ACCEPTEE, by_id=invitation.invited_by_id)
    return membership


def accept_as_newcomer(
    session: Session, invitation: Invitation, *, prenom: str, nom: str, password: str
) -> User:
    """Open a partner's account at the invited address, with this password, and make it a member; return the person.

    `invitation` was opened `to_use`. Raises RuleBroken when the address has an account or the password is too weak.
    """
    user = accounts.create_user(
        session, courriel=invitation.courriel, prenom=prenom, nom=nom, role=Role.PARTENAIRE
    )
    accounts.give_password(user, password)
    accept(session, invitation, user)
    return user


def refused_account(user: User) -> str | None:
    """Return the sentence that says why this account may not join a structure, None when it may."""
    if user.role is not Role.PARTENAIRE:
        return "Seul un compte de partenaire peut rejoindre une structure."
    if not user.is_active:
        return "Le compte de cette personne est fermé : demandez à l’administrateur du portail de le rouvrir."
    return None


def ask_to_join(session: Session, structure: Structure, *, by: User, message: str | None) -> JoinRequest:
    """Ask, for `by`, to join `structure`; return the request.

    Raises AlreadyDone when they are a member or asked already, NotAllowed when they are not a partner.
    """
    if by.role is not Role.PARTENAIRE:
        raise NotAllowed("Seul un compte de partenaire peut rejoindre une structure.")
    if _membership(session, structure.id, by.id) is not None:
        raise AlreadyDone(f"Vous faites déjà partie de « {structure.nom} ».")
    sent = AlreadyDone(f"Votre demande pour rejoindre « {structure.nom} » est déjà envoyée.")
    if pending_request(session, structure.id, by.id) is not None:
        raise sent
    request = JoinRequest(structure_id=structure.id, user_id=by.id, message=(message or "").strip() or None)
    try:
        with session.begin_nested():
            session.add(request)
    except IntegrityError:
        if pending_request(session, structure.id, by.id) is None:
            raise
        raise sent from None
    return request


def accept_request(session: Session, request: JoinRequest, *, level: MembershipLevel, by: User) -> Membership:
    """Let the person in at this level; return the membership.

    Raises AlreadyDone when somebody answered already, RuleBroken when the account may not join.
    """
    _answer_in_turn(session, request)
    user = session.get_one(User, request.user_id)
    _refuse_account(user)
    membership = members.join(session, session.get_one(Structure, request.structure_id), user, level=level)
    _decide(request, JoinState.ACCEPTEE, by_id=by.id)
    invited = _open_for(session, request.structure_id, user.courriel)
    if invited is not None:
        # They are in: the link that was sent to them has nothing left to open.
        invited.accepted_at = clock.now()
    return membership


def refuse_request(session: Session, request: JoinRequest, *, by: User) -> None:
    """Say no. Raises AlreadyDone when somebody answered already."""
    _answer_in_turn(session, request)
    _decide(request, JoinState.REFUSEE, by_id=by.id)


def pending_request(session: Session, structure_id: uuid.UUID, user_id: uuid.UUID) -> JoinRequest | None:
    """Return the request of this person to this structure that nobody answered yet."""
    return session.exec(
        select(JoinRequest).where(
            col(JoinRequest.structure_id) == structure_id,
            col(JoinRequest.user_id) == user_id,
            col(JoinRequest.state) == JoinState.EN_ATTENTE,
        )
    ).one_or_none()


def _decide(request: JoinRequest, state: JoinState, *, by_id: uuid.UUID | None) -> None:
    request.state = state
    request.decided_at = clock.now()
    request.decided_by_id = by_id


def _answer_in_turn(session: Session, request: JoinRequest) -> None:
    session.flush()
    session.refresh(request, with_for_update=True)
    if request.state is not JoinState.EN_ATTENTE:
        raise AlreadyDone("Quelqu’un a déjà répondu à cette demande.")


def _in_turn(session: Session, invitation: Invitation) -> None:
    session.flush()
    session.refresh(invitation, with_for_update=True)


def _refuse_ended(invitation: Invitation) -> None:
    if invitation.accepted_at is not None:
        raise AlreadyDone("Cette personne a déjà accepté l’invitation.")
    if invitation.cancelled_at is not None:
        raise AlreadyDone("Cette invitation est annulée : invitez la personne de nouveau.")


def _refuse_account(user: User) -> None:
    sentence = refused_account(user)
    if sentence is not None:
        raise RuleBroken(sentence, field="courriel")


def _membership(session: Session, structure_id: uuid.UUID, user_id: uuid.UUID) -> Membership | None:
    return session.exec(
        select(Membership).where(
            col(Membership.structure_id) == structure_id, col(Membership.user_id) == user_id
        )
    ).one_or_none()


def _open_for(session: Session, structure_id: uuid.UUID, courriel: str) -> Invitation | None:
    return session.exec(
        select(Invitation).where(
            col(Invitation.structure_id) == structure_id,
            col(Invitation.courriel) == courriel,
            col(Invitation.accepted_at).is_(None),
            col(Invitation.cancelled_at).is_(None),
        )
    ).one_or_none()
