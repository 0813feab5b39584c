"""The antivirus: clamd's INSTREAM command over TCP (clamd(8), "INSTREAM"). A file travels in pieces, and comes back named or clean.

Whoever asks holds no transaction: the answer takes as long as the deadline allows.
"""

import logging
import socket
import time
from urllib.parse import urlsplit

log = logging.getLogger("portal.clients")
CONNECT = 2.0  # seconds
DEADLINE = 15.0  # seconds for the whole, connection included
DEFAULT_PORT = 3310
_PIECE = 65_536
# A line that names what was found; anything longer is no antivirus.
_LONGEST = 4_096


class Unavailable(Exception):
    """The antivirus did not answer, or answered nonsense: nothing is known of the file."""


class Infected(Exception):
    """The antivirus found something; `args[0]` is the name it gives to it."""


def scan(url: str, content: bytes) -> None:
    """Ask the antivirus at `url` (tcp://host:port) about `content`; return when it is clean.

    Raises Infected when it is not, Unavailable when nobody can say. `url` "" asks nobody.
    """
    if not url:
        return
    try:
        said = _ask(url, content)
    except (OSError, ValueError) as failure:
        log.warning("antivirus: %s", failure)
        raise Unavailable(str(failure)) from failure
    verdict = said.partition(": ")[2]
    if verdict == "OK":
        return
    if verdict.endswith(" FOUND"):
        name = verdict.removesuffix(" FOUND")
        log.warning("antivirus: %s", name)
        raise Infected(name)
    log.warning("antivirus: answered %.80r", said)
    raise Unavailable("answered nonsense")


def _ask(url: str, content: bytes) -> str:
    parts = urlsplit(url)
    ends = time.monotonic() + DEADLINE
    with socket.create_connection((parts.hostname or "", parts.port or DEFAULT_PORT), CONNECT) as line:
        try:
            _send(line, b"zINSTREAM\0", ends)
            view = memoryview(content)
            for start in range(0, len(content), _PIECE):
                piece = view[start : start + _PIECE]
                _send(line, len(piece).to_bytes(4, "big"), ends)
                _send(line, piece, ends)
            _send(line, bytes(4), ends)
        except (BrokenPipeError, ConnectionResetError):
            # It may have said why before it hung up.
            log.warning("antivirus: hung up")
        return _answer(line, ends)


def _send(line: socket.socket, content: bytes | memoryview, ends: float) -> None:
    line.settimeout(_left(ends))
    line.sendall(content)


def _answer(line: socket.socket, ends: float) -> str:
    said = bytearray()
    while not said.endswith(b"\0"):
        line.settimeout(_left(ends))
        piece = line.recv(_LONGEST)
        if not piece:
            break
        said += piece
        if len(said) > _LONGEST:
            raise ValueError("answered too much")
    return said.rstrip(b"\0\r\n").decode("utf-8", "replace")


def _left(ends: float) -> float:
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError("took too long")
    return left
