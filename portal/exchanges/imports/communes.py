"""The commune of a line, however it is told, and the sentences that say which one was perhaps meant."""

import re
from collections.abc import Iterable
from functools import lru_cache

from portal import geography

_SHOWN = 120


def padded(code: str) -> str:
    """Return a code of five figures whose zero a spreadsheet dropped, with it."""
    return f"0{code}" if re.fullmatch(r"[0-9]{4}", code) else code


@lru_cache(maxsize=8192)
def find_commune(
    code_insee: str, nom: str, code_postal: str, departement: str | None
) -> geography.Commune | None:
    """Return the commune of a line: by its code, else by its name and postal code; None when nothing is said of it.

    Raises ValueError with the sentence that says what to write.
    """
    code_insee, code_postal = padded(code_insee).upper(), padded(code_postal)
    if code_insee:
        found = geography.commune(code_insee)
        if found is None:
            labels = _near(" ".join(part for part in (nom, code_postal) if part) or code_insee, departement)
            raise ValueError(f"Le code commune « {code_insee[:_SHOWN]} » n’existe pas.{perhaps(labels)}")
        return found
    if code_postal and not re.fullmatch(r"[0-9]{5}", code_postal):
        raise ValueError("Un code postal compte 5 chiffres.")
    name = re.sub(r"\bcedex\b.*", "", nom, flags=re.IGNORECASE).strip()
    if not name and not code_postal:
        return None
    try:
        return geography.resolve(f"{name} {code_postal}".strip(), departement if not code_postal else None)
    except geography.AmbiguousPlace as ambiguous:
        raise ValueError(
            f"Plusieurs communes répondent à « {nom or code_postal} » : écrivez {quoted(ambiguous.labels)}."
        ) from None
    except geography.UnknownPlace as unknown:
        # A company's own postal code (cedex) is no commune's: the name and the département are enough.
        if name and code_postal:
            inside = [
                place
                for place in _designated(name)
                if place.code_departement == code_postal[: len(place.code_departement)]
            ]
            is_cedex = name != nom.strip() or not _designated(code_postal)
            if len(inside) == 1 and is_cedex:
                return inside[0]
        shown = " ".join(part for part in (nom, code_postal) if part)
        raise ValueError(
            f"La commune « {shown[:_SHOWN]} » n’est pas connue.{perhaps(unknown.labels)}"
        ) from None


def _designated(text: str) -> list[geography.Commune]:
    try:
        return [geography.resolve(text)]
    except geography.AmbiguousPlace as ambiguous:
        return ambiguous.choices
    except geography.UnknownPlace:
        return []


def _near(text: str, departement: str | None) -> list[str]:
    try:
        return [geography.resolve(text, departement).label]
    except (geography.AmbiguousPlace, geography.UnknownPlace) as place:
        return list(place.labels)


def perhaps(labels: Iterable[str]) -> str:
    """Return " Vouliez-vous dire « … » ?", nothing when nothing is near."""
    said = quoted(labels)
    return f" Vouliez-vous dire {said} ?" if said else ""


def quoted(labels: Iterable[str]) -> str:
    """Return the first labels between quotes, with "ou"."""
    return " ou ".join(f"« {label} »" for label in list(labels)[:3])
