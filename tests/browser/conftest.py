"""A portal served as in production (gunicorn, several workers), and the machine's Chromium in front of it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright
from sqlalchemy import create_engine, text

from portal import demo, migrate
from portal.config import Config, load_config
from portal.db import Database
from tests.browser import axe
from tests.browser.hands import Keyboard, Mouse
from tests.peers import Peer

ROOT = Path(__file__).resolve().parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One browser for all: these tests go to one worker, one after the other."""
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.xdist_group("browser"))


@dataclass(frozen=True)
class Portal:
    """A running portal: its address, its database, and its settings for the jobs that a test runs."""

    url: str
    database: Database
    config: Config


@pytest.fixture(scope="session")
def chromium_path() -> str:
    named = os.environ.get("PORTAL_CHROMIUM")
    # The shell without windows first: the same engine, a tenth less work a page.
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    found = named or next(filter(None, map(shutil.which, names)), None)
    assert found, "the browser tests need Chromium: `make browser` installs it, PORTAL_CHROMIUM names one"
    return found


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(autouse=True)
def _rest(request: pytest.FixtureRequest, engine_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have axe look at the long journeys on one engine."""
    long = request.path.name.startswith("test_journey")
    monkeypatch.setattr(axe, "rests", long and engine_name == "postgresql")


@pytest.fixture(scope="session", autouse=True)
def _marks(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give the workers of one run one place for the marks of the pages that axe found good."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    axe.good = shared / "axe"
    axe.good.mkdir(exist_ok=True)


@pytest.fixture(scope="session")
def chromium(playwright: Playwright, chromium_path: str) -> Iterator[Browser]:
    flags = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-background-networking",
        "--lang=fr-FR",
    ]
    browser = playwright.chromium.launch(executable_path=chromium_path, args=flags)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def registry() -> Iterator[Peer]:
    """The company register ("/sirene/search") and the geocoder ("/geocodage/search") that the portal asks."""
    with Peer() as peer:
        peer.answer("/sirene/search", {"results": []})
        peer.answer("/geocodage/search", {"features": []})
        yield peer


@pytest.fixture(scope="session")
def portal(
    engine_name: str,
    registry: Peer,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Portal]:
    """The demo data on a database of its own, served by two workers."""
    folder = tmp_path_factory.mktemp("portal")
    if engine_name == "sqlite":
        database_url = f"sqlite:///{folder / 'portal.db'}"
    else:
        server = str(request.getfixturevalue("postgresql_url"))
        admin = create_engine(server, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text("CREATE DATABASE journeys"))
        admin.dispose()
        database_url = server.replace("/postgres?", "/journeys?")
    database = Database(database_url)
    migrate.upgrade(database.engine)
    with database.writing() as session:
        demo.load(session)
    port = _free_port()
    settings = {
        "PORTAL_DATABASE_URL": database_url,
        "PORTAL_SECRET_KEY": "b" * 40,
        "PORTAL_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PORTAL_SIRENE_URL": f"{registry.url}/sirene",
        "PORTAL_GEOCODER_URL": f"{registry.url}/geocodage",
        "PORTAL_TILES_URL": "off",
    }
    config = load_config(settings, folder)
    environ = {**os.environ, **settings}
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--config",
        "python:portal.server",
        "wsgi:app",
        "--bind",
        f"127.0.0.1:{port}",
        "--workers",
        "2",
        "--threads",
        "4",
    ]
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log)
        try:
            _wait_for(f"http://127.0.0.1:{port}/sante", process, folder / "server.log")
            yield Portal(f"http://127.0.0.1:{port}", database, config)
        finally:
            process.terminate()
            process.wait(timeout=60)
            database.engine.dispose()


@pytest.fixture
def open_page(chromium: Browser, portal: Portal) -> Iterator[Callable[..., Page]]:
    """Open a page in a browser of its own (nobody signed in); what the browser complains of fails the test."""
    contexts = []
    complaints: list[str] = []

    def opened(width: int = 1280, *, javascript: bool = True) -> Page:
        context = chromium.new_context(
            base_url=portal.url,
            viewport={"width": width, "height": 900},
            locale="fr-FR",
            timezone_id="Europe/Paris",
            java_script_enabled=javascript,
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(f"script: {error}"))
        page.on("console", lambda message: _note(message.type, message.text, complaints))
        page.on("request", lambda asked: _same_host(asked.url, portal.url, complaints))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not complaints, complaints


@pytest.fixture(params=["mouse", "keyboard"])
def hand(request: pytest.FixtureRequest) -> type[Mouse]:
    """The two ways of using a page."""
    return {"mouse": Mouse, "keyboard": Keyboard}[request.param]


def _note(kind: str, words: str, complaints: list[str]) -> None:
    # A 422 or a 409 is an answer, and Chromium says so in its console; htmx says there that a request was dropped
    # because the person left the page.
    said = ("the server responded with a status of 4", "htmx:sendAbort", "htmx:afterRequest")
    if kind == "error" and not any(one in words for one in said):
        complaints.append(f"console: {words}")


def _same_host(url: str, ours: str, complaints: list[str]) -> None:
    if not url.startswith((ours, "data:", "about:")):
        complaints.append(f"asked elsewhere: {url}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=10):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())
