"""The address of a search: what its arguments say, in French and short, and how they are written back.

Whatever an address holds, `read` answers: what cannot be understood is told in `Typed.errors`, never raised.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import quote_plus

from portal import geography
from portal.catalogue import place as places
from portal.catalogue.criteria import (
    DEFAULT_RADIUS_KM,
    RADII_KM,
    Criteria,
    Fraicheur,
    Heures,
    SessionBand,
    Sort,
)
from portal.catalogue.filters import CATEGORIES, FILTERS, FINANCEURS, SORTS, Filter, compact
from portal.catalogue.place import Place

MAX_WORDS = 200
MAX_PLACE = 150
# In one filter: more than there are values to choose from.
MAX_VALUES = 120
MAX_PAGE = 100_000
_LONGEST_ID = 240
_SHOWN = 80
PROPOSALS = 12

LISTE, CARTE = "liste", "carte"


class Arguments(Protocol):
    """What the arguments of a request and a `MultiDict` have in common."""

    def getlist(self, key: str) -> list[str]:
        """Return every value of `key`."""
        ...


# What an address may hold, in the order it is written.
NAMES = ("quoi", "exact", "ou", "rayon", *FILTERS, "tri", "vue", "beneficiaire", "page")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What somebody asks for, as typed and as understood. `errors`: {argument: sentence}; empty when all is clear."""

    quoi: str = ""
    # True: these very words, nothing near them.
    exact: bool = False
    # As typed when it is no place; the label of the place otherwise.
    ou: str = ""
    place: Place | None = None
    rayon: int = DEFAULT_RADIUS_KM
    # {filter: values} in the order of FILTERS, those without a value left out; whole categories in place of all their
    # thématiques.
    chosen: dict[str, tuple[str, ...]] = field(default_factory=dict)
    tri: Sort = Sort.AUTO
    vue: str = LISTE
    beneficiaire: uuid.UUID | None = None
    # The key of the place that comes from the person rather than from what was typed: the address does not hold it.
    theirs: str | None = None
    page: int = 1
    errors: dict[str, str] = field(default_factory=dict)
    # Labels to choose from when the place is unknown or ambiguous.
    near: tuple[str, ...] = ()
    # What cannot be understood, as it was typed, to be shown again.
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def is_blank(self) -> bool:
        """True when nothing is asked for: the landing page."""
        return not (self.quoi or self.place or self.chosen or self.errors)

    def values(self, name: str) -> tuple[str, ...]:
        """Return what is chosen in a filter."""
        return self.chosen.get(name, ())

    def criteria(self) -> Criteria:
        """Return the search in the words of the engine. What was refused is left out."""
        chosen = self.chosen
        finance = chosen.get("finance", ())
        return Criteria(
            words=self.quoi if "quoi" not in self.errors else "",
            forgiving=not self.exact,
            where=self.place.where(self.rayon) if self.place else None,
            thematiques=frozenset(
                leaf for value in chosen.get("thematique", ()) for leaf in CATEGORIES.get(value, (value,))
            ),
            publics=frozenset(chosen.get("public", ())),
            types=frozenset(chosen.get("type", ())),
            frais=frozenset(chosen.get("frais", ())),
            modes_accueil=frozenset(chosen.get("mode", ())),
            dominantes=frozenset(chosen.get("dominante", ())),
            heures=frozenset(Heures(value) for value in chosen.get("heures", ())),
            professionnels=bool(chosen.get("pro")),
            places_libres=bool(chosen.get("places")),
            session=SessionBand(chosen["session"][0]) if chosen.get("session") else None,
            financeurs=frozenset(value for value in finance if value in FINANCEURS),
            conventions=frozenset(value for value in finance if value not in FINANCEURS),
            structures=frozenset(chosen.get("structure", ())),
            sources=frozenset(chosen.get("source", ())),
            fraicheur=Fraicheur(chosen["fraicheur"][0]) if chosen.get("fraicheur") else None,
            score_minimum=float(chosen["qualite"][0]) if chosen.get("qualite") else None,
        )

    def address_args(self, page: int = 1) -> dict[str, list[str] | str]:
        """Return the arguments of this search's address, without what is empty or usual: ready for `url_for`."""
        found: dict[str, list[str] | str] = {}
        if self.quoi:
            found["quoi"] = self.quoi
        if self.exact:
            found["exact"] = "1"
        where = self.place.key if self.place else self.ou
        if where and where != self.theirs:
            found["ou"] = where
        if self.place and self.place.is_around and self.rayon != DEFAULT_RADIUS_KM:
            found["rayon"] = str(self.rayon)
        for name, values in self.chosen.items():
            found[name] = values[0] if FILTERS[name].single else list(values)
        if self.tri is not Sort.AUTO:
            found["tri"] = self.tri.value
        if self.vue != LISTE:
            found["vue"] = self.vue
        if self.beneficiaire:
            found["beneficiaire"] = str(self.beneficiaire)
        if page > 1:
            found["page"] = str(page)
        return found

    def query(self, page: int = 1) -> str:
        """Return the same as the end of an address: "?quoi=permis", or nothing."""
        pairs = [
            _pair(name, held)
            for name, value in self.address_args(page).items()
            for held in ((value,) if isinstance(value, str) else value)
        ]
        return "?" + "&".join(pairs) if pairs else ""

    def kept(self) -> dict[str, list[str]]:
        """Return what a saved search keeps: {argument: values}; neither the page nor for whom one looked.

        A place that came from a person is not kept either: it would tell where they live.
        """
        return {
            name: [value] if isinstance(value, str) else value
            for name, value in self.address_args().items()
            if name not in {"beneficiaire", "vue"}
        }

    def without(self, name: str, value: str | None = None) -> "Typed":
        """Return the same search without an argument, or without one of its values."""
        if name == "quoi":
            return replace(self, quoi="", exact=False)
        if name == "ou":
            # For somebody whose place is known, "nowhere" has to be said.
            if self.theirs:
                return replace(self, ou=places.EVERYWHERE, place=places.find(places.EVERYWHERE))
            return replace(self, ou="", place=None)
        left = tuple(other for other in self.values(name) if value is not None and other != value)
        chosen = {other: values for other, values in self.chosen.items() if other != name}
        return replace(self, chosen=_in_order(chosen | ({name: left} if left else {})))

    def having(self, name: str, *values: str) -> "Typed":
        """Return the same search with these values in a filter, in place of those it had."""
        return replace(self, chosen=_in_order(self.chosen | {name: values}))

    def at(self, place: Place) -> "Typed":
        """Return the same search around the place of the person one looks for, unless another was typed."""
        if self.ou:
            return replace(self, theirs=place.key)
        return replace(self, ou=place.label, place=place, theirs=place.key)

    def tags(self, names: Mapping[str, str] | None = None) -> list[tuple[str, str | None, str]]:
        """Return (argument, value, label) of everything asked for. `names`: labels of structures and sources."""
        names = names or {}
        found: list[tuple[str, str | None, str]] = []
        if self.quoi and "quoi" not in self.errors:
            found.append(("quoi", None, f"« {self.quoi} »"))
        if self.place:
            label = self.place.nom if self.place.kind is places.PlaceKind.POINT else self.place.label
            found.append(("ou", None, label))
        for name, values in self.chosen.items():
            each = FILTERS[name]
            for value in values:
                if name == "finance":
                    label = FINANCEURS.get(value, f"Convention {value}")
                else:
                    label = each.labels[value] if each.labels else names.get(value, value)
                if each.single and name not in {"places", "pro"}:
                    label = f"{each.title} : {label[0].lower()}{label[1:]}"
                found.append((name, value, label))
        return found


