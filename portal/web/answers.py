"""Answers of a form as a person reads them: what two people wrote at once, what a thing used to say."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from wtforms import Form

from portal import geography, money
from portal.phones import show_phone
from portal.web.formats import short_day

_PHONES = {"telephone"}
_DAYS = {"date_fin", "debut", "fin"}
NOTHING = "Rien"


@dataclass(frozen=True, slots=True)
class Row:
    """A question whose two answers differ: its field, its label, each answer as text."""

    name: str
    label: str
    before: str
    after: str


def changes_of(
    detail: Mapping[str, Iterable[str | None]],
    labels: Mapping[str, str],
    readers: Mapping[str, Callable[[str], str]],
    ids: Collection[str] = (),
) -> list[Row]:
    """Return what a line of a convention's history says changed, from {field: [before, after]} as text.

    `labels` names the fields; `readers` reads those whose name does not say what they hold (money, a day, a rate, ETP).
    Those of `ids` say nothing to anybody: there was one, and there is another.
    """
    rows = []
    for name, pair in detail.items():
        before, after = pair
        if name in ids:
            told = (NOTHING if before is None else "Un", NOTHING if after is None else "Un autre")
        else:
            told = (_past(name, before, readers), _past(name, after, readers))
        label = labels.get(name) or name.removesuffix("_centimes").replace("_", " ").capitalize()
        rows.append(Row(name, label, *told))
    return rows


def _past(name: str, text: str | None, readers: Mapping[str, Callable[[str], str]]) -> str:
    if text is None or text == "":
        return NOTHING
    try:
        if name in readers:
            return readers[name](text)
        if name.endswith("_centimes"):
            return money.euros(int(text))
        if name.startswith("date_") or name.endswith("_le"):
            return short_day(date.fromisoformat(text))
        if name.startswith("taux_"):
            return money.rate(int(text))
        if name.endswith("_etp"):
            return money.etp(int(text))
    except ValueError:
        # Written otherwise by an older version: shown as it was.
        return text
    return {"True": "Oui", "False": "Non"}.get(text, text)


class Reader:
    """Reads the answers to the questions of a form class.

    `extra` gives labels to what the form does not ask ({field: label}).
    """

    def __init__(self, form: Form, extra: Mapping[str, str] | None = None) -> None:
        self._labels = {field.name: field.label.text for field in form} | dict(extra or {})
        self._choices: dict[str, dict[str, str]] = {}
        for field in form:
            if hasattr(field, "iter_choices") and not getattr(field, "coerces_numbers", False):
                self._choices[field.name] = {str(c.value): str(c.label) for c in field.iter_choices()}

    def label(self, name: str) -> str:
        """Return the question of this field, the field's own name when nobody asks it."""
        return self._labels.get(name, name)

    def text(self, name: str, value: Any) -> str:
        """Return an answer in French: labels of choices, oui or non, a list joined, NOTHING when empty."""
        if value is None or value == "" or value == []:
            return NOTHING
        if isinstance(value, bool):
            return "Oui" if value else "Non"
        if isinstance(value, list | tuple):
            return ", ".join(self.text(name, item) for item in value)
        if isinstance(value, dict):
            return ", ".join(self.text(key, item) for key, item in value.items() if item not in (None, ""))
        text = str(value)
        if name in self._choices:
            return self._choices[name].get(text, text)
        if name == "code_insee":
            commune = geography.commune(text)
            return commune.label if commune else text
        if name == "zone_eligibilite":
            return geography.zone_label(text)
        if name in _PHONES:
            return show_phone(text)
        if name in _DAYS:
            return short_day(date.fromisoformat(text))
        if isinstance(value, float):
            return f"{value:g}".replace(".", ",")
        return text

    def rows(self, changes: Mapping[str, Iterable[Any]]) -> list[Row]:
        """Return the readable rows of {field: [before, after]}, in the order of the form's questions."""
        order = list(self._labels)
        found = []
        for name, (before, after) in changes.items():
            found.append(Row(name, self.label(name), self.text(name, before), self.text(name, after)))
        return sorted(found, key=lambda row: order.index(row.name) if row.name in order else len(order))
