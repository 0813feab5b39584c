"""The blueprint that the files of views share, and what they all need."""

import uuid
from collections.abc import Iterable

from flask import Blueprint, current_app

from portal.accounts.models import Role

blueprint = Blueprint("referencement", "portal.referencement.views")

# Those who look after the whole catalogue, and those who may change some of it.
KEEPERS = (Role.ANIMATION, Role.ADMINISTRATION)
WRITERS = (Role.PARTENAIRE, *KEEPERS)


def public_url() -> str:
    """Return the address of this portal, as messages give it."""
    found: str = current_app.config["PORTAL"].public_url
    return found


def as_ids(texts: Iterable[str]) -> list[uuid.UUID]:
    """Return the ids among `texts`; what is no id is left out."""
    found = []
    for text in texts:
        try:
            found.append(uuid.UUID(text))
        except ValueError:
            continue
    return found
