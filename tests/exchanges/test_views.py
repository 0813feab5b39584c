"""The addresses of the export, in each of their shapes, as data.inclusion and others ask for them."""

import csv
import io
import json
import logging

import pytest
from sqlalchemy import update
from sqlmodel import Session, col

from portal.offers.models import Offer
from portal.structures import rules as structure_rules
from tests.exchanges.catalogue import ROOT, SOURCE, make_catalogue
from tests.exchanges.files import FIELDS, FILES, KINDS, TYPES, expected, get, read_sheets
from tests.factories.offers import make_offer
from tests.factories.structures import make_structure
from tests.pages import Browser


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
