"""What the header offers to each role, and the theme of the département."""

from typing import Any

from flask import Flask, request, url_for
from flask_login import current_user

from portal.config import Config

# label, endpoint, roles (None: everybody, signed in or not)
_ENTRIES: tuple[tuple[str, str, frozenset[str] | None], ...] = (
    ("Trouver une offre", "catalogue.search", None),
    ("Mes bénéficiaires", "beneficiaries.index", frozenset({"referent"})),
    ("Prescriptions", "prescriptions.index", frozenset({"referent", "partenaire"})),
    ("Favoris", "offers.my_favourites", frozenset({"referent"})),
    ("Mes recherches", "catalogue.saved_searches", frozenset({"referent"})),
    ("Mes offres", "offers.mine", frozenset({"partenaire"})),
    ("Référencement", "referencement.index", frozenset({"animation", "administration"})),
    ("Offres", "offers.mine", frozenset({"animation"})),
    ("Structures", "structures.index", frozenset({"partenaire", "animation", "administration"})),
    ("Conventions", "conventions.index", frozenset({"conventionnement", "partenaire", "etat"})),
    ("Budget", "budget.index", frozenset({"conventionnement", "administration", "etat"})),
    (
        "Indicateurs",
        "indicators.dashboard",
        frozenset({"animation", "administration", "conventionnement", "etat"}),
    ),
    ("Comptes", "accounts.users", frozenset({"administration"})),
    ("Clés de l’API", "accounts.api_keys", frozenset({"administration"})),
    ("Courrier", "accounts.outbox", frozenset({"administration"})),
)


def entries() -> list[dict[str, Any]]:
    """Return the header's links for the person of this request: label, url, current."""
    role = str(current_user.role) if current_user.is_authenticated else None
    room = (request.endpoint or "").split(".")[0]
    # What partners owe and the follow of actions are read from the conventions.
    room = {"follow": "conventions"}.get(room, room)
    return [
        {
            "label": label,
            "url": url_for(endpoint),
            "current": request.endpoint == endpoint
            or (
                room == endpoint.split(".")[0]
                and room not in {"offers", "catalogue", "accounts", "indicators"}
            ),
            "count": None,
        }
        for label, endpoint, roles in _ENTRIES
        if roles is None or role in roles
    ]


def init_app(app: Flask, config: Config) -> None:
    """Give every page its navigation and theme."""
    theme = {"name": config.name, "logo_url": config.logo_url, "accent": config.accent}

    @app.context_processor
    def _context() -> dict[str, Any]:
        # A fragment has no header: the links are made when they are asked for.
        return {"nav": entries, "theme": theme}
