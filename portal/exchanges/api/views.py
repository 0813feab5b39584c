"""The routes of the API. Answers are put together from the records' own bytes: nothing is built to be written again."""

import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import orjson
from flask import Blueprint, Response, abort, current_app, request
from sqlmodel import Session

from portal import vocabulary
from portal.catalogue import sources as known_sources
from portal.catalogue.criteria import Hit
from portal.catalogue.current import catalogue
from portal.catalogue.engine import Snapshot
from portal.config import Config
from portal.exchanges.api import description, gate, questions
from portal.web.access import public
from portal.web.session import database, db

blueprint = Blueprint("api", __name__)
gate.guard(blueprint)

ROOT = "/api/v1"
#: A page of more records leaves in pieces of this many, so that memory holds one piece and not the page.
PIECE = 500
# Below, compressing costs more than it spares.
_WORTH_COMPRESSING = 1_000
# Address of a list of values -> the schema's attribute.
_DOCS = {
    "frais": "frais",
    "modes-accueil": "modes_accueil",
    "modes-mobilisation": "modes_mobilisation",
    "personnes-mobilisatrices": "mobilisable_par",
    "publics": "publics",
    "reseaux-porteurs": "reseaux_porteurs",
    "thematiques": "thematiques",
    "types-services": "type",
}
_ANY_DOC = ",".join(f'"{words}"' for words in _DOCS)

Rows = Callable[[Session, Sequence[Hit]], list[bytes]]


@blueprint.get(f"{ROOT}/structures", strict_slashes=False)
@public
def structures() -> Response:
    """The structures, by id."""
    asked = questions.structures(_given())
    snapshot = _snapshot()
    unchanged, tag = _seen_already(snapshot)
    if unchanged:
        return _not_modified(tag)
    if asked.criteria is None:
        return _page((), 0, asked.page, asked.size, tag, snapshot.structures.records)
    found = snapshot.structures.search(asked.criteria, page=asked.page, size=asked.size)
    return _page(found.hits, found.total, asked.page, asked.size, tag, snapshot.structures.records)


@blueprint.get(f"{ROOT}/structures/<path:structure_id>")
@public
def structure(structure_id: str) -> Response:
    """A structure with its services, and the structures that are the same one."""
    snapshot = _snapshot()
    unchanged, tag = _seen_already(snapshot)
    if unchanged:
        return _not_modified(tag)
    hit = snapshot.structures.find(structure_id) if _may_be_an_id(structure_id) else None
    rows = snapshot.structures.records(db(), [hit]) if hit else []
    if not rows:
        abort(404)
    record = orjson.loads(rows[0])
    twins = [snapshot.structures.find(twin["id"]) for twin in record["doublons"]]
    names = vocabulary.Structure.model_fields
    record["doublons"] = [
        {name: value for name, value in orjson.loads(twin).items() if name in names}
        for twin in snapshot.structures.records(db(), [twin for twin in twins if twin])
    ]
    record["services"] = [
        orjson.Fragment(service)
        for service in snapshot.service_records(db(), snapshot.structures.services_of(structure_id))
    ]
    return _answer(orjson.dumps(record), tag)


@blueprint.get(f"{ROOT}/services", strict_slashes=False)
@public
def services() -> Response:
    """The services located in a territory, by id."""
    asked = questions.services(_given())
    snapshot = _snapshot()

    def with_extra(session: Session, hits: Sequence[Hit]) -> list[bytes]:
        # Sources may tell more than the schema; none of what we keep does.
        return [record[:-1] + b',"extra":null}' for record in snapshot.service_records(session, hits)]

    return _list(snapshot, asked, with_extra if asked.extra else snapshot.service_records)


@blueprint.get(f"{ROOT}/services/<path:service_id>")
@public
def service(service_id: str) -> Response:
    """A service with its structure."""
    snapshot = _snapshot()
    unchanged, tag = _seen_already(snapshot)
    if unchanged:
        return _not_modified(tag)
    hit = snapshot.find(service_id) if _may_be_an_id(service_id) else None
    rows = snapshot.detailed_records(db(), [hit]) if hit else []
    if not rows:
        abort(404)
    return _answer(rows[0], tag)


