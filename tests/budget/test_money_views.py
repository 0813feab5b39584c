"""Pages of expenses, posts, imports, accounts and payments: who reads, who writes, what is told and kept."""

import time
import uuid
from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlmodel import Session, select

from portal.accounts.models import Role, User
from portal.budget import expenses, posts
from portal.budget.models import Nature, StateConvention
from portal.budget.spending_models import ExpenseImport, Post
from portal.conventions.states import ConventionState
from tests.budget.money_hands import SignIn, convention_of_2023, saved, send, url
from tests.factories.accounts import make_user
from tests.factories.budget import expense_values, make_state_convention
from tests.statements import count_statements


@pytest.fixture
def convention(session: Session, move_clock: Callable[..., datetime]) -> StateConvention:
    return convention_of_2023(session, move_clock)


# --- Who may knock ---------------------------------------------------------------------------------------------------


def test_the_state_and_the_administration_read_and_write_nothing(
    session: Session, sign_in: SignIn, convention: StateConvention, officer: User
) -> None:
    expense = expenses.write(session, convention, 2023, expense_values(), by=officer)
    post = posts.write(
        session,
        convention,
        {
            "intitule": "P",
            "nature": Nature.INGENIERIE,
            "etp": 100,
            "date_debut": date(2023, 1, 1),
            "date_fin": None,
        },
        by=officer,
    )
    session.commit()
    readings = [url(convention), url(convention, "/comptes"), url(convention, "/postes")]
    writings = [
        url(convention, "/depenses/2023/nouvelle"),
        url(convention, f"/depenses/2023/{expense.id}/modifier"),
        url(convention, "/depenses/2023/importer"),
        url(convention, "/postes/nouveau"),
        url(convention, f"/postes/{post.id}/modifier"),
        url(convention, "/comptes/2023/avance/demande"),
    ]
    for role in (Role.ETAT, Role.ADMINISTRATION):
        browser = sign_in(make_user(session, role))
        for where in readings:
            page = browser.get(where)
            assert not page.soup.select('main form[method="post"]')
            assert not [a["href"] for a in page.soup.select("main a[href]") if "/modifier" in str(a["href"])]
        for where in writings:
            browser.get(where, status=403)
            browser.post(where, {}, status=403)
    browser = sign_in(officer)
    for where in readings + writings:
        browser.get(where)


def test_a_draft_is_not_for_the_state(session: Session, sign_in: SignIn, convention: StateConvention) -> None:
    convention.state = ConventionState.BROUILLON
    session.flush()
    browser = sign_in(make_user(session, Role.ETAT))
    for rest in ("/depenses/2023", "/comptes", "/postes"):
        browser.get(url(convention, rest), status=404)


