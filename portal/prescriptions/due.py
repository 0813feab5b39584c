"""What time brings: silences that end, people who do not come, freed places that are proposed."""

import uuid
from collections.abc import Collection
from datetime import date, timedelta

import sqlalchemy
from sqlmodel import Session, col, select

from portal import clock
from portal.conventions import ledger, waiting
from portal.conventions.models import (
    Convention,
    FinancedAction,
    Movement,
    PlaceMovement,
    ProposalEnd,
    Waiting,
)
from portal.offers.models import OfferSession
from portal.prescriptions.acting import PORTAL, move, take_due
from portal.prescriptions.models import (
    ExitReason,
    Prescription,
)
from portal.prescriptions.states import Act, State


def expire_unanswered(session: Session) -> list[Prescription]:
    """Expire the prescriptions left without an answer for too long (the département's delays), those who wait apart.

    Returns them. Safe to run twice or on two machines: each is taken once.
    """
    rules = ledger.follow_up_rules(session)
    waits = select(Waiting.prescription_id).where(col(Waiting.left_at).is_(None))
    expired = []
    for state, days in (
        (State.ENVOYEE, rules.expiration_envoyee_jours),
        (State.A_L_ETUDE, rules.expiration_etude_jours),
    ):
        for prescription in take_due(
            session,
            col(Prescription.state) == state,
            col(Prescription.updated_at) < clock.now() - timedelta(days=days),
            col(Prescription.id).not_in(waits),
        ):
            move(session, prescription, Act.EXPIRER, PORTAL, f"Sans réponse depuis {days} jours.")
            expired.append(prescription)
    return expired


def release_absent(session: Session) -> list[Prescription]:
    """End the accepted prescriptions whose person did not come within the delay of their convention, and free the place.

    The delay runs from the latest of the acceptance, the meeting and the session. Returns them; safe to run twice or
    on two machines.
    """
    held = (
        select(PlaceMovement.prescription_id, Convention.delai_entree_jours)
        .join(FinancedAction, col(FinancedAction.id) == col(PlaceMovement.action_id))
        .join(Convention, col(Convention.id) == col(FinancedAction.convention_id))
        .where(
            col(PlaceMovement.movement) == Movement.RETENUE, col(Convention.delai_entree_jours).is_not(None)
        )
    ).subquery()
    delays = {
        row[0]: row[1]
        for row in session.execute(
            select(held.c.prescription_id, held.c.delai_entree_jours)
            .join(Prescription, col(Prescription.id) == held.c.prescription_id)
            .where(col(Prescription.state) == State.ACCEPTEE)
        )
    }
    late = [
        id
        for id, expected in expected_days(session, delays).items()
        if clock.today() > expected + timedelta(days=delays[id])
    ]
    released = []
    for prescription in take_due(
        session, col(Prescription.state) == State.ACCEPTEE, col(Prescription.id).in_(late)
    ):
        ledger.give_back_place(session, prescription_id=prescription.id, by=None)
        prescription.motif_sortie = ExitReason.JAMAIS_VENUE
        move(
            session,
            prescription,
            Act.CONSTATER,
            PORTAL,
            f"Sans entrée {delays[prescription.id]} jours après la date prévue : la place est libérée.",
        )
        released.append(prescription)
    return released


def propose_places(session: Session, offer_id: uuid.UUID | None = None) -> list[Prescription]:
    """Propose the places that are free to those who wait, after ending the proposals whose delay is over.

    Of one offer, or of all. Returns the prescriptions whose turn it is now, and those whose proposal nobody took in
    time; safe to run twice or on two machines. A prescription on which somebody acts this very moment is left to them,
    and its turn comes with the next call: whoever acts holds its row and waits for the actions', which are held here.
    For the same reason, nothing that takes another prescription may follow in the same transaction.
    """
    told: dict[uuid.UUID, Prescription] = {}
    ended = [p.prescription_id for p in waiting.overdue(session) if offer_id in (None, p.offer_id)]
    for late in take_due(session, col(Prescription.id).in_(ended)) if ended else ():
        still = waiting.proposal_of(session, late.id)
        if still is not None and still.expires_at <= clock.now():
            waiting.end_proposal(session, late.id, ProposalEnd.EXPIREE)
            move(session, late, Act.LAISSER_PLACE, PORTAL, "Personne n’a pris la place dans le délai.")
            told[late.id] = late
    rules = ledger.follow_up_rules(session)
    offers = [offer_id] if offer_id else waiting.offers_waited_for(session)
    today = clock.today()
    # All at once and in their order: one after the other, two machines could wait for each other.
    running = {waited: ledger.running_actions(session, waited, today) for waited in offers}
    ledger.lock_actions(session, {action.id for actions in running.values() for action in actions})
    for waited, actions in running.items():
        places = ledger.places_of_actions(session, actions)
        free = sum(of_action.prenables for of_action in places.values())
        lines = [line.prescription_id for line in session.exec(waiting.in_order(waited))]
        if not lines:
            continue
        taken = {p.id: p for p in take_due(session, col(Prescription.id).in_(lines))}
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
