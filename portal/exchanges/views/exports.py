"""The addresses of the export (contract: portal, HTTP): streamed, and not made again for who has them already."""

import hashlib
import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, time
from typing import Any, NoReturn
from urllib.parse import urlencode

import orjson
from flask import Response, abort, current_app, request
from flask.blueprints import BlueprintSetupState

from portal.clock import PARIS
from portal.config import Config
from portal.exchanges import census, exports
from portal.exchanges.census import Census, State
from portal.exchanges.views.blueprint import blueprint
from portal.web.access import public
from portal.web.session import database

log = logging.getLogger("portal.exchanges")

ROOT = "/export/data-inclusion/v1"
_MAX_PAGE_SIZE = 10_000
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MIMETYPES = {"json": "application/json", "ndjson": "application/x-ndjson", "csv": "text/csv"}
# Compression gives each encoding of a page a mark of its own, ours followed by its name.
_ENCODINGS = ("", ":zstd", ":br", ":gzip", ":deflate")


@blueprint.get(f"{ROOT}/<any(structures,services):kind>.<any(json,ndjson,csv):shape>")
@public
def file(kind: str, shape: str) -> Response:
    """A whole export in one file."""
    return _streamed(_MIMETYPES[shape], lambda reading: _written(reading, kind, shape), kind)


@blueprint.get(f"{ROOT}/data-inclusion.xlsx")
@public
def workbook() -> Response:
    """Both exports in one workbook, in the layout of data.inclusion's valideur."""
    return _streamed(_XLSX, _spooled, *exports.KINDS)


@blueprint.get(f"{ROOT}/<any(structures,services):kind>/")
@public
def pages(kind: str) -> Response:
    """The same records in pages, or a flat array when no `page_size` is asked."""
    if "page_size" not in request.args:
        return _streamed(_MIMETYPES["json"], lambda reading: _written(reading, kind, "json"), kind)
    size, page = _number("page_size", _MAX_PAGE_SIZE), _number("page", 1_000_000, default=1)

    def made(reading: "Reading") -> Iterator[bytes]:
        listing = _census().listing(reading.session, kind, reading.state)
        if not len(listing):
            raise exports.NothingPublished(kind)
        between = listing.page(page, size)
        if between is None:
            abort(404)
        return exports.as_envelope(
            reading.rows(kind, between=between, without=listing.without),
            count=len(listing),
            following=_address(page + 1) if page * size < len(listing) else None,
            previous=_address(page - 1) if page > 1 else None,
        )

    return _streamed(_MIMETYPES["json"], made, kind)


class Reading:
    """A session of its own for an answer, which lasts as long as the sending: one view of the database.

    On SQLite the write-ahead log keeps what is written meanwhile.
    """

    def __init__(self) -> None:
        self.kept = ExitStack()
        self.session = database().session(read_only=True)
        self.kept.callback(self.session.close)
        self.state = census.state(self.session)

    def rows(self, kind: str, **options: Any) -> exports.Rows:
        """Return the records of `kind`, the first one read. Raises NothingPublished when there is none."""
        config = _config()
        rows = exports.rows_of(
            kind,
            self.session,
            source=config.source,
            public_url=config.public_url,
            prefixed=request.args.get("prefixed") == "1",
            **options,
        )
        self.kept.callback(rows.close)
        return rows

    def close(self) -> None:
        """Let go of everything; once or more."""
        self.kept.close()


def _streamed(mimetype: str, make: Callable[[Reading], Iterator[bytes]], *kinds: str) -> Response:
    """Answer with what `make` gives, a piece at a time, unless the reader has it already.

    What can go wrong for want of records is known before the first byte. Past it, a fault cuts the connection, so
    that nobody takes a part for the whole.
    """
    reading = Reading()
    try:
        tag = _tag(reading.state)
        known = _known_as(tag)
        if known and not request.if_none_match.star_tag:
            reading.close()
            return _headed(Response(status=304), known)
        pieces = make(reading)
        if known:
            reading.close()
            return _headed(Response(status=304), tag)
        day = _census().latest(reading.session, kinds, reading.state)
    except exports.NothingPublished:
        reading.close()
        _stop(503, "Nothing is published yet.")
    except BaseException:
        reading.close()
        raise
    response = Response(_sent(reading, pieces, request.path), mimetype=mimetype)
    response.call_on_close(reading.close)
    response.last_modified = datetime.combine(day, time(), PARIS).astimezone(UTC)
    return _headed(response, tag)


def _sent(reading: Reading, pieces: Iterable[bytes], address: str) -> Iterator[bytes]:
    try:
        yield from pieces
    except Exception:
        log.exception("export: %s was cut short", address)
        raise
    finally:
        reading.close()


def _written(reading: Reading, kind: str, shape: str) -> Iterator[bytes]:
    rows = reading.rows(kind)
    if shape == "csv":
        return exports.as_csv(kind, rows)
    return exports.as_json(rows) if shape == "json" else exports.as_ndjson(rows)


def _spooled(reading: Reading) -> Iterator[bytes]:
    """Make the workbook in a file without a name, gone when it is sent or left, and give its content."""
    rows = [reading.rows(kind) for kind in exports.KINDS]
    if request.method == "HEAD":
        return iter(())
    whole = reading.kept.enter_context(tempfile.TemporaryFile(prefix="portail-"))  # noqa: SIM115
    exports.write_xlsx(whole, *rows)
    whole.seek(0)
    return iter(lambda: whole.read(exports.PIECE), b"")


def _tag(now: State) -> str:
    """Return the mark of what is asked: it moves whenever the answer may, and no record is read to know it."""
    config = _config()
    parts = (
        now,
        exports.mark(),
        config.source,
        config.public_url,
        request.path,
        request.query_string,
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _known_as(tag: str) -> str | None:
    """Return under which name the reader has this answer already, if any."""
    names = (tag + encoding for encoding in _ENCODINGS)
    return next((name for name in names if request.if_none_match.contains_weak(name)), None)


def _headed(response: Response, tag: str) -> Response:
    response.set_etag(tag)
    response.headers["Cache-Control"] = "public, max-age=60"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def _address(page: int) -> str:
    others = [(name, value) for name, value in request.args.items(multi=True) if name != "page"]
    return f"{_config().public_url}{request.path}?{urlencode([*others, ('page', page)])}"


def _number(name: str, most: int, default: int | None = None) -> int:
    text = request.args.get(name)
    if text is None and default is not None:
        return default
    if text is None or not text.isdecimal() or not 1 <= len(text) <= 9 or not 1 <= int(text) <= most:
        _stop(422, f"`{name}` must be a whole number from 1 to {most}.")
    return int(text)


def _stop(status: int, detail: str) -> NoReturn:
    abort(Response(orjson.dumps({"detail": detail}), status, mimetype="application/json"))


def _census() -> Census:
    found: Census = current_app.extensions["portal_census"]
    return found


def _config() -> Config:
    config: Config = current_app.config["PORTAL"]
    return config


@blueprint.record
def _count(setup: BlueprintSetupState) -> None:
    setup.app.extensions["portal_census"] = Census()
