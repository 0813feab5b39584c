"""Documents of a partner's report: added as long as it is written, read by the others once it is handed in."""

import uuid
from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlmodel import Session, select

from portal.accounts.models import Role, User
from portal.conventions import history, papers, report_schedule, report_writing, reports
from portal.conventions.engagements import ConventionDocument, PartnerReport, ReportKind
from portal.conventions.models import Convention
from portal.errors import AlreadyDone, NotAllowed, RuleBroken
from tests import multipart
from tests.factories.accounts import make_user
from tests.factories.conventions import make_convention
from tests.factories.structures import make_partner
from tests.pages import Browser, Page

SignIn = Callable[[User], Browser]
PDF = b"%PDF-1.4 compte rendu"
FIGURES = {"x": 1}


class Owed:
    """A partner, its convention of 2030, and its report on the first half, which is over."""

    def __init__(self, session: Session, officer: User) -> None:
        self.partner, structure = make_partner(session)
        self.convention = make_convention(
            session,
            structure,
            date_debut=date(2030, 1, 1),
            date_fin=date(2030, 12, 31),
            signee_le=date(2030, 1, 1),
        )
        self.report = report_schedule.ask(
            session,
            self.convention,
            {
                "kind": ReportKind.ACTIVITE,
                "debut": date(2030, 1, 1),
                "fin": date(2030, 6, 30),
                "du_le": date(2030, 8, 31),
            },
            by=officer,
        )
        session.commit()
        self.path = f"/conventions/{self.convention.id}/rapports/{self.report.id}"


@pytest.fixture
def officer(session: Session) -> User:
    return make_user(session, Role.CONVENTIONNEMENT)


@pytest.fixture
def owed(session: Session, officer: User, move_clock: Callable[..., datetime]) -> Owed:
    move_clock(2030, 7, 1, 10)
    return Owed(session, officer)


def send(me: Browser, path: str, name: str, content: bytes, status: int = 200, key: str = "") -> Page:
    fields = {"csrf_token": me.token(), "cle_document": key or str(uuid.uuid4())}
    answer = me.client.post(
        f"{path}/documents",
        data=multipart.encode(fields, (name, content) if name else None),
        content_type=multipart.KIND,
        headers={"Origin": "http://localhost"},
    )
    return me._page(answer, status, True)


def test_the_partner_adds_and_withdraws_until_it_hands_in(
    session: Session, sign_in: SignIn, officer: User, owed: Owed
) -> None:
    me, key = sign_in(owed.partner), str(uuid.uuid4())
    me.get(owed.path).click("Ajouter un document").form("paper-form")
    for _ in range(2):
        page = send(me, owed.path, "compte rendu.pdf", PDF, key=key)
        assert page.path == owed.path and "compte rendu.pdf" in page.text
    (kept,) = session.exec(select(ConventionDocument)).all()
    assert kept.report_id == owed.report.id
    # It is the report's, not the convention's; and nobody else's as long as the report is a draft.
    assert "compte rendu.pdf" not in me.get(f"/conventions/{owed.convention.id}").text
    file = f"/conventions/{owed.convention.id}/documents/{kept.id}"
    assert me.client.get(file).data == PDF
    for user in (officer, make_user(session, Role.ETAT)):
        reader = sign_in(user)
        assert "compte rendu.pdf" not in reader.get(owed.path).text
        assert reader.client.get(file).status_code == 404
    send(me, owed.path, "de trop.pdf", PDF)
    page = me.get(owed.path)
    extra = session.exec(select(ConventionDocument).where(ConventionDocument.nom == "de trop.pdf")).one()
    page = page.form(f"documents/{extra.id}/retirer").submit()
    assert "« de trop.pdf » est retiré." in page.text
    page.form("report-form").submit("Remettre au département", realise="Deux modules.")
    for user in (officer, make_user(session, Role.ETAT), owed.partner):
        reader = sign_in(user)
        page = reader.get(owed.path)
        assert "compte rendu.pdf" in page.text and "Retirer" not in page.text
        assert reader.client.get(file).data == PDF
    facts = [line.fait for line, _ in history.lines(session, owed.convention)]
    assert facts.count("Rapport d’activité : document ajouté") == 2
    assert facts.count("Rapport d’activité : document retiré") == 1
    # From an old tab.
    page = send(sign_in(owed.partner), owed.path, "tard.pdf", PDF, status=422)
    assert "déjà remis" in page.text


