"""Addresses while they are typed, and where offers are: with a geocoder that answers, that is down, that is off."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from limits.storage import memory
from sqlalchemy import text
from sqlmodel import Session, select

from portal import geography
from portal.accounts.models import User
from portal.clients import http
from portal.config import Config
from portal.db import Database
from portal.offers.models import Offer
from portal.web.addresses import locate_address
from portal.web.session import db
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import REDON, RENNES, make_partner
from tests.pages import Browser
from tests.peers import Answer, Asked, Peer, patient

SignIn = Callable[[User], Browser]
DRAFT, SAVE = "Enregistrer le brouillon", "Enregistrer les changements"


@pytest.fixture
def peer(app: Flask, config: Config, monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    """A geocoder for the portal."""
    patient(monkeypatch)
    with Peer() as started:
        monkeypatch.setitem(app.config, "PORTAL", dataclasses.replace(config, geocoder_url=started.url))
        yield started
    http.wake()


def knows(peer: Peer, **values: Any) -> None:
    properties = {
        "label": "3 Rue du Port 35600 Redon",
        "name": "3 Rue du Port",
        "postcode": "35600",
        "citycode": REDON,
        "score": 0.9,
        "type": "housenumber",
        **values,
    }
    peer.answer(
        "/search",
        {"features": [{"geometry": {"coordinates": [-2.0811, 47.6522]}, "properties": properties}]},
    )


def proposed(browser: Browser, **typed: str) -> list[tuple[str, str]]:
    response = browser.client.get("/adresses", query_string=typed)
    assert response.status_code == 200
    soup = BeautifulSoup(response.text, "html5lib")
    assert soup.select_one("datalist#adresses") is not None
    return [(str(o["value"]), o.text) for o in soup.select("option")]


# --- Completion ---


def test_addresses_of_the_commune_are_proposed(session: Session, sign_in: SignIn, peer: Peer) -> None:
    knows(peer)
    browser = sign_in(make_user(session))
    assert proposed(browser, adresse=" 3 rue  du port", commune="redon") == [
        ("3 Rue du Port", "3 Rue du Port 35600 Redon")
    ]
    assert peer.asked[0].query == {"q": "3 rue du port", "limit": "5", "citycode": REDON}


@pytest.mark.parametrize("commune", ["", "Nulle-Part-sur-Mer", "35136", "x" * 500])
def test_without_a_clear_commune_addresses_of_everywhere(
    session: Session, sign_in: SignIn, peer: Peer, commune: str
) -> None:
    knows(peer)
    assert proposed(sign_in(make_user(session)), adresse="3 rue du port", commune=commune)
    assert "citycode" not in peer.asked[0].query


@pytest.mark.parametrize("typed", ["", "3 r", "   3   ", "----------"])
def test_a_few_letters_are_not_asked_about(session: Session, sign_in: SignIn, peer: Peer, typed: str) -> None:
    assert proposed(sign_in(make_user(session)), adresse=typed) == []
    assert peer.asked == []


def test_what_the_geocoder_says_is_text(session: Session, sign_in: SignIn, peer: Peer) -> None:
    knows(peer, label="<script>", name='"><b>')
    assert proposed(sign_in(make_user(session)), adresse="3 rue du port") == [('"><b>', "<script>")]


def test_a_geocoder_that_is_down_costs_nothing_but_the_first_wait(
    session: Session, sign_in: SignIn, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TIMEOUT", (0.5, 0.3))
    peer.answer("/search", {}, after=30)
    browser = sign_in(make_user(session))
    started = time.monotonic()
    for _ in range(5):
        assert proposed(browser, adresse="3 rue du port") == []
    # It would answer after thirty.
    assert time.monotonic() - started < 25
    assert len(peer.asked) == 1


def test_without_a_geocoder(app: Flask, session: Session, sign_in: SignIn) -> None:
    assert app.config["PORTAL"].geocoder_url == ""
    assert proposed(sign_in(make_user(session)), adresse="3 rue du port") == []


def test_visitors_are_not_answered(browser: Browser, peer: Peer) -> None:
    assert browser.get("/adresses?adresse=3+rue+du+port").path == "/connexion"
    assert peer.asked == []


def test_who_asks_too_often_types_alone_for_a_while(
    session: Session, sign_in: SignIn, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    knows(peer)
    # The count starts anew after a minute: none goes by here.
    now = time.time()
    monkeypatch.setattr(memory, "time", SimpleNamespace(time=lambda: now))
    browser, colleague = sign_in(make_user(session)), sign_in(make_user(session))
    answered = 0
    while answered <= 60 and proposed(browser, adresse="3 rue du port"):
        answered += 1
    assert answered == 60
    asked = len(peer.asked)
    assert proposed(colleague, adresse="3 rue du port") != []
    assert len(peer.asked) == asked + 1


# --- Where an address is ---


def test_locate_when_it_is_sure(app: Flask, session: Session, peer: Peer) -> None:
    knows(peer)
    with app.test_request_context(method="POST"):
        assert locate_address("3 rue du Port", REDON) == (47.6522, -2.0811)
        assert locate_address("3 rue du Port", RENNES) is None


def test_locate_when_nobody_answers(app: Flask, session: Session, peer: Peer) -> None:
    peer.answer("/search", "<html>", kind="text/html")
    with app.test_request_context(method="POST"):
        assert locate_address("3 rue du Port", REDON) is None


def test_locate_without_a_geocoder(app: Flask, session: Session) -> None:
    with app.test_request_context(method="POST"):
        assert locate_address("3 rue du Port", REDON) is None


def test_others_write_while_the_geocoder_is_waited_for(app: Flask, database: Database, peer: Peer) -> None:
    wrote = []

    def slowly(_asked: Asked) -> Answer:
        with database.writing() as other:
            other.execute(text("UPDATE account SET nom = nom WHERE 1 = 0"))
        wrote.append(True)
        return Answer({"features": []})

    peer.answer_with("/search", slowly)
    with app.test_request_context(method="POST"):
        db().exec(select(User).limit(1)).all()
        locate_address("3 rue du Port", REDON)
        assert wrote, "the request kept the only right to write while it waited for the geocoder"


# --- Offers ---


def test_a_new_offer_is_where_its_address_is(session: Session, sign_in: SignIn, peer: Peer) -> None:
    knows(peer)
    partner, structure = make_partner(session)
    form = sign_in(partner).get(f"/structures/{structure.id}/offres/nouvelle").form("offer-form")
    form.submit(DRAFT, nom="Passer le code", commune="Redon (35600)", adresse="3 rue du Port")
    offer = session.exec(select(Offer)).one()
    assert (offer.latitude, offer.longitude) == (47.6522, -2.0811)
    assert (offer.adresse, offer.code_insee) == ("3 rue du Port", REDON)


def test_an_address_that_changes_is_looked_up(session: Session, sign_in: SignIn, peer: Peer) -> None:
    knows(peer)
    partner, structure = make_partner(session)
    offer = make_offer(session, structure, code_insee=REDON, position=(47.0, -2.0))
    form = sign_in(partner).get(f"/offres/{offer.id}/modifier").form("offer-form")
    form.submit(SAVE, adresse="3 rue du Port")
    session.refresh(offer)
    assert (offer.latitude, offer.longitude) == (47.6522, -2.0811)
    assert [asked.query["q"] for asked in peer.asked] == ["3 rue du Port"]


def test_an_address_that_does_not_change_keeps_its_place(
    session: Session, sign_in: SignIn, peer: Peer
) -> None:
    knows(peer)
    partner, structure = make_partner(session)
    offer = make_offer(session, structure, code_insee=REDON, position=(47.0, -2.0))
    form = sign_in(partner).get(f"/offres/{offer.id}/modifier").form("offer-form")
    form.submit(SAVE, nom="Passer le code autrement")
    session.refresh(offer)
    assert offer.nom == "Passer le code autrement"
    assert (offer.latitude, offer.longitude) == (47.0, -2.0)
    assert peer.asked == []


@pytest.mark.parametrize("doubt", [{"score": 0.3}, {"citycode": RENNES}, {"type": "municipality"}])
def test_an_address_that_nobody_is_sure_of_is_in_the_middle_of_its_commune(
    session: Session, sign_in: SignIn, peer: Peer, doubt: dict[str, Any]
) -> None:
    knows(peer, **doubt)
    partner, structure = make_partner(session)
    offer = make_offer(session, structure, code_insee=REDON, position=(47.0, -2.0))
    form = sign_in(partner).get(f"/offres/{offer.id}/modifier").form("offer-form")
    form.submit(SAVE, adresse="Chez quelqu’un")
    session.refresh(offer)
    centre = geography.commune(REDON)
    assert centre is not None
    assert (offer.latitude, offer.longitude) == (centre.latitude, centre.longitude)


def test_an_offer_is_saved_when_the_geocoder_is_down(session: Session, sign_in: SignIn, peer: Peer) -> None:
    peer.answer("/search", status=500)
    partner, structure = make_partner(session)
    offer = make_offer(session, structure, code_insee=REDON)
    form = sign_in(partner).get(f"/offres/{offer.id}/modifier").form("offer-form")
    form.submit(SAVE, adresse="3 rue du Port")
    session.refresh(offer)
    assert offer.adresse == "3 rue du Port"
    assert len(peer.asked) == 1


def test_an_offer_without_an_address_asks_nothing(session: Session, sign_in: SignIn, peer: Peer) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure, code_insee=REDON)
    form = sign_in(partner).get(f"/offres/{offer.id}/modifier").form("offer-form")
    form.submit(SAVE, adresse="")
    session.refresh(offer)
    assert offer.adresse is None
    assert peer.asked == []


# Pages are compared with fragments: both are read the same way.
EXACT_PAGES = True
