"""Documents to fill in: what is taken, what is refused, who downloads them."""

import dataclasses
import io
import uuid
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlmodel import Session, select

from portal import documents as files
from portal.accounts.models import Role, User
from portal.errors import RuleBroken
from portal.offers import documents
from portal.offers.models import Offer, OfferDocument
from portal.structures.models import Revision
from tests import multipart
from tests.clamd import EICAR, clamd
from tests.factories.accounts import make_user
from tests.factories.offers import make_offer
from tests.factories.structures import make_partner
from tests.pages import Browser, Page

SignIn = Callable[[User], Browser]
PDF = b"%PDF-1.7\nUn formulaire fictif."
ODT = "application/vnd.oasis.opendocument.text"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500


def archive(members: dict[str, Any]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return made.getvalue()


DOCX = archive({"[Content_Types].xml": "<x/>", "word/document.xml": "<x/>"})
XLSX = archive({"[Content_Types].xml": "<x/>", "xl/workbook.xml": "<x/>"})


# --- What a file is ---


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("fiche.pdf", PDF, "application/pdf"),
        ("FICHE.PDF", PDF, "application/pdf"),
        ("plan.png", b"\x89PNG\r\n\x1a\n...", "image/png"),
        ("photo.jpg", b"\xff\xd8\xff\xe0...", "image/jpeg"),
        ("photo.jpeg", b"\xff\xd8\xff\xe1...", "image/jpeg"),
        ("fiche.docx", DOCX, files.ZIPPED["docx"]),
        ("tableau.xlsx", XLSX, files.ZIPPED["xlsx"]),
        ("fiche.odt", archive({"mimetype": ODT, "content.xml": "<x/>"}), ODT),
        ("tableau.ods", archive({"mimetype": ODS + "\n"}), ODS),
        ("ancienne.doc", OLE, "application/msword"),
        ("ancien.xls", OLE, "application/vnd.ms-excel"),
    ],
)
def test_a_document_is_what_its_first_bytes_say(name: str, content: bytes, kind: str) -> None:
    assert files.recognise(name, content) == kind


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.pdf", b"<!doctype html><script>alert(1)</script>"),
        ("page.html.pdf", b"<html>%PDF-1.7"),
        ("photo.png", PDF),
        ("photo.jpg", b"\x89PNG\r\n\x1a\n"),
        ("fiche.pdf", b" " + PDF),
        ("fiche.pdf", b"%PDF"),
        ("fiche.docx", PDF),
        ("fiche.docx", XLSX),
        ("tableau.xlsx", DOCX),
        ("fiche.docx", archive({"META-INF/MANIFEST.MF": "x"})),
        ("fiche.docx", DOCX[: len(DOCX) // 2]),
        ("fiche.docx", b"<html>" + DOCX),
        ("fiche.docx", b"PK\x03\x04"),
        ("fiche.odt", archive({"mimetype": ODS})),
        ("fiche.odt", archive({"content.xml": "<x/>"})),
        ("fiche.odt", archive({"mimetype": b"x" * 50_000_000})),
        ("ancienne.doc", DOCX),
        ("ancienne.doc", b"{\\rtf1"),
    ],
)
def test_a_file_that_is_something_else_is_refused(name: str, content: bytes) -> None:
    with pytest.raises(RuleBroken, match="pas un vrai fichier"):
        files.recognise(name, content)


def test_an_archive_whose_first_file_is_damaged_is_refused() -> None:
    content = bytearray(archive({"mimetype": ODT * 50}))
    content[40:60] = b"\xff" * 20
    with pytest.raises(RuleBroken, match="pas un vrai fichier ODT"):
        files.recognise("fiche.odt", bytes(content))


@pytest.mark.parametrize(
    "name",
    [
        "page.html",
        "page.pdf.html",
        "dessin.svg",
        "macro.docm",
        "fiche.pdf.exe",
        "fiche",
        "pdf",
        "fiche.pdf.",
        "",
    ],
)
def test_other_kinds_of_files_are_refused(name: str) -> None:
    with pytest.raises(RuleBroken, match="Ce type de fichier"):
        files.recognise(name, PDF)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("fiche.pdf", "fiche.pdf"),
        ("../../etc/fiche.pdf", "fiche.pdf"),
        ("C:\\Mes documents\\Fiche d’accueil (2).pdf", "Fiche d’accueil (2).pdf"),
        ("..", "document"),
        ("", "document"),
        (".pdf", "document.pdf"),
        ("fiche\r\nX-Autre: 1.pdf", "ficheX-Autre 1.pdf"),
        ("fdp.\u202efiche.pdf", "fdp.fiche.pdf"),
        ('fiche";x=".pdf', "fichex.pdf"),
        ("e\u0301te\u0301.pdf", "été.pdf"),
        ("fiche.pdf .", "fiche.pdf"),
        ("fiche. pdf", "fiche.pdf"),
        ("a" * 300 + ".pdf", "a" * 100 + ".pdf"),
    ],
)
def test_a_name_is_only_a_name(name: str, wanted: str) -> None:
    assert files.clean_name(name) == wanted


