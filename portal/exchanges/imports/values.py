"""One cell as a value that the tables can keep, or a sentence that says what is wrong and what was perhaps meant."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from opening_hours import OpeningHours

from portal import clock, geography, vocabulary
from portal.errors import RuleBroken
from portal.exchanges.imports.columns import STRUCTURES
from portal.exchanges.imports.communes import find_commune, padded, perhaps, quoted
from portal.geography import fold
from portal.offers.models import Offer
from portal.parcours import FREINS, Dominante
from portal.phones import read_phone
from portal.structures.models import Structure
from portal.structures.rules import check_siret

# A week has no more hours of activity, an offer no more weeks: the form says the same.
MAX_HOURS = 60
MAX_WEEKS = 520
_MODELS = {"structures": vocabulary.Structure, "services": vocabulary.Service}
_TABLES: dict[str, Any] = {"structures": Structure, "services": Offer}
_PLACE = ("code_insee", "commune", "code_postal")
_POSITION = ("latitude", "longitude")
_LISTS = (
    "thematiques",
    "publics",
    "modes_accueil",
    "modes_mobilisation",
    "mobilisable_par",
    "reseaux_porteurs",
)
_YES, _NO = {"oui", "o", "vrai", "true", "1", "x", "yes"}, {"non", "n", "faux", "false", "0", "no"}
_SHOWN = 120
_HOURS_AND_MINUTES = re.compile(r"([0-9]{1,3})\s*h(?:eures?)?\s*([0-5]?[0-9])?", re.IGNORECASE)
_DECIMAL = re.compile(r"-?[0-9]{1,9}(?:[.,][0-9]{1,15})?")


@dataclass(slots=True)
class Read:
    """What the cells of a line give: `values` in the tables' names, `errors` as [field, cell, sentence]."""

    values: dict[str, Any] = field(default_factory=dict)
    errors: list[list[str]] = field(default_factory=list)
    # (latitude, longitude), when the line gives both.
    position: tuple[float, float] | None = None
    date_maj: date | None = None

    def refuse(self, name: str, cell: str, sentence: str) -> None:
        """Add an error on the column that gives `name`."""
        self.errors.append([name, cell[:_SHOWN], sentence])


def read_line(kind: str, cells: Mapping[str, str], departement: str | None = None) -> Read:
    """Read the cells of a line of `kind`, {field: text}: only the fields that a column gives are in the values.

    An empty cell gives None. `departement` decides between communes of one name.
    """
    read = Read()
    for name, text in cells.items():
        if name in ("id", "source", "structure_id", *_PLACE, *_POSITION):
            continue
        value, refused = _judged(kind, name, text)
        if refused:
            read.refuse(name, text, refused)
            continue
        if name == "date_maj":
            read.date_maj = value
        else:
            read.values[name] = value
    _read_place(cells, departement, read)
    return read


def _judged(kind: str, name: str, text: str) -> tuple[Any, str]:
    """Return the value of a cell and, when it is refused, why."""
    # Most cells of a table say what another one said already; a day is judged by today's.
    if len(text) > _SHOWN or name in ("date_maj", "date_fin"):
        return _judge(kind, name, text)
    value, refused = _judge_once(kind, name, text)
    return (list(value) if isinstance(value, list) else value), refused


def _judge(kind: str, name: str, text: str) -> tuple[Any, str]:
    try:
        return _value(kind, name, text), ""
    except ValueError as refused:
        return None, str(refused)


_judge_once = lru_cache(maxsize=20_000)(_judge)


def _value(kind: str, name: str, text: str) -> Any:
    """Return the value of one cell. Raises ValueError with the sentence."""
    text = text.strip()
    if not text:
        if name == "nom":
            what = "la structure" if kind == STRUCTURES else "l’offre"
            raise ValueError(f"Le nom de {what} manque : écrivez-le.")
        return None
    value: Any = _READERS.get(name, _text)(text)
    if name in _LISTS:
        value = _several(name, text)
    elif name in ("type", "frais"):
        value = _one(name, text)
    _fits(kind, name, value)
    return value


def _fits(kind: str, name: str, value: Any) -> None:
    """Raise ValueError unless the schema and the column of the table hold `value`. A warning blocks nothing."""
    columns = _TABLES[kind].__table__.columns
    longest = getattr(columns[name].type, "length", None) if name in columns else None
    if isinstance(value, str) and longest and len(value) > longest:
        raise ValueError(f"Ce texte fait {len(value)} caractères : {longest} au plus.")
    if name in _MODELS[kind].model_fields:
        check = vocabulary.check_field(_MODELS[kind], name, value)
        if check.errors:
            raise ValueError(check.errors[0])


def _text(text: str) -> str:
    return re.sub(r"[^\S\n]+", " ", text)


