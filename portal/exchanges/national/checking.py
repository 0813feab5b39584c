"""One record: is it data.inclusion's schema v1, and may the portal keep it? Told without any database."""

import math
import re
from enum import StrEnum
from typing import Any, NamedTuple

import orjson
from pydantic import BaseModel, ValidationError

from portal import geography, vocabulary
from portal.exchanges.national.reasons import first_reason

# As wide as the columns of `KnownStructure` and `KnownService`.
LONGEST_ID = 240
LONGEST_SOURCE = 60
_SLUG = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
_STRICT = {"ignore_warnings": False}
_NOT_UTF8 = "not UTF-8"
# A number of weeks that no database would hold.
_TOO_MANY_WEEKS = 2**31


class Kind(StrEnum):
    """What a file holds."""

    STRUCTURE = "structure"
    SERVICE = "service"


_MODELS: dict[Kind, type[BaseModel]] = {
    Kind.STRUCTURE: vocabulary.Structure,
    Kind.SERVICE: vocabulary.Service,
}
_FIELDS = {kind: frozenset(model.model_fields) for kind, model in _MODELS.items()}


class Refused(Exception):
    """A record that is not taken; `id` is its own when it can be read, "" otherwise, `field` what is wrong."""

    def __init__(self, id: str, field: str, reason: str) -> None:
        super().__init__(reason)
        self.id, self.field, self.reason = id, field, reason


class Checked(NamedTuple):
    """A good record: its prefixed id, its source, its structure's id ("" for a structure), the JSON to keep."""

    id: str
    source: str
    structure_id: str
    record: bytes


def check(kind: Kind, content: bytes, *, own_source: str) -> Checked | None:
    """Return the record that `content` (one line) holds, or None when it is one of ours, which is left aside.

    The schema is applied with its warnings, as data.inclusion's own API does (contract data-inclusion, ten facts, 2);
    empty lists become null. What the API adds is kept (`adresse_certifiee`, `doublons`) or left (`score_qualite`,
    `extra`, anything unknown). `code_insee` must be known, and is kept as received: an arrondissement or a former
    commune is found where it is now by whoever reads it.

    The text kept: every field of the schema in its order, null when unknown, sets sorted, then `adresse_certifiee` and,
    for a structure, `doublons`. Two records that say the same thing have the same text.

    Raises Refused.
    """
    record = _parsed(content)
    if own_source in (record.get("source"), str(record.get("id")).partition("--")[0]):
        return None
    row_id, source = _identity(kind, record)
    if b"\\u0000" in content:
        _refuse_nul(row_id, record)
    try:
        held = _MODELS[kind].model_validate(
            {name: None if value == [] else value for name, value in record.items() if name in _FIELDS[kind]},
            context=_STRICT,
        )
    except ValidationError as error:
        raise Refused(row_id, *first_reason(error)) from None
    _check_numbers(row_id, held)
    plain = _plain(held)
    code = plain["code_insee"]
    if code is not None and not _is_known(code):
        raise Refused(row_id, "code_insee", f"{code!r} is not a commune")
    plain["adresse_certifiee"] = _certified(row_id, record.get("adresse_certifiee"))
    if kind is Kind.STRUCTURE:
        plain["doublons"] = _twins(row_id, record.get("doublons"))
    return Checked(row_id, source, plain.get("structure_id", ""), orjson.dumps(plain))


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        record = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        try:
            content.decode()
        except UnicodeDecodeError:
            raise Refused("", "", _NOT_UTF8) from None
        if content.lstrip().startswith(b"["):
            raise Refused("", "", "not one record a line: a JSON array goes over several lines") from None
        raise Refused("", "", f"not JSON: {error.msg}, column {error.colno}") from None
    if not isinstance(record, dict):
        raise Refused("", "", "not a record: a JSON object is needed on each line")
    return record


