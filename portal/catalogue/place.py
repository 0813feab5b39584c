"""Where somebody looks: a commune, a point, an EPCI, a département, a région, told by its name, its code or its label."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache

from portal import geography
from portal.catalogue.criteria import Area, AreaKind, Around
from portal.geography import Commune
from portal.geography.places import designated

# "47.651,-2.084", or "47.651,-2.084,35236" when the commune of the point is known; what stands before is for people.
_POINT = re.compile(r"(?:.*\()?(-?\d{1,2}(?:\.\d{1,8})?),(-?\d{1,3}(?:\.\d{1,8})?)(?:,(\d[0-9AB]\d{3}))?\)?")
# About a hundred metres: enough to sort by distance, not enough to tell a door.
_DECIMALS = 3
_COUNTRY = frozenset({"france", "99100"})
# Half a degree around a point holds a commune everywhere in France, overseas included.
_NEARBY = 0.5
EVERYWHERE = "France entière"


class PlaceKind(StrEnum):
    """The kinds of places one may look around or in."""

    COMMUNE = "commune"
    POINT = "point"
    EPCI = "epci"
    DEPARTEMENT = "departement"
    REGION = "region"
    FRANCE = "france"


@dataclass(frozen=True, slots=True)
class Place:
    """A place: `label` as people read it (and may send it back), `key` as an address keeps it.

    `commune` is there for a commune, and for a point whose commune is known.
    """

    kind: PlaceKind
    label: str
    key: str
    latitude: float | None = None
    longitude: float | None = None
    commune: Commune | None = None
    code: str | None = None

    @property
    def is_area(self) -> bool:
        """True for a territory: one looks in it, not around it."""
        return self.kind in {PlaceKind.EPCI, PlaceKind.DEPARTEMENT, PlaceKind.REGION}

    @property
    def is_around(self) -> bool:
        """True for what has a middle: distances have a meaning there."""
        return self.latitude is not None

    @property
    def nom(self) -> str:
        """The name alone, for a sentence."""
        if self.kind is PlaceKind.COMMUNE and self.commune:
            return self.commune.nom
        return self.label.rpartition(" (")[0] or self.label

    def where(self, radius_km: float) -> Around | Area | None:
        """Return the place as a search takes it."""
        if self.latitude is not None and self.longitude is not None:
            return Around(self.latitude, self.longitude, radius_km, self.commune)
        if self.is_area and self.code:
            return Area(AreaKind(self.kind.value), self.code)
        return None


def place_of(commune: Commune) -> Place:
    """Return the place that a commune is."""
    return Place(
        PlaceKind.COMMUNE,
        commune.label,
        commune.label,
        commune.latitude,
        commune.longitude,
        commune,
        commune.code,
    )


def point(latitude: float, longitude: float, code_insee: str | None = None) -> Place:
    """Return a point on the map, rounded to about a hundred metres, with the commune it is in when it is known.

    Raises UnknownPlace outside the map.
    """
    latitude, longitude = round(latitude, _DECIMALS), round(longitude, _DECIMALS)
    key = f"{latitude:g},{longitude:g}"
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise geography.UnknownPlace(key)
    commune = geography.commune(code_insee) if code_insee else None
    if commune:
        key += f",{commune.code}"
    near = commune.nom if commune else _nearest(latitude, longitude)
    label = f"Près de {near} ({key})" if near else f"Un point de la carte ({key})"
    return Place(PlaceKind.POINT, label, key, latitude, longitude, commune)


# The same towns come back all day. What names nothing is not kept: it raises.
@lru_cache(maxsize=1024)
def find(text: str, departement: str | None = None) -> Place:
    """Return the place that a text designates.

    Accepted, in this order: a point, the exact label of a département or an EPCI, the name or the label of a région (two
    villages are called Bretagne: their labels name them), a commune (five figures are a postal code first: nobody knows
    the INSEE code of a neighbour), then whatever else names an EPCI or a département.
    Raises geography.UnknownPlace and geography.AmbiguousPlace, whose `labels` are accepted here.
    """
    text = text.strip()
    if len(text) <= 150 and (found := _POINT.fullmatch(text)):
        return point(float(found[1]), float(found[2]), found[3])
    if code := _area_labels().get(geography.fold(text[:150])):
        return _area(code)
    if code := _regions_by_name().get(geography.fold(text[:150])):
        return _region(code)
    # Names of nothing are compared with all others, which takes time: once is enough.
    if not designated(text):
        return _area(geography.parse_zone(text, departement))
    try:
        return place_of(geography.resolve(text, departement))
    except geography.AmbiguousPlace as ambiguous:
        postal = [place for place in ambiguous.choices if text in place.codes_postaux]
        if len(postal) == 1:
            return place_of(postal[0])
        raise geography.AmbiguousPlace(text, postal or ambiguous.choices) from None


def complete(text: str, limit: int, departement: str | None = None) -> list[str]:
    """Return the labels of at most `limit` places for what has been typed so far: communes, then territories."""
    communes = complete_communes(text, limit, departement)
    typed = geography.fold(text[:100])
    if len(typed) < 2 or typed.isdecimal():
        return communes
    # At least two lines for the territories when there are some: "Rennes" is also the beginning of its EPCI. And one
    # for a région, which is last.
    regions = _complete_regions(typed)[: 1 if limit < 5 else 3]
    areas = _complete_areas(typed, departement)[: max(2, limit - len(communes) - len(regions))]
    return (communes[: max(0, limit - len(areas) - len(regions))] + areas + regions)[-limit:]


def complete_communes(text: str, limit: int, departement: str | None = None) -> list[str]:
    """Return the labels of at most `limit` communes for what has been typed so far."""
    return [commune.label for commune in geography.complete(text, limit, departement)]


def namesakes(place: Place) -> list[str]:
    """Return the labels of the territories that bear the very name of a commune: Mayenne, Paris, Guadeloupe."""
    if place.kind is not PlaceKind.COMMUNE or place.commune is None:
        return []
    return list(_areas_by_name().get(place.commune.key, ()))


def _area(code: str) -> Place:
    if code in _COUNTRY:
        return Place(PlaceKind.FRANCE, EVERYWHERE, EVERYWHERE, code="france")
    label = geography.zone_label(code)
    if geography.departement(code):
        return Place(PlaceKind.DEPARTEMENT, label, label, code=code)
    if geography.epci(code):
        return Place(PlaceKind.EPCI, label, label, code=code)
    commune = geography.commune(code)
    if commune is None:  # not reached: parse_zone gives nothing else
        raise geography.UnknownPlace(code)
    return place_of(commune)


def _region(code: str) -> Place:
    # "(région)": a label that no commune and no département has.
    label = f"{geography.REGIONS[code]} (région)"
    return Place(PlaceKind.REGION, label, label, code=code)


@cache
def _regions() -> dict[str, str]:
    """Return {code: folded name} of the régions that are more than one département by another name."""
    held = [departement.code_region for departement in geography.departements()]
    return {code: geography.fold(nom) for code, nom in geography.REGIONS.items() if held.count(code) > 1}


@cache
def _regions_by_name() -> dict[str, str]:
    """Return {folded name: code} for the names people give to a région, and its label."""
    return {
        written: code
        for code, name in _regions().items()
        for written in (name, f"{name} region", f"region {name}")
    }


def _complete_regions(typed: str) -> list[str]:
    """Return the labels of the régions of which `typed` begins the name or a word of it, those first."""
    found = sorted(
        (not name.startswith(typed), name, code)
        for code, name in _regions().items()
        if name.startswith(typed) or f" {typed}" in name
    )
    return [_region(code).label for *_, code in found]


@cache
def _area_labels() -> dict[str, str]:
    """Return {folded label: code} of the départements, the EPCI and the country."""
    labels = {geography.fold(EVERYWHERE): "france"}
    for departement in geography.departements():
        labels[geography.fold(geography.zone_label(departement.code))] = departement.code
        for epci in geography.epcis_of_departement(departement.code):
            labels[geography.fold(geography.zone_label(epci.code))] = epci.code
    return labels


@cache
def _areas() -> tuple[tuple[str, str, str], ...]:
    """Return (folded name, label, code of the département) of every territory."""
    found = []
    for departement in geography.departements():
        found.append(
            (geography.fold(departement.nom), geography.zone_label(departement.code), departement.code)
        )
        for epci in geography.epcis_of_departement(departement.code):
            found.append((geography.fold(epci.nom), geography.zone_label(epci.code), departement.code))
    return tuple(found)


@cache
def _areas_by_name() -> dict[str, tuple[str, ...]]:
    named: dict[str, tuple[str, ...]] = {}
    for name, label, _ in _areas():
        if label not in named.get(name, ()):
            named[name] = (*named.get(name, ()), label)
    return named


def _complete_areas(typed: str, departement: str | None) -> list[str]:
    ranked = sorted(
        (not name.startswith(typed), code != departement, name, label)
        for name, label, code in _areas()
        if typed in name and (name.startswith(typed) or f" {typed}" in name)
    )
    return list(dict.fromkeys(label for *_, label in ranked))


@lru_cache(maxsize=1024)
def _nearest(latitude: float, longitude: float) -> str | None:
    """Return the name of the commune whose centre is the nearest, None far from all."""
    around = [
        commune
        for commune in geography.communes()
        if abs(commune.latitude - latitude) < _NEARBY and abs(commune.longitude - longitude) < _NEARBY
    ]
    if not around:
        return None
    return min(around, key=lambda c: geography.distance_km(latitude, longitude, c.latitude, c.longitude)).nom
