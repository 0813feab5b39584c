"""Pages of conventions, by what people come to do. No page here names a beneficiary."""

from portal.conventions.views import contracts, places, regles
from portal.conventions.views.blueprint import blueprint
from portal.conventions.views.contracts import short_reference

__all__ = ["blueprint", "contracts", "places", "regles", "short_reference"]
