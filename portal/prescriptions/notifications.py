"""What prescriptions write to people. Nothing personal in a subject, nor in the text: it sends to the portal."""

from sqlmodel import Session, col, select

from portal.accounts.models import User
from portal.accounts.rules import queue_mail
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import Act
from portal.structures.models import Membership

_TO_PARTNER = {
    Act.ENVOYER: ("Une prescription attend votre réponse", "Une nouvelle prescription attend votre réponse."),
    Act.ANNULER: (
        "Une prescription est annulée",
        "Le référent a annulé une prescription : rien à faire de votre côté.",
    ),
    Act.EXPIRER: ("Une prescription a expiré", "Une prescription restée sans réponse a expiré."),
}
_TO_REFERENT = {
    Act.ETUDIER: ("Une prescription est à l’étude", "La structure étudie votre prescription."),
    Act.METTRE_EN_ATTENTE: (
        "Une prescription est en liste d’attente",
        "Il n’y a plus de place pour l’instant.",
    ),
    Act.ACCEPTER: (
        "Une prescription est acceptée",
        "La structure a accepté votre prescription : prévenez la personne.",
    ),
    Act.REFUSER: (
        "Une prescription est refusée",
        "La structure n’a pas pu accepter : lisez pourquoi, et cherchez une autre offre.",
    ),
    Act.ENTRER: ("Une personne est entrée dans l’action", "La structure a déclaré l’entrée."),
    Act.TERMINER: ("Une action est terminée", "La structure a déclaré la fin de l’action."),
    Act.ABANDONNER: (
        "Une action est abandonnée",
        "La structure a déclaré un abandon : reprenez contact avec la personne.",
    ),
    Act.EXPIRER: (
        "Une prescription a expiré",
        "La structure n’a pas répondu à temps : vous pouvez prescrire une autre offre.",
    ),
}


def tell(session: Session, prescription: Prescription, act: Act, *, public_url: str) -> None:
    """Put in the outbox what `act` means for the other side, with the address of the prescription."""
    address = f"{public_url}/prescriptions/{prescription.id}"
    if act in _TO_PARTNER:
        members = session.exec(
            select(User)
            .join(Membership, col(Membership.user_id) == col(User.id))
            .where(col(Membership.structure_id) == prescription.structure_id, col(User.is_active))
        )
        for member in members:
            _queue(session, member, *_TO_PARTNER[act], prescription, address)
    if act in _TO_REFERENT:
        _queue(
            session,
            session.get_one(User, prescription.referent_id),
            *_TO_REFERENT[act],
            prescription,
            address,
        )


def tell_expired(session: Session, prescription: Prescription, *, public_url: str) -> None:
    """Tell both sides that nobody answered in time."""
    tell(session, prescription, Act.EXPIRER, public_url=public_url)


def _queue(
    session: Session, to: User, subject: str, sentence: str, prescription: Prescription, address: str
) -> None:
    body = (
        f"Bonjour {to.prenom},\n\n{sentence}\n\nOffre : {prescription.offre_nom}\n\n"
        f"Pour la lire et agir, connectez-vous :\n{address}\n"
    )
    queue_mail(session, recipient=to.courriel, subject=subject, body=body)
