"""Documents of a payment to a partner: joined by officers, read by the others once it is paid."""

import uuid
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from portal import clock
from portal.accounts.models import Role, User
from portal.conventions import history, life, papers, payments, report_schedule, reports
from portal.conventions.engagements import ConventionDocument, PartnerPayment
from portal.conventions.models import Convention
from portal.errors import AlreadyDone, NotAllowed, RuleBroken
from portal.web.formats import short_day
from tests import multipart
from tests.conventions.hands import SignIn
from tests.factories.accounts import make_user
from tests.factories.conventions import make_convention
from tests.factories.structures import make_partner
from tests.pages import Browser, Page
from tests.statements import count_statements

PDF = b"%PDF-1.4 facture"


@pytest.fixture
def partner(session: Session) -> tuple[User, Convention]:
    user, structure = make_partner(session)
    return user, make_convention(session, structure, montant_centimes=3_000_000)


def planned(session: Session, convention: Convention, by: User, intitule: str = "Acompte") -> PartnerPayment:
    return payments.plan(
        session,
        convention,
        {"intitule": intitule, "prevu_le": clock.today(), "montant_centimes": 1_000_00},
        by=by,
    )


def pay(session: Session, convention: Convention, payment: PartnerPayment, by: User) -> None:
    payments.pay(
        session,
        convention,
        payment.id,
        verse_le=clock.today(),
        verse_centimes=1_000_00,
        reference=None,
        by=by,
    )


def join(session: Session, convention: Convention, payment: PartnerPayment, by: User, **more: Any) -> Any:
    return papers.attach_to_payment(
        session, convention, payment.id, filename="facture.pdf", content=PDF, by=by, **more
    )


def send(me: Browser, path: str, name: str, content: bytes, status: int = 200, key: str = "") -> Page:
    fields = {"csrf_token": me.token(), "cle_document": key or str(uuid.uuid4())}
    answer = me.client.post(
        path,
        data=multipart.encode(fields, (name, content)),
        content_type=multipart.KIND,
        headers={"Origin": "http://localhost"},
    )
    return me._page(answer, status, True)


def test_the_officer_joins_it_and_the_others_read_it_once_paid(
    session: Session, officer: User, sign_in: SignIn, partner: tuple[User, Convention]
) -> None:
    member, convention = partner
    payment = planned(session, convention, officer)
    session.commit()
    home, key = f"/conventions/{convention.id}", str(uuid.uuid4())
    me = sign_in(officer)
    page = me.get(f"{home}/versements").click(f"Ajouter un document à Acompte, {short_day(clock.today())}")
    assert page.path == f"{home}/versements/{payment.id}/documents" and "Acompte" in page.text
    page.form("paper-form")
    for _ in range(2):
        page = send(me, f"{home}/versements/{payment.id}/documents", "facture.pdf", PDF, key=key)
        assert page.path == f"{home}/versements" and "facture.pdf" in page.text
    (kept,) = session.exec(select(ConventionDocument)).all()
    assert (kept.payment_id, kept.report_id) == (payment.id, None)
    assert papers.of_convention(session, convention.id) == []
    file = f"{home}/documents/{kept.id}"
    assert me.client.get(file).data == PDF
    others = (member, make_user(session, Role.ETAT))
    for user in others:
        reader = sign_in(user)
        assert "facture.pdf" not in reader.get(f"{home}/versements").text
        assert reader.client.get(file).status_code == 404
    pay(session, convention, payment, officer)
    session.commit()
    for user in others:
        reader = sign_in(user)
        page = reader.get(home).click("Versements et leurs documents")
        assert "facture.pdf" in page.text and "Retirer" not in page.text
        assert "Ajouter un document" not in page.text
        answer = reader.client.get(file)
        assert answer.data == PDF and answer.headers["Content-Disposition"].startswith("attachment")
    stranger, _ = make_partner(session)
    assert sign_in(stranger).client.get(file).status_code == 404
    page = sign_in(officer).get(f"{home}/versements").form(f"documents/{kept.id}/retirer").submit()
    assert page.path == f"{home}/versements" and "« facture.pdf » est retiré." in page.text
    facts = [line.fait for line, _ in history.lines(session, convention)]
    assert facts.count("Document ajouté au versement : Acompte") == 1
    assert facts.count("Document retiré du versement : Acompte") == 1


