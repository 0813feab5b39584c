"""A document joined once to all the prescriptions of one person in a lot, and to nobody else's."""

import uuid

import pytest
from flask import Flask
from sqlmodel import Session, col, select

from portal.accounts.models import User
from portal.errors import RuleBroken
from portal.prescriptions import documents, lots, rules
from portal.prescriptions.models import Prescription, PrescriptionDocument
from portal.prescriptions.states import Side, State
from tests.clamd import EICAR, clamd
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.offers import make_offer
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.pages import Page
from tests.prescriptions.hands import SignIn, address
from tests.prescriptions.test_documents import PDF, all_of, scanned
from tests.prescriptions.test_documents_told import put, recipients


def lot_of(session: Session, scene: Scene, *, people: int = 1, offers: int = 3) -> uuid.UUID:
    """A lot of drafts, the first person's first."""
    lot_id = uuid.uuid4()
    chosen = [scene.offer]
    chosen += [make_offer(session, scene.structure, nom=f"Atelier {n}") for n in range(1, offers)]
    for offer in chosen:
        session.refresh(offer, ["structure"])
    lots.create_lot(
        session,
        lot_id=lot_id,
        people=[make_beneficiary(session, scene.referent) for _ in range(people)],
        offers=chosen,
        by=scene.referent,
        partage=["contact"],
    )
    session.commit()
    return lot_id


def drafts_of(session: Session, lot_id: uuid.UUID, user: User) -> list[Prescription]:
    return lots.of_lot(session, lot_id, user)


def page_of(lot_id: uuid.UUID, prescription: Prescription) -> str:
    return f"/prescriptions/lots/{lot_id}/documents/{prescription.beneficiary_id}"


def in_each(session: Session) -> dict[uuid.UUID, list[str]]:
    found: dict[uuid.UUID, list[str]] = {}
    for document in all_of(session):
        found.setdefault(document.prescription_id, []).append(document.nom)
    return found


def buttons(page: Page) -> list[str]:
    return [button.get_text() for button in page.soup.select("button[name=joindre_a_toutes]")]


