"""Verbs of the structure that answers. Each checks, changes, moves the place and writes the history, in the same breath."""

from datetime import date, timedelta

from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import User
from portal.conventions import taking, waiting
from portal.errors import AlreadyDone, NotAllowed, RuleBroken
from portal.offers.models import Offer
from portal.prescriptions.acting import By, begin, is_member, lock, move, stand
from portal.prescriptions.actors import Actor
from portal.prescriptions.models import (
    ContractType,
    ExitReason,
    HoursDone,
    Prescription,
    RefusalReason,
    Transition,
)
from portal.prescriptions.seats import Meeting, agree, confirm_seat
from portal.prescriptions.states import Act, Side

MAX_WEEK_MINUTES = 60 * 60


def study(session: Session, prescription: Prescription, *, by: By, message: str | None = None) -> None:
    """Say that the prescription is being looked at."""
    actor = begin(session, prescription, Act.ETUDIER, Side.PARTENAIRE, by)
    move(session, prescription, Act.ETUDIER, actor, message)


def put_on_waiting_list(
    session: Session, prescription: Prescription, *, by: By, message: str | None = None
) -> int:
    """Keep the prescription under study until a place is free; return its rank, from 1.

    Raises RuleBroken when a place is free for it, or when the offer's places are not counted.
    """
    actor = begin(session, prescription, Act.METTRE_EN_ATTENTE, Side.PARTENAIRE, by)
    rank = taking.join_waiting_list(session, offer_id=prescription.offer_id, prescription_id=prescription.id)
    move(session, prescription, Act.METTRE_EN_ATTENTE, actor, message)
    return rank


def accept(
    session: Session,
    prescription: Prescription,
    *,
    by: By,
    message: str | None = None,
    message_personne: str | None = None,
    meeting: Meeting | None = None,
    out_of_turn: str | None = None,
    without_place: bool = False,
) -> None:
    """Accept, and hold a financed place when a running convention finances the offer.

    `out_of_turn` says why this person passes before those who wait; `without_place` that the offer is accepted
    although the convention that financed it is over. Raises NoPlaceLeft (or OutOfTurn, PlacesEnded: see
    `taking.hold_place`), also when the session chosen is full.
    """
    actor = begin(session, prescription, Act.ACCEPTER, Side.PARTENAIRE, by)
    if meeting is not None:
        agree(session, prescription, meeting)
    hold(session, prescription, actor, out_of_turn=out_of_turn, without_place=without_place)
    move(session, prescription, Act.ACCEPTER, actor, message, message_personne=message_personne)


def agree_meeting(
    session: Session,
    prescription: Prescription,
    meeting: Meeting,
    *,
    by: By,
    message: str | None = None,
    message_personne: str | None = None,
) -> None:
    """Propose a day, a place or a session. Raises RuleBroken for a moment gone by, NoPlaceLeft for a full session."""
    actor = begin(session, prescription, Act.CONVENIR, Side.PARTENAIRE, by)
    agree(session, prescription, meeting)
    move(session, prescription, Act.CONVENIR, actor, message, message_personne=message_personne)


def note_presence(
    session: Session,
    prescription: Prescription,
    *,
    by: By,
    day: date,
    came: bool,
    message: str | None = None,
) -> None:
    """Write that the person came on `day`, or did not; what was noted by mistake is noted the other way.

    Raises RuleBroken for a day to come or before the sending, AlreadyDone when that is what was noted last of that day.
    """
    act = Act.PRESENCE if came else Act.ABSENCE
    actor = begin(session, prescription, act, Side.PARTENAIRE, by)
    check_day(prescription, day)
    if _noted(session, prescription, day) is act:
        what = "La présence" if came else "L’absence"
        raise AlreadyDone(f"{what} du {day:%d/%m/%Y} est déjà notée : rien n’a été changé.")
    move(session, prescription, act, actor, message, day=day)


