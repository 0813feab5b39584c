"""The statement and the accounts as files, as those who read the convention get them."""

from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlmodel import Session

from portal.accounts.models import Role, User
from portal.budget import expenses
from portal.budget.models import StateConvention, Volet
from portal.budget.spending_models import NonEligible
from tests.factories.accounts import make_user
from tests.factories.budget import expense_values, make_state_convention
from tests.pages import Browser
from tests.xlsx import Workbook

SignIn = Callable[[User], Browser]


@pytest.fixture
def convention(session: Session, move_clock: Callable[..., datetime]) -> StateConvention:
    move_clock(2023, 9, 1, 10)
    made = make_state_convention(session, {(2023, Volet.INGENIERIE): 10_000_000}, numero="ÉTAT 35/2023")
    for objet, volet in (("Un", Volet.INGENIERIE), ("Deux", Volet.SOLUTIONS)):
        expenses.write(session, made, 2023, expense_values(objet=objet, volet=volet), by=None)
    apart = expense_values(hors_convention=True, non_eligible=NonEligible.EVALUATION)
    expenses.write(session, made, 2023, apart, by=None)
    return made


def test_the_statement_leaves_as_a_workbook_and_a_pdf(
    session: Session, convention: StateConvention, sign_in: SignIn
) -> None:
    browser = sign_in(make_user(session, Role.ETAT))
    page = browser.get(f"/budget/{convention.id}/depenses/2023")
    answer = page.click("Télécharger l’année (XLSX)").response
    assert 'filename="etat-des-depenses-2023-etat-35-2023.xlsx"' in answer.headers["Content-Disposition"]
    book = Workbook(answer.data)
    assert book.disagreements() == []
    total = book.beside("État des dépenses 2023", "Total 2023", "I")
    assert book.number("État des dépenses 2023", total) == 96_000
    assert page.click("Télécharger l’année (PDF)").response.data.startswith(b"%PDF")
    browser.get(f"/budget/{convention.id}/depenses/2023.csv", status=404)


def test_the_accounts_leave_as_a_workbook(
    session: Session, convention: StateConvention, sign_in: SignIn
) -> None:
    browser = sign_in(make_user(session, Role.ADMINISTRATION))
    answer = browser.get(f"/budget/{convention.id}/comptes").click("Télécharger (XLSX)").response
    book = Workbook(answer.data)
    assert book.disagreements() == []
    assert book.number("Comptes", book.beside("Comptes", "Total 2023", "C")) == 96_000


def test_a_draft_is_not_for_the_state(session: Session, sign_in: SignIn) -> None:
    draft = make_state_convention(session, {}, signe_le=None, date_debut=date(2023, 1, 1))
    browser = sign_in(make_user(session, Role.ETAT))
    for what in ("depenses/2023.xlsx", "comptes.xlsx", "plan/2023", "fiches/2023"):
        browser.get(f"/budget/{draft.id}/{what}", status=404)