def _phone(text: str) -> str:
    # A spreadsheet that took it for a number dropped its zero.
    number = read_phone(f"0{text}" if re.fullmatch(r"[1-9][0-9]{8}", text) else text)
    if number is None:
        raise ValueError("Écrivez un seul numéro de téléphone, par exemple 02 99 00 00 00.")
    return number


def _url(text: str) -> str:
    if re.match(r"[\w-]+(\.[\w-]+)+(/|$)", text):
        raise ValueError(f"Écrivez une adresse complète. Vouliez-vous dire « https://{text} » ?")
    return text


def _email(text: str) -> str:
    return text.removeprefix("mailto:").strip()


def _siret(text: str) -> str:
    digits = re.sub(r"[\s.]", "", text)
    if not re.fullmatch(r"[0-9]{14}", digits):
        raise ValueError(f"Un SIRET compte 14 chiffres ; celui-ci en a {sum(c.isdecimal() for c in digits)}.")
    try:
        return check_siret(digits)
    except RuleBroken as broken:
        raise ValueError(broken.message) from None


def _hours(text: str) -> str:
    try:
        OpeningHours(text)
    except Exception:  # the parser raises its own ParserError, which the package does not always export
        raise ValueError(
            "Ces horaires ne peuvent pas être lus. Écrivez par exemple : Mo-Fr 09:00-12:00,14:00-17:00; PH off"
        ) from None
    return text


def _day(text: str) -> date:
    found = re.fullmatch(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[ T].*)?", text)
    french = re.fullmatch(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})", text)
    try:
        if found:
            return date.fromisoformat(found[1])
        if french:
            return datetime(int(french[3]), int(french[2]), int(french[1])).date()  # noqa: DTZ001
    except ValueError:
        raise ValueError("Ce jour n’existe pas : corrigez la date.") from None
    raise ValueError("Écrivez une date, par exemple 2026-03-31 ou 31/03/2026.")


def _past_day(text: str) -> date:
    day = _day(text)
    if day > clock.today():
        raise ValueError("Cette date est à venir : une fiche ne peut pas avoir été mise à jour demain.")
    return day


def _weekly_hours(text: str) -> float:
    if both := _HOURS_AND_MINUTES.fullmatch(text):
        hours = round(int(both[1]) + int(both[2] or 0) / 60, 2)
    elif _DECIMAL.fullmatch(text):
        hours = float(text.replace(",", "."))
    else:
        raise ValueError("Écrivez un nombre d’heures, par exemple 3,5.")
    if hours > MAX_HOURS:
        raise ValueError(f"Écrivez {MAX_HOURS} heures au plus : c’est le volume d’une seule semaine.")
    return hours


def _whole(text: str, most: int, what: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,9}", text):
        raise ValueError(f"Écrivez un nombre entier de {what}, par exemple 12.")
    if int(text) > most or int(text) < 1:
        raise ValueError(f"Écrivez un nombre de {what} entre 1 et {most}.")
    return int(text)


def _yes_or_no(text: str) -> bool:
    word = fold(text)
    if word not in _YES | _NO:
        raise ValueError("Écrivez oui ou non.")
    return word in _YES


def _dominantes(text: str) -> list[str]:
    known = {word: d.value for d in Dominante for word in (fold(d.label), fold(d.value))}
    return _from_list(text, known, {d.value: d.label for d in Dominante})


def _freins(text: str) -> list[str]:
    known = {word: f.slug for f in FREINS for word in (fold(f.label), fold(f.slug))}
    return _from_list(text, known, {f.slug: f.label for f in FREINS})


def _zones(text: str) -> list[str]:
    codes: list[str] = []
    for part in re.split(r"[,;|\n]", text):
        if part := part.strip():
            code = _zone(part)
            if code not in codes:
                codes.append(code)
    return codes


@lru_cache(maxsize=4096)
def _zone(text: str) -> str:
    # A spreadsheet that took a code for a number dropped its zero.
    text = f"0{text}" if re.fullmatch(r"[1-9]|[0-9]{4}", text) else text
    try:
        return geography.parse_zone(text)
    except geography.AmbiguousPlace as ambiguous:
        raise ValueError(f"« {text} » : précisez, par exemple {quoted(ambiguous.labels)}.") from None
    except geography.UnknownPlace as unknown:
        raise ValueError(f"Le lieu « {text[:_SHOWN]} » n’est pas connu.{perhaps(unknown.labels)}") from None


