"""The filters beside the results, each value with how many offers it would give.

They are written here rather than in a template: two hundred lines there would cost more than the search itself. All that
does not move from one search to the next is put together once.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from html import escape
from typing import NamedTuple
from zlib import crc32

from markupsafe import Markup

from portal import geography
from portal.catalogue.address import Typed
from portal.catalogue.criteria import Found
from portal.catalogue.filters import CATEGORIES, FILTERS, FINANCEURS, Filter
from portal.catalogue.views.cards import drawing

# Beyond, a list is no longer read: the others are reached by words.
_MOST_STRUCTURES = 10
_MOST_CONVENTIONS = 8
# A longer list leaves out the values that would give nothing.
_LONG = 8
# Shown before all others, without a title of their own.
_TOGGLES = ("places", "pro")
_OPEN = frozenset({"thematique"})
_END = "</span></label></li>"

Counts = Mapping[str, int]


class Value(NamedTuple):
    """A value of a filter, and its line as HTML up to the number.

    `some` and `none` (it would give nothing) stop before the end of the control's tag, `rest` goes from there.
    """

    value: str
    some: str
    none: str
    rest: str
    # Both together, for the many that are not ticked.
    plain: str
    empty: str


class _Section(NamedTuple):
    """A category and its thématiques: their lines, and the HTML before the number of its title."""

    category: str
    whole: Value
    members: tuple[Value, ...]
    closed: str
    open: str


def number(value: int) -> str:
    """Return "12 345", the thousands apart as in French."""
    return str(value) if value < 1000 else f"{value:,}".replace(",", "\u202f")


def written(typed: Typed, found: Found | None, names: Mapping[str, str]) -> Markup:
    """Return the filters as HTML, without those that could change nothing.

    `names`: labels of structures and sources. `found` is None when the search was not understood: no number is told.
    """
    parts = ['<ul class="picks picks-alone">']
    for name in _TOGGLES:
        told = {"1": found.counts.get(FILTERS[name].counts, {}).get("oui", 0)} if found else None
        _lines(parts, _CLOSED[name], typed.values(name), told)
    parts.append("</ul>")
    for each in FILTERS.values():
        if each.name in _TOGGLES:
            continue
        chosen, error = typed.values(each.name), typed.errors.get(each.name)
        inside: list[str] = []
        if each.name == "thematique":
            _sections(inside, chosen, found)
        else:
            _list(inside, each, chosen, found, names)
        if inside or error:
            _open(parts, each, len(chosen), error)
            parts += inside
            parts.append("</fieldset></details>")
    return Markup("".join(parts))


def _open(parts: list[str], each: Filter, chosen: int, error: str | None) -> None:
    is_open = " open" if chosen or error or each.name in _OPEN else ""
    count = (
        f' <span class="count">{chosen}<span class="visually-hidden"> choisi{"s" if chosen > 1 else ""}</span></span>'
        if chosen
        else ""
    )
    parts.append(
        f'<details class="filter" id="filtre-{each.name}"{is_open}><summary><span>{each.title}</span>{count}</summary>'
        f'<fieldset><legend class="visually-hidden">{each.title}</legend>'
    )
    if error:
        parts.append(
            f'<p class="field-error" id="{each.name}-error">{drawing("cross")}'
            f'<span><span class="visually-hidden">À corriger : </span>{escape(error)}</span></p>'
        )


def _sections(parts: list[str], chosen: tuple[str, ...], found: Found | None) -> None:
    of_categories = found.counts.get("categories", {}) if found else {}
    of_themes = found.counts.get("thematiques", {}) if found else {}
    for category, whole, members, closed, opened in _SECTIONS:
        total = of_categories.get(category, 0)
        held = bool(chosen) and (category in chosen or any(value.value in chosen for value in members))
        if found and not total and not held:
            continue
        ticked = chosen if held else ()
        parts.append(
            f'{opened if held else closed}{number(total) if found else ""}</span></summary><ul class="picks">'
        )
        _lines(parts, (whole,), ticked, {category: total} if found else None)
        shown = [value for value in members if value.value in of_themes or value.value in ticked]
        _lines(parts, shown, ticked, of_themes if found else None)
        parts.append("</ul></details>")


def _list(
    parts: list[str],
    each: Filter,
    chosen: tuple[str, ...],
    found: Found | None,
    names: Mapping[str, str],
) -> None:
    counts: Mapping[str, Counts] = found.counts if found else {}
    told = counts.get(each.counts, {})
    shown: Iterable[Value]
    if each.name == "structure":
        values = _with(_best(told, _MOST_STRUCTURES), chosen)
        shown = [_open_value(each.name, value, names.get(value, value)) for value in values]
    elif each.name == "source":
        # A single source is no choice.
        values = _with(_best(told, len(told)) if len(told) > 1 else [], chosen)
        shown = [_open_value(each.name, value, names.get(value, value)) for value in values]
    elif each.name == "finance":
        payers = [(v, label) for v, label in FINANCEURS.items() if told.get(v) or v in chosen]
        of_conventions = counts.get("conventions", {})
        asked = tuple(value for value in chosen if value not in FINANCEURS)
        numbers = _with(_best(of_conventions, _MOST_CONVENTIONS), asked)
        payers += [(value, f"Convention {value}") for value in numbers]
        shown = [_open_value(each.name, value, label) for value, label in payers]
        told = {**of_conventions, **told}
    elif not chosen and not any(told.values()):
        return
    else:
        known = _CLOSED[each.name]
        shown = [v for v in known if told.get(v.value) or v.value in chosen] if len(known) > _LONG else known
    if not shown:
        return
    parts.append('<ul class="picks">')
    if each.single:
        indifferent = _INDIFFERENT[each.name]
        parts += (indifferent.plain if chosen else f"{indifferent.some} checked{indifferent.rest}", _END)
    _lines(parts, shown, chosen, told if found else None)
    parts.append("</ul>")


def _lines(parts: list[str], values: Iterable[Value], chosen: tuple[str, ...], told: Counts | None) -> None:
    """Write the lines of a filter. `told`: value -> how many offers; None when nothing was counted."""
    if told is not None and not chosen:
        parts += [
            f"{value.plain if (inside := told.get(value.value, 0)) else value.empty}"
            f"{inside if inside < 1000 else number(inside)}{_END}"
            for value in values
        ]
        return
    for value in values:
        number_of = told.get(value.value, 0) if told is not None else None
        ticked = " checked" if value.value in chosen else ""
        start = value.none if number_of == 0 else value.some
        parts.append(f"{start}{ticked}{value.rest}{'' if number_of is None else number(number_of)}{_END}")


def _value(kind: str, name: str, value: str, control: str, label: str) -> Value:
    held = escape(value)
    control = f'<input type="{kind}" name="{name}" value="{held}" id="{control}"'
    some, none = f'<li><label class="pick">{control}', f'<li><label class="pick pick-none">{control}'
    rest = f'><span>{escape(label)}</span><span class="pick-count">'
    return Value(value, some, none, rest, some + rest, none + rest)


@lru_cache(maxsize=2048)
def _open_value(name: str, value: str, label: str) -> Value:
    """Return a value that anybody may have written. Its id may hold anything: the same keeps the same control."""
    return _value("checkbox", name, value, f"{name}-{crc32(value.encode()):08x}", label)


def _closed_values(each: Filter) -> list[Value]:
    labels = each.labels or {}
    if each.name in _TOGGLES:
        return [_value("checkbox", each.name, "1", each.name, labels["1"])]
    kind = "radio" if each.single else "checkbox"
    return [_value(kind, each.name, value, f"{each.name}-{value}", label) for value, label in labels.items()]


def _best(counts: Counts, most: int) -> list[str]:
    return sorted(counts, key=lambda value: (-counts[value], value))[:most]


def _with(values: list[str], chosen: tuple[str, ...]) -> list[str]:
    return [*(value for value in chosen if value not in values), *values] if chosen else values


def _themes() -> list[_Section]:
    labels = FILTERS["thematique"].labels or {}
    boxes = {value.value: value for value in _CLOSED["thematique"]}
    found = []
    for category, members in CATEGORIES.items():
        start = f'<details class="filter-part" id="categorie-{category}"'
        rest = f'><summary><span>{escape(labels[category])}</span><span class="pick-count">'
        ordered = sorted(members, key=lambda member: geography.fold(labels[member]))
        found.append(
            _Section(
                category,
                _value("checkbox", "thematique", category, f"thematique-{category}", "Toute la catégorie"),
                tuple(boxes[member] for member in ordered),
                start + rest,
                f"{start} open{rest}",
            )
        )
    return found


_CLOSED = {each.name: _closed_values(each) for each in FILTERS.values() if each.labels is not None}
_INDIFFERENT = {
    each.name: _value("radio", each.name, "", f"{each.name}-tout", "Peu importe")
    for each in FILTERS.values()
    if each.single
}
_SECTIONS = _themes()
