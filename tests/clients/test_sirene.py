"""The register of companies: found, closed, unknown, hidden, and shapes that nobody expects."""

from typing import Any

import pytest

from portal.clients.http import Unavailable
from portal.clients.sirene import Establishment, find_establishment, readable
from tests.peers import Peer

SIRET = "12345678200010"
OTHER = "12345678200028"


def place(siret: str = SIRET, **values: Any) -> dict[str, Any]:
    return {
        "siret": siret,
        "adresse": "12 RUE DE LA GARE 35600 REDON",
        "code_postal": "35600",
        "commune": "35236",
        "libelle_commune": "REDON",
        "etat_administratif": "A",
        "liste_enseignes": None,
        "latitude": "47.65",
        **values,
    }


def company(siege: Any = None, matching: Any = None, **values: Any) -> dict[str, Any]:
    return {
        "siren": SIRET[:9],
        "nom_complet": "ASSOCIATION D'EXEMPLE (LA PASSERELLE)",
        "nom_raison_sociale": "ASSOCIATION D'EXEMPLE",
        "etat_administratif": "A",
        "siege": siege,
        "matching_etablissements": matching,
        **values,
    }


def found(peer: Peer, *results: Any) -> Establishment | None:
    peer.answer("/search", {"results": list(results), "total_results": len(results)})
    return find_establishment(peer.url + "/", SIRET)


def test_the_head_office(peer: Peer) -> None:
    assert found(peer, company(place())) == Establishment(
        siret=SIRET,
        nom="Association d’Exemple",
        adresse="12 rue de la Gare",
        code_postal="35600",
        code_insee="35236",
        is_open=True,
    )
    (asked,) = peer.asked
    assert (asked.path, asked.query["q"]) == ("/search", SIRET)


def test_a_branch_with_a_name_of_its_own(peer: Peer) -> None:
    branch = place(liste_enseignes=["", "L'ATELIER DU PAYS DE REDON"], adresse="ZA DE CAP NORD 35600 REDON")
    answer = found(peer, company(place(OTHER), [place(OTHER), branch]))
    assert answer is not None
    assert (answer.siret, answer.nom, answer.adresse) == (
        SIRET,
        "L’Atelier du Pays de Redon",
        "ZA de Cap Nord",
    )


def test_a_closed_establishment_is_found_and_said_to_be_closed(peer: Peer) -> None:
    answer = found(peer, company(place(OTHER), [place(etat_administratif="F")]))
    assert answer is not None
    assert not answer.is_open


@pytest.mark.parametrize("state", [None, "", "A"])
def test_a_state_that_is_not_said_closes_nothing(peer: Peer, state: str | None) -> None:
    answer = found(peer, company(place(etat_administratif=state)))
    assert answer is not None
    assert answer.is_open


def test_an_unknown_number(peer: Peer) -> None:
    assert found(peer) is None


def test_an_establishment_that_is_another_s_is_not_taken(peer: Peer) -> None:
    assert found(peer, company(place(OTHER), [place(OTHER)])) is None


def test_what_is_not_shown_stays_unknown(peer: Peer) -> None:
    hidden = "[NON-DIFFUSIBLE]"
    masked = place(adresse=hidden, code_postal=hidden, liste_enseignes=[hidden], latitude=hidden)
    answer = found(peer, company(masked, nom_complet=hidden, nom_raison_sociale=None))
    assert answer == Establishment(SIRET, "", None, None, "35236", is_open=True)
    partly = place(adresse=f"{hidden} 35600 REDON")
    answer = found(peer, company(partly, nom_complet="CAMILLE EXEMPLE", nom_raison_sociale=None))
    assert answer is not None
    assert (answer.nom, answer.adresse, answer.code_postal) == ("Camille Exemple", None, "35600")


@pytest.mark.parametrize(
    "body",
    [[], {}, None, "texte", {"results": None}, {"results": {}}, {"erreur": "Une erreur"}],
)
def test_another_shape_is_no_answer(peer: Peer, body: Any) -> None:
    peer.answer("/search", body if isinstance(body, dict | list) else f'"{body}"')
    with pytest.raises(Unavailable, match="shape"):
        find_establishment(peer.url, SIRET)


@pytest.mark.parametrize(
    "result",
    [
        None,
        3,
        "siege",
        [],
        {},
        company(None, None),
        company("siege", "etablissements"),
        company([], {"siret": SIRET}),
        company(None, [None, 3, []]),
        company(None, 5),
        company({"siret": int(SIRET)}),
    ],
)
def test_odd_results_are_passed_over(peer: Peer, result: Any) -> None:
    assert found(peer, result) is None
    answer = found(peer, result, company(place()))
    assert answer is not None
    assert answer.adresse == "12 rue de la Gare"


def test_odd_values_are_unknown(peer: Peer) -> None:
    odd = {"siret": SIRET, "adresse": 3, "code_postal": "2A", "commune": 35236, "liste_enseignes": "ATELIER"}
    assert found(peer, {"siege": odd, "nom_complet": None}) == Establishment(
        SIRET, "", None, None, None, is_open=True
    )
    assert found(peer, {"siege": place(liste_enseignes=[None, 3, " "])}) is not None


@pytest.mark.parametrize(
    ("address", "postal", "town", "street"),
    [
        ("2 BIS PLACE D'ARMES 35000 RENNES CEDEX", "35000", "RENNES", "2 bis place d’Armes"),
        ("35600 REDON", "35600", "REDON", None),
        ("RUE DU STADE REDON", None, "REDON", "Rue du Stade"),
        ("12 rue de la Gare 35600 Redon", "35600", "Redon", "12 rue de la Gare"),
        ("BAT B, 5 AVENUE DU MAIL, 35600 REDON", "35600", "REDON", "Bat B, 5 avenue du Mail"),
        ("35600 RUE DES CODES 35600 REDON", "35600", "REDON", "35600 rue des Codes"),
    ],
)
def test_the_street_is_cut_out_of_the_address(
    peer: Peer, address: str, postal: str | None, town: str, street: str | None
) -> None:
    answer = found(peer, company(place(adresse=address, code_postal=postal, libelle_commune=town)))
    assert answer is not None
    assert answer.adresse == street


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("MAISON DE L'EMPLOI DU PAYS DE REDON", "Maison de l’Emploi du Pays de Redon"),
        ("L'ATELIER D'ELOI", "L’Atelier d’Eloi"),
        ("CCAS DE SAINT-MALO", "CCAS de Saint-Malo"),
        ("MJC BREQUIGNY", "MJC Brequigny"),
        ("A.D.M.R. DE BRUZ", "A.D.M.R. de Bruz"),
        ("LES P'TITS PAS (ADMR)", "Les P’tits Pas (ADMR)"),
        ('ASSOCIATION "LA PASSERELLE"', 'Association "La Passerelle"'),
        ("AUJOURD'HUI   DEMAIN", "Aujourd’hui Demain"),
        ("ÉTÉ JEUNES", "Été Jeunes"),
        ("Déjà Écrit d'Avance", "Déjà Écrit d'Avance"),
        ("", ""),
        ("35", "35"),
    ],
)
def test_names_in_capitals_are_made_readable(name: str, wanted: str) -> None:
    assert readable(name) == wanted


def test_the_register_that_does_not_answer(peer: Peer) -> None:
    peer.answer("/search", "<html>", status=503, kind="text/html")
    with pytest.raises(Unavailable, match="503"):
        find_establishment(peer.url, SIRET)
