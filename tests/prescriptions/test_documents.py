"""Documents of a prescription: what is taken, who reads them, the antivirus, and what stays once removed."""

import dataclasses
import io
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from sqlmodel import Session, col, select

from portal.accounts.models import Role
from portal.beneficiaries.models import AccessEntry, AccessKind
from portal.documents import MAX_BYTES
from portal.errors import AlreadyDone, NotAllowed, RuleBroken
from portal.prescriptions import actors, documents
from portal.prescriptions.models import DocumentKind, Prescription, PrescriptionDocument
from portal.prescriptions.states import OPEN, Side, State
from tests import multipart
from tests.clamd import EICAR, clamd
from tests.factories.accounts import make_user
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.factories.structures import make_partner
from tests.pages import Browser, Page
from tests.prescriptions.hands import SignIn, address

PDF = b"%PDF-1.7\nUn document fictif."


def attach(
    session: Session,
    scene: Scene,
    prescription: Prescription,
    side: Side = Side.REFERENT,
    name: str = "cv.pdf",
) -> PrescriptionDocument:
    by = scene.referent if side is Side.REFERENT else scene.partner
    return documents.attach(session, prescription, filename=name, content=PDF, by=by, side=side)


def all_of(session: Session) -> list[PrescriptionDocument]:
    return list(session.exec(select(PrescriptionDocument).order_by(col(PrescriptionDocument.added_at))))


def send(
    browser: Browser,
    prescription: Prescription,
    file: tuple[str, bytes] | None,
    key: str = "",
    *,
    status: int = 303,
) -> Page:
    fields = {"csrf_token": browser.token(), "cle_document": key}
    response = browser.client.post(
        address(prescription, "documents"),
        data=multipart.encode(fields, file),
        content_type=multipart.KIND,
        headers={"Origin": "http://localhost"},
    )
    return browser._page(response, status, follow=False)


@contextmanager
def scanned(app: Flask, url: str) -> Iterator[None]:
    """The portal with an antivirus."""
    before = app.config["PORTAL"]
    app.config["PORTAL"] = dataclasses.replace(before, antivirus_url=url)
    try:
        yield
    finally:
        app.config["PORTAL"] = before


class TestWhoAndWhen:
    @pytest.mark.parametrize("state", State)
    def test_documents_are_added_while_things_are_open(self, session: Session, state: State) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, state)
        for side in (Side.REFERENT, Side.PARTENAIRE):
            if state in OPEN or (state is State.BROUILLON and side is Side.REFERENT):
                attach(session, scene, prescription, side)
            else:
                with pytest.raises((AlreadyDone, NotAllowed)):
                    attach(session, scene, prescription, side)

    def test_others_add_nothing(self, session: Session) -> None:
        scene, other = make_scene(session), make_scene(session)
        prescription = make_prescription(session, scene)
        for by, side in ((other.referent, Side.REFERENT), (other.partner, Side.PARTENAIRE)):
            with pytest.raises(NotAllowed):
                documents.attach(session, prescription, filename="a.pdf", content=PDF, by=by, side=side)
        with pytest.raises(NotAllowed):
            documents.attach(
                session,
                prescription,
                filename="a.pdf",
                content=PDF,
                by=actors.by_link(make_prescription(session, other)),
                side=Side.PARTENAIRE,
            )
        assert all_of(session) == []

    def test_by_the_link_nobody_is_named(self, session: Session) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        kept = documents.attach(
            session,
            prescription,
            filename="a.pdf",
            content=PDF,
            by=actors.by_link(prescription),
            side=Side.PARTENAIRE,
        )
        assert (kept.side, kept.added_by_id) == (Side.PARTENAIRE, None)

    def test_the_structure_reads_nothing_of_a_draft_nor_of_what_came_to_nothing(
        self, session: Session
    ) -> None:
        scene = make_scene(session)
        draft = make_prescription(session, scene, State.BROUILLON)
        kept = attach(session, scene, draft)
        assert documents.of_prescription(session, draft, Side.PARTENAIRE) == []
        assert documents.content_of(session, draft, kept.id, Side.PARTENAIRE) is None
        refused = make_prescription(session, scene)
        kept = attach(session, scene, refused)
        assert documents.content_of(session, refused, kept.id, Side.PARTENAIRE) is not None
        refused.state = State.ANNULEE
        assert documents.of_prescription(session, refused, Side.PARTENAIRE) == []
        assert documents.content_of(session, refused, kept.id, Side.PARTENAIRE) is None
        assert documents.content_of(session, refused, kept.id, Side.REFERENT) is not None

    def test_a_document_of_another_prescription_is_not_given(self, session: Session) -> None:
        scene = make_scene(session)
        one, other = make_prescription(session, scene), make_prescription(session, scene)
        kept = attach(session, scene, one)
        assert documents.content_of(session, other, kept.id, Side.REFERENT) is None


