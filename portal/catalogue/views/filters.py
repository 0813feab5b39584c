"""The filters beside the results, each value with how many offers it would give."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

from markupsafe import Markup, escape

from portal import geography
from portal.catalogue.address import CATEGORIES, FILTERS, FINANCEURS, Filter, Typed
from portal.catalogue.criteria import Found

# Beyond, a list is no longer read: the others are reached by words.
_MOST_STRUCTURES = 10
_MOST_CONVENTIONS = 8
# A longer list leaves out the values that would give nothing.
_LONG = 8
# Shown before all others, without a title of their own.
_TOGGLES = ("places", "pro")
_OPEN = frozenset({"thematique"})

Counts = Mapping[str, Mapping[str, int]]


class Value(NamedTuple):
    """A value of a filter; as HTML: itself, the id of its control, its label."""

    value: str
    held: str
    control: str
    label: str


@dataclass(frozen=True, slots=True)
class Section:
    """A category and its thématiques. `lines` are boxes, the whole category first; `total` is how many offers."""

    label: str
    control: str
    total: str
    open: bool
    lines: Markup


@dataclass(frozen=True, slots=True)
class Group:
    """One filter: `lines` are boxes or radios; `sections` stand instead for the thématiques."""

    name: str
    title: str
    lines: Markup
    sections: list[Section]
    chosen: int
    open: bool
    error: str | None


def number(value: int) -> str:
    """Return "12 345", the thousands apart as in French."""
    return f"{value:,}".replace(",", "\u202f")


def best_structures(found: Found | None) -> list[str]:
    """Return the prefixed ids of the structures that the filter proposes."""
    return _best(found.counts.get("structures", {}), _MOST_STRUCTURES) if found else []


def toggles(typed: Typed, found: Found | None) -> Markup:
    """Return the boxes of the filters that have a single value."""
    lines = []
    for name in _TOGGLES:
        counts = found.counts.get(FILTERS[name].counts, {}) if found else None
        told = {"1": counts.get("oui", 0)} if counts is not None else None
        lines += _lines(FILTERS[name], _CLOSED[name], typed.values(name), told)
    return _joined(lines)


def groups(typed: Typed, found: Found | None, names: Mapping[str, str]) -> list[Group]:
    """Return the other filters, without those that could change nothing.

    `names`: labels of structures and sources. `found` is None when the search was not understood: no number is told.
    """
    shown = []
    for each in FILTERS.values():
        if each.name in _TOGGLES:
            continue
        chosen, error = typed.values(each.name), typed.errors.get(each.name)
        sections: list[Section] = []
        lines: list[str] = []
        if each.name == "thematique":
            sections = _sections(chosen, found)
        else:
            lines = _of_filter(each, chosen, found, names)
        if sections or lines or error:
            is_open = bool(chosen or error) or each.name in _OPEN
            shown.append(Group(each.name, each.title, _joined(lines), sections, len(chosen), is_open, error))
    return shown


def _sections(chosen: tuple[str, ...], found: Found | None) -> list[Section]:
    of_categories = found.counts.get("categories", {}) if found else {}
    of_themes = found.counts.get("thematiques", {}) if found else {}
    each = FILTERS["thematique"]
    sections = []
    for category, label, whole, members in _THEMES:
        total = of_categories.get(category, 0)
        held = category in chosen or any(value.value in chosen for value in members)
        if found and not total and not held:
            continue
        shown = [value for value in members if of_themes.get(value.value) or value.value in chosen]
        lines = _lines(each, [whole, *shown], chosen, {**of_themes, category: total} if found else None)
        sections.append(
            Section(label, f"categorie-{category}", number(total) if found else "", held, _joined(lines))
        )
    return sections


def _of_filter(
    each: Filter, chosen: tuple[str, ...], found: Found | None, names: Mapping[str, str]
) -> list[str]:
    counts: Counts = found.counts if found else {}
    told = counts.get(each.counts, {})
    if each.name == "structure":
        values = _with(_best(told, _MOST_STRUCTURES), chosen)
        shown = _open_values(each.name, ((value, names.get(value, value)) for value in values))
    elif each.name == "source":
        # A single source is no choice.
        values = _with(_best(told, len(told)) if len(told) > 1 else [], chosen)
        shown = _open_values(each.name, ((value, names.get(value, value)) for value in values))
    elif each.name == "finance":
        payers = [(v, label) for v, label in FINANCEURS.items() if told.get(v) or v in chosen]
        of_conventions = counts.get("conventions", {})
        asked = tuple(value for value in chosen if value not in FINANCEURS)
        numbers = _with(_best(of_conventions, _MOST_CONVENTIONS), asked)
        shown = _open_values(each.name, payers + [(value, f"Convention {value}") for value in numbers])
        told = {**of_conventions, **told}
    elif not chosen and not any(told.values()):
        return []
    else:
        known = _CLOSED[each.name]
        shown = [v for v in known if told.get(v.value) or v.value in chosen] if len(known) > _LONG else known
    lines = _lines(each, shown, chosen, told if found else None)
    if each.single and lines:
        indifferent = Value("", "", f"{each.name}-tout", "Peu importe")
        lines.insert(0, _line("radio", each.name, indifferent, "", not chosen, False))
    return lines


def _lines(
    each: Filter, values: Iterable[Value], chosen: tuple[str, ...], told: Mapping[str, int] | None
) -> list[str]:
    """Return the lines of a filter. `told`: value -> how many offers; None when nothing was counted."""
    kind = "radio" if each.single and len(each.labels or ()) > 1 else "checkbox"
    lines = []
    for value in values:
        ticked = value.value in chosen
        if told is None:
            lines.append(_line(kind, each.name, value, "", ticked, False))
        else:
            inside = told.get(value.value, 0)
            lines.append(_line(kind, each.name, value, number(inside), ticked, not inside))
    return lines


def _line(kind: str, name: str, value: Value, told: str, ticked: bool, nothing: bool) -> str:
    # Written here: two hundred of them in a template would cost as much as the search.
    return (
        f'<li><label class="pick{" pick-none" if nothing else ""}">'
        f'<input type="{kind}" name="{name}" value="{value.held}" id="{value.control}"'
        f"{' checked' if ticked else ''}>"
        f'<span>{value.label}</span><span class="pick-count">{told}</span></label></li>'
    )


def _joined(lines: Iterable[str]) -> Markup:
    return Markup("\n".join(lines))


def _open_values(name: str, values: Iterable[tuple[str, str]]) -> list[Value]:
    """Return values that anybody may have written. Their ids may hold anything: the same keeps the same control."""
    return [
        Value(value, str(escape(value)), f"{name}-{crc32(value.encode()):08x}", str(escape(label)))
        for value, label in values
    ]


def _closed_values(name: str, labels: Mapping[str, str]) -> list[Value]:
    return [Value(value, value, f"{name}-{value}", str(escape(label))) for value, label in labels.items()]


def _best(counts: Mapping[str, int], most: int) -> list[str]:
    return sorted(counts, key=lambda value: (-counts[value], value))[:most]


def _with(values: list[str], chosen: tuple[str, ...]) -> list[str]:
    return [*(value for value in chosen if value not in values), *values]


def _themes() -> list[tuple[str, str, Value, list[Value]]]:
    """Return (category, label, the box of the whole of it, those of its thématiques)."""
    labels = FILTERS["thematique"].labels or {}
    return [
        (
            category,
            labels[category],
            Value(category, category, f"thematique-{category}", "Toute la catégorie"),
            _closed_values(
                "thematique",
                {
                    member: labels[member]
                    for member in sorted(members, key=lambda m: geography.fold(labels[m]))
                },
            ),
        )
        for category, members in CATEGORIES.items()
    ]


_THEMES = _themes()
_CLOSED = {
    each.name: (
        [Value("1", "1", each.name, str(escape(each.labels["1"])))]
        if each.name in _TOGGLES
        else _closed_values(each.name, each.labels)
    )
    for each in FILTERS.values()
    if each.labels is not None
}