def test_what_is_not_there(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    other = make_state_convention(session)
    expense = expenses.write(session, convention, 2023, expense_values(), by=officer)
    browser = sign_in(officer)
    for where in (
        url(other, f"/depenses/2023/{expense.id}/modifier"),
        url(convention, f"/depenses/2024/{expense.id}/modifier"),
        url(convention, "/depenses/2022"),
        url(convention, "/depenses/2023?volet=4"),
        url(convention, "/depenses/2023?nature=rien"),
        url(convention, "/comptes/2030/avance/demande"),
        url(convention, "/comptes/2023/avance/annuler"),
        url(convention, f"/imports/{uuid.uuid4()}"),
        url(convention, f"/postes/{uuid.uuid4()}/modifier"),
    ):
        browser.get(where, status=404)


# --- Posts -----------------------------------------------------------------------------------------------------------


def test_posts_and_the_cap_on_engineering(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    browser = sign_in(officer)
    assert "Pas encore de poste" in browser.get(url(convention, "/postes")).text
    where = url(convention, "/postes/nouveau")
    data = {
        "intitule": "Chefferie",
        "nature": "equipes-ingenierie",
        "date_debut": "2023-01-01",
        "date_fin": "",
    }
    page = browser.post(where, {**data, "etp": "3,01", "cle": str(uuid.uuid4())}, status=422)
    assert "limitée à 3 ETP" in page.errors["etp"] and "01/01/2023" in page.errors["etp"]
    page = browser.post(where, {**data, "etp": "2,5", "cle": str(uuid.uuid4())})
    assert "2,5 ETP sur 3" in page.text
    session.expire_all()
    (post,) = session.exec(select(Post))
    link = page.soup.select_one('a[href*="poste="]')
    assert link is not None
    form = browser.get(str(link["href"])).form("expense-form")
    form.submit(volet="1", nombre="12", cout_unitaire="100")
    assert saved(session)[0].post_id == post.id
    page = browser.post(url(convention, f"/postes/{post.id}/supprimer"), {"version": "1"})
    assert "donnez-lui plutôt un dernier jour" in page.text
    form = browser.get(url(convention, f"/postes/{post.id}/modifier")).form("post-form")
    post.etp, post.version = 200, 2
    session.commit()
    page = form.submit(etp="1", status=409)
    assert "Quelqu’un d’autre a modifié" in page.text
    assert "1 ETP sur 3" in page.form("post-form").submit().text


# --- Import ----------------------------------------------------------------------------------------------------------


def test_a_table_is_seen_then_written(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    browser = sign_in(officer)
    where = url(convention, "/depenses/2023/importer")
    assert "n’est pas un tableau" in send(browser, where, b"%PDF-1.7\x00\x00" * 30, "x.pdf", 422).text
    contenu = (
        "Objet;Nature;Volet;Montant\nOutil;SI;1;30 000,50 €\nRaté;rien;1;1,234\nTotal;;;30 000,50".encode()
    )
    page = send(browser, where, contenu)
    assert page.h1 == "Aperçu de l’import 2023"
    assert saved(session) == []
    assert "« rien »" in page.text and "« 1,234 »" in page.text and "30 000,50 €" in page.text
    run = session.exec(select(ExpenseImport)).one()
    page = browser.post(url(convention, f"/imports/{run.id}/importer"), {})
    assert "Une dépense est enregistrée" in page.text
    assert [expense.montant_centimes for expense in saved(session)] == [3_000_050]
    page = browser.post(url(convention, f"/imports/{run.id}/importer"), {})
    assert "déjà importé" in page.text and len(saved(session)) == 1
    assert page.h1 == "Import de dépenses 2023" and "« rien »" in page.text
    # The same file again: nothing is left to write.
    page = send(browser, where, contenu)
    assert "Déjà dans l’état" in page.text
    assert not page.soup.select("#write")


def test_columns_are_said_by_hand(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    browser = sign_in(officer)
    page = send(browser, url(convention, "/depenses/2023/importer"), b"Quoi;Combien\nOutil;40\n")
    assert "Des colonnes ne sont pas reconnues" in page.text
    page = page.form("columns").submit(objet="0", montant="1", volet_defaut="1", nature_defaut="si")
    assert "Importer la ligne juste" in page.text and "40,00 €" in page.text
    run_id = session.exec(select(ExpenseImport)).one().id
    page = browser.post(url(convention, f"/imports/{run_id}/abandonner"), {})
    assert "rien n’a été enregistré" in page.text
    session.expire_all()
    assert session.exec(select(ExpenseImport)).all() == []
    browser.post(url(convention, f"/imports/{run_id}/abandonner"), {})


def test_the_template_is_read_back_as_it_is(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    browser = sign_in(officer)
    response = browser.client.get(url(convention, "/depenses/modele.csv"))
    page = send(browser, url(convention, "/depenses/2023/importer"), response.data)
    assert "Importer la ligne juste" in page.text and "48 000,00 €" in page.text


# --- How much it takes -----------------------------------------------------------------------------------------------


def test_the_pages_take_a_constant_number_of_statements_and_little_time(
    session: Session, sign_in: SignIn, officer: User, convention: StateConvention
) -> None:
    browser = sign_in(officer)
    pages = [url(convention), url(convention, "/comptes"), url(convention, "/postes")]

    def statements() -> list[int]:
        counted = []
        for where in pages:
            with count_statements(session) as sent:
                browser.client.get(where)
            counted.append(len(sent))
        return counted

    few = statements()
    for number in range(60):
        expenses.write(
            session,
            convention,
            2023,
            expense_values(objet=f"Dépense {number}", nature=list(Nature)[number % 12]),
            by=officer,
        )
    for number in range(20):
        posts.write(
            session,
            convention,
            {
                "intitule": f"Poste {number}",
                "nature": Nature.ACCOMPAGNEMENT,
                "etp": 100,
                "date_debut": date(2023, 1, 1),
                "date_fin": None,
            },
            by=officer,
        )
    session.commit()
    assert statements() == few
    for where in pages:
        best = 1.0
        for _ in range(5):
            begun = time.process_time()
            browser.client.get(where)
            best = min(best, time.process_time() - begun)
        assert best < 0.25, f"{where}: {best * 1000:.0f} ms"
