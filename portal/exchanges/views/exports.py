"""The addresses of the export (contract: portal, HTTP)."""

import hashlib
from datetime import UTC, datetime, time
from typing import Any, NoReturn
from urllib.parse import urlencode

import orjson
from flask import Response, abort, current_app, request

from portal.clock import PARIS
from portal.config import Config
from portal.exchanges import exports
from portal.exchanges.views.blueprint import blueprint
from portal.web.access import public
from portal.web.session import db

ROOT = "/export/data-inclusion/v1"
_MAX_PAGE_SIZE = 10_000


@blueprint.get(f"{ROOT}/<any(structures,services):kind>.<any(json,ndjson,csv):shape>")
@public
def file(kind: str, shape: str) -> Response:
    """A whole export in one file."""
    rows = _rows(kind)
    if shape == "json":
        return _answer(exports.as_json(rows), "application/json", rows)
    if shape == "ndjson":
        return _answer(b"".join(exports.as_ndjson(rows)), "application/x-ndjson", rows)
    return _answer(exports.as_csv(kind, rows), "text/csv", rows)


@blueprint.get(f"{ROOT}/data-inclusion.xlsx")
@public
def workbook() -> Response:
    """Both exports in one workbook, in the layout of data.inclusion's valideur."""
    structures, services = _rows("structures"), _rows("services")
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return _answer(exports.as_xlsx(structures, services), kind, structures + services)


@blueprint.get(f"{ROOT}/<any(structures,services):kind>/")
@public
def pages(kind: str) -> Response:
    """The same records in pages, or a flat array when no `page_size` is asked."""
    rows = _rows(kind)
    if "page_size" not in request.args:
        return _answer(exports.as_json(rows), "application/json", rows)
    size, page = _number("page_size", _MAX_PAGE_SIZE), _number("page", 1_000_000, default=1)
    if page > max(1, -(-len(rows) // size)):
        abort(404)
    others = [(name, value) for name, value in request.args.items(multi=True) if name != "page"]

    def address(number: int) -> str:
        return f"{_config().public_url}{request.path}?{urlencode([*others, ('page', number)])}"

    return _answer(
        exports.as_page(rows, page=page, page_size=size, address=address), "application/json", rows
    )


def _rows(kind: str) -> list[dict[str, Any]]:
    config = _config()
    prefixed = request.args.get("prefixed") == "1"
    try:
        return exports.rows_of(
            kind, db(), source=config.source, public_url=config.public_url, prefixed=prefixed
        )
    except exports.NothingPublished:
        _stop(503, "Nothing is published yet.")


def _answer(body: bytes, mimetype: str, rows: list[dict[str, Any]]) -> Response:
    response = Response(body, mimetype=mimetype)
    if mimetype.startswith("text/"):
        response.charset = "utf-8"  # type: ignore[attr-defined]
    latest = max(row["date_maj"] for row in rows)
    response.last_modified = datetime.combine(
        datetime.fromisoformat(latest).date(), time(), PARIS
    ).astimezone(UTC)
    response.set_etag(hashlib.sha256(body).hexdigest())
    response.headers["Cache-Control"] = "public, max-age=60"
    response.headers["Access-Control-Allow-Origin"] = "*"
    # Several changes can fall on one day, so the mark decides; the date alone would hide the second. Compression, which
    # gives each encoding a mark of its own, asks the question once more: it must not see the date either.
    request.environ.pop("HTTP_IF_MODIFIED_SINCE", None)
    response.make_conditional(request)
    return response


def _number(name: str, most: int, default: int | None = None) -> int:
    text = request.args.get(name)
    if text is None and default is not None:
        return default
    if text is None or not text.isdecimal() or not 1 <= len(text) <= 9 or not 1 <= int(text) <= most:
        _stop(422, f"`{name}` must be a whole number from 1 to {most}.")
    return int(text)


def _stop(status: int, detail: str) -> NoReturn:
    abort(Response(orjson.dumps({"detail": detail}), status, mimetype="application/json"))


def _config() -> Config:
    config: Config = current_app.config["PORTAL"]
    return config
