"""The first page."""

from flask import Blueprint

from portal.web.access import public

blueprint = Blueprint("indicators", __name__)


@blueprint.get("/")
@public
def home() -> str:
    """Home."""
    return ""
