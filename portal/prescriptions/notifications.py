"""Who is told what about a prescription, and in which words (`letters`). Nothing personal in a subject.

Those who have an account get the plain address of the prescription; the contact address of the structure gets a signed
link, which opens it without an account (docs/adr/0015).
"""

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from sqlmodel import Session, col, func, select

from portal import clock
from portal.accounts.models import User
from portal.accounts.rules import queue_mail
from portal.beneficiaries.models import AccessEntry, Beneficiary
from portal.conventions import follow_up, waiting
from portal.offers.models import Offer, OfferSession
from portal.phones import show_phone
from portal.prescriptions import links, queries
from portal.prescriptions.due import silent_since, waits_in_vain
from portal.prescriptions.letters import LETTERS, Letter, Occasion, To
from portal.prescriptions.models import (
    DocumentKind,
    Prescription,
    PrescriptionDocument,
    PrescriptionMessage,
    PrescriptionRead,
    Transition,
)
from portal.prescriptions.states import Act, Side, State
from portal.structures import queries as structure_queries
from portal.structures.models import Structure
from portal.web.formats import count, moment, short_day


@dataclass(frozen=True, slots=True)
class Sender:
    """What letters need of the settings: `public_url` (no slash at its end) and the `secret` that signs links."""

    public_url: str
    secret: str


class Told(NamedTuple):
    """How many letters each side was written; `person`: one went to the person."""

    partner: int = 0
    referent: int = 0
    person: bool = False


def tell(session: Session, prescription: Prescription, act: Act, sender: Sender) -> Told:
    """Put in the outbox what `act`, just done, means for the others; return who was written to.

    Who did it, and what they wrote to the person, is read in the history: nobody is told what they did themselves. A
    draft that was never sent concerns nobody else. When nobody of the structure can be reached at the sending, the
    référent is told so.
    """
    if prescription.sent_at is None:
        return Told()
    line = session.exec(
        select(Transition)
        .where(col(Transition.prescription_id) == prescription.id, col(Transition.act) == act)
        .order_by(col(Transition.at).desc(), col(Transition.id))
        .limit(1)
    ).one()
    facts = {}
    if act is Act.PROPOSER_PLACE:
        proposal = waiting.proposal_of(session, prescription.id)
        facts["jusqu_au"] = moment(proposal.expires_at) if proposal else ""
    post = _Post(session, prescription, sender, facts)
    partner = referent = 0
    if (act, To.PARTENAIRE) in LETTERS:
        partner = post.to_partner(act, besides=line.by_id)
    if (act, To.REFERENT) in LETTERS:
        referent = post.to_referent(act, besides=line.by_id)
    if act is Act.ENVOYER and not partner:
        referent = post.to_referent(Occasion.INJOIGNABLE)
    person = (act, To.PERSONNE) in LETTERS and post.to_person(act, line.message_personne)
    return Told(partner, referent, person)


def tell_turns(session: Session, prescriptions: Iterable[Prescription], sender: Sender) -> None:
    """Tell the référents what `due.propose_places` returned: a place is proposed, or the former proposal ran out."""
    for prescription in prescriptions:
        proposed = waiting.proposal_of(session, prescription.id) is not None
        tell(session, prescription, Act.PROPOSER_PLACE if proposed else Act.LAISSER_PLACE, sender)


def tell_message(
    session: Session, prescription: Prescription, message: PrescriptionMessage, sender: Sender
) -> Told:
    """Tell the other side that `message` waits; those who have not read the one before were told already.

    At a contact address, reading is opening the link, and answering.
    """
    earlier = select(PrescriptionMessage.id).where(
        col(PrescriptionMessage.prescription_id) == prescription.id,
        col(PrescriptionMessage.side) == message.side,
        col(PrescriptionMessage.id) != message.id,
        col(PrescriptionMessage.at) <= message.at,
    )

    def told_before(read_at: object) -> bool:
        after = [] if read_at is None else [col(PrescriptionMessage.at) > read_at]
        return session.exec(earlier.where(*after)).first() is not None

    return _tell_what_waits(session, prescription, Occasion.MESSAGE, message.side, told_before, sender)


