"""Documents added before the sending, on the page that checks it, and after it, of which the other side is told once."""

import uuid
from typing import Any

import pytest
from sqlmodel import Session

from portal.accounts.models import OutgoingMail
from portal.beneficiaries.models import Beneficiary
from portal.prescriptions import answers, documents, links, rules
from portal.prescriptions.models import DocumentKind, Prescription
from portal.prescriptions.states import Side, State
from tests import multipart
from tests.factories.prescriptions import make_prescription, make_scene
from tests.factories.structures import make_partner
from tests.pages import Browser, Page
from tests.prescriptions.hands import SignIn, address, mails
from tests.prescriptions.test_documents import PDF, all_of, attach

CONTACT = "accueil@association.example.org"
SUBJECT = "Un document est ajouté à une prescription"


def put(
    browser: Browser, url: str, name: str = "cv.pdf", key: str = "", content: bytes = PDF, **fields: str
) -> Page:
    """Send a file to `url` as the page does."""
    sent = {"csrf_token": browser.token(), "cle_document": key or str(uuid.uuid4()), **fields}
    response = browser.client.post(
        url,
        data=multipart.encode(sent, (name, content)),
        content_type=multipart.KIND,
        headers={"Origin": "http://localhost"},
    )
    return browser._page(response, 200 if response.status_code == 303 else response.status_code, True)


def told(session: Session) -> list[OutgoingMail]:
    return [mail for mail in mails(session) if mail.subject == SUBJECT]


def recipients(session: Session) -> list[str]:
    return sorted(mail.recipient for mail in told(session))


