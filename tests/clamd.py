"""An antivirus that speaks clamd's INSTREAM, on a socket of this machine."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

# What every antivirus takes for a virus so that people can try it, made here so that this file is not one.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS" + b"-TEST-FILE!$H+H*"


@dataclass
class Clamd:
    """`said` replaces its verdict; `hang` keeps it silent; `most` is what it takes before it hangs up."""

    url: str = ""
    said: bytes | None = None
    hang: bool = False
    most: int | None = None
    read: list[bytes] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)


@contextmanager
def clamd(**options: object) -> Iterator[Clamd]:
    """Start it, and stop it at the end."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        made = Clamd(url=f"tcp://127.0.0.1:{server.getsockname()[1]}", **options)  # type: ignore[arg-type]
        thread = threading.Thread(target=_serve, args=(server, made))
        thread.start()
        try:
            yield made
        finally:
            made.stopped.set()
            # One that waits for a caller is woken by one.
            socket.create_connection(server.getsockname(), 60).close()
            thread.join(60)
            assert not thread.is_alive()


def _serve(server: socket.socket, made: Clamd) -> None:
    while True:
        line, _ = server.accept()
        with line:
            if made.stopped.is_set():
                return
            line.settimeout(60)
            _answer(line, made)


def _answer(line: socket.socket, made: Clamd) -> None:
    file = line.makefile("rb")
    with file:
        command = file.read(10)
        assert command == b"zINSTREAM\0", command
        content = b""
        while size := int.from_bytes(file.read(4), "big"):
            content += file.read(size)
            if made.most is not None and len(content) > made.most:
                line.sendall(b"INSTREAM size limit exceeded. ERROR\0")
                return
        made.read.append(content)
        if made.hang:
            made.stopped.wait(30)
            return
        verdict = b"stream: Eicar-Test-Signature FOUND\0" if EICAR in content else b"stream: OK\0"
        line.sendall(verdict if made.said is None else made.said)