def tell_document(
    session: Session, prescription: Prescription, document: PrescriptionDocument, sender: Sender
) -> Told:
    """Tell the other side that `document` was added; those who have not read the one before were told already.

    What went with the sending was told with it, and a sheet that the référent keeps is told by the answer it bears.
    """
    sent_at = prescription.sent_at
    if sent_at is None or document.kind is not DocumentKind.PIECE:
        return Told()
    earlier = select(PrescriptionDocument.id).where(
        col(PrescriptionDocument.prescription_id) == prescription.id,
        col(PrescriptionDocument.side) == document.side,
        col(PrescriptionDocument.kind) == DocumentKind.PIECE,
        col(PrescriptionDocument.id) != document.id,
        col(PrescriptionDocument.added_at) <= document.added_at,
    )

    def told_before(read_at: object) -> bool:
        since = sent_at if read_at is None else read_at
        return session.exec(earlier.where(col(PrescriptionDocument.added_at) > since)).first() is not None

    return _tell_what_waits(session, prescription, Occasion.DOCUMENT, document.side, told_before, sender)


def tell_link(session: Session, prescription: Prescription, sender: Sender) -> Told:
    """Send a new link to the contact address of the structure; nothing when it has none, or the prescription is closed."""
    if prescription.sent_at is None or prescription.state.is_final:
        return Told()
    return Told(partner=_Post(session, prescription, sender, {}).to_contact(Occasion.LIEN))


def remind(
    session: Session,
    prescription: Prescription,
    occasion: Occasion,
    to: To,
    sender: Sender,
    facts: dict[str, str] | None = None,
) -> bool:
    """Write what `reminders` found due, and say whether anybody could be written to."""
    post = _Post(session, prescription, sender, facts or {})
    if to is To.PARTENAIRE:
        return post.to_partner(occasion) > 0
    if to is To.REFERENT:
        return post.to_referent(occasion) > 0
    return post.to_person(occasion, None)


def expires_on(session: Session, prescription: Prescription) -> date | None:
    """Return the day on which a prescription expires if nobody answers; None when it waits for no answer."""
    rules = follow_up.in_force(session)
    days = {
        State.ENVOYEE: rules.expiration_envoyee_jours,
        State.A_L_ETUDE: rules.expiration_etude_jours,
    }.get(prescription.state)
    if days is None:
        return None
    chosen = session.get(OfferSession, prescription.session_id) if prescription.session_id else None
    since = silent_since(
        prescription.updated_at, prescription.rendez_vous_at, chosen.debut if chosen else None
    )
    if prescription.state is State.A_L_ETUDE:
        since = max(since, waits_in_vain(session, prescription.id).get(prescription.id, since))
    return (since + timedelta(days=days)).astimezone(clock.PARIS).date()


