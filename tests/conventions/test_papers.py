"""Documents of a convention: who adds them, who reads them, what is refused."""

import uuid
from typing import Any

import pytest
from sqlmodel import Session, select

from portal.accounts.models import Role, User
from portal.conventions import papers
from portal.conventions.engagements import ConventionDocument
from portal.conventions.models import Convention
from portal.errors import NotAllowed
from tests import multipart
from tests.conventions.hands import SignIn, made
from tests.factories.accounts import make_user
from tests.factories.conventions import make_convention
from tests.factories.prescriptions import make_scene
from tests.factories.structures import make_partner
from tests.pages import Browser

PDF = b"%PDF-1.4 exemple"


def send(browser: Browser, url: str, name: str, content: bytes, status: int = 303, key: Any = None) -> Any:
    fields = {"csrf_token": browser.token(), "cle_document": str(key or uuid.uuid4())}
    answer = browser.client.post(
        url,
        data=multipart.encode(fields, (name, content)),
        content_type=multipart.KIND,
        headers={"Origin": "http://localhost"},
    )
    assert answer.status_code == status, answer.get_data(as_text=True)[:500]
    return answer


def test_the_officer_adds_it_and_readers_download_it(
    session: Session, officer: User, sign_in: SignIn
) -> None:
    scene = make_scene(session)
    session.commit()
    path = f"/conventions/{made(scene).convention_id}"
    browser, key = sign_in(officer), uuid.uuid4()
    for _ in range(2):
        send(browser, f"{path}/documents", "acte signé.pdf", PDF, key=key)
    (kept,) = session.exec(select(ConventionDocument)).all()
    for user in (officer, scene.partner, make_user(session, Role.ETAT)):
        reader = sign_in(user)
        page = reader.get(path)
        assert "acte signé.pdf" in page.text
        answer = reader.client.get(f"{path}/documents/{kept.id}")
        assert answer.data == PDF
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    stranger, _ = make_partner(session)
    assert sign_in(stranger).client.get(f"{path}/documents/{kept.id}").status_code == 404
    page = sign_in(officer).get(path)
    page = page.form(f"documents/{kept.id}/retirer").submit()
    assert "est retiré" in page.text and "Document retiré" in page.text
    assert session.exec(select(ConventionDocument)).all() == []


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("acte.pdf", b"ceci n'est pas un PDF", "n’est pas un vrai fichier PDF"),
        ("acte.pdf", b"", "vide"),
        ("acte.exe", b"MZ", "n’est pas accepté"),
        ("acte.pdf", b"%PDF-" + b"0" * 5_000_000, "5 Mo au plus"),
    ],
)
def test_what_is_no_document_is_refused_in_a_sentence(
    session: Session, officer: User, sign_in: SignIn, name: str, content: bytes, sentence: str
) -> None:
    scene = make_scene(session)
    session.commit()
    path = f"/conventions/{made(scene).convention_id}/documents"
    answer = send(sign_in(officer), path, name, content, status=422)
    assert sentence in answer.get_data(as_text=True)
    assert session.exec(select(ConventionDocument)).all() == []


def test_a_document_of_another_convention_is_not_found(
    session: Session, officer: User, sign_in: SignIn
) -> None:
    scene = make_scene(session)
    convention = session.get_one(Convention, made(scene).convention_id)
    other = make_convention(session, scene.structure)
    kept = papers.attach(session, convention, filename="acte.pdf", content=PDF, by=officer)
    with pytest.raises(NotAllowed):
        papers.attach(session, convention, filename="acte.pdf", content=PDF, by=scene.partner)
    session.commit()
    assert sign_in(officer).client.get(f"/conventions/{other.id}/documents/{kept.id}").status_code == 404
    assert papers.withdraw(session, other, kept.id, by=officer) is None
