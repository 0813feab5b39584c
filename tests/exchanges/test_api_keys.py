"""Who may ask the API when it is not open to all, and how often."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlmodel import Session

from portal import create_app
from portal.accounts import tokens
from portal.accounts.models import ApiToken
from portal.config import Config
from portal.db import Database
from portal.web.throttle import limiter
from tests.exchanges.api import ask, read
from tests.factories.offers import make_offer
from tests.statements import count_statements

ROUTES = ("services", "structures", "search", "search/services", "sources", "services/x", "structures/x")


@pytest.fixture
def shut(config: Config, database: Database, session: Session) -> Iterator[Flask]:
    """The portal with `PORTAL_API_OPEN=off`."""
    app = create_app(replace(config, api_open=False), database)
    limiter.reset()
    yield app
    limiter.reset()


def make(session: Session, *scopes: str, days: int = 10) -> tuple[ApiToken, str]:
    token, secret = tokens.make(session, nom="Annuaire d’exemple", scopes=scopes or ("api",), days=days)
    session.commit()
    return token, secret


class TestClosed:
    @pytest.mark.parametrize("path", [*ROUTES, "places?id=x"])
    def test_without_a_key(self, shut: Flask, path: str) -> None:
        response = ask(shut, path, 401)
        assert response.json == {"detail": "Not authenticated"}
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert response.headers["Access-Control-Allow-Origin"] == "*"

    @pytest.mark.parametrize("path", ["doc/frais", "doc/thematiques", "/api/openapi.json"])
    def test_what_stays_open(self, shut: Flask, path: str) -> None:
        ask(shut, path)

    @pytest.mark.parametrize(
        "told",
        ["Bearer", "Bearer ", "Bearer faux", "Basic YTpi", "faux", "Bearer " + "x" * 5000, "Bearer é💥"],
    )
    def test_with_a_key_that_is_not(self, shut: Flask, told: str) -> None:
        response = ask(shut, "services", 401, Authorization=told.encode().decode("latin-1"))
        assert response.json == {"detail": "Unauthorized"}

    def test_with_a_key(self, shut: Flask, session: Session) -> None:
        make_offer(session)
        _, secret = make(session)
        assert read(shut, "services", Authorization=f"Bearer {secret}")["total"] == 1
        assert read(shut, "services", Authorization=f"bearer   {secret}")["total"] == 1

    def test_each_key_opens_what_it_says(self, shut: Flask, session: Session) -> None:
        _, reads = make(session, "api")
        _, counts = make(session, "places")
        _, both = make(session, "api", "places")
        for secret, api, places in ((reads, 200, 403), (counts, 403, 200), (both, 200, 200)):
            key = f"Bearer {secret}"
            ask(shut, "services", api, Authorization=key)
            ask(shut, "places?id=x", places, Authorization=key)
        assert read(shut, "services", 403, Authorization=f"Bearer {counts}") == {"detail": "Forbidden"}

    def test_a_key_past_its_end(
        self, shut: Flask, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        move_clock(2026, 3, 3, 10)
        _, secret = make(session, days=1)
        ask(shut, "services", Authorization=f"Bearer {secret}")
        move_clock(2026, 3, 4, 9, 59)
        ask(shut, "services", Authorization=f"Bearer {secret}")
        move_clock(2026, 3, 4, 10)
        ask(shut, "services", 401, Authorization=f"Bearer {secret}")

    def test_a_key_withdrawn_stops_within_a_minute(
        self, shut: Flask, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        move_clock(2026, 3, 3, 10)
        token, secret = make(session)
        ask(shut, "services", Authorization=f"Bearer {secret}")
        tokens.revoke(session, token)
        session.commit()
        move_clock(2026, 3, 3, 10, 1)
        ask(shut, "services", 401, Authorization=f"Bearer {secret}")

    def test_a_key_is_looked_up_once_a_minute(
        self, shut: Flask, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        move_clock(2026, 3, 3, 10)
        _, secret = make(session)
        ask(shut, "services", Authorization=f"Bearer {secret}")

        def lookups() -> int:
            with count_statements(session) as sent:
                ask(shut, "services", Authorization=f"Bearer {secret}")
            return sum("api_token" in statement for statement in sent)

        assert lookups() == 0
        move_clock(2026, 3, 3, 10, 2)
        assert lookups() == 1

    def test_the_day_of_the_last_use_is_noted_once(
        self, shut: Flask, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        move_clock(2026, 3, 3, 10)
        token, secret = make(session)
        for hour in (10, 11):
            move_clock(2026, 3, 3, hour)
            with count_statements(session) as sent:
                ask(shut, "services", Authorization=f"Bearer {secret}")
            assert any(s.startswith("UPDATE api_token") for s in sent) is (hour == 10)
        session.refresh(token)
        assert str(token.last_used_on) == "2026-03-03"

    def test_a_browser_asks_first_without_a_key(self, shut: Flask) -> None:
        response = shut.test_client().options(
            "/api/v1/services",
            headers={
                "Origin": "https://ailleurs.example.org",
                "Access-Control-Request-Method": "GET",
                "Access-Control-Request-Headers": "authorization",
            },
        )
        assert response.status_code == 200
        assert response.headers["Access-Control-Allow-Headers"] == "authorization"

    def test_guessing_does_not_fill_memory(self, shut: Flask, session: Session) -> None:
        keyring = shut.extensions["api_keyring"]
        _, secret = make(session)
        database, long_ago = shut.extensions["portal_db"], datetime(2020, 1, 1, tzinfo=UTC)
        for number in range(2_100):
            keyring._met[f"devinette {number}"] = (long_ago, None)
        assert keyring.recognise(secret, session, database) is not None
        assert len(keyring._met) == 1

    def test_the_secret_is_kept_nowhere(self, shut: Flask, session: Session) -> None:
        token, secret = make(session)
        ask(shut, "services", Authorization=f"Bearer {secret}")
        assert secret not in str(token.model_dump())
        assert secret not in str(shut.extensions["api_keyring"]._met)


class TestOpen:
    def test_the_key_of_another_api_does_no_harm(self, app: Flask, session: Session) -> None:
        limiter.reset()
        ask(app, "services", Authorization="Bearer eyJhbGciOiJIUzI1NiJ9.e30.x")
        ask(app, "places?id=x", Authorization="Basic YTpi")


class TestThrottle:
    @pytest.fixture
    def slow(self, config: Config, database: Database, session: Session) -> Iterator[Flask]:
        app = create_app(replace(config, api_rate=2), database)
        limiter.reset()
        yield app
        limiter.reset()

    def test_beyond_the_rate_it_says_when_to_come_back(self, slow: Flask, session: Session) -> None:
        for _ in range(2):
            ask(slow, "services")
        response = ask(slow, "services", 429)
        assert response.json == {"detail": "Too Many Requests"}
        assert 1 <= int(response.headers["Retry-After"]) <= 61
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        # The lists of values are not counted: they cost nothing.
        ask(slow, "doc/frais")

    def test_each_key_has_its_own(self, slow: Flask, session: Session) -> None:
        _, first = make(session)
        _, second = make(session)
        for _ in range(2):
            ask(slow, "services", Authorization=f"Bearer {first}")
        ask(slow, "services", 429, Authorization=f"Bearer {first}")
        ask(slow, "services", Authorization=f"Bearer {second}")
        ask(slow, "services")

    def test_keys_made_up_count_for_their_address(self, slow: Flask, session: Session) -> None:
        statuses = [
            slow.test_client()
            .get("/api/v1/services", headers={"Authorization": f"Bearer faux{number}"})
            .status_code
            for number in range(4)
        ]
        assert statuses == [200, 200, 429, 429]

    def test_it_can_be_lifted(self, config: Config, database: Database, session: Session) -> None:
        made = create_app(replace(config, api_rate=1), database)
        limiter.reset()
        ask(made, "sources")
        ask(made, "sources", 429)
        free = create_app(replace(config, api_rate=0), database)
        for _ in range(20):
            ask(free, "sources")
