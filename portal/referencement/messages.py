"""Writing to the partners concerned: who they are, what they read, and what was sent to whom."""

import re
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, func, tuple_
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from portal import clock, geography
from portal.accounts.models import OutgoingMail, User
from portal.accounts.rules import queue_mail
from portal.errors import AlreadyDone, RuleBroken
from portal.offers import freshness
from portal.offers import queries as offer_queries
from portal.offers.models import Offer, OfferState
from portal.referencement.models import Audience, Campaign, CampaignMessage
from portal.referencement.queries import without_offer
from portal.structures.models import PlaceFields, Structure, StructureState
from portal.structures.queries import people_of
from portal.structures.rules import catalogue_rules

# What may be written between braces, and what it stands for.
PLACEHOLDERS: dict[str, str] = {
    "structure": "le nom de la structure",
    "offres": "ses offres concernées, une par ligne",
}
_BRACES = re.compile(r"\{([^{}\n]*)\}")
# The shortest rhythm of confirmation is a month: what is younger is never due.
_YOUNG = timedelta(days=27)
# A map tells two points apart from here, in degrees: about ten metres.
_SAME_POINT = 1e-4

_READY: dict[Audience, tuple[str, str]] = {
    Audience.PERIMEES: (
        "Vos offres sont-elles toujours valables ?",
        "Bonjour,\n\nCes offres de {structure} n’ont pas été confirmées depuis longtemps :\n\n{offres}\n\n"
        "Sont-elles toujours valables ? Un clic suffit pour le dire, ou pour les corriger.\n\n"
        "Voir vos offres : PORTAIL/mes-offres\n",
    ),
    Audience.SANS_OFFRE: (
        "Décrivez ce que propose votre structure",
        "Bonjour,\n\nLa fiche de {structure} est publiée, mais aucune offre n’y est visible : les référents ne savent "
        "pas encore ce que vous proposez.\n\nDécrire une première offre prend un quart d’heure, et rien n’est visible "
        "avant que vous ne la publiiez.\n\nÉcrire une offre : PORTAIL/mes-offres\n",
    ),
    Audience.ADRESSE: (
        "Votre adresse est à préciser",
        "Bonjour,\n\nL’adresse de {structure}, ou celle de ses offres, manque ou n’est pas trouvée sur la carte :\n\n"
        "{offres}\n\nLes personnes risquent de ne pas venir au bon endroit. Pouvez-vous la compléter ?\n\n"
        "Corriger l’adresse : PORTAIL/structures\n",
    ),
    Audience.COURRIEL: (
        "Une adresse électronique de votre structure ne répond pas",
        "Bonjour,\n\nUn message envoyé à une adresse électronique de {structure} a été refusé. Pouvez-vous vérifier "
        "les adresses de votre fiche, de vos offres et de vos collègues ?\n\n"
        "Voir la fiche : PORTAIL/structures\n",
    ),
}


class MailState(StrEnum):
    """Where a message that was sent stands."""

    EN_ATTENTE = "en_attente"
    PARTI = "parti"
    REFUSE = "refuse"

    @property
    def label(self) -> str:
        """The state as the interface says it."""
        return {
            "en_attente": "En attente de départ",
            "parti": "Envoyé",
            "refuse": "Refusé par le serveur de courrier",
        }[self.value]


@dataclass(slots=True)
class Target:
    """A structure concerned: the names of its offers concerned, whom to write to; nobody when `recipients` is empty."""

    structure: Structure
    offers: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Letter:
    """One message as one person would read it."""

    structure: Structure
    recipient: str
    subject: str
    body: str


def ready(audience: Audience, public_url: str) -> tuple[str, str]:
    """Return the subject and the text proposed for an audience, with the addresses of this portal."""
    subject, text = _READY[audience]
    return subject, text.replace("PORTAIL", public_url)


def targets(session: Session, audience: Audience) -> list[Target]:
    """Return the structures of an audience by name, with the people to write to.

    Those are the active members, else the structure's own address; never an address whose last message was refused.
    """
    found = _AUDIENCES[audience](session)
    people: dict[uuid.UUID, list[str]] = defaultdict(list)
    ids = [target.structure.id for target in found]
    for start in range(0, len(ids), 5_000):
        for structure_id, user in session.execute(people_of(ids[start : start + 5_000])):
            people[structure_id].append(user.courriel)
    dead = refused_addresses(session)
    for target in found:
        own = [target.structure.courriel.lower()] if target.structure.courriel else []
        alive = [address for address in people[target.structure.id] if address not in dead]
        target.recipients = alive or [address for address in own if address not in dead]
    return sorted(found, key=lambda target: (geography.fold(target.structure.nom), target.structure.id.hex))


def counts(session: Session) -> dict[Audience, int]:
    """Return how many structures each audience holds."""
    return {audience: len(_AUDIENCES[audience](session)) for audience in Audience}


