"""Which prescriptions a person may see, as statements. Need-to-know stands here, in the WHERE and in what is loaded."""

import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, and_, false, or_
from sqlalchemy.orm import joinedload, load_only
from sqlmodel import Session, col, func, select

from portal import clock
from portal.accounts.models import Role, User
from portal.beneficiaries.models import Beneficiary
from portal.conventions.models import PlaceProposal, Waiting
from portal.engines.alphabetical import by_name
from portal.prescriptions.models import Prescription, PrescriptionMessage, Transition
from portal.prescriptions.states import Side, State
from portal.structures.models import Membership


def side_of(user: User) -> Side | None:
    """Return the side on which a person stands in prescriptions; None for those who have no part in them."""
    return {Role.REFERENT: Side.REFERENT, Role.PARTENAIRE: Side.PARTENAIRE}.get(user.role)


def visible_to(user: User) -> Select[Any]:
    """The prescriptions that `user` may see, with offer and structure.

    A référent sees those they made, with the person. A partner sees those sent to its structure, without the
    person's file: what was shared stands in the prescription itself.
    """
    statement = select(Prescription).options(
        joinedload(Prescription.offer),  # type: ignore[arg-type]
        joinedload(Prescription.structure),  # type: ignore[arg-type]
        joinedload(Prescription.referent).joinedload(User.organisation),  # type: ignore[arg-type]
    )
    side = side_of(user)
    if side is Side.REFERENT:
        return statement.options(joinedload(Prescription.beneficiary)).where(  # type: ignore[arg-type]
            col(Prescription.referent_id) == user.id
        )
    if side is Side.PARTENAIRE:
        return statement.where(
            col(Prescription.sent_at).is_not(None),
            # A list rather than a question asked of each row: the index by structure is of use.
            col(Prescription.structure_id).in_(
                select(Membership.structure_id).where(col(Membership.user_id) == user.id)
            ),
        )
    return statement.where(false())


def counts(session: Session, user: User) -> dict[State, int]:
    """Return how many of `user`'s prescriptions stand in each state, in one statement."""
    mine = (
        visible_to(user).options().with_only_columns(col(Prescription.id), col(Prescription.state)).subquery()
    )
    rows = session.execute(select(mine.c.state, func.count()).group_by(mine.c.state)).all()
    return {State(state): int(number) for state, number in rows}


def readable_by(user: User) -> Select[Any]:
    """The prescriptions that `user` may read: those of `visible_to`, and for a référent their colleagues' sent ones.

    Colleagues are the référents of the same organisation. They read what was shared with the structure: of the
    person's file, nothing but the name and whose it is comes with it.
    """
    if side_of(user) is not Side.REFERENT:
        return visible_to(user)
    colleagues = select(User.id).where(
        col(User.organisation_id) == user.organisation_id, col(User.role) == Role.REFERENT
    )
    return (
        select(Prescription)
        .options(
            joinedload(Prescription.offer),  # type: ignore[arg-type]
            joinedload(Prescription.structure),  # type: ignore[arg-type]
            joinedload(Prescription.referent).joinedload(User.organisation),  # type: ignore[arg-type]
            joinedload(Prescription.beneficiary).options(  # type: ignore[arg-type]
                load_only(Beneficiary.prenom, Beneficiary.nom, Beneficiary.referent_id)  # type: ignore[arg-type]
            ),
        )
        .where(
            or_(
                col(Prescription.referent_id) == user.id,
                and_(col(Prescription.referent_id).in_(colleagues), col(Prescription.sent_at).is_not(None)),
            )
        )
    )


def waiting_number(session: Session, user: User) -> int:
    """Return how many of `user`'s prescriptions under study wait for a place, in one statement."""
    mine = (
        visible_to(user).options().with_only_columns(col(Prescription.id), col(Prescription.state)).subquery()
    )
    return int(
        session.execute(
            select(func.count())
            .select_from(mine)
            .join(Waiting, and_(col(Waiting.prescription_id) == mine.c.id, col(Waiting.left_at).is_(None)))
            .where(mine.c.state == State.A_L_ETUDE)
        ).scalar_one()
    )


