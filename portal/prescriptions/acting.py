"""What every act shares: who may do it in the state things are in now, and the one place that writes a state."""

import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import Role, User
from portal.errors import AlreadyDone, NotAllowed
from portal.prescriptions.actors import Actor
from portal.prescriptions.models import (
    Prescription,
    Transition,
)
from portal.prescriptions.states import FINAL, ON_PAPER, TRANSITIONS, WHO_MAY, Act, Side, State
from portal.structures.models import Membership

# Somebody signed in stands on the side that the act belongs to; the others say which side is theirs.
By = User | Actor


PORTAL = Actor(Side.PORTAIL)


# What counts as an answer of the structure: the référent knows that somebody has read.
_ANSWERS = frozenset({Act.ETUDIER, Act.METTRE_EN_ATTENTE, Act.ACCEPTER, Act.REFUSER, Act.CONVENIR})


def begin(session: Session, prescription: Prescription, act: Act, side: Side, by: By) -> Actor:
    """Take the row, check that `by` may do `act` in the state it is in now, and return who acts."""
    lock(session, prescription)
    if WHO_MAY[act] is not side:
        raise NotAllowed("Cette action ne vous revient pas.")
    actor = stand(session, prescription, by, side, on_paper=act in ON_PAPER)
    if (prescription.state, act) not in TRANSITIONS:
        raise AlreadyDone(too_late(session, prescription))
    return actor


def stand(
    session: Session, prescription: Prescription, by: By, side: Side, *, on_paper: bool = False
) -> Actor:
    """Return who acts when `by` stands on `side` of this prescription; `on_paper`: a sheet of paper may say it.

    Raises NotAllowed when they do not stand there, or write down from paper what is not said on paper.
    """
    actor = as_actor(by, side)
    if actor.side is not side:
        raise NotAllowed("Cette action ne vous revient pas.")
    if actor.on_paper and not on_paper:
        raise NotAllowed("Cette action ne se fait pas sur papier.")
    check_side(session, prescription, actor)
    return actor


def move(
    session: Session,
    prescription: Prescription,
    act: Act,
    actor: Actor,
    message: str | None = None,
    *,
    message_personne: str | None = None,
    day: date | None = None,
) -> None:
    """The only place that writes a state; the history line goes with it."""
    origin = prescription.state
    prescription.state = TRANSITIONS[(origin, act)]
    now = clock.now()
    if prescription.state is not origin or act in _ANSWERS:
        # A word or a reminder does not put off the day on which a silence ends.
        prescription.updated_at = now
    if act in _ANSWERS and prescription.answered_at is None:
        prescription.answered_at = now
    session.add(
        Transition(
            prescription_id=prescription.id,
            act=act,
            from_state=origin,
            to_state=prescription.state,
            at=now,
            by_id=actor.user.id if actor.user else None,
            side=actor.side,
            sur_papier=actor.on_paper,
            jour=day,
            message=(message or "").strip() or None,
            message_personne=(message_personne or "").strip() or None,
        )
    )
    session.flush()


def lock(session: Session, prescription: Prescription) -> None:
    """Take the row until the transaction ends, and read it as it is now, not as it was when the page was opened."""
    session.exec(
        select(Prescription)
        .where(col(Prescription.id) == prescription.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def take_due(session: Session, *conditions: Any) -> Sequence[Prescription]:
    """Take the prescriptions that answer these conditions until the transaction ends; others' are left to them."""
    return session.exec(
        select(Prescription)
        .where(*conditions)
        .order_by(col(Prescription.id))
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()


def as_actor(by: By, side: Side) -> Actor:
    """Return `by` as an actor: somebody signed in stands on `side`."""
    return by if isinstance(by, Actor) else Actor(side, user=by)


def check_side(session: Session, prescription: Prescription, actor: Actor) -> None:
    """Raise NotAllowed when this prescription is not the actor's, on the side they stand on."""
    if actor.link_to is not None:
        if actor.link_to == prescription.id and prescription.state not in FINAL | {State.BROUILLON}:
            return
    elif actor.user is not None:
        theirs = prescription.referent_id == actor.user.id
        if (actor.side is Side.REFERENT or actor.on_paper) and theirs:
            return
        if (
            actor.side is Side.PARTENAIRE
            and not actor.on_paper
            and is_member(session, prescription.structure_id, actor.user)
        ):
            return
    raise NotAllowed("Cette prescription n’est pas la vôtre.")


def on_either_side(session: Session, prescription: Prescription, by: By) -> Actor:
    """Return who acts, on whichever side is theirs. Raises NotAllowed when `by` has no part in this prescription."""
    return stand(session, prescription, by, side_of_role(by) if isinstance(by, User) else by.side)


def side_of_role(user: User) -> Side:
    """Return the side on which somebody stands by their role. Raises NotAllowed for those who have no part."""
    side = {Role.REFERENT: Side.REFERENT, Role.PARTENAIRE: Side.PARTENAIRE}.get(user.role)
    if side is None:
        raise NotAllowed("Cette action ne vous revient pas.")
    return side


def are_colleagues(one: User, other: User) -> bool:
    """Say whether both are référents of one organisation, and `other` still works there."""
    return (
        other.role is Role.REFERENT
        and other.is_active
        and one.organisation_id is not None
        and one.organisation_id == other.organisation_id
        and one.id != other.id
    )


def is_member(session: Session, structure_id: uuid.UUID, user: User) -> bool:
    """Say whether `user` belongs to the structure."""
    return (
        session.exec(
            select(Membership.id).where(
                col(Membership.structure_id) == structure_id, col(Membership.user_id) == user.id
            )
        ).first()
        is not None
    )


def left_draft(session: Session, prescription: Prescription) -> tuple[Transition, User | None] | None:
    """Return the line by which a prescription stopped being a draft, and who did it; None while it is one."""
    found = session.execute(
        select(Transition, User)
        .join(User, col(User.id) == col(Transition.by_id), isouter=True)
        .where(
            col(Transition.prescription_id) == prescription.id,
            col(Transition.from_state) == State.BROUILLON,
            col(Transition.to_state) != State.BROUILLON,
        )
        .order_by(col(Transition.at), col(Transition.id))
        .limit(1)
    ).first()
    return (found[0], found[1]) if found is not None else None


def too_late(session: Session, prescription: Prescription) -> str:
    """Say where the prescription stands and who brought it there: of two who answer at once, the second is told."""
    done = f"Cette prescription est maintenant à l’état « {prescription.state.label.lower()} »"
    last = session.execute(
        select(Transition, User)
        .join(User, col(User.id) == col(Transition.by_id), isouter=True)
        .where(
            col(Transition.prescription_id) == prescription.id,
            col(Transition.to_state) == prescription.state,
            col(Transition.from_state) != col(Transition.to_state),
        )
        .order_by(col(Transition.at).desc(), col(Transition.id))
        .limit(1)
    ).first()
    if last is not None:
        line, user = last
        who = user.full_name if user else ("la structure" if line.side is Side.PARTENAIRE else "le portail")
        done += f", par {who}"
    return f"{done} : rien n’a été changé."
