import pytest

from portal.geography import (
    AmbiguousPlace,
    UnknownPlace,
    commune,
    communes,
    departements,
    epcis_of_departement,
    parse_zone,
    zone_codes_covering,
    zone_label,
)

OTHERS = ["france", "99100"] + [one.code for one in departements()]
EPCIS = sorted({body.code for one in departements() for body in epcis_of_departement(one.code)})


def test_zones_that_cover_a_commune():
    assert zone_codes_covering(commune("35236")) == {"35236", "35", "243500741", "99100", "france"}
    assert zone_codes_covering(commune("29155")) == {"29155", "29", "99100", "france"}, (
        "an island without EPCI"
    )
    assert zone_codes_covering(commune("75101")) == {"75056", "75", "200054781", "99100", "france"}


@pytest.mark.parametrize(
    ("code", "label"),
    [
        ("35236", "Redon (35600)"),
        ("35", "Ille-et-Vilaine (35)"),
        ("2A", "Corse-du-Sud (2A)"),
        ("974", "La Réunion (974)"),
        ("987", "Polynésie française (987)"),
        ("243500139", "Rennes Métropole"),
        ("243500733", "Communauté de communes Bretagne Romantique"),
        ("france", "France entière"),
        ("99100", "Toute la France"),
        ("75101", "Paris (75001)"),
        ("99109", "99109"),
        ("nowhere", "nowhere"),
        ("", ""),
    ],
)
def test_labels(code, label):
    assert zone_label(code) == label


def test_a_label_leads_back_to_its_code():
    assert len(EPCIS) == 1255
    every = OTHERS + EPCIS + [one.code for one in communes()]
    assert len({zone_label(code) for code in every}) == len(every), "a label designates one zone"
    # One commune in seven is enough here: that every commune's label is understood is checked with `resolve`.
    codes = OTHERS + EPCIS + [one.code for one in communes()[::7]]
    assert [parse_zone(zone_label(code)) for code in codes] == codes


def test_a_code_leads_to_itself():
    for code in OTHERS + EPCIS + [one.code for one in communes()]:
        assert parse_zone(code) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("France", "france"),
        ("FRANCE ENTIÈRE", "france"),
        ("redon", "35236"),
        ("st malo", "35288"),
        ("ille et vilaine", "35"),
        ("Ille-et-Vilaine", "35"),
        ("le Finistère", "29"),
        ("2b", "2B"),
        ("Côte d’Or", "21"),
        ("rennes metropole", "243500139"),
        ("CC Bretagne romantique", "243500733"),
        ("Bretagne romantique", "243500733"),
        ("CA Redon Agglomération", "243500741"),
        ("Redon agglomération", "243500741"),
        ("Communauté d’agglomération Loire Forez Agglomération (LFA)", "200065886"),
        ("Loire Forez Agglomération", "200065886"),
        ("Mayenne (53)", "53"),
        ("Mayenne (53100)", "53147"),
        ("Paris (75)", "75"),
        ("Paris (75001)", "75056"),
        ("75101", "75056"),
    ],
)
def test_names_and_labels(text, code):
    assert parse_zone(text) == code


def test_a_name_of_a_commune_and_of_a_departement():
    with pytest.raises(AmbiguousPlace) as caught:
        parse_zone("Paris")
    assert caught.value.choices == [commune("75056")]
    assert caught.value.labels == ["Paris (75001)", "Paris (75)"]
    assert [parse_zone(label) for label in caught.value.labels] == ["75056", "75"]


def test_homonymous_epcis_are_told_apart():
    with pytest.raises(AmbiguousPlace) as caught:
        parse_zone("CC des Quatre Rivières")
    assert caught.value.choices == []
    assert caught.value.labels == [
        "Communauté de communes des Quatre Rivières (70)",
        "Communauté de communes des Quatre Rivières (74)",
    ]
    assert len({parse_zone(label) for label in caught.value.labels}) == 2


def test_homonymous_communes():
    with pytest.raises(AmbiguousPlace):
        parse_zone("Saint-Denis")
    assert parse_zone("Saint-Denis", departement="93") == "93066"


def test_a_postal_code_is_not_a_zone_but_suggests_communes():
    with pytest.raises(UnknownPlace) as caught:
        parse_zone("35600")
    assert caught.value.labels == ["Redon (35600)", "Bains-sur-Oust (35600)", "Sainte-Marie (35600)"]


def test_unknown_zones_bring_near_ones():
    with pytest.raises(UnknownPlace) as caught:
        parse_zone("ile et vilaine")
    assert caught.value.labels[0] == "Ille-et-Vilaine (35)"
    with pytest.raises(UnknownPlace) as caught:
        parse_zone("Rennes Metropol")
    assert "Rennes Métropole" in caught.value.labels
    for label in caught.value.labels:
        parse_zone(label)


@pytest.mark.parametrize("text", ["", "  ", "\x00", "53 000", "000000000", "x" * 100_000, "99109", "région"])
def test_refused(text):
    with pytest.raises(UnknownPlace) as caught:
        parse_zone(text)
    assert len(str(caught.value)) < 500
