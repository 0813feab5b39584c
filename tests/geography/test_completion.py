from timeit import repeat

import pytest

from portal.geography import complete


def labels(text, **options):
    return [commune.label for commune in complete(text, **options)]


def test_exact_name_then_prefix_then_word():
    found = labels("redon")
    assert found[0] == "Redon (35600)"
    assert "Saint-Nicolas-de-Redon (44460)" in found
    found = labels("vire", limit=60)
    assert found[0] == "Viré (71260)", "an exact name, however small"
    assert found.index("Vireaux (89160)") < found.index("Condé-sur-Vire (50420)"), (
        "then the beginning of the name"
    )


def test_within_a_rank_the_most_populated_first():
    found = complete("ren", limit=5)
    assert found[0].label == "Rennes (35000)"
    assert [one.population for one in found] == sorted((one.population for one in found), reverse=True)


def test_the_departement_first_within_a_rank():
    assert labels("saint-denis")[0] == "Saint-Denis (97400)"
    assert labels("saint-denis", departement="93")[0] == "Saint-Denis (93200)"
    assert labels("sa", departement="35")[0] == "Saint-Malo (35400)"
    # An exact name from elsewhere still comes before a mere prefix from here.
    found = labels("sainte-marie", departement="44", limit=30)
    assert found[0] == "Sainte-Marie (97438)"
    assert all(one.code_departement == "35" for one in complete("s", departement="35"))


@pytest.mark.parametrize(
    "typed", ["St Malo", "st-malo", "saint malo", "SAINT-MALO", "Saint-Mâlo", "  st   mal"]
)
def test_spellings_of_saint_malo(typed):
    assert labels(typed)[0] == "Saint-Malo (35400)"


def test_saint_abbreviated_does_not_hide_strasbourg():
    assert labels("st")[0] == "Strasbourg (67000)"
    assert any(one.startswith("Saint-") for one in labels("st"))
    assert "Stenay (55700)" in labels("ste", limit=60)
    assert any(one.startswith("Sainte-") for one in labels("ste"))


def test_words_inside_a_name():
    assert labels("havre")[0] == "Le Havre (76600)"
    assert "L'Haÿ-les-Roses (94240)" in labels("hay les")
    assert "L'Haÿ-les-Roses (94240)" in labels("roses")
    assert "Schœlcher (97233)" in labels("schoel")


def test_postal_codes():
    assert labels("35600") == ["Redon (35600)", "Bains-sur-Oust (35600)", "Sainte-Marie (35600)"]
    assert all(any(p.startswith("356") for p in one.codes_postaux) for one in complete("356", limit=50))
    assert labels("75012") == ["Paris (75001)"]
    assert labels("35", departement="35")[:2] == ["Rennes (35000)", "Saint-Malo (35400)"]
    assert labels("356000") == []


def test_a_label_completes_to_itself():
    assert labels("Redon (35600)") == ["Redon (35600)"]
    assert labels("Redon (35") == ["Redon (35600)"]
    assert labels("35600 Red") == ["Redon (35600)"]


def test_arrondissements():
    assert labels("Paris 12e") == ["Paris (75001)"]
    assert labels("lyon 3") == ["Lyon (69001)"]


def test_each_commune_once():
    for typed in ["s", "saint", "la", "paris", "neuville", "3", "villers", "ville"]:
        found = complete(typed, limit=200)
        assert len({one.code for one in found}) == len(found)


def test_limit():
    assert len(complete("saint")) == 10
    assert len(complete("saint", limit=3)) == 3
    assert complete("saint", limit=3) == complete("saint", limit=10)[:3]
    assert complete("saint", limit=0) == []
    assert complete("saint", limit=-1) == []


@pytest.mark.parametrize(
    "typed", ["", "   ", "-", "()", "qzx", "\x00", "\ud800", "saint " * 20_000, "7" * 100_000]
)
def test_nothing_to_propose(typed):
    assert complete(typed) == []


def test_unknown_departement_changes_nothing():
    assert complete("saint", departement="ZZ") == complete("saint")


@pytest.mark.parametrize(
    "typed", ["s", "l", "st", "saint", "a", "de", "sur", "3", "redon", "redon 35", "zzz"]
)
def test_fast_enough_for_each_keystroke(typed):
    complete(typed)
    # About 0.5 ms on a quiet machine; the best of several runs, so that a busy one does not matter.
    assert min(repeat(lambda: complete(typed, departement="35"), number=1, repeat=15)) < 0.004
