"""The blueprint both files of views share, and the words that offers need in templates."""

from collections.abc import Iterable

from flask import Blueprint

from portal import geography, vocabulary
from portal.parcours import Dominante, frein_label

blueprint = Blueprint("offers", "portal.offers.views")


@blueprint.app_template_filter("schema_label")
def schema_label(value: str | None, name: str) -> str | None:
    """Return the French label of one value of the schema's attribute `name`; None for None."""
    return vocabulary.label(name, value) if value else None


@blueprint.app_template_filter("schema_labels")
def schema_labels(values: Iterable[str] | None, name: str) -> list[str]:
    """Return the French labels of values of the schema's attribute `name`, sorted."""
    return vocabulary.labels(name, values)


@blueprint.app_template_filter("zone_labels")
def zone_labels(codes: Iterable[str] | None) -> list[str]:
    """Return the names of an offer's eligibility zone, in its order."""
    return [geography.zone_label(code) for code in codes or ()]


@blueprint.app_template_filter("dominante_labels")
def dominante_labels(values: Iterable[str] | None) -> list[str]:
    """Return the labels of dominantes, in the order of the parcours; unknown ones as they are stored."""
    held = set(values or ())
    known = [dominante for dominante in Dominante if dominante.value in held]
    return [dominante.label for dominante in known] + sorted(held - {d.value for d in known})


@blueprint.app_template_filter("frein_labels")
def frein_labels(values: Iterable[str] | None) -> list[str]:
    """Return the labels of barriers."""
    return [frein_label(value) for value in values or ()]