# --- Rules ---


def keep(session: Session, offer: Offer, name: str = "fiche.pdf", content: bytes = PDF) -> OfferDocument:
    kept, _ = documents.add(session, offer, filename=name, content=content, by=make_user(session))
    session.flush()
    return kept


def test_a_document_is_kept_with_its_offer(session: Session) -> None:
    offer = make_offer(session)
    by = make_user(session)
    kept, changes = documents.add(session, offer, filename="dossier/fiche.pdf", content=PDF, by=by)
    session.flush()
    assert changes == {"documents": [None, "fiche.pdf"]}
    assert (kept.nom, kept.taille, kept.contenu, kept.added_by_id) == ("fiche.pdf", len(PDF), PDF, by.id)
    other = make_offer(session)
    keep(session, other)
    assert [d.id for d in documents.of_offer(session, offer.id)] == [kept.id]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "vide"),
        (PDF + b"x" * files.MAX_BYTES, "Ce fichier fait 5,1 Mo : 5 Mo au plus"),
        (b"x" * 12_340_000, "Ce fichier fait 12,4 Mo : 5 Mo au plus"),
        (b"<html>", "pas un vrai fichier PDF"),
    ],
)
def test_what_is_refused_leaves_nothing(session: Session, content: bytes, sentence: str) -> None:
    offer = make_offer(session)
    with pytest.raises(RuleBroken, match=sentence) as refused:
        keep(session, offer, content=content)
    assert refused.value.field == "fichier"
    assert documents.of_offer(session, offer.id) == []


def test_a_file_of_just_the_size_is_taken(session: Session) -> None:
    offer = make_offer(session)
    keep(session, offer, content=PDF.ljust(files.MAX_BYTES))
    assert len(documents.of_offer(session, offer.id)) == 1


def test_the_eleventh_is_refused(session: Session) -> None:
    offer = make_offer(session)
    for number in range(documents.MAX_DOCUMENTS):
        keep(session, offer, f"fiche {number}.pdf")
    with pytest.raises(RuleBroken, match="10 documents au plus"):
        keep(session, offer)
    documents.remove(session, offer, documents.of_offer(session, offer.id)[0].id)
    session.flush()
    keep(session, offer)
    assert len(documents.of_offer(session, offer.id)) == documents.MAX_DOCUMENTS


def test_a_document_is_taken_off_its_own_offer_only(session: Session) -> None:
    offer, other = make_offer(session), make_offer(session)
    kept = keep(session, offer)
    assert documents.remove(session, other, kept.id) == {}
    assert documents.remove(session, offer, kept.id) == {"documents": ["fiche.pdf", None]}
    session.flush()
    assert documents.remove(session, offer, kept.id) == {}
    assert documents.of_offer(session, offer.id) == []


# --- Pages ---


def send(
    browser: Browser,
    offer_id: object,
    content: bytes = PDF,
    name: str = "fiche.pdf",
    *,
    status: int = 200,
    **values: str,
) -> Page:
    response = browser.client.post(
        f"/offres/{offer_id}/documents",
        data=multipart.encode({"csrf_token": browser.token(), **values}, (name, content)),
        content_type=multipart.KIND,
        headers={"Origin": "http://localhost"},
    )
    return browser._page(response, status, True)


def names(session: Session) -> list[str]:
    return sorted(session.exec(select(OfferDocument.nom)).all())


def test_a_partner_adds_then_removes_a_document(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    version = offer.version
    browser = sign_in(partner)
    page = send(browser, offer.id)
    assert "« fiche.pdf » est ajouté" in page.text
    assert page.path == f"/offres/{offer.id}/modifier"
    assert page.soup.find("a", string="fiche.pdf") is not None
    session.refresh(offer)
    assert offer.version == version + 1
    (kept,) = documents.of_offer(session, offer.id)
    page = browser.post(f"/offres/{offer.id}/documents/{kept.id}/retirer", {})
    assert "Le document est retiré" in page.text
    assert names(session) == []
    changes = [r.changes for r in session.exec(select(Revision).where(Revision.offer_id == offer.id))]
    assert {"documents": [None, "fiche.pdf"]} in changes
    assert {"documents": ["fiche.pdf", None]} in changes


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b"<script>", "page.html", "Ce type de fichier"),
        (b"<script>", "page.pdf", "pas un vrai fichier PDF"),
        (PDF, "fiche.pdf.html", "Ce type de fichier"),
        (b"", "fiche.pdf", "vide"),
        (PDF + b"x" * 5_000_000, "fiche.pdf", "5,1 Mo"),
    ],
)
def test_a_refusal_is_a_page_that_says_what_to_do(
    session: Session, sign_in: SignIn, content: bytes, name: str, sentence: str
) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    page = send(sign_in(partner), offer.id, content, name, status=422)
    assert page.h1 == "Le document n’est pas ajouté"
    assert sentence in page.text
    assert page.click("Choisir un autre fichier").path == f"/offres/{offer.id}/modifier"
    assert names(session) == []


