"""The addresses of the export, in each of their shapes, as data.inclusion and others ask for them."""

import csv
import io
import json
import logging
import zipfile
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from data_inclusion.schema import v1
from sqlalchemy import update
from sqlmodel import Session, col
from werkzeug.test import TestResponse

from portal.catalogue import records
from portal.offers import rules as offer_rules
from portal.offers.models import Offer
from portal.structures import rules as structure_rules
from tests.exchanges.catalogue import ROOT, SOURCE, URL, make_catalogue
from tests.factories.offers import make_offer
from tests.factories.structures import make_structure
from tests.pages import Browser

KINDS = ("structures", "services")
FILES = [f"{kind}.{shape}" for kind in KINDS for shape in ("json", "ndjson", "csv")] + ["data-inclusion.xlsx"]
TYPES = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FIELDS = {"structures": list(v1.Structure.model_fields), "services": list(v1.Service.model_fields)}


def get(browser: Browser, name: str, status: int = 200, **headers: str) -> TestResponse:
    """Ask for an address of the export."""
    url = name if name.startswith("/") else f"{ROOT}/{name}"
    response = browser.client.get(url, headers={k.replace("_", "-"): v for k, v in headers.items()})
    assert response.status_code == status, response.text
    return response


def expected(session: Session, kind: str, **options: Any) -> list[dict[str, Any]]:
    read = {"structures": records.structure_records, "services": records.service_records}[kind]
    return list(read(session, source=SOURCE, public_url=URL, **options))


def read_sheets(content: bytes) -> dict[str, list[list[str]]]:
    """Read a workbook back: {sheet: rows of texts}. A cell that is not a text is an error."""
    main = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    relation = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
    sheets = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
        targets = {link.attrib["Id"]: link.attrib["Target"] for link in links}
        shared: list[str] = []
        if "xl/sharedStrings.xml" in archive.namelist():
            table = ElementTree.fromstring(archive.read("xl/sharedStrings.xml"))
            shared = ["".join(t.text or "" for t in item.iter(f"{main}t")) for item in table]
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
        for sheet in book.iter(f"{main}sheet"):
            tree = ElementTree.fromstring(archive.read(f"xl/{targets[sheet.attrib[relation]]}"))
            rows: list[list[str]] = []
            for row in tree.iter(f"{main}row"):
                cells: dict[int, str] = {}
                for cell in row:
                    column = 0
                    for letter in cell.attrib["r"].rstrip("0123456789"):
                        column = column * 26 + ord(letter) - 64
                    kind = cell.attrib.get("t")
                    assert kind in {"s", "inlineStr"}, f"{cell.attrib['r']} is not a text: {kind}"
                    if kind == "s":
                        value = cell.find(f"{main}v")
                        assert value is not None
                        cells[column - 1] = shared[int(value.text or "")]
                    else:
                        cells[column - 1] = "".join(t.text or "" for t in cell.iter(f"{main}t"))
                rows.append([cells.get(n, "") for n in range(max(cells) + 1)])
            sheets[sheet.attrib["name"]] = rows
    return sheets


