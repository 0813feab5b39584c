"""A light HTTP client in a process of its own: as many connections as asked, kept alive, nothing read but the end.

Reads {host, port, clients, requests: [[path, {header: value}], …]} on its input, writes what it measured on its output.
"""

import json
import resource
import selectors
import socket
import sys
import time
from typing import Any

_WAIT = 60.0


class _Connection:
    """One connection: sends a request, and says when the whole answer is there."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self.socket: socket.socket
        self.connect()

    def connect(self) -> None:
        self.socket = socket.create_connection(self._address, timeout=_WAIT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes) -> None:
        self._request = request
        self._received = bytearray()
        self._end: int | None = None
        self._chunked = False
        self.started = time.perf_counter()
        try:
            self.socket.sendall(request)
        except OSError:
            self.again()

    def again(self) -> None:
        """Send the same on a new connection: the server had closed this one."""
        self.socket.close()
        self.connect()
        self.socket.sendall(self._request)

    def receive(self) -> bool:
        """Take what has come; return whether the answer is whole."""
        piece = self.socket.recv(1 << 18)
        if not piece:
            raise ConnectionResetError
        self._received += piece
        if self._end is None and not self._chunked:
            head = self._received.find(b"\r\n\r\n")
            if head < 0:
                return False
            self._read_head(bytes(self._received[:head]).lower(), head + 4)
        if self._chunked:
            return self._received.endswith(b"0\r\n\r\n")
        return self._end is not None and len(self._received) >= self._end

    def _read_head(self, head: bytes, body: int) -> None:
        self.status = int(head[9:12])
        self.closing = b"\r\nconnection: close" in head
        if b"\r\ntransfer-encoding: chunked" in head:
            self._chunked = True
            return
        at = head.find(b"\r\ncontent-length:")
        length = int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        self._end = body + length

    @property
    def size(self) -> int:
        return len(self._received)

    @property
    def is_empty(self) -> bool:
        return not self._received


def run(host: str, port: int, clients: int, requests: list[tuple[str, dict[str, str]]]) -> dict[str, Any]:
    """Send every request, `clients` at a time; return latencies (ms, in order of arrival), seconds, statuses, bytes, CPU."""
    written = [_written(host, port, path, headers) for path, headers in requests]
    waiting = iter(range(len(written)))
    latencies: list[float] = []
    statuses: dict[int, int] = {}
    failures: list[str] = []
    size = 0
    selector = selectors.DefaultSelector()
    current: dict[_Connection, int] = {}
    before = _cpu()
    start = time.perf_counter()
    for number in (next(waiting) for _ in range(min(clients, len(written)))):
        connection = _Connection((host, port))
        connection.send(written[number])
        current[connection] = number
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    while current:
        ready = selector.select(_WAIT)
        if not ready:
            raise TimeoutError(requests[next(iter(current.values()))][0])
        for key, _ in ready:
            connection = key.data
            try:
                whole = connection.receive()
            except ConnectionResetError:
                if not connection.is_empty:
                    raise
                selector.unregister(connection.socket)
                connection.again()
                selector.register(connection.socket, selectors.EVENT_READ, connection)
                continue
            if not whole:
                continue
            latencies.append((time.perf_counter() - connection.started) * 1000)
            statuses[connection.status] = statuses.get(connection.status, 0) + 1
            if connection.status != 200 and len(failures) < 3:
                failures.append(f"{connection.status} {requests[current[connection]][0]}")
            size += connection.size
            following = next(waiting, None)
            if following is None or connection.closing:
                selector.unregister(connection.socket)
                connection.socket.close()
            if following is None:
                del current[connection]
                continue
            if connection.closing:
                connection.connect()
                selector.register(connection.socket, selectors.EVENT_READ, connection)
            current[connection] = following
            connection.send(written[following])
    return {
        "latencies": latencies,
        "seconds": time.perf_counter() - start,
        "statuses": statuses,
        "failures": failures,
        "bytes": size,
        "cpu": _cpu() - before,
    }


def _written(host: str, port: int, path: str, headers: dict[str, str]) -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}:{port}", "User-Agent: bench"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Answer one order."""
    order = json.load(sys.stdin)
    requests = [(path, headers) for path, headers in order["requests"]]
    json.dump(run(order["host"], order["port"], order["clients"], requests), sys.stdout)


if __name__ == "__main__":
    main()
