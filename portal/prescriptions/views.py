"""Pages of prescriptions."""

from flask import Blueprint

from portal.web.access import signed_in

blueprint = Blueprint("prescriptions", __name__)


@blueprint.get("/x-prescriptions")
@signed_in
def index() -> str:
    """List."""
    return ""
