"""What structures write to people. A subject names nobody; an address holds ids only."""

import uuid
from collections.abc import Iterable

from sqlmodel import Session

from portal.accounts import queries as account_queries
from portal.accounts.models import Role, User
from portal.accounts.rules import queue_mail
from portal.structures import queries
from portal.structures.models import Invitation, JoinRequest, JoinState, Structure, StructureState
from portal.web.formats import moment


def animators(session: Session) -> list[User]:
    """Return the people who look after the whole catalogue."""
    return list(session.execute(account_queries.active_of_role(Role.ANIMATION)).scalars())


def answerable(session: Session, structure_id: uuid.UUID) -> list[User]:
    """Return the active administrators of a structure."""
    return list(session.execute(queries.administrators_of(structure_id)).scalars())


def tell_submitted(session: Session, structure: Structure, *, public_url: str) -> None:
    """Tell the animators that a structure waits to be read."""
    _tell(
        session,
        animators(session),
        subject="Une structure attend votre validation",
        body=f"La structure « {structure.nom} » attend votre validation.",
        link=("Lire la fiche", f"{public_url}/structures/{structure.id}"),
    )


def tell_reviewed(session: Session, structure: Structure, *, public_url: str) -> None:
    """Tell the structure's administrators, else all its members, that it was validated, or sent back with a remark."""
    people = answerable(session, structure.id) or [
        user for _, user in session.execute(queries.people_of([structure.id]))
    ]
    if structure.review_note:
        _tell(
            session,
            people,
            subject="La fiche de votre structure est à compléter",
            body=f"L’animateur du département a relu la fiche de « {structure.nom} » et vous demande :\n\n"
            f"{structure.review_note}",
            link=("Compléter la fiche", f"{public_url}/structures/{structure.id}/modifier"),
        )
    elif structure.state is StructureState.PUBLIEE:
        _tell(
            session,
            people,
            subject="La fiche de votre structure est validée",
            body=f"L’animateur du département a validé la fiche de « {structure.nom} ». "
            "Tout le monde peut maintenant la lire, avec ses offres publiées.",
            link=("Voir la fiche", f"{public_url}/structures/{structure.id}"),
        )


def send_invitation(
    session: Session, invitation: Invitation, structure: Structure, *, by: User, address: str
) -> None:
    """Send the link (`address`, whole) by which the invited person joins."""
    queue_mail(
        session,
        recipient=invitation.courriel,
        subject="Invitation à rejoindre une structure",
        body=(
            f"Bonjour,\n\n{by.full_name} vous invite à rejoindre « {structure.nom} » sur le portail des offres "
            "d’insertion, pour écrire ses offres et répondre aux prescriptions.\n\n"
            f"Répondre à l’invitation : {address}\n\n"
            f"Ce lien vous est personnel et reste valable jusqu’au {moment(invitation.expires_at)}.\n\n"
            "Si vous ne connaissez pas cette structure, ne faites rien.\n"
        ),
    )


def tell_asked(
    session: Session, request: JoinRequest, structure: Structure, user: User, *, public_url: str
) -> None:
    """Tell those who may answer that `user` asks to join: the administrators, or the animators when there is none."""
    people = answerable(session, structure.id)
    if not people or structure.state is StructureState.FERMEE:
        people = people + animators(session)
    said = f"\n\nSon message :\n\n{request.message}" if request.message else ""
    _tell(
        session,
        people,
        subject="Quelqu’un demande à rejoindre une structure",
        body=f"{user.full_name} ({user.courriel}) demande à rejoindre « {structure.nom} ».{said}",
        link=("Répondre à la demande", f"{public_url}/structures/{structure.id}/membres"),
    )


def tell_decided(
    session: Session, request: JoinRequest, structure: Structure, user: User, *, public_url: str
) -> None:
    """Tell `user` what was answered to their request."""
    if request.state is JoinState.ACCEPTEE:
        body = f"Votre demande est acceptée : vous faites maintenant partie de « {structure.nom} »."
        link = ("Voir la structure", f"{public_url}/structures/{structure.id}")
    else:
        body = (
            f"Votre demande pour rejoindre « {structure.nom} » n’est pas acceptée. "
            "Si vous y travaillez, parlez-en à un collègue qui en fait partie : il peut vous inviter."
        )
        link = ("Chercher une autre structure", f"{public_url}/structures/rejoindre")
    _tell(session, [user], subject="Votre demande pour rejoindre une structure", body=body, link=link)


def _tell(
    session: Session, people: Iterable[User], *, subject: str, body: str, link: tuple[str, str]
) -> None:
    for user in people:
        queue_mail(
            session,
            recipient=user.courriel,
            subject=subject,
            body=f"Bonjour {user.prenom},\n\n{body}\n\n{link[0]} : {link[1]}\n",
        )