@blueprint.get(f"{ROOT}/search/services", strict_slashes=False)
@public
def search_services() -> Response:
    """The services open to the people of a commune, the nearest first."""
    asked = questions.search_services(_given())
    snapshot = _snapshot()

    def rows(session: Session, hits: Sequence[Hit]) -> list[bytes]:
        return [
            b'{"service":' + record + b',"distance":' + _kilometres(hit) + b"}"
            for hit, record in _pairs(snapshot, session, hits)
        ]

    return _list(snapshot, asked, rows)


@blueprint.get(f"{ROOT}/search", strict_slashes=False)
@public
def search() -> Response:
    """The services that hold words, the best first."""
    asked = questions.search(_given())
    snapshot = _snapshot()

    def rows(session: Session, hits: Sequence[Hit]) -> list[bytes]:
        return [
            b'{"service":%b,"distance":%b,"score_recherche":%b}'
            % (record, _kilometres(hit), b"null" if hit.relevance is None else b"%.2f" % hit.relevance)
            for hit, record in _pairs(snapshot, session, hits)
        ]

    return _list(snapshot, asked, rows)


@blueprint.get(f"{ROOT}/sources", strict_slashes=False)
@public
def sources() -> Response:
    """Where what the portal knows comes from."""
    snapshot = _snapshot()
    unchanged, tag = _seen_already(snapshot)
    if unchanged:
        return _not_modified(tag)
    config = _config()
    told = known_sources.described(
        sorted({config.source, *snapshot.sources()}), own=config.source, own_name=config.name
    )
    body = [{"slug": s.slug, "nom": s.nom, "description": s.description} for s in told]
    return _answer(orjson.dumps(body), tag)


@blueprint.get(f"{ROOT}/doc/<any({_ANY_DOC}):values>", strict_slashes=False)
@public
def doc(values: str) -> Response:
    """The values of a field, with their labels."""
    known = sorted(vocabulary.choices(_DOCS[values]), key=lambda choice: choice.value)
    body = orjson.dumps([{"value": c.value, "label": c.label, "description": c.description} for c in known])
    return _lasting(body)


@blueprint.get(f"{ROOT}/places", strict_slashes=False)
@public
def places() -> Response:
    """The places of our own offers: financed, left, how many people wait, and when the next session begins."""
    wanted = questions.places(_given())
    snapshot = _snapshot()
    own = f"{_config().source}--"
    hits = [hit for hit in (snapshot.find(one) for one in wanted if one.startswith(own)) if hit]
    body: dict[str, Any] = {}
    for card in snapshot.cards(db(), hits):
        counted = card.places
        body[card.hit.id] = {
            "financees": counted.financees if counted else None,
            "libres": counted.libres if counted else None,
            "en_attente": counted.en_attente if counted else None,
            "prochaine_session": card.next_session,
        }
    return _answer(orjson.dumps(body), None)


@blueprint.get("/api/openapi.json")
@public
def openapi() -> Response:
    """The description of the API, for the tools that read it."""
    return _lasting(description.as_json(_config()))


# --- Reading the request -----------------------------------------------------------------------------------------------


def _given() -> dict[str, list[str]]:
    return dict(request.args.lists())


def _snapshot() -> Snapshot:
    # No cookie is looked at: a page with a session and a piece of software get the same answer.
    return catalogue().held() or catalogue().snapshot(db())


def _config() -> Config:
    config: Config = current_app.config["PORTAL"]
    return config


def _may_be_an_id(text: str) -> bool:
    return len(text) <= 240 and text.isprintable()


def _seen_already(snapshot: Snapshot) -> tuple[bool, str]:
    """Return whether the client holds this very answer, and the mark of the answer: the catalogue's with the question."""
    asked = f"{snapshot.mark} {request.path}?".encode() + request.query_string
    tag = hashlib.blake2b(asked, digest_size=9).hexdigest()
    told = request.headers.get("If-None-Match")
    return told is not None and request.if_none_match.contains_weak(tag), tag


# --- Writing the answer ------------------------------------------------------------------------------------------------


