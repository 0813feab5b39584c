"""What an address of the API asks for, from its parameters to a search (contract data-inclusion §2.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal import geography, vocabulary
from portal.catalogue.criteria import Area, AreaKind, Around, Criteria, Sort, StructureCriteria
from portal.exchanges.api import parameters
from portal.exchanges.api.parameters import DEFAULT_DISTANCE_KM, DEFAULT_SIZE, Given, Refused

LAT_WITHOUT_LON = "The `lat` and `lon` must be simultaneously filled."
UNKNOWN_COMMUNE = "This `code_commune` does not exist."


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for. `criteria` is None when nothing can answer it (a commune outside of the region…)."""

    criteria: Criteria | None
    page: int
    size: int
    sort: Sort = Sort.ID
    extra: bool = False


@dataclass(frozen=True, slots=True)
class StructuresAsked:
    """The same for a list of structures."""

    criteria: StructureCriteria | None
    page: int
    size: int


def structures(given: Given) -> StructuresAsked:
    """Read the parameters of `/structures` (name -> every value given). Raises Refused."""
    values = parameters.read(parameters.STRUCTURES_TABLE, given)
    area, possible = _area(values)
    criteria = StructureCriteria(
        sources=values.get("sources", _NONE),
        reseaux_porteurs=values.get("reseaux_porteurs", _NONE),
        within=area,
        exclure_doublons=values.get("exclure_doublons", False),
    )
    return StructuresAsked(criteria if possible else None, *_pages(values))


def services(given: Given) -> Asked:
    """Read the parameters of `/services`: what is located in a territory, by id. Raises Refused."""
    values = parameters.read(parameters.SERVICES_TABLE, given)
    area, possible = _area(values)
    criteria = Criteria(where=area, forgiving=False, **_filters(values))
    return Asked(
        criteria if possible else None, *_pages(values), sort=Sort.ID, extra=values.get("extra", False)
    )


def search_services(given: Given) -> Asked:
    """Read the parameters of `/search/services`: what is open to the people of a commune, the nearest first.

    Raises Refused, also when the commune is unknown and when one of `lat` and `lon` is missing.
    """
    values = parameters.read(parameters.SEARCH_SERVICES_TABLE, given)
    point = _point(values)
    around = None
    if (code := values.get("code_commune")) is not None:
        commune = geography.commune(code)
        if commune is None:
            raise Refused(UNKNOWN_COMMUNE)
        latitude, longitude = point or (commune.latitude, commune.longitude)
        around = Around(latitude, longitude, DEFAULT_DISTANCE_KM, commune)
    # Without a commune the point is not looked at, as in the original.
    criteria = Criteria(
        where=around,
        forgiving=False,
        exclure_doublons=values.get("exclure_doublons", False),
        **_filters(values),
    )
    return Asked(criteria, *_pages(values), sort=Sort.DISTANCE_ID)


def search(given: Given) -> Asked:
    """Read the parameters of `/search`: words, within a territory, around a point. Raises Refused.

    An empty text finds nothing; no text at all is no filter.
    """
    values = parameters.read(parameters.SEARCH_TABLE, given)
    point = _point(values)
    area, possible = _area(values)
    words = values.get("q")
    if words is not None and not words.strip():
        possible = False
    around = Around(*point, values.get("distance", DEFAULT_DISTANCE_KM), strict=True) if point else None
    criteria = Criteria(
        words=words or "",
        forgiving=False,
        where=around or area,
        within=area if around else None,
        **_filters(values),
    )
    return Asked(criteria if possible else None, *_pages(values), sort=Sort.AUTO)


def places(given: Given) -> tuple[str, ...]:
    """Read the parameters of `/places`: the ids of services, each once, in the order given. Raises Refused."""
    values: tuple[str, ...] = parameters.read(parameters.PLACES_TABLE, given)["id"]
    return values


_NONE: frozenset[str] = frozenset()


def _pages(values: Mapping[str, Any]) -> tuple[int, int]:
    return values.get("page", 1), values.get("size", DEFAULT_SIZE)


def _filters(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the three lists of services share, in the names of `Criteria`."""
    publics = values.get("publics", _NONE)
    thematiques = values.get("thematiques", _NONE)
    score = values.get("score_qualite_minimum")
    return {
        "sources": values.get("sources", _NONE),
        "thematiques": frozenset(vocabulary.expand_thematiques(thematiques)) if thematiques else _NONE,
        "publics": _NONE if "tous-publics" in publics else publics,
        "publics_words": values.get("recherche_public", ""),
        "types": values.get("types", _NONE),
        "frais": values.get("frais", _NONE),
        "modes_accueil": values.get("modes_accueil", _NONE),
        "score_minimum": None if score is None else min(max(score, 0.0), 1.01),
    }


def _point(values: Mapping[str, Any]) -> tuple[float, float] | None:
    latitude, longitude = values.get("lat"), values.get("lon")
    if (latitude is None) != (longitude is None):
        raise Refused(LAT_WITHOUT_LON)
    return None if latitude is None or longitude is None else (latitude, longitude)


def _area(values: Mapping[str, Any]) -> tuple[Area | None, bool]:
    """Return the smallest territory asked for, and whether it lies in the others (nothing answers otherwise)."""
    region = values.get("code_region") or parameters.region_by_slug().get(values.get("slug_region", ""))
    departement = values.get("code_departement") or parameters.departement_by_slug().get(
        values.get("slug_departement", "")
    )
    if (code := values.get("code_commune")) is not None:
        commune = geography.commune(code)
        if commune is None:
            return None, False
        inside = departement in (None, commune.code_departement) and region in (None, commune.code_region)
        return Area(AreaKind.COMMUNE, commune.code, located=True), inside
    if departement is not None:
        held = geography.departement(departement)
        inside = region is None or (held is not None and held.code_region == region)
        return Area(AreaKind.DEPARTEMENT, departement, located=True), inside
    if region is not None:
        return Area(AreaKind.REGION, region, located=True), True
    return None, True
