"""Verbs of the référent who prescribes. Each checks, changes, moves the place and writes the history, in the same breath."""

import uuid
from collections.abc import Collection
from datetime import date, timedelta

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select

from portal import clock
from portal.accounts.models import User
from portal.beneficiaries.models import Beneficiary
from portal.conventions import taking, waiting
from portal.conventions.models import (
    ProposalEnd,
)
from portal.errors import AlreadyDone, NotAllowed, RuleBroken
from portal.offers.models import Offer
from portal.prescriptions.acting import (
    By,
    are_colleagues,
    begin,
    lock,
    move,
    on_either_side,
    stand,
    too_late,
)
from portal.prescriptions.actors import Actor
from portal.prescriptions.answers import MAX_WEEK_MINUTES, hold, plan
from portal.prescriptions.models import (
    Prescription,
    PrescriptionMessage,
    Transition,
)
from portal.prescriptions.sharing import CONSENT_VERSION, PIECES, pieces_of
from portal.prescriptions.states import OPEN, TRANSITIONS, Act, Side, State
from portal.structures.models import Structure


def create_prescription(
    session: Session,
    *,
    beneficiary: Beneficiary,
    offer: Offer,
    structure: Structure,
    by: User,
    form_key: uuid.UUID,
    motif: str,
    partage: Collection[str],
    lot_id: uuid.UUID | None = None,
    origine_id: uuid.UUID | None = None,
) -> Prescription:
    """Add a draft prescription and return it; the same `form_key` again returns the one already written.

    Raises NotAllowed when `by` does not follow the person, RuleBroken when the offer is not in the catalogue or a
    prescription of this person on this offer is already under way.
    """
    if beneficiary.referent_id != by.id:
        raise NotAllowed("Seul le référent de la personne peut prescrire pour elle.")
    existing = _written_before(session, form_key, by)
    if existing is not None:
        return existing
    _check_offer(offer, structure)
    _refuse_twin(session, beneficiary.id, offer.id)
    prescription = Prescription(
        form_key=form_key,
        beneficiary_id=beneficiary.id,
        offer_id=offer.id,
        structure_id=offer.structure_id,
        referent_id=by.id,
        offre_nom=offer.nom,
        motif=motif,
        partage=_chosen(partage),
        lot_id=lot_id,
        origine_id=origine_id,
    )
    try:
        with session.begin_nested():
            session.add(prescription)
    except IntegrityError:
        # The first press was written between our look and our writing.
        existing = _written_before(session, form_key, by)
        if existing is None:
            raise
        return existing
    session.add(
        Transition(prescription_id=prescription.id, to_state=State.BROUILLON, by_id=by.id, side=Side.REFERENT)
    )
    session.flush()
    return prescription


def change_draft(
    session: Session, prescription: Prescription, *, by: User, motif: str, partage: Collection[str]
) -> None:
    """Change what a draft says. Raises AlreadyDone once it is one no more: the partner reads what was sent."""
    lock(session, prescription)
    stand(session, prescription, by, Side.REFERENT)
    if prescription.state is not State.BROUILLON:
        raise AlreadyDone(too_late(session, prescription))
    prescription.motif = motif
    prescription.partage = _chosen(partage)
    prescription.updated_at = clock.now()


def send(
    session: Session, prescription: Prescription, *, by: User, consent: bool, write_to_person: bool = False
) -> None:
    """Send a draft: what is shared is frozen as the partner will read it, with the date and text of the consent.

    `write_to_person`: the person agreed to receive e-mails about it.

    Raises RuleBroken without consent or motive, when the offer left the catalogue, or when another prescription of
    this person on this offer is under way.
    """
    actor = begin(session, prescription, Act.ENVOYER, Side.REFERENT, by)
    if not consent:
        raise RuleBroken("Demandez son accord à la personne, puis cochez la case.", field="consentement")
    if not prescription.motif.strip():
        raise RuleBroken("Écrivez pourquoi vous prescrivez cette offre.", field="motif")
    offer = session.get_one(Offer, prescription.offer_id)
    _check_offer(offer, session.get_one(Structure, offer.structure_id))
    _refuse_twin(session, prescription.beneficiary_id, prescription.offer_id)
    person = session.get_one(Beneficiary, prescription.beneficiary_id)
    if person.referent_id != by.id:
        raise NotAllowed("Seul le référent de la personne peut prescrire pour elle.")
    prescription.donnees_partagees = pieces_of(person, prescription.partage or ())
    prescription.offre_nom = offer.nom
    prescription.sent_at = prescription.consentement_at = clock.now()
    prescription.consentement_version = CONSENT_VERSION
    prescription.ecrire_personne = write_to_person and bool(person.courriel)
    if prescription.ecrire_personne:
        # Kept in their file too, where they may take it back: letters ask for both.
        person.courriel_accord = True
    plan(prescription, offer)
    try:
        move(session, prescription, Act.ENVOYER, actor)
    except IntegrityError as error:
        # Two drafts sent in the same instant: the unique index let one through.
        raise RuleBroken(_TWIN) from error


