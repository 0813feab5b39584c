"""A peer for each test of the clients, and no memory of former failures."""

from collections.abc import Iterator

import pytest

from portal.clients import http
from tests.peers import Peer


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    # Whoever runs the tests behind a proxy reaches this machine without it.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(http, "TIMEOUT", (0.5, 0.3))
    monkeypatch.setattr(http, "DEADLINE", 0.6)
    http.wake()
    with Peer() as started:
        yield started
    http.wake()
