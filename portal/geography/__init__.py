"""Communes, EPCI, départements, distances and eligibility zones of France, from tables kept in the package.

No network, no database. The tables are read at the first question (see `data/README.md` for what they hold).
"""

from portal.geography.distance import bounding_box, distance_km
from portal.geography.places import AmbiguousPlace, UnknownPlace, complete, resolve
from portal.geography.regions import REGIONS
from portal.geography.tables import (
    Commune,
    Departement,
    Epci,
    commune,
    communes,
    departement,
    departements,
    epci,
    epcis_of_departement,
)
from portal.geography.text import fold
from portal.geography.zones import parse_zone, zone_codes_covering, zone_label

__all__ = [
    "REGIONS",
    "AmbiguousPlace",
    "Commune",
    "Departement",
    "Epci",
    "UnknownPlace",
    "bounding_box",
    "commune",
    "communes",
    "complete",
    "departement",
    "departements",
    "distance_km",
    "epci",
    "epcis_of_departement",
    "fold",
    "parse_zone",
    "resolve",
    "zone_codes_covering",
    "zone_label",
]