def _list(snapshot: Snapshot, asked: questions.Asked, rows: Rows) -> Response:
    unchanged, tag = _seen_already(snapshot)
    if unchanged:
        return _not_modified(tag)
    if asked.criteria is None:
        return _page((), 0, asked.page, asked.size, tag, rows)
    found = snapshot.search(asked.criteria, page=asked.page, size=asked.size, sort=asked.sort, reasons=False)
    return _page(found.hits, found.total, asked.page, asked.size, tag, rows)


def _page(hits: Sequence[Hit], total: int, page: int, size: int, tag: str, rows: Rows) -> Response:
    """Return the envelope of a page; `size` in it is how many records it holds (contract §2.2)."""
    end = b'],"total":%d,"page":%d,"size":%d,"pages":%d}'
    pages = -(-total // size)
    if len(hits) <= PIECE:
        records = rows(db(), hits)
        body = b",".join(records)
        return _answer(b'{"items":[' + body + end % (total, page, len(records), pages), tag)

    # The request is over, and its session closed, before the first piece leaves.
    opened = database()

    def pieces() -> Iterator[bytes]:
        session = opened.session(read_only=True)
        try:
            # One view of the data for all the pieces.
            session.connection()
            yield b'{"items":['
            told = 0
            for start in range(0, len(hits), PIECE):
                records = rows(session, hits[start : start + PIECE])
                if records:
                    yield (b"," if told else b"") + b",".join(records)
                told += len(records)
            yield end % (total, page, told, pages)
        finally:
            session.close()

    if request.method == "HEAD":
        return _headed(Response(mimetype="application/json"), tag)
    if not _takes_gzip():
        return _headed(Response(pieces(), mimetype="application/json"), tag)
    response = Response(_compressed(pieces()), mimetype="application/json")
    response.headers["Content-Encoding"] = "gzip"
    return _headed(response, tag)


def _pairs(snapshot: Snapshot, session: Session, hits: Sequence[Hit]) -> Iterable[tuple[Hit, bytes]]:
    """Return each result with its record; those that were removed meanwhile are left out."""
    records = snapshot.detailed_records(session, hits)
    if len(records) == len(hits):
        return zip(hits, records, strict=True)
    by_id = {orjson.loads(record)["id"]: record for record in records}
    return [(hit, by_id[hit.id]) for hit in hits if hit.id in by_id]


def _kilometres(hit: Hit) -> bytes:
    return b"null" if hit.distance_km is None else b"%d" % round(hit.distance_km)


def _answer(body: bytes, tag: str | None) -> Response:
    """Return a JSON answer, compressed quickly when the client asks; `tag` is its mark."""
    if len(body) >= _WORTH_COMPRESSING and _takes_gzip():
        response = Response(b"".join(_compressed([body])), mimetype="application/json")
        response.headers["Content-Encoding"] = "gzip"
    else:
        response = Response(body, mimetype="application/json")
    return _headed(response, tag)


def _headed(response: Response, tag: str | None) -> Response:
    headers = response.headers
    if tag is not None:
        # Weak: the same answer may be compressed or not.
        headers["ETag"] = f'W/"{tag}"'
        # Kept, and asked for again each time: what is free now may not be in a minute.
        headers["Cache-Control"] = "no-cache"
    return response


def _lasting(body: bytes) -> Response:
    """Return an answer that changes with a new version of the portal only."""
    response = _answer(body, hashlib.blake2b(body, digest_size=9).hexdigest())
    response.headers["Cache-Control"] = "public, max-age=3600"
    told = request.headers.get("If-None-Match")
    if told is not None and request.if_none_match.contains_weak(response.get_etag()[0] or ""):
        return _not_modified(response.get_etag()[0] or "")
    return response


def _not_modified(tag: str) -> Response:
    return _headed(Response(status=304), tag)


def _takes_gzip() -> bool:
    told = request.headers.get("Accept-Encoding")
    return told is not None and "gzip" in told and request.accept_encodings["gzip"] > 0


def _compressed(content: Iterable[bytes]) -> Iterator[bytes]:
    # The first level: three quarters of the gain for a fifth of the time.
    squeeze = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    for piece in content:
        if out := squeeze.compress(piece):
            yield out
    yield squeeze.flush()
