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
    """Offers may be indexed; the rest is of no use to a search engine."""
    address = f"{current_app.config['PORTAL'].public_url}/sitemap.xml"
    return Response(
        f"User-agent: *\nAllow: /offres\nAllow: /structures\nDisallow: /connexion\nSitemap: {address}\n",
        mimetype="text/plain",
    )
