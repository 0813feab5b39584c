"""Asking the antivirus: clean, infected, or nobody could say."""

import socket
import time

import pytest

from portal.clients import antivirus
from portal.clients.antivirus import Infected, Unavailable, scan
from tests.clamd import EICAR, clamd


def test_a_clean_file_passes_and_was_read_whole() -> None:
    content = bytes(range(256)) * 2_000
    with clamd() as peer:
        scan(peer.url, content)
        scan(peer.url, b"x")
    assert peer.read == [content, b"x"]


def test_what_is_found_is_named() -> None:
    with clamd() as peer, pytest.raises(Infected, match="Eicar-Test-Signature"):
        scan(peer.url, b"%PDF-1.7\n" + EICAR)


def test_nobody_is_asked_without_an_address() -> None:
    scan("", EICAR)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\0",
        b"HTTP/1.1 200 OK\r\n\r\n\0",
        b"stream: ERROR\0",
        b"UNKNOWN COMMAND\0",
        b"x" * 5_000 + b"\0",
    ],
)
def test_nonsense_says_nothing_of_the_file(said: bytes) -> None:
    with clamd(said=said) as peer, pytest.raises(Unavailable):
        scan(peer.url, b"x")


def test_an_antivirus_that_takes_no_more_is_not_one_that_agrees() -> None:
    with clamd(most=100_000) as peer, pytest.raises(Unavailable):
        scan(peer.url, bytes(3_000_000))
    assert peer.read == []


def test_a_silent_antivirus_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(antivirus, "DEADLINE", 0.3)
    started = time.monotonic()
    with clamd(hang=True) as peer, pytest.raises(Unavailable):
        scan(peer.url, b"x")
    # It would say something after thirty.
    assert time.monotonic() - started < 25


def test_an_antivirus_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(Unavailable):
        scan(f"tcp://127.0.0.1:{port}", b"x")
