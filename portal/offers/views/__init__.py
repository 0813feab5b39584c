"""Pages of offers: what everybody reads (`show`), what partners write (`edit`, `saisie`, `documents`), its life (`life`, `history`)."""

from flask import Flask

from portal.offers.places import Delays, Reader, Seats
from portal.offers.views import (  # noqa: F401  (their routes)
    care,
    documents,
    edit,
    history,
    life,
    modeles,
    saisie,
    show,
    sitemap,
)
from portal.offers.views.blueprint import blueprint

__all__ = ["blueprint", "read_delays_with", "read_places_with", "read_seats_with"]


def read_places_with(app: Flask, reader: Reader) -> None:
    """Give the catalogue the function that counts places (the rooms above know them)."""
    app.extensions["offer_places"] = reader


def read_delays_with(app: Flask, reader: Delays) -> None:
    """Give the catalogue the function that says how long structures take to answer (the rooms above know it)."""
    app.extensions["structure_delays"] = reader


def read_seats_with(app: Flask, reader: Seats) -> None:
    """Give the form of an offer the function that counts the seats taken of sessions (the rooms above know them)."""
    app.extensions["session_seats"] = reader
