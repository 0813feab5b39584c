"""When something goes wrong: a sentence, what to do, a way on; and a reference that is also in the log."""

import logging
import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlmodel import Session

from portal import clock
from portal.accounts.models import Role, User
from portal.db import Database, WroteInRead
from tests.factories.accounts import make_user
from tests.pages import Browser


def test_an_unknown_address(browser: Browser) -> None:
    page = browser.get("/nulle-part", status=404)
    assert page.h1 == "Cette page n’existe pas"
    assert page.click("Retour à l’accueil").response.status_code == 200


def test_an_address_pressed_as_a_button(browser: Browser) -> None:
    page = browser.get("/deconnexion", status=405)
    assert "bouton" in page.text
    assert "POST" in page.response.headers["Allow"]


def test_a_surprise_bears_a_reference_that_the_log_bears_too(
    app: Flask, browser: Browser, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> str:
        raise ZeroDivisionError("nom-de-quelquun")

    broken.access_rule = "public"  # type: ignore[attr-defined]
    monkeypatch.setitem(app.view_functions, "web.about", broken)
    with caplog.at_level(logging.ERROR, logger="portal.failures"):
        page = browser.get("/a-propos", status=500)
    found = re.search(r"référence\s*:\s*([0-9A-F]{8})", page.text)
    assert found is not None
    assert f"reference={found.group(1)}" in caplog.text
    assert "nom-de-quelquun" not in page.response.text
    assert "Recommencez" in page.text


def test_a_surprise_is_a_fragment_for_htmx(
    app: Flask, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> str:
        raise ZeroDivisionError

    broken.access_rule = "public"  # type: ignore[attr-defined]
    monkeypatch.setitem(app.view_functions, "web.about", broken)
    response = browser.client.get("/a-propos", headers={"HX-Request": "true"})
    assert response.status_code == 500
    assert "<html" not in response.text


def test_addresses_of_data_answer_in_json(browser: Browser) -> None:
    response = browser.client.get("/export/data-inclusion/v1/rien.json")
    assert response.status_code == 404
    assert response.mimetype == "application/json"
    assert response.json["detail"]


def test_too_much_is_said_to_be_too_much(browser: Browser) -> None:
    response = browser.client.post("/connexion", data={"courriel": "x" * 1_100_000})
    assert response.status_code == 413
    assert "trop gros" in response.text


@pytest.mark.parametrize("page", ["0", "-1", "abc", "1e3", "99999999999", "²"])
def test_a_page_that_cannot_be(
    session: Session, sign_in: Callable[[User], Browser], browser: Browser, page: str
) -> None:
    sign_in(make_user(session, Role.REFERENT)).get(f"/favoris?page={page}", status=404)
    # The search says it where one can put it right.
    browser.get(f"/offres?page={page}", status=422)


def test_security_headers_are_on_every_answer(browser: Browser) -> None:
    for address in ("/", "/nulle-part", "/export/data-inclusion/v1/services.json", "/static/theme.css"):
        headers = browser.client.get(address, buffered=True).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"


def test_pages_are_not_kept_by_the_browser_and_assets_are(browser: Browser) -> None:
    assert browser.client.get("/").headers["Cache-Control"] == "no-store"
    assert (
        "max-age=31536000" in browser.client.get("/static/theme.css", buffered=True).headers["Cache-Control"]
    )


def test_health(browser: Browser) -> None:
    response = browser.client.get("/sante")
    assert response.status_code == 200
    assert response.json == {"etat": "ok"}


def test_health_says_when_the_database_does_not_answer(config: object, tmp_path: object) -> None:
    from portal import create_app

    app = create_app(config, Database(f"sqlite:///{tmp_path}/vide.db"))  # type: ignore[arg-type]
    response = app.test_client().get("/sante")
    assert response.status_code == 503
    assert response.json == {"etat": "indisponible"}


def test_a_get_does_not_write(app: Flask, session: Session) -> None:
    from portal.web.session import db

    with app.test_request_context("/"):
        db().add(
            User(courriel="x@exemple.example.org", prenom="", nom="", role=Role.ANIMATION, session_key="k")
        )
        with pytest.raises(WroteInRead):
            db().flush()


def test_a_get_does_not_write_in_bulk_either(app: Flask, session: Session) -> None:
    from sqlalchemy import update

    from portal.web.session import db

    make_user(session, Role.ANIMATION)
    with app.test_request_context("/"), pytest.raises(WroteInRead):
        db().execute(update(User).values(nom="changé"))


def test_moments_need_a_zone(session: Session) -> None:
    from datetime import datetime

    from sqlalchemy.exc import StatementError

    user = make_user(session, Role.ANIMATION)
    user.last_sign_in_at = datetime(2026, 3, 3)  # noqa: DTZ001
    with pytest.raises(StatementError, match="time zone"):
        session.flush()
    session.rollback()
    assert clock.now().tzinfo is not None