def _identity(kind: Kind, record: dict[str, Any]) -> tuple[str, str]:
    row_id, source = record.get("id"), record.get("source")
    if not isinstance(row_id, str) or not row_id:
        raise Refused("", "id", "missing" if row_id is None else "must be a text")
    if len(row_id) > LONGEST_ID:
        raise Refused(row_id[:LONGEST_ID], "id", f"longer than {LONGEST_ID} characters")
    if not row_id.isprintable() or "/" in row_id:
        raise Refused(row_id, "id", "holds a slash or a sign that cannot be printed")
    if not isinstance(source, str):
        raise Refused(row_id, "source", "missing" if source is None else "must be a text")
    if len(source) > LONGEST_SOURCE or not _SLUG.fullmatch(source):
        raise Refused(row_id, "source", f"must be a slug of {LONGEST_SOURCE} characters at most")
    prefix = f"{source}--"
    if not row_id.startswith(prefix) or row_id == prefix:
        raise Refused(row_id, "id", f"must begin with {prefix}")
    if kind is Kind.STRUCTURE:
        if "structure_id" in record:
            raise Refused(row_id, "structure_id", "this is a service; structures come in the first file")
        return row_id, source
    structure_id = record.get("structure_id")
    if isinstance(structure_id, str) and not structure_id.startswith(prefix):
        raise Refused(row_id, "structure_id", f"must begin with {prefix}")
    if isinstance(structure_id, str) and (len(structure_id) > LONGEST_ID or not structure_id.isprintable()):
        raise Refused(row_id, "structure_id", "cannot be the id of a structure")
    return row_id, source


def _refuse_nul(row_id: str, record: dict[str, Any]) -> None:
    # PostgreSQL has no place for it, in a text as in JSON.
    for name, value in record.items():
        if name in _FIELDS[Kind.STRUCTURE] | _FIELDS[Kind.SERVICE] | {"doublons"} and _holds_nul(value):
            raise Refused(row_id, name, "holds a NUL character")


def _holds_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(map(_holds_nul, value.values()))
    return isinstance(value, list) and any(map(_holds_nul, value))


def _check_numbers(row_id: str, held: Any) -> None:
    # The schema bounds none of these, and reads the texts "nan" and "inf" as numbers.
    for name, bound in (("latitude", 90), ("longitude", 180)):
        value = getattr(held, name)
        if value is not None and not -bound <= value <= bound:
            raise Refused(row_id, name, f"must be between -{bound} and {bound}")
    hours = getattr(held, "volume_horaire_hebdomadaire", None)
    if hours is not None and not math.isfinite(hours):
        raise Refused(row_id, "volume_horaire_hebdomadaire", "must be a number")
    weeks = getattr(held, "nombre_semaines", None)
    if weeks is not None and weeks >= _TOO_MANY_WEEKS:
        raise Refused(row_id, "nombre_semaines", "too large")


def _plain(held: BaseModel) -> dict[str, Any]:
    plain = held.model_dump(mode="json")
    for name, value in held.__dict__.items():
        # The schema holds sets, which come out in any order; `zone_eligibilite` is a list, whose order is kept.
        if type(value) is set:
            plain[name] = sorted(plain[name])
    return plain


def _is_known(code: str) -> bool:
    if geography.commune(code) is not None:
        return True
    # The communes of the overseas collectivités are not in the tables, their collectivités are; there a département
    # is its own region.
    collectivite = geography.departement(code[:3])
    return collectivite is not None and collectivite.code_region == collectivite.code


def _certified(row_id: str, value: object) -> bool:
    if value is None:
        return False
    if not isinstance(value, bool):
        raise Refused(row_id, "adresse_certifiee", "must be true or false")
    return value


def _twins(row_id: str, value: object) -> list[dict[str, str]]:
    """Return the twins as {source, id}, by id: the API gives whole structures there on one of its routes."""
    if value is None:
        return []
    found: dict[str, str] = {}
    for twin in value if isinstance(value, list) else [value]:
        source, twin_id = (twin.get("source"), twin.get("id")) if isinstance(twin, dict) else (None, None)
        if not isinstance(source, str) or not isinstance(twin_id, str):
            raise Refused(row_id, "doublons", "must be a list of objects with a source and an id")
        found[twin_id] = source
    return [{"source": found[twin_id], "id": twin_id} for twin_id in sorted(found)]
