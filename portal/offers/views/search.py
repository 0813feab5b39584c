"""The catalogue."""

from portal.offers.views.blueprint import blueprint
from portal.web.access import public


@blueprint.get("/offres")
@public
def search() -> str:
    """The catalogue."""
    return ""


@blueprint.get("/offres/<uuid:offer_id>")
@public
def show(offer_id: object) -> str:
    """One offer."""
    return ""
