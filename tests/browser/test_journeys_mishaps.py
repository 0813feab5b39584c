"""What goes wrong on the way, as people meet it: told clearly, nothing changed, nothing typed is lost."""

from collections.abc import Callable
from datetime import timedelta

from playwright.sync_api import Page

from portal import clock
from portal.prescriptions import answers
from tests.browser.cast import call
from tests.browser.conftest import Portal
from tests.browser.hands import Mouse

TOO_LONG = "Une phrase écrite ailleurs, puis collée. " * 2_500


def test_two_colleagues_answer_at_once(open_page: Callable[..., Page], portal: Portal) -> None:
    cast = call(portal, members=2)
    where = f"/prescriptions/{cast.prescribed(cast.people[0])}"
    first = cast.enter(Mouse(open_page()), cast.members[0])
    second = cast.enter(Mouse(open_page()), cast.members[1])
    for me in (first, second):
        me.goto(f"{where}/accepter")
    second.fill("Message au référent", "Je la reçois mercredi.")
    second.fill("Message à la personne", "Je vous attends mercredi.")
    first.press("Accepter la prescription")
    assert "La prescription est acceptée" in first.words
    second.press("Accepter la prescription")
    assert second.title == "Quelqu’un a répondu avant vous"
    assert cast.members[0].nom in second.words
    assert "Je la reçois mercredi." in second.words
    assert "Je vous attends mercredi." in second.words
    second.follow("Voir où en est la prescription")
    assert "Acceptée" in second.words
    assert second.words.count("Acceptée") == first.words.count("Acceptée")


def test_the_convention_has_ended(open_page: Callable[..., Page], portal: Portal) -> None:
    cast = call(portal, places=2, over=True)
    me = cast.enter(Mouse(open_page(375)), cast.members[0])
    me.goto(f"/prescriptions/{cast.prescribed(cast.people[0])}")
    me.follow("Accepter")
    me.fill("Message au référent", "Nous la prenons quand même.")
    me.press("Accepter la prescription")
    assert "est finie depuis le" in me.words
    assert me.typed("Message au référent") == "Nous la prenons quand même."
    me.tick("J’accepte sans place financée")
    me.press("Accepter la prescription")
    assert "La prescription est acceptée" in me.words
    assert "Place retenue" not in me.words


def test_days_that_cannot_be(open_page: Callable[..., Page], portal: Portal) -> None:
    cast = call(portal, places=1)
    sent = cast.prescribed(cast.people[0], days=5)
    cast.done(answers.accept, sent, days=4)
    today = clock.today()
    me = cast.enter(Mouse(open_page()), cast.members[0])
    me.goto(f"/prescriptions/{sent}")
    me.follow("Déclarer l’entrée")
    me.fill("Message au référent", "Elle a déjà pris ses marques.")
    for day, told in (
        (today - timedelta(days=6), "Ce jour est avant l’envoi de la prescription"),
        (today + timedelta(days=1), "La date d’entrée est dans le futur"),
    ):
        me.fill("Jour où", day.isoformat())
        me.press("Déclarer l’entrée")
        assert me.page.title().startswith("Erreur : ")
        assert told in me.words
        assert me.typed("Jour où") == day.isoformat()
        assert me.typed("Message au référent") == "Elle a déjà pris ses marques."
    me.fill("Jour où", (today - timedelta(days=2)).isoformat())
    me.press("Déclarer l’entrée")
    assert "Place occupée" in me.words
    me.follow("Déclarer la fin")
    me.tick("Une formation")
    me.fill("Dernier jour", (today - timedelta(days=3)).isoformat())
    me.press("Déclarer la fin")
    assert "La date de sortie est avant l’entrée" in me.words
    assert me.page.get_by_label("Une formation").is_checked()
    me.fill("Dernier jour", (today - timedelta(days=1)).isoformat())
    me.press("Déclarer la fin")
    assert "Terminée" in me.words


def test_a_document_that_lies(open_page: Callable[..., Page], portal: Portal) -> None:
    cast = call(portal)
    me = cast.enter(Mouse(open_page()), cast.members[0])
    me.goto(f"/prescriptions/{cast.prescribed(cast.people[0])}")
    me.attach("Ajouter un document", "planning.pdf", b"MZ\x90\x00 This program cannot be run in DOS mode.")
    me.press("Envoyer ce document")
    assert me.title == "Le document n’est pas changé"
    assert "Ce fichier n’est pas un vrai fichier PDF" in me.words
    me.follow("Revenir aux documents")
    assert "Aucun document pour l’instant" in me.words
    me.attach("Ajouter un document", "planning.pdf", b"%PDF-1.7\n%%EOF\n")
    me.press("Envoyer ce document")
    assert "« planning.pdf » est ajouté" in me.words


def test_a_text_of_a_hundred_thousand_characters(open_page: Callable[..., Page], portal: Portal) -> None:
    """Pasted, it is not cut by the browser; refused, it is given back whole."""
    cast = call(portal)
    sent = cast.prescribed(cast.people[0])
    me = cast.enter(Mouse(open_page()), cast.members[0])
    me.goto(f"/prescriptions/{sent}")
    text = TOO_LONG.strip()
    assert len(text) > 100_000

    # A message, in the page itself.
    me.paste("Votre message", text)
    me.press_here("Envoyer le message")
    too_much = f"Raccourcissez de {len(text) - 2000} caractères : 2000 au plus."
    assert too_much in me.words
    assert me.typed("Votre message") == text
    me.fill("Votre message", "En deux mots.")
    me.press_here("Envoyer le message")
    assert me.page.locator("#prescription-messages .timeline-what").all_inner_texts() == ["En deux mots."]

    # The words of a refusal.
    me.follow("Refuser")
    me.tick("Plus de place")
    me.press("Continuer")
    me.fill("Message au référent", "")
    me.paste("Message au référent", text)
    me.press("Refuser la prescription")
    assert too_much in me.words
    assert me.typed("Message au référent") == text
    me.fill("Message au référent", text[:1999].strip())
    me.press("Refuser la prescription")
    assert "La prescription est refusée" in me.words
