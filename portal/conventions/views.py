"""Pages of conventions."""

from flask import Blueprint

from portal.web.access import signed_in

blueprint = Blueprint("conventions", __name__)


@blueprint.get("/x-conventions")
@signed_in
def index() -> str:
    """List."""
    return ""
