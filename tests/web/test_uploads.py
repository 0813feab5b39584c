"""Bodies that are too big: what is told, that it arrives, and that a slow line keeps nobody from writing."""

import http.client
import os
import re
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from flask import Flask, Request
from sqlalchemy import text
from sqlmodel import Session, select

from portal import create_app
from portal.accounts.models import User
from portal.config import load_config
from portal.db import Database
from portal.offers.models import OfferDocument
from portal.web import uploads
from tests import multipart
from tests.factories.offers import make_offer
from tests.factories.structures import make_partner
from tests.pages import Browser, Page, check_page
from tests.races.databases import own_database

SignIn = Callable[[User], Browser]
ROOT = Path(__file__).resolve().parents[2]
BIG = 20_000_000
PDF = b"%PDF-1.7\n"
KIND = {"Content-Type": multipart.KIND}


def body_of(size: int, token: str) -> bytes:
    return multipart.encode({"csrf_token": token}, ("gros.pdf", PDF.ljust(size, b"x")))


def send(browser: Browser, address: str, size: int, *, status: int) -> Page:
    response = browser.client.post(
        address,
        data=body_of(size, browser.token()),
        content_type=multipart.KIND,
        headers={"Origin": "http://localhost"},
    )
    return browser._page(response, status, True)


# --- What is told ---


@pytest.mark.parametrize("size", [6_500_000, BIG])
def test_a_file_that_is_too_big_is_told_with_what_to_do(session: Session, sign_in: SignIn, size: int) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    page = send(sign_in(partner), f"/offres/{offer.id}/documents", size, status=413)
    assert page.h1 == "Ce fichier est trop gros"
    assert "5 Mo au plus : réduisez-le (un PDF plutôt qu’une photo)" in page.text
    assert "Revenez à la page précédente" in page.text
    assert session.exec(select(OfferDocument)).all() == []


def test_elsewhere_it_is_the_text_that_is_too_long(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    browser = sign_in(partner)
    for address in (f"/offres/{offer.id}/modifier", f"/structures/{structure.id}/offres/nouvelle"):
        page = browser.post(address, {"description": "x" * 1_100_000}, status=413)
        assert page.h1 == "L’envoi est trop gros"
        assert "Raccourcissez les textes" in page.text
        assert "Mo" not in page.text.split()


def test_a_file_elsewhere_is_too_big_from_a_million_bytes(browser: Browser) -> None:
    page = send(browser, "/connexion", 1_200_000, status=413)
    assert page.h1 == "L’envoi est trop gros"


def test_who_is_no_longer_signed_in_is_asked_to_sign_in(session: Session, browser: Browser) -> None:
    offer = make_offer(session)
    session.commit()
    page = send(browser, f"/offres/{offer.id}/documents", 3_000_000, status=401)
    assert page.soup.select_one("input[name=mot_de_passe]") is not None
    assert "trop gros" not in page.text


def test_a_file_that_fits_comes_through(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    send(sign_in(partner), f"/offres/{offer.id}/documents", 4_900_000, status=200)
    assert session.exec(select(OfferDocument.taille)).all() == [4_900_000]


# --- What is read ---


class Line:
    """What a browser sends: as many bytes as it says, then silence, which would hang a real server."""

    def __init__(self, size: int) -> None:
        self.left, self.read_so_far = size, 0

    def read(self, size: int) -> bytes:
        assert self.left, "read beyond the end of the body"
        size = min(size, self.left)
        self.left -= size
        self.read_so_far += size
        return b"x" * size


def given(line: Line, length: int | None, **known: Any) -> Request:
    environ = {"wsgi.input": line}
    return cast(Request, SimpleNamespace(environ=environ, content_length=length, **known))


def test_all_that_was_announced_is_read_and_no_more(app: Flask, session: Session) -> None:
    line = Line(300_000)
    with app.test_request_context():
        uploads.drain(given(line, 300_000))
    assert line.left == 0


def test_what_was_read_already_is_not_waited_for(app: Flask, session: Session) -> None:
    line = Line(100_000)
    with app.test_request_context():
        uploads.drain(given(line, 300_000, stream=SimpleNamespace(tell=lambda: 200_000)))
        assert line.left == 0
        uploads.drain(given(line, 300_000, form={}))
        uploads.drain(given(line, None))


def test_the_patience_has_an_end(app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "_MOST_DRAINED", 200_000)
    line = Line(10_000_000)
    with app.test_request_context():
        uploads.drain(given(line, 10_000_000))
    assert line.read_so_far == 200_000


# --- Through the server of a production ---


class Served:
    """A portal behind gunicorn, and the cookie of a partner who may write `offer_id`."""

    def __init__(self, port: int, database: Database, cookie: str, offer_id: uuid.UUID) -> None:
        self.port, self.database, self.cookie, self.offer_id = port, database, cookie, offer_id

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def token(self) -> str:
        """A token of this session; the cookie that holds it is kept."""
        with closing(self.connect()) as line:
            line.request("GET", "/mot-de-passe-oublie", headers={"Cookie": f"portail={self.cookie}"})
            answer = line.getresponse()
            page = answer.read().decode()
        for header in answer.headers.get_all("Set-Cookie") or []:
            if found := re.match(r"portail=([^;]+)", header):
                self.cookie = found[1]
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert found is not None
        return found[1]


@contextmanager
def serving(database: Database, folder: Path) -> Iterator[Served]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    ours = {
        "PORTAL_DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
        "PORTAL_SECRET_KEY": "u" * 40,
        "PORTAL_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PORTAL_SIRENE_URL": "off",
        "PORTAL_GEOCODER_URL": "off",
    }
    with database.writing() as session:
        partner, structure = make_partner(session)
        offer = make_offer(session, structure)
        kept, offer_id = partner.get_id(), offer.id
    client = create_app(load_config(ours, folder), database).test_client()
    with client.session_transaction() as signed:
        signed["_user_id"], signed["_fresh"] = kept, True
    cookie = client.get_cookie("portail")
    assert cookie is not None
    command = [sys.executable, "-m", "gunicorn", "wsgi:app", "--bind", f"127.0.0.1:{port}", "--threads", "4"]
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **ours}, stdout=log, stderr=log)
        try:
            served = Served(port, database, cookie.value, offer_id)
            _wait_for(served, process, folder / "server.log")
            yield served
        finally:
            process.terminate()
            process.wait(timeout=60)