def test_the_antivirus_reads_it_before_it_is_kept(app: Flask, session: Session, sign_in: SignIn) -> None:
    user, structure = make_partner(session)
    offer = make_offer(session, structure)
    browser, usual = sign_in(user), app.config["PORTAL"]
    with clamd() as peer:
        app.config["PORTAL"] = dataclasses.replace(usual, antivirus_url=peer.url)
        try:
            page = send(browser, offer.id, PDF + EICAR, status=422)
            assert "L’antivirus a trouvé un danger" in page.text
            assert names(session) == []
            send(browser, offer.id)
        finally:
            app.config["PORTAL"] = usual
    assert names(session) == ["fiche.pdf"]


def test_no_file_at_all(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    browser = sign_in(partner)
    for given in ({}, {"fichier": "texte"}):
        page = browser.post(f"/offres/{offer.id}/documents", given, status=422)
        assert "Choisissez d’abord un fichier" in page.text
    assert "Choisissez d’abord un fichier" in send(browser, offer.id, b"", "", status=422).text


def test_the_eleventh_is_refused_by_the_page_too(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    for number in range(documents.MAX_DOCUMENTS):
        keep(session, offer, f"fiche {number}.pdf")
    assert "10 documents au plus" in send(sign_in(partner), offer.id, status=422).text
    assert len(names(session)) == documents.MAX_DOCUMENTS


def test_pressing_twice_adds_one(session: Session, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure)
    browser = sign_in(partner)
    key = str(uuid.uuid4())
    for _ in range(2):
        send(browser, offer.id, cle_document=key)
    assert names(session) == ["fiche.pdf"]
    send(browser, offer.id, cle_document=str(uuid.uuid4()))
    assert len(names(session)) == 2


def test_another_structure_s_offer_is_not_there(session: Session, sign_in: SignIn) -> None:
    stranger, _ = make_partner(session)
    offer = make_offer(session)
    kept = keep(session, offer)
    browser = sign_in(stranger)
    send(browser, offer.id, status=404)
    send(browser, uuid.uuid4(), status=404)
    browser.post(f"/offres/{offer.id}/documents/{kept.id}/retirer", {}, status=404)
    assert names(session) == ["fiche.pdf"]


@pytest.mark.parametrize("role", [Role.REFERENT, Role.CONVENTIONNEMENT])
def test_who_writes_no_offer_adds_no_document(session: Session, sign_in: SignIn, role: Role) -> None:
    offer = make_offer(session)
    kept = keep(session, offer)
    browser = sign_in(make_user(session, role))
    send(browser, offer.id, status=403)
    browser.post(f"/offres/{offer.id}/documents/{kept.id}/retirer", {}, status=403)
    assert names(session) == ["fiche.pdf"]


def test_a_visitor_adds_nothing(session: Session, browser: Browser) -> None:
    offer = make_offer(session)
    session.commit()
    send(browser, offer.id, status=401)
    assert names(session) == []


def test_a_document_is_saved_never_shown(session: Session, browser: Browser) -> None:
    offer = make_offer(session)
    kept = keep(session, offer, "Fiche d’été.pdf")
    session.commit()
    response = browser.client.get(f"/offres/{offer.id}/documents/{kept.id}")
    assert response.status_code == 200
    assert response.data == PDF
    assert response.mimetype == "application/pdf"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    disposition = response.headers["Content-Disposition"]
    assert disposition.startswith("attachment;")
    assert "filename*=UTF-8''Fiche%20d%E2%80%99%C3%A9t%C3%A9.pdf" in disposition
    response.close()


def test_a_draft_s_document_is_for_its_editors(session: Session, browser: Browser, sign_in: SignIn) -> None:
    partner, structure = make_partner(session)
    offer = make_offer(session, structure, published=False)
    kept = keep(session, offer)
    session.commit()
    address = f"/offres/{offer.id}/documents/{kept.id}"
    browser.get(address, status=404)
    stranger, _ = make_partner(session)
    sign_in(stranger).get(address, status=404)
    sign_in(make_user(session, Role.REFERENT)).get(address, status=404)
    assert sign_in(partner).client.get(address).data == PDF


def test_a_document_is_found_under_its_own_offer_only(session: Session, browser: Browser) -> None:
    offer, other = make_offer(session), make_offer(session)
    kept = keep(session, offer)
    session.commit()
    browser.get(f"/offres/{other.id}/documents/{kept.id}", status=404)
    browser.get(f"/offres/{offer.id}/documents/{uuid.uuid4()}", status=404)
