"""Pages that speak of the portal itself, and its health."""

import json
import logging

from flask import Blueprint, Response, current_app, render_template
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from portal.web.access import public
from portal.web.session import db

blueprint = Blueprint("web", __name__)
log = logging.getLogger("portal.health")

# What search engines may read, and what hangs on it that they may not; order matters to some of them.
_BEHIND = ("/offres/*/", "/structures/*/")
_OPEN = (
    "/$",
    "/offres",
    "/structures",
    "/accessibilite",
    "/donnees-personnelles",
    "/a-propos",
    "/sitemap.xml",
    "/static/",
    "/accent.css",
)


@blueprint.get("/sante")
@public
def health() -> Response:
    """200 when the database answers, 503 otherwise."""
    try:
        db().execute(text("SELECT 1 FROM alembic_version"))
    except SQLAlchemyError:
        log.exception("the database does not answer")
        return Response(json.dumps({"etat": "indisponible"}) + "\n", 503, mimetype="application/json")
    return Response(json.dumps({"etat": "ok"}) + "\n", mimetype="application/json")


@blueprint.get("/accessibilite")
@public
def accessibility() -> str:
    """The accessibility statement."""
    return render_template("web/accessibility.html")


@blueprint.get("/donnees-personnelles")
@public
def privacy() -> str:
    """What is done with people's data."""
    return render_template("web/privacy.html")


@blueprint.get("/a-propos")
@public
def about() -> str:
    """What the portal is, and where its data leave."""
    return render_template("web/about.html")


@blueprint.get("/accent.css")
@public
def accent() -> Response:
    """The département's accent colour, when it chose one."""
    colour = current_app.config["PORTAL"].accent
    css = f":root{{--portal-accent:{colour}}}\n" if colour else ""
    response = Response(css, mimetype="text/css")
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response


@blueprint.get("/robots.txt")
@public
def robots() -> Response:
    """Offers and structures may be indexed; what is not named, rooms to come included, is not."""
    lines = [
        "User-agent: *",
        *(f"Disallow: {address}" for address in _BEHIND),
        *(f"Allow: {address}" for address in _OPEN),
        "Disallow: /",
        f"Sitemap: {current_app.config['PORTAL'].public_url}/sitemap.xml",
    ]
    return Response("\n".join(lines) + "\n", mimetype="text/plain")
