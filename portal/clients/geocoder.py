"""The national address base, through a geocoder: complete what is typed, and place an address on the map."""

from dataclasses import dataclass
from typing import Any

from portal.clients.http import Unavailable, get_json

# Below, the geocoder guesses.
SURE = 0.5
_PRECISE = frozenset({"housenumber", "street", "locality"})
# The three towns whose arrondissements have codes of their own.
_ARRONDISSEMENTS = {"751": "75056", "6938": "69123", "132": "13055"}


@dataclass(frozen=True, slots=True)
class Address:
    """An address as the base has it: in one line, its number and street, and where it is."""

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
    """Return the addresses that `text` may mean, the likeliest first. Raises Unavailable."""
    params: dict[str, Any] = {"q": text[:200], "limit": limit}
    if code_insee:
        params["citycode"] = code_insee
    answer = get_json(f"{base_url.rstrip('/')}/search", params)
    features = answer.get("features") if isinstance(answer, dict) else None
    if not isinstance(features, list):
        raise Unavailable("answered another shape")
    return [address for feature in features if (address := _address(feature)) is not None]


def locate(base_url: str, adresse: str, code_insee: str) -> Address | None:
    """Return where this address of this commune is, None when the base is not sure of it. Raises Unavailable."""
    for found in search_addresses(base_url, adresse, code_insee=code_insee, limit=1):
        same = town_of(found.code_insee or "") == town_of(code_insee)
        if found.score >= SURE and same and found.kind in _PRECISE:
            return found
    return None


def town_of(code_insee: str) -> str:
    """Return the code of the town, whichever of its arrondissements is given."""
    return next((t for begins, t in _ARRONDISSEMENTS.items() if code_insee.startswith(begins)), code_insee)


def _address(feature: Any) -> Address | None:
    try:
        properties, (longitude, latitude) = feature["properties"], feature["geometry"]["coordinates"][:2]
        return Address(
            label=str(properties["label"]),
            adresse=str(properties.get("name") or properties["label"]),
            code_postal=properties.get("postcode"),
            code_insee=properties.get("citycode"),
            latitude=float(latitude),
            longitude=float(longitude),
            score=float(properties.get("score") or 0),
            kind=str(properties.get("type") or ""),
        )
    except (KeyError, TypeError, ValueError):
        return None
