"""What the prescriptions of a file may be chosen by: the structures, référents and conventions of those one may export.

Asked in this order: what was found narrows what is asked next, and nothing is looked through to its end.
"""

import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import and_, literal, or_
from sqlmodel import Session, col, select

from portal.accounts.models import Role, User
from portal.conventions.models import Convention, FinancedAction, PlaceMovement
from portal.conventions.states import ConventionState
from portal.engines.alphabetical import sort_key
from portal.prescriptions.models import Prescription
from portal.structures.models import Membership, Structure

Choices = list[tuple[uuid.UUID, str]]


def referents_of(session: Session, user: User) -> Choices:
    """Return (id, name) of the référents of the prescriptions that `user` may export, by name."""
    author = col(User.id)
    if user.role is Role.PARTENAIRE:
        # What their structures received is read in an index alone; it holds whose each is.
        conditions: list[Any] = [author.in_(_sent().where(_received(user)).distinct())]
    else:
        # Asked of each: the first prescription found is enough. (`LIMIT` keeps PostgreSQL from reading them all.)
        first = _sent().where(col(Prescription.referent_id) == author).limit(1).correlate(User)
        conditions = [first.scalar_subquery().is_not(None)]
        if user.role is Role.REFERENT:
            conditions.append(_team(user))
        elif user.role is not Role.CONVENTIONNEMENT:
            return []
    found = session.execute(select(author, col(User.prenom), col(User.nom)).where(*conditions))
    by_name = sorted(found, key=lambda row: (*sort_key(row.nom, row.prenom), row.id))
    return [(id, f"{first} {last}".strip()) for id, first, last in by_name]


def structures_of(session: Session, user: User, referents: Collection[uuid.UUID]) -> Choices:
    """Return (id, name) of the structures of the prescriptions that `user` may export, by name.

    `referents`: those of `referents_of`.
    """
    structure = col(Structure.id)
    if user.role is Role.REFERENT:
        # From their prescriptions, which are few: a structure may have thousands of others.
        theirs = (
            select(Prescription.structure_id)
            .where(col(Prescription.referent_id).in_(list(referents)), col(Prescription.sent_at).is_not(None))
            .distinct()
        )
        conditions: list[Any] = [structure.in_(theirs)]
    else:
        first = _sent().where(col(Prescription.structure_id) == structure).limit(1).correlate(Structure)
        conditions = [first.scalar_subquery().is_not(None)]
        if user.role is Role.PARTENAIRE:
            conditions.append(structure.in_(_own_structures(user)))
        elif user.role is not Role.CONVENTIONNEMENT:
            return []
    found = session.execute(select(structure, col(Structure.nom)).where(*conditions))
    return [(id, name) for id, name in sorted(found, key=lambda row: (*sort_key(row.nom), row.id))]


def conventions_of(session: Session, user: User, structures: Collection[uuid.UUID]) -> Choices:
    """Return (id, number and title) of the conventions whose places may have gone to these prescriptions, by number.

    `structures`: those of `structures_of`; the places of a convention go to prescriptions of its own structure. For
    the département, those whose places were taken.
    """
    if user.role is Role.CONVENTIONNEMENT:
        taken = (
            select(literal(1))
            .select_from(FinancedAction)
            .join(PlaceMovement, col(PlaceMovement.action_id) == col(FinancedAction.id))
            .where(col(FinancedAction.convention_id) == col(Convention.id))
            .correlate(Convention)
        )
        conditions: list[Any] = [taken.exists()]
    else:
        conditions = [
            col(Convention.structure_id).in_(list(structures)),
            col(Convention.state) != ConventionState.BROUILLON,
        ]
    found = session.execute(
        select(col(Convention.id), col(Convention.numero), col(Convention.intitule))
        .where(*conditions)
        .order_by(col(Convention.numero))
    )
    return [(id, f"{numero}, {intitule}") for id, numero, intitule in found]


def _sent() -> Any:
    return select(Prescription.referent_id).where(col(Prescription.sent_at).is_not(None))


def _team(user: User) -> Any:
    """Condition on User: this référent, and their colleagues (see `queries.readable_by`)."""
    colleague = and_(col(User.organisation_id) == user.organisation_id, col(User.role) == Role.REFERENT)
    return or_(col(User.id) == user.id, colleague)


def _received(user: User) -> Any:
    return col(Prescription.structure_id).in_(_own_structures(user))


def _own_structures(user: User) -> Any:
    return select(Membership.structure_id).where(col(Membership.user_id) == user.id)
