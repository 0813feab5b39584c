"""A structure without an account: the letter, its link, and what the link opens until the end. On a telephone."""

from collections.abc import Callable

from playwright.sync_api import Page

from portal.prescriptions import answers
from portal.prescriptions.models import RefusalReason
from tests.browser.cast import MOTIF, call
from tests.browser.conftest import Portal
from tests.browser.hands import Mouse
from tests.browser.post import delivered, way_in, words_of


def test_from_a_letter_that_was_left_too_long(open_page: Callable[..., Page], portal: Portal) -> None:
    cast = call(portal, members=0)
    person = cast.people[0].nom
    cast.prescribed(cast.people[0], days=12, tell=True)
    (letter,) = delivered(portal, cast.courriel)
    for written in (letter["Subject"], words_of(letter)):
        assert cast.people[0].nom not in written

    # The letter was read twelve days later: its link says so, and another comes to the same address.
    me = Mouse(open_page(375))
    me.goto(way_in(letter, portal))
    assert me.title == "Ce lien n’est plus valable"
    assert person not in me.words
    me.press("Recevoir un nouveau lien")
    assert me.title == "Regardez vos courriels"
    (letter,) = delivered(portal, cast.courriel)
    link = way_in(letter, portal)

    # It opens one prescription, where everything can be done.
    me.goto(link)
    assert MOTIF in me.words
    me.fill("Votre message", "Peut-elle venir en car ?")
    me.press("Envoyer le message")
    assert "Votre message est envoyé au référent" in me.words
    me.follow("Mettre à l’étude")
    me.press("Mettre à l’étude")
    assert "La prescription est à l’étude" in me.words
    me.follow("Accepter")
    me.fill("Message au référent", "Nous l’attendons.")
    me.press("Accepter la prescription")
    assert "La prescription est acceptée" in me.words
    me.follow("Déclarer l’entrée")
    me.press("Déclarer l’entrée")
    me.follow("Déclarer les heures faites")
    me.fill("Semaine du", "7")
    me.press("Enregistrer les heures")
    me.follow("Déclarer la fin")
    me.tick("L’objectif de l’action est atteint")
    me.press("Déclarer la fin")

    # Then the link opens nothing, and there is nothing left to renew.
    assert me.title == "Cette prescription est close"
    assert "La fin est déclarée" in me.words
    assert person not in me.words
    me.goto(link)
    assert me.title == "Cette prescription est close"
    wide = me.page.evaluate(
        "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert wide <= 0
    assert delivered(portal, cast.courriel) == []

    # The référent was told, and reads that it was done by the link.
    referent = cast.enter(Mouse(open_page()), cast.referent)
    referent.goto("/prescriptions")
    referent.follow(person)
    assert "Terminée" in referent.words
    assert "Peut-elle venir en car ?" in referent.words
    assert "par la structure, par le lien du courriel" in referent.words


def test_a_link_used_after_the_answer(open_page: Callable[..., Page], portal: Portal) -> None:
    """What is typed behind a link that has become void meanwhile is given back."""
    cast = call(portal)
    sent = cast.prescribed(cast.people[0], tell=True)
    (letter,) = delivered(portal, cast.courriel)
    me = Mouse(open_page(375))
    me.goto(way_in(letter, portal))
    me.follow("Accepter")
    me.fill("Message au référent", "Nous l’attendons lundi à neuf heures, avec un café.")
    cast.done(answers.refuse, sent, reason=RefusalReason.COMPLET, message="Plus de place.")
    me.press("Accepter la prescription")
    assert me.title == "Cette prescription est close"
    assert "Nous l’attendons lundi à neuf heures, avec un café." in me.words
    me.goto(way_in(letter, portal))
    assert me.title == "Cette prescription est close"
    assert "café" not in me.words
