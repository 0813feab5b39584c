import random
from math import asin, atan2, cos, degrees, radians, sin

import pytest

from portal.geography import bounding_box, commune, distance_km
from portal.geography.distance import EARTH_RADIUS_KM


def destination(lat, lon, bearing, km):
    """The point reached from (lat, lon) after `km` in the direction `bearing`."""
    angle, start, course = km / EARTH_RADIUS_KM, radians(lat), radians(bearing)
    end = asin(sin(start) * cos(angle) + cos(start) * sin(angle) * cos(course))
    east = atan2(sin(course) * sin(angle) * cos(start), cos(angle) - sin(start) * sin(end))
    return degrees(end), lon + degrees(east)


def test_known_distances():
    assert distance_km(48.0, -2.0, 48.0, -2.0) == 0
    assert distance_km(0, 0, 0, 1) == pytest.approx(111.195, abs=0.001)
    assert distance_km(90, 0, -90, 0) == pytest.approx(20015.1, abs=0.1)
    assert distance_km(0, 0, 0, 180) == pytest.approx(20015.1, abs=0.1)
    assert distance_km(10, 179.5, 10, -179.5) == pytest.approx(109.5, abs=0.1)


def test_lille_to_hazebrouck_as_in_data_inclusion():
    lille, hazebrouck = commune("59350"), commune("59295")
    there = distance_km(lille.latitude, lille.longitude, hazebrouck.latitude, hazebrouck.longitude)
    back = distance_km(hazebrouck.latitude, hazebrouck.longitude, lille.latitude, lille.longitude)
    assert there == pytest.approx(39, abs=2)
    assert there == pytest.approx(back)


def test_distance_is_the_one_travelled():
    draw = random.Random(1)
    for _ in range(200):
        lat, lon = draw.uniform(-80, 80), draw.uniform(-170, 170)
        km = draw.uniform(0.1, 500)
        assert distance_km(lat, lon, *destination(lat, lon, draw.uniform(0, 360), km)) == pytest.approx(km)


def test_box_holds_the_circle_and_is_tight():
    draw = random.Random(2)
    for _ in range(100):
        lat, lon, km = draw.uniform(-70, 70), draw.uniform(-150, 150), draw.uniform(0, 200)
        lat_min, lat_max, lon_min, lon_max = bounding_box(lat, lon, km)
        rim = [destination(lat, lon, bearing, km) for bearing in range(0, 360, 3)]
        assert all(lat_min <= y <= lat_max and lon_min <= x <= lon_max for y, x in rim)
        assert max(y for y, _ in rim) == pytest.approx(lat_max, abs=0.01)
        assert min(y for y, _ in rim) == pytest.approx(lat_min, abs=0.01)
        assert max(x for _, x in rim) == pytest.approx(lon_max, abs=0.02)
        assert min(x for _, x in rim) == pytest.approx(lon_min, abs=0.02)


def test_box_around_a_pole_holds_every_meridian():
    assert bounding_box(89.9, 12, 50) == (pytest.approx(89.45, abs=0.01), 90, -180, 180)
    assert bounding_box(-89.9, 12, 50) == (-90, pytest.approx(-89.45, abs=0.01), -180, 180)


def test_box_of_no_width_still_holds_its_centre():
    lat_min, lat_max, lon_min, lon_max = bounding_box(47.65, -2.08, 0)
    assert lat_min <= 47.65 <= lat_max
    assert lon_min <= -2.08 <= lon_max


def test_negative_distance_is_refused():
    with pytest.raises(ValueError, match="negative"):
        bounding_box(47.65, -2.08, -1)
