"""A refusal, then another offer, without JavaScript: what was written for the first one is not written twice."""

from collections.abc import Callable

from playwright.sync_api import Page

from portal.prescriptions import answers
from portal.prescriptions.models import RefusalReason
from tests.browser.cast import MOTIF, call
from tests.browser.conftest import Portal
from tests.browser.hands import Unscripted


def test_refused_here_accepted_there(open_page: Callable[..., Page], portal: Portal) -> None:
    cast = call(portal, offers=2)
    person, other = cast.people[0].nom, cast.offers[1].nom
    refused = cast.prescribed(cast.people[0], days=3)
    cast.done(answers.refuse, refused, reason=RefusalReason.NON_MOBILE, message="Trop loin pour elle.")

    referent = cast.enter(Unscripted(open_page(javascript=False)), cast.referent)
    referent.follow("Prescriptions", within="header")
    referent.follow(person)
    assert "La personne ne peut pas se déplacer jusqu’à nous" in referent.words
    assert "Trop loin pour elle." in referent.words
    referent.follow("Prescrire une autre offre")
    referent.follow_about(other)
    assert referent.typed("Pourquoi cette offre ?") == MOTIF
    referent.press("Continuer")
    assert "Rien n’est encore parti" in referent.words
    referent.tick("La personne est d’accord")
    referent.press("Envoyer la prescription")
    assert "La prescription est envoyée" in referent.words
    where = referent.page.url

    partner = cast.enter(Unscripted(open_page(javascript=False)), cast.members[0])
    partner.goto(where)
    partner.follow("Accepter")
    partner.press("Accepter la prescription")
    assert "La prescription est acceptée" in partner.words

    referent.goto(where)
    assert "Acceptée" in referent.words
    referent.follow("Ouvrir le dossier")
    states = referent.page.locator(".tasks").nth(1).inner_text()
    assert "Acceptée" in states and "Refusée" in states
