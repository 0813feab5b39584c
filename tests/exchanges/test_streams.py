"""Exports of any length: what is in memory, what a page reads, what says that nothing changed, what a fault leaves."""

import http.client
import json
import tempfile
import threading
import tracemalloc
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, text, update
from sqlmodel import Session, SQLModel, col, select
from werkzeug.serving import make_server

from portal import clock, create_app, migrate
from portal.catalogue import records
from portal.config import Config
from portal.db import Database
from portal.exchanges import exports
from portal.offers import rules as offer_rules
from portal.offers.models import Offer
from portal.structures.models import Structure
from tests.exchanges.catalogue import ROOT, SOURCE, URL, make_catalogue
from tests.factories.offers import make_offer
from tests.factories.structures import make_structure
from tests.pages import Browser
from tests.races.databases import own_database
from tests.statements import count_statements

SHAPES = [
    "services.json",
    "services.ndjson",
    "services.csv",
    "services/?page_size=10000",
    "data-inclusion.xlsx",
]
MEGABYTE = 1 << 20


def copies(session: Session, offer: Offer, number: int, **values: Any) -> None:
    """Add `number` offers like this one, with `values` in place of its own."""
    session.flush()
    table = Offer.__table__  # type: ignore[attr-defined]
    row = dict(session.execute(select(table).where(table.c.id == offer.id)).mappings().one())
    session.execute(insert(table), [{**row, **values, "id": uuid.uuid4()} for _ in range(number)])


def write(session: Session, table: type[SQLModel], row_id: uuid.UUID, **values: Any) -> None:
    """Write straight in the table, as an earlier version of the schema let people do."""
    session.execute(update(table).where(col(table.id) == row_id).values(**values))  # type: ignore[attr-defined]
    session.commit()


def envelope(browser: Browser, query: str, kind: str = "services") -> dict[str, Any]:
    response = browser.client.get(f"{ROOT}/{kind}/?{query}")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = json.loads(response.data)
    return found


def crawl(browser: Browser, kind: str, size: int = 2) -> tuple[list[dict[str, Any]], set[int]]:
    """Follow the pages: every record, and what they say of their number."""
    found, counts = [], set()
    url: str | None = f"{ROOT}/{kind}/?page_size={size}"
    while url:
        response = browser.client.get(url)
        assert response.status_code == 200, response.text
        body = json.loads(response.data)
        found += body["results"]
        counts.add(body["count"])
        url = body["next"]
    return found, counts


