"""The export in pages, and what is not sent again."""

import json
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import update
from sqlmodel import Session, col

from portal import clock
from portal.offers import rules as offer_rules
from portal.offers.models import Offer
from portal.structures import rules as structure_rules
from tests.exchanges.catalogue import ROOT, SOURCE, URL, make_catalogue
from tests.exchanges.files import FILES, KINDS, expected, get
from tests.pages import Browser


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
        assert clock.now() - timedelta(days=2) < moment <= clock.now()

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
