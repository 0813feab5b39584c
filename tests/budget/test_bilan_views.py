"""The pages of bilans, as the officer and the two readers of the State use them."""

from collections.abc import Callable
from datetime import date, datetime
from io import BytesIO

import pytest
from pypdf import PdfReader
from python_calamine import CalamineWorkbook
from sqlmodel import Session, select

from portal.accounts.models import OutgoingMail, Role, User
from portal.budget import bilan_writing, bilans, expenses
from portal.budget.bilan_models import Bilan, BilanKind, BilanState
from portal.budget.models import Nature, StateConvention, Volet
from portal.budget.views import bilans as pages
from tests.factories.accounts import make_user
from tests.factories.budget import expense_values, make_state_convention
from tests.pages import Browser
from tests.statements import count_statements
from tests.xlsx import Workbook


@pytest.fixture
def officer(session: Session) -> User:
    return make_user(session, Role.CONVENTIONNEMENT)


@pytest.fixture
def convention(session: Session, officer: User, move_clock: Callable[..., datetime]) -> StateConvention:
    move_clock(2024, 2, 1, 10)
    made = make_state_convention(
        session, {(2023, Volet.INGENIERIE): 71_968_900, (2024, Volet.INGENIERIE): 99_812_624}
    )
    expenses.write(
        session, made, 2023, expense_values(nombre=1_000, cout_unitaire_centimes=42_327_135), by=officer
    )
    return made


def ready(session: Session, bilan: Bilan, convention: StateConvention, officer: User) -> None:
    for state in bilans.parts(session, convention, bilan):
        if not state.ready:
            bilan_writing.write_part(
                session, bilan, convention, state.part.key, state.texte or "Écrit.", True, by=officer
            )


def test_from_the_first_word_to_the_settled_bilan(
    session: Session,
    convention: StateConvention,
    officer: User,
    sign_in: Callable[[User], Browser],
    move_clock: Callable[..., datetime],
) -> None:
    first, second = make_user(session, Role.ETAT), make_user(session, Role.ETAT)
    by_officer, by_first, by_second = sign_in(officer), sign_in(first), sign_in(second)
    page = by_officer.get(f"/budget/{convention.id}/bilans")
    assert "30/03/2024" in page.text and "À commencer" in page.text
    page = page.form(f"/budget/{convention.id}/bilans/2023/intermediaire/commencer").submit()
    bilan = session.exec(select(Bilan)).one()
    assert page.path == f"/budget/{convention.id}/bilans/{bilan.id}"
    assert "0 sur 8 sont prêtes" in page.text and page.soup.find(id="manque") is not None
    # The State does not read what is being prepared.
    hidden = by_first.get(page.path)
    assert "prépare ce bilan" in hidden.text and "Synthèse" not in hidden.text
    by_first.get(f"{page.path}/parties/synthese", status=404)
    by_first.get(f"{page.path}/bilan.pdf", status=404)
    # Every part says what the portal knows and is written.
    for key in (
        "synthese",
        "volet-1",
        "depenses",
        "comptes",
        "plan",
        "fiches",
        "places",
        "pieces",
    ):
        part = by_officer.get(f"{page.path}/parties/{key}")
        if key == "synthese":
            assert "423 271,35 € ont été dépensés" in part.soup.find("textarea").text
        page_after = part.form("part-form").submit(prete="y")
        assert page_after.path == page.path
    page = by_officer.get(page.path)
    assert "8 sur 8 sont prêtes" in page.text
    page = page.form("hand-in-form").submit()
    assert "Remis à l’État" in page.text and not page.soup.find(id="hand-in-form")
    by_officer.get(f"/budget/{convention.id}/depenses/2023")
    # The first reader marks, then passes on.
    part = by_first.get(f"{page.path}/parties/depenses")
    assert part.soup.find(id="part-form") is None and "423 271,35 €" in part.text
    refused = part.form("mark-form").submit(mark="a-corriger", status=422)
    assert "Écrivez ce qui est à corriger." in refused.text
    told = refused.form("mark-form").submit(mark="vu", commentaire="Bien tenu.")
    assert f"Vu par {first.full_name}" in told.text
    told = told.form("accept-form").submit()
    assert "Relu par le premier lecteur" in told.text and told.soup.find(id="accept-form") is None
    # The officer sees the marks.
    assert "Bien tenu." in by_officer.get(f"{page.path}/parties/depenses").text
    # The second asks for a correction.
    asked = by_second.get(f"{page.path}/corriger")
    asked.form("correction-form").submit(status=422)
    asked.form("correction-form").submit(demande="Complétez la synthèse.")
    mails = session.exec(select(OutgoingMail).where(OutgoingMail.recipient == officer.courriel)).all()
    assert [mail.subject for mail in mails] == ["Bilan intermédiaire 2023 à corriger"]
    page = by_officer.get(page.path)
    assert "Complétez la synthèse." in page.text and "8 sur 8 sont prêtes" in page.text
    move_clock(2024, 2, 2, 10)
    page.form("hand-in-form").submit()
    # What a reader said of the former round is told as such, and not said again by the new one.
    part = by_first.get(f"{page.path}/parties/depenses")
    assert "Bien tenu. Vu" in " ".join(part.text.split()) and "sur la remise précédente" in part.text
    assert part.soup.find("textarea", attrs={"name": "commentaire"}).text.strip() == ""
    assert part.soup.select_one('input[name="mark"][checked]') is None
    by_second.get(page.path).form("accept-form").submit()
    settled = by_first.get(page.path).form("accept-form").submit()
    assert "Arrêté" in settled.text and "Correction demandée" in settled.text
    session.expire_all()
    assert session.get_one(Bilan, bilan.id).state is BilanState.ARRETE


