"""Sensitive words: found as they were typed, and no false alarm."""

import pytest

from portal.prescriptions import sensitive


@pytest.mark.parametrize(
    ("text", "subject", "words"),
    [
        ("Elle sort d’une DÉPRESSION sévère.", "de santé", ("DÉPRESSION",)),
        ("Suivi psychiatrique, puis un burn-out.", "de santé", ("psychiatrique", "burn-out")),
        ("Il est reconnu RQTH et sous traitement.", "de santé", ("RQTH", "sous traitement")),
        ("Sort de prison, avec un bracelet électronique.", "de justice", ("prison", "bracelet électronique")),
        ("Libre après le ramadan.", "de religion", ("ramadan",)),
        ("Famille d’origine malienne.", "d’origine ethnique", ("d origine",)),
        ("Délégué CGT dans son usine.", "de syndicat", ("CGT",)),
        ("Victime d’un viol.", "de vie sexuelle", ("viol",)),
    ],
)
def test_what_is_private_is_found_as_typed(text: str, subject: str, words: tuple[str, ...]) -> None:
    (found,) = sensitive.find(text)
    assert (found.subject, found.words) == (subject, words)
    assert f"« {words[0]} »" in found.sentence


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Préparer le permis pour reprendre un emploi, sans voiture aujourd’hui.",
        "Elle veut travailler dans la santé ou l’aide à domicile.",
        "Son dossier d’assurance maladie est à jour.",
        "Son employeur est en liquidation judiciaire.",
        "Il voudrait reprendre son métier d’origine, la plomberie.",
        "Violences : non. Violette connaît Romain, de Rome.",
        "Il a peur des pénalités de retard.",
        "Le syndic de sa copropriété l’a aidé.",
        "Elle suit bien le processus.",
    ],
)
def test_ordinary_words_raise_no_alarm(text: str) -> None:
    assert sensitive.find(text) == []


def test_what_the_offer_itself_says_is_no_news() -> None:
    text = "Son addiction est derrière elle, sa dépression aussi."
    (found,) = sensitive.find(text, ["Consultation addictions", "Santé : addictions"])
    assert found.words == ("dépression",)


def test_several_subjects_and_a_word_said_twice() -> None:
    found = sensitive.find("Prison, alcool, encore alcool, mosquée.")
    assert [(one.subject, one.words) for one in found] == [
        ("de santé", ("alcool",)),
        ("de justice", ("Prison",)),
        ("de religion", ("mosquée",)),
    ]


def test_a_very_long_text_is_read_in_no_time() -> None:
    assert sensitive.find("alcool " * 20_000)[0].words == ("alcool",)
