"""What the animator's room writes to people. A subject names nobody; a text sends to the portal."""

from collections.abc import Iterable, Sequence
from datetime import datetime, time

from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import OutgoingMail, Role, User
from portal.accounts.rules import queue_mail
from portal.offers.models import Offer, OfferState
from portal.prescriptions.models import Prescription
from portal.referencement import queries
from portal.structures.models import Structure
from portal.structures.queries import people_of
from portal.web.formats import count

# The subject of the daily message; who had it today is found by it.
DIGEST = "Des fiches attendent votre lecture"


def remind_animators(session: Session, *, public_url: str) -> int:
    """Tell each animator what waits for them, once a day at most and only when something does; return how many were told.

    Run again the same day, or on two machines at once, it writes nothing more.
    """
    # Taking the animators' rows makes a second machine wait, then see the first one's messages.
    animators = session.exec(
        select(User)
        .where(col(User.role) == Role.ANIMATION, col(User.is_active))
        .order_by(col(User.id))
        .with_for_update()
    ).all()
    lines = _waiting_lines(session)
    if not lines or not animators:
        return 0
    told = _told_today(session)
    to_tell = [animator for animator in animators if animator.courriel not in told]
    for animator in to_tell:
        queue_mail(
            session,
            recipient=animator.courriel,
            subject=DIGEST,
            body=(
                f"Bonjour {animator.prenom},\n\nVoici ce qui attend votre lecture aujourd’hui :\n\n"
                + "\n".join(f"- {line}" for line in lines)
                + f"\n\nLire ce qui attend : {public_url}/referencement/file\n"
            ),
        )
    return len(to_tell)


def tell_closed(
    session: Session,
    structure: Structure,
    under_way: Iterable[Prescription],
    *,
    by: User,
    public_url: str,
) -> None:
    """Tell the members that their structure is closed, and each référent that prescriptions of theirs are concerned."""
    said = f"\n\n{structure.closed_note}" if structure.closed_note else ""
    for _, member in session.execute(people_of([structure.id])):
        if member.id == by.id:
            continue
        queue_mail(
            session,
            recipient=member.courriel,
            subject="Votre structure est fermée sur le portail",
            body=(
                f"Bonjour {member.prenom},\n\n« {structure.nom} » est maintenant fermée sur le portail : ses offres "
                f"ne sont plus visibles. Rien n’est effacé.{said}\n\n"
                f"Terminer les prescriptions en cours : {public_url}/prescriptions\n\n"
                "Si c’est une erreur, écrivez à l’animateur du département : il peut la rouvrir.\n"
            ),
        )
    numbers: dict[object, int] = {}
    for prescription in under_way:
        numbers[prescription.referent_id] = numbers.get(prescription.referent_id, 0) + 1
    if not numbers:
        return
    referents: Sequence[User] = session.exec(
        select(User).where(col(User.id).in_(list(numbers)), col(User.is_active)).order_by(col(User.courriel))
    ).all()
    for referent in referents:
        number = numbers[referent.id]
        concerned = (
            "Une de vos prescriptions y est en cours"
            if number == 1
            else f"{number} de vos prescriptions y sont en cours"
        )
        queue_mail(
            session,
            recipient=referent.courriel,
            subject="Une structure ferme : des prescriptions sont concernées",
            body=(
                f"Bonjour {referent.prenom},\n\n« {structure.nom} » ferme. {concerned} : voyez avec la structure ce "
                f"qu’elle peut terminer, et cherchez une autre offre si besoin.{said}\n\n"
                f"Voir mes prescriptions : {public_url}/prescriptions\n"
            ),
        )


def _waiting_lines(session: Session) -> list[str]:
    structures = len(session.execute(queries.structures_to_read()).all())
    offers: Sequence[Offer] = session.execute(queries.offers_to_read()).scalars().all()
    before = sum(offer.state is OfferState.A_VALIDER for offer in offers)
    after = len(offers) - before
    found = []
    if structures:
        found.append(count(structures, "structure à lire", "structures à lire"))
    if before:
        found.append(count(before, "offre à valider avant publication", "offres à valider avant publication"))
    if after:
        found.append(count(after, "offre publiée à relire", "offres publiées à relire"))
    return found


def _told_today(session: Session) -> set[str]:
    midnight = datetime.combine(clock.today(), time(), tzinfo=clock.PARIS)
    return set(
        session.exec(
            select(OutgoingMail.recipient).where(
                col(OutgoingMail.subject) == DIGEST, col(OutgoingMail.created_at) >= midnight
            )
        )
    )
