"""Needs in everyday words lead to thématiques that exist."""

import pytest

from portal import besoins, geography, vocabulary

SLUGS = {choice.value for choice in vocabulary.choices("thematiques")}


def expanded() -> set[str]:
    return {slug for slugs in besoins.BESOINS.values() for slug in besoins._expanded(slugs)}


def test_every_thematique_named_exists() -> None:
    assert expanded() <= SLUGS


def test_every_category_has_words() -> None:
    categories = {vocabulary.category_of(slug) for slug in SLUGS}
    assert {vocabulary.category_of(slug) for slug in expanded()} == categories


def test_there_are_words_enough() -> None:
    words = {word for said in besoins.BESOINS for word in geography.fold(said).split() if len(word) > 2}
    assert len(words) >= 120


@pytest.mark.parametrize(
    ("need", "slug"),
    [
        ("garde d’enfants", "famille--garde-denfants"),
        ("GARDE D'ENFANT", "famille--garde-denfants"),
        ("une nounou", "famille--garde-denfants"),
        ("permis", "mobilite--preparer-un-permis"),
        ("passer le code de la route", "mobilite--preparer-un-permis"),
        (
            "papiers",
            "difficultes-administratives-ou-juridiques--accompagnement-aux-demarches-administratives",
        ),
        ("impayés", "logement-hebergement--reduire-les-impayes-de-loyer"),
        ("impaye", "logement-hebergement--reduire-les-impayes-de-loyer"),
        ("apprendre le français", "lecture-ecriture-calcul--maitriser-le-francais"),
        ("alcool", "sante--addictions"),
        ("un cv", "preparer-sa-candidature--realiser-un-cv-et-ou-une-lettre-de-motivation"),
        ("faire un CV", "preparer-sa-candidature--realiser-un-cv-et-ou-une-lettre-de-motivation"),
        ("surendettement", "difficultes-financieres--situation-dendettement-surendettement"),
        ("stage", "choisir-un-metier--decouvrir-un-metier-ou-un-secteur-dactivite"),
        ("hébergement d’urgence", "logement-hebergement--rechercher-une-solution-dhebergement-temporaire"),
        ("auto-entrepreneur", "creer-une-entreprise--definir-son-projet-de-creation-dentreprise"),
        ("formation", "se-former--trouver-sa-formation"),
        ("internet", "numerique--maitriser-les-fondamentaux-du-numerique"),
        ("vélo", "mobilite--mobilite-douce-partagee-collective"),
        ("se faire des amis, isolement", "remobilisation--lien-social"),
        ("colis alimentaire", "equipement-et-alimentation--alimentation"),
        ("partir travailler en Europe", "souvrir-a-linternational--"),
    ],
)
def test_a_need_finds_its_thematique(need: str, slug: str) -> None:
    found = besoins.thematiques_of(need)
    assert any(one.startswith(slug) for one in found), found
    assert len(found) <= 12


@pytest.mark.parametrize("nothing", ["", "   ", "zzzzz", "le", "!!", "x" * 5000])
def test_no_word_finds_nothing(nothing: str) -> None:
    assert besoins.thematiques_of(nothing) == []
