"""The frontier: our rows as records of the data.inclusion schema. Building one is validating it."""

import logging
import uuid
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, HttpUrl, ValidationError
from sqlmodel import Session

from portal import vocabulary
from portal.offers import queries as offer_queries
from portal.offers import rules as offer_rules
from portal.offers.models import Offer
from portal.structures import queries as structure_queries
from portal.structures.models import Structure
from portal.vocabulary import Service as ServiceRecord
from portal.vocabulary import Structure as StructureRecord

log = logging.getLogger("portal.catalogue")
_STRICT = {"ignore_warnings": False}

# Schema fields that we never fill in, with the reason; a test compares this with the schema.
NOT_PUBLISHED: dict[str, str] = {}


def structure_record(
    structure: Structure, *, source: str, public_url: str, prefixed: bool = False
) -> dict[str, Any]:
    """Return `structure` as the schema writes it: every field, null when unknown, lists sorted.

    `prefixed` gives ids as `<source>--<id>`. Raises pydantic's ValidationError when the row does not follow the schema.
    """
    record = StructureRecord.model_validate(
        {
            "source": source,
            "id": _id(structure.id, source, prefixed),
            "nom": vocabulary.without_final_dot(structure.nom),
            "date_maj": structure.date_maj,
            "description": structure.description,
            "lien_source": HttpUrl(f"{public_url}/structures/{structure.id}"),
            "siret": structure.siret,
            "commune": structure.commune,
            "code_postal": structure.code_postal,
            "code_insee": structure.code_insee,
            "adresse": structure.adresse,
            "complement_adresse": structure.complement_adresse,
            "longitude": structure.longitude,
            "latitude": structure.latitude,
            "telephone": structure.telephone,
            "courriel": structure.courriel,
            "site_web": structure.site_web,
            "horaires_accueil": structure.horaires_accueil,
            "accessibilite_lieu": structure.accessibilite_lieu,
            "reseaux_porteurs": structure.reseaux_porteurs or None,
        },
        context=_STRICT,
    )
    return _plain(record)


def service_record(offer: Offer, *, source: str, public_url: str, prefixed: bool = False) -> dict[str, Any]:
    """Return `offer` as the schema's service: every field, null when unknown, lists sorted.

    `prefixed` gives ids as `<source>--<id>`. Raises pydantic's ValidationError when the row does not follow the schema.
    """
    values = offer_rules.as_record(offer)
    record = ServiceRecord.model_validate(
        {
            "source": source,
            "structure_id": _id(offer.structure_id, source, prefixed),
            "id": _id(offer.id, source, prefixed),
            "nom": vocabulary.without_final_dot(offer.nom),
            "description": offer.description,
            "lien_source": HttpUrl(f"{public_url}/offres/{offer.id}"),
            "date_maj": offer.date_maj,
            "type": values["type"],
            "thematiques": values["thematiques"] or None,
            "frais": values["frais"],
            "frais_precisions": values["frais_precisions"],
            "publics": values["publics"] or None,
            "publics_precisions": values["publics_precisions"],
            "conditions_acces": values["conditions_acces"],
            "commune": values["commune"],
            "code_postal": values["code_postal"],
            "code_insee": values["code_insee"],
            "adresse": values["adresse"],
            "complement_adresse": values["complement_adresse"],
            "longitude": values["longitude"],
            "latitude": values["latitude"],
            "telephone": values["telephone"],
            "courriel": values["courriel"],
            "modes_accueil": values["modes_accueil"] or None,
            "zone_eligibilite": values["zone_eligibilite"] or None,
            "contact_nom_prenom": values["contact_nom_prenom"],
            "lien_mobilisation": values["lien_mobilisation"],
            "modes_mobilisation": values["modes_mobilisation"] or None,
            "mobilisable_par": values["mobilisable_par"] or None,
            "mobilisation_precisions": values["mobilisation_precisions"],
            "volume_horaire_hebdomadaire": values["volume_horaire_hebdomadaire"],
            "nombre_semaines": values["nombre_semaines"],
            "horaires_accueil": values["horaires_accueil"],
        },
        context=_STRICT,
    )
    return _plain(record)


def structure_records(
    session: Session, *, source: str, public_url: str, prefixed: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield the published structures as records, by id. A row that does not follow the schema is logged and left out."""
    rows = session.execute(structure_queries.published().execution_options(yield_per=500)).scalars()
    for structure in rows:
        try:
            yield structure_record(structure, source=source, public_url=public_url, prefixed=prefixed)
        except ValidationError as error:
            _log_left_out("structure", structure.id, error)


def service_records(
    session: Session, *, source: str, public_url: str, prefixed: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield the offers of the catalogue as records, by id.

    A row that does not follow the schema is logged and left out; so are the offers of a structure that is, because
    one service without its structure makes data.inclusion keep our former data (contract data-inclusion §3.4).
    """
    sound: dict[uuid.UUID, bool] = {}
    rows = session.execute(offer_queries.published().execution_options(yield_per=500)).scalars()
    for offer in rows:
        if offer.structure_id not in sound:
            sound[offer.structure_id] = _follows_schema(offer.structure, source, public_url)
        if not sound[offer.structure_id]:
            log.error("export: offer %s left out with its structure", offer.id)
            continue
        try:
            yield service_record(offer, source=source, public_url=public_url, prefixed=prefixed)
        except ValidationError as error:
            _log_left_out("offer", offer.id, error)


def field_names(kind: str) -> list[str]:
    """Return the schema's field names of "structures" or "services", in the schema's order."""
    model = {"structures": StructureRecord, "services": ServiceRecord}[kind]
    return list(model.model_fields)


def _follows_schema(structure: Structure, source: str, public_url: str) -> bool:
    try:
        structure_record(structure, source=source, public_url=public_url)
    except ValidationError:
        return False
    return True


def _id(value: object, source: str, prefixed: bool) -> str:
    return f"{source}--{value}" if prefixed else str(value)


def _plain(record: BaseModel) -> dict[str, Any]:
    # The schema holds sets, which come out in any order; `zone_eligibilite` is a list and keeps the partner's order.
    dumped = record.model_dump(mode="json")
    return {
        name: sorted(value) if isinstance(getattr(record, name), set) else value
        for name, value in dumped.items()
    }


def _log_left_out(kind: str, row_id: object, error: ValidationError) -> None:
    fields = sorted({str(e["loc"][0]) if e["loc"] else "" for e in error.errors()})
    log.error("export: %s %s left out, fields: %s", kind, row_id, ", ".join(fields))
