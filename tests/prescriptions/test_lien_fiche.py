"""The sheet of paper by the link of an e-mail, and whom a form says is written to."""

import io
from typing import Any

import pytest
from pypdf import PdfReader
from sqlmodel import Session, col, select

from portal.beneficiaries.models import AccessEntry, AccessKind, Beneficiary
from portal.prescriptions import links, notifications, queries
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import Act, State
from tests.factories.prescriptions import make_prescription, make_scene
from tests.pages import Browser
from tests.prescriptions.hands import SignIn, address, reasoned

SECRET = "t" * 40
SENDER = notifications.Sender(public_url="https://portail.example.org", secret=SECRET)


def link(prescription: Prescription, end: str = "") -> str:
    return f"/reponse/{links.make(SECRET, prescription)}" + (f"/{end}" if end else "")


def test_the_sheet_is_read_by_the_link_and_the_journal_says_so(session: Session, browser: Browser) -> None:
    prescription = make_prescription(session, make_scene(session))
    session.commit()
    opened = link(prescription)
    page = browser.get(opened).click("Fiche à imprimer (PDF)")
    response = page.response
    assert (page.path, response.mimetype) == (f"{opened}/fiche.pdf", "application/pdf")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Robots-Tag"].startswith("noindex")
    (sheet,) = PdfReader(io.BytesIO(response.data)).pages
    text = " ".join(sheet.extract_text().split())
    assert prescription.motif in text
    found = session.exec(select(AccessEntry).where(col(AccessEntry.prescription_id) == prescription.id)).all()
    # The page, then the sheet.
    assert [(line.user_id, line.par_lien, line.kind) for line in found] == [
        (None, True, AccessKind.PRESCRIPTION)
    ] * 2


def test_no_sheet_once_the_link_is_void(session: Session, browser: Browser, move_clock: Any) -> None:
    scene = make_scene(session)
    closed = make_prescription(session, scene, State.REFUSEE)
    sent = make_prescription(session, scene)
    session.commit()
    browser.get(link(closed, "fiche.pdf"), status=410)
    browser.get("/reponse/faux/fiche.pdf", status=404)
    late = link(sent, "fiche.pdf")
    browser.get(late)
    move_clock(2040, 1, 1, 9)
    browser.get(late, status=410)


@pytest.mark.parametrize("chosen", [True, False])
@pytest.mark.parametrize("agrees", [True, False])
@pytest.mark.parametrize("courriel", ["ada@exemple.example.org", "", None])
def test_a_form_says_that_the_person_is_written_to_when_they_are(
    session: Session, sign_in: SignIn, chosen: bool, agrees: bool, courriel: str | None
) -> None:
    scene = make_scene(session)
    prescription = make_prescription(session, scene)
    person = session.get_one(Beneficiary, prescription.beneficiary_id)
    prescription.ecrire_personne, person.courriel_accord, person.courriel = chosen, agrees, courriel
    session.commit()
    written = bool(chosen and agrees and courriel)
    assert queries.written_to(session, [prescription.id]) == ({prescription.id} if written else set())
    page = sign_in(scene.partner).get(address(prescription, "accepter"))
    assert ("Elle le recevra par courriel" in page.text) is written
    assert ("Elle ne reçoit pas de courriel du portail" in page.text) is not written
    page = reasoned(sign_in(scene.partner).get(address(prescription, "refuser")), "autre")
    assert ("Elle le recevra par courriel" in page.text) is written
    # As the letters themselves.
    assert notifications.tell(session, prescription, Act.ENVOYER, SENDER).person is written