class TestMemory:
    def test_what_is_held_does_not_grow_with_what_is_sent(
        self, session: Session, browser: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        offer = make_offer(session)
        copies(session, offer, 600, description="Un atelier pour préparer son permis. " * 250)
        session.commit()
        monkeypatch.setattr(records, "CHUNK", 20)
        for name in SHAPES:
            # What is read once for all is not counted.
            browser.client.head(f"{ROOT}/{name}")
            tracemalloc.start()
            try:
                with browser.client.get(f"{ROOT}/{name}", buffered=False) as response:
                    assert response.status_code == 200
                    sent = sum(len(piece) for piece in response.response)
                held = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
            if not name.endswith(".xlsx"):
                assert sent > 5 * MEGABYTE
            assert held < 2 * MEGABYTE, f"{name}: {held / MEGABYTE:.1f} MB held"

    def test_a_page_reads_its_own_rows(self, session: Session, browser: Browser) -> None:
        make_catalogue(session)
        first = envelope(browser, "page_size=1")
        with count_statements(session) as sent:
            second = envelope(browser, "page_size=1&page=2")
        assert first["results"] != second["results"]
        assert [record["id"] for record in second["results"]] == sorted(
            str(id) for id in session.execute(select(col(Offer.id))).scalars() if in_array(browser, id)
        )[1:2]
        whole = [statement for statement in sent if "offer.description" in statement]
        assert len(whole) == 1
        assert "BETWEEN" in whole[0]
        assert not any("structure.description" in statement for statement in sent)
        # The marks (two), the rows.
        assert len(sent) == 3

    def test_the_structures_of_a_long_export_are_looked_at_together(
        self, session: Session, browser: Browser
    ) -> None:
        for _ in range(12):
            make_offer(session, make_structure(session))
        session.commit()
        with count_statements(session) as sent:
            browser.client.get(f"{ROOT}/services.json").get_data()
        assert len([s for s in sent if "structure.description" in s]) == 1

    def test_a_workbook_leaves_nothing_on_the_disk(
        self, session: Session, browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_catalogue(session)
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        with browser.client.get(f"{ROOT}/data-inclusion.xlsx", buffered=False) as response:
            assert next(response.iter_encoded()).startswith(b"PK")
        assert list(tmp_path.iterdir()) == []

    def test_the_chunks_change_nothing(
        self, session: Session, browser: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_catalogue(session)
        names = [*SHAPES[:3], "structures.json", "structures.ndjson", "structures.csv"]
        whole = {name: browser.client.get(f"{ROOT}/{name}").data for name in names}
        monkeypatch.setattr(records, "CHUNK", 1)
        monkeypatch.setattr(exports, "PIECE", 100)
        for name, content in whole.items():
            with browser.client.get(f"{ROOT}/{name}", buffered=False) as response:
                pieces = list(response.iter_encoded())
            assert len(pieces) > 1
            assert b"".join(pieces) == content
        lines = whole["services.ndjson"].splitlines()
        assert whole["services.json"] == b"[\n" + b",\n".join(lines) + b"\n]\n"


class TestLeftOut:
    """Whether a row follows the schema is known by making its record: the pages and the array must agree."""

    def test_pages_and_array_agree(self, session: Session, browser: Browser) -> None:
        catalogue = make_catalogue(session)
        write(session, Offer, catalogue.offers[0].id, publics=["martiens"])
        write(session, Structure, catalogue.structures[1].id, reseaux_porteurs=["ligue-des-martiens"])
        for kind, number in (("services", 1), ("structures", 1)):
            array = json.loads(browser.client.get(f"{ROOT}/{kind}.json").data)
            assert len(array) == number
            assert crawl(browser, kind, 1) == (array, {number})

    def test_pages_follow_what_changes(self, session: Session, browser: Browser) -> None:
        catalogue = make_catalogue(session)
        offer, structure = catalogue.offers[0], catalogue.structures[0]

        def agreed() -> int:
            array = json.loads(browser.client.get(f"{ROOT}/services.json").data)
            assert crawl(browser, "services") == (array, {len(array)})
            return len(array)

        assert agreed() == 3
        write(session, Offer, offer.id, type="miracle")
        assert agreed() == 2
        write(session, Structure, structure.id, siret="12")
        assert agreed() == 1
        write(session, Structure, structure.id, siret=None)
        assert agreed() == 2
        write(session, Offer, offer.id, type="atelier")
        assert agreed() == 3
        make_offer(session, structure)
        session.commit()
        assert agreed() == 4

    def test_what_was_to_come_leaves_on_its_day(
        self, session: Session, browser: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        catalogue = make_catalogue(session)
        tomorrow = clock.today() + timedelta(days=1)
        write(session, Offer, catalogue.offers[0].id, date_maj=tomorrow)
        assert envelope(browser, "page_size=9")["count"] == 2
        # The schema asks the machine for the day: the row is mended as the day would.
        write(session, Offer, catalogue.offers[0].id, date_maj=clock.today())
        assert envelope(browser, "page_size=9")["count"] == 3

    def test_only_what_changed_is_checked_again(
        self, session: Session, browser: Browser, caplog: pytest.LogCaptureFixture
    ) -> None:
        catalogue = make_catalogue(session)
        write(session, Offer, catalogue.offers[0].id, publics=["martiens"])
        assert envelope(browser, "page_size=9")["count"] == 2
        assert len(caplog.messages) == 1
        offer_rules.change_offer(
            session, catalogue.offers[1], {"nom": "Renommée"}, structure=catalogue.structures[0], by=None
        )
        session.commit()
        with count_statements(session) as sent:
            assert "Renommée" in {r["nom"] for r in envelope(browser, "page_size=9")["results"]}
        # The one that was left out is not read again.
        assert len(set(caplog.messages)) == 1
        assert len([s for s in sent if "offer.description" in s and " IN (" in s]) == 1
        assert len([s for s in sent if "offer.description" in s]) == 2

    def test_with_nothing_sound_pages_are_unavailable(self, session: Session, browser: Browser) -> None:
        offer = make_offer(session)
        write(session, Offer, offer.id, publics=["martiens"])
        assert browser.client.get(f"{ROOT}/services/?page_size=9").status_code == 503
        assert browser.client.head(f"{ROOT}/services/?page_size=9").status_code == 503
        assert envelope(browser, "page_size=9", "structures")["count"] == 1


class TestNothingChanged:
    @pytest.mark.parametrize("name", SHAPES)
    def test_no_row_is_read_to_say_so(self, session: Session, browser: Browser, name: str) -> None:
        make_catalogue(session)
        tag = browser.client.get(f"{ROOT}/{name}").headers["ETag"]
        with count_statements(session) as sent:
            again = browser.client.get(f"{ROOT}/{name}", headers={"If-None-Match": tag})
        assert again.status_code == 304
        assert again.data == b""
        assert sent
        assert all("FROM catalogue_change" in statement for statement in sent)

    @pytest.mark.parametrize("encoding", ["br", "deflate", "zstd"])
    def test_each_encoding_knows_its_own(self, session: Session, browser: Browser, encoding: str) -> None:
        make_catalogue(session)
        url, asked = f"{ROOT}/services.json", {"Accept-Encoding": encoding}
        first = browser.client.get(url, headers=asked)
        assert first.headers["Content-Encoding"] == encoding
        tag = first.headers["ETag"]
        for known in (tag, f"W/{tag}"):
            again = browser.client.get(url, headers=asked | {"If-None-Match": known})
            assert (again.status_code, again.headers["ETag"]) == (304, tag)

    def test_it_is_the_same_for_another_process(
        self, session: Session, browser: Browser, config: Config, database: Database
    ) -> None:
        make_catalogue(session)
        tag = browser.client.get(f"{ROOT}/services.csv").headers["ETag"]
        other: Flask = create_app(config, database)
        assert other.test_client().get(f"{ROOT}/services.csv").headers["ETag"] == tag

    def test_it_moves_with_all_that_the_answer_depends_on(
        self, session: Session, browser: Browser, move_clock: Callable[..., Any]
    ) -> None:
        catalogue = make_catalogue(session)
        asked = [*SHAPES, "services.json?prefixed=1", "structures.json"]
        asked += ["services/?page_size=2", "services/?page_size=2&page=2"]

        def tags() -> list[str]:
            return [browser.client.head(f"{ROOT}/{name}").headers["ETag"] for name in asked]

        seen = set(tags())
        assert len(seen) == len(asked)
        assert set(tags()) == seen

        def moved() -> bool:
            now = set(tags())
            new = not now & seen
            seen.update(now)
            return new

        write(session, Offer, catalogue.offers[0].id, nom="Renommée sans passer par nos règles")
        assert moved()
        session.execute(text("DELETE FROM offer_session"))
        write(session, Structure, catalogue.structures[0].id, nom="Une autre enseigne")
        assert moved()
        tomorrow = clock.today() + timedelta(days=1)
        move_clock(tomorrow.year, tomorrow.month, tomorrow.day, 12)
        assert moved()

    def test_any_answer_is_known_only_when_there_is_one(self, session: Session, browser: Browser) -> None:
        session.commit()
        star = {"If-None-Match": "*"}
        assert browser.client.get(f"{ROOT}/services.json", headers=star).status_code == 503
        make_offer(session)
        session.commit()
        assert browser.client.get(f"{ROOT}/services.json", headers=star).status_code == 304


@contextmanager
def served(app: Flask) -> Iterator[int]:
    """A real server of `app`, on the port it gives."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class TestMeanwhile:
    def test_what_is_sent_is_of_one_moment(
        self,
        engine_name: str,
        request: pytest.FixtureRequest,
        tmp_path: Path,
        config: Config,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(records, "CHUNK", 1)
        monkeypatch.setattr(exports, "PIECE", 1)
        with own_database(engine_name, request, tmp_path) as database:
            with database.writing() as session:
                offers = [make_offer(session, make_structure(session)) for _ in range(4)]
            client = create_app(config, database).test_client()
            before = client.get(f"{ROOT}/services.json").data
            with client.get(f"{ROOT}/services.json", buffered=False) as response:
                pieces = response.iter_encoded()
                sent = next(pieces) + next(pieces)
                with database.writing() as session:
                    for offer in offers:
                        session.execute(
                            update(Offer).where(col(Offer.id) == offer.id).values(nom="Renommée entre-temps")
                        )
                    session.execute(update(Structure).values(reseaux_porteurs=["ligue-des-martiens"]))
                assert sent + b"".join(pieces) == before
            assert client.get(f"{ROOT}/services.json").status_code == 503


class TestFault:
    """A row that can no longer be read, far from the first: SQLite keeps it, so that it happens for good."""

    @pytest.fixture
    def broken(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
        database = Database(f"sqlite:///{tmp_path / 'portal.db'}")
        migrate.upgrade(database.engine)
        with database.writing() as session:
            structure = make_structure(session)
            offers = [make_offer(session, structure) for _ in range(3)]
            last = max(offer.id for offer in offers)
            session.execute(text("UPDATE offer SET thematiques = '[\"mob' WHERE id = :id"), {"id": last.hex})
        monkeypatch.setattr(records, "CHUNK", 1)
        monkeypatch.setattr(exports, "PIECE", 1)
        yield database
        database.engine.dispose()

    @pytest.mark.parametrize("name", SHAPES[:4])
    def test_the_reader_cannot_take_a_part_for_the_whole(
        self, broken: Database, config: Config, name: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        app = create_app(config, broken)
        with served(app) as port:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("GET", f"{ROOT}/{name}")
            if name.startswith("services/"):
                # A page is counted first: the row is met before the first byte.
                assert connection.getresponse().status == 500
            else:
                answer = connection.getresponse()
                assert answer.status == 200
                with pytest.raises((http.client.IncompleteRead, ConnectionError)):
                    answer.read()
                assert f"export: {ROOT}/{name} was cut short" in caplog.messages
            connection.close()

    def test_a_workbook_is_refused_before_the_first_byte(
        self, broken: Database, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app = create_app(config, broken)
        folder = tmp_path / "tmp"
        folder.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        assert app.test_client().get(f"{ROOT}/data-inclusion.xlsx").status_code == 500
        assert list(folder.iterdir()) == []

    def test_the_command_writes_all_or_nothing(self, broken: Database, tmp_path: Path) -> None:
        folder = tmp_path / "export"
        folder.mkdir()
        (folder / "structures.json").write_text("[1]")
        with broken.session(read_only=True) as session, pytest.raises(json.JSONDecodeError):
            exports.write_all(folder, session, source=SOURCE, public_url=URL)
        assert [path.name for path in folder.iterdir()] == ["structures.json"]
        assert (folder / "structures.json").read_text() == "[1]"


def in_array(browser: Browser, id: uuid.UUID) -> bool:
    return str(id) in browser.client.get(f"{ROOT}/services.json").text
