"""Distances on the sphere, in kilometres; latitudes and longitudes in decimal degrees (WGS 84)."""

from math import asin, cos, degrees, radians, sin, sqrt

EARTH_RADIUS_KM = 6371.0088  # mean radius (IUGG)


def distance_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Return the great-circle distance in kilometres between two points (haversine formula)."""
    half_lat = sin(radians(lat2 - lat1) / 2)
    half_lon = sin(radians(lon2 - lon1) / 2)
    chord = half_lat * half_lat + cos(radians(lat1)) * cos(radians(lat2)) * half_lon * half_lon
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(chord)))


def bounding_box(lat: float, lon: float, km: float) -> tuple[float, float, float, float]:
    """Return (lat_min, lat_max, lon_min, lon_max), a box that holds every point within `km` of (lat, lon).

    A first sieve for a database; what it lets through is then measured with `distance_km`. Longitudes may
    leave -180..180 for a centre near the antimeridian (no commune of the tables is). Raises ValueError when
    `km` is negative.
    """
    if km < 0:
        raise ValueError("a distance cannot be negative")
    angle = (
        km / EARTH_RADIUS_KM * (1 + 1e-9) + 1e-12
    )  # a hair wider, so that rounding excludes no point of the rim
    lat_span = degrees(angle)
    lat_min, lat_max = lat - lat_span, lat + lat_span
    if lat_min <= -90 or lat_max >= 90:
        return max(lat_min, -90.0), min(lat_max, 90.0), -180.0, 180.0  # a pole is inside: every meridian
    # The meridians that touch the circle do so nearer the pole than its centre.
    lon_span = degrees(asin(sin(angle) / cos(radians(lat))))
    return lat_min, lat_max, lon - lon_span, lon + lon_span