class _Post:
    """Writes letters about one prescription; what they say of it is read once."""

    def __init__(
        self, session: Session, prescription: Prescription, sender: Sender, facts: dict[str, str]
    ) -> None:
        self.session, self.prescription, self.sender = session, prescription, sender
        self.structure = session.get_one(Structure, prescription.structure_id)
        self.referent = _referent(session, prescription)
        self.members = _members(session, prescription)
        rules = follow_up.in_force(session)
        self.link_days = rules.lien_jours
        expires = expires_on(session, prescription)
        self.facts = {
            "structure": self.structure.nom,
            "relance": count(rules.relance_partenaire_jours, "jour"),
            "expire_le": short_day(expires),
            **facts,
        }

    def to_partner(
        self,
        about: Act | Occasion,
        *,
        besides: uuid.UUID | None = None,
        skipped: Iterable[uuid.UUID] = (),
        by_link: bool = True,
    ) -> int:
        """Write to the member who follows the prescription, else to all and to the contact address; return how many."""
        letter = LETTERS[(about, To.PARTENAIRE)]
        followed = self.prescription.suivi_par_id
        chosen = [user for user in self.members if user.id == followed]
        out = {besides, *skipped}
        for user in (found := [user for user in chosen or self.members if user.id not in out]):
            self._to_user(user, letter, To.PARTENAIRE)
        if chosen or about is Act.SUIVRE or not by_link:
            return len(found)
        return len(found) + self.to_contact(about)

    def to_contact(self, about: Act | Occasion) -> int:
        """Write to the contact address, unless it is a member's; return how many letters, 0 or 1."""
        offer = self.session.get_one(Offer, self.prescription.offer_id)
        address = (offer.courriel or self.structure.courriel or "").strip().lower()
        if not address or address in {user.courriel for user in self.members}:
            return 0
        letter = LETTERS[(about, To.PARTENAIRE)]
        way = ""
        if not self.prescription.state.is_final:
            words = links.make(self.sender.secret, self.prescription)
            way = (
                f"{_READ_BY_LINK} : {self.sender.public_url}/reponse/{words}\n\n"
                f"Ce lien s’ouvre sans compte, pendant {count(self.link_days, 'jour')} ; après, il permet d’en demander un "
                "autre. Donnez-le seulement à la personne qui répond dans votre structure."
            )
        self._queue(
            address,
            "Bonjour,",
            letter,
            self._about(To.PARTENAIRE),
            way,
            self._meeting() if letter.meeting else "",
        )
        return 1

    def to_referent(self, about: Act | Occasion, *, besides: uuid.UUID | None = None) -> int:
        """Write to the référent; return how many letters, 0 or 1."""
        if self.referent is None or self.referent.id == besides:
            return 0
        self._to_user(self.referent, LETTERS[(about, To.REFERENT)], To.REFERENT)
        return 1

    def to_person(self, about: Act | Occasion, message: str | None) -> bool:
        """Write to the person, if they agreed to it, did not take it back, and have an address; say whether they were."""
        person = self.session.get_one(Beneficiary, self.prescription.beneficiary_id)
        if not person.courriel or not queries.written_to(self.session, [self.prescription.id]):
            return False
        letter = LETTERS[(about, To.PERSONNE)]
        meeting = self._meeting() if letter.meeting else ""
        self.facts["quand"] = "" if meeting else "La structure va vous dire quand venir. "
        contact = [f"Offre : {self.prescription.offre_nom}", f"Structure : {self.structure.nom}"]
        if self.structure.telephone:
            contact.append(f"Téléphone : {show_phone(self.structure.telephone)}")
        words = f"La structure vous écrit :\n\n{message}" if message else ""
        who = f"{self.referent.full_name}, {self.referent.courriel}" if self.referent else ""
        foot = "Vous recevez ce courriel parce que vous avez accepté que nous vous écrivions au sujet de cette demande."
        if who:
            foot += f" Pour ne plus en recevoir, dites-le à votre référent : {who}"
        self._queue(
            person.courriel, f"Bonjour {person.prenom},", letter, "\n".join(contact), foot, meeting, words
        )
        return True

    def _to_user(self, user: User, letter: Letter, to: To) -> None:
        address = f"{self.sender.public_url}/prescriptions/{self.prescription.id}{letter.place}"
        self._queue(
            user.courriel,
            f"Bonjour {user.prenom},",
            letter,
            self._about(to),
            f"{letter.way} : {address}" if letter.way else "",
            self._meeting() if letter.meeting else "",
        )

    def _about(self, to: To) -> str:
        lines = [f"Offre : {self.prescription.offre_nom}"]
        if to is To.REFERENT:
            lines.append(f"Structure : {self.structure.nom}")
        elif self.referent is not None:
            lines.append(f"Référent : {self.referent.full_name}, {self.referent.courriel}")
        if self.prescription.sent_at is not None:
            sent = self.prescription.sent_at.astimezone(clock.PARIS).date()
            lines.append(f"Prescription envoyée le {short_day(sent)}")
        return "\n".join(lines)

    def _meeting(self) -> str:
        """When and where the person is expected; empty when nothing is known."""
        lines = []
        if self.prescription.rendez_vous_at is not None:
            lines.append(f"Rendez-vous : {moment(self.prescription.rendez_vous_at)}")
        if self.prescription.session_id is not None:
            chosen = self.session.get_one(OfferSession, self.prescription.session_id)
            end = f" au {short_day(chosen.fin)}" if chosen.fin and chosen.fin != chosen.debut else ""
            lines.append(f"Session : {'du' if end else 'le'} {short_day(chosen.debut)}{end}")
        if self.prescription.rendez_vous_lieu:
            lines.append(f"Lieu : {self.prescription.rendez_vous_lieu}")
        return "\n".join(lines)

    def _queue(
        self,
        recipient: str,
        greeting: str,
        letter: Letter,
        about: str,
        end: str,
        meeting: str = "",
        words: str = "",
    ) -> None:
        says, then = letter.says.format_map(self.facts), letter.then.format_map(self.facts)
        body = "\n\n".join(part for part in (greeting, says, words, meeting, about, then, end) if part)
        queue_mail(self.session, recipient=recipient, subject=letter.subject, body=f"{body}\n")


