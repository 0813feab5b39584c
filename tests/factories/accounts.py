"""People and organisations, visibly invented."""

import itertools
import secrets
from typing import Any

from sqlmodel import Session

from portal.accounts.models import Organisation, OrganisationKind, Role, User

_numbers = itertools.count(1)


def make_organisation(session: Session, **values: Any) -> Organisation:
    number = next(_numbers)
    organisation = Organisation(
        **{"nom": f"CDAS de Démonstration {number}", "kind": OrganisationKind.ORGANISME_REFERENT, **values}
    )
    session.add(organisation)
    session.flush()
    return organisation


def make_user(session: Session, role: Role = Role.REFERENT, **values: Any) -> User:
    number = next(_numbers)
    if role is Role.REFERENT and "organisation_id" not in values:
        values["organisation_id"] = make_organisation(session).id
    user = User(
        **{
            "courriel": f"personne{number}@exemple.example.org",
            "prenom": "Camille",
            "nom": f"Exemple{number}",
            "role": role,
            "session_key": secrets.token_hex(16),
            **values,
        }
    )
    session.add(user)
    session.flush()
    return user
