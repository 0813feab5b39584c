"""Documents of the convention with the State: what is taken, what is refused, who reads it."""

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from sqlmodel import Session, select

from portal.accounts.models import Role, User
from portal.budget import agreement, expenses, papers, payments
from portal.budget.bilan_models import Bilan, BilanKind, BilanState
from portal.budget.models import BudgetDocument, StateConvention, Volet
from portal.budget.papers import Kind
from portal.budget.payments import Step
from portal.budget.spending_models import PaymentKind
from portal.documents import MAX_BYTES
from portal.errors import NotAllowed, RuleBroken
from tests import multipart
from tests.factories.accounts import make_user
from tests.factories.budget import expense_values, make_state_amendment, make_state_convention
from tests.pages import Browser, Page

SignIn = Callable[[User], Browser]
PDF = b"%PDF-1.4 avenant"


@pytest.fixture
def officer(session: Session) -> User:
    return make_user(session, Role.CONVENTIONNEMENT)


@pytest.fixture
def convention(session: Session, move_clock: Callable[..., datetime]) -> StateConvention:
    move_clock(2023, 9, 1, 10)
    return make_state_convention(session, {(2023, Volet.INGENIERIE): 10_000_000})


def send(
    me: Browser,
    convention: StateConvention,
    name: str,
    content: bytes,
    *,
    kind: str = "convention",
    thing: uuid.UUID | None = None,
    status: int = 200,
    key: str | None = None,
) -> Page:
    url = f"/budget/{convention.id}/documents/{kind}/{thing or convention.id}/ajouter"
    fields = {"csrf_token": me.token(), "cle_document": key or str(uuid.uuid4())}
    response = me.client.post(
        url,
        data=multipart.encode(fields, (name, content) if name else None),
        content_type=multipart.KIND,
        headers={"Origin": "http://localhost"},
    )
    return me._page(response, status, True)


def test_a_document_of_each_thing_is_kept_with_it(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    me = sign_in(officer)
    expense = expenses.write(session, convention, 2023, expense_values(), by=officer)
    avenant = make_state_amendment(session, convention, {}, numero=1, signe_le=None)
    bilan = Bilan(convention_id=convention.id, annee=2023, kind=BilanKind.FINAL)
    session.add(bilan)
    session.flush()
    page = send(me, convention, "convention signée.pdf", PDF)
    assert page.path == f"/budget/{convention.id}" and "convention signée.pdf" in page.text
    page = send(me, convention, "annexe.pdf", PDF, kind="avenant", thing=avenant.id)
    assert page.path.endswith("/avenants/1") and "annexe.pdf" in page.text
    page = send(me, convention, "facture.pdf", PDF, kind="depense", thing=expense.id)
    assert page.path.endswith("/modifier")
    send(me, convention, "bilan.pdf", PDF, kind="bilan", thing=bilan.id)
    names = {
        "expense": papers.of(session, convention, expense_id=expense.id),
        "avenant": papers.of(session, convention, amendment_id=avenant.id),
        "bilan": papers.of(session, convention, bilan_id=bilan.id),
        "whole": papers.of(session, convention),
    }
    assert {name: [d.nom for d in found] for name, found in names.items()} == {
        "expense": ["facture.pdf"],
        "avenant": ["annexe.pdf"],
        "bilan": ["bilan.pdf"],
        "whole": ["convention signée.pdf"],
    }
    assert len(papers.all_of(session, convention)) == 4


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("convention.pdf", b"<html>ceci n'est pas un PDF</html>", "pas un vrai fichier PDF"),
        ("convention.pdf", b"", "Ce fichier est vide"),
        ("convention.exe", b"MZ", "Ce type de fichier"),
        ("convention.pdf", b"%PDF-" + b"x" * MAX_BYTES, "5 Mo au plus"),
        ("", b"", "Choisissez d’abord un fichier"),
    ],
)
def test_what_is_no_document_is_said_at_the_field(
    session: Session,
    sign_in: SignIn,
    officer: User,
    convention: StateConvention,
    name: str,
    content: bytes,
    sentence: str,
) -> None:
    page = send(sign_in(officer), convention, name, content, status=422)
    assert sentence in page.errors["fichier"]
    assert session.exec(select(BudgetDocument)).all() == []