class TestFiles:
    @pytest.mark.parametrize("kind", KINDS)
    def test_json_is_a_flat_array_of_whole_records(
        self, session: Session, browser: Browser, kind: str
    ) -> None:
        make_catalogue(session)
        response = get(browser, f"{kind}.json")
        found = json.loads(response.data)
        assert found == expected(session, kind)
        assert all(list(record) == FIELDS[kind] for record in found)
        assert response.content_type == TYPES["json"]
        assert response.data.decode() == response.text, "UTF-8"

    @pytest.mark.parametrize("kind", KINDS)
    def test_ndjson_is_one_record_a_line(self, session: Session, browser: Browser, kind: str) -> None:
        make_catalogue(session)
        response = get(browser, f"{kind}.ndjson")
        assert response.data.endswith(b"\n")
        assert [json.loads(line) for line in response.data.splitlines()] == expected(session, kind)
        assert response.content_type == TYPES["ndjson"]

    @pytest.mark.parametrize("kind", KINDS)
    def test_csv_is_a_table_with_its_header(self, session: Session, browser: Browser, kind: str) -> None:
        make_catalogue(session)
        response = get(browser, f"{kind}.csv")
        assert response.content_type == TYPES["csv"]
        rows = list(csv.reader(io.StringIO(response.text)))
        assert rows[0] == FIELDS[kind]
        wanted = [
            ["" if v is None else ", ".join(v) if isinstance(v, list) else str(v) for v in record.values()]
            for record in expected(session, kind)
        ]
        assert rows[1:] == wanted

    def test_csv_cells_that_would_be_formulas_are_made_harmless(
        self, session: Session, browser: Browser
    ) -> None:
        structure = make_structure(session, telephone="+33299000001", description="@SUM(A1:A9)")
        for name in ("=1+1", "=12", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "+33 2 99"):
            make_offer(session, structure, nom=name, description="- d’abord\n- ensuite " * 20)
        session.commit()
        rows = list(csv.DictReader(io.StringIO(get(browser, "services.csv").text)))
        assert {row["nom"] for row in rows} == {
            "'=1+1",
            "'=12",
            "'+cmd|' /C calc'!A0",
            "'-2+3",
            "'@SUM(1)",
            "'+33 2 99",
        }
        assert all(row["description"].startswith("'- d’abord") for row in rows)
        (row,) = csv.DictReader(io.StringIO(get(browser, "structures.csv").text))
        assert row["description"] == "'@SUM(A1:A9)"
        # A number is no formula: its sign is part of it.
        assert row["telephone"] == "+33299000001"
        assert float(row["longitude"]) == structure.longitude
        assert row["longitude"].startswith("-1.")
        # Those who take the data as data get them as they are.
        assert json.loads(get(browser, "structures.json").data)[0]["description"] == "@SUM(A1:A9)"

    def test_xlsx_is_the_layout_of_the_valideur(self, session: Session, browser: Browser) -> None:
        make_catalogue(session)
        response = get(browser, "data-inclusion.xlsx")
        assert response.content_type == TYPES["xlsx"]
        sheets = read_sheets(response.data)
        assert list(sheets) == ["Structures", "Services"]
        for kind, rows in zip(KINDS, sheets.values(), strict=True):
            assert rows[0] == ["__ignore__", *FIELDS[kind]]
            width = len(rows[0])
            found = [row + [""] * (width - len(row)) for row in rows[1:]]
            assert found == [
                [
                    "",
                    *(
                        "" if v is None else ", ".join(v) if isinstance(v, list) else str(v)
                        for v in record.values()
                    ),
                ]
                for record in expected(session, kind)
            ]

    def test_xlsx_makes_no_formula_of_a_text(self, session: Session, browser: Browser) -> None:
        structure = make_structure(session, nom="=HYPERLINK(1)")
        make_offer(session, structure, nom="=1+1", lien_mobilisation="https://exemple.example.org/")
        session.commit()
        sheets = read_sheets(get(browser, "data-inclusion.xlsx").data)
        assert sheets["Structures"][1][FIELDS["structures"].index("nom") + 1] == "=HYPERLINK(1)"
        assert sheets["Services"][1][FIELDS["services"].index("nom") + 1] == "=1+1"

    @pytest.mark.parametrize("name", FILES)
    def test_the_same_bytes_while_nothing_changes(
        self, session: Session, browser: Browser, name: str
    ) -> None:
        make_catalogue(session)
        first, second = get(browser, name), get(browser, name)
        assert first.headers["ETag"] == second.headers["ETag"]
        assert first.data == second.data

    @pytest.mark.parametrize(
        "name", ["services.json", "services.ndjson", "services.csv", "services/?page_size=9"]
    )
    def test_prefixed_ids_on_demand(self, session: Session, browser: Browser, name: str) -> None:
        catalogue = make_catalogue(session)
        mark = "&" if "?" in name else "?"
        text = get(browser, f"{name}{mark}prefixed=1").text
        for offer in catalogue.offers:
            assert f"{SOURCE}--{offer.id}" in text
            assert f"{SOURCE}--{offer.structure_id}" in text
        assert f"{SOURCE}--" not in get(browser, name).text

    @pytest.mark.parametrize("name", ["structures.xml", "offres.json", "services", "data-inclusion.json"])
    def test_what_is_not_exported_is_not_found(self, session: Session, browser: Browser, name: str) -> None:
        make_catalogue(session)
        response = browser.client.get(f"{ROOT}/{name}", follow_redirects=True)
        if name == "services":
            assert json.loads(response.data) == expected(session, "services")
        else:
            assert response.status_code == 404
            assert "detail" in json.loads(response.data)


