"""What this room writes to people about bilans. Nothing personal in a subject; figures stay on the portal."""

from collections.abc import Iterable

from sqlmodel import Session, col, select

from portal.accounts.models import Role, User
from portal.accounts.rules import queue_mail
from portal.budget.bilan_models import Bilan
from portal.budget.bilan_parts import title_of
from portal.budget.handed_in import Gap
from portal.budget.models import StateConvention


def tell_handed_in(
    session: Session,
    bilan: Bilan,
    convention: StateConvention,
    *,
    public_url: str,
    gaps: Iterable[Gap] = (),
) -> int:
    """Tell the State's services that a bilan waits for their reading; return how many were told.

    `gaps` are what later bilans say of its year that is no longer so: theirs to have corrected.
    """
    later = "".join(
        f"\n\nLe {gap.title.lower()}, déjà remis, ne dit plus ce que disent les comptes de {gap.annee} : demandez sa "
        f"correction. Les deux montants s’y lisent : {_address(gap.bilan, public_url)}"
        for gap in gaps
    )
    return _tell(
        session,
        _people(session, Role.ETAT),
        f"{title_of(bilan)} à lire",
        f"Le département a remis le {_name(bilan, convention)}. Il attend la lecture de deux personnes.",
        f"Lire le bilan : {_address(bilan, public_url)}{later}",
    )


def tell_read(session: Session, bilan: Bilan, convention: StateConvention, *, public_url: str) -> int:
    """Tell the officers that a bilan is settled; return how many were told."""
    return _tell(
        session,
        _people(session, Role.CONVENTIONNEMENT),
        f"{title_of(bilan)} arrêté",
        f"Les services de l’État ont arrêté le {_name(bilan, convention)}.",
        f"Voir le bilan : {_address(bilan, public_url)}",
    )


def tell_correction(session: Session, bilan: Bilan, convention: StateConvention, *, public_url: str) -> int:
    """Tell the officers what the State asks to correct; return how many were told."""
    return _tell(
        session,
        _people(session, Role.CONVENTIONNEMENT),
        f"{title_of(bilan)} à corriger",
        f"Les services de l’État demandent une correction du {_name(bilan, convention)} :\n\n{bilan.demande}",
        f"Corriger le bilan : {_address(bilan, public_url)}",
    )


def _tell(session: Session, people: Iterable[User], subject: str, text: str, link: str) -> int:
    told = 0
    for user in people:
        queue_mail(
            session,
            recipient=user.courriel,
            subject=subject,
            body=f"Bonjour {user.prenom},\n\n{text}\n\n{link}\n",
        )
        told += 1
    return told


def _people(session: Session, role: Role) -> Iterable[User]:
    return session.exec(
        select(User).where(col(User.role) == role, col(User.is_active)).order_by(col(User.courriel))
    ).all()


def _name(bilan: Bilan, convention: StateConvention) -> str:
    return f"{bilan.kind.label.lower()} {bilan.annee} de la convention {convention.numero}"


def _address(bilan: Bilan, public_url: str) -> str:
    return f"{public_url}/budget/{bilan.convention_id}/bilans/{bilan.id}"
