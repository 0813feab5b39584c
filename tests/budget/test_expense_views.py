"""The pages of expenses: written, changed, taken out, tied to a partner; the statement and its documents."""

from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlmodel import Session, select

from portal.accounts.models import Role, User
from portal.budget import expenses
from portal.budget.models import BudgetDocument, Nature, StateConvention, Volet
from portal.budget.spending_models import Expense, NonEligible
from portal.conventions.states import ConventionState
from tests.budget.money_hands import SignIn, convention_of_2023, saved, typed, url
from tests.factories.accounts import make_user
from tests.factories.budget import expense_values
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.structures import make_structure


@pytest.fixture
def convention(session: Session, move_clock: Callable[..., datetime]) -> StateConvention:
    return convention_of_2023(session, move_clock)


# --- Expenses --------------------------------------------------------------------------------------------------------


def test_an_expense_is_added_and_changed(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    browser = sign_in(officer)
    assert "Pas encore de dépense en 2023" in browser.get(url(convention)).text
    data = typed()
    page = browser.post(url(convention, "/depenses/2023/nouvelle"), data)
    assert page.h1 == "État des dépenses 2023"
    assert "48 006,00 €" in page.text
    browser.post(url(convention, "/depenses/2023/nouvelle"), data)
    (expense,) = saved(session)
    assert expense.montant_centimes == 4_800_600
    where = url(convention, f"/depenses/2023/{expense.id}/modifier")
    form = browser.get(where).form("expense-form")
    page = form.submit(nombre="6")
    assert "24 003,00 €" in page.text
    (expense,) = saved(session)
    assert expense.version == 2


def test_what_is_wrong_is_told_at_its_field_and_nothing_is_lost(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    browser = sign_in(officer)
    where = url(convention, "/depenses/2023/nouvelle")
    page = browser.post(where, typed(montant="48 006,01", objet="Mon objet"), status=422)
    assert "48 006,00 €, et non 48 006,01 €" in page.errors["montant"]
    assert page.form("expense-form").tag.select_one('[name="objet"]')["value"] == "Mon objet"
    page = browser.post(where, typed(non_eligible=NonEligible.DEPLACEMENTS.value), status=422)
    assert "instruction DGEFP/DPE/2023/192" in page.errors["hors_convention"]
    for field, value in (
        ("part_etat", "48 006,01"),
        ("date_fin", "2024-01-01"),
        ("partenaire", "INCONNUE"),
        ("nombre", "douze"),
        ("volet", "7"),
    ):
        assert field in browser.post(where, typed(**{field: value}), status=422).errors
    assert saved(session) == []
    page = browser.post(where, typed(non_eligible=NonEligible.DEPLACEMENTS.value, hors_convention="y"))
    assert "À la charge du département" in page.text and "Pas encore de dépense" in page.text


def test_two_people_on_one_expense(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    expense = expenses.write(session, convention, 2023, expense_values(), by=officer)
    browser = sign_in(officer)
    where = url(convention, f"/depenses/2023/{expense.id}/modifier")
    form = browser.get(where).form("expense-form")
    expenses.change(session, expense, convention, expense_values(objet="Celui de l’autre"), by=officer)
    session.commit()
    page = form.submit(objet="Le mien", status=409)
    assert "Quelqu’un d’autre a modifié cette fiche" in page.text
    assert "Celui de l’autre" in page.text and "Le mien" in page.text
    assert saved(session)[0].objet == "Celui de l’autre"
    page.form("expense-form").submit()
    assert saved(session)[0].objet == "Le mien"


def test_a_closed_convention_edited_from_an_old_tab(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    expense = expenses.write(session, convention, 2023, expense_values(), by=officer)
    browser = sign_in(officer)
    form = browser.get(url(convention, f"/depenses/2023/{expense.id}/modifier")).form("expense-form")
    convention.state = ConventionState.CLOSE
    session.commit()
    page = form.submit(objet="Trop tard", status=422)
    assert "Cette convention est close" in page.text
    assert page.form("expense-form").tag.select_one('[name="objet"]')["value"] == "Trop tard"
    assert saved(session)[0].objet == "Chefferie de projet"


def test_an_expense_is_taken_out(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    expense = expenses.write(session, convention, 2023, expense_values(), by=officer)
    browser = sign_in(officer)
    where = url(convention, f"/depenses/2023/{expense.id}/supprimer")
    browser.post(where, {"version": "9"})
    assert len(saved(session)) == 1
    page = browser.post(where, {"version": "1"})
    assert "est ôtée" in page.text and saved(session) == []
    assert "n’est plus dans l’état" in browser.post(where, {"version": "1"}).text


def test_an_expense_taken_out_while_somebody_writes(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    gone = expenses.write(session, convention, 2023, expense_values(), by=officer).id
    browser = sign_in(officer)
    form = browser.get(url(convention, f"/depenses/2023/{gone}/modifier")).form("expense-form")
    browser.post(url(convention, f"/depenses/2023/{gone}/supprimer"), {"version": "1"})
    page = form.submit(objet="Ce que j’ai écrit", status=422)
    assert "a été ôtée de l’état pendant que vous écriviez" in page.text
    page.form("expense-form").submit()
    (again,) = saved(session)
    assert again.objet == "Ce que j’ai écrit" and again.id != gone


def test_a_tie_to_a_partner_by_number_and_title(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    structure = make_structure(session)
    partner = make_convention(session, structure, numero="P-12")
    make_action(session, partner, [make_offer(session, structure)], intitule="Modules de permis")
    browser = sign_in(officer)
    where = url(convention, "/depenses/2023/nouvelle")
    page = browser.post(where, typed(partenaire="P-12", action="Autre chose"), status=422)
    assert "« Modules de permis »" in page.errors["action"]
    assert "partenaire" in browser.post(where, typed(action="Modules de permis"), status=422).errors
    page = browser.post(where, typed(partenaire="P-12", action="modules de PERMIS"))
    assert "P-12 – Modules de permis" in page.text
    (expense,) = saved(session)
    form = browser.get(url(convention, f"/depenses/2023/{expense.id}/modifier"))
    assert form.soup.select_one('[name="action"]')["value"] == "Modules de permis"


def test_the_statement_by_bloc_and_nature_with_filters(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    for nature, volet, cents in (
        (Nature.INGENIERIE, Volet.INGENIERIE, 100),
        (Nature.ACCOMPAGNEMENT, Volet.SOLUTIONS, 200),
        (Nature.SI, Volet.INGENIERIE, 300),
    ):
        expenses.write(
            session,
            convention,
            2023,
            expense_values(
                nature=nature, volet=volet, nombre=1_000, cout_unitaire_centimes=cents, objet=nature.value
            ),
            by=officer,
        )
    page = sign_in(officer).get(url(convention))
    rows = [" ".join(row.get_text(" ").split()) for row in page.soup.select("table tr")]
    assert "Total, Renforcement des équipes locales 3,00 € 2,00 €" in rows
    assert rows[-1] == "Total 2023 6,00 € 5,00 €"
    page = sign_in(officer).get(url(convention, "/depenses/2023?volet=1&nature=si"))
    rows = [" ".join(row.get_text(" ").split()) for row in page.soup.select("table tr")]
    assert rows[-1] == "Total de ce qui est choisi 3,00 € 3,00 €"
    page = sign_in(officer).get(url(convention, "/depenses/2023?volet=3"))
    assert "Aucune dépense de ce choix" in page.text


def test_a_long_statement_opens_nature_by_nature(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    session.add_all(
        Expense(
            convention_id=convention.id,
            annee=2023,
            volet=1,
            nature=Nature.SI if number % 2 else Nature.MOBILITE,
            objet=f"Dépense {number}",
            unite="forfait",
            nombre=1_000,
            cout_unitaire_centimes=100,
            montant_centimes=100,
            part_etat_centimes=100,
            date_debut=date(2023, 1, 1),
            date_fin=date(2023, 12, 31),
        )
        for number in range(130)
    )
    session.flush()
    browser = sign_in(officer)
    page = browser.get(url(convention))
    assert "Dépense 1" not in page.text and "Total 2023 130,00 € 130,00 €" in page.text
    mobility = page.click("65 dépenses de nature Levée des freins : mobilité")
    assert len(mobility.soup.select('main tbody a[href$="/modifier"]')) == 65
    assert len(page.click("affichez tout").soup.select('main tbody a[href$="/modifier"]')) == 130


def test_supporting_documents_are_read_beside_their_expense(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    expense = expenses.write(session, convention, 2023, expense_values(), by=officer)
    session.add(
        BudgetDocument(
            convention_id=convention.id,
            expense_id=expense.id,
            nom="facture.pdf",
            content_type="application/pdf",
            taille=3,
            contenu=b"pdf",
        )
    )
    session.flush()
    assert "facture.pdf" in sign_in(make_user(session, Role.ETAT)).get(url(convention)).text
    browser = sign_in(officer)
    assert "facture.pdf" in browser.get(url(convention, f"/depenses/2023/{expense.id}/modifier")).text
    browser.post(url(convention, f"/depenses/2023/{expense.id}/supprimer"), {"version": "1"})
    session.expire_all()
    assert session.exec(select(BudgetDocument.id)).all() == []
