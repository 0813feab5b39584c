"""Asking another service: short, bounded, never elsewhere, and not again at once after a failure."""

import gzip
import logging
import socket
import time
from collections.abc import Iterator

import pytest

from portal.clients import http
from portal.clients.http import Refused, Unavailable, get_json
from tests.peers import Peer


def ask(peer: Peer) -> object:
    return get_json(f"{peer.url}/search", {"q": "rue de l’Été"})


def test_the_answer_comes_back_and_the_question_is_ours(peer: Peer) -> None:
    peer.answer("/search", {"results": [1]})
    assert ask(peer) == {"results": [1]}
    (asked,) = peer.asked
    assert (asked.method, asked.query) == ("GET", {"q": "rue de l’Été"})
    assert asked.headers["User-Agent"] == "passerelle-insertion"
    assert "Cookie" not in asked.headers


def test_a_compressed_answer_is_read(peer: Peer) -> None:
    peer.answer("/search", gzip.compress(b'{"a": 1}'), headers={"Content-Encoding": "gzip"})
    assert ask(peer) == {"a": 1}


def test_an_answer_in_pieces_is_read(peer: Peer) -> None:
    peer.answer("/search", iter([b'{"a"', b": 1", b"}"]), between=0.02)
    assert ask(peer) == {"a": 1}


@pytest.mark.parametrize("status", [301, 403, 404, 429, 500, 503])
def test_another_status_is_no_answer(peer: Peer, status: int) -> None:
    peer.answer("/search", {"results": []}, status=status)
    with pytest.raises(Unavailable, match=str(status)):
        ask(peer)


@pytest.mark.parametrize(
    "body",
    ["<!doctype html><title>Maintenance</title>", "", b"\xff\xfe", '{"a": NaN}', '{"a": 1', "[" * 5000],
)
def test_what_is_not_json_is_no_answer(peer: Peer, body: str | bytes) -> None:
    peer.answer("/search", body, kind="text/html")
    with pytest.raises(Unavailable, match="JSON"):
        ask(peer)


def test_an_answer_shorter_than_it_says_is_no_answer(peer: Peer) -> None:
    peer.answer("/search", iter([b'{"a": 1}']), headers={"Content-Length": "500"})
    with pytest.raises(Unavailable):
        ask(peer)


def test_nonsense_in_place_of_a_compressed_answer_is_no_answer(peer: Peer) -> None:
    peer.answer("/search", b"not compressed at all", headers={"Content-Encoding": "gzip"})
    with pytest.raises(Unavailable, match="DecodeError"):
        ask(peer)


def test_a_redirection_is_not_followed(peer: Peer) -> None:
    with Peer() as elsewhere:
        elsewhere.answer("/search", {"results": ["stolen"]})
        peer.redirect("/search", f"{elsewhere.url}/search")
        with pytest.raises(Unavailable, match="302"):
            ask(peer)
        assert elsewhere.asked == []


def test_who_does_not_answer_is_not_waited_for(peer: Peer, impatient: None) -> None:
    peer.answer("/search", {}, after=30)
    started = time.monotonic()
    with pytest.raises(Unavailable, match="Timeout"):
        ask(peer)
    # It would answer after thirty.
    assert time.monotonic() - started < 25


def test_who_answers_by_drops_is_not_waited_for(peer: Peer, impatient: None) -> None:
    peer.answer("/search", (b" " for _ in range(10_000)), between=0.05)
    started = time.monotonic()
    with pytest.raises(Unavailable, match="slowly"):
        ask(peer)
    # It would end after five hundred.
    assert time.monotonic() - started < 60


def test_an_endless_answer_is_not_read_to_its_end(peer: Peer) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 100_000
            yield b" " * 100_000

    peer.answer("/search", endless())
    with pytest.raises(Unavailable, match="too much"):
        ask(peer)
    assert sent < 60 * http.MAX_BYTES


def test_a_small_answer_that_unfolds_without_end_is_not_unfolded(peer: Peer) -> None:
    peer.answer("/search", gzip.compress(b" " * 50_000_000), headers={"Content-Encoding": "gzip"})
    with pytest.raises(Unavailable, match="too much"):
        ask(peer)


def test_nobody_there(peer: Peer) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(Unavailable, match="ConnectionError"):
        get_json(f"http://127.0.0.1:{port}/search", {})


# --- Rest ---


def test_after_a_failure_the_service_rests_until_it_is_woken(peer: Peer) -> None:
    peer.answer("/search", status=500)
    with pytest.raises(Unavailable, match="500"):
        ask(peer)
    peer.answer("/search", {"a": 1})
    with pytest.raises(Unavailable, match="rests"):
        ask(peer)
    assert len(peer.asked) == 1
    http.wake()
    assert ask(peer) == {"a": 1}


def test_the_rest_ends_by_itself(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "REST_SECONDS", 0.05)
    peer.answer("/search", status=500)
    with pytest.raises(Unavailable):
        ask(peer)
    peer.answer("/search", {"a": 1})
    time.sleep(0.1)
    assert ask(peer) == {"a": 1}


def test_another_service_does_not_rest_with_it(peer: Peer) -> None:
    with Peer() as other:
        other.answer("/search", {"a": 1})
        with pytest.raises(Unavailable):
            ask(peer)
        assert ask(other) == {"a": 1}


@pytest.mark.parametrize("status", [400, 414, 422])
def test_a_question_that_is_refused_sends_nobody_to_rest(peer: Peer, status: int) -> None:
    peer.answer("/search", {"message": "Failed parsing query"}, status=status)
    with pytest.raises(Refused, match=str(status)):
        ask(peer)
    peer.answer("/search", {"a": 1})
    assert ask(peer) == {"a": 1}


def test_the_log_says_who_failed_and_not_what_was_asked(peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="portal.clients"), pytest.raises(Unavailable):
        ask(peer)
    assert peer.url.removeprefix("http://") in caplog.text
    assert "404" in caplog.text
    assert "rue" not in caplog.text
