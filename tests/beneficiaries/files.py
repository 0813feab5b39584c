"""People's files, as the tests write and read them."""

import uuid
from typing import Any

from sqlmodel import Session, col, select

from portal.beneficiaries.models import AccessEntry, AccessKind, Beneficiary

TYPED: dict[str, Any] = {
    "prenom": "Élodie",
    "nom": "Fictive",
    "date_naissance": "1990-02-01",
    "commune": "Redon",
    "telephone": "06 00 00 00 00",
    "courriel": "elodie@exemple.example.org",
    "numero_allocataire": "DEMO-1",
    "dominante": "emploi",
    "freins": ["mobilite", "sante"],
}


def accesses(session: Session, person: Beneficiary) -> list[tuple[AccessKind, uuid.UUID]]:
    statement = select(AccessEntry.kind, AccessEntry.user_id).where(
        col(AccessEntry.beneficiary_id) == person.id
    )
    return [(kind, user_id) for kind, user_id in session.exec(statement.order_by(col(AccessEntry.at)))]


def pages_of(person: Beneficiary) -> list[str]:
    return [
        "/beneficiaires",
        "/beneficiaires/nouveau",
        f"/beneficiaires/{person.id}",
        f"/beneficiaires/{person.id}/modifier",
    ]
