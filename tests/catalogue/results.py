"""The page of a search, read as people read it."""

from bs4 import BeautifulSoup

from tests.pages import Page

HTMX = {"HX-Request": "true", "HX-Target": "offers-results"}
PERSON = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0"}
BRUZ = "35047"
PERMIS, ADDICTIONS = "mobilite--preparer-un-permis", "sante--addictions"


def titles(page: Page) -> list[str]:
    return [link.text.strip() for link in page.soup.select("#offers-results .result-title a")]


def links(page: Page) -> dict[str, str]:
    return {" ".join(a.text.split()): str(a.get("href")) for a in page.soup.select("main a")}


def said(page: Page) -> str:
    heading = page.soup.select_one("#offers-results .results-head h2")
    assert heading is not None
    assert heading["data-announce"] == heading.text
    return heading.text


def counts(soup: BeautifulSoup, name: str) -> dict[str, str]:
    """{value: number} of a filter."""
    return {
        str(box["value"]): box.find_parent("label").select_one(".pick-count").text  # type: ignore[union-attr]
        for box in soup.select(f'#offers-filters input[name="{name}"]')
    }
