"""The map of the site and what robots are told."""

from collections.abc import Callable
from datetime import timedelta
from urllib.robotparser import RobotFileParser
from xml.etree import ElementTree

import pytest
from flask import Flask
from sqlmodel import Session

from portal import clock
from portal.accounts.models import Role
from portal.offers import rules
from portal.offers.views import sitemap
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import make_structure
from tests.pages import Browser
from tests.statements import count_statements

SPACE = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def entries(data: bytes) -> dict[str, str | None]:
    tree = ElementTree.fromstring(data)
    return {
        str(entry.findtext(f"{SPACE}loc")): entry.findtext(f"{SPACE}lastmod")
        for entry in tree
        if entry.tag in {f"{SPACE}url", f"{SPACE}sitemap"}
    }


def test_the_map_tells_the_day_of_each(session: Session, browser: Browser) -> None:
    structure = make_structure(session)
    structure.date_maj = clock.today() - timedelta(days=9)
    offer = make_offer(session, structure)
    offer.date_maj = clock.today() - timedelta(days=3)
    make_offer(session, structure, date_fin=clock.today() - timedelta(days=1))
    make_offer(session, make_structure(session, published=False))
    session.commit()
    answer = browser.client.get("/sitemap.xml")
    assert answer.mimetype == "application/xml"
    found = entries(answer.data)
    wanted = {f"/offres/{offer.id}": 3, f"/structures/{structure.id}": 9}
    for path, days in wanted.items():
        assert found[f"http://localhost{path}"] == (clock.today() - timedelta(days=days)).isoformat()
    held = {path for path in found if "/offres/" in path or "/structures/" in path}
    assert held == {f"http://localhost{path}" for path in wanted}


def test_the_map_changes_with_the_catalogue_only(session: Session, browser: Browser) -> None:
    offer = make_offer(session)
    session.commit()
    first = browser.client.get("/sitemap.xml")
    assert "public" in first.headers["Cache-Control"]
    known = {"If-None-Match": first.headers["ETag"]}
    assert browser.client.get("/sitemap.xml", headers=known).status_code == 304
    make_offer(session, published=False)
    session.commit()
    make_structure(session, published=False)
    rules.withdraw_offer(session, offer, by=make_user(session, Role.ANIMATION))
    session.commit()
    changed = browser.client.get("/sitemap.xml", headers=known)
    assert changed.status_code == 200
    assert f"/offres/{offer.id}" not in changed.text


def test_a_large_catalogue_is_told_in_parts(
    session: Session, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    structure = make_structure(session)
    for _ in range(6):
        make_offer(session, structure)
    session.commit()
    whole = entries(browser.client.get("/sitemap.xml").data)
    monkeypatch.setattr(sitemap, "MOST", 3)
    index = list(entries(browser.client.get("/sitemap.xml").data))
    assert len(index) == -(-len(whole) // 3)
    told: dict[str, str | None] = {}
    for address in index:
        with count_statements(session) as sent:
            part = entries(browser.client.get(address.removeprefix("http://localhost")).data)
        read = [statement for statement in sent if "count(" not in statement]
        assert all("LIMIT" in statement for statement in read), "no more is read than is told"
        assert 0 < len(part) <= 3
        assert not told.keys() & part.keys()
        told |= part
    assert told == whole
    for odd in ("0", "-1", "99", "9" * 30):
        assert browser.client.get(f"/sitemap.xml?partie={odd}").status_code == 404


def test_robots_read_what_is_public_and_nothing_else(
    session: Session, app: Flask, browser: Browser, sign_in: Callable[..., Browser]
) -> None:
    offer = make_offer(session)
    session.commit()
    text = browser.client.get("/robots.txt").text
    assert "Sitemap: http://localhost/sitemap.xml" in text
    # The parser knows no wildcards: an address that hangs on an offer is checked by its words.
    assert "Disallow: /offres/*/" in text
    robot = RobotFileParser()
    robot.parse([line for line in text.splitlines() if "*/" not in line])
    for address in ("/offres", f"/offres/{offer.id}", f"/structures/{offer.structure_id}", "/sitemap.xml"):
        assert robot.can_fetch("*", f"http://localhost{address}"), address
    for address in entries(browser.client.get("/sitemap.xml").data):
        assert robot.can_fetch("*", address), address
    rooms = {rule.rule.split("/")[1] for rule in app.url_map.iter_rules() if rule.endpoint != "static"}
    closed = rooms - {"", "offres", "structures", "sitemap.xml", "accent.css"}
    closed -= {"accessibilite", "donnees-personnelles", "a-propos"}
    assert {
        "beneficiaires",
        "prescriptions",
        "conventions",
        "mes-offres",
        "favoris",
        "signalements",
    } <= closed
    for room in closed:
        assert not robot.can_fetch("*", f"http://localhost/{room}/x"), room
