"""The geocoder: addresses that are proposed, the one that is accepted, and those that are not."""

from typing import Any

import pytest

from portal.clients.geocoder import Address, locate, search_addresses, town_of
from portal.clients.http import Unavailable
from tests.peers import Peer

REDON = "35236"


def feature(**values: Any) -> dict[str, Any]:
    coordinates = values.pop("coordinates", [-2.08, 47.65])
    properties = {
        "label": "12 Rue de la Gare 35600 Redon",
        "name": "12 Rue de la Gare",
        "postcode": "35600",
        "citycode": REDON,
        "city": "Redon",
        "score": 0.9,
        "type": "housenumber",
    }
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": coordinates},
        "properties": {**properties, **values},
    }


def answers(peer: Peer, *features: Any) -> None:
    peer.answer("/geocodage/search", {"type": "FeatureCollection", "features": list(features)})


def base(peer: Peer) -> str:
    return f"{peer.url}/geocodage"


def test_addresses_are_proposed(peer: Peer) -> None:
    answers(peer, feature(), feature(name=None, label="Rue de la Gare", type="street", postcode=None))
    first, second = search_addresses(base(peer), "12 rue de la gare", code_insee=REDON)
    assert first == Address(
        label="12 Rue de la Gare 35600 Redon",
        adresse="12 Rue de la Gare",
        code_postal="35600",
        code_insee=REDON,
        latitude=47.65,
        longitude=-2.08,
        score=0.9,
        kind="housenumber",
    )
    assert (second.adresse, second.code_postal) == ("Rue de la Gare", None)
    assert peer.asked[0].query == {"q": "12 rue de la gare", "limit": "5", "citycode": REDON}


def test_no_commune_no_filter(peer: Peer) -> None:
    answers(peer)
    assert search_addresses(base(peer), "12 rue de la gare") == []
    assert "citycode" not in peer.asked[0].query


@pytest.mark.parametrize("typed", ["", "12", " - 3", "«»…!", "___"])
def test_what_the_geocoder_would_refuse_is_not_asked(peer: Peer, typed: str) -> None:
    assert search_addresses(base(peer), typed) == []
    assert locate(base(peer), typed, REDON) is None
    assert peer.asked == []


def test_a_question_begins_with_a_letter_and_is_not_too_long(peer: Peer) -> None:
    answers(peer)
    search_addresses(base(peer), "(« Bâtiment B », " + "x" * 500, code_insee="75056")
    (asked,) = peer.asked
    assert asked.query["q"].startswith("Bâtiment B")
    assert asked.query["q"].endswith(" Paris")
    assert len(asked.query["q"]) <= 200


def test_an_address_is_located(peer: Peer) -> None:
    answers(peer, feature())
    found = locate(base(peer), "12 rue de la Gare", REDON)
    assert found is not None
    assert (found.latitude, found.longitude) == (47.65, -2.08)


@pytest.mark.parametrize(
    "doubt",
    [
        {"score": 0.5},
        {"score": None},
        {"citycode": "35238"},
        {"citycode": None},
        {"citycode": 35236},
        {"type": "municipality"},
        {"type": None},
    ],
)
def test_nothing_is_located_without_being_sure(peer: Peer, doubt: dict[str, Any]) -> None:
    answers(peer, feature(**doubt))
    assert locate(base(peer), "12 rue de la Gare", REDON) is None


@pytest.mark.parametrize("kind", ["housenumber", "street", "locality"])
def test_a_number_a_street_or_a_place_is_precise_enough(peer: Peer, kind: str) -> None:
    answers(peer, feature(type=kind, score=0.51))
    assert locate(base(peer), "12 rue de la Gare", REDON) is not None


@pytest.mark.parametrize(
    ("town", "part", "name"),
    [("75056", "75118", "Paris"), ("69123", "69383", "Lyon"), ("13055", "13201", "Marseille")],
)
def test_the_arrondissements_of_a_town_are_in_it(peer: Peer, town: str, part: str, name: str) -> None:
    answers(peer, feature(citycode=REDON, name="Rue de Paris"), feature(citycode=part))
    found = locate(base(peer), "12 rue de la Gare", town)
    assert found is not None
    assert found.code_insee == part
    assert peer.asked[0].query["q"] == f"12 rue de la Gare {name}"
    assert "citycode" not in peer.asked[0].query
    assert town_of(part) == town_of(town) == town
    assert town_of(REDON) == REDON
    assert [a.code_insee for a in search_addresses(base(peer), "rue de la gare", code_insee=town)] == [part]


def test_no_more_than_asked_for_in_a_town_of_arrondissements(peer: Peer) -> None:
    answers(peer, *[feature(citycode="75118")] * 9)
    assert len(search_addresses(base(peer), "rue de la gare", code_insee="75056", limit=5)) == 5


@pytest.mark.parametrize("body", [[], {}, {"features": None}, {"features": "x"}, "null", "3"])
def test_another_shape_is_no_answer(peer: Peer, body: Any) -> None:
    peer.answer("/geocodage/search", body)
    with pytest.raises(Unavailable, match="shape"):
        search_addresses(base(peer), "12 rue de la gare")


@pytest.mark.parametrize(
    "odd",
    [
        None,
        3,
        "x",
        [],
        {},
        {"properties": None, "geometry": None},
        {"properties": "x", "geometry": {"coordinates": [1, 2]}},
        {"properties": [], "geometry": {"coordinates": [1, 2]}},
        {"properties": {"label": "x"}, "geometry": {"coordinates": None}},
        feature(coordinates=[1]),
        feature(coordinates=["a", "b"]),
        feature(coordinates=[None, 2]),
        feature(coordinates={"lon": 1, "lat": 2}),
        feature(coordinates=[652_000, 6_865_000]),
        feature(label=None),
        feature(label=["x"]),
        feature(score="beaucoup"),
        feature(score=[]) | {"geometry": []},
    ],
)
def test_odd_addresses_are_passed_over(peer: Peer, odd: Any) -> None:
    answers(peer, odd, feature())
    assert [a.label for a in search_addresses(base(peer), "12 rue de la gare")] == [
        "12 Rue de la Gare 35600 Redon"
    ]


def test_the_geocoder_that_does_not_answer(peer: Peer, impatient: None) -> None:
    peer.answer("/geocodage/search", {}, after=30)
    with pytest.raises(Unavailable, match="Timeout"):
        locate(base(peer), "12 rue de la Gare", REDON)
