"""Verbs on prescriptions. Each checks, changes, moves the place and writes the history, in the same breath."""

import uuid
from collections.abc import Collection
from datetime import date, timedelta

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import User
from portal.beneficiaries.models import Beneficiary
from portal.conventions import rules as places
from portal.conventions.models import Waiting
from portal.errors import AlreadyDone, NotAllowed, RuleBroken
from portal.offers.models import Offer
from portal.prescriptions.models import Prescription, RefusalReason, Transition
from portal.prescriptions.sharing import CONSENT_VERSION, PIECES, pieces_of
from portal.prescriptions.states import OPEN, TRANSITIONS, WHO_MAY, Act, Side, State
from portal.structures.models import Membership, Structure

# Without an answer for so long, a prescription expires (contract dora §2.5, les Emplois: 30 and 60 days).
EXPIRY = {State.ENVOYEE: timedelta(days=30), State.A_L_ETUDE: timedelta(days=60)}


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
    session.add(Transition(prescription_id=prescription.id, to_state=State.BROUILLON, by_id=by.id))
    session.flush()
    return prescription


def change_draft(
    session: Session, prescription: Prescription, *, by: User, motif: str, partage: Collection[str]
) -> None:
    """Change what a draft says. Raises AlreadyDone once it is sent: the partner reads what was sent."""
    _lock(session, prescription)
    _check_side(session, prescription, Side.REFERENT, by)
    if prescription.state is not State.BROUILLON:
        raise AlreadyDone("Cette prescription est déjà envoyée : elle ne peut plus être modifiée.")
    prescription.motif = motif
    prescription.partage = _chosen(partage)
    prescription.updated_at = clock.now()


def send(session: Session, prescription: Prescription, *, by: User, consent: bool) -> None:
    """Send a draft: what is shared is frozen as the partner will read it, with the date and text of the consent.

    Raises RuleBroken without consent or motive, when the offer left the catalogue, or when another prescription of
    this person on this offer is under way.
    """
    _begin(session, prescription, Act.ENVOYER, Side.REFERENT, by)
    if not consent:
        raise RuleBroken("Demandez son accord à la personne, puis cochez la case.", field="consentement")
    if not prescription.motif.strip():
        raise RuleBroken("Écrivez pourquoi vous prescrivez cette offre.", field="motif")
    offer = session.get_one(Offer, prescription.offer_id)
    _check_offer(offer, session.get_one(Structure, offer.structure_id))
    _refuse_twin(session, prescription.beneficiary_id, prescription.offer_id)
    person = session.get_one(Beneficiary, prescription.beneficiary_id)
    prescription.donnees_partagees = pieces_of(person, prescription.partage or ())
    prescription.offre_nom = offer.nom
    prescription.sent_at = prescription.consentement_at = clock.now()
    prescription.consentement_version = CONSENT_VERSION
    try:
        _move(session, prescription, Act.ENVOYER, by)
    except IntegrityError as error:
        # Two drafts sent in the same instant: the unique index let one through.
        raise RuleBroken(_TWIN) from error


def study(session: Session, prescription: Prescription, *, by: User, message: str | None = None) -> None:
    """Say that the prescription is being looked at."""
    _begin(session, prescription, Act.ETUDIER, Side.PARTENAIRE, by)
    _move(session, prescription, Act.ETUDIER, by, message)


def put_on_waiting_list(
    session: Session, prescription: Prescription, *, by: User, message: str | None = None
) -> int:
    """Keep the prescription under study until a place is free; return its rank, from 1.

    Raises RuleBroken when a place is free for it, or when the offer's places are not counted.
    """
    _begin(session, prescription, Act.METTRE_EN_ATTENTE, Side.PARTENAIRE, by)
    rank = places.join_waiting_list(session, offer_id=prescription.offer_id, prescription_id=prescription.id)
    _move(session, prescription, Act.METTRE_EN_ATTENTE, by, message)
    return rank


def accept(session: Session, prescription: Prescription, *, by: User, message: str | None = None) -> None:
    """Accept, and hold a financed place when a running convention finances the offer. Raises NoPlaceLeft."""
    _begin(session, prescription, Act.ACCEPTER, Side.PARTENAIRE, by)
    places.hold_place(session, offer_id=prescription.offer_id, prescription_id=prescription.id, by=by)
    _move(session, prescription, Act.ACCEPTER, by, message)


def refuse(
    session: Session, prescription: Prescription, *, by: User, reason: RefusalReason, message: str
) -> None:
    """Refuse, with a reason from the list and a message for the référent. Raises RuleBroken without a message."""
    _begin(session, prescription, Act.REFUSER, Side.PARTENAIRE, by)
    if not message.strip():
        raise RuleBroken("Écrivez un mot au référent : il cherchera une autre solution.", field="message")
    places.leave_waiting_list(session, prescription_id=prescription.id)
    prescription.motif_refus = reason
    _move(session, prescription, Act.REFUSER, by, message)


def enter(
    session: Session, prescription: Prescription, *, by: User, day: date, message: str | None = None
) -> None:
    """Declare that the person came on `day`: the held place is occupied.

    Raises RuleBroken for a day to come or before the sending.
    """
    _begin(session, prescription, Act.ENTRER, Side.PARTENAIRE, by)
    if day > clock.today():
        raise RuleBroken(
            "La date d’entrée est dans le futur : déclarez l’entrée quand la personne est venue.",
            field="jour",
        )
    if prescription.sent_at is not None and day < prescription.sent_at.astimezone(clock.PARIS).date():
        raise RuleBroken("La date d’entrée est avant l’envoi de la prescription : corrigez-la.", field="jour")
    prescription.date_entree = day
    places.occupy_place(session, prescription_id=prescription.id, by=by)
    _move(session, prescription, Act.ENTRER, by, message)