class TestRefused:
    def test_the_eleventh(self, session: Session) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        for number in range(10):
            attach(session, scene, prescription, name=f"{number}.pdf")
        with pytest.raises(RuleBroken, match="10 documents au plus"):
            attach(session, scene, prescription, Side.PARTENAIRE)
        documents.withdraw(
            session, prescription, all_of(session)[0].id, by=scene.referent, side=Side.REFERENT
        )
        attach(session, scene, prescription)

    def test_five_megabytes_and_not_one_byte_more(self, session: Session) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        kept = documents.attach(
            session,
            prescription,
            filename="a.pdf",
            content=PDF.ljust(MAX_BYTES, b" "),
            by=scene.referent,
            side=Side.REFERENT,
        )
        assert kept.taille == 5_000_000
        with pytest.raises(RuleBroken, match="5,1 Mo : 5 Mo au plus"):
            documents.attach(
                session,
                prescription,
                filename="a.pdf",
                content=PDF.ljust(MAX_BYTES + 1, b" "),
                by=scene.referent,
                side=Side.REFERENT,
            )

    @pytest.mark.parametrize(
        ("file", "said"),
        [
            (None, "Choisissez d’abord un fichier"),
            (("vide.pdf", b""), "est vide"),
            (("photo.png", PDF), "pas un vrai fichier PNG"),
            (("page.pdf", b"<script>alert(1)</script>"), "pas un vrai fichier PDF"),
            (("page.html", b"<p>"), "Ce type de fichier"),
            (("gros.pdf", PDF.ljust(MAX_BYTES + 1, b" ")), "5 Mo au plus"),
        ],
    )
    def test_a_page_says_why_and_nothing_is_kept(
        self, session: Session, sign_in: SignIn, file: tuple[str, bytes] | None, said: str
    ) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        page = send(sign_in(scene.partner), prescription, file, status=422)
        assert said in page.text
        assert page.click("Revenir aux documents").path == address(prescription)
        assert all_of(session) == []

    def test_an_archive_that_unfolds_without_end(self, session: Session, sign_in: SignIn) -> None:
        bomb = io.BytesIO()
        with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("mimetype", bytes(200_000_000))
        scene = make_scene(session)
        page = send(
            sign_in(scene.referent),
            make_prescription(session, scene),
            ("bombe.odt", bomb.getvalue()),
            status=422,
        )
        assert "pas un vrai fichier ODT" in page.text