def _wait_for(served: Served, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        with suppress(OSError), closing(served.connect()) as line:
            line.request("GET", "/sante")
            if line.getresponse().status == 200:
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="module")
def served(
    engine_name: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    with own_database(engine_name, request, folder) as database, serving(database, folder) as started:
        yield started


def test_the_answer_arrives_once_the_body_is_sent(served: Served) -> None:
    token = served.token()
    address = f"/offres/{served.offer_id}/documents"
    with closing(served.connect()) as line:
        line.request("POST", address, body_of(BIG, token), {**KIND, "Cookie": f"portail={served.cookie}"})
        answer = line.getresponse()
        page = answer.read().decode()
    assert answer.status == 413
    check_page(page, address)
    assert "Ce fichier est trop gros" in page
    assert "5 Mo au plus" in page


def test_the_answer_arrives_elsewhere_too(served: Served) -> None:
    with closing(served.connect()) as line:
        line.request("POST", "/connexion", body_of(BIG, ""), KIND)
        answer = line.getresponse()
        page = answer.read().decode()
    assert answer.status == 413
    assert "L’envoi est trop gros" in page


@pytest.mark.parametrize(
    ("address", "size", "status"),
    [
        ("/offres/{}/documents", 1_000_000, 303),
        ("/offres/{}/documents", BIG, 413),
        ("/offres/{}/modifier", BIG, 413),
    ],
)
def test_others_write_while_a_file_is_on_its_way(
    served: Served, address: str, size: int, status: int
) -> None:
    body = body_of(size, served.token())
    headers = {**KIND, "Content-Length": str(len(body)), "Cookie": f"portail={served.cookie}"}
    with closing(served.connect()) as line:
        line.putrequest("POST", address.format(served.offer_id))
        for name, value in headers.items():
            line.putheader(name, value)
        line.endheaders()
        line.send(body[:500_000])
        time.sleep(0.5)
        started = time.monotonic()
        with served.database.writing() as other:
            other.execute(text("UPDATE account SET nom = nom WHERE 1 = 0"))
        assert time.monotonic() - started < 15, "a slow line kept the only right to write"
        line.send(body[500_000:])
        answer = line.getresponse()
        answer.read()
        assert answer.status == status