def test_who_and_what_is_refused(
    session: Session, officer: User, sign_in: SignIn, partner: tuple[User, Convention]
) -> None:
    member, convention = partner
    payment = planned(session, convention, officer)
    _, theirs = make_partner(session)
    other = make_convention(session, theirs)
    for user in (member, make_user(session, Role.ETAT)):
        with pytest.raises(NotAllowed):
            join(session, convention, payment, user)
    with pytest.raises(AlreadyDone, match="n’est plus dans le calendrier"):
        join(session, other, payment, officer)
    for _ in range(papers.MAX_OF_PAYMENT):
        join(session, convention, payment, officer)
    with pytest.raises(RuleBroken, match="10 documents au plus"):
        join(session, convention, payment, officer)
    # Each payment has its own, and so has the convention.
    join(session, convention, planned(session, convention, officer, "Solde"), officer)
    papers.attach(session, convention, filename="acte.pdf", content=PDF, by=officer)
    session.commit()
    me = sign_in(officer)
    assert me.client.get(f"/conventions/{other.id}/versements/{payment.id}/documents").status_code == 404
    page = send(
        me, f"/conventions/{convention.id}/versements/{payment.id}/documents", "a.pdf", b"non", status=422
    )
    assert "n’est pas un vrai fichier PDF" in page.text


def test_a_payment_with_a_document_stays_in_the_schedule(
    session: Session, officer: User, partner: tuple[User, Convention]
) -> None:
    _, convention = partner
    payment = planned(session, convention, officer)
    kept = join(session, convention, payment, officer)
    with pytest.raises(RuleBroken, match="retirez-les d’abord"):
        payments.remove(session, convention, payment.id, by=officer)
    assert papers.withdraw(session, convention, kept.id, by=officer) == "facture.pdf"
    assert payments.remove(session, convention, payment.id, by=officer) == "Acompte"


def test_what_is_no_longer_paid_is_no_longer_read(
    session: Session, officer: User, partner: tuple[User, Convention]
) -> None:
    member, convention = partner
    payment = planned(session, convention, officer)
    kept = join(session, convention, payment, officer)
    readers = (officer, member, make_user(session, Role.ETAT))

    def read() -> list[bool]:
        listed = [
            payment.id in papers.of_payments(session, convention.id, [payment], user) for user in readers
        ]
        assert listed == [papers.may_read(session, kept, user) for user in readers]
        return listed

    assert read() == [True, False, False]
    pay(session, convention, payment, officer)
    assert read() == [True, True, True]
    payments.undo(session, convention, payment.id, motif="Erreur de saisie", by=officer)
    assert read() == [True, False, False]


def test_a_draft_goes_with_the_documents_of_its_payments(session: Session, officer: User) -> None:
    _, structure = make_partner(session)
    convention = make_convention(session, structure, signee_le=None)
    join(session, convention, planned(session, convention, officer), officer)
    life.discard(session, convention, by=officer)
    assert session.exec(select(ConventionDocument)).all() == []


def test_a_document_is_of_a_report_or_of_a_payment(
    session: Session, officer: User, partner: tuple[User, Convention]
) -> None:
    _, convention = partner
    kept = join(session, convention, planned(session, convention, officer), officer)
    report_schedule.schedule(session, convention, 12, by=officer)
    kept.report_id = reports.of_convention(session, convention.id)[0].id
    with pytest.raises(IntegrityError, match="of_one_thing"):
        session.flush()
    session.rollback()


def test_as_many_statements_whatever_the_documents(
    session: Session, officer: User, sign_in: SignIn, partner: tuple[User, Convention]
) -> None:
    _, convention = partner
    rows = [planned(session, convention, officer, name) for name in ("Acompte", "Solde")]
    session.commit()
    me, path = sign_in(officer), f"/conventions/{convention.id}/versements"
    me.get(path)
    with count_statements(session) as few:
        me.get(path)
    for payment in rows:
        for _ in range(3):
            join(session, convention, payment, officer)
    session.commit()
    with count_statements(session) as many:
        me.get(path)
    assert len(few) == len(many)
    assert not any("convention_document.contenu" in statement for statement in many)