def read(args: Arguments, *, departement: str | None = None) -> Typed:
    """Return what the arguments of an address ask for. `departement` is preferred among places of one name."""
    errors: dict[str, str] = {}
    refused: dict[str, str] = {}
    quoi = _words(args, errors)
    typed_place = _line(_first(args, "ou"), 4 * MAX_PLACE)
    place: Place | None = None
    near: tuple[str, ...] = ()
    if typed_place:
        place, near = _place(typed_place, departement, errors)
    rayon = _radius(args, errors, refused)
    chosen: dict[str, tuple[str, ...]] = {}
    for name, each in FILTERS.items():
        given = args.getlist(name)
        if not given:
            continue
        values, problem = _values(given, each)
        if problem:
            errors[name] = problem
        if values:
            chosen[name] = values
    tri = _first(args, "tri")
    if tri and tri not in {sort.value for sort in SORTS}:
        errors["tri"] = f"L’ordre « {tri[:_SHOWN]} » n’existe pas : choisissez-en un dans la liste."
        tri = ""
    vue = _first(args, "vue")
    if vue and vue not in {LISTE, CARTE}:
        errors["vue"] = "Choisissez la liste ou la carte."
        vue = ""
    return Typed(
        quoi=quoi,
        exact=_first(args, "exact") == "1" and bool(quoi),
        ou=place.label if place else typed_place[:MAX_PLACE],
        place=place,
        rayon=rayon,
        chosen=chosen,
        tri=Sort(tri) if tri else Sort.AUTO,
        vue=vue or LISTE,
        beneficiaire=_uuid(_first(args, "beneficiaire")),
        page=_page(args, errors),
        errors=errors,
        near=near,
        refused=refused,
    )


