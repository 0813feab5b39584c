"""What time brings: silences that end, people who do not come, freed places that are proposed."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy
from sqlmodel import Session, col, func, select

from portal import clock
from portal.conventions import follow_up, ledger, taking, waiting
from portal.conventions.models import (
    ActionOffer,
    Convention,
    FinancedAction,
    PlaceMovement,
    ProposalEnd,
    Waiting,
)
from portal.conventions.states import ConventionState
from portal.offers.models import OfferSession
from portal.prescriptions.acting import PORTAL, move, take_due
from portal.prescriptions.models import (
    ExitReason,
    Prescription,
)
from portal.prescriptions.states import Act, State


def expire_unanswered(session: Session) -> list[Prescription]:
    """Expire the prescriptions left without an answer for too long (the département's delays), those who wait apart.

    The delay runs from the day that was proposed, when there is one (see `silent_since`), and for those who wait from
    the day on which nothing is left to wait for (see `waits_in_vain`). Returns them. Safe to run twice or on two
    machines: each is taken once.
    """
    rules = follow_up.in_force(session)
    waits = select(Waiting.prescription_id).where(col(Waiting.left_at).is_(None))
    vain = waits_in_vain(session)
    expired = []
    for state, days in (
        (State.ENVOYEE, rules.expiration_envoyee_jours),
        (State.A_L_ETUDE, rules.expiration_etude_jours),
    ):
        before = clock.now() - timedelta(days=days)
        later = select(OfferSession.id).where(col(OfferSession.debut) > before.astimezone(clock.PARIS).date())
        for prescription in take_due(
            session,
            col(Prescription.state) == state,
            col(Prescription.updated_at) < before,
            col(Prescription.rendez_vous_at).is_(None) | (col(Prescription.rendez_vous_at) < before),
            col(Prescription.session_id).is_(None) | col(Prescription.session_id).not_in(later),
            col(Prescription.id).not_in(waits)
            | col(Prescription.id).in_([id for id, since in vain.items() if since < before]),
        ):
            waiting.leave(session, prescription_id=prescription.id)
            move(session, prescription, Act.EXPIRER, PORTAL, f"Sans réponse depuis {days} jours.")
            expired.append(prescription)
    return expired


def waits_in_vain(session: Session, *ids: uuid.UUID) -> dict[uuid.UUID, datetime]:
    """Return {prescription: since when} of those (among `ids`, or all) who wait for a place that no convention will give.

    Since the day after the last one that financed the offer; since they came when none does any more. In one statement.
    """
    last: Any = func.max(col(Convention.date_fin))
    gave = [ConventionState.SIGNEE, ConventionState.CLOSE, ConventionState.RESILIEE]
    statement = (
        sqlalchemy.select(col(Waiting.prescription_id), col(Waiting.joined_at), last)
        .join(ActionOffer, col(ActionOffer.offer_id) == col(Waiting.offer_id), isouter=True)
        .join(FinancedAction, col(FinancedAction.id) == col(ActionOffer.action_id), isouter=True)
        .join(
            Convention,
            (col(Convention.id) == col(FinancedAction.convention_id)) & col(Convention.state).in_(gave),
            isouter=True,
        )
        .where(col(Waiting.left_at).is_(None))
        .group_by(col(Waiting.prescription_id), col(Waiting.joined_at))
        .having(last.is_(None) | (last < clock.today()))
    )
    if ids:
        statement = statement.where(col(Waiting.prescription_id).in_(ids))
    return {
        id: joined if end is None else datetime.combine(end + timedelta(days=1), time(), tzinfo=clock.PARIS)
        for id, joined, end in session.execute(statement)
    }


def silent_since(updated_at: datetime, meeting: datetime | None, begins: date | None) -> datetime:
    """Return since when an answer is awaited: since the last one, or the day that it proposed when that comes later.

    `meeting` and `begins` are the prescription's: its appointment, and the first day of its session.
    """
    first = datetime.combine(begins, time(), tzinfo=clock.PARIS) if begins else None
    return max(moment for moment in (updated_at, meeting, first) if moment is not None)


# Days left to declare an entry once the convention of the place is over, when it sets no delay of its own.
AFTER_THE_END = 30


@dataclass(frozen=True, slots=True)
class Release:
    """When a held place is freed: after the day `after`, since `why`; `delay` is the convention's own, in days."""

    after: date
    why: str
    delay: int | None


def release_days(session: Session) -> dict[uuid.UUID, Release]:
    """Return when the place of each accepted prescription is freed if no entry is declared, in two statements.

    The delay of the convention runs from the day the person is expected. A convention that sets none keeps the place
    until it is over and `AFTER_THE_END` days have passed; until then its prescriptions are absent here.
    """
    held = {
        row[0]: (row[1], row[2])
        for row in session.execute(
            select(
                col(PlaceMovement.prescription_id),
                col(Convention.delai_entree_jours),
                col(Convention.date_fin),
            )
            .join(FinancedAction, col(FinancedAction.id) == col(PlaceMovement.action_id))
            .join(Convention, col(Convention.id) == col(FinancedAction.convention_id))
            .join(Prescription, col(Prescription.id) == col(PlaceMovement.prescription_id))
            .where(
                ledger.still_held(),
                col(Prescription.state) == State.ACCEPTEE,
                col(Convention.delai_entree_jours).is_not(None) | (col(Convention.date_fin) < clock.today()),
            )
        )
    }
    found = {}
    for id, expected in expected_days(session, held).items():
        delay, end = held[id]
        if delay is not None:
            after, why = expected + timedelta(days=delay), f"Sans entrée {delay} jours après la date prévue"
        else:
            after = max(expected, end) + timedelta(days=AFTER_THE_END)
            why = f"Sans entrée, et la convention est finie depuis le {end:%d/%m/%Y}"
        found[id] = Release(after, why, delay)
    return found


def release_absent(session: Session) -> list[Prescription]:
    """End the accepted prescriptions whose person did not come in time (see `release_days`), and free the place.

    Returns them; safe to run twice or on two machines.
    """
    late = {id: release for id, release in release_days(session).items() if clock.today() > release.after}
    released = []
    for prescription in take_due(
        session, col(Prescription.state) == State.ACCEPTEE, col(Prescription.id).in_(list(late))
    ):
        taking.give_back_place(session, prescription_id=prescription.id, by=None)
        prescription.motif_sortie = ExitReason.JAMAIS_VENUE
        why = late[prescription.id].why
        move(session, prescription, Act.CONSTATER, PORTAL, f"{why} : la place est libérée.")
        released.append(prescription)
    return released


def propose_places(session: Session, *offer_ids: uuid.UUID) -> list[Prescription]:
    """Propose the places that are free to those who wait, after ending the proposals whose delay is over.

    Of these offers and of those that share their places, or of all when none is named. Returns the prescriptions whose
    turn it is now, and those whose proposal nobody took in time; safe to run twice or on two machines. A prescription on
    which somebody acts this very moment is left to them, and its turn comes with the next call: whoever acts holds its
    row and waits for the actions', which are held here.
    For the same reason, nothing that takes another prescription may follow in the same transaction.
    """
    told: dict[uuid.UUID, Prescription] = {}
    ended = [p.prescription_id for p in waiting.overdue(session) if not offer_ids or p.offer_id in offer_ids]
    for late in take_due(session, col(Prescription.id).in_(ended)) if ended else ():
        still = waiting.proposal_of(session, late.id)
        if still is not None and still.expires_at <= clock.now():
            waiting.end_proposal(session, late.id, ProposalEnd.EXPIREE)
            move(session, late, Act.LAISSER_PLACE, PORTAL, "Personne n’a pris la place dans le délai.")
            told[late.id] = late
    rules = follow_up.in_force(session)
    for waited, (lines, free) in taking.take_turns(session, offer_ids).items():
        ids = [line.prescription_id for line in lines]
        taken = {p.id: p for p in take_due(session, col(Prescription.id).in_(ids))}
        made = waiting.propose(session, waited, free=free, days=rules.proposition_jours, among=taken)
        for proposal in made:
            prescription = taken[proposal.prescription_id]
            move(session, prescription, Act.PROPOSER_PLACE, PORTAL)
            told[prescription.id] = prescription
    return list(told.values())


def expected_days(session: Session, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, date]:
    """Return the day on which the person of each accepted prescription is expected, in one statement."""
    if not ids:
        return {}
    rows = session.execute(
        sqlalchemy.select(
            col(Prescription.id),
            col(Prescription.accepted_at),
            col(Prescription.updated_at),
            col(Prescription.rendez_vous_at),
            col(OfferSession.debut),
        )
        .join(OfferSession, col(OfferSession.id) == col(Prescription.session_id), isouter=True)
        .where(col(Prescription.id).in_(list(ids)))
    )
    found = {}
    for id, accepted, updated, meeting, begins in rows:
        days = [(accepted or updated).astimezone(clock.PARIS).date()]
        if meeting is not None:
            days.append(meeting.astimezone(clock.PARIS).date())
        if begins is not None:
            days.append(begins)
        found[id] = max(days)
    return found
