"""How the API answers: in pieces, with headers, and what it refuses."""

import gzip
from urllib.parse import urlencode

import orjson
import pytest
from flask import Flask
from sqlmodel import Session

from portal.exchanges.api import views
from tests.exchanges.api import ask, ids, items, kept, read
from tests.factories.catalogue import known_service, known_structure
from tests.factories.offers import make_offer
from tests.statements import count_statements

pytestmark = pytest.mark.usefixtures("nothing_remembered")


class TestPieces:
    @pytest.fixture(autouse=True)
    def _small_pieces(self, monkeypatch: pytest.MonkeyPatch, session: Session) -> None:
        monkeypatch.setattr(views, "PIECE", 3)
        structure = known_structure(session)
        for _ in range(8):
            known_service(session, structure)
        kept(session)

    def test_a_long_page_leaves_in_pieces_and_says_the_same(self, app: Flask, session: Session) -> None:
        whole = ask(app, "services?size=8")
        assert "Content-Length" not in whole.headers
        page = orjson.loads(whole.data)
        assert (len(page["items"]), page["size"], page["total"], page["pages"]) == (8, 8, 8, 1)
        by_two = [item for n in range(1, 5) for item in items(app, f"services?size=2&page={n}")]
        assert page["items"] == by_two
        squeezed = ask(app, "services?size=8", Accept_Encoding="gzip")
        assert squeezed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(squeezed.data) == whole.data

    def test_a_head_request_reads_nothing(self, app: Flask, session: Session) -> None:
        ids(app, "services?size=1")
        with count_statements(session) as sent:
            response = app.test_client().head("/api/v1/services?size=8")
        assert (response.status_code, response.data) == (200, b"")
        assert response.headers["ETag"]
        assert not any("known_service" in statement for statement in sent), sent


class TestBadInput:
    @pytest.mark.parametrize("path", ["services", "structures", "search/services", "search"])
    @pytest.mark.parametrize(
        "query",
        [
            "page=0",
            "size=10001",
            "page=1&page=x",
            "code_commune=3523",
            "code_commune=%C3%A9",
        ],
    )
    def test_refused_with_its_name(self, app: Flask, session: Session, path: str, query: str) -> None:
        (error,) = read(app, f"{path}?{query}", 422)["detail"]
        assert error["loc"] == ["query", query.split("=")[0]]

    def test_a_query_of_a_hundred_thousand_characters(self, app: Flask, session: Session) -> None:
        long = "x" * 100_000
        (error,) = read(app, f"search?q={long}", 422)["detail"]
        assert (error["loc"], error["type"]) == (["query", "q"], "string_too_long")
        assert len(error["input"]) < 300
        # What is not asked is not read.
        read(app, f"search?inconnu={long}")

    def test_five_thousand_themes(self, app: Flask, session: Session) -> None:
        many = urlencode([("thematiques", "mobilite")] * 5000)
        for path in ("services", "search", "search/services"):
            (error,) = read(app, f"{path}?{many}", 422)["detail"]
            assert (error["loc"], error["type"]) == (["query", "thematiques"], "too_long")

    def test_a_null_character(self, app: Flask, session: Session) -> None:
        assert "detail" in read(app, "search?q=%00", 400)
        assert "detail" in read(app, "services?sources=a%00b", 400)

    def test_bytes_that_are_no_text(self, app: Flask, session: Session) -> None:
        assert ids(app, "search?q=%ff%fe") == []

    def test_only_reading(self, app: Flask, session: Session) -> None:
        for method in ("post", "put", "delete", "patch"):
            response = getattr(app.test_client(), method)("/api/v1/services")
            assert (response.status_code, response.json) == (405, {"detail": "Method Not Allowed"})
            assert "GET" in response.headers["Allow"]
            assert response.headers["Access-Control-Allow-Origin"] == "*"

    def test_an_address_that_is_not(self, app: Flask, session: Session) -> None:
        for path in ("rien", "rien/du/tout", "", "%C3%A9t%C3%A9", "servicess?page=0"):
            response = app.test_client().get(f"/api/v1/{path}")
            assert (response.status_code, response.json) == (404, {"detail": "Not Found"}), path
            assert response.headers["Access-Control-Allow-Origin"] == "*"
            assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert response.headers["Cache-Control"] == "no-store"
            assert "Set-Cookie" not in response.headers


class TestHeaders:
    def test_nothing_changed(self, app: Flask, session: Session) -> None:
        known_service(session, key="a")
        kept(session)
        for path in ("services", "structures", "search?q=rien", "services/dora--a", "sources", "doc/frais"):
            first = ask(app, path)
            tag = first.headers["ETag"]
            second = ask(app, path, 304, If_None_Match=tag)
            assert second.data == b""
            assert second.headers["ETag"] == tag
            assert ask(app, path, 304, If_None_Match=f'"autre", {tag}')
            assert ask(app, path, If_None_Match='"autre"').data == first.data
        assert ask(app, "services").headers["ETag"] != ask(app, "services?page=1").headers["ETag"]

    def test_something_changed(self, app: Flask, session: Session) -> None:
        make_offer(session)
        session.commit()
        tag = ask(app, "services").headers["ETag"]
        make_offer(session)
        session.commit()
        app.extensions["catalogue"].snapshot(session, fresh=True)
        assert ask(app, "services", If_None_Match=tag).headers["ETag"] != tag

    def test_compressed_when_asked(self, app: Flask, session: Session) -> None:
        known_service(session)
        kept(session)
        plain = ask(app, "services")
        assert "Content-Encoding" not in plain.headers
        assert "Accept-Encoding" in plain.headers["Vary"]
        for told in ("gzip", "gzip, deflate, br", "br;q=1, gzip;q=0.1", "*, gzip"):
            squeezed = ask(app, "services", Accept_Encoding=told)
            assert squeezed.headers["Content-Encoding"] == "gzip"
            assert gzip.decompress(squeezed.data) == plain.data
        for told in ("", "identity", "gzip;q=0"):
            assert "Content-Encoding" not in ask(app, "services", Accept_Encoding=told).headers

    def test_pages_of_elsewhere_may_read(self, app: Flask, session: Session) -> None:
        for path, status in (("services", 200), ("services?page=0", 422), ("services/rien", 404)):
            headers = ask(app, path, status, Origin="https://ailleurs.example.org").headers
            assert headers["Access-Control-Allow-Origin"] == "*"
            assert "ETag" in headers["Access-Control-Expose-Headers"]
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert "Set-Cookie" not in headers

    def test_a_browser_asks_first(self, app: Flask, session: Session) -> None:
        response = app.test_client().options(
            "/api/v1/services",
            headers={
                "Origin": "https://ailleurs.example.org",
                "Access-Control-Request-Method": "GET",
                "Access-Control-Request-Headers": "authorization,if-none-match",
            },
        )
        assert response.status_code == 200
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["Access-Control-Allow-Headers"] == "authorization,if-none-match"
        assert "GET" in response.headers["Access-Control-Allow-Methods"]

    def test_a_head_request_is_a_get_without_its_body(self, app: Flask, session: Session) -> None:
        known_service(session)
        kept(session)
        client = app.test_client()
        head, get = client.head("/api/v1/services"), client.get("/api/v1/services")
        assert head.data == b""
        assert head.headers["Content-Length"] == get.headers["Content-Length"]
        assert head.headers["ETag"] == get.headers["ETag"]