def _words(args: Arguments, errors: dict[str, str]) -> str:
    text = _line(_first(args, "quoi"), 10 * MAX_WORDS)
    if len(text) > MAX_WORDS:
        errors["quoi"] = f"Raccourcissez : {MAX_WORDS} caractères au plus, quelques mots suffisent."
    elif text and not geography.fold(text):
        errors["quoi"] = "Écrivez au moins un mot ou un chiffre, par exemple « permis »."
    return text


def _place(
    text: str, departement: str | None, errors: dict[str, str]
) -> tuple[Place | None, tuple[str, ...]]:
    shown = text[:_SHOWN]
    if len(text) > MAX_PLACE:
        errors["ou"] = f"« {shown}… » est trop long : écrivez le nom d’une commune ou son code postal."
        return None, ()
    try:
        return places.find(text, departement), ()
    except geography.AmbiguousPlace as ambiguous:
        errors["ou"] = f"Plusieurs lieux répondent à « {shown} » : choisissez le vôtre."
        return None, tuple(ambiguous.labels[:PROPOSALS])
    except geography.UnknownPlace as unknown:
        errors["ou"] = (
            f"Nous ne trouvons pas « {shown} ». Écrivez une commune, un code postal, une intercommunalité "
            "ou un département."
        )
        return None, tuple(unknown.labels[:PROPOSALS])


def _radius(args: Arguments, errors: dict[str, str], refused: dict[str, str]) -> int:
    text = _line(_first(args, "rayon"), _SHOWN)
    if not text:
        return DEFAULT_RADIUS_KM
    if text.isascii() and text.isdecimal() and int(text) in RADII_KM:
        return int(text)
    errors["rayon"] = f"Choisissez un rayon de la liste : {', '.join(map(str, RADII_KM))} km."
    refused["rayon"] = text
    return DEFAULT_RADIUS_KM


def _values(given: Iterable[str], each: Filter) -> tuple[tuple[str, ...], str | None]:
    """Return the values of a filter that are understood, and the sentence for those that are not."""
    given = [value for value in given if value]
    if len(given) > MAX_VALUES:
        return (), f"Il y a trop de choix dans « {each.title} » : {MAX_VALUES} au plus."
    known: list[str] = []
    problem = None
    for value in dict.fromkeys(given):
        if each.labels is not None and value not in each.labels:
            problem = problem or each.refusal.format(_line(value, _SHOWN))
        elif each.labels is None and not _is_name(value, each.name):
            problem = problem or f"« {_line(value, _SHOWN)} » ne désigne rien ici : choisissez dans la liste."
        else:
            known.append(value)
    if each.name == "thematique":
        known = list(compact(known))
    elif each.labels is not None:
        # The order of the list, whatever that of the address: one search has one address.
        known = [value for value in each.labels if value in known]
    else:
        known.sort()
    return tuple(known[:1] if each.single else known), problem


def _is_name(value: str, filter_name: str) -> bool:
    """Say whether a value may be the id of a structure, the slug of a source or the number of a convention."""
    if len(value) > _LONGEST_ID or not value.isprintable() or value != value.strip():
        return False
    return filter_name != "structure" or "--" in value


def _page(args: Arguments, errors: dict[str, str]) -> int:
    text = _first(args, "page")
    if not text:
        return 1
    if text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_PAGE)) and 1 <= int(text) <= MAX_PAGE:
        return int(text)
    errors["page"] = "Cette page n’existe pas : les pages se comptent à partir de 1."
    return 1


def _first(args: Arguments, name: str) -> str:
    values = args.getlist(name)
    return str(values[0]) if values else ""


def _line(text: str, longest: int) -> str:
    """Return a text on one line, without what cannot be shown, cut a little after `longest`."""
    text = text[: 2 * longest]
    if not text.isprintable():
        # Before the spaces are joined: what is dropped may stand between two of them, or last.
        text = "".join(letter for letter in text if letter.isprintable() or letter.isspace())
    return " ".join(text.split())[: longest + 1]


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


# A page repeats its own search in ten addresses.
@lru_cache(maxsize=1024)
def _pair(name: str, value: str) -> str:
    return f"{name}={quote_plus(value)}"


def _in_order(chosen: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {name: chosen[name] for name in FILTERS if name in chosen}


def from_kept(kept: Mapping[str, Any], *, departement: str | None = None) -> Typed:
    """Return the search that `Typed.kept` described."""
    return read(_Kept(kept), departement=departement)


class _Kept:
    def __init__(self, kept: Mapping[str, Any]) -> None:
        self.kept = kept

    def getlist(self, key: str) -> list[str]:
        held = self.kept.get(key) or []
        return [held] if isinstance(held, str) else [str(value) for value in held]
