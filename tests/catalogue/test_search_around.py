"""A search around an address, which stays in no address of a page."""

import dataclasses
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlmodel import Session

from portal.accounts.models import User
from portal.clients import http
from portal.config import Config
from tests.catalogue.results import said, titles
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import REDON, RENNES
from tests.pages import Browser
from tests.peers import Peer, patient

SignIn = Callable[[User], Browser]


@pytest.fixture
def peer(app: Flask, config: Config, monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    """A geocoder for the portal."""
    patient(monkeypatch)
    with Peer() as started:
        monkeypatch.setitem(app.config, "PORTAL", dataclasses.replace(config, geocoder_url=started.url))
        yield started
    http.wake()


def knows(peer: Peer, score: float = 0.9) -> None:
    properties = {
        "label": "12 Rue de Brest 35000 Rennes",
        "name": "12 Rue de Brest",
        "postcode": "35000",
        "citycode": RENNES,
        "score": score,
        "type": "housenumber",
    }
    features = [{"geometry": {"coordinates": [-1.6893214, 48.1145678]}, "properties": properties}]
    peer.answer("/search", {"features": features})


def test_around_an_address_that_stays_in_no_address(session: Session, sign_in: SignIn, peer: Peer) -> None:
    make_offer(session, nom="À Rennes", code_insee=RENNES)
    make_offer(session, nom="À Redon", code_insee=REDON)
    knows(peer)
    page = sign_in(make_user(session)).get("/offres?public=beneficiaires-des-minimas-sociaux&rayon=5")
    found = page.form("/offres/autour").submit("Chercher autour", adresse="12 rue de Brest, Rennes")
    assert titles(found) == ["À Rennes"]
    assert said(found) == "1 offre pour une personne de Rennes"
    asked = found.response.request.args
    assert asked["ou"] == "48.115,-1.689,35238"
    assert asked["public"] == "beneficiaires-des-minimas-sociaux"
    assert "Brest" not in found.response.text
    completed = page.browser.fragment("/adresses?entiere=1&adresse=12+rue+de+b", "adresses").select("option")
    assert [str(option["value"]) for option in completed] == ["12 Rue de Brest 35000 Rennes"]
    # The field means the same point when the form is sent again.
    again = found.form("offers-search").submit("Chercher", rayon="100")
    assert sorted(titles(again)) == ["À Redon", "À Rennes"]


@pytest.mark.parametrize("score", [0.9, 0.2])
def test_an_address_that_is_not_found_is_kept_in_its_field(
    session: Session, sign_in: SignIn, peer: Peer, score: float
) -> None:
    knows(peer, score)
    form = sign_in(make_user(session)).get("/offres?quoi=velo").form("/offres/autour")
    written = "" if score == 0.9 else "12 rue qui n’existe pas"
    page = form.submit("Chercher autour", adresse=written, status=422)
    assert list(page.errors) == ["adresse"]
    assert page.form("/offres/autour").values["adresse"] == written
    assert page.form("offers-search").values["quoi"] == "velo"
    assert page.soup.select_one("details.around[open]")


def test_a_geocoder_that_does_not_answer_says_what_to_do(
    session: Session, sign_in: SignIn, peer: Peer
) -> None:
    peer.answer("/search", status=503)
    form = sign_in(make_user(session)).get("/offres").form("/offres/autour")
    page = form.submit("Chercher autour", adresse="12 rue de Brest", status=422)
    assert "« Où ? »" in page.errors["adresse"]


def test_only_people_who_are_signed_in_look_around_an_address(browser: Browser, peer: Peer) -> None:
    assert "Chercher autour" not in browser.get("/offres").text
    assert browser.client.post("/offres/autour", data={"csrf_token": browser.token()}).status_code == 401
    assert not peer.asked
