"""What search engines read: every public offer and structure, with the day it last changed."""

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from flask import Response, abort, current_app, request
from sqlalchemy import Select, func
from sqlmodel import col, select

from portal.offers import queries
from portal.offers.models import Offer
from portal.offers.views.blueprint import blueprint
from portal.structures import queries as structure_queries
from portal.structures.models import Structure
from portal.web.access import public
from portal.web.session import db

# Addresses in one file, about 130 bytes each; the protocol of sitemaps allows five times as many.
MOST = 10_000
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


@blueprint.get("/sitemap.xml")
@public
def sitemap() -> Response:
    """Every public address, or the list of files when one could not hold them."""
    base = current_app.config["PORTAL"].public_url
    page = request.args.get("partie", type=int)
    statements = _statements()
    counts = [
        db().execute(select(func.count()).select_from(each.subquery())).scalar_one() for each in statements
    ]
    if page is None and sum(counts) > MOST:
        parts = "".join(
            f"<sitemap><loc>{base}/sitemap.xml?partie={n + 1}</loc></sitemap>\n"
            for n in range(-(-sum(counts) // MOST))
        )
        return _answer(f"{_HEAD}<sitemapindex {_NAMESPACE}>\n{parts}</sitemapindex>\n")
    if page is not None and not 1 <= page <= -(-sum(counts) // MOST):
        abort(404)
    lines = "".join(
        f"<url><loc>{base}/{name}/{row_id}</loc><lastmod>{day.isoformat()}</lastmod></url>\n"
        for name, row_id, day in _rows(statements, counts, ((page or 1) - 1) * MOST)
    )
    return _answer(f"{_HEAD}<urlset {_NAMESPACE}>\n{lines}</urlset>\n")


def _statements() -> tuple[Any, Any]:
    """The public offers, then the public structures: rows (id, day of the last change), by id."""
    return (
        queries.published_columns().with_only_columns(col(Offer.id), col(Offer.date_maj)),
        structure_queries.published().with_only_columns(col(Structure.id), col(Structure.date_maj)),
    )


def _rows(
    statements: Sequence[Select[Any]], counts: Sequence[int], start: int
) -> Iterator[tuple[str, uuid.UUID, date]]:
    """The rows of one file: MOST at most from rank `start` on, whichever list they are in."""
    left = MOST
    for name, statement, count in zip(("offres", "structures"), statements, counts, strict=True):
        if start < count and left:
            for row_id, day in db().execute(statement.offset(start).limit(left)):
                left -= 1
                yield name, row_id, day
        start = max(0, start - count)


def _answer(text: str) -> Response:
    response = Response(text, mimetype="application/xml")
    response.set_etag(hashlib.sha256(text.encode()).hexdigest())
    response.headers["Cache-Control"] = "public, max-age=3600"
    response.make_conditional(request)
    return response