def assign(session: Session, prescription: Prescription, *, by: User, to: User | None) -> None:
    """Say who of the structure follows the prescription; nobody in particular when None.

    Raises NotAllowed when `to` is not a member of the structure, and for the link, which knows no member.
    """
    if not isinstance(by, User):
        raise NotAllowed("Cette action ne vous revient pas.")
    actor = begin(session, prescription, Act.SUIVRE, Side.PARTENAIRE, by)
    if to is not None and not is_member(session, prescription.structure_id, to):
        raise NotAllowed("Choisissez un membre de votre structure.", field="suivi_par")
    prescription.suivi_par_id = to.id if to else None
    move(session, prescription, Act.SUIVRE, actor, to.full_name if to else "Personne en particulier")


def refuse(
    session: Session,
    prescription: Prescription,
    *,
    by: By,
    reason: RefusalReason,
    message: str,
    message_personne: str | None = None,
) -> None:
    """Refuse, with a reason from the list and a message for the référent.

    Raises RuleBroken without a message.
    """
    actor = begin(session, prescription, Act.REFUSER, Side.PARTENAIRE, by)
    if not message.strip():
        raise RuleBroken("Écrivez un mot au référent : il cherchera une autre solution.", field="message")
    waiting.leave(session, prescription_id=prescription.id)
    prescription.motif_refus = reason
    move(session, prescription, Act.REFUSER, actor, message, message_personne=message_personne)


def enter(
    session: Session, prescription: Prescription, *, by: By, day: date, message: str | None = None
) -> None:
    """Declare that the person came on `day`: the held place is occupied from that day.

    The week planned is the offer's, until somebody adjusts it. Raises RuleBroken for a day to come or before the
    sending.
    """
    actor = begin(session, prescription, Act.ENTRER, Side.PARTENAIRE, by)
    if day > clock.today():
        raise RuleBroken(
            "La date d’entrée est dans le futur : déclarez l’entrée quand la personne est venue.",
            field="jour",
        )
    check_day(prescription, day)
    prescription.date_entree = day
    plan(prescription, session.get_one(Offer, prescription.offer_id), since=day)
    taking.occupy_place(session, prescription_id=prescription.id, by=actor.user, day=day)
    move(session, prescription, Act.ENTRER, actor, message, day=day)


def finish(
    session: Session,
    prescription: Prescription,
    *,
    by: By,
    day: date,
    reason: ExitReason | None = None,
    contract: ContractType | None = None,
    message: str | None = None,
) -> None:
    """Declare that the person completed the action on `day`, with the outcome: the place is released or used up.

    Raises RuleBroken for a day to come or before the entry, or for a contract without a job.
    """
    actor = begin(session, prescription, Act.TERMINER, Side.PARTENAIRE, by)
    _leave(session, prescription, day, actor, reason, contract)
    move(session, prescription, Act.TERMINER, actor, message, day=day)


def give_up(
    session: Session,
    prescription: Prescription,
    *,
    by: By,
    day: date,
    reason: ExitReason | None = None,
    contract: ContractType | None = None,
    message: str | None = None,
) -> None:
    """Declare that the person never came, or left before the end, on `day`: the place is released or used up.

    Raises RuleBroken as `finish` does.
    """
    actor = begin(session, prescription, Act.ABANDONNER, Side.PARTENAIRE, by)
    _leave(session, prescription, day, actor, reason, contract)
    move(session, prescription, Act.ABANDONNER, actor, message, day=day)


