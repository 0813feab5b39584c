"""The map of a search: its points, what it says of those it does not show, and its background."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlmodel import Session

from portal import geography
from portal.accounts.models import Role, User
from portal.catalogue.address import read
from portal.catalogue.engine import Point
from portal.catalogue.views import map as the_map
from portal.config import ConfigError, load_config
from portal.web.headers import init_app as add_headers
from tests.factories import catalogue
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.offers import make_offer
from tests.factories.structures import REDON, RENNES
from tests.pages import Browser

ADDRESS = "/offres/points.json"
IN_REDON: dict[str, Any] = {
    "code_insee": REDON,
    "commune": "Redon",
    "code_postal": "35600",
    "adresse": "3 rue de l’Exemple",
    "latitude": 47.6601,
    "longitude": -2.0902,
}


class Arguments(dict[str, list[str]]):
    def getlist(self, key: str) -> list[str]:
        return self.get(key, [])


def ask(browser: Browser, query: str = "", status: int = 200) -> dict[str, Any]:
    browser.session.commit()
    response = browser.client.get(ADDRESS + query)
    assert response.status_code == status, response.text
    assert response.mimetype == "application/json"
    found: dict[str, Any] = response.get_json()
    return found


def test_a_point_says_what_its_card_says(session: Session, browser: Browser) -> None:
    structure = catalogue.known_structure(session, nom="Maison de Redon", **IN_REDON)
    service = catalogue.known_service(session, structure, key="atelier", nom="Se déplacer", **IN_REDON)
    catalogue.index(session)
    answer = ask(browser, "?ou=Redon+(35600)")
    assert answer["total"] == 1
    assert answer["message"] == "1 offre sur la carte."
    assert answer["points"] == [
        {
            "id": service.id,
            "nom": "Se déplacer",
            "structure": "Maison de Redon",
            "lat": 47.6601,
            "lon": -2.0902,
            "url": "/offres/dora--atelier",
            "approx": False,
        }
    ]
    assert "Redon" in {nom for nom, _, _ in answer["reperes"]}
    assert browser.get(answer["points"][0]["url"]).h1 == "Se déplacer"


def test_one_of_ours_leads_to_its_own_page(session: Session, browser: Browser) -> None:
    offer = make_offer(session, latitude=48.1201, longitude=-1.6301)
    (point,) = ask(browser)["points"]
    assert point["url"] == f"/offres/{offer.id}"
    assert browser.get(point["url"]).h1 == offer.nom


@pytest.mark.parametrize("adresse", [None, "Mairie"], ids=["no street", "the centre of the commune"])
def test_a_point_that_stands_for_a_commune_says_so(
    session: Session, browser: Browser, adresse: str | None
) -> None:
    centre = geography.commune(REDON)
    assert centre is not None
    where: dict[str, Any] = {"adresse": adresse}
    if adresse:
        where |= {"latitude": centre.latitude, "longitude": centre.longitude}
    catalogue.known_service(session, **(IN_REDON | where))
    catalogue.index(session)
    (point,) = ask(browser)["points"]
    assert point["approx"] is True


def test_what_is_not_on_the_map_is_told(session: Session, browser: Browser) -> None:
    structure = catalogue.known_structure(session)
    catalogue.known_service(session, structure)
    for _ in range(2):
        catalogue.known_service(
            session, structure, latitude=None, longitude=None, modes_accueil=["a-distance"]
        )
    catalogue.index(session)
    answer = ask(browser)
    assert (answer["total"], len(answer["points"])) == (3, 1)
    assert "2 autres, à distance ou sans adresse" in answer["message"]


def test_a_remote_offer_is_no_place_to_go_to(session: Session, browser: Browser) -> None:
    catalogue.known_service(session, nom="Près de Redon", **IN_REDON)
    # It stands in Rennes, 60 km away: it is in the list because it comes to people.
    both = ["a-distance", "en-presentiel"]
    catalogue.known_service(session, nom="Par téléphone", modes_accueil=both)
    catalogue.index(session)
    for query in ("?ou=Redon+(35600)&rayon=10", "?ou=Morbihan+(56)"):
        answer = ask(browser, query)
        assert "Par téléphone" not in {point["nom"] for point in answer["points"]}, query
    answer = ask(browser, "?ou=Redon+(35600)&rayon=10")
    assert (answer["total"], len(answer["points"])) == (2, 1)
    assert "une autre, à distance ou sans adresse, est dans la liste" in answer["message"]
    # Around Rennes it is a place.
    assert len(ask(browser, "?ou=Rennes+(35000)&rayon=10")["points"]) == 1


def test_filters_apply_to_the_points(session: Session, browser: Browser) -> None:
    catalogue.known_service(session, nom="Payant", frais="payant")
    catalogue.known_service(session, nom="Gratuit", frais="gratuit")
    catalogue.index(session)
    assert [point["nom"] for point in ask(browser, "?frais=payant")["points"]] == ["Payant"]
    nothing = ask(browser, "?frais=payant&quoi=gratuit")
    assert (nothing["total"], nothing["points"], nothing["reperes"]) == (0, [], [])


def test_no_more_points_than_can_be_read(
    session: Session, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(the_map, "MOST_POINTS", 2)
    for number in range(3):
        catalogue.known_service(session, nom=f"Atelier {number}")
    catalogue.index(session)
    answer = ask(browser)
    assert (answer["total"], len(answer["points"])) == (3, 2)
    assert "les premières des 3 offres trouvées. Précisez" in answer["message"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?ou=Redonn", "ou"),
        ("?rayon=-3&ou=Redon", "rayon"),
        ("?page=0", "page"),
        ("?thematique=rien", "thematique"),
        ("?quoi=" + "a" * 5000, "quoi"),
        ("?quoi=%F0%9F%98%80", "quoi"),
        ("?" + "&".join(["thematique=mobilite"] * 5000), "thematique"),
    ],
)
def test_what_is_not_understood_is_told(browser: Browser, query: str, field: str) -> None:
    answer = ask(browser, query, 422)
    assert set(answer["erreurs"]) == {field}
    assert answer["message"] == answer["erreurs"][field]


def test_around_a_person_for_their_referent(session: Session, sign_in: Callable[[User], Browser]) -> None:
    catalogue.known_service(session, nom="À Redon", **IN_REDON)
    catalogue.known_service(session, nom="À Rennes")
    catalogue.index(session)
    referent = make_user(session, Role.REFERENT)
    person = make_beneficiary(session, referent, code_insee=REDON)
    query = f"?beneficiaire={person.id}&rayon=10"
    (point,) = ask(sign_in(referent), query)["points"]
    assert point["nom"] == "À Redon"
    assert point["url"].endswith(f"?beneficiaire={person.id}")
    # A colleague learns nothing: not where the person lives, not that they exist.
    others = ask(sign_in(make_user(session, Role.REFERENT)), query)["points"]
    assert {point["nom"] for point in others} == {"À Redon", "À Rennes"}
    assert not any("beneficiaire" in point["url"] for point in others)


def test_the_page_holds_the_map_and_the_list(session: Session, browser: Browser) -> None:
    catalogue.known_service(session, nom="À Redon", **IN_REDON)
    catalogue.index(session)
    session.commit()
    page = browser.get("/offres?vue=carte&ou=Redon+(35600)&rayon=20&quoi=redon")
    (frame,) = page.soup.select("[data-map]")
    assert (
        frame["data-map-points"] == "/offres/points.json?quoi=redon&ou=Redon+%2835600%29&rayon=20&vue=carte"
    )
    assert frame["data-map-km"] == "20"
    assert "data-map-tiles" not in frame.attrs
    for address in str(frame["data-map-files"]).split():
        assert browser.client.get(address, buffered=True).status_code == 200, address
    # The list is there too; without the script, it is all there is, and the page says why.
    assert page.soup.select_one(".result-title")
    assert "La carte a besoin de JavaScript" in str(page.soup.select_one("noscript"))
    # A list loads nothing of the map.
    assert not browser.get("/offres").soup.select("[data-map]")
    assert "leaflet" not in browser.get("/offres").response.text


def test_landmarks_are_the_main_towns_apart_from_one_another() -> None:
    found = [
        Point("a--1", "A", "A", 48.11, -1.68),
        Point("a--2", "B", "B", 47.65, -2.08),
    ]
    towns = the_map.landmarks(found, read(Arguments()))
    assert towns[0].code == RENNES
    assert 2 <= len(towns) <= 8
    assert len({town.code for town in towns}) == len(towns)
    assert the_map.landmarks([], read(Arguments())) == []


@pytest.mark.parametrize(
    ("address", "credit"),
    [
        ("https://data.geopf.fr/wmts?x={x}&y={y}&z={z}", "© IGN, Géoplateforme"),
        ("https://tile.openstreetmap.org/{z}/{x}/{y}.png", "© les contributeurs d’OpenStreetMap"),
        ("https://a.tile.openstreetmap.fr/osmfr/{z}/{x}/{y}.png", "© les contributeurs d’OpenStreetMap"),
        ("https://tuiles.example.org/{z}/{x}/{y}.png", "Fond de carte : tuiles.example.org"),
        ("/tuiles/{z}/{x}/{y}.png", ""),
        ("", ""),
    ],
)
def test_who_draws_the_background_is_named(address: str, credit: str) -> None:
    assert the_map.background(address).credit == credit


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://data.geopf.fr/wmts?x={x}&y={y}&z={z}", "https://data.geopf.fr"),
        ("https://{s}.tiles.example.org:8443/{z}/{x}/{y}.png", "https://*.tiles.example.org:8443"),
        ("/tuiles/{z}/{x}/{y}.png", ""),
        ("off", ""),
    ],
)
def test_the_policy_opens_to_the_tiles_alone(tmp_path: Any, address: str, origin: str) -> None:
    config = load_config({"PORTAL_TILES_URL": address}, tmp_path)
    assert config.tiles_origin == origin
    app = Flask("tiles")
    add_headers(app, https=False, images=config.tiles_origin)
    policy = app.test_client().get("/").headers["Content-Security-Policy"]
    images = next(part for part in policy.split("; ") if part.startswith("img-src"))
    assert images.split() == ["img-src", "'self'", "data:", *([origin] if origin else [])]
    assert policy.count("https://") == (1 if origin else 0)


@pytest.mark.parametrize(
    "address",
    [
        "tiles.example.org/{z}/{x}/{y}.png",
        "https://tiles.example.org/{z}/{x}.png",
        "//tiles.example.org/{z}/{x}/{y}.png",
        "https://tiles.example.org; script-src 'unsafe-inline'/{z}/{x}/{y}.png",
    ],
)
def test_a_background_that_cannot_be_used_is_refused(tmp_path: Any, address: str) -> None:
    with pytest.raises(ConfigError, match="PORTAL_TILES_URL"):
        load_config({"PORTAL_TILES_URL": address}, tmp_path)
