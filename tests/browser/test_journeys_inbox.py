"""A structure at work in its inbox: who follows what, a refusal and its two messages, several answers at once."""

from collections.abc import Callable

from playwright.sync_api import Page

from tests.browser.cast import call
from tests.browser.conftest import Portal
from tests.browser.hands import Mouse
from tests.browser.post import delivered, way_in


def test_an_inbox_of_two_colleagues(open_page: Callable[..., Page], portal: Portal) -> None:
    cast = call(portal, people=4, members=2, places=1)
    sent = [cast.prescribed(person, days=9 - rank) for rank, person in enumerate(cast.people)]
    ines, joao, karima, leon = (person.nom for person in cast.people)
    chief, colleague = cast.members

    # What waits longest is on top; the first is given to a colleague, who is told by a letter.
    first = cast.enter(Mouse(open_page()), chief)
    first.follow("Prescriptions", within="header")
    assert first.page.locator("#prescriptions-list h3").all_inner_texts() == [ines, joao, karima, leon]
    first.follow(ines)
    first.follow("Choisir qui la suit")
    first.choose("Qui la suit ?", colleague.nom)
    first.press("Enregistrer")
    assert f"Suivie par : {colleague.nom}" in first.words
    letters = delivered(portal, f"{cast.logins[colleague.id]}@demo.example.org")
    assert [letter["Subject"] for letter in letters] == ["Une prescription vous est confiée"]
    assert way_in(letters[0], portal) == f"/prescriptions/{sent[0]}"

    # The colleague finds it among theirs and refuses it: words are put forward, and changed.
    second = cast.enter(Mouse(open_page()), colleague)
    second.goto("/prescriptions")
    second.tick("Suivies par moi")
    second.press("Filtrer")
    assert second.page.locator("#prescriptions-list h3").all_inner_texts() == [ines]
    second.follow(ines)
    second.follow("Refuser")
    second.tick("D’autres difficultés sont à lever d’abord")
    second.press("Continuer")
    assert "D’autres difficultés sont à lever" in second.typed("Message au référent")
    assert "Votre référent est prévenu" in second.typed("Message à la personne")
    second.fill("Message au référent", "La garde des enfants d’abord ; au printemps ensuite.")
    second.fill("Message à la personne", "Revenez nous voir au printemps.")
    second.press("Refuser la prescription")
    assert "La prescription est refusée" in second.words

    # The others are answered together: one place, hence one accepted; the other is told why it could not be.
    first.goto("/prescriptions")
    first.tick(f"Choisir : {joao}")
    first.tick(f"Choisir : {karima}")
    first.press("Accepter")
    assert first.title == "Accepter 2 prescriptions"
    first.fill("Message aux référents", "À lundi.")
    first.press("Accepter 2 prescriptions")
    assert first.title == "1 acceptée, 1 non"
    assert f"{karima}, {cast.offers[0].nom} " in first.words
    assert "place" in first.words
    first.follow("Revenir aux prescriptions")
    first.tick(f"Choisir : {karima}")
    first.tick(f"Choisir : {leon}")
    first.press("Mettre à l’étude")
    first.press("Mettre à l’étude 2 prescriptions")
    assert first.title == "2 mises à l’étude"

    # The référent reads who answered, why, and what the person was told.
    referent = cast.enter(Mouse(open_page()), cast.referent)
    referent.goto("/prescriptions")
    referent.follow(ines)
    assert "D’autres difficultés sont à lever d’abord" in referent.words
    assert "La garde des enfants d’abord ; au printemps ensuite." in referent.words
    assert "Écrit à la personne : Revenez nous voir au printemps." in referent.words
    assert f"par {colleague.nom}" in referent.words