def test_a_second_press_keeps_one(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    me, key = sign_in(officer), str(uuid.uuid4())
    send(me, convention, "a.pdf", PDF, key=key)
    send(me, convention, "a.pdf", PDF, key=key)
    assert len(session.exec(select(BudgetDocument)).all()) == 1


def test_who_sees_the_convention_saves_the_document(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    kept = papers.attach(
        session, convention, Kind.CONVENTION, convention.id, filename="é.pdf", content=PDF, by=officer
    )
    url = f"/budget/{convention.id}/documents/{kept.id}"
    for role in (Role.CONVENTIONNEMENT, Role.ADMINISTRATION, Role.ETAT):
        response = sign_in(make_user(session, role)).client.get(url)
        assert response.status_code == 200 and response.data == PDF
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Content-Disposition"].startswith("attachment")
        assert response.mimetype == "application/pdf"
    for role in (Role.REFERENT, Role.PARTENAIRE, Role.ANIMATION):
        assert sign_in(make_user(session, role)).client.get(url).status_code == 403
    # By the address of another convention, or while it is a draft.
    other = make_state_convention(session)
    state = sign_in(make_user(session, Role.ETAT))
    assert state.client.get(f"/budget/{other.id}/documents/{kept.id}").status_code == 404
    draft = make_state_convention(session, signe_le=None)
    secret = papers.attach(
        session, draft, Kind.CONVENTION, draft.id, filename="b.pdf", content=PDF, by=officer
    )
    assert state.client.get(f"/budget/{draft.id}/documents/{secret.id}").status_code == 404


def test_a_document_of_another_convention_finds_nothing(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    other = make_state_convention(session, {(2023, Volet.INGENIERIE): 1})
    expense = expenses.write(session, other, 2023, expense_values(), by=officer)
    send(sign_in(officer), convention, "a.pdf", PDF, kind="depense", thing=expense.id, status=404)
    with pytest.raises(RuleBroken, match="n’existe plus"):
        papers.attach(
            session, convention, Kind.DEPENSE, expense.id, filename="a.pdf", content=PDF, by=officer
        )


def test_withdrawn_its_name_stays_in_the_history(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    me = sign_in(officer)
    page = send(me, convention, "erreur.pdf", PDF)
    form = page.form("/retirer")
    page = form.submit()
    assert "« erreur.pdf » est retiré" in page.text and "Aucun document" in page.text
    assert "Document retiré" in page.text
    assert "déjà retiré" in form.submit().text


def test_what_was_handed_in_or_closed_keeps_its_documents(
    session: Session, officer: User, convention: StateConvention
) -> None:
    bilan = Bilan(convention_id=convention.id, annee=2023, kind=BilanKind.FINAL)
    expense = expenses.write(session, convention, 2023, expense_values(), by=officer)
    session.add(bilan)
    session.flush()
    kept = [
        papers.attach(session, convention, kind, id, filename="a.pdf", content=PDF, by=officer).id
        for kind, id in ((Kind.BILAN, bilan.id), (Kind.DEPENSE, expense.id), (Kind.CONVENTION, convention.id))
    ]
    bilan.state, bilan.figures = BilanState.REMIS, {}
    bilan.remis_at = datetime(2023, 9, 1, tzinfo=UTC)
    session.flush()
    for document in kept[:2]:
        with pytest.raises(RuleBroken, match="remis à l’État"):
            papers.withdraw(session, convention, document, by=officer)
    convention.date_fin = date(2023, 8, 31)
    agreement.close(session, convention, by=officer)
    with pytest.raises(RuleBroken, match="close"):
        papers.withdraw(session, convention, kept[2], by=officer)
    with pytest.raises(RuleBroken, match="close"):
        papers.attach(
            session, convention, Kind.CONVENTION, convention.id, filename="b.pdf", content=PDF, by=officer
        )
    for role in (Role.ETAT, Role.ADMINISTRATION):
        with pytest.raises(NotAllowed):
            papers.withdraw(session, convention, kept[2], by=make_user(session, role))


def test_so_many_and_no_more(
    session: Session, officer: User, convention: StateConvention, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(papers, "MAX_DOCUMENTS", 2)
    avenant = make_state_amendment(session, convention, {}, numero=1, signe_le=None)
    for _ in range(2):
        papers.attach(
            session, convention, Kind.CONVENTION, convention.id, filename="a.pdf", content=PDF, by=officer
        )
    with pytest.raises(RuleBroken, match="déjà 2 documents"):
        papers.attach(
            session, convention, Kind.CONVENTION, convention.id, filename="a.pdf", content=PDF, by=officer
        )
    papers.attach(session, convention, Kind.AVENANT, avenant.id, filename="a.pdf", content=PDF, by=officer)


def test_documents_of_a_payment_are_shown_and_withdrawn_beside_its_steps(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    payment = payments.take_step(
        session,
        convention,
        2023,
        PaymentKind.AVANCE,
        Step.DEMANDE,
        le=date(2023, 6, 1),
        centimes=100,
        reference=None,
        by=officer,
    )
    session.commit()
    me = sign_in(officer)
    page = send(me, convention, "virement.pdf", PDF, kind="versement", thing=payment.id)
    assert "virement.pdf" in page.text
    undo = page.click("Annuler la dernière étape : avance 2023")
    # It keeps the payment: what is to be withdrawn first is on the page that says so.
    page = undo.form("undo-form").submit(motif="Erreur", status=422)
    assert "Des documents prouvent ce versement" in page.text and "virement.pdf" in page.text
    (kept,) = papers.of(session, convention, payment_id=payment.id)
    page = page.form(f"documents/{kept.id}/retirer").submit()
    assert "« virement.pdf » est retiré." in page.text
    me.get(f"/budget/{convention.id}/comptes/2023/avance/annuler").form("undo-form").submit(motif="Erreur")
    assert session.exec(select(BudgetDocument)).all() == []
