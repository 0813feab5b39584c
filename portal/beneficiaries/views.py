"""Pages of beneficiaries."""

from flask import Blueprint

from portal.web.access import signed_in

blueprint = Blueprint("beneficiaries", __name__)


@blueprint.get("/x-beneficiaries")
@signed_in
def index() -> str:
    """List."""
    return ""
