"""The waiting list of an offer: who comes first, and the places proposed to them one after the other.

A proposal holds no place in the ledger: nobody may take the place of those who wait since longer, and that is enough.
"""

import uuid
from collections.abc import Collection
from datetime import timedelta

from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from portal import clock
from portal.conventions.models import PlaceProposal, ProposalEnd, Waiting


def opened(session: Session, prescription_id: uuid.UUID) -> Waiting | None:
    """Return the line of a prescription that waits now; None when it is on no list."""
    return session.exec(
        select(Waiting).where(col(Waiting.prescription_id) == prescription_id, col(Waiting.left_at).is_(None))
    ).one_or_none()


def in_order(offer_id: uuid.UUID) -> SelectOfScalar[Waiting]:
    """Those who wait on an offer, the first ahead."""
    return (
        select(Waiting)
        .where(col(Waiting.offer_id) == offer_id, col(Waiting.left_at).is_(None))
        .order_by(col(Waiting.rang_at), col(Waiting.id))
    )


def ahead(session: Session, *, offer_id: uuid.UUID, prescription_id: uuid.UUID) -> int:
    """Return how many wait on the offer before this prescription; everybody when it is not on the list."""
    mine = opened(session, prescription_id)
    statement = (
        select(func.count())
        .select_from(Waiting)
        .where(col(Waiting.offer_id) == offer_id, col(Waiting.left_at).is_(None))
    )
    if mine is not None:
        earlier = (col(Waiting.rang_at) < mine.rang_at) | (
            (col(Waiting.rang_at) == mine.rang_at) & (col(Waiting.id) < mine.id)
        )
        statement = statement.where(earlier)
    return int(session.exec(statement).one())


def join(session: Session, *, offer_id: uuid.UUID, prescription_id: uuid.UUID) -> Waiting:
    """Put a prescription at the end of the list and return its line; whether it may wait is for `ledger` to say."""
    now = clock.now()
    line = Waiting(offer_id=offer_id, prescription_id=prescription_id, joined_at=now, rang_at=now)
    session.add(line)
    session.flush()
    return line


def leave(
    session: Session, *, prescription_id: uuid.UUID, outcome: ProposalEnd = ProposalEnd.RETIREE
) -> None:
    """Take a prescription off the list, and end the proposal made to it; nothing when it is not on one."""
    found = opened(session, prescription_id)
    if found is not None:
        found.left_at = clock.now()
        end_proposal(session, prescription_id, outcome)


def proposal_of(session: Session, prescription_id: uuid.UUID) -> PlaceProposal | None:
    """Return the place that is proposed to a prescription now, if any."""
    return session.exec(
        select(PlaceProposal).where(
            col(PlaceProposal.prescription_id) == prescription_id, col(PlaceProposal.ended_at).is_(None)
        )
    ).one_or_none()


def proposals_of(session: Session, offer_id: uuid.UUID) -> dict[uuid.UUID, PlaceProposal]:
    """Return the places that are proposed now on an offer, by the id of the line that waits."""
    return {
        proposal.waiting_id: proposal
        for proposal in session.exec(
            select(PlaceProposal).where(
                col(PlaceProposal.offer_id) == offer_id, col(PlaceProposal.ended_at).is_(None)
            )
        )
    }


def propose(
    session: Session,
    offer_id: uuid.UUID,
    *,
    free: int,
    days: int,
    among: Collection[uuid.UUID] | None = None,
) -> list[PlaceProposal]:
    """Propose `free` places to the first who wait, for `days` days; return the proposals that are new.

    Those made before and still open count among them; those beyond what is free are taken back. The caller holds the
    rows of the actions, and those of the prescriptions `among` which proposals are made or taken back (all when None).
    """
    open_ones = proposals_of(session, offer_id)
    made = []
    now = clock.now()
    for rank, line in enumerate(session.exec(in_order(offer_id))):
        proposal = open_ones.pop(line.id, None)
        if among is not None and line.prescription_id not in among:
            continue
        if rank >= free:
            if proposal is not None:
                _end(proposal, ProposalEnd.RETIREE)
        elif proposal is None:
            made.append(
                PlaceProposal(
                    waiting_id=line.id,
                    prescription_id=line.prescription_id,
                    offer_id=offer_id,
                    proposed_at=now,
                    expires_at=now + timedelta(days=days),
                )
            )
    session.add_all(made)
    session.flush()
    return made


def end_proposal(session: Session, prescription_id: uuid.UUID, outcome: ProposalEnd) -> PlaceProposal | None:
    """End the proposal made to a prescription and return it. Left or expired, the person goes to the end of the list."""
    found = proposal_of(session, prescription_id)
    if found is None:
        return None
    _end(found, outcome)
    if outcome in {ProposalEnd.LAISSEE, ProposalEnd.EXPIREE}:
        session.get_one(Waiting, found.waiting_id).rang_at = clock.now()
    session.flush()
    return found


def overdue(session: Session) -> list[PlaceProposal]:
    """Return the proposals whose delay is over. Whoever ends one first takes the row of its prescription."""
    return list(
        session.exec(
            select(PlaceProposal)
            .where(col(PlaceProposal.ended_at).is_(None), col(PlaceProposal.expires_at) <= clock.now())
            .order_by(col(PlaceProposal.expires_at), col(PlaceProposal.id))
        )
    )


def offers_waited_for(session: Session) -> list[uuid.UUID]:
    """Return the offers on which somebody waits."""
    return list(
        session.exec(
            select(Waiting.offer_id)
            .where(col(Waiting.left_at).is_(None))
            .distinct()
            .order_by(col(Waiting.offer_id))
        )
    )


def move_offer(session: Session, *, origin: uuid.UUID, target: uuid.UUID) -> None:
    """Have those who wait on the offer `origin` wait on `target`, each at their moment."""
    for line in session.exec(select(Waiting).where(col(Waiting.offer_id) == origin)):
        line.offer_id = target
    for proposal in session.exec(select(PlaceProposal).where(col(PlaceProposal.offer_id) == origin)):
        proposal.offer_id = target


def _end(proposal: PlaceProposal, outcome: ProposalEnd) -> None:
    proposal.outcome = outcome
    proposal.ended_at = clock.now()
