"""The pages of the catalogue."""

from portal.catalogue.views.blueprint import blueprint

__all__ = ["blueprint"]
