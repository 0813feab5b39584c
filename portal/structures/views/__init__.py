"""Pages of structures: the fiche (`pages`, `edit`), who belongs to it (`members`), and how one arrives (`arrive`)."""

from portal.structures.views import arrive, edit, invitation, members, pages  # noqa: F401  (their routes)
from portal.structures.views.blueprint import (
    blueprint,
    on_rename,
    read_elsewhere_with,
    read_offers_with,
    readable_hours,
)

__all__ = ["blueprint", "on_rename", "read_elsewhere_with", "read_offers_with", "readable_hours"]