def refused_addresses(session: Session) -> set[str]:
    """Return the addresses, in lower case, whose last message was refused by the mail server."""
    last = (
        select(col(OutgoingMail.recipient), func.max(col(OutgoingMail.created_at)).label("at"))
        .group_by(col(OutgoingMail.recipient))
        .subquery()
    )
    rows = session.execute(
        select(OutgoingMail.recipient).where(
            tuple_(col(OutgoingMail.recipient), col(OutgoingMail.created_at)).in_(
                select(last.c.recipient, last.c.at)
            ),
            col(OutgoingMail.sent_at).is_(None),
            col(OutgoingMail.last_error).is_not(None),
        )
    ).scalars()
    return {address.lower() for address in rows}


def check(objet: str, texte: str) -> None:
    """Raise RuleBroken, with the field, when a subject or a text cannot be sent as it stands.

    A subject is read by anybody who glances at a mailbox: no braces, no address in it.
    """
    if not objet.strip():
        raise RuleBroken("Écrivez l’objet du message.", field="objet")
    if "\n" in objet or "\r" in objet:
        raise RuleBroken("Écrivez l’objet sur une seule ligne.", field="objet")
    if len(objet) > 200:
        raise RuleBroken("Raccourcissez l’objet : 200 caractères au plus.", field="objet")
    if "{" in objet or "}" in objet:
        raise RuleBroken("L’objet est le même pour tous : retirez les accolades.", field="objet")
    if "@" in objet:
        raise RuleBroken("L’objet ne nomme personne : retirez l’adresse électronique.", field="objet")
    if not texte.strip():
        raise RuleBroken("Écrivez le message.", field="texte")
    if len(texte) > 10_000:
        raise RuleBroken("Raccourcissez le message : 10 000 caractères au plus.", field="texte")
    known = " et ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    for name in _BRACES.findall(texte):
        if name not in PLACEHOLDERS:
            raise RuleBroken(
                f"« {{{name[:60]}}} » n’est pas connu : seuls {known} sont remplacés.", field="texte"
            )
    rest = _BRACES.sub("", texte)
    if "{" in rest or "}" in rest:
        raise RuleBroken(f"Une accolade est seule : écrivez {known} en entier.", field="texte")


def letters(objet: str, texte: str, chosen: Iterable[Target]) -> list[Letter]:
    """Return each message as its reader will have it. Raises RuleBroken as `check` does."""
    check(objet, texte)
    return [
        Letter(target.structure, recipient, objet.strip(), _fill(texte, target))
        for target in chosen
        for recipient in target.recipients
    ]


def send(
    session: Session,
    *,
    audience: Audience,
    objet: str,
    texte: str,
    structure_ids: Collection[uuid.UUID],
    by: User,
    id: uuid.UUID,
) -> Campaign:
    """Put one message for each recipient of these structures in the outbox, and keep what was sent; return it.

    Structures that left the audience meanwhile are left out. `id` is the one the form was given: a second press raises
    AlreadyDone. Raises RuleBroken as `check` does, and when nobody is left to write to.
    """
    if session.get(Campaign, id) is not None:
        raise AlreadyDone("Ce message est déjà parti.")
    wanted = set(structure_ids)
    ready_to_go = letters(
        objet, texte, [target for target in targets(session, audience) if target.structure.id in wanted]
    )
    if not ready_to_go:
        raise RuleBroken("Personne à qui écrire : cochez au moins une structure.", field="structure")
    campaign = Campaign(id=id, audience=audience, objet=objet.strip(), texte=texte.strip(), sent_by_id=by.id)
    try:
        with session.begin_nested():
            session.add(campaign)
    except IntegrityError:
        # The first press was written between our look and our writing.
        raise AlreadyDone("Ce message est déjà parti.") from None
    for letter in ready_to_go:
        mail = queue_mail(session, recipient=letter.recipient, subject=letter.subject, body=letter.body)
        session.flush()
        session.add(
            CampaignMessage(
                campaign_id=campaign.id,
                structure_id=letter.structure.id,
                recipient=letter.recipient,
                mail_id=mail.id,
            )
        )
    session.flush()
    return campaign


def campaigns() -> Select[Any]:
    """Rows (Campaign, who sent it, how many messages), the latest first."""
    number = (
        select(func.count())
        .select_from(CampaignMessage)
        .where(col(CampaignMessage.campaign_id) == col(Campaign.id))
        .correlate(Campaign)
        .scalar_subquery()
    )
    statement: Any = (
        select(Campaign, User, number)
        .join(User, col(User.id) == col(Campaign.sent_by_id), isouter=True)
        .order_by(col(Campaign.sent_at).desc(), col(Campaign.id))
    )
    found: Select[Any] = statement
    return found