class TestPages:
    def test_both_sides_add_read_and_the_journal_knows(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        referent, partner = sign_in(scene.referent), sign_in(scene.partner)
        key = str(uuid.uuid4())
        send(referent, prescription, ("../Curriculum d’Ève.pdf", PDF), key)
        send(referent, prescription, ("../Curriculum d’Ève.pdf", PDF), key)
        (kept,) = all_of(session)
        assert (kept.nom, kept.content_type, kept.side) == (
            "Curriculum d’Ève.pdf",
            "application/pdf",
            Side.REFERENT,
        )
        before = len(session.exec(select(AccessEntry)).all())
        response = partner.client.get(address(prescription, f"documents/{kept.id}"))
        assert response.status_code == 200
        assert response.data == PDF
        assert response.headers["Content-Disposition"].startswith("attachment")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] == "no-store"
        entries = session.exec(select(AccessEntry).order_by(col(AccessEntry.at).desc())).all()
        assert len(entries) == before + 1
        assert (entries[0].user_id, entries[0].kind, entries[0].prescription_id) == (
            scene.partner.id,
            AccessKind.PRESCRIPTION,
            prescription.id,
        )

    def test_nobody_else_reads(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        kept = attach(session, scene, prescription)
        strangers = [make_partner(session)[0], make_user(session)]
        # A colleague reads the prescription, not what goes with it.
        strangers.append(make_user(session, organisation_id=scene.referent.organisation_id))
        for user in strangers:
            sign_in(user).get(address(prescription, f"documents/{kept.id}"), status=404)
        for role in (Role.CONVENTIONNEMENT, Role.ANIMATION, Role.ADMINISTRATION):
            user = make_user(session, role)
            assert sign_in(user).client.get(address(prescription, f"documents/{kept.id}")).status_code == 403

    def test_withdrawn_from_a_draft_it_leaves_whole(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, State.BROUILLON)
        kept = attach(session, scene, prescription)
        sign_in(scene.referent).post(address(prescription, f"documents/{kept.id}/retirer"), {})
        assert all_of(session) == []

    def test_withdrawn_after_the_sending_its_name_stays(self, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        mine, theirs = (
            attach(session, scene, prescription),
            attach(session, scene, prescription, Side.PARTENAIRE),
        )
        referent = sign_in(scene.referent)
        page = referent.get(address(prescription))
        assert "cv.pdf" in page.text
        page = referent.post(address(prescription, f"documents/{mine.id}/retirer"), {})
        assert "« cv.pdf » est retiré." in page.text
        assert "retiré le" in page.text
        session.refresh(mine)
        assert mine.contenu is None
        assert mine.purged_at is not None
        referent.get(address(prescription, f"documents/{mine.id}"), status=404)
        # What the other side added is theirs, and what is gone is gone.
        referent.post(address(prescription, f"documents/{theirs.id}/retirer"), {}, status=422)
        page = referent.post(address(prescription, f"documents/{mine.id}/retirer"), {})
        assert "déjà retiré" in page.text

    def test_a_signed_sheet_stays(self, session: Session) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        kept = documents.attach(
            session,
            prescription,
            filename="a.pdf",
            content=PDF,
            by=actors.on_paper(scene.referent),
            side=Side.PARTENAIRE,
            kind=DocumentKind.REPONSE,
        )
        assert kept.side is Side.REFERENT
        with pytest.raises(NotAllowed):
            documents.withdraw(session, prescription, kept.id, by=scene.referent, side=Side.REFERENT)


class TestAntivirus:
    def test_a_clean_document_is_kept(self, app: Flask, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        browser = sign_in(scene.referent)
        with clamd() as peer, scanned(app, peer.url):
            send(browser, prescription, ("cv.pdf", PDF))
        assert peer.read == [PDF]
        assert len(all_of(session)) == 1

    def test_an_infected_one_is_refused(self, app: Flask, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        browser = sign_in(scene.partner)
        with clamd() as peer, scanned(app, peer.url):
            page = send(browser, prescription, ("cv.pdf", PDF + EICAR), status=422)
        assert "L’antivirus a trouvé un danger" in page.text
        assert all_of(session) == []

    def test_what_nobody_could_read_is_not_kept(self, app: Flask, session: Session, sign_in: SignIn) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        browser = sign_in(scene.partner)
        with clamd(said=b"ERROR\0") as peer, scanned(app, peer.url):
            page = send(browser, prescription, ("cv.pdf", PDF), status=422)
        assert "Réessayez" in page.text
        assert all_of(session) == []
