"""Bodies bigger than a form: which addresses take files, up to how much, and what is told beyond.

Must come before the CSRF check, the first to read a form.
"""

from flask import Flask, Request, request

_CHUNK = 65_536
# A browser shows an answer only once its whole body was read; beyond, the connection is cut.
_MOST_DRAINED = 60_000_000

_LIMITS: dict[str, tuple[int, str]] = {}


def accept(endpoint: str, max_bytes: int, sentence: str) -> None:
    """Let `endpoint` take a file of `max_bytes`; `sentence` says, in French, what to do with a bigger one."""
    _LIMITS[endpoint] = (max_bytes, sentence)


def init_app(app: Flask) -> None:
    """Raise the limit of the addresses that take files."""
    app.before_request(_raise_limit)


def too_big() -> str | None:
    """Return what to tell when the body of this request is too big; None when it takes no file."""
    found = _LIMITS.get(request.endpoint or "")
    return found[1] if found else None


def drain(given: Request) -> None:
    """Read and forget the body of a request that is refused, so that its sender gets the answer."""
    left = min(given.content_length or 0, _MOST_DRAINED)
    stream = given.environ["wsgi.input"]
    while left > 0 and (piece := stream.read(min(_CHUNK, left))):
        left -= len(piece)


def _raise_limit() -> None:
    if request.endpoint in _LIMITS:
        # The file travels in an envelope of its own.
        request.max_content_length = _LIMITS[request.endpoint][0] + 200_000
