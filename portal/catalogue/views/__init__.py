"""The pages of the catalogue."""

from portal.catalogue.views import known, map, saved, search  # noqa: F401  (their routes)
from portal.catalogue.views.blueprint import blueprint

__all__ = ["blueprint"]