class TestBeforeSending:
    def test_added_and_withdrawn_where_the_sending_is_checked(
        self, session: Session, sign_in: SignIn
    ) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, State.BROUILLON)
        browser = sign_in(scene.referent)
        check = address(prescription, "envoi")
        page = browser.get(check)
        # Before what the person agrees to: they agree to what leaves.
        assert page.text.index("Ajouter un document") < page.text.index("L’accord de la personne")
        kept = page.form("/documents").values
        assert kept["retour"] == "envoi"
        page = put(browser, address(prescription, "documents"), retour="envoi")
        assert (page.path, page.h1) == (check, "Vérifier avant d’envoyer")
        assert "« cv.pdf » est ajouté." in page.text
        page = page.form("/retirer").submit()
        assert page.path == check
        assert all_of(session) == []
        put(browser, address(prescription, "documents"), "lettre.pdf", retour="envoi")
        page = browser.get(check).form("/envoi").submit("Envoyer la prescription", consentement="y")
        assert prescription.state is State.ENVOYEE
        assert "lettre.pdf" in sign_in(scene.partner).get(address(prescription)).text

    def test_a_refusal_leads_back_there(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, State.BROUILLON)
        browser = sign_in(scene.referent)
        page = put(browser, address(prescription, "documents"), "photo.png", content=PDF, retour="envoi")
        assert page.response.status_code == 422
        assert page.click("Revenir aux documents").path == address(prescription, "envoi")

    def test_elsewhere_one_stays_on_the_prescription(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        browser = sign_in(scene.referent)
        assert "retour" not in browser.get(address(prescription)).form("/documents").values
        assert put(browser, address(prescription, "documents")).path == address(prescription)

    def test_what_goes_with_the_sending_is_told_with_it(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, State.BROUILLON)
        put(sign_in(scene.referent), address(prescription, "documents"))
        rules.send(session, prescription, by=scene.referent, consent=True)
        session.commit()
        assert told(session) == []
        # The first one after it is told, though nobody opened the prescription.
        put(sign_in(scene.referent), address(prescription, "documents"), "suite.pdf")
        assert recipients(session) == sorted([CONTACT, scene.partner.courriel])


class TestAfterSending:
    def test_the_structure_is_told_once_a_burst(
        self, session: Session, sign_in: SignIn, move_clock: Any
    ) -> None:
        move_clock(2026, 3, 2, 9)
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        referent, url = sign_in(scene.referent), address(prescription, "documents")
        for minute in (1, 2, 3):
            move_clock(2026, 3, 2, 10, minute)
            put(referent, url, f"piece-{minute}.pdf")
        assert recipients(session) == sorted([CONTACT, scene.partner.courriel])
        # Who has read is told of what comes next, and they alone.
        move_clock(2026, 3, 2, 11)
        sign_in(scene.partner).get(address(prescription))
        for minute in (1, 2):
            move_clock(2026, 3, 2, 12, minute)
            put(referent, url, f"autre-{minute}.pdf")
        assert recipients(session) == sorted([CONTACT, scene.partner.courriel, scene.partner.courriel])

    def test_the_referent_is_told_of_those_of_the_structure(
        self, session: Session, sign_in: SignIn, move_clock: Any
    ) -> None:
        move_clock(2026, 3, 2, 9)
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        session.commit()
        move_clock(2026, 3, 2, 9, 30)
        put(sign_in(scene.partner), address(prescription, "documents"), "programme.pdf")
        link = f"/reponse/{links.make('t' * 40, prescription)}"
        move_clock(2026, 3, 2, 10)
        by_link = sign_in(make_partner(session)[0])
        put(by_link, f"{link}/documents", "plan.pdf")
        (mail,) = told(session)
        assert mail.recipient == scene.referent.courriel
        assert f"/prescriptions/{prescription.id}" in mail.body
        person = session.get_one(Beneficiary, prescription.beneficiary_id)
        for private in ("programme.pdf", person.prenom, person.nom):
            assert private not in mail.body + mail.subject

    def test_by_the_link_reading_is_opening_it(
        self, session: Session, sign_in: SignIn, browser: Browser, move_clock: Any
    ) -> None:
        move_clock(2026, 3, 2, 9)
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        scene.partner.is_active = False
        session.commit()
        referent, url = sign_in(scene.referent), address(prescription, "documents")
        move_clock(2026, 3, 2, 9, 30)
        put(referent, url)
        move_clock(2026, 3, 2, 10)
        put(referent, url)
        assert recipients(session) == [CONTACT]
        assert "/reponse/" in told(session)[0].body
        move_clock(2026, 3, 2, 11)
        browser.get(f"/reponse/{links.make('t' * 40, prescription)}")
        move_clock(2026, 3, 2, 12)
        put(referent, url)
        assert recipients(session) == [CONTACT, CONTACT]

    def test_pressed_twice_it_is_told_once(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        session.commit()
        partner, key = sign_in(scene.partner), str(uuid.uuid4())
        for _ in range(2):
            put(partner, address(prescription, "documents"), key=key)
            # The référent reads between the two presses: the second is still no document.
            sign_in(scene.referent).get(address(prescription))
        assert recipients(session) == [scene.referent.courriel]
        assert len(all_of(session)) == 1

    def test_what_is_refused_is_not_told(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        session.commit()
        page = put(sign_in(scene.partner), address(prescription, "documents"), "photo.png", content=PDF)
        assert page.response.status_code == 422
        assert told(session) == []

    @pytest.mark.parametrize("kind", [DocumentKind.PIECE, DocumentKind.REPONSE])
    def test_a_sheet_that_came_back_neither_tells_nor_hides(
        self, session: Session, sign_in: SignIn, kind: DocumentKind
    ) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        documents.attach(
            session,
            prescription,
            filename="feuille.pdf",
            content=PDF,
            by=scene.referent,
            side=Side.REFERENT,
            kind=kind,
        )
        session.commit()
        put(sign_in(scene.referent), address(prescription, "documents"))
        # A piece waits already; the sheet was told by the answer it bears.
        assert bool(told(session)) is (kind is DocumentKind.REPONSE)

    def test_closed_nothing_is_added_nor_told(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription: Prescription = make_prescription(session, scene, State.ENTREE)
        attach(session, scene, prescription)
        answers.finish(session, prescription, by=scene.partner, day=prescription.date_entree)  # type: ignore[arg-type]
        session.commit()
        assert put(sign_in(scene.referent), address(prescription, "documents")).response.status_code == 422
        assert told(session) == []
