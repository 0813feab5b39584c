"""Bodies bigger than a form: which addresses take files, up to how much, what is told beyond, and documents given back.

Such a body is read before anything else is asked of its request, and what is refused is read to its end: on SQLite a
form holds the only right to write from its first question to the database, and a slow line must not keep it.
"""

import io
import os
from typing import Any, Protocol

from flask import Flask, Request, Response, current_app, request, send_file

from portal import documents
from portal.clients import antivirus
from portal.documents import MAX_BYTES
from portal.errors import RuleBroken
from portal.web.session import db

_CHUNK = 65_536
# A browser shows an answer only once its whole body was read; beyond, the connection is cut.
_MOST_DRAINED = 60_000_000

_LIMITS: dict[str, tuple[int, str]] = {}

# What the page of a document says of it: megabytes at most, and the attribute `accept` of its field.
MEGABYTES = MAX_BYTES // 1_000_000
KINDS = ",".join(f".{extension}" for extension in documents.EXTENSIONS)


class Document(Protocol):
    """A row that keeps a file which somebody sent."""

    nom: str
    content_type: str


def accept(endpoint: str, max_bytes: int, sentence: str) -> None:
    """Let `endpoint` take a file of `max_bytes`; `sentence` says, in French, what to do with a bigger one."""
    _LIMITS[endpoint] = (max_bytes, sentence)


def accept_document(endpoint: str, *, beside: int = 20_000) -> None:
    """Let `endpoint` take a document, and `beside` it so many bytes of answers."""
    accept(
        endpoint,
        MAX_BYTES + beside,
        f"Un document fait {MEGABYTES} Mo au plus : réduisez-le (un PDF plutôt qu’une photo).",
    )


def init_app(app: Flask) -> None:
    """Raise the limit of the addresses that take files."""
    app.url_value_preprocessor(_read)


def too_big() -> str | None:
    """Return what to tell when the body of this request is too big; None when it takes no file."""
    found = _LIMITS.get(request.endpoint or "")
    return found[1] if found else None


def sent_document() -> tuple[str, bytes]:
    """Return the name and the content of the document `fichier` of this form. Raises RuleBroken without one, or too big."""
    sent = request.files.get("fichier")
    if sent is None or not sent.filename:
        raise RuleBroken("Choisissez d’abord un fichier.", field="fichier")
    try:
        size = sent.stream.seek(0, os.SEEK_END)
        if size > MAX_BYTES:
            raise RuleBroken(documents.too_big(size), field="fichier")
        sent.stream.seek(0)
        return sent.filename, sent.stream.read()
    finally:
        sent.close()


def to_save(document: Document, content: bytes) -> Response:
    """Answer with a document to be saved, and kept by no cache: a browser shows nothing that somebody sent."""
    answer = send_file(
        io.BytesIO(content),
        mimetype=document.content_type,
        as_attachment=True,
        download_name=document.nom,
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


def checked(content: bytes) -> None:
    """Have a file read by the antivirus. Raises RuleBroken when it is infected, or when nobody could say.

    The transaction of the request is given back before: the antivirus takes its time, and others write meanwhile.
    Whoever calls reads again what they know.
    """
    url = current_app.config["PORTAL"].antivirus_url
    if not url:
        return
    db().rollback()
    try:
        antivirus.scan(url, content)
    except antivirus.Infected as found:
        raise RuleBroken(
            "L’antivirus a trouvé un danger dans ce fichier : il n’est pas gardé. Prévenez qui vous l’a donné.",
            field="fichier",
        ) from found
    except antivirus.Unavailable as away:
        raise RuleBroken(
            "Le fichier n’a pas pu être vérifié par l’antivirus : il n’est pas gardé. Réessayez dans quelques minutes.",
            field="fichier",
        ) from away


def drain(given: Request) -> None:
    """Read and forget the body of a request that is refused, so that its sender gets the answer.

    What the request was writing is undone.
    """
    db().rollback()
    if "form" in given.__dict__:
        return  # it was read to its end
    stream = given.environ["wsgi.input"]
    left = _MOST_DRAINED
    if "wsgi.input_terminated" not in given.environ:
        # The server does not tell where the body ends: to read on would be to wait for what never comes.
        begun = given.__dict__.get("stream")
        left = min(left, (given.content_length or 0) - (begun.tell() if begun is not None else 0))
    while left > 0 and (piece := stream.read(min(_CHUNK, left))):
        left -= len(piece)


def _read(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    if endpoint in _LIMITS and request.method == "POST":
        # The file travels in an envelope of its own.
        request.max_content_length = _LIMITS[endpoint][0] + 200_000
        _ = request.files