def test_two_tabs_on_a_part_lose_nothing(
    session: Session, convention: StateConvention, officer: User, sign_in: Callable[[User], Browser]
) -> None:
    bilan = bilan_writing.begin(session, convention, 2023, BilanKind.INTERMEDIAIRE, by=officer)
    browser = sign_in(officer)
    here = f"/budget/{convention.id}/bilans/{bilan.id}/parties/synthese"
    one, other = browser.get(here), browser.get(here)
    one.form("part-form").submit(texte="La première.")
    page = other.form("part-form").submit(texte="La seconde.", status=409)
    assert "La première." in page.text and page.soup.find("textarea").text.strip() == "La seconde."
    page.form("part-form").submit(texte="La seconde.")
    # A part sent from a tab older than the handing in: said, and what was typed is shown.
    old = browser.get(here)
    ready(session, bilan, convention, officer)
    bilan_writing.hand_in(session, bilan, convention, by=officer)
    session.commit()
    page = old.form("part-form").submit(texte="Trop tard.", status=422)
    assert "il ne change plus" in page.text and "Trop tard." in page.text


def test_the_files_of_a_bilan(
    session: Session, convention: StateConvention, officer: User, sign_in: Callable[[User], Browser]
) -> None:
    expenses.write(
        session,
        convention,
        2023,
        expense_values(objet="Séminaire < & >", volet=Volet.SOLUTIONS, hors_convention=True),
        by=officer,
    )
    bilan = bilan_writing.begin(session, convention, 2023, BilanKind.INTERMEDIAIRE, by=officer)
    client = sign_in(officer).client
    home = f"/budget/{convention.id}/bilans/{bilan.id}"
    book = CalamineWorkbook.from_filelike(BytesIO(client.get(f"{home}/bilan.xlsx").data))
    assert book.sheet_names == [
        "Bilan",
        "État des dépenses 2023",
        "Comptes",
        "Plan 2023",
        "Montants 2023",
        "Fiches action",
        "Places et partenaires",
    ]
    totals = {
        row[0]: row[8] for row in book.get_sheet_by_name("État des dépenses 2023").to_python() if row[0]
    }
    assert totals["Total 2023"] == 423271.35
    # Recomputed by a spreadsheet, every formula says what the portal says.
    live = Workbook(client.get(f"{home}/bilan.xlsx").data)
    assert len(live.formulas) > 20 and live.disagreements() == []
    answer = client.get(f"{home}/bilan.pdf")
    text = " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(answer.data)).pages).split())
    assert "En préparation, au 01/02/2024" in text and "Total 2023" in text and "423 271,35 €" in text
    assert "719 689,00 €" in text and "Séminaire" not in text and "48 000,00 €" in text
    assert answer.mimetype == "application/pdf" and answer.data.startswith(b"%PDF")
    assert 'filename="bilan-intermediaire-2023.pdf"' in answer.headers["Content-Disposition"]
    # Once handed in, both are made of what was handed in.
    ready(session, bilan, convention, officer)
    bilan_writing.hand_in(session, bilan, convention, by=officer)
    convention.numero = "AUTRE-NUMERO"
    session.commit()
    for name in ("xlsx", "pdf"):
        assert client.get(f"{home}/bilan.{name}").status_code == 200
    book = CalamineWorkbook.from_filelike(BytesIO(client.get(f"{home}/bilan.xlsx").data))
    assert "AUTRE-NUMERO" not in str(book.get_sheet_by_name("Bilan").to_python())