def messages_of(campaign_id: uuid.UUID) -> Select[Any]:
    """Rows (CampaignMessage, Structure, OutgoingMail or None) of a campaign, by structure's name."""
    statement: Any = (
        select(CampaignMessage, Structure, OutgoingMail)
        .join(Structure, col(Structure.id) == col(CampaignMessage.structure_id))
        .join(OutgoingMail, col(OutgoingMail.id) == col(CampaignMessage.mail_id), isouter=True)
        .where(col(CampaignMessage.campaign_id) == campaign_id)
        .order_by(col(Structure.nom), col(CampaignMessage.recipient), col(CampaignMessage.id))
    )
    found: Select[Any] = statement
    return found


def state_of(mail: OutgoingMail | None) -> MailState:
    """Return where a message stands by its place in the outbox."""
    if mail is None or (mail.sent_at is None and mail.last_error is None):
        return MailState.EN_ATTENTE
    return MailState.PARTI if mail.sent_at is not None else MailState.REFUSE


def _fill(texte: str, target: Target) -> str:
    names = "\n".join(f"- {name}" for name in target.offers) or "- (aucune)"
    values = {"structure": target.structure.nom, "offres": names}
    return _BRACES.sub(lambda found: values[found[1]], texte.strip()) + "\n"


def _stale(session: Session) -> list[Target]:
    """Structures whose offers are due for confirmation, or suspended for want of it."""
    settings = catalogue_rules(session)
    statement = (
        offer_queries.all_offers()
        .where(
            col(Structure.state) == StructureState.PUBLIEE,
            col(Offer.state).in_([OfferState.PUBLIEE, OfferState.SUSPENDUE]),
            col(Offer.date_maj) <= clock.today() - _YOUNG,
        )
        .order_by(col(Offer.nom), col(Offer.id))
    )
    return _grouped(
        offer
        for offer in session.execute(statement).scalars()
        if offer.state is OfferState.SUSPENDUE or freshness.is_due(offer, settings)
    )


def _without_offer(session: Session) -> list[Target]:
    """Published structures without a published offer; their drafts are named."""
    found = {structure.id: Target(structure) for structure in session.execute(without_offer()).scalars()}
    drafts = offer_queries.all_offers().where(
        col(Structure.state) == StructureState.PUBLIEE,
        col(Offer.state).in_([OfferState.BROUILLON, OfferState.A_VALIDER]),
    )
    for offer in session.execute(drafts.order_by(col(Offer.nom), col(Offer.id))).scalars():
        if offer.structure_id in found:
            found[offer.structure_id].offers.append(offer.nom)
    return list(found.values())


def _badly_placed(session: Session) -> list[Target]:
    """Published structures whose address, or that of a published offer on site, is missing or not on the map."""
    found: dict[uuid.UUID, Target] = {}
    published = select(Structure).where(col(Structure.state) == StructureState.PUBLIEE)
    for structure in session.exec(published):
        if not is_placed(structure):
            found[structure.id] = Target(structure)
    statement = offer_queries.published().order_by(None).order_by(col(Offer.nom), col(Offer.id))
    for offer in session.execute(statement).scalars():
        if offer.is_on_site and not is_placed(offer):
            found.setdefault(offer.structure_id, Target(offer.structure)).offers.append(offer.nom)
    return list(found.values())


def _unreachable(session: Session) -> list[Target]:
    """Structures, closed ones apart, of which an address is refused: their own, or a member's."""
    dead = refused_addresses(session)
    if not dead:
        return []
    found: dict[uuid.UUID, Target] = {}
    statement = select(Structure).where(col(Structure.state) != StructureState.FERMEE)
    structures: Sequence[Structure] = session.exec(statement).all()
    by_id = {structure.id: structure for structure in structures}
    for structure in structures:
        if structure.courriel and structure.courriel.lower() in dead:
            found[structure.id] = Target(structure)
    ids = list(by_id)
    for start in range(0, len(ids), 5_000):
        for structure_id, user in session.execute(people_of(ids[start : start + 5_000])):
            if user.courriel in dead:
                found.setdefault(structure_id, Target(by_id[structure_id]))
    return list(found.values())


_AUDIENCES: dict[Audience, Callable[[Session], list[Target]]] = {
    Audience.PERIMEES: _stale,
    Audience.SANS_OFFRE: _without_offer,
    Audience.ADRESSE: _badly_placed,
    Audience.COURRIEL: _unreachable,
}


def is_placed(thing: PlaceFields) -> bool:
    """Say whether a thing has a commune and an address that was found: placed elsewhere than at the commune's centre."""
    if not thing.code_insee or not thing.adresse or thing.latitude is None or thing.longitude is None:
        return False
    commune = geography.commune(thing.code_insee)
    if commune is None:
        return False
    return (
        abs(thing.latitude - commune.latitude) > _SAME_POINT
        or abs(thing.longitude - commune.longitude) > _SAME_POINT
    )


def _grouped(offers: Iterable[Offer]) -> list[Target]:
    found: dict[uuid.UUID, Target] = {}
    for offer in offers:
        found.setdefault(offer.structure_id, Target(offer.structure)).offers.append(offer.nom)
    return list(found.values())