_READERS: dict[str, Callable[[str], Any]] = {
    "telephone": _phone,
    "courriel": _email,
    "site_web": _url,
    "accessibilite_lieu": _url,
    "lien_mobilisation": _url,
    "siret": _siret,
    "horaires_accueil": _hours,
    "date_maj": _past_day,
    "date_fin": _day,
    "volume_horaire_hebdomadaire": _weekly_hours,
    "nombre_semaines": lambda text: _whole(text, MAX_WEEKS, "semaines"),
    "confirmation_mois": lambda text: _whole(text, 12, "mois"),
    "contact_public": _yes_or_no,
    "dominantes": _dominantes,
    "freins": _freins,
    "zone_eligibilite": _zones,
}


def _one(name: str, text: str) -> str:
    found = _known(name).get(fold(text))
    if found is None:
        raise ValueError(_unknown(name, text))
    return found


def _several(name: str, text: str) -> list[str]:
    return _from_list(text, _known(name), None, name)


def _from_list(
    text: str, known: Mapping[str, str], labels: Mapping[str, str] | None, name: str = ""
) -> list[str]:
    """Return the values that a cell lists, sorted. A label may hold the sign that parts the list: it is tried whole."""
    parts = [part.strip() for part in re.split(r"[,;|\n]", text) if part.strip()]
    values: list[str] = []
    start = 0
    while start < len(parts):
        for width in range(min(5, len(parts) - start), 0, -1):
            value = known.get(fold(" ".join(parts[start : start + width])))
            if value is not None:
                values.append(value)
                start += width
                break
        else:
            part = parts[start]
            if labels is None:
                raise ValueError(_unknown(name, part))
            near = get_close_matches(fold(part), known, n=1, cutoff=0.6)
            raise ValueError(
                f"« {part[:_SHOWN]} » n’est pas dans la liste.{perhaps([labels[known[w]] for w in near])}"
            )
    return sorted(set(values))


@lru_cache(maxsize=32)
def _known(name: str) -> dict[str, str]:
    """{folded label or value: value} of a vocabulary; of two labels alike, none is taken for the other."""
    found: dict[str, str] = {}
    twice: set[str] = set()
    for choice in vocabulary.choices(name):
        word = fold(choice.label)
        if found.setdefault(word, choice.value) != choice.value:
            twice.add(word)
    for word in twice:
        del found[word]
    return found | {fold(choice.value): choice.value for choice in vocabulary.choices(name)}


@lru_cache(maxsize=4096)
def _unknown(name: str, text: str) -> str:
    said = f"« {text[:_SHOWN]} » n’est pas dans la liste."
    word = fold(text[:_SHOWN])
    if name == "thematiques":
        for category in vocabulary.categories():
            if word in (fold(category.label), fold(category.value)):
                inside = [
                    c.label
                    for c in vocabulary.choices(name)
                    if vocabulary.category_of(c.value) == category.value
                ]
                return f"« {text[:_SHOWN]} » est une famille : choisissez une de ses thématiques, {quoted(inside)}."
    near = get_close_matches(word, _known(name), n=1, cutoff=0.6)
    if not near:
        return f"{said} Choisissez une des valeurs du schéma data.inclusion."
    value = _known(name)[near[0]]
    # Who writes slugs is answered with a slug.
    return said + perhaps([value if text == text.lower() and "-" in text else vocabulary.label(name, value)])


def _read_place(cells: Mapping[str, str], departement: str | None, read: Read) -> None:
    """Find the commune by its code, else by its name and postal code; then the position, which must be near it."""
    given = {name: cells[name].strip() for name in _PLACE if name in cells}
    commune = None
    if given:
        try:
            commune = find_commune(
                given.get("code_insee", ""),
                given.get("commune", ""),
                given.get("code_postal", ""),
                departement,
            )
        except ValueError as refused:
            first = next((name for name in _PLACE if given.get(name)), "commune")
            read.refuse(first, given.get(first, ""), str(refused))
            return
        code = padded(given.get("code_postal", ""))
        read.values["code_insee"] = commune.code if commune else None
        if commune is None:
            read.values["code_postal"] = None
        else:
            postal = commune.codes_postaux
            read.values["code_postal"] = code if code in postal else (postal[0] if postal else None)
    numbers = {}
    for name in _POSITION:
        if text := cells.get(name, "").strip():
            if not _DECIMAL.fullmatch(text):
                read.refuse(name, text, "Écrivez un nombre de degrés, par exemple 48,117.")
                return
            numbers[name] = float(text.replace(",", "."))
    if commune is not None and len(numbers) == 2:
        far = geography.distance_km(
            numbers["latitude"], numbers["longitude"], commune.latitude, commune.longitude
        )
        if far > 50:
            read.refuse(
                "latitude",
                f"{numbers['latitude']:g}, {numbers['longitude']:g}",
                f"Ce point est à {far:.0f} km de {commune.nom} : corrigez-le, ou videz la latitude et la longitude.",
            )
            return
        read.position = (numbers["latitude"], numbers["longitude"])