def finish(
    session: Session, prescription: Prescription, *, by: User, day: date, message: str | None = None
) -> None:
    """Declare that the person completed the action on `day`: the place is released or used up.

    Raises RuleBroken for a day to come or before the entry.
    """
    _begin(session, prescription, Act.TERMINER, Side.PARTENAIRE, by)
    _leave(session, prescription, day, by)
    _move(session, prescription, Act.TERMINER, by, message)


def give_up(
    session: Session, prescription: Prescription, *, by: User, day: date, message: str | None = None
) -> None:
    """Declare that the person never came, or left before the end, on `day`: the place is released or used up.

    Raises RuleBroken for a day to come or before the entry.
    """
    _begin(session, prescription, Act.ABANDONNER, Side.PARTENAIRE, by)
    _leave(session, prescription, day, by)
    _move(session, prescription, Act.ABANDONNER, by, message)


def cancel(session: Session, prescription: Prescription, *, by: User, message: str | None = None) -> None:
    """Withdraw the prescription before the entry: a held place is released."""
    _begin(session, prescription, Act.ANNULER, Side.REFERENT, by)
    places.leave_waiting_list(session, prescription_id=prescription.id)
    places.give_back_place(session, prescription_id=prescription.id, by=by)
    _move(session, prescription, Act.ANNULER, by, message)


def expire_unanswered(session: Session) -> list[Prescription]:
    """Expire the prescriptions left without an answer for too long (see EXPIRY), those who wait for a place apart.

    Returns them. Safe to run twice or on two machines: each is taken once.
    """
    now = clock.now()
    waiting = select(Waiting.prescription_id).where(col(Waiting.left_at).is_(None))
    expired = []
    for state, delay in EXPIRY.items():
        due = session.exec(
            select(Prescription)
            .where(
                col(Prescription.state) == state,
                col(Prescription.updated_at) < now - delay,
                col(Prescription.id).not_in(waiting),
            )
            .order_by(col(Prescription.id))
            .with_for_update(skip_locked=True)
        ).all()
        for prescription in due:
            _move(session, prescription, Act.EXPIRER, None, f"Sans réponse depuis {delay.days} jours.")
            expired.append(prescription)
    return expired


_TWIN = "Cette personne a déjà une prescription en cours pour cette offre : ouvrez-la depuis son dossier."


def _written_before(session: Session, form_key: uuid.UUID, by: User) -> Prescription | None:
    found = session.exec(select(Prescription).where(col(Prescription.form_key) == form_key)).one_or_none()
    if found is not None and found.referent_id != by.id:
        raise NotAllowed("Cette prescription n’est pas la vôtre.")
    return found


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


def _check_offer(offer: Offer, structure: Structure) -> None:
    if not offer.is_public or not structure.is_public:
        raise RuleBroken("Cette offre n’est plus proposée : cherchez-en une autre.")
    if "professionnels" not in (offer.mobilisable_par or ()):
        raise RuleBroken("Cette offre ne se prescrit pas : la personne s’adresse elle-même à la structure.")


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


def _leave(session: Session, prescription: Prescription, day: date, by: User) -> None:
    if day > clock.today():
        raise RuleBroken("La date de sortie est dans le futur : corrigez-la.", field="jour")
    if prescription.date_entree is not None:
        if day < prescription.date_entree:
            raise RuleBroken("La date de sortie est avant l’entrée : corrigez-la.", field="jour")
        prescription.date_sortie = day
    places.give_back_place(session, prescription_id=prescription.id, by=by)


def _begin(session: Session, prescription: Prescription, act: Act, side: Side, by: User) -> None:
    """Take the row, and check that `by` may do `act` in the state it is in now, not when the page was opened."""
    _lock(session, prescription)
    if WHO_MAY[act] is not side:
        raise NotAllowed("Cette action ne vous revient pas.")
    _check_side(session, prescription, side, by)
    if (prescription.state, act) not in TRANSITIONS:
        done = prescription.state.label.lower()
        raise AlreadyDone(f"Cette prescription est maintenant à l’état « {done} » : rien n’a été changé.")


def _check_side(session: Session, prescription: Prescription, side: Side, by: User) -> None:
    if side is Side.REFERENT and prescription.referent_id == by.id:
        return
    if (
        side is Side.PARTENAIRE
        and session.exec(
            select(Membership.id).where(
                col(Membership.structure_id) == prescription.structure_id, col(Membership.user_id) == by.id
            )
        ).first()
    ):
        return
    raise NotAllowed("Cette prescription n’est pas la vôtre.")


def _lock(session: Session, prescription: Prescription) -> None:
    session.exec(
        select(Prescription)
        .where(col(Prescription.id) == prescription.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def _move(
    session: Session, prescription: Prescription, act: Act, by: User | None, message: str | None = None
) -> None:
    """The only place that writes a state; the history line goes with it."""
    origin = prescription.state
    prescription.state = TRANSITIONS[(origin, act)]
    prescription.updated_at = clock.now()
    session.add(
        Transition(
            prescription_id=prescription.id,
            act=act,
            from_state=origin,
            to_state=prescription.state,
            by_id=by.id if by else None,
            message=(message or "").strip() or None,
        )
    )
    session.flush()