_READ_BY_LINK = "Ouvrir la prescription"


def _members(session: Session, prescription: Prescription) -> Sequence[User]:
    return [user for _, user in session.execute(structure_queries.people_of([prescription.structure_id]))]


def _referent(session: Session, prescription: Prescription) -> User | None:
    """Return who follows it for the person: who prescribed, or whoever follows the person since they left."""
    referent = session.get_one(User, prescription.referent_id)
    if referent.is_active:
        return referent
    person = session.get_one(Beneficiary, prescription.beneficiary_id)
    now = session.get_one(User, person.referent_id)
    # Of another organisation, they could not open it.
    return now if now.is_active and now.organisation_id == referent.organisation_id else None


def _tell_what_waits(
    session: Session,
    prescription: Prescription,
    occasion: Occasion,
    side: Side,
    told_before: Callable[[object], bool],
    sender: Sender,
) -> Told:
    """Tell the other side of what `side` added. `told_before(moment)`: something of that kind came after `moment`, when
    the reader last read (None: never), and waits already: of this one, nothing is told."""
    post = _Post(session, prescription, sender, {})
    if side is Side.PARTENAIRE:
        referent = post.referent
        if referent is None or told_before(_read_at(session, prescription, referent.id)):
            return Told()
        return Told(referent=post.to_referent(occasion))
    skipped = {user.id for user in post.members if told_before(_read_at(session, prescription, user.id))}
    return Told(
        partner=post.to_partner(
            occasion, skipped=skipped, by_link=not told_before(_opened_at(session, prescription))
        )
    )


def _read_at(session: Session, prescription: Prescription, user_id: uuid.UUID) -> object:
    return session.exec(
        select(PrescriptionRead.at).where(
            col(PrescriptionRead.prescription_id) == prescription.id,
            col(PrescriptionRead.user_id) == user_id,
        )
    ).one_or_none()


def _opened_at(session: Session, prescription: Prescription) -> object:
    opened = session.exec(
        select(func.max(AccessEntry.at)).where(
            col(AccessEntry.prescription_id) == prescription.id, col(AccessEntry.par_lien)
        )
    ).one()
    wrote = session.exec(
        select(func.max(PrescriptionMessage.at)).where(
            col(PrescriptionMessage.prescription_id) == prescription.id,
            col(PrescriptionMessage.side) == Side.PARTENAIRE,
        )
    ).one()
    return max((moment for moment in (opened, wrote) if moment is not None), default=None)
