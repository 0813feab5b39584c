"""Pages of offers: the catalogue (`search`) and what partners write (`edit`)."""

from flask import Flask

from portal.offers.places import Reader
from portal.offers.views import edit, search  # noqa: F401  (their routes)
from portal.offers.views.blueprint import blueprint

__all__ = ["blueprint", "read_places_with"]


def read_places_with(app: Flask, reader: Reader) -> None:
    """Give the catalogue the function that counts places (the rooms above know them)."""
    app.extensions["offer_places"] = reader