def test_only_the_partner_of_the_report(session: Session, sign_in: SignIn, officer: User, owed: Owed) -> None:
    stranger, _ = make_partner(session)
    other = Owed(session, officer)
    kept = papers.attach_to_report(
        session, owed.convention, owed.report.id, filename="a.pdf", content=PDF, by=owed.partner
    )
    session.commit()
    for user in (officer, stranger, make_user(session, Role.ETAT)):
        with pytest.raises(NotAllowed):
            papers.attach_to_report(
                session, owed.convention, owed.report.id, filename="b.pdf", content=PDF, by=user
            )
        with pytest.raises(NotAllowed):
            papers.withdraw_from_report(session, owed.convention, owed.report.id, kept.id, by=user)
    theirs = sign_in(other.partner)
    mixed = f"/conventions/{other.convention.id}/rapports/{owed.report.id}"
    assert theirs.client.get(f"{mixed}/documents").status_code == 404
    assert theirs.client.get(f"{owed.path}/documents").status_code == 404
    assert theirs.client.get(f"/conventions/{other.convention.id}/documents/{kept.id}").status_code == 404
    theirs.post(f"{other.path}/documents/{kept.id}/retirer", {})
    # Nor does the officer take it away as a document of the convention.
    assert papers.withdraw(session, owed.convention, kept.id, by=officer) is None
    assert papers.of_convention(session, owed.convention.id, owed.report.id) == [kept]


def test_what_is_no_document_and_one_too_many(session: Session, sign_in: SignIn, owed: Owed) -> None:
    me = sign_in(owed.partner)
    assert "n’est pas un vrai fichier PDF" in send(me, owed.path, "a.pdf", b"non", status=422).text
    assert "Choisissez d’abord un fichier" in send(me, owed.path, "", b"", status=422).text
    for number in range(papers.MAX_OF_REPORT):
        papers.attach_to_report(
            session, owed.convention, owed.report.id, filename=f"{number}.pdf", content=PDF, by=owed.partner
        )
    with pytest.raises(RuleBroken, match="10 documents au plus"):
        papers.attach_to_report(
            session, owed.convention, owed.report.id, filename="z.pdf", content=PDF, by=owed.partner
        )


def test_a_report_with_a_document_is_not_withdrawn(session: Session, officer: User, owed: Owed) -> None:
    papers.attach_to_report(
        session, owed.convention, owed.report.id, filename="a.pdf", content=PDF, by=owed.partner
    )
    with pytest.raises(AlreadyDone, match="a commencé ce rapport"):
        report_schedule.withdraw(session, owed.convention, owed.report.id, by=officer)


def test_a_correction_opens_the_documents_again(session: Session, officer: User, owed: Owed) -> None:
    convention = session.get_one(Convention, owed.convention.id)
    report_writing.hand_in(
        session, convention, owed.report.id, {"realise": "Fait."}, FIGURES, by=owed.partner
    )
    with pytest.raises(AlreadyDone):
        papers.attach_to_report(
            session, convention, owed.report.id, filename="a.pdf", content=PDF, by=owed.partner
        )
    report_writing.ask_correction(
        session, convention, owed.report.id, demande="Un justificatif", du_le=date(2030, 7, 20), by=officer
    )
    kept = papers.attach_to_report(
        session, convention, owed.report.id, filename="a.pdf", content=PDF, by=owed.partner
    )
    assert not papers.may_read(session, kept, officer)
    report_writing.hand_in(
        session, convention, owed.report.id, {"realise": "Fait."}, FIGURES, by=owed.partner
    )
    assert papers.may_read(session, kept, officer)
    assert session.get_one(PartnerReport, owed.report.id).state in reports.FROZEN
