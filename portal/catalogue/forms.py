"""What cannot be understood in a search, in the shape that the summary of errors takes."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from portal.catalogue.address import Typed
from portal.catalogue.filters import FILTERS

# Arguments with a control of their own -> how it is named.
_LABELS = {
    "quoi": "Quoi ?",
    "ou": "Où ?",
    "rayon": "Jusqu’à",
    "tri": "Trier par",
    "adresse": "Adresse, avec la commune",
}


@dataclass(frozen=True, slots=True)
class Label:
    """How a control is named."""

    text: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A sentence, and `id`: the control it is about."""

    id: str
    label: Label
    errors: list[str]
    widget: object = None


@dataclass(frozen=True, slots=True)
class Problems:
    """Everything that cannot be understood; `form_errors` are about no control of the page."""

    fields: list[Problem] = field(default_factory=list)
    form_errors: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.fields)


def problems_of(typed: Typed, adresse: str | None = None) -> Problems:
    """Return the problems of a search; `adresse` is the sentence told of an address to look around."""
    found = Problems()
    for name, sentence in {**typed.errors, **({"adresse": adresse} if adresse else {})}.items():
        if name in _LABELS:
            found.fields.append(Problem(name, Label(_LABELS[name]), [sentence]))
        elif name in FILTERS:
            found.fields.append(Problem(_control(name), Label(FILTERS[name].title), [sentence]))
        else:
            found.form_errors.append(sentence)
    return found


def _control(name: str) -> str:
    # The boxes that stand alone have no list around them.
    return name if name in {"places", "pro"} else f"filtre-{name}"
