"""The pages of accounts and payments with the State."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from sqlmodel import Session, select

from portal.accounts.models import User
from portal.budget import expenses
from portal.budget.bilan_models import Bilan, BilanKind, BilanState
from portal.budget.models import StateConvention, Volet
from portal.budget.payments import Step, take_step
from portal.budget.spending_models import PaymentKind, StatePayment
from tests.budget.money_hands import SignIn, convention_of_2023, typed, url
from tests.factories.budget import expense_values


@pytest.fixture
def convention(session: Session, move_clock: Callable[..., datetime]) -> StateConvention:
    return convention_of_2023(session, move_clock)


# --- Accounts and payments -------------------------------------------------------------------------------------------


def test_a_payment_from_request_to_paid(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    browser = sign_in(officer)
    page = browser.get(url(convention, "/comptes"))
    assert "En retard" in page.text and "90 000,00 €" in page.text
    page = page.click("Écrire la demande : avance 2023")
    form = page.form("payment-form")
    assert "0,01 € de trop" in form.submit(montant="90 000,01", status=422).errors["montant"]
    page = form.submit(reference="Courrier 12", le="2023-06-01")
    assert "la demande est enregistrée" in page.text and "Courrier 12" in page.text
    page = page.click("Écrire la validation : avance 2023").form("payment-form").submit(le="2023-06-02")
    page = page.click("Écrire le versement : avance 2023").form("payment-form").submit(le="2023-06-03")
    assert "En retard" not in page.text
    session.expire_all()
    payment = session.exec(select(StatePayment)).one()
    assert (payment.verse_centimes, payment.verse_le, payment.version) == (9_000_000, date(2023, 6, 3), 3)
    undo = page.click("Annuler la dernière étape : avance 2023").form("undo-form")
    assert "motif" in undo.submit(motif="", status=422).errors
    page = undo.submit(motif="Erreur de saisie")
    assert "la dernière étape est annulée" in page.text
    session.expire_all()
    assert session.exec(select(StatePayment)).one().verse_le is None


def test_two_people_on_one_payment(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    browser = sign_in(officer)
    where = url(convention, "/comptes/2023/avance/demande")
    form = browser.get(where).form("payment-form")
    take_step(
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
    page = form.submit(montant="2", status=409)
    assert "Quelqu’un d’autre a modifié" in page.text
    page.form("payment-form").submit()
    session.expire_all()
    assert session.exec(select(StatePayment)).one().demande_centimes == 200


def test_the_share_of_the_departement_is_watched(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    expenses.write(
        session,
        convention,
        2023,
        expense_values(
            volet=Volet.SOLUTIONS, nombre=1_000, cout_unitaire_centimes=1_000_000, part_etat_centimes=600_000
        ),
        by=officer,
    )
    page = sign_in(officer).get(url(convention, "/comptes"))
    assert "ne porte que 40 % des dépenses écrites, au-dessous de 50 %" in page.text
    assert "1 000,00 € restent au département" in page.text


def test_a_year_whose_bilan_is_handed_in(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    session.add(
        Bilan(
            convention_id=convention.id,
            annee=2023,
            kind=BilanKind.FINAL,
            state=BilanState.REMIS,
            remis_at=datetime(2023, 8, 30, tzinfo=UTC),
            figures={},
        )
    )
    session.flush()
    browser = sign_in(officer)
    page = browser.get(url(convention))
    assert "ne changent plus" in page.text and "Ajouter une dépense" not in page.text
    page = browser.post(url(convention, "/depenses/2023/nouvelle"), typed(), status=422)
    assert "Rouvrez-le d’abord" in page.text
    assert "Bilan final remis" in browser.get(url(convention, "/comptes")).text


def test_a_step_taken_meanwhile_is_read_before_it_is_undone(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    def step(which: Step) -> None:
        take_step(
            session,
            convention,
            2023,
            PaymentKind.AVANCE,
            which,
            le=date(2023, 6, 1),
            centimes=100,
            reference=None,
            by=officer,
        )
        session.commit()

    step(Step.DEMANDE)
    form = sign_in(officer).get(url(convention, "/comptes/2023/avance/annuler")).form("undo-form")
    step(Step.VALIDE)
    page = form.submit(motif="Erreur de saisie", status=422)
    # What would be undone now is another step: it is shown, and what was typed stays.
    assert "Ceci quitte les comptes : la validation" in page.text
    assert page.form("undo-form").values["motif"] == "Erreur de saisie"
    page.form("undo-form").submit()
    session.expire_all()
    payment = session.exec(select(StatePayment)).one()
    assert (payment.valide_le, payment.demande_centimes) == (None, 100)