def test_joined_once_each_has_its_own(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    lot_id = lot_of(session, scene)
    drafts = drafts_of(session, lot_id, scene.referent)
    browser = sign_in(scene.referent)
    page = browser.get(f"/prescriptions/lots/{lot_id}")
    # What is being typed is kept first.
    page = page.form("prescribe-form").submit("Joindre un document à ses 3 prescriptions", motif="Pour elle.")
    assert page.path == page_of(lot_id, drafts[0])
    assert {one.motif for one in drafts} == {"Pour elle."}
    assert [one.offre_nom in page.text for one in drafts] == [True] * 3
    key = str(page.form(page_of(lot_id, drafts[0])).values["cle_document"])
    for _ in range(2):
        page = put(browser, page_of(lot_id, drafts[0]), key=key)
        assert page.path == f"/prescriptions/lots/{lot_id}"
        assert "« cv.pdf » est joint à 3 prescriptions de cette personne" in page.text
    assert in_each(session) == {one.id: ["cv.pdf"] for one in drafts}
    assert page.text.count("cv.pdf") == 4

    # From then on each lives apart: withdrawn from one, it stays with the others.
    browser.get(address(drafts[0])).form("/retirer").submit()
    assert in_each(session) == {one.id: ["cv.pdf"] for one in drafts[1:]}


def test_the_structure_reads_that_of_what_was_sent_to_it(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    lot_id = lot_of(session, scene, offers=2)
    first, second = drafts_of(session, lot_id, scene.referent)
    put(sign_in(scene.referent), page_of(lot_id, first))
    first.motif = "Pour elle."
    rules.send(session, first, by=scene.referent, consent=True)
    session.commit()
    kept = {one.prescription_id: one for one in all_of(session)}
    partner = sign_in(scene.partner)
    partner.get(address(first, f"documents/{kept[first.id].id}"))
    # That of the draft, by neither address.
    partner.get(address(second, f"documents/{kept[second.id].id}"), status=404)
    partner.get(address(first, f"documents/{kept[second.id].id}"), status=404)


def test_one_that_left_is_told_one_that_is_closed_takes_nothing(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    lot_id = lot_of(session, scene)
    sent, closed, draft = drafts_of(session, lot_id, scene.referent)
    sent.motif = "Pour elle."
    rules.send(session, sent, by=scene.referent, consent=True)
    rules.cancel(session, closed, by=scene.referent)
    session.commit()
    page = put(sign_in(scene.referent), page_of(lot_id, sent))
    assert "est joint à 2 prescriptions" in page.text
    assert in_each(session) == {sent.id: ["cv.pdf"], draft.id: ["cv.pdf"]}
    assert recipients(session) != []
    for one in (sent, draft):
        rules.cancel(session, one, by=scene.referent)
    session.commit()
    page = put(sign_in(scene.referent), page_of(lot_id, sent))
    assert page.response.status_code == 422
    assert "on ne peut plus y ajouter de document" in page.text


def test_one_that_is_full_is_named_the_others_have_it(session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    lot_id = lot_of(session, scene, offers=2)
    full, other = drafts_of(session, lot_id, scene.referent)
    for n in range(documents.MAX_DOCUMENTS):
        documents.attach(
            session, full, filename=f"{n}.pdf", content=PDF, by=scene.referent, side=Side.REFERENT
        )
    session.commit()
    page = put(sign_in(scene.referent), page_of(lot_id, full))
    assert "est joint à 1 prescription de cette personne" in page.text
    assert f"« {full.offre_nom} » : Une prescription porte 10 documents au plus" in page.text
    assert in_each(session)[other.id] == ["cv.pdf"]
    assert len(in_each(session)[full.id]) == documents.MAX_DOCUMENTS


@pytest.mark.parametrize(("name", "content"), [("photo.png", PDF), ("cv.pdf", b""), ("cv.exe", PDF)])
def test_what_is_not_a_document_is_joined_to_none(
    session: Session, sign_in: SignIn, name: str, content: bytes
) -> None:
    scene = make_scene(session)
    lot_id = lot_of(session, scene)
    (first, *_) = drafts_of(session, lot_id, scene.referent)
    page = put(sign_in(scene.referent), page_of(lot_id, first), name, content=content)
    assert page.response.status_code == 422
    assert "Le document n’est pas joint" in page.text
    assert all_of(session) == []


def test_the_antivirus_reads_it_once(app: Flask, session: Session, sign_in: SignIn) -> None:
    scene = make_scene(session)
    lot_id = lot_of(session, scene)
    (first, *_) = drafts_of(session, lot_id, scene.referent)
    browser = sign_in(scene.referent)
    with clamd() as server, scanned(app, server.url):
        page = put(browser, page_of(lot_id, first), content=PDF + EICAR)
        assert "L’antivirus a trouvé un danger" in page.text
        assert all_of(session) == []
        put(browser, page_of(lot_id, first))
    assert len(all_of(session)) == 3


class TestPersonal:
    def test_several_people_are_never_given_the_same(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        lot_id = lot_of(session, scene, people=2, offers=2)
        browser = sign_in(scene.referent)
        page = browser.get(f"/prescriptions/lots/{lot_id}")
        assert buttons(page) == ["Joindre un document à ses 2 prescriptions"] * 2
        (one, *_) = drafts_of(session, lot_id, scene.referent)
        put(browser, page_of(lot_id, one))
        mine = {
            p.id for p in drafts_of(session, lot_id, scene.referent) if p.beneficiary_id == one.beneficiary_id
        }
        assert set(in_each(session)) == mine
        with pytest.raises(RuleBroken, match="personnel"):
            documents.attach_to_each(
                session,
                drafts_of(session, lot_id, scene.referent),
                filename="cv.pdf",
                content=PDF,
                by=scene.referent,
                side=Side.REFERENT,
                key=uuid.uuid4(),
            )

    def test_one_offer_for_several_people_says_why_not(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        lot_id = lot_of(session, scene, people=2, offers=1)
        page = sign_in(scene.referent).get(f"/prescriptions/lots/{lot_id}")
        assert buttons(page) == []
        assert page.text.count("Un document est personnel : il se joint pour une personne") == 1

    def test_only_who_prepares_the_lot(self, session: Session, sign_in: SignIn) -> None:
        scene, other = make_scene(session), make_scene(session)
        lot_id = lot_of(session, scene)
        (first, *_) = drafts_of(session, lot_id, scene.referent)
        stranger = make_prescription(session, scene, State.BROUILLON)
        session.commit()
        for user in (other.referent,):
            sign_in(user).get(page_of(lot_id, first), status=404)
            assert put(sign_in(user), page_of(lot_id, first)).response.status_code == 404
        sign_in(scene.partner).get(page_of(lot_id, first), status=403)
        # Somebody who is not in the lot.
        sign_in(scene.referent).get(page_of(lot_id, stranger), status=404)
        assert session.exec(select(PrescriptionDocument).order_by(col(PrescriptionDocument.id))).all() == []


# Pages are compared with fragments: both are read the same way.
EXACT_PAGES = True