def proposed_number(session: Session, user: User) -> int:
    """Return to how many of the référent's prescriptions a place is proposed now, in one statement."""
    return int(
        session.execute(
            select(func.count())
            .select_from(PlaceProposal)
            .join(Prescription, col(Prescription.id) == col(PlaceProposal.prescription_id))
            .where(
                col(Prescription.referent_id) == user.id,
                col(Prescription.state) == State.A_L_ETUDE,
                col(PlaceProposal.ended_at).is_(None),
                col(PlaceProposal.expires_at) > clock.now(),
            )
        ).scalar_one()
    )


def of_beneficiary(user: User, beneficiary_id: uuid.UUID) -> Select[Any]:
    """The prescriptions of one person that `user` may read, the latest first."""
    return (
        readable_by(user)
        .where(col(Prescription.beneficiary_id) == beneficiary_id)
        .order_by(col(Prescription.updated_at).desc(), col(Prescription.id))
    )


def chosen(user: User, ids: Collection[uuid.UUID]) -> Select[Any]:
    """Those of the prescriptions `ids` that `user` may act on, in an order that is the same for everybody."""
    return visible_to(user).where(col(Prescription.id).in_(list(ids))).order_by(col(Prescription.id))


def written_to(session: Session, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of the prescriptions `ids` whose person receives e-mails about them, in one statement.

    They agreed to it for this one, did not take it back in their file, and have an address.
    """
    if not ids:
        return set()
    return set(
        session.exec(
            select(Prescription.id)
            .join(Beneficiary, col(Beneficiary.id) == col(Prescription.beneficiary_id))
            .where(
                col(Prescription.id).in_(list(ids)),
                col(Prescription.ecrire_personne),
                col(Beneficiary.courriel_accord),
                func.coalesce(col(Beneficiary.courriel), "") != "",
            )
        )
    )


def colleagues_of(user: User) -> Select[Any]:
    """The référents of the same organisation who may take over from `user`, by name."""
    return (
        select(User)
        .where(
            col(User.organisation_id) == user.organisation_id,
            col(User.role) == Role.REFERENT,
            col(User.is_active),
            col(User.id) != user.id,
        )
        .order_by(by_name(col(User.nom)), by_name(col(User.prenom)), col(User.id))
    )


def members_of(structure_ids: Collection[uuid.UUID]) -> Select[Any]:
    """The people who belong to every one of these structures and may sign in, by name."""
    wanted = set(structure_ids)
    belongs = (
        select(Membership.user_id)
        .where(col(Membership.structure_id).in_(list(wanted)))
        .group_by(col(Membership.user_id))
        .having(func.count() == len(wanted))
    )
    return (
        select(User)
        .where(col(User.id).in_(belongs), col(User.is_active))
        .order_by(by_name(col(User.nom)), by_name(col(User.prenom)), col(User.id))
    )


def messages(prescription_id: uuid.UUID) -> Select[Any]:
    """The messages of both sides about a prescription with who wrote them, the newest first."""
    return (
        select(PrescriptionMessage)
        .where(col(PrescriptionMessage.prescription_id) == prescription_id)
        .options(joinedload(PrescriptionMessage.by))  # type: ignore[arg-type]
        .order_by(col(PrescriptionMessage.at).desc(), col(PrescriptionMessage.id))
    )


def history(prescription_id: uuid.UUID) -> Select[Any]:
    """The history of a prescription with who acted, the newest first."""
    return (
        select(Transition)
        .where(col(Transition.prescription_id) == prescription_id)
        .options(joinedload(Transition.by))  # type: ignore[arg-type]
        .order_by(
            col(Transition.at).desc(),
            # Begun and sent in the same instant: begun first.
            col(Transition.act).is_(None),
            col(Transition.id),
        )
    )
