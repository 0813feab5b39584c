"""What search engines read: every public offer and structure, with the day it last changed."""

import hashlib
from collections.abc import Iterator
from datetime import date
from typing import Any

from flask import Response, abort, current_app, request
from sqlmodel import col

from portal.offers import queries
from portal.offers.models import Offer
from portal.offers.views.blueprint import blueprint
from portal.structures import queries as structure_queries
from portal.structures.models import Structure
from portal.web.access import public
from portal.web.session import db

# Of the protocol of sitemaps: no more addresses in one file.
MOST = 50_000
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


@blueprint.get("/sitemap.xml")
@public
def sitemap() -> Response:
    """Every public address, or the list of files when one could not hold them."""
    rows = list(_rows())
    base = current_app.config["PORTAL"].public_url
    page = request.args.get("partie", type=int)
    if page is None and len(rows) > MOST:
        parts = "".join(
            f"<sitemap><loc>{base}/sitemap.xml?partie={n + 1}</loc></sitemap>\n"
            for n in range(-(-len(rows) // MOST))
        )
        return _answer(f"{_HEAD}<sitemapindex {_NAMESPACE}>\n{parts}</sitemapindex>\n")
    if page is not None:
        rows = rows[(page - 1) * MOST : page * MOST] if page >= 1 else []
        if not rows:
            abort(404)
    lines = "".join(
        f"<url><loc>{base}{path}</loc><lastmod>{day.isoformat()}</lastmod></url>\n" for path, day in rows
    )
    return _answer(f"{_HEAD}<urlset {_NAMESPACE}>\n{lines}</urlset>\n")


def _rows() -> Iterator[tuple[str, date]]:
    offers: Any = queries.published().with_only_columns(col(Offer.id), col(Offer.date_maj))
    structures: Any = structure_queries.published().with_only_columns(
        col(Structure.id), col(Structure.date_maj)
    )
    for name, statement in (("offres", offers), ("structures", structures)):
        for row_id, day in db().execute(statement):
            yield f"/{name}/{row_id}", day


def _answer(text: str) -> Response:
    response = Response(text, mimetype="application/xml")
    response.set_etag(hashlib.sha256(text.encode()).hexdigest())
    response.headers["Cache-Control"] = "public, max-age=3600"
    response.make_conditional(request)
    return response
