import dataclasses
import threading
import time

import pytest

from portal.geography import (
    Commune,
    Departement,
    Epci,
    commune,
    communes,
    departement,
    departements,
    distance_km,
    epci,
    epcis_of_departement,
    fold,
    tables,
)


def test_every_commune_of_the_official_code():
    everyone = communes()
    assert len(everyone) == 34_875
    assert [one.code for one in everyone] == sorted({one.code for one in everyone})
    assert len({one.label for one in everyone}) == len(everyone), "a label designates one commune"


def test_redon():
    redon = commune("35236")
    assert isinstance(redon, Commune)
    assert (redon.nom, redon.codes_postaux, redon.label, redon.key) == (
        "Redon",
        ("35600",),
        "Redon (35600)",
        "redon",
    )
    assert (redon.code_departement, redon.code_region) == ("35", "53")
    assert epci(redon.code_epci) == Epci("243500741", "Redon Agglomération")
    assert redon.population == pytest.approx(9_500, rel=0.1)
    assert distance_km(redon.latitude, redon.longitude, 47.65, -2.08) < 3


@pytest.mark.parametrize(
    ("code", "nom", "latitude", "longitude"),
    [
        ("35238", "Rennes", 48.11, -1.68),
        ("59599", "Tourcoing", 50.72, 3.16),
        ("75056", "Paris", 48.86, 2.34),
        ("69123", "Lyon", 45.76, 4.83),
        ("13055", "Marseille", 43.30, 5.40),
        ("2A004", "Ajaccio", 41.93, 8.70),
        ("97411", "Saint-Denis", -20.93, 55.45),
        ("97105", "Basse-Terre", 16.00, -61.72),
        ("97209", "Fort-de-France", 14.64, -61.07),
        ("97611", "Mamoudzou", -12.79, 45.20),
        ("29155", "Ouessant", 48.46, -5.09),
        # No boundary of their own in the source.
        ("12218", "Conques-en-Rouergue", 44.59, 2.39),
        ("49126", "Orée d'Anjou", 47.31, -1.22),
        ("15031", "Celles", 45.12, 2.95),
    ],
)
def test_where_they_are(code, nom, latitude, longitude):
    found = commune(code)
    assert found.nom == nom
    assert distance_km(found.latitude, found.longitude, latitude, longitude) < 5


def test_arrondissements_are_folded_into_their_commune():
    paris = commune("75056")
    assert len(paris.codes_postaux) == 21
    assert paris.codes_postaux[0] == "75001"
    for first, last, city in [(75101, 75120, "75056"), (69381, 69389, "69123"), (13201, 13216, "13055")]:
        assert {commune(str(code)).code for code in range(first, last + 1)} == {city}
    assert {one.code for one in communes()}.isdisjoint({"75101", "69381", "13201"})


def test_a_merged_commune_leads_to_the_present_one():
    assert commune("14011").nom == "Aurseulles"  # Anctoville
    assert commune("75012") is None, "a postal code is not the code of before 1968 of another commune"


def test_unknown_codes():
    assert commune("00000") is None
    assert commune("") is None
    assert epci("000000000") is None
    assert departement("00") is None
    assert epcis_of_departement("00") == []


def test_every_row_is_complete():
    for one in communes():
        assert one.nom == one.nom.strip() != ""
        assert one.codes_postaux
        assert all(len(code) == 5 for code in one.codes_postaux)
        assert departement(one.code_departement).code_region == one.code_region
        assert one.code.startswith(one.code_departement)
        assert one.population >= 0
        assert -22 < one.latitude < 52
        assert -63 < one.longitude < 56
    assert [one.nom for one in communes() if one.code_epci is None] == [
        "Île-de-Bréhat",
        "Île-de-Sein",
        "Ouessant",
        "L'Île-d'Yeu",
    ]


def test_communes_lie_near_the_others_of_their_departement():
    places = {}
    for one in communes():
        places.setdefault(one.code_departement, []).append(one)
    for group in places.values():
        latitude = sorted(one.latitude for one in group)[len(group) // 2]
        longitude = sorted(one.longitude for one in group)[len(group) // 2]
        far = max(distance_km(latitude, longitude, one.latitude, one.longitude) for one in group)
        # French Guiana is 400 km long, and few of its communes are inland.
        assert far < (350 if group[0].code_departement == "973" else 160), group[0]


def test_departements_then_collectivites():
    everyone = departements()
    assert Departement("35", "Ille-et-Vilaine", "53") in everyone
    own = [one for one in everyone if one.code_region != one.code]
    assert len(own) == 101
    assert [one.code for one in everyone[101:]] == ["975", "977", "978", "986", "987", "988"]
    assert {one.code_departement for one in communes()} == {one.code for one in own}
    assert departement("2A").nom == "Corse-du-Sud"


def test_epcis_of_a_departement():
    bodies = epcis_of_departement("35")
    names = [body.nom for body in bodies]
    assert "Rennes Métropole" in names
    assert "Redon Agglomération" in names, "an EPCI across départements belongs to each"
    assert "Redon Agglomération" in [body.nom for body in epcis_of_departement("44")]
    assert names == sorted(names, key=fold)
    assert len({body.code for body in bodies}) == len(bodies)
    bodies.clear()
    assert epcis_of_departement("35"), "the list given away is a copy"


def test_epci_names_are_spelled_out():
    assert epci("243500139").nom == "Rennes Métropole"
    assert epci("243500733").nom == "Communauté de communes Bretagne Romantique"
    everyone = [body for one in departements() for body in epcis_of_departement(one.code)]
    assert not [
        body.nom for body in everyone if body.nom.startswith(("CC ", "CA ", "CU ")) or '"' in body.nom
    ]


def test_a_commune_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        commune("35236").nom = "Redone"


def test_tables_are_read_once_whatever_the_number_of_threads(monkeypatch):
    read = []

    class Slow:
        def __init__(self):
            read.append(threading.get_ident())
            time.sleep(0.05)

    monkeypatch.setattr(tables, "Tables", Slow)
    monkeypatch.setattr(tables, "_tables", None)
    gate = threading.Barrier(8)
    given = []

    def ask():
        gate.wait()
        given.append(tables.tables())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(given) == 8
    assert len(read) == 1
    assert len(set(map(id, given))) == 1