def test_the_number_of_statements_of_a_page(
    session: Session, convention: StateConvention, officer: User, sign_in: Callable[[User], Browser]
) -> None:
    bilan = bilan_writing.begin(session, convention, 2023, BilanKind.INTERMEDIAIRE, by=officer)
    browser = sign_in(officer)
    home = f"/budget/{convention.id}/bilans/{bilan.id}"
    numbers = []
    for more in (0, 20):
        for number in range(more):
            expenses.write(session, convention, 2023, expense_values(objet=f"Dépense {number}"), by=officer)
        session.commit()
        for url in (home, f"{home}/parties/depenses", f"/budget/{convention.id}/bilans"):
            with count_statements(session) as sent:
                browser.get(url)
            numbers.append(len(sent))
    assert numbers[:3] == numbers[3:] and max(numbers) <= 30


def test_a_bilan_of_another_convention_is_not_found(
    session: Session, convention: StateConvention, officer: User, sign_in: Callable[[User], Browser]
) -> None:
    bilan = bilan_writing.begin(session, convention, 2023, BilanKind.INTERMEDIAIRE, by=officer)
    other = make_state_convention(session, signe_le=date(2023, 5, 2))
    browser = sign_in(officer)
    browser.get(f"/budget/{other.id}/bilans/{bilan.id}", status=404)
    browser.get(f"/budget/{convention.id}/bilans/{bilan.id}/parties/volet-3", status=404)


def test_the_expenses_of_a_long_bilan_open_nature_by_nature(
    session: Session,
    convention: StateConvention,
    officer: User,
    sign_in: Callable[[User], Browser],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pages, "LINES_AT_ONCE", 1)
    expenses.write(
        session, convention, 2023, expense_values(nature=Nature.SI, objet="Le portail"), by=officer
    )
    bilan = bilan_writing.begin(session, convention, 2023, BilanKind.INTERMEDIAIRE, by=officer)
    session.commit()
    here = f"/budget/{convention.id}/bilans/{bilan.id}/parties/depenses"
    page = sign_in(officer).get(here)
    assert "2 dépenses : ouvrez une nature" in page.text and "Total 2023" in page.text
    assert "Chefferie de projet" not in page.text and "Le portail" not in page.text
    link = page.soup.select_one('main a[href*="nature=si"]')
    assert link is not None
    opened = sign_in(officer).get(str(link["href"]).split("#")[0])
    assert "Le portail" in opened.text and "Chefferie de projet" not in opened.text
    whole = sign_in(officer).get(f"{here}?tout=1")
    assert "Le portail" in whole.text and "Chefferie de projet" in whole.text
