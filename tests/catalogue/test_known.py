"""The pages of an offer and of a structure that another source publishes."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import Session

from portal.accounts.models import Role, User
from tests.factories import catalogue
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import make_structure
from tests.pages import Browser

FULL: dict[str, Any] = {
    "nom": "Garage solidaire",
    "description": "Réparer sa voiture avec un mécanicien.\n\nOn apporte les pièces.",
    "lien_source": "https://dora.example.org/services/garage",
    "date_maj": "2026-02-01",
    "type": "accompagnement",
    "thematiques": ["mobilite--entretenir-reparer-son-vehicule"],
    "frais": "payant",
    "frais_precisions": "10 € de l’heure.",
    "publics": ["demandeurs-emploi"],
    "publics_precisions": "Avec le permis.",
    "conditions_acces": "Une attestation d’assurance.",
    "complement_adresse": "Bâtiment C",
    "telephone": "+33299112233",
    "courriel": "garage@association.example.org",
    "modes_accueil": ["en-presentiel", "a-distance"],
    "zone_eligibilite": ["35"],
    "contact_nom_prenom": "Camille Fictive",
    "lien_mobilisation": "https://dora.example.org/orientations/garage",
    "modes_mobilisation": ["telephoner", "se-presenter"],
    "mobilisation_precisions": "Appeler le matin.",
    "volume_horaire_hebdomadaire": 7.5,
    "nombre_semaines": 4,
    "horaires_accueil": "Mo-Fr 09:00-12:00",
}
# What the schema does not require.
EMPTY = (
    "type",
    "thematiques",
    "frais",
    "publics",
    "modes_accueil",
    "modes_mobilisation",
    "mobilisable_par",
    "courriel",
    "code_insee",
    "commune",
    "code_postal",
    "adresse",
    "latitude",
    "longitude",
)
SHOWN = (
    "Publiée par DORA",
    "Accompagnement, par Association inventée",
    "Réparer sa voiture avec un mécanicien.",
    "On apporte les pièces.",
    "Entretenir et réparer son véhicule",
    "Payant : 10 € de l’heure.",
    "Demandeurs d’emploi",
    "Avec le permis.",
    "Une attestation d’assurance.",
    "2 rue de l’Exemple",
    "Bâtiment C",
    "35000 Rennes",
    "Oui, par téléphone ou internet",
    "Ille-et-Vilaine (35)",
    "02 99 11 22 33",
    "garage@association.example.org",
    "Demander par internet",
    "Se présenter sur place",
    "Appeler le matin.",
    "La personne peut la demander elle-même, ou un professionnel le fait pour elle.",
    "7 h 30 par semaine × 4 semaines",
    "lun. à ven. : 9 h à 12 h",
    "le 1er février 2026 : à vérifier",
    "Fiche remplie",
)


@pytest.fixture(autouse=True)
def _now(move_clock: Callable[..., Any]) -> None:
    move_clock(2026, 11, 21, 10)


def test_the_page_says_all_that_the_record_says(session: Session, browser: Browser) -> None:
    service = catalogue.known_service(session, **FULL)
    session.commit()
    page = browser.get(f"/offres/{service.id}")
    assert page.h1 == "Garage solidaire"
    for words in SHOWN:
        assert words in page.text, words
    # The original is elsewhere: search engines are sent there.
    assert page.soup.select_one('meta[name="robots"]')["content"] == "noindex"  # type: ignore[index]
    assert page.soup.select_one('link[rel="canonical"]')["href"] == FULL["lien_source"]  # type: ignore[index]
    (there, _) = page.soup.select(f'a[href="{FULL["lien_source"]}"]')
    assert there.get_text(strip=True) == "Voir la fiche sur DORA"
    (frame,) = page.soup.select("[data-map]")
    assert (frame["data-map-lat"], frame["data-map-lon"]) == ("48.1113", "-1.68")


def test_a_name_is_for_professionals(
    session: Session, browser: Browser, sign_in: Callable[[User], Browser]
) -> None:
    service = catalogue.known_service(session, **FULL)
    session.commit()
    page = browser.get(f"/offres/{service.id}")
    assert "Camille Fictive" not in page.response.text
    assert "Le nom du contact est montré aux professionnels connectés." in page.text
    page = sign_in(make_user(session, Role.REFERENT)).get(f"/offres/{service.id}")
    assert "Camille Fictive" in page.text
    assert "elle ne se prescrit pas sur ce portail" in page.text


def test_a_bare_record_has_a_page_too(session: Session, browser: Browser) -> None:
    nothing = dict.fromkeys(EMPTY)
    structure = catalogue.known_structure(session, source="source-inconnue", key="a/b c")
    service = catalogue.known_service(session, structure, key="7/8 é", **nothing)
    session.commit()
    page = browser.get(f"/offres/{service.id}")
    assert "Publiée par source-inconnue" in page.text
    assert not page.soup.select("[data-map]")
    assert not page.soup.select('link[rel="canonical"]')
    # The structure's address is followed as it is written, slash and space included.
    link = page.soup.select_one(".lead a")
    assert link is not None
    assert browser.get(str(link["href"])).h1 == "Association inventée"


def test_what_its_structure_says_stands_in(session: Session, browser: Browser) -> None:
    structure = catalogue.known_structure(
        session,
        telephone="+33299445566",
        courriel="siege@association.example.org",
        horaires_accueil="Mo 14:00-17:00",
    )
    service = catalogue.known_service(session, structure, courriel=None)
    session.commit()
    text = browser.get(f"/offres/{service.id}").text
    assert "02 99 44 55 66" in text
    assert "siege@association.example.org" in text
    assert "lun. : 14 h à 17 h" in text


def test_ours_by_its_prefixed_id_is_led_to_its_page(session: Session, browser: Browser) -> None:
    offer = make_offer(session)
    session.commit()
    for kind, row in (("offres", offer.id), ("structures", offer.structure_id)):
        response = browser.client.get(f"/{kind}/portail-test--{row}")
        assert (response.status_code, response.headers["Location"]) == (301, f"/{kind}/{row}")
    someone = uuid.uuid4()
    response = browser.client.get(f"/offres/portail-test--{offer.id}?beneficiaire={someone}")
    assert response.headers["Location"] == f"/offres/{offer.id}?beneficiaire={someone}"


@pytest.mark.parametrize(
    "address",
    [
        "/offres/dora--inconnue",
        "/structures/dora--inconnue",
        "/offres/portail-test--pas-un-uuid",
        "/offres/dora--" + "a" * 3000,
        "/offres/dora--%F0%9F%98%80'%22;--",
        "/offres/dora--%00",
        "/structures/dora--%00",
        "/offres/dora--%FF%FE",
    ],
)
def test_what_is_not_known_leads_to_the_search(browser: Browser, address: str) -> None:
    page = browser.get(address, status=404)
    assert "n’est pas connue ici" in page.h1
    assert page.soup.select_one('main a[href="/offres"]')


def test_other_records_of_the_structure_are_told(session: Session, browser: Browser) -> None:
    siret = "13002526500013"
    ours = make_structure(session, nom="Association Exemple", siret=siret)
    offer = make_offer(session, ours)
    structure = catalogue.known_structure(session, siret=siret, nom="Asso. Exemple")
    other = catalogue.known_structure(session, source="soliguide", siret=siret, nom="L’Exemple")
    service = catalogue.known_service(session, structure)
    catalogue.known_service(session, other)
    catalogue.index(session)
    session.commit()
    page = browser.get(f"/offres/{service.id}")
    assert (
        "La même structure, ailleurs Association Exemple , sur ce portail L’Exemple , sur Soliguide"
        in page.text
    )
    assert page.soup.select_one(f'a[href="/structures/{ours.id}"]')
    assert browser.get(f"/structures/{other.id}").soup.select_one(f'a[href="/structures/{structure.id}"]')
    for address in (f"/offres/{offer.id}", f"/structures/{ours.id}"):
        assert "ailleurs Asso. Exemple , sur DORA L’Exemple , sur Soliguide" in browser.get(address).text


def test_nothing_is_said_of_a_structure_that_is_alone(session: Session, browser: Browser) -> None:
    offer = make_offer(session)
    service = catalogue.known_service(session)
    catalogue.index(session)
    session.commit()
    for address in (f"/offres/{offer.id}", f"/structures/{offer.structure_id}", f"/offres/{service.id}"):
        assert "ailleurs" not in browser.get(address).text, address


def test_a_structure_and_its_offers(session: Session, browser: Browser) -> None:
    structure = catalogue.known_structure(
        session,
        siret="13002526500013",
        site_web="https://association.example.org/",
        reseaux_porteurs=["emmaus"],
        lien_source="https://dora.example.org/structures/a",
    )
    for nom in ("Zone de gratuité", "Atelier vélo"):
        catalogue.known_service(session, structure, nom=nom)
    catalogue.known_service(session, nom="D’une autre")
    session.commit()
    page = browser.get(f"/structures/{structure.id}")
    names = [tag.get_text(strip=True) for tag in page.soup.select(".result-title")]
    assert names == ["Atelier vélo", "Zone de gratuité"]
    for words in ("Publiée par DORA", "13002526500013", "Emmaüs", "association.example.org"):
        assert words in page.text, words
    assert page.soup.select_one('link[rel="canonical"]')["href"] == "https://dora.example.org/structures/a"  # type: ignore[index]


def test_a_structure_of_many_offers_sends_to_the_search(session: Session, browser: Browser) -> None:
    structure = catalogue.known_structure(session)
    for number in range(52):
        catalogue.known_service(session, structure, nom=f"Atelier {number}")
    catalogue.index(session)
    session.commit()
    page = browser.get(f"/structures/{structure.id}")
    assert len(page.soup.select(".result-title")) == 50
    link = page.soup.find("a", string="Voir toutes ses offres")
    assert link is not None
    assert "52 offres" in browser.get(str(link["href"])).text


def test_who_looks_for_somebody_keeps_them(session: Session, browser: Browser) -> None:
    service = catalogue.known_service(session)
    session.commit()
    someone = uuid.uuid4()
    page = browser.get(f"/offres/{service.id}?beneficiaire={someone}")
    assert page.soup.select_one(f'.page-back a[href="/offres?beneficiaire={someone}"]')
