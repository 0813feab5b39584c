"""What partners write."""

from portal.offers.views.blueprint import blueprint
from portal.web.access import signed_in


@blueprint.get("/mes-offres")
@signed_in
def mine() -> str:
    """Mine."""
    return ""
