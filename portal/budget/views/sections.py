"""What other files of views show on the page of a convention: parts of it, and links to pages of their own."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import url_for

from portal.budget.models import StateConvention
from portal.budget.terms import Terms


@dataclass(frozen=True, slots=True)
class Opened:
    """The page of a convention: what it says on `day`; `day` is today unless another was chosen."""

    convention: StateConvention
    terms: Terms
    day: date
    today: date
    may_write: bool


Section = Callable[[Opened], dict[str, Any] | None]

_SECTIONS: list[tuple[int, str, Section]] = []
_LINKS: list[tuple[int, str, str, bool]] = []


def section(order: int, template: str) -> Callable[[Section], Section]:
    """Show `template` on the page of a convention, with `told` being what the function returns (None: nothing shown).

    The template imports the macros that it uses and begins with its h2. The number of statements must not grow.
    """

    def keep(function: Section) -> Section:
        _SECTIONS.append((order, template, function))
        return function

    return keep


def link(order: int, label: str, endpoint: str, *, year: bool = False) -> None:
    """Give the page of a convention a link to `endpoint` (convention_id, and annee when `year`)."""
    _LINKS.append((order, label, endpoint, year))


def sections_of(opened: Opened) -> list[tuple[str, dict[str, Any]]]:
    """Return (template, told) of what is to be shown, in order."""
    found = []
    for _, template, function in sorted(_SECTIONS, key=lambda known: known[:2]):
        told = function(opened)
        if told is not None:
            found.append((template, told))
    return found


def links_of(opened: Opened) -> list[tuple[str, str]]:
    """Return (label, address) of the pages of a convention; those of a year open on the year of the day."""
    years = opened.convention.annees
    annee = min(max(opened.day.year, years[0]), years[-1])
    # An argument of None is left out of an address.
    return [
        (
            label,
            url_for(endpoint, convention_id=opened.convention.id, annee=annee if by_year else None),
        )
        for _, label, endpoint, by_year in sorted(_LINKS)
    ]
