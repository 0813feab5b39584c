"""The names of where offers come from."""

from portal.catalogue.sources import Source, described, label


def test_a_source_has_a_name_and_an_unknown_one_its_slug() -> None:
    assert label("dora") == "DORA"
    assert label("cd99") == "cd99"


def test_sources_are_described_by_slug_with_ours_among_them() -> None:
    found = described(
        ["soliguide", "portail-test", "cd99", "dora", "dora"], own="portail-test", own_name="Ici"
    )
    assert [source.slug for source in found] == ["cd99", "dora", "portail-test", "soliguide"]
    assert found[0] == Source("cd99", "cd99", "")
    assert (found[2].nom, found[2].description != "") == ("Ici", True)


def test_ours_may_bear_the_slug_of_a_known_one() -> None:
    (found,) = described(["cd35"], own="cd35", own_name="Passerelle")
    assert found.nom == "Passerelle"


def test_every_known_source_says_what_it_brings() -> None:
    # Contract data-inclusion §4, "/sources".
    slugs = [
        "action-logement",
        "agefiph",
        "cd35",
        "dora",
        "emplois-de-linclusion",
        "france-travail",
        "mission-locale",
        "mediation-numerique",
        "mes-aides",
        "monenfant",
        "reseau-alpha",
        "soliguide",
        "fredo",
        "carif-oref",
        "ma-boussole-aidants",
        "finess",
    ]
    found = described(slugs, own="portail-test", own_name="Ici")
    assert len(found) == 16
    for source in found:
        assert source.nom != source.slug
        assert source.description.endswith(".")
