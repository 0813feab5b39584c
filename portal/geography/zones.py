"""Eligibility zones as data.inclusion writes them: a commune, an EPCI, a département, the whole country."""

import re
from difflib import get_close_matches
from functools import cache
from typing import NamedTuple

from portal.geography.places import (
    FIVE_SIGNS,
    MAX_LENGTH,
    SUGGESTIONS,
    AmbiguousPlace,
    UnknownPlace,
    designated,
    near,
)
from portal.geography.tables import Commune, tables
from portal.geography.text import fold

#: The schema has two codes for the whole country: a label each, so that editing an offer keeps its code.
_COUNTRY = {"france": "France entière", "99100": "Toute la France"}
_COUNTRY_NAMES = {fold(label): code for code, label in _COUNTRY.items()} | {"france": "france"}
_ARTICLE = re.compile(r"^(le|la|les|l) ")
_KIND = re.compile(r"^(communaute de communes|communaute d agglomeration|communaute urbaine|cc|ca|cu) ")
_OF = re.compile(r"^(de la|de l|des|du|de|d) ")


def zone_codes_covering(commune: Commune) -> frozenset[str]:
    """Return the codes of the zones that hold the commune: itself, its département, its EPCI, the country.

    An offer whose `zone_eligibilite` is null or meets this set is open to the commune's inhabitants, as in
    data.inclusion's search by commune.
    """
    codes = {commune.code, commune.code_departement, *_COUNTRY}
    if commune.code_epci:
        codes.add(commune.code_epci)
    return frozenset(codes)


def zone_label(code: str) -> str:
    """Return the French name of a zone code, or the code itself when it is unknown.

    "Redon (35600)", "Ille-et-Vilaine (35)", "Rennes Métropole", "France entière".
    """
    if code in _COUNTRY:
        return _COUNTRY[code]
    if commune := tables().by_code.get(code):
        return commune.label
    return _labels().get(code, code)


def parse_zone(text: str, departement: str | None = None) -> str:
    """Return the zone code that a label, a code or a name designates; the reverse of `zone_label`.

    Five figures are read as an INSEE code, as in the schema, never as a postal code (the communes of that
    postal code are then suggested). A commune's former code gives the present one. Among communes of one
    name, the one in `departement` is preferred when nothing but communes bears it.

    Raises UnknownPlace or AmbiguousPlace ("Paris" is a commune and a département); all their `labels` are
    accepted here.
    """
    text = text.strip()
    if not text or len(text) > MAX_LENGTH:
        raise UnknownPlace(text)
    held = tables()
    code = text.upper()
    if commune := held.by_code.get(code):
        return commune.code
    if code in held.departements or code in held.epcis or code in _COUNTRY:
        return code
    key = fold(text)
    if country := _COUNTRY_NAMES.get(key):
        return country
    names = _names()
    if zone := names.by_label.get(key):
        return zone
    zones = names.by_name.get(key) or names.by_name.get(_ARTICLE.sub("", key), [])
    places = [] if FIVE_SIGNS.fullmatch(code) else designated(text)
    if departement and not zones:
        inside = [place for place in places if place.code_departement == departement]
        places = inside if len(inside) == 1 else places
    if not places and not zones:
        zones = names.by_bare_name.get(_bare(key), [])
    found = [place.code for place in places] + zones
    if len(found) == 1:
        return found[0]
    if found:
        raise AmbiguousPlace(text, places, [zone_label(zone) for zone in found])
    alike = [
        zone
        for name in get_close_matches(key, names.by_name, n=SUGGESTIONS, cutoff=0.8)
        for zone in names.by_name[name]
    ]
    suggestions = near(text, departement)
    labels = [zone_label(zone) for zone in alike] + [place.label for place in suggestions]
    raise UnknownPlace(text, suggestions, labels[:SUGGESTIONS])


@cache
def _labels() -> dict[str, str]:
    """Return the label of each département and EPCI; its main département tells an EPCI from its namesake."""
    held = tables()
    labels = {code: f"{departement.nom} ({code})" for code, departement in held.departements.items()}
    homonyms: dict[str, list[str]] = {}
    for code, epci in held.epcis.items():
        homonyms.setdefault(fold(epci.nom), []).append(code)
    for codes in homonyms.values():
        for code in codes:
            labels[code] = held.epcis[code].nom
            if len(codes) > 1:
                labels[code] += f" ({_main_departement(code)})"
    return labels


def _main_departement(epci_code: str) -> str:
    """Return the code of the département where most of an EPCI's inhabitants live."""
    inhabitants: dict[str, int] = {}
    for commune in tables().communes:
        if commune.code_epci == epci_code:
            inhabitants[commune.code_departement] = (
                inhabitants.get(commune.code_departement, 0) + commune.population
            )
    return max(sorted(inhabitants), key=inhabitants.__getitem__)


class _Names(NamedTuple):
    """The départements and EPCI by what people may call them, folded."""

    by_label: dict[str, str]
    by_name: dict[str, list[str]]
    by_bare_name: dict[str, list[str]]


@cache
def _names() -> _Names:
    held = tables()
    names = _Names({fold(label): code for code, label in _labels().items()}, {}, {})
    for code, departement in held.departements.items():
        key = fold(departement.nom)
        for name in {key, _ARTICLE.sub("", key)}:
            names.by_name.setdefault(name, []).append(code)
    for code, epci in held.epcis.items():
        key = fold(epci.nom)
        names.by_name.setdefault(key, []).append(code)
        names.by_bare_name.setdefault(_bare(key), []).append(code)
        without_initials = epci.nom.partition(" (")[0]
        if without_initials != epci.nom:
            names.by_bare_name.setdefault(_bare(fold(without_initials)), []).append(code)
    return names


def _bare(key: str) -> str:
    """Return a folded EPCI name without its kind: "cc du pays de redon" gives "pays de redon"."""
    return _OF.sub("", _KIND.sub("", key))
