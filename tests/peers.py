"""Other people's services, played by a real server of this machine: what it answers is written by the test."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from portal.clients import http

Body = bytes | str | dict[str, Any] | list[Any] | Iterator[bytes]


@dataclass(frozen=True)
class Asked:
    """A request that the peer received; `query` has the first value of each name."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What to answer. A dict or a list leaves as JSON; an iterator of bytes leaves piece by piece, without a length.

    `after` is how many seconds to wait before the first byte, `between` before each further piece.
    """

    body: Body = b""
    status: int = 200
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    after: float = 0
    between: float = 0


class Peer:
    """A server on a port of its own: `with Peer() as peer: peer.answer("/search", {…})`. Other paths answer 404."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._script: dict[str, Callable[[Asked], Answer]] = {}
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.peer = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, path: str, body: Body = b"", **how: Any) -> None:
        """Say what `path` answers from now on; `how` is described by Answer."""
        given = Answer(body, **how)
        self.answer_with(path, lambda _: given)

    def answer_with(self, path: str, make: Callable[[Asked], Answer]) -> None:
        """Let `make` write each answer of `path`."""
        self._script[path] = make

    def redirect(self, path: str, to: str) -> None:
        """Send whoever asks for `path` elsewhere."""
        self.answer(path, status=302, headers={"Location": to})

    def __enter__(self) -> "Peer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self, seconds: float) -> None:
        """Wait, but not beyond the end of the test."""
        if seconds:
            self._closing.wait(seconds)

    def _answer_to(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        make = self._script.get(asked.path)
        return make(asked) if make else Answer("nothing here", 404, "text/plain")


def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reach this machine without a proxy, and wait for its peers longer than in production: it may be busy elsewhere."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(http, "TIMEOUT", (60, 60))
    monkeypatch.setattr(http, "DEADLINE", 120)
    http.wake()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = True
    peer: Peer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked has left: that is what some tests are about. A mistake of the script is shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        peer = self.server.peer
        address = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        answer = peer._answer_to(
            Asked(
                self.command,
                address.path,
                {name: values[0] for name, values in parse_qs(address.query).items()},
                dict(self.headers.items()),
                self.rfile.read(length),
            )
        )
        peer.wait(answer.after)
        body = json.dumps(answer.body) if isinstance(answer.body, dict | list) else answer.body
        whole = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else None
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        if whole is not None:
            self.send_header("Content-Length", str(len(whole)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if whole is not None:
            self.wfile.write(whole)
            return
        for piece in body:  # type: ignore[union-attr]
            self.wfile.write(piece)  # type: ignore[arg-type]
            peer.wait(answer.between)
            if peer._closing.is_set():
                return

    do_POST = do_PUT = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
