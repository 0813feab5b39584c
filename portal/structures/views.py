"""Structures: seen by all, kept by their members."""

from flask import Blueprint

from portal.accounts.models import Role
from portal.web.access import allow, public

blueprint = Blueprint("structures", __name__, url_prefix="/structures")


@blueprint.get("/")
@allow(Role.PARTENAIRE, Role.ANIMATION, Role.ADMINISTRATION)
def index() -> str:
    """Mine."""
    return ""


@blueprint.get("/<uuid:structure_id>")
@public
def show(structure_id: object) -> str:
    """One."""
    return ""
