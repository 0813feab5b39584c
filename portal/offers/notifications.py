"""What offers write to their editors. A subject names nobody."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from sqlmodel import Session

from portal.accounts import queries as account_queries
from portal.accounts.models import Role, User
from portal.accounts.rules import queue_mail
from portal.offers import freshness
from portal.offers.models import Offer, Signalement
from portal.structures import queries as structure_queries
from portal.structures.models import CatalogueRules
from portal.web.formats import count, short_day

# The subject of the message that asks; who had it this week is found by it.
REMINDER = "Vos offres sont-elles toujours valables ?"
# A table brings thousands of offers: a message names so many, the list has the others.
MOST_LISTED = 50


def people_by_structure(session: Session, structure_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[User]]:
    """Return the people to write to about each of these structures; absent when there is nobody."""
    found: dict[uuid.UUID, list[User]] = defaultdict(list)
    for structure_id, user in session.execute(structure_queries.people_of(set(structure_ids))):
        found[structure_id].append(user)
    return found


def animators(session: Session) -> Sequence[User]:
    """Return the people who look after the whole catalogue."""
    return session.execute(account_queries.active_of_role(Role.ANIMATION)).scalars().all()


def remind(
    session: Session, offers: Sequence[Offer], rules: CatalogueRules, *, public_url: str, secret: str
) -> None:
    """Ask whether `offers` are still valid: one message to each person, a link for each offer."""
    _tell(
        session,
        offers,
        subject=REMINDER,
        opening="Pouvez-vous nous dire si ces offres sont toujours valables ? Un clic suffit pour chacune.",
        line=lambda offer: (
            f"sans réponse, elle sera suspendue le {short_day(freshness.suspends_on(offer, rules))}"
        ),
        closing=f"Pour modifier une offre, ou dire qu’elle n’existe plus :\n{public_url}/mes-offres",
        public_url=public_url,
        secret=secret,
    )


def tell_suspended(session: Session, offers: Sequence[Offer], *, public_url: str, secret: str) -> None:
    """Tell that `offers` left the catalogue, and how to put them back."""
    _tell(
        session,
        offers,
        subject="Des offres sont suspendues",
        opening="Personne n’a confirmé ces offres : elles ne sont plus visibles. Rien n’est effacé, et un clic les remet.",
        line=lambda offer: "suspendue aujourd’hui",
        closing=f"Pour les modifier d’abord :\n{public_url}/mes-offres",
        public_url=public_url,
        secret=secret,
    )


def tell_reported(session: Session, report: Signalement, offer: Offer, *, public_url: str) -> None:
    """Tell the editors of `offer`, else the animators, that somebody saw an error in it."""
    people = people_by_structure(session, [offer.structure_id]).get(offer.structure_id) or animators(session)
    for user in people:
        queue_mail(
            session,
            recipient=user.courriel,
            subject="Une erreur est signalée dans une offre",
            body=(
                f"Bonjour {user.prenom},\n\nUn professionnel a signalé une erreur dans l’offre « {offer.nom} ».\n\n"
                f"Lire et répondre : {public_url}/signalements/{report.id}\n"
            ),
        )


def tell_answered(session: Session, report: Signalement, offer: Offer, to: User, *, public_url: str) -> None:
    """Tell who reported an error what its editors answered; a closed account is told nothing."""
    if not to.is_active:
        return
    queue_mail(
        session,
        recipient=to.courriel,
        subject="Réponse à votre signalement",
        body=(
            f"Bonjour {to.prenom},\n\nVous aviez signalé une erreur dans l’offre « {offer.nom} ». "
            f"La structure vous répond :\n\n{report.reponse}\n\nVoir l’offre : {public_url}/offres/{offer.id}\n"
        ),
    )


def tell_reviewed(session: Session, offer: Offer, *, public_url: str) -> None:
    """Tell the editors that the animator validated the offer, or sent it back with a remark."""
    for user in people_by_structure(session, [offer.structure_id]).get(offer.structure_id, []):
        if offer.review_note:
            subject = "Une offre est à compléter"
            told = f"L’animateur du département a relu l’offre « {offer.nom} » et vous demande :\n\n{offer.review_note}\n\n"
            words, address = "Compléter l’offre", f"{public_url}/offres/{offer.id}/modifier"
        else:
            subject = "Une offre est validée"
            told = f"L’animateur du département a validé l’offre « {offer.nom} ».\n\n"
            words, address = "Voir l’offre", f"{public_url}/offres/{offer.id}"
        queue_mail(
            session,
            recipient=user.courriel,
            subject=subject,
            body=f"Bonjour {user.prenom},\n\n{told}{words} : {address}\n",
        )


def _tell(
    session: Session,
    offers: Sequence[Offer],
    *,
    subject: str,
    opening: str,
    line: Callable[[Offer], str],
    closing: str,
    public_url: str,
    secret: str,
) -> None:
    people = people_by_structure(session, {offer.structure_id for offer in offers})
    orphans = [offer for offer in offers if offer.structure_id not in people]
    by_user: dict[uuid.UUID, tuple[User, list[Offer]]] = {}
    for offer in offers:
        for user in people.get(offer.structure_id, []):
            by_user.setdefault(user.id, (user, []))[1].append(offer)
    if orphans:
        # Nobody answers for these structures: the animators are asked instead.
        for user in animators(session):
            by_user.setdefault(user.id, (user, []))[1].extend(orphans)
    for user, theirs in by_user.values():
        parts = []
        for offer in theirs[:MOST_LISTED]:
            address = f"{public_url}/offres/toujours-valable/{freshness.make_link(secret, offer, user.id)}"
            parts.append(
                f"{offer.nom} ({offer.structure.nom}) : {line(offer)}.\nToujours valable : {address}"
            )
        if len(theirs) > MOST_LISTED:
            others = count(len(theirs) - MOST_LISTED, "autre offre", "autres offres")
            parts.append(f"Et {others}, dans la liste de vos offres.")
        body = f"Bonjour {user.prenom},\n\n{opening}\n\n" + "\n\n".join(parts) + f"\n\n{closing}\n"
        queue_mail(session, recipient=user.courriel, subject=subject, body=body)
