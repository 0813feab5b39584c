import random

import pytest

from portal.geography import fold
from portal.geography.text import spell_saints


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Redon", "redon"),
        ("  Ille-et-Vilaine ", "ille et vilaine"),
        ("L’Haÿ-les-Roses", "l hay les roses"),
        ("L'Haÿ-les-Roses", "l hay les roses"),
        ("Œuilly", "oeuilly"),
        ("Curriculum VITÆ", "curriculum vitae"),
        ("ÉLÉMENTAIRE, à Noël", "elementaire a noel"),
        ("e\u0301cole", "ecole"),
        ("Château-Chinon (Ville)", "chateau chinon ville"),
        ("a_b--c\t\nd\xa0e", "a b c d e"),
        ("ﬁn de mois", "fin de mois"),
        ("Straße", "strasse"),
        ("St-Malo", "st malo"),
        ("---", ""),
        ("", ""),
    ],
)
def test_folding(text, folded):
    assert fold(text) == folded


def test_folding_twice_changes_nothing():
    draw = random.Random(35)
    for _ in range(300):
        text = "".join(chr(draw.randrange(1, 0x2FFFF)) for _ in range(20))
        assert fold(fold(text)) == fold(text)


def test_saints_are_whole_words():
    assert spell_saints("st malo") == "saint malo"
    assert spell_saints("ste marie") == "sainte marie"
    assert spell_saints("strasbourg st ouen") == "strasbourg saint ouen"
    assert spell_saints("vast ouest") == "vast ouest"