def cancel(session: Session, prescription: Prescription, *, by: User, message: str | None = None) -> None:
    """Withdraw the prescription before the entry: a held place is released."""
    actor = begin(session, prescription, Act.ANNULER, Side.REFERENT, by)
    waiting.leave(session, prescription_id=prescription.id)
    taking.give_back_place(session, prescription_id=prescription.id, by=actor.user)
    move(session, prescription, Act.ANNULER, actor, message)


def take_place(session: Session, prescription: Prescription, *, by: User, message: str | None = None) -> None:
    """Take, for the person, the place that was proposed: it is held, and the prescription accepted.

    Raises AlreadyDone when nothing is proposed any more, NoPlaceLeft when the place went meanwhile.
    """
    actor = begin(session, prescription, Act.PRENDRE_PLACE, Side.REFERENT, by)
    _proposed(session, prescription)
    hold(session, prescription, actor)
    move(session, prescription, Act.PRENDRE_PLACE, actor, message)


def leave_place(
    session: Session, prescription: Prescription, *, by: User, message: str | None = None
) -> None:
    """Leave the place that was proposed to the following person; this one goes to the end of the list.

    Raises AlreadyDone when nothing is proposed any more.
    """
    actor = begin(session, prescription, Act.LAISSER_PLACE, Side.REFERENT, by)
    _proposed(session, prescription)
    waiting.end_proposal(session, prescription.id, ProposalEnd.LAISSEE)
    move(session, prescription, Act.LAISSER_PLACE, actor, message)


def remind(session: Session, prescription: Prescription, *, by: User, message: str | None = None) -> None:
    """Ask the structure again for its answer. Raises AlreadyDone when it was asked less than a day ago."""
    actor = begin(session, prescription, Act.RELANCER, Side.REFERENT, by)
    last = session.exec(
        select(func.max(Transition.at)).where(
            col(Transition.prescription_id) == prescription.id, col(Transition.act) == Act.RELANCER
        )
    ).one()
    if last is not None and last > clock.now() - timedelta(days=1):
        raise AlreadyDone("La structure a déjà été relancée aujourd’hui : laissez-lui le temps de répondre.")
    move(session, prescription, Act.RELANCER, actor, message)


def hand_over(
    session: Session, prescription: Prescription, *, by: User, to: User, message: str | None = None
) -> None:
    """Give a sent prescription to a colleague of the same organisation, who follows it from now on.

    The file of the person stays with its référent. Raises NotAllowed when `to` is not such a colleague.
    """
    actor = begin(session, prescription, Act.CONFIER, Side.REFERENT, by)
    if not are_colleagues(by, to):
        raise NotAllowed("Choisissez un référent de votre organisme.", field="collegue")
    prescription.referent_id = to.id
    move(session, prescription, Act.CONFIER, actor, message)


def is_left(prescription: Prescription) -> bool:
    """Say whether nobody acts for the référent any more: their account (loaded) is closed and it has not ended."""
    return not prescription.referent.is_active and (prescription.state, Act.CONFIER) in TRANSITIONS


def take_over(session: Session, prescription: Prescription, *, by: User) -> None:
    """Follow from now on a sent prescription whose référent left: a colleague may, once that one's account is closed.

    The history says why. The file of the person stays where it is. Raises NotAllowed for somebody who is not a référent
    of the same organisation, AlreadyDone when the account is open, when somebody follows it already, or after the end.
    """
    lock(session, prescription)
    former = session.get_one(User, prescription.referent_id, populate_existing=True)
    if former.id == by.id:
        raise AlreadyDone("Vous suivez déjà cette prescription.")
    if not are_colleagues(former, by):
        raise NotAllowed("Cette prescription n’est pas suivie dans votre organisme.")
    if former.is_active:
        raise AlreadyDone(f"{former.full_name} suit cette prescription : rien n’a été changé.")
    if (prescription.state, Act.CONFIER) not in TRANSITIONS:
        raise AlreadyDone(too_late(session, prescription))
    prescription.referent_id = by.id
    why = f"Le compte de {former.full_name} est fermé : {by.full_name} suit maintenant cette prescription."
    move(session, prescription, Act.CONFIER, Actor(Side.REFERENT, user=by), why)


def adjust_week(
    session: Session,
    prescription: Prescription,
    *,
    by: By,
    minutes: int | None,
    debut: date | None,
    fin: date | None,
) -> None:
    """Plan `minutes` a week from `debut` to `fin` for this person, whatever the offer says. Either side may.

    Raises AlreadyDone before the sending and after the end, RuleBroken for more than 60 hours, or for an end before
    the beginning.
    """
    lock(session, prescription)
    on_either_side(session, prescription, by)
    if prescription.state not in OPEN:
        raise AlreadyDone(too_late(session, prescription))
    if minutes is not None and not 0 <= minutes <= MAX_WEEK_MINUTES:
        raise RuleBroken("Écrivez entre 0 et 60 heures par semaine.", field="heures")
    if debut is not None and fin is not None and fin < debut:
        raise RuleBroken("La fin est avant le début : corrigez les dates.", field="fin_prevue")
    prescription.minutes_prevues, prescription.debut_prevu, prescription.fin_prevue = minutes, debut, fin
    session.flush()


