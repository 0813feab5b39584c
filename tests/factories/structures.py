"""Partner structures with their people."""

from typing import Any

from sqlmodel import Session

from portal.accounts.models import Role, User
from portal.structures import members, rules
from portal.structures.models import MembershipLevel, Structure
from tests.factories.accounts import make_user

REDON = "35236"
RENNES = "35238"


def make_structure(session: Session, *, published: bool = True, **values: Any) -> Structure:
    structure = rules.create_structure(
        session,
        {
            "nom": "Association Exemple",
            "description": "Une association inventée pour les essais.",
            "code_insee": RENNES,
            "adresse": "1 rue de l’Exemple",
            "telephone": "+33299000000",
            "courriel": "accueil@association.example.org",
            **values,
        },
        by=None,
    )
    if published:
        rules.publish_structure(session, structure, by=None)
    session.flush()
    return structure


def make_partner(session: Session, structure: Structure | None = None) -> tuple[User, Structure]:
    structure = structure or make_structure(session)
    user = make_user(session, Role.PARTENAIRE)
    members.join(session, structure, user)
    return user, structure


def make_chief(session: Session, structure: Structure | None = None) -> tuple[User, Structure]:
    """A partner who administers their structure."""
    structure = structure or make_structure(session)
    user = make_user(session, Role.PARTENAIRE)
    members.join(session, structure, user, level=MembershipLevel.ADMINISTRATEUR)
    return user, structure
