"""The frontier: our rows as records of the data.inclusion schema. Building one is validating it."""

import logging
import uuid
from collections.abc import Callable, Collection, Generator
from datetime import date
from enum import Enum
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import to_jsonable_python
from sqlalchemy import Row
from sqlmodel import Session, col

from portal import vocabulary
from portal.offers import queries as offer_queries
from portal.offers.models import Offer
from portal.offers.record import as_record
from portal.structures import queries as structure_queries
from portal.structures.models import Structure
from portal.vocabulary import Service as ServiceRecord
from portal.vocabulary import Structure as StructureRecord

log = logging.getLogger("portal.catalogue")
_STRICT = {"ignore_warnings": False}
# Rows read at a time: all that a long export holds in memory.
CHUNK = 500

# Schema fields that we never fill in, with the reason; a test compares this with the schema.
NOT_PUBLISHED: dict[str, str] = {}


def structure_record(
    structure: Structure | Row[Any], *, source: str, public_url: str, prefixed: bool = False
) -> dict[str, Any]:
    """Return `structure`, or a row of its columns, as the schema writes it: every field, null when unknown, lists sorted.

    `prefixed` gives ids as `<source>--<id>`. Raises pydantic's ValidationError when the row does not follow the schema.
    """
    return _record(
        StructureRecord,
        {
            "source": source,
            "id": _id(structure.id, source, prefixed),
            "nom": vocabulary.without_final_dot(structure.nom),
            "date_maj": vocabulary.day_of_change(structure.date_maj),
            "description": structure.description,
            "lien_source": f"{public_url}/structures/{structure.id}",
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
    )


def service_record(
    offer: Offer | Row[Any], *, source: str, public_url: str, prefixed: bool = False
) -> dict[str, Any]:
    """Return `offer`, or a row of its columns, as the schema's service: every field, null when unknown, lists sorted.

    `prefixed` gives ids as `<source>--<id>`. Raises pydantic's ValidationError when the row does not follow the schema.
    """
    values = as_record(offer)
    return _record(
        ServiceRecord,
        {
            "source": source,
            "structure_id": _id(offer.structure_id, source, prefixed),
            "id": _id(offer.id, source, prefixed),
            "nom": vocabulary.without_final_dot(offer.nom),
            "description": offer.description,
            "lien_source": f"{public_url}/offres/{offer.id}",
            "date_maj": values["date_maj"],
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
    )


def structure_records(
    session: Session,
    *,
    source: str,
    public_url: str,
    prefixed: bool = False,
    between: tuple[uuid.UUID, uuid.UUID] | None = None,
    without: Collection[uuid.UUID] = (),
) -> Generator[dict[str, Any], None, None]:
    """Yield the published structures as records, by id, from one id to another when `between` is given.

    A row that does not follow the schema is logged and left out; those named by `without` are not even looked at.
    Rows are read CHUNK at a time.
    """
    statement = structure_queries.published_columns()
    if between is not None:
        statement = statement.where(col(Structure.id).between(*between))
    # Closed with the generator: PostgreSQL keeps the rest of a result that nobody takes.
    with session.execute(statement.execution_options(yield_per=CHUNK)) as result:
        for row in result:
            if row.id in without:
                continue
            try:
                yield structure_record(row, source=source, public_url=public_url, prefixed=prefixed)
            except ValidationError as error:
                log_left_out("structures", row.id, _fields(error))


def service_records(
    session: Session,
    *,
    source: str,
    public_url: str,
    prefixed: bool = False,
    between: tuple[uuid.UUID, uuid.UUID] | None = None,
    without: Collection[uuid.UUID] | None = None,
) -> Generator[dict[str, Any], None, None]:
    """Yield the offers of the catalogue as records, by id, from one id to another when `between` is given.

    A row that does not follow the schema is logged and left out; so are the offers of a structure that is, because
    one service without its structure makes data.inclusion keep our former data (contract data-inclusion §3.4).
    `without` names the offers that are left out, for either reason, when they are known. Rows are read CHUNK at a time.
    """
    statement = offer_queries.published_columns()
    if between is not None:
        statement = statement.where(col(Offer.id).between(*between))
    looked_at: set[uuid.UUID] = set()
    unsound: set[uuid.UUID] = set()
    with session.execute(statement.execution_options(yield_per=CHUNK)) as result:
        for rows in result.partitions():
            if without is None:
                new = {row.structure_id for row in rows} - looked_at
                looked_at |= new
                unsound.update(left_out(session, "structures", among=new))
            for row in rows:
                if without is not None and row.id in without:
                    continue
                if row.structure_id in unsound:
                    log.error("export: offer %s left out with its structure", row.id)
                    continue
                try:
                    yield service_record(row, source=source, public_url=public_url, prefixed=prefixed)
                except ValidationError as error:
                    log_left_out("services", row.id, _fields(error))


def left_out(
    session: Session, kind: str, *, among: Collection[uuid.UUID] | None = None
) -> dict[uuid.UUID, list[str]]:
    """Return {id: fields at fault} of the published "structures" or "services" that do not follow the schema.

    `among` looks at these rows only. The offers of a structure that is left out leave with it: they are not told here.
    """
    if kind == "structures":
        key, statement = col(Structure.id), structure_queries.published_columns()
        build: Callable[..., object] = structure_record
    else:
        key, statement, build = col(Offer.id), offer_queries.published_columns(), service_record
    if among is None:
        statements = [statement.execution_options(yield_per=CHUNK)]
    else:
        wanted = sorted(among)
        statements = [
            statement.where(key.in_(wanted[start : start + CHUNK])) for start in range(0, len(wanted), CHUNK)
        ]
    found: dict[uuid.UUID, list[str]] = {}
    for each in statements:
        with session.execute(each) as rows:
            for row in rows:
                try:
                    build(row, source="portail", public_url="https://portail.example.org")
                except ValidationError as error:
                    found[row.id] = _fields(error)
    return found


def log_left_out(kind: str, row_id: uuid.UUID, fields: list[str]) -> None:
    """Say that a row of `kind` does not leave, and why; what people wrote is not repeated."""
    name = {"structures": "structure", "services": "offer"}[kind]
    log.error("export: %s %s left out, fields: %s", name, row_id, ", ".join(fields))


def field_names(kind: str) -> list[str]:
    """Return the schema's field names of "structures" or "services", in the schema's order."""
    model = {"structures": StructureRecord, "services": ServiceRecord}[kind]
    return list(model.model_fields)


def _id(value: object, source: str, prefixed: bool) -> str:
    return f"{source}--{value}" if prefixed else str(value)


def _record(model: type[BaseModel], values: dict[str, Any]) -> dict[str, Any]:
    # Checking an e-mail address takes longer than all the rest, and many offers share one: each is checked once.
    courriel = values["courriel"] and _courriel(model, values["courriel"])
    if courriel:
        values["courriel"] = None
    record = model.model_validate(values, context=_STRICT)
    # The fields as the schema left them, in its order. It holds sets, which come out in any order; `zone_eligibilite`
    # is a list and keeps the partner's.
    plain = {
        name: value if type(value) in _AS_IT_IS else _plain(value) for name, value in record.__dict__.items()
    }
    if courriel:
        plain["courriel"] = courriel
    return plain


@lru_cache(maxsize=20_000)
def _courriel(model: type[BaseModel], value: str) -> str | None:
    """Return an address as the schema's own validators of that field write it; None when they refuse it."""
    candidate = model.model_construct()
    try:
        model.__pydantic_validator__.validate_assignment(candidate, "courriel", value, context=_STRICT)
    except ValidationError:
        return None
    written: str | None = candidate.courriel  # type: ignore[attr-defined]
    return written


_AS_IT_IS = frozenset({str, float, int, list, type(None)})


def _plain(value: Any) -> Any:
    if isinstance(value, set):
        return sorted([member.value for member in value])
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    return to_jsonable_python(value)


def _fields(error: ValidationError) -> list[str]:
    return sorted({str(e["loc"][0]) if e["loc"] else "" for e in error.errors()})