class TestWhatIsServed:
    @pytest.mark.parametrize("name", [*FILES, "services/?page_size=50", "structures/?page_size=50"])
    def test_drafts_and_offers_of_hidden_structures_stay_here(
        self, session: Session, browser: Browser, name: str
    ) -> None:
        catalogue = make_catalogue(session)
        content = get(browser, name).data
        text = json.dumps(read_sheets(content)) if name.endswith(".xlsx") else content.decode()
        served = catalogue.structures if "structures" in name else catalogue.offers
        assert all(str(row.id) in text for row in served)
        assert [row.nom for row in catalogue.hidden if str(row.id) in text] == []

    def test_withdrawing_a_structure_takes_its_offers_away(self, session: Session, browser: Browser) -> None:
        catalogue = make_catalogue(session)
        gone = catalogue.structures[0]
        structure_rules.withdraw_structure(session, gone, by=None)  # type: ignore[arg-type]
        session.commit()
        left = {str(o.id) for o in catalogue.offers if o.structure_id != gone.id}
        assert {r["id"] for r in json.loads(get(browser, "services.json").data)} == left
        assert str(gone.id) not in get(browser, "structures.json").text

    def test_nothing_beyond_the_schema_leaves(self, session: Session, browser: Browser) -> None:
        structure = make_structure(session)
        make_offer(session, structure, mode_prescription="Par le formulaire interne", dominantes=["emploi"])
        session.commit()
        text = get(browser, "services.json").text
        assert "formulaire interne" not in text
        assert "dominante" not in text

    @pytest.mark.parametrize("name", FILES)
    def test_with_nothing_published_it_is_unavailable_rather_than_empty(
        self, session: Session, browser: Browser, name: str
    ) -> None:
        make_offer(session, make_structure(session, published=False))
        session.commit()
        response = get(browser, name, 503)
        assert response.mimetype == "application/json"
        assert json.loads(response.data) == {"detail": "Nothing is published yet."}
        assert "ETag" not in response.headers

    @pytest.mark.parametrize("kind", KINDS)
    def test_pages_are_unavailable_too(self, session: Session, browser: Browser, kind: str) -> None:
        session.commit()
        assert json.loads(get(browser, f"{kind}/?page_size=10", 503).data)["detail"]

    def test_a_structure_without_offers_leaves_alone(self, session: Session, browser: Browser) -> None:
        make_structure(session)
        session.commit()
        assert len(json.loads(get(browser, "structures.json").data)) == 1
        get(browser, "services.json", 503)
        get(browser, "data-inclusion.xlsx", 503)

    def test_a_row_that_no_longer_follows_the_schema_does_not_stop_the_others(
        self, session: Session, browser: Browser, caplog: pytest.LogCaptureFixture
    ) -> None:
        catalogue = make_catalogue(session)
        wrong = catalogue.offers[0]
        session.execute(
            update(Offer).where(col(Offer.id) == wrong.id).values(thematiques=["mobilite--en-fusee"])
        )
        session.commit()
        with caplog.at_level(logging.ERROR, "portal.exchanges"):
            for name in ("services.json", "services.csv", "services/?page_size=50"):
                text = get(browser, name).text
                assert [str(offer.id) in text for offer in catalogue.offers] == [False, True, True]
        assert caplog.messages == [f"export: offer {wrong.id} left out, fields: thematiques"] * 3

    def test_an_export_of_wrong_rows_only_is_not_an_empty_one(
        self, session: Session, browser: Browser
    ) -> None:
        offer = make_offer(session)
        session.execute(update(Offer).where(col(Offer.id) == offer.id).values(publics=["martiens"]))
        session.commit()
        get(browser, "services.json", 503)

    def test_anybody_may_read_from_anywhere(self, session: Session, browser: Browser) -> None:
        make_catalogue(session)
        response = get(browser, "services.json")
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert "public" in response.headers["Cache-Control"]


