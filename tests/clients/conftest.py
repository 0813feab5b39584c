"""A peer for each test of the clients, and no memory of former failures."""

from collections.abc import Iterator

import pytest

from portal.clients import http
from tests.peers import Peer, patient


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    patient(monkeypatch)
    with Peer() as started:
        yield started
    http.wake()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for less long than in production, where the answer is not to come: a busy machine needs the time elsewhere."""
    monkeypatch.setattr(http, "TIMEOUT", (0.5, 0.3))
    monkeypatch.setattr(http, "DEADLINE", 0.6)
