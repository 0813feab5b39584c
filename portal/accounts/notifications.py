"""What accounts write to people."""

from sqlmodel import Session

from portal.accounts.models import User
from portal.accounts.rules import queue_mail


def send_password_link(session: Session, user: User, address: str) -> None:
    """Put in the outbox the one-time link (`address`, whole) with which `user` chooses a password."""
    queue_mail(
        session,
        recipient=user.courriel,
        subject="Choisissez votre mot de passe",
        body=(
            f"Bonjour {user.prenom},\n\n"
            "Pour choisir votre mot de passe sur le portail des offres d’insertion, ouvrez ce lien :\n\n"
            f"{address}\n\n"
            "Il sert une seule fois et reste valable trois jours. Passé ce délai, demandez-en un autre depuis la page "
            "de connexion.\n\n"
            "Si vous n’attendiez pas ce message, ne faites rien : votre compte reste tel qu’il est.\n"
        ),
    )


def tell_account_exists(session: Session, user: User, *, sign_in: str, link: str) -> None:
    """Tell `user`, for whose address an account was just asked, that there is one; `link` is a one-time link, whole."""
    queue_mail(
        session,
        recipient=user.courriel,
        subject="Vous avez déjà un compte",
        body=(
            f"Bonjour {user.prenom},\n\n"
            "Quelqu’un vient de demander un compte pour votre adresse sur le portail des offres d’insertion. "
            "Vous en avez déjà un.\n\n"
            f"Me connecter : {sign_in}\n\n"
            f"Choisir un autre mot de passe : {link}\n\n"
            "Le second lien sert une seule fois et reste valable trois jours.\n\n"
            "Si vous n’avez rien demandé, ne faites rien : votre compte reste tel qu’il est.\n"
        ),
    )
