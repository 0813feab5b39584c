"""The register of companies, through the State's open search: is there such an establishment, and where?"""

import re
from dataclasses import dataclass
from typing import Any

from portal.clients.http import Unavailable, get_json

# Written by the register instead of what the company does not show.
_HIDDEN = "[NON-DIFFUSIBLE]"
_SMALL = re.compile("de|du|des|d|la|le|les|l|et|en|au|aux|pour|par|sur|sous|a|dans|avec|chez|vers|ou|un|une")
_WAYS = re.compile(
    "rue|avenue|boulevard|place|chemin|route|allee|allees|impasse|square|quai|cours|passage|sentier|"
    "esplanade|lotissement|residence|bis|ter|quater|pl|bd|av|che|rte|imp|all"
)
# Words that people keep in capitals, in the field of insertion and among forms of companies; those without a vowel
# need not be here.
_KEPT = re.compile(
    "ADIE|ADIL|ADMR|AFPA|AI|APE|ACI|ASBL|CADA|CAF|CCAS|CDAS|CFA|CHRS|CIAS|CIDFF|CIO|CLPS|EHPAD|EI|EPCI|"
    "EPIDE|ESAT|ESS|ETTI|EURL|FJT|GEIQ|GIE|GIP|GRETA|IAE|IFAC|INSEE|MDPH|MJC|MSA|PIMMS|PLIE|RSA|SARL|SA|"
    "SAS|SASU|SCI|SCIC|SCOP|SIAE|SNC|UDAF|UNA|URIAE|ZA|ZAC|ZAE|ZI"
)
_WORD = re.compile(r"[^\W\d_]+")
_INITIALS = re.compile(r"(?:\b[^\W\d_]\.){2,}")
_POSTAL = re.compile(r"\d{5}")
_CODE = re.compile(r"[0-9][0-9AB][0-9]{3}")


@dataclass(frozen=True, slots=True)
class Establishment:
    """An establishment as the register has it; `code_insee` is its commune's, `adresse` its number and street.

    What the company does not show is None, or "" for `nom`.
    """

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
        for place in [company.get("siege"), *_list(company, "matching_etablissements")]:
            if isinstance(place, dict) and place.get("siret") == siret:
                return _establishment(siret, company, place)
    return None


def readable(name: str) -> str:
    """Return a name written in capitals as people write it; one that is not stays as it is."""
    name = " ".join(name.split())
    return name if name != name.upper() else _lowered(name)


def _establishment(siret: str, company: dict[str, Any], place: dict[str, Any]) -> Establishment:
    signs = [sign.strip() for sign in _list(place, "liste_enseignes") if isinstance(sign, str)]
    name = next((sign for sign in signs if sign and _HIDDEN not in sign), None)
    name = name or _text(company, "nom_raison_sociale") or _text(company, "nom_complet") or ""
    postal, town, code = (_text(place, part) for part in ("code_postal", "libelle_commune", "commune"))
    return Establishment(
        siret=siret,
        nom=readable(name),
        adresse=_street(_text(place, "adresse"), postal, town),
        code_postal=postal if _POSTAL.fullmatch(postal or "") else None,
        code_insee=code if _CODE.fullmatch(code or "") else None,
        # A state that the register does not say closes nothing.
        is_open=place.get("etat_administratif") != "F",
    )


def _street(address: str | None, postal: str | None, town: str | None) -> str | None:
    """Cut the postal code and the town off an address in one line."""
    if not address:
        return None
    if postal and postal in address:
        address = address[: address.rindex(postal)]
    elif town and address.endswith(town):
        address = address.removesuffix(town)
    address = " ".join(address.split()).strip(" ,")
    return (address if address != address.upper() else _lowered(address, _WAYS)) or None


def _lowered(name: str, ways: re.Pattern[str] | None = None) -> str:
    """Put a text in capitals in small letters, but for the beginning of words that count and for sigles."""
    initials = [match.span() for match in _INITIALS.finditer(name)]

    def written(match: re.Match[str]) -> str:
        word, start = match[0], match.start()
        before, after = name[:start], name[match.end() :]
        is_elided = after.startswith(("'", "’")) and word in {"D", "L"}
        # "1 RUE": the figure comes first, the way stays small all the same.
        if ways and ways.fullmatch(word.lower()) and any(c.isdigit() for c in before):
            return word.lower()
        if any(begin <= start < end for begin, end in initials) or _KEPT.fullmatch(word):
            return word
        if len(word) == 1 and not is_elided and not _SMALL.fullmatch(word.lower()):
            return word
        if 1 < len(word) <= 5 and word.isascii() and not re.search("[AEIOUY]", word) and word != "ST":
            return word
        if re.search(r"[^\W\d_]['’]$", before) and not re.search(r"\b[DL]['’]$", before):
            return word.lower()
        begins = not _WORD.search(before) or before.rstrip().endswith(('"', "(", "«"))
        if not begins and (_SMALL.fullmatch(word.lower()) or is_elided):
            return word.lower()
        return word.capitalize()

    return _WORD.sub(written, name).replace("'", "’")


def _list(holder: dict[str, Any], name: str) -> list[Any]:
    value = holder.get(name)
    return value if isinstance(value, list) else []


def _text(holder: dict[str, Any], name: str) -> str | None:
    value = holder.get(name)
    if not isinstance(value, str) or not value.strip() or _HIDDEN in value:
        return None
    return value.strip()
