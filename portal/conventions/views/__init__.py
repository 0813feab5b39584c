"""Pages of conventions, by what people come to do. No page here names a beneficiary."""

from portal.conventions.views import (
    actions,
    amending,
    contracts,
    life,
    papers,
    payments,
    places,
    regles,
    renewing,
)
from portal.conventions.views.actions import short_reference
from portal.conventions.views.blueprint import blueprint

__all__ = [
    "actions",
    "amending",
    "blueprint",
    "contracts",
    "life",
    "papers",
    "payments",
    "places",
    "regles",
    "renewing",
    "short_reference",
]
