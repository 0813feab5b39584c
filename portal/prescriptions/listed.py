"""A prescription as a list shows it: what is read of it, for whom, and nothing more."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import and_, bindparam, null
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, exists, select

from portal import clock
from portal.accounts.models import Organisation, Role, User
from portal.beneficiaries.models import Beneficiary
from portal.conventions.models import PlaceProposal, Waiting
from portal.offers.models import OfferSession
from portal.prescriptions import attention
from portal.prescriptions.buckets import Late
from portal.prescriptions.models import Prescription
from portal.prescriptions.sharing import shared_name
from portal.prescriptions.states import State
from portal.structures.models import Structure, StructureState


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of a list.

    `name` is the person's, as the reader may know it; `by_file`: the reader follows them. `session_day`: the first day of the session that was chosen.
    `waits`: on a waiting list now. `proposed`: a place is proposed now.
    """

    id: uuid.UUID
    state: State
    name: str
    by_file: bool
    offre_nom: str
    structure: str
    structure_closed: bool
    referent_id: uuid.UUID
    referent: str
    organisation: str | None
    follower: str | None
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None
    rendez_vous_at: datetime | None
    session_day: date | None
    waits: bool
    proposed: bool


def shown(session: Session, user: User, ids: Sequence[uuid.UUID]) -> list[Listed]:
    """Return these prescriptions in this order, in one statement.

    Of the person's file, a référent reads the name; a partner nothing.
    """
    if not ids:
        return []
    statement = _statement(by_file=user.role is Role.REFERENT)
    rows = session.execute(statement, {"ids": list(ids), "now": clock.now()})
    found = {row[0]: row for row in rows}
    return [_line(user, found[id]) for id in ids if id in found]


def lateness(line: Listed, silence_days: int) -> Late | None:
    """Return what is late about a prescription of a list; None when nothing is (places proposed apart)."""
    if line.state is State.ENVOYEE and line.sent_at is not None:
        return Late.SANS_REPONSE if line.sent_at < clock.now() - timedelta(days=silence_days) else None
    if line.state is State.ACCEPTEE:
        met = line.rendez_vous_at is not None and line.rendez_vous_at < clock.now()
        begun = line.session_day is not None and line.session_day < clock.today()
        return Late.ENTREE if met or begun else None
    return None


# Made once each: to put it together costs more than to read a page of rows.
@cache
def _statement(*, by_file: bool) -> Any:
    author, follower = aliased(User), aliased(User)
    file = (Beneficiary.prenom, Beneficiary.nom, Beneficiary.referent_id) if by_file else (null(),) * 3
    proposed = exists().where(
        col(PlaceProposal.prescription_id) == Prescription.id, *attention.proposed_now()
    )
    statement: Any = (
        select(  # type: ignore[call-overload]
            Prescription.id,
            Prescription.state,
            Prescription.offre_nom,
            Prescription.referent_id,
            Prescription.donnees_partagees,
            Prescription.created_at,
            Prescription.updated_at,
            Prescription.sent_at,
            Prescription.rendez_vous_at,
            Structure.nom,
            Structure.state,
            author.prenom,
            author.nom,
            Organisation.nom,
            follower.prenom,
            follower.nom,
            OfferSession.debut,
            Waiting.id,
            proposed,
            *file,
        )
        .select_from(Prescription)
        .join(Structure, col(Structure.id) == Prescription.structure_id)
        .join(author, author.id == Prescription.referent_id)
        .outerjoin(Organisation, col(Organisation.id) == author.organisation_id)
        .outerjoin(follower, follower.id == Prescription.suivi_par_id)
        .outerjoin(OfferSession, col(OfferSession.id) == Prescription.session_id)
        # One at most: an index sees to it.
        .outerjoin(
            Waiting,
            and_(col(Waiting.prescription_id) == Prescription.id, col(Waiting.left_at).is_(None)),
        )
        .where(col(Prescription.id).in_(bindparam("ids", expanding=True)))
    )
    if by_file:
        statement = statement.join(Beneficiary, col(Beneficiary.id) == Prescription.beneficiary_id)
    return statement


def _line(user: User, row: Any) -> Listed:
    (
        id,
        state,
        offre_nom,
        referent_id,
        shared,
        created_at,
        updated_at,
        sent_at,
        rendez_vous_at,
        structure,
        structure_state,
        first_name,
        last_name,
        organisation,
        follower_first_name,
        follower_last_name,
        session_day,
        waiting,
        proposed,
        person_first_name,
        person_last_name,
        followed_by,
    ) = row
    # As `views.blueprint.name_of` has it on the page of the prescription.
    by_file = user.role is Role.REFERENT and followed_by == user.id
    reads_file = by_file or (user.role is Role.REFERENT and sent_at is None)
    return Listed(
        id=id,
        state=state,
        name=f"{person_first_name} {person_last_name}" if reads_file else shared_name(shared),
        by_file=by_file,
        offre_nom=offre_nom,
        structure=structure,
        structure_closed=structure_state is StructureState.FERMEE,
        referent_id=referent_id,
        referent=f"{first_name} {last_name}".strip(),
        organisation=organisation,
        follower=None
        if follower_last_name is None
        else f"{follower_first_name} {follower_last_name}".strip(),
        created_at=created_at,
        updated_at=updated_at,
        sent_at=sent_at,
        rendez_vous_at=rendez_vous_at,
        session_day=session_day,
        waits=waiting is not None,
        proposed=bool(proposed),
    )
