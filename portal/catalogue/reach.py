"""Which services of a segment a place reaches: around a point or in a territory, at a distance, eligibility zones."""

from collections.abc import Iterable
from functools import lru_cache
from math import cos, radians, sin
from typing import Any

import numpy as np

from portal import geography
from portal.catalogue.criteria import Area, AreaKind, Around
from portal.catalogue.segments import Array, Segment, holding
from portal.geography.distance import EARTH_RADIUS_KM

COUNTRY = ("france", "99100")
ON_SITE = "en-presentiel"
REMOTE = "a-distance"
_HALF_THE_EARTH_KM = 20_000
# Up to this distance the first two terms of the arc sine are right to a metre.
_NEAR_KM = 500
# What a place reaches is kept for the next questions about it, unless it is too much to keep.
_KEPT_UP_TO_KM = 100

ALL = slice(None)


def around(segment: Segment, where: Around) -> tuple[Array, Array]:
    """Return (rows kept, rising; their kilometres): within the radius, or at a distance unless `strict`; and eligible.

    The rule is data.inclusion's (contract §2.3): the distance is told for what is on site and within the radius.
    """
    if where.radius_km > _KEPT_UP_TO_KM:
        return _around(segment, where)
    return segment.lately(where, lambda: _around(segment, where))


def _around(segment: Segment, where: Around) -> tuple[Array, Array]:
    near, kilometres = _within(segment, where)
    kept = np.zeros(segment.count, np.bool_)
    kept[near] = True
    if not where.strict:
        kept |= holding(segment, "modes_accueil", [REMOTE])
    if where.commune is not None:
        kept &= eligible(segment, geography.zone_codes_covering(where.commune))
    # Kept for the next ones who ask about the place: no wider than it must be.
    rows = np.flatnonzero(kept).astype(np.int32)
    distance = np.full(segment.count, np.nan, np.float32)
    distance[near] = kilometres
    return rows, _told(segment, where, rows, distance[rows])


def among(segment: Segment, where: Around, rows: Array) -> tuple[Array, Array]:
    """Return (which of `rows` are kept, as a mask; the kilometres of those): what `around` says, for few rows."""
    south, north, west, east = _box(where)
    latitude, longitude = segment["latitude"][rows], segment["longitude"][rows]
    box = np.flatnonzero(
        (latitude >= south) & (latitude <= north) & (longitude >= west) & (longitude <= east)
    )
    lat, lon = np.radians(latitude[box]), np.radians(longitude[box])
    x = np.cos(lat)
    kilometres = _kilometres(where, x * np.cos(lon), x * np.sin(lon), np.sin(lat))
    inside = kilometres <= where.radius_km
    distance = np.full(rows.shape[0], np.nan, np.float32)
    distance[box[inside]] = kilometres[inside]
    kept = distance == distance
    if not where.strict:
        kept |= holding(segment, "modes_accueil", [REMOTE], rows)
    if where.commune is not None:
        kept &= eligible(segment, geography.zone_codes_covering(where.commune), rows)
    return kept, _told(segment, where, rows[kept], distance[kept])


def _told(segment: Segment, where: Around, rows: Array, kilometres: Array) -> Array:
    """Return the kilometres that are told: those of what is on site, unless the circle is all that is asked for."""
    if not where.strict:
        kilometres[~holding(segment, "modes_accueil", [ON_SITE], rows)] = np.nan
    return kilometres


def _within(segment: Segment, where: Around) -> tuple[Array, Array]:
    """Return (rows within the radius, their kilometres): the box in the band of latitudes, then the exact distance."""
    south, north, west, east = _box(where)
    held = segment["band_latitude"]
    band = slice(int(np.searchsorted(held, south)), int(np.searchsorted(held, north, side="right")))
    longitudes = segment["band_longitude"][band]
    box = np.flatnonzero((longitudes >= west) & (longitudes <= east))
    kilometres = _kilometres(
        where, segment["band_x"][band][box], segment["band_y"][band][box], segment["band_z"][band][box]
    )
    inside = kilometres <= where.radius_km
    return segment["band_rows"][band][box[inside]], kilometres[inside]


def _box(where: Around) -> tuple[float, float, float, float]:
    return geography.bounding_box(where.latitude, where.longitude, min(where.radius_km, _HALF_THE_EARTH_KM))


def _kilometres(where: Around, x: Array, y: Array, z: Array) -> Array:
    """Return the distances to points of the sphere of radius 1."""
    latitude, longitude = radians(where.latitude), radians(where.longitude)
    chord = (x - cos(latitude) * cos(longitude)) ** 2
    chord += (y - cos(latitude) * sin(longitude)) ** 2
    chord += (z - sin(latitude)) ** 2
    half = np.sqrt(chord) / 2
    arc = half + half**3 / 6 if where.radius_km <= _NEAR_KM else np.arcsin(np.minimum(half, 1.0))
    found: Array = 2 * EARTH_RADIUS_KM * arc
    return found


def eligible(segment: Segment, codes: frozenset[str], rows: Any = ALL) -> Array:
    """Return the services whose eligibility zone is unknown or holds one of the codes, as a mask (of `rows`)."""

    def make() -> Array:
        mask: Array = segment["zone_null"].copy()
        for code in codes:
            mask[segment.rows_of("zones", code)] = True
        return mask

    return segment.lately(("zones", codes), make)[rows]


def in_area(segment: Segment, area: Area, rows: Any = ALL) -> Array:
    """Return the services of a territory, as a mask: located there, or open to its inhabitants at a distance."""
    inside = located(segment, area, rows)
    if area.located:
        return inside
    kept = inside | holding(segment, "modes_accueil", [REMOTE], rows)
    return kept & eligible(segment, zones_of(area), rows)


def located(segment: Segment, area: Area, rows: Any = ALL) -> Array:
    """Return the services whose own address is in a territory, as a mask."""

    def make() -> Array:
        inside = np.zeros(65536, np.bool_)
        held = segment.place_columns[area.kind.value] == area.code
        inside[: held.shape[0]] = held
        inside[65535] = False
        return inside

    inside = segment.lately((area.kind, area.code), make)
    return np.asarray(inside[segment["commune"][rows]])


@lru_cache(maxsize=256)
def zones_of(area: Area) -> frozenset[str]:
    """Return the codes of the zones that hold at least a part of a territory: what its inhabitants may come under."""
    if area.kind is AreaKind.COMMUNE:
        commune = geography.commune(area.code)
        return geography.zone_codes_covering(commune) if commune else frozenset(COUNTRY)
    codes = set(COUNTRY)
    names = {
        AreaKind.EPCI: "code_epci",
        AreaKind.DEPARTEMENT: "code_departement",
        AreaKind.REGION: "code_region",
    }
    for commune in geography.communes():
        if getattr(commune, names[area.kind]) == area.code:
            codes |= geography.zone_codes_covering(commune)
    return frozenset(codes)


def named_places(segment: Segment, where: Around | Area | None, rows: Array) -> Array:
    """Say of each row whether its eligibility zone names the place: neither unknown nor the whole country."""
    named = np.zeros(rows.shape[0], np.bool_)
    codes: Iterable[str] = ()
    if isinstance(where, Around) and where.commune is not None:
        codes = geography.zone_codes_covering(where.commune)
    elif isinstance(where, Area):
        codes = zones_of(where)
    known = segment.codes["zones"]
    for code in codes:
        if code in known and code not in COUNTRY:
            held = segment.rows_of("zones", code)
            at = np.minimum(np.searchsorted(held, rows), held.shape[0] - 1)
            named |= held[at] == rows
    return named
