"""The catalogue of the running application, for views."""

from flask import Flask, current_app

from portal.catalogue.engine import Catalogue, Snapshot
from portal.config import Config
from portal.web.access import person
from portal.web.session import db


def init_app(app: Flask, config: Config) -> None:
    """Give the application its catalogue."""
    app.extensions["catalogue"] = Catalogue(
        source=config.source, public_url=config.public_url, folder=config.instance / "index"
    )


def catalogue() -> Catalogue:
    """Return the application's catalogue."""
    found: Catalogue = current_app.extensions["catalogue"]
    return found


def snapshot() -> Snapshot:
    """Return the catalogue as this request sees it; people who are signed in see what they have just changed."""
    return catalogue().snapshot(db(), fresh=person() is not None)
