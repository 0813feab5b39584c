"""Pages that speak of the portal itself."""

import dataclasses

import pytest
from flask import Flask

from portal.config import Config
from tests.pages import Browser


def test_the_source_code_can_be_had(
    app: Flask, config: Config, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "https://git.example.org/portail"
    monkeypatch.setitem(app.config, "PORTAL", dataclasses.replace(config, source_code_url=address))
    (link,) = browser.get("/a-propos").soup.select(f'a[href="{address}"]')
    assert link.get_text() == "Le code source de ce portail"


def test_without_an_address_it_is_said_whom_to_ask(browser: Browser) -> None:
    page = browser.get("/a-propos")
    assert "Vous avez droit au code source de ce portail" in page.text
