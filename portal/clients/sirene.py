"""The register of companies, through the State's open search: is there such an establishment, and where?"""

import re
from dataclasses import dataclass
from typing import Any

from portal.clients.http import Unavailable, get_json

_HIDDEN = "[NON-DIFFUSIBLE]"
_SMALL = frozenset(
    [
        "de",
        "du",
        "des",
        "d",
        "la",
        "le",
        "les",
        "l",
        "et",
        "en",
        "au",
        "aux",
        "pour",
        "par",
        "sur",
        "sous",
        "a",
    ]
)
_SIGLES = re.compile(r"[^AEIOUY]{2,5}|(?:[A-Z]\.)+[A-Z]?")


@dataclass(frozen=True, slots=True)
class Establishment:
    """An establishment as the register has it; `code_insee` is its commune's, `adresse` its number and street."""

    siret: str
    nom: str
    adresse: str | None
    code_postal: str | None
    code_insee: str | None
    is_open: bool


def find_establishment(base_url: str, siret: str) -> Establishment | None:
    """Return the establishment of this SIRET, None when the register knows none. Raises Unavailable."""
    answer = get_json(f"{base_url.rstrip('/')}/search", {"q": siret, "page": 1, "per_page": 5})
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list):
        raise Unavailable("answered another shape")
    for company in results:
        if not isinstance(company, dict):
            continue
        places = [company.get("siege"), *(company.get("matching_etablissements") or [])]
        for place in places:
            if isinstance(place, dict) and place.get("siret") == siret:
                return _establishment(siret, company, place)
    return None


def _establishment(siret: str, company: dict[str, Any], place: dict[str, Any]) -> Establishment:
    signs = place.get("liste_enseignes") or []
    name = next((s for s in signs if isinstance(s, str) and s.strip()), None)
    name = name or _text(company, "nom_raison_sociale") or _text(company, "nom_complet") or ""
    postal, town = _text(place, "code_postal"), _text(place, "libelle_commune")
    return Establishment(
        siret=siret,
        nom=readable(name),
        adresse=_street(_text(place, "adresse"), postal, town),
        code_postal=postal if re.fullmatch(r"\d{5}", postal or "") else None,
        code_insee=_text(place, "commune"),
        is_open=place.get("etat_administratif", "A") == "A",
    )


def readable(name: str) -> str:
    """Return a name written in capitals as people write it; one that is not stays as it is."""
    name = " ".join(name.split())
    if name != name.upper():
        return name
    words = []
    for position, word in enumerate(name.split(" ")):
        if _SIGLES.fullmatch(word):
            words.append(word)
        elif position and word.lower() in _SMALL:
            words.append(word.lower())
        else:
            words.append("-".join(part.capitalize() for part in word.lower().split("-")))
    text = " ".join(words)
    return re.sub(r"\b([dlDL])['’](\w)", lambda m: f"{m[1]}’{m[2].upper()}", text)


def _street(address: str | None, postal: str | None, town: str | None) -> str | None:
    """Cut the postal code and the town off an address in one line."""
    if not address:
        return None
    if postal and postal in address:
        address = address.split(postal)[0]
    elif town and address.endswith(town):
        address = address.removesuffix(town)
    return readable(address.strip(" ,")) or None


def _text(holder: dict[str, Any], name: str) -> str | None:
    value = holder.get(name)
    if not isinstance(value, str) or not value.strip() or _HIDDEN in value:
        return None
    return value.strip()
