"""Structures and services known from elsewhere, as an import leaves them."""

import uuid
from typing import Any

import orjson
from sqlmodel import Session

from portal import vocabulary
from portal.catalogue import build
from portal.catalogue.models import KnownService, KnownStructure
from tests.factories.structures import RENNES

STRUCTURE: dict[str, Any] = {
    "nom": "Association inventée",
    "date_maj": "2026-10-01",
    "description": "Une association inventée pour les essais.",
    "code_insee": RENNES,
    "commune": "Rennes",
    "code_postal": "35000",
    "adresse": "2 rue de l’Exemple",
    "latitude": 48.1113,
    "longitude": -1.6800,
}
SERVICE: dict[str, Any] = {
    "nom": "Atelier numérique inventé",
    "description": "Un atelier inventé où l’on apprend à se servir d’un ordinateur et d’une boîte aux lettres. "
    * 3,
    "date_maj": "2026-10-01",
    "type": "atelier",
    "thematiques": ["numerique--maitriser-les-fondamentaux-du-numerique"],
    "frais": "gratuit",
    "publics": ["tous-publics"],
    "modes_accueil": ["en-presentiel"],
    "modes_mobilisation": ["envoyer-un-courriel"],
    "mobilisable_par": ["professionnels", "usagers"],
    "courriel": "accueil@association.example.org",
    "code_insee": RENNES,
    "commune": "Rennes",
    "code_postal": "35000",
    "adresse": "2 rue de l’Exemple",
    "latitude": 48.1113,
    "longitude": -1.6800,
}


def known_structure(
    session: Session, *, source: str = "dora", key: str | None = None, **fields: Any
) -> KnownStructure:
    values = {name: None for name in vocabulary.Structure.model_fields} | STRUCTURE | fields
    values |= {"source": source, "id": f"{source}--{key or uuid.uuid4()}"}
    values |= {
        "adresse_certifiee": fields.get("adresse_certifiee", False),
        "doublons": fields.get("doublons", []),
    }
    row = KnownStructure(id=values["id"], source=source, record=orjson.dumps(values).decode())
    session.add(row)
    session.flush()
    return row


def known_service(
    session: Session, structure: KnownStructure | None = None, *, key: str | None = None, **fields: Any
) -> KnownService:
    structure = structure or known_structure(session)
    values = {name: None for name in vocabulary.Service.model_fields} | SERVICE | fields
    values |= {"source": structure.source, "id": f"{structure.source}--{key or uuid.uuid4()}"}
    values |= {"structure_id": structure.id, "adresse_certifiee": fields.get("adresse_certifiee", False)}
    row = KnownService(
        id=values["id"],
        source=structure.source,
        structure_id=structure.id,
        record=orjson.dumps(values).decode(),
    )
    session.add(row)
    session.flush()
    return row


def index(session: Session) -> uuid.UUID:
    """Make the index, as an import does at its end."""
    return build.rebuild(session)
