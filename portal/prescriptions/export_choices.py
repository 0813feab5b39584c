"""What the prescriptions of a file may be chosen by: the structures, référents and conventions of those one may export."""

import uuid
from typing import Any

from sqlalchemy import and_, literal, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, exists, select

from portal.accounts.models import Role, User
from portal.conventions.models import ActionOffer, Convention, FinancedAction, PlaceMovement
from portal.engines.alphabetical import by_name
from portal.offers.models import Offer
from portal.prescriptions.exports import scope
from portal.prescriptions.models import Prescription
from portal.structures.models import Membership, Structure


def structures_of(session: Session, user: User) -> list[tuple[uuid.UUID, str]]:
    """Return (id, name) of the structures of the prescriptions that `user` may export, by name."""
    if user.role is Role.REFERENT:
        # From their prescriptions, which are few: a structure may have thousands of others.
        conditions: list[Any] = [col(Structure.id).in_(select(Prescription.structure_id).where(*scope(user)))]
    else:
        # Asked of each structure: the first prescription found is enough.
        conditions = [exists().where(col(Prescription.structure_id) == col(Structure.id), *scope(user))]
    if user.role is Role.PARTENAIRE:
        conditions.append(col(Structure.id).in_(_own_structures(user)))
    found = session.execute(
        select(col(Structure.id), col(Structure.nom)).where(*conditions).order_by(by_name(col(Structure.nom)), col(Structure.id))
    )
    return [(id, name) for id, name in found]


def referents_of(session: Session, user: User) -> list[tuple[uuid.UUID, str]]:
    """Return (id, name) of the référents of the prescriptions that `user` may export, by name."""
    author: Any = aliased(User)
    conditions: list[Any] = [exists().where(col(Prescription.referent_id) == author.id, *scope(user))]
    if user.role is Role.REFERENT:
        # The others' prescriptions would be looked through to the end, for nothing.
        conditions.append(
            or_(
                author.id == user.id,
                and_(author.organisation_id == user.organisation_id, author.role == Role.REFERENT),
            )
        )
    found = session.execute(
        select(author.id, author.prenom, author.nom)
        .where(*conditions)
        .order_by(by_name(author.nom), by_name(author.prenom), author.id)
    )
    return [(id, f"{first} {last}".strip()) for id, first, last in found]


def conventions_of(session: Session, user: User) -> list[tuple[uuid.UUID, str]]:
    """Return (id, number and title) of the conventions whose places these prescriptions took, by number."""
    statement = select(col(Convention.id), col(Convention.numero), col(Convention.intitule))
    if user.role is Role.REFERENT:
        # From their prescriptions, as for the structures.
        theirs = select(Prescription.id).where(*scope(user))
        actions = select(PlaceMovement.action_id).where(col(PlaceMovement.prescription_id).in_(theirs))
        statement = statement.where(
            col(Convention.id).in_(
                select(FinancedAction.convention_id).where(col(FinancedAction.id).in_(actions))
            )
        )
    else:
        taken = (
            select(literal(1))
            .select_from(FinancedAction)
            .join(PlaceMovement, col(PlaceMovement.action_id) == col(FinancedAction.id))
            .join(Prescription, col(Prescription.id) == col(PlaceMovement.prescription_id))
            .where(col(FinancedAction.convention_id) == col(Convention.id), *scope(user))
            .correlate(Convention)
        )
        statement = statement.where(taken.exists())
    if user.role is Role.PARTENAIRE:
        # The others' conventions would be looked through to the end, for nothing.
        statement = statement.where(
            col(Convention.id).in_(
                select(FinancedAction.convention_id)
                .join(ActionOffer, col(ActionOffer.action_id) == col(FinancedAction.id))
                .join(Offer, col(Offer.id) == col(ActionOffer.offer_id))
                .where(col(Offer.structure_id).in_(_own_structures(user)))
            )
        )
    found = session.execute(statement.order_by(col(Convention.numero)))
    return [(id, f"{numero}, {intitule}") for id, numero, intitule in found]


def _own_structures(user: User) -> Any:
    return select(Membership.structure_id).where(col(Membership.user_id) == user.id)