class TestConditional:
    @pytest.mark.parametrize("name", [*FILES, "services/?page_size=9"])
    @pytest.mark.parametrize("encoding", ["identity", "gzip"])
    def test_nothing_is_sent_again_while_nothing_changed(
        self, session: Session, browser: Browser, name: str, encoding: str
    ) -> None:
        catalogue = make_catalogue(session)
        first = get(browser, name, Accept_Encoding=encoding)
        tag = first.headers["ETag"]
        again = get(browser, name, 304, If_None_Match=tag, Accept_Encoding=encoding)
        assert again.data == b""
        assert again.headers["ETag"] == tag
        get(browser, name, 200, If_None_Match='"autre"', Accept_Encoding=encoding)
        get(browser, name, 304, If_None_Match=f'"autre", {tag}', Accept_Encoding=encoding)

        # A change of the same day is seen, whatever the date says.
        structure, offer = catalogue.structures[0], catalogue.offers[0]
        structure_rules.change_structure(session, structure, {"nom": "Un autre nom"}, by=None)  # type: ignore[arg-type]
        offer_rules.change_offer(session, offer, {"nom": "Renommée"}, structure=structure, by=None)  # type: ignore[arg-type]
        session.commit()
        changed = get(browser, name, 200, If_None_Match=tag, Accept_Encoding=encoding)
        assert changed.headers["ETag"] != tag

    @pytest.mark.parametrize("encoding", ["identity", "gzip"])
    def test_the_date_alone_does_not_hide_a_change_of_the_same_day(
        self, session: Session, browser: Browser, encoding: str
    ) -> None:
        catalogue = make_catalogue(session)
        first = get(browser, "services.json", Accept_Encoding=encoding)
        day = first.headers["Last-Modified"]
        offer = catalogue.offers[0]
        structure = catalogue.structures[0]
        offer_rules.change_offer(session, offer, {"nom": "Renommée"}, structure=structure, by=None)  # type: ignore[arg-type]
        session.commit()
        second = get(browser, "services.json", 200, If_Modified_Since=day, Accept_Encoding=encoding)
        assert second.headers["ETag"] != first.headers["ETag"]

    def test_last_modified_is_the_day_of_the_latest_change_in_paris(
        self, session: Session, browser: Browser
    ) -> None:
        catalogue = make_catalogue(session)
        for offer, day in zip(
            catalogue.offers,
            (date(2026, 7, 14), date(2026, 1, 1), date(2025, 5, 5)),
            strict=True,
        ):
            session.execute(update(Offer).where(col(Offer.id) == offer.id).values(date_maj=day))
        session.commit()
        header = get(browser, "services.json").headers["Last-Modified"]
        # Midnight in Paris in July is ten in the evening, the day before, in UTC.
        assert parsedate_to_datetime(header) == datetime(2026, 7, 13, 22, tzinfo=UTC)
        assert header == format_datetime(datetime(2026, 7, 13, 22, tzinfo=UTC), usegmt=True)

    @pytest.mark.parametrize("name", FILES)
    def test_last_modified_is_never_to_come(self, session: Session, browser: Browser, name: str) -> None:
        make_catalogue(session)
        moment = parsedate_to_datetime(get(browser, name).headers["Last-Modified"])
        assert datetime.now(UTC) - timedelta(days=2) < moment <= datetime.now(UTC)

    @pytest.mark.parametrize("name", [*FILES, "services/?page_size=9"])
    def test_a_head_says_the_same_without_the_body(
        self, session: Session, browser: Browser, name: str
    ) -> None:
        make_catalogue(session)
        whole = get(browser, name)
        head = browser.client.head(f"{ROOT}/{name}")
        assert head.status_code == 200
        assert head.data == b""
        said = [n for n in whole.headers.keys() if n != "Content-Length"]  # noqa: SIM118
        assert {"ETag", "Last-Modified"} <= set(said)
        assert [head.headers[n] for n in said] == [whole.headers[n] for n in said]
        again = browser.client.head(f"{ROOT}/{name}", headers={"If-None-Match": whole.headers["ETag"]})
        assert again.status_code == 304