def declare_hours(
    session: Session, prescription: Prescription, *, by: By, week: date, minutes: int
) -> HoursDone:
    """Write the hours really done in the week of the Monday `week`; a second time replaces the first. Return the line.

    Raises RuleBroken for a day that is no Monday, a week to come, before the entry or after the exit, or more than
    60 hours.
    """
    lock(session, prescription)
    actor = stand(session, prescription, by, Side.PARTENAIRE)
    entry, end = prescription.date_entree, prescription.date_sortie
    if entry is None:
        raise RuleBroken("Déclarez d’abord l’entrée de la personne.")
    if week.weekday() != 0:
        raise RuleBroken("Choisissez un lundi.", field="semaine")
    if week > clock.today():
        raise RuleBroken("Cette semaine n’a pas commencé.", field="semaine")
    if week + timedelta(days=6) < entry or (end is not None and week > end):
        raise RuleBroken("La personne n’était pas dans l’action cette semaine-là.", field="semaine")
    if not 0 <= minutes <= MAX_WEEK_MINUTES:
        raise RuleBroken("Écrivez entre 0 et 60 heures.", field="heures")
    found = session.exec(
        select(HoursDone).where(
            col(HoursDone.prescription_id) == prescription.id, col(HoursDone.semaine) == week
        )
    ).one_or_none()
    if found is None:
        found = HoursDone(prescription_id=prescription.id, semaine=week, minutes=minutes)
        session.add(found)
    found.minutes, found.updated_at = minutes, clock.now()
    found.by_id = actor.user.id if actor.user else None
    session.flush()
    return found


def plan(prescription: Prescription, offer: Offer, *, since: date | None = None) -> None:
    """Plan the week as the offer says, from `since` on when it is known; what was adjusted by hand stays."""
    if prescription.minutes_prevues is None and offer.volume_horaire_hebdomadaire is not None:
        prescription.minutes_prevues = min(round(offer.volume_horaire_hebdomadaire * 60), MAX_WEEK_MINUTES)
    if since is not None and prescription.debut_prevu is None:
        prescription.debut_prevu = since
        if offer.nombre_semaines is not None and prescription.fin_prevue is None:
            prescription.fin_prevue = since + timedelta(weeks=min(offer.nombre_semaines, 520), days=-1)


def hold(
    session: Session,
    prescription: Prescription,
    actor: Actor,
    *,
    out_of_turn: str | None = None,
    without_place: bool = False,
) -> None:
    """Hold a place for the prescription and write when it was accepted. Raises as `taking.hold_place` does.

    Raises NoPlaceLeft too when the session proposed before is full by now.
    """
    confirm_seat(session, prescription)
    taking.hold_place(
        session,
        offer_id=prescription.offer_id,
        prescription_id=prescription.id,
        by=actor.user,
        out_of_turn=out_of_turn,
        without_place=without_place,
    )
    prescription.accepted_at = clock.now()


def check_day(prescription: Prescription, day: date) -> None:
    """Raise RuleBroken for a day to come, or before the sending."""
    if day > clock.today():
        raise RuleBroken("Cette date est dans le futur : corrigez-la.", field="jour")
    if prescription.sent_at is not None and day < prescription.sent_at.astimezone(clock.PARIS).date():
        raise RuleBroken("Ce jour est avant l’envoi de la prescription : corrigez la date.", field="jour")


def _noted(session: Session, prescription: Prescription, day: date) -> Act | None:
    """Return whether the person came on `day`, as it was noted last; None when nothing was."""
    noted = session.exec(
        select(Transition.act)
        .where(
            col(Transition.prescription_id) == prescription.id,
            col(Transition.act).in_([Act.PRESENCE, Act.ABSENCE]),
            col(Transition.jour) == day,
        )
        .order_by(col(Transition.at).desc(), col(Transition.id))
        .limit(1)
    ).first()
    return Act(noted) if noted else None


def _leave(
    session: Session,
    prescription: Prescription,
    day: date,
    actor: Actor,
    reason: ExitReason | None,
    contract: ContractType | None,
) -> None:
    if day > clock.today():
        raise RuleBroken("La date de sortie est dans le futur : corrigez-la.", field="jour")
    if contract is not None and reason is not ExitReason.EMPLOI:
        raise RuleBroken("Un type de contrat va avec un emploi : corrigez l’issue.", field="type_contrat")
    if prescription.date_entree is not None:
        if day < prescription.date_entree:
            raise RuleBroken("La date de sortie est avant l’entrée : corrigez-la.", field="jour")
        prescription.date_sortie = day
    taking.give_back_place(session, prescription_id=prescription.id, by=actor.user, day=day)
    # Last: the database wants an outcome and its state at once, and the ledger has just written.
    prescription.motif_sortie, prescription.type_contrat = reason, contract
