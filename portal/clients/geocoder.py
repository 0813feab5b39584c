"""The national address base, through a geocoder: complete what is typed, and place an address on the map."""

import re
from dataclasses import dataclass
from typing import Any

from portal.clients.http import Unavailable, get_json

# At this score and below, the geocoder guesses.
SURE = 0.5
_PRECISE = frozenset({"housenumber", "street", "locality"})
# code of the town -> (how the codes of its arrondissements begin, its name)
_IN_ARRONDISSEMENTS = {"75056": ("751", "Paris"), "69123": ("6938", "Lyon"), "13055": ("132", "Marseille")}
# The geocoder takes questions of 3 to 200 characters that begin with a letter or a figure.
_SHORTEST, _LONGEST = 3, 200
_NOT_A_BEGINNING = re.compile(r"^[\W_]+")
_CODE = re.compile(r"[0-9][0-9AB][0-9]{3}")


@dataclass(frozen=True, slots=True)
class Address:
    """An address as the base has it: in one line, its number and street, and where it is (degrees, WGS 84)."""

    label: str
    adresse: str
    code_postal: str | None
    code_insee: str | None
    latitude: float
    longitude: float
    score: float
    kind: str


def search_addresses(
    base_url: str, text: str, *, code_insee: str | None = None, limit: int = 5
) -> list[Address]:
    """Return the addresses that `text` may mean, the likeliest first; those of a commune only when it is given.

    Raises Unavailable.
    """
    town = code_insee or ""
    begins, name = _IN_ARRONDISSEMENTS.get(town, ("", ""))
    # Streets of these towns bear the code of their arrondissement: the town's name leads to all of them.
    room = _LONGEST - len(name) - 1
    question = _NOT_A_BEGINNING.sub("", text)[:room].strip()
    if len(question) < _SHORTEST:
        return []
    # Other towns have a "rue de Paris": what is found there is left out below.
    params: dict[str, Any] = {"q": f"{question} {name}".strip(), "limit": limit + 10 if name else limit}
    if town and not name:
        params["citycode"] = town
    answer = get_json(f"{base_url.rstrip('/')}/search", params)
    features = answer.get("features") if isinstance(answer, dict) else None
    if not isinstance(features, list):
        raise Unavailable("answered another shape")
    found = [address for feature in features if (address := _address(feature)) is not None]
    return [a for a in found if not name or (a.code_insee or "").startswith((begins, town))][:limit]


def locate(base_url: str, adresse: str, code_insee: str) -> Address | None:
    """Return where this address of this commune is, None when the base is not sure of it. Raises Unavailable."""
    for found in search_addresses(base_url, adresse, code_insee=code_insee, limit=1):
        same = town_of(found.code_insee or "") == town_of(code_insee)
        if found.score > SURE and same and found.kind in _PRECISE:
            return found
    return None


def town_of(code_insee: str) -> str:
    """Return the code of the town, whichever of its arrondissements is given."""
    towns = (town for town, (begins, _) in _IN_ARRONDISSEMENTS.items() if code_insee.startswith(begins))
    return next(towns, code_insee)


def _address(feature: Any) -> Address | None:
    try:
        properties, (longitude, latitude) = feature["properties"], feature["geometry"]["coordinates"][:2]
        label, name = _text(properties, "label"), _text(properties, "name")
        if label is None or not (-90 <= float(latitude) <= 90 and -180 <= float(longitude) <= 180):
            return None
        code = _text(properties, "citycode") or ""
        return Address(
            label=label,
            adresse=name or label,
            code_postal=_text(properties, "postcode"),
            code_insee=code if _CODE.fullmatch(code) else None,
            latitude=float(latitude),
            longitude=float(longitude),
            score=float(properties.get("score") or 0),
            kind=_text(properties, "type") or "",
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _text(properties: dict[str, Any], name: str) -> str | None:
    value = properties.get(name)
    return value.strip() or None if isinstance(value, str) else None