class TestPages:
    @pytest.mark.parametrize("kind", KINDS)
    def test_without_a_size_it_is_the_flat_array(self, session: Session, browser: Browser, kind: str) -> None:
        make_catalogue(session)
        assert get(browser, f"{kind}/").data == get(browser, f"{kind}.json").data

    def test_one_page_as_dora_asks_for_it(self, session: Session, browser: Browser) -> None:
        make_catalogue(session)
        body = json.loads(get(browser, "services/?page_size=1000&o=creation_date").data)
        assert list(body) == ["count", "next", "previous", "results"]
        assert body == {"count": 3, "next": None, "previous": None, "results": expected(session, "services")}

    def test_following_next_reads_everything_once(self, session: Session, browser: Browser) -> None:
        make_catalogue(session)
        url: str | None = "services/?page_size=2&o=creation_date&q=caf%C3%A9+%26+th%C3%A9"
        found, seen = [], []
        while url:
            body = json.loads(get(browser, url.removeprefix(URL)).data)
            found += body["results"]
            seen.append(body)
            url = body["next"]
            assert url is None or url.startswith(f"{URL}{ROOT}/services/?")
        assert found == expected(session, "services")
        assert [body["count"] for body in seen] == [3, 3]
        asked = parse_qs(urlsplit(seen[0]["next"]).query)
        assert asked == {
            "page_size": ["2"],
            "o": ["creation_date"],
            "q": ["café & thé"],
            "page": ["2"],
        }
        assert seen[0]["previous"] is None
        back = json.loads(get(browser, seen[1]["previous"].removeprefix(URL)).data)
        assert back["results"] == seen[0]["results"]

    def test_the_envelope_keeps_the_prefix(self, session: Session, browser: Browser) -> None:
        make_catalogue(session)
        body = json.loads(get(browser, "structures/?page_size=1&prefixed=1").data)
        assert body["results"][0]["id"].startswith(f"{SOURCE}--")
        assert "prefixed=1" in body["next"]

    @pytest.mark.parametrize("page", [2, 3, 999_999])
    def test_a_page_past_the_end_is_not_found(self, session: Session, browser: Browser, page: int) -> None:
        make_catalogue(session)
        response = get(browser, f"services/?page_size=1000&page={page}", 404)
        assert response.mimetype == "application/json"
        assert json.loads(response.data)["detail"]

    @pytest.mark.parametrize(
        "query",
        [
            "page_size=0",
            "page_size=abc",
            "page_size=",
            "page_size=-1",
            "page_size=1.5",
            "page_size=10001",
            "page_size=99999999999999999999",
            "page_size=%C2%B2",
            "page_size=10&page=0",
            "page_size=10&page=abc",
            "page_size=10&page=-1",
        ],
    )
    def test_what_is_not_a_number_of_pages_is_told(
        self, session: Session, browser: Browser, query: str
    ) -> None:
        make_catalogue(session)
        response = get(browser, f"services/?{query}", 422)
        assert response.mimetype == "application/json"
        name = "page" if "page_size=10&" in query else "page_size"
        assert f"`{name}`" in json.loads(response.data)["detail"]