def write_message(
    session: Session, prescription: Prescription, *, by: By, text: str, id: uuid.UUID | None = None
) -> PrescriptionMessage:
    """Add a message for the other side and return it; the same `id` again returns the one written.

    Raises RuleBroken when it is empty, or for a draft; NotAllowed for the `id` of another's.
    """
    actor = on_either_side(session, prescription, by)
    before = session.get(PrescriptionMessage, id) if id is not None else None
    if before is not None:
        if (before.prescription_id, before.side) != (prescription.id, actor.side):
            raise NotAllowed("Cette prescription n’est pas la vôtre.")
        return before
    if not text.strip():
        raise RuleBroken("Écrivez votre message.", field="texte")
    if prescription.sent_at is None:
        raise RuleBroken("Cette prescription n’est pas encore envoyée : personne ne lirait le message.")
    written = PrescriptionMessage(
        prescription_id=prescription.id,
        side=actor.side,
        by_id=actor.user.id if actor.user else None,
        texte=text.strip(),
    )
    if id is not None:
        written.id = id
    session.add(written)
    session.flush()
    return written


def is_written(session: Session, prescription: Prescription, id: uuid.UUID) -> bool:
    """Say whether the message `id` was written before; of two presses at once, the second waits here for the first."""
    lock(session, prescription)
    return (
        session.exec(select(PrescriptionMessage.id).where(col(PrescriptionMessage.id) == id)).first()
        is not None
    )


def why_not_offered(offer: Offer, structure: Structure) -> str | None:
    """Return the sentence that says why an offer cannot be prescribed; None when it can."""
    over = offer.date_fin is not None and offer.date_fin < clock.today()
    if not offer.is_public or over or not structure.is_public:
        return "Cette offre n’est plus proposée : cherchez-en une autre."
    if "professionnels" not in (offer.mobilisable_par or ()):
        return "Cette offre ne se prescrit pas : la personne s’adresse elle-même à la structure."
    return None


def move_offer(session: Session, *, origin: uuid.UUID, target: uuid.UUID) -> int:
    """Have the prescriptions of the offer `origin` be of `target`, which stands for it; return how many there were.

    Both are of the same structure: nobody reads what they did not read before. What was agreed and frozen at sending
    stays. Raises RuleBroken when somebody has one under way on each: one person, one prescription of an offer.
    """
    rows = session.exec(
        select(Prescription)
        .where(col(Prescription.offer_id).in_([origin, target]))
        .order_by(col(Prescription.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    under_way = {p.beneficiary_id for p in rows if p.offer_id == target and p.state in OPEN}
    both = sum(p.offer_id == origin and p.state in OPEN and p.beneficiary_id in under_way for p in rows)
    if both:
        who = (
            "Une même personne a une prescription" if both == 1 else f"{both} personnes ont une prescription"
        )
        raise RuleBroken(
            f"{who} en cours sur chacune des deux offres : attendez qu’une des deux soit terminée ou annulée, "
            "puis réunissez les offres."
        )
    moved = [p for p in rows if p.offer_id == origin]
    for prescription in moved:
        prescription.offer_id = target
    session.flush()
    return len(moved)


_TWIN = "Cette personne a déjà une prescription en cours pour cette offre : ouvrez-la depuis son dossier."


def _written_before(session: Session, form_key: uuid.UUID, by: User) -> Prescription | None:
    found = session.exec(select(Prescription).where(col(Prescription.form_key) == form_key)).one_or_none()
    if found is not None and found.referent_id != by.id:
        raise NotAllowed("Cette prescription n’est pas la vôtre.")
    return found


def _check_offer(offer: Offer, structure: Structure) -> None:
    message = why_not_offered(offer, structure)
    if message is not None:
        raise RuleBroken(message)


def _refuse_twin(session: Session, beneficiary_id: uuid.UUID, offer_id: uuid.UUID) -> None:
    twin = select(Prescription.id).where(
        col(Prescription.beneficiary_id) == beneficiary_id,
        col(Prescription.offer_id) == offer_id,
        col(Prescription.state).in_(OPEN),
    )
    with session.no_autoflush:
        if session.exec(twin).first() is not None:
            raise RuleBroken(_TWIN)


def _chosen(partage: Collection[str]) -> list[str]:
    known = {piece.slug for piece in PIECES}
    if any(slug not in known for slug in partage):
        raise RuleBroken(
            "Une des informations à partager n’existe pas : choisissez dans la liste.", field="partage"
        )
    return sorted({slug for slug in partage} | {piece.slug for piece in PIECES if piece.required})


def _proposed(session: Session, prescription: Prescription) -> None:
    proposal = waiting.proposal_of(session, prescription.id)
    if proposal is None or proposal.expires_at <= clock.now():
        raise AlreadyDone(
            "Cette place n’est plus proposée : le délai est passé, ou elle est prise. La personne reste en liste d’attente."
        )
