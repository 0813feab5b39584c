"""Verbs on the members of a structure: who joins, at which level, who leaves."""

import uuid

from sqlmodel import Session, col, select

from portal.accounts.models import Role, User
from portal.errors import RuleBroken
from portal.structures.models import (
    Membership,
    MembershipLevel,
    Structure,
)


def join(
    session: Session, structure: Structure, user: User, *, level: MembershipLevel = MembershipLevel.MEMBRE
) -> Membership:
    """Make `user` a member of `structure` and return the membership, the existing one if there is.

    A member may become an administrator this way, never the reverse. Raises RuleBroken for anybody but a partner.
    """
    found = session.exec(
        select(Membership).where(
            col(Membership.user_id) == user.id, col(Membership.structure_id) == structure.id
        )
    ).one_or_none()
    if found is not None:
        if level is MembershipLevel.ADMINISTRATEUR:
            found.level = level
        return found
    if user.role is not Role.PARTENAIRE:
        raise RuleBroken("Seul un compte de partenaire peut rejoindre une structure.", field="courriel")
    membership = Membership(user_id=user.id, structure_id=structure.id, level=level)
    session.add(membership)
    session.flush()
    return membership


def set_level(
    session: Session, structure: Structure, membership_id: uuid.UUID, level: MembershipLevel
) -> None:
    """Give a member another level; one that is not of this structure, or is over, changes nothing.

    Raises RuleBroken when the last administrator would no longer be one: somebody must be able to answer.
    """
    members = _members_in_turn(session, structure)
    found = next((m for m in members if m.id == membership_id), None)
    if found is None or found.level is level:
        return
    if level is MembershipLevel.MEMBRE and _administrators(members) == [found]:
        raise RuleBroken("C’est le dernier administrateur : donnez d’abord ce droit à un autre membre.")
    found.level = level


def leave(session: Session, structure: Structure, membership_id: uuid.UUID) -> None:
    """End a membership; one that is not of this structure, or is over already, changes nothing.

    Raises RuleBroken when it is the last one, or the last administrator's: somebody must be able to answer.
    """
    members = _members_in_turn(session, structure)
    found = next((m for m in members if m.id == membership_id), None)
    if found is None:
        return
    if len(members) == 1:
        raise RuleBroken("C’est le dernier membre : invitez quelqu’un d’autre avant de le retirer.")
    if _administrators(members) == [found]:
        raise RuleBroken(
            "C’est le dernier administrateur : donnez d’abord ce droit à un autre membre, puis retirez-le."
        )
    session.delete(found)
    session.flush()


def _members_in_turn(session: Session, structure: Structure) -> list[Membership]:
    # Two administrators who leave at once would each see the other: one waits for the other.
    session.flush()
    session.refresh(structure, with_for_update=True)
    statement = select(Membership).where(col(Membership.structure_id) == structure.id)
    return list(session.exec(statement.execution_options(populate_existing=True)).all())


def _administrators(members: list[Membership]) -> list[Membership]:
    return [member for member in members if member.level is MembershipLevel.ADMINISTRATEUR]
