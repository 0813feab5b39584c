"""From a full action to an entry: the waiting list, a place that time frees, taken by the one whose turn it is."""

from collections.abc import Callable

from playwright.sync_api import Page

from portal import jobs
from portal.prescriptions import answers
from tests.browser.cast import call
from tests.browser.conftest import Portal
from tests.browser.hands import Mouse
from tests.browser.post import delivered, way_in


def test_from_the_waiting_list_to_the_entry(open_page: Callable[..., Page], portal: Portal) -> None:
    cast = call(portal, people=3, places=1, delay=7)
    absent, waits, last = cast.people
    held = cast.prescribed(absent, days=20)
    cast.done(answers.accept, held, days=15)
    wanted, after = cast.prescribed(waits, days=3), cast.prescribed(last, days=2)

    # No place is left: whoever accepts is told so, and keeps their words on the way to the list.
    partner = cast.enter(Mouse(open_page()), cast.members[0])
    partner.goto(f"/prescriptions/{wanted}")
    partner.follow("Accepter")
    partner.fill("Message au référent", "Dès qu’une place se libère.")
    partner.press("Accepter la prescription")
    assert "Plus de place" in partner.words
    partner.press("Plus de place : mettre en liste d’attente")
    assert "En liste d’attente, rang 1" in partner.words
    assert "Dès qu’une place se libère." in partner.words
    partner.goto(f"/prescriptions/{after}")
    partner.press("Mettre en liste d’attente")
    assert "En liste d’attente, rang 2" in partner.words

    # The one who held the place never came: the work of the night frees it, and writes to the first who waits.
    told = f"{cast.logins[cast.referent.id]}@demo.example.org"
    delivered(portal, told)
    jobs.follow_prescriptions(portal.database, portal.config)
    letters = {letter["Subject"]: letter for letter in delivered(portal, told)}
    assert set(letters) == {"Une place est libérée", "Une place se libère"}
    jobs.follow_prescriptions(portal.database, portal.config)
    assert delivered(portal, told) == []

    # The référent takes it.
    referent = cast.enter(Mouse(open_page()), cast.referent)
    referent.goto("/prescriptions")
    assert "Place proposée : à prendre ou à laisser" in referent.words
    referent.goto(way_in(letters["Une place se libère"], portal))
    assert referent.title == "Une place est libre"
    referent.press("Prendre la place")
    assert "La place est retenue et la prescription acceptée" in referent.words
    assert "Place retenue" in referent.words
    referent.goto(f"/prescriptions/{after}")
    assert "En liste d’attente, rang 1" in referent.words

    # The structure reads it, and the person enters.
    partner.goto(f"/prescriptions/{wanted}")
    assert "Place prise : prescription acceptée" in partner.words
    partner.follow("Déclarer l’entrée")
    partner.press("Déclarer l’entrée")
    assert "Place occupée" in partner.words
    partner.goto(f"/prescriptions/{held}")
    assert "Absence constatée : abandonnée" in partner.words
