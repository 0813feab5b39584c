"""What a line would change of what is there: everything it gives, or only what is missing."""

from collections.abc import Mapping
from typing import Any

from portal import vocabulary
from portal.structures import history

# What goes with the address: taken together or not at all.
PLACE = ("code_insee", "code_postal", "adresse", "complement_adresse")
FULL, COMPLETE = "full", "complete"


def to_give(thing: Any, values: dict[str, Any], mode: str) -> dict[str, Any]:
    """Return the values that the line may give to `thing`: all of them, or only those that it lacks."""
    if mode == FULL:
        return values
    elsewhere = thing.code_insee and values.get("code_insee") and thing.code_insee != values["code_insee"]
    return {
        name: value
        for name, value in values.items()
        if value not in (None, "")
        and getattr(thing, name) in (None, "", [])
        and not (elsewhere and name in PLACE)
    }


def not_as_it_leaves(thing: Any, values: dict[str, Any], leaving: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values without those that our own export gives of `thing`.

    What leaves is not always what is kept: a name loses its final dot, documents to bring join the conditions, a
    private contact stays. Coming back, it says nothing new.
    """
    leaving = {**leaving, "nom": vocabulary.without_final_dot(thing.nom)}
    return {
        name: value
        for name, value in values.items()
        if name not in leaving or value != _trimmed(leaving[name])
    }


def _trimmed(value: Any) -> Any:
    # A cell is trimmed as it is read; what was kept before may not be.
    return (value.strip() if isinstance(value, str) else value) or None


def differs(thing: Any, values: Mapping[str, Any]) -> bool:
    """Say whether `thing` would not be the same with these values."""
    plain = {name: history.plain(value) for name, value in values.items()}
    return bool(history.differences(history.snapshot(thing, plain), plain))
