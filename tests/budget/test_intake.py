"""A table of expenses: columns recognised, lines read as people write them, written once."""

import io
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, select

from portal.accounts.models import Role, User
from portal.budget import expense_table, expenses, history, intake, official_sheets, sheets
from portal.budget.bilan_models import Bilan, BilanKind, BilanState
from portal.budget.models import Nature, StateConvention, Volet
from portal.budget.spending_models import Expense
from portal.budget.statement import statement
from portal.errors import AlreadyDone, NotAllowed, RuleBroken
from portal.spreadsheets import Row, Sheet
from tests.factories.accounts import make_user
from tests.factories.budget import make_state_convention

HEADERS = "Objet;Nature;Volet;Unité;Nombre;Coût unitaire;Montant;Part de l’État;Début;Fin"


def table(*lines: str, headers: str = HEADERS) -> bytes:
    return "\n".join((headers, *lines)).encode("utf-8-sig")


def workbook(rows: list[list[Any]], sheet: str = "Annexe C") -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.add_worksheet("Notice").write_row(0, 0, ["À lire", "Comment remplir"])
    page = book.add_worksheet(sheet)
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            if isinstance(value, date):
                page.write_datetime(r, c, value, day)
            else:
                page.write(r, c, value)
    book.close()
    return out.getvalue()


@pytest.fixture
def officer(session: Session) -> User:
    return make_user(session, Role.CONVENTIONNEMENT)


@pytest.fixture
def convention(session: Session, move_clock: Callable[..., datetime]) -> StateConvention:
    move_clock(2024, 12, 1, 10)
    return make_state_convention(session, {(2024, Volet.DEPLOIEMENT): 99_812_624})


def sent(
    session: Session,
    convention: StateConvention,
    by: User,
    contenu: bytes,
    nom: str = "depenses.csv",
    annee: int = 2024,
) -> intake.Preview:
    run = intake.start(session, convention, annee, nom=nom, contenu=contenu, by=by, id=uuid.uuid4())
    return intake.preview(session, run, convention)


def kept(session: Session, convention: StateConvention, by: User, contenu: bytes, nom: str = "d.csv") -> Any:
    return intake.start(session, convention, 2024, nom=nom, contenu=contenu, by=by, id=uuid.uuid4())


def test_lines_as_people_write_them(session: Session, convention: StateConvention, officer: User) -> None:
    seen = sent(
        session,
        convention,
        officer,
        table(
            "Chefferie de projet;Équipes : ingénierie;1;mois;12;4 000,00 €;48 000,00 €;;01/01/2024;31/12/2024",
            "ERVP;freins-mobilite;Volet 2;module;2;23500.00;47 000;23 500,00;1/3/2024;2024-12-31",
            "Infirmières;EQUIPES ACCOMPAGNEMENT;volet 3;ETP;1,5;72846,36;109 269,54;;;",
            "SI;système d’information;3;;;;40\u202f000;;;",
        ),
    )
    assert [line.outcome for line in seen.lines] == ["nouvelle"] * 4, [line.problems for line in seen.lines]
    first, second, third, fourth = (line.values for line in seen.lines)
    assert (first["nature"], first["volet"], first["nombre"]) == (Nature.INGENIERIE, Volet.INGENIERIE, 12_000)
    assert first["montant_centimes"] == first["part_etat_centimes"] == 4_800_000
    assert (second["nature"], second["volet"]) == (Nature.MOBILITE, Volet.SOLUTIONS)
    assert (second["date_debut"], second["date_fin"]) == (date(2024, 3, 1), date(2024, 12, 31))
    assert (second["montant_centimes"], second["part_etat_centimes"]) == (4_700_000, 2_350_000)
    assert (third["nombre"], third["montant_centimes"]) == (1_500, 10_926_954)
    assert (fourth["unite"], fourth["nombre"], fourth["montant_centimes"]) == ("forfait", 1_000, 4_000_000)
    assert (fourth["date_debut"], fourth["date_fin"]) == (date(2024, 1, 1), date(2024, 12, 31))
    assert seen.montant == 4_800_000 + 4_700_000 + 10_926_954 + 4_000_000
    assert session.exec(select(Expense)).all() == []


def test_every_fault_is_told_by_line_and_column(
    session: Session, convention: StateConvention, officer: User
) -> None:
    seen = sent(
        session,
        convention,
        officer,
        table(
            ";mobilité;9;mois;un;1.234,56;12;;32/01/2024;31/12/2024",
            "A;inconnue;1;mois;12;100;1200,01;;;",
            "B;SI;1;mois;12;100;1 200,01;;;",
            "C;SI;1;mois;12;100;1200;1200,01;;",
            "D;SI;1;mois;12;100;1200;;01/01/2023;31/12/2023",
            "E;SI;1;mois;3;;100,00;;;",
            "F;SI;;mois;3;;;;;",
        ),
    )
    told = {line.ligne: {(p.colonne, p.cellule): p.sentence for p in line.problems} for line in seen.lines}
    assert [line.outcome for line in seen.lines] == ["refusee"] * 7
    assert {where for where in told[2]} == {
        ("Objet", ""),
        ("Volet", "9"),
        ("Nombre d’unités", "un"),
        ("Coût unitaire", "1.234,56"),
        ("Premier jour", "32/01/2024"),
    }
    assert "n’existe pas" in told[2][("Premier jour", "32/01/2024")]
    assert ("Nature", "inconnue") in told[3]
    assert "1\u202f200,00\xa0€, et non 1\u202f200,01\xa0€" in told[4][("Montant", "")]
    assert "ôtez 0,01\xa0€" in told[5][("Part de l’État", "")]
    assert "n’est pas de 2024" in told[6][("Premier jour", "")]
    assert "ne se partage pas au centime" in told[7][("Coût unitaire", "")]
    assert {where for where, _ in told[8]} == {"Volet", "Montant"}


def test_titles_and_totals_are_left_aside(
    session: Session, convention: StateConvention, officer: User
) -> None:
    seen = sent(
        session,
        convention,
        officer,
        table(
            "Renforcement des équipes;;;;;;;;;",
            "CCAS;accompagnement;3;;;;44 177,50;;;",
            "Sous-total équipes;;;;;;44 177,50;;;",
            "TOTAL;;;;;;44 177,50;;;",
        ),
    )
    assert [line.outcome for line in seen.lines] == ["ignoree", "nouvelle", "ignoree", "ignoree"]
    assert seen.montant == 4_417_750


def test_a_workbook_with_days_and_computed_amounts(
    session: Session, convention: StateConvention, officer: User
) -> None:
    contenu = workbook(
        [
            ["Nature", "Objet", "Volet", "Montant", "Du", "Au"],
            ["SI", "Outil", 3, 0.1 + 0.2, date(2024, 1, 15), date(2024, 6, 30)],
            ["SI", "Reprise", 3, 34_668.0, date(2024, 1, 15), date(2024, 6, 30)],
            ["SI", "Trop de décimales", 3, 0.125, None, None],
        ]
    )
    seen = sent(session, convention, officer, contenu, "annexe.xlsx")
    assert seen.sheet.name == "Annexe C" and seen.sheets == ["Notice", "Annexe C"]
    assert [line.montant for line in seen.lines] == [30, 3_466_800, None]
    assert seen.lines[0].values["date_debut"] == date(2024, 1, 15)
    assert "montant en euros" in seen.lines[2].problems[0].sentence


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("du 01/02/2024 au 31/03/2024", date(2024, 2, 1), date(2024, 3, 31)),
        ("2024", date(2024, 1, 1), date(2024, 12, 31)),
        ("Année 2024", date(2024, 1, 1), date(2024, 12, 31)),
        ("janvier à juin 2024", date(2024, 1, 1), date(2024, 6, 30)),
        ("Février 2024", date(2024, 2, 1), date(2024, 2, 29)),
        ("décembre 2024", date(2024, 12, 1), date(2024, 12, 31)),
    ],
)
def test_periods_in_words(
    session: Session, convention: StateConvention, officer: User, text: str, begin: date, end: date
) -> None:
    headers = "Objet;Nature;Volet;Montant;Période"
    seen = sent(session, convention, officer, table(f"A;SI;1;10;{text}", headers=headers))
    assert seen.lines[0].problems == []
    assert (seen.lines[0].values["date_debut"], seen.lines[0].values["date_fin"]) == (begin, end)
    wrong = sent(session, convention, officer, table("A;SI;1;10;un jour", headers=headers))
    assert wrong.lines[0].problems[0].colonne == "Période"


def test_columns_are_chosen_when_they_are_not_recognised(
    session: Session, convention: StateConvention, officer: User
) -> None:
    run = kept(session, convention, officer, table("Outil;40 000", headers="Quoi;Combien"))
    seen = intake.preview(session, run, convention)
    assert seen.lines == [] and len(seen.missing) == 4
    with pytest.raises(RuleBroken, match="Aucune ligne"):
        intake.accept(session, run, convention, by=officer)
    intake.choose(
        session,
        run,
        feuille="",
        champs={"objet": 0, "montant": 1},
        volet=Volet.DEPLOIEMENT,
        nature=Nature.SI,
        by=officer,
    )
    seen = intake.preview(session, run, convention)
    assert seen.missing == [] and seen.lines[0].montant == 4_000_000
    with pytest.raises(RuleBroken, match="ne sont plus celles"):
        intake.choose(session, run, feuille="", champs={"objet": 7}, volet=None, nature=None, by=officer)
    with pytest.raises(RuleBroken, match="pas dans le classeur"):
        intake.choose(session, run, feuille="Autre", champs={}, volet=None, nature=None, by=officer)


def test_written_once_and_told_in_the_history(
    session: Session, convention: StateConvention, officer: User
) -> None:
    contenu = table("A;SI;3;;;;10,50;;;", "B;inconnue;3;;;;1;;;", "A;SI;3;;;;10,50;;;")
    run = kept(session, convention, officer, contenu)
    # Twice the same line in one table are two expenses.
    made = intake.accept(session, run, convention, by=officer)
    assert [(expense.ligne, expense.montant_centimes) for expense in made] == [(2, 1_050), (4, 1_050)]
    with pytest.raises(AlreadyDone):
        intake.accept(session, run, convention, by=officer)
    for verb in (
        lambda: intake.abandon(session, run, by=officer),
        lambda: intake.choose(session, run, feuille="", champs={}, volet=None, nature=None, by=officer),
    ):
        with pytest.raises(AlreadyDone):
            verb()
    # The same file sent again: what is in the statement already is not written a second time.
    again = kept(session, convention, officer, contenu)
    seen = intake.preview(session, again, convention)
    assert [line.outcome for line in seen.lines] == ["deja", "refusee", "deja"]
    with pytest.raises(RuleBroken, match="Aucune ligne"):
        intake.accept(session, again, convention, by=officer)
    assert len(expenses.statement(session, convention, 2024).lines) == 2
    (line,) = [line for line, _ in history.lines(session, convention)]
    assert line.fait == "Dépenses 2024 importées : 2 lignes (21,00\xa0€)" and "d.csv" in (line.motif or "")


def test_what_is_at_the_charge_of_the_departement(
    session: Session, convention: StateConvention, officer: User
) -> None:
    headers = "Objet;Nature;Volet;Montant;Hors convention"
    run = kept(
        session,
        convention,
        officer,
        table("Repas;SI;1;10;oui", "Outil;SI;1;20;non", "Quoi;SI;1;20;peut-être", headers=headers),
    )
    seen = intake.preview(session, run, convention)
    assert seen.lines[2].problems[0].sentence == "Écrivez oui ou non."
    intake.accept(session, run, convention, by=officer)
    told = expenses.statement(session, convention, 2024)
    assert (told.montant, told.montant_apart) == (2_000, 1_000)


def test_who_and_when(
    session: Session, convention: StateConvention, officer: User, move_clock: Callable[..., datetime]
) -> None:
    contenu = table("A;SI;3;;;;10;;;")
    with pytest.raises(NotAllowed):
        kept(session, convention, make_user(session, Role.ETAT), contenu)
    with pytest.raises(RuleBroken, match="n’est pas un tableau"):
        kept(session, convention, officer, b"\x00\x01\x02\x03\x04" * 50)
    with pytest.raises(RuleBroken, match="dépasse 2000 lignes"):
        kept(session, convention, officer, table(*["A;SI;3;;;;10;;;"] * 2_001))
    run = kept(session, convention, officer, contenu)
    session.add(
        Bilan(
            convention_id=convention.id,
            annee=2024,
            kind=BilanKind.FINAL,
            state=BilanState.REMIS,
            remis_at=datetime(2025, 1, 15, tzinfo=UTC),
            figures={},
        )
    )
    session.flush()
    move_clock(2025, 1, 20, 10)
    with pytest.raises(RuleBroken, match="bilan final 2024"):
        intake.accept(session, run, convention, by=officer)
    intake.abandon(session, run, by=officer)


@given(st.lists(st.text(max_size=30), min_size=1, max_size=12))
def test_guessing_never_gives_a_column_twice(headers: list[str]) -> None:
    found = expense_table.guess(Sheet("", tuple(headers), []))
    assert len(set(found.values())) == len(found)


CELL = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["1", "SI", "mobilité", "10,50", "1 000", "-5", "1e9", "31/12/2024", "oui", "9" * 30, "0"]
    ),
)


@given(cells=st.lists(CELL, min_size=12, max_size=12))
def test_whatever_the_cells_a_line_is_read_or_told(cells: list[str]) -> None:
    """No cell makes the reading fall; what is right adds up."""
    within = expenses.Frame(2024, date(2024, 1, 1), date(2024, 12, 31), 5_000, {})
    columns = {name: place for place, name in enumerate(expense_table.COLUMNS)}
    read = expense_table.read_line(Row(2, tuple(cells)), columns, None, None, within, Counter())
    if read.outcome == "nouvelle":
        values = read.values
        assert values["montant_centimes"] == expenses.amount(
            values["nombre"], values["cout_unitaire_centimes"]
        )
        assert 0 <= values["part_etat_centimes"] <= values["montant_centimes"]
        assert expenses.problems(values, within) == []
    else:
        assert read.outcome == "ignoree" or read.problems


def test_the_names_of_the_columns_are_found_below_a_title(
    session: Session, convention: StateConvention, officer: User
) -> None:
    contenu = workbook(
        [
            ["Annexe 3 : état des dépenses 2024, objet de la convention"],
            [],
            ["Département d’Ille-et-Vilaine", "", "", "Nature"],
            ["Nature", "Objet", "Volet", "Montant"],
            ["Ingénierie", "Chefferie de projet", 3, 150_050.32],
            ["Volet 3 – déploiements territoriaux", "", 3, 150_050.32],
        ]
    )
    seen = sent(session, convention, officer, contenu, "annexe-3.xlsx")
    assert seen.missing == [] and seen.montant == 15_005_032
    assert [(line.ligne, line.outcome) for line in seen.lines] == [(5, "nouvelle"), (6, "ignoree")]
    # An expense without an object is told, never left aside.
    seen = sent(
        session, convention, officer, table("Volet 3;SI;;40 000", headers="Volet;Nature;Objet;Montant")
    )
    assert [line.outcome for line in seen.lines] == ["refusee"]
    # Nothing known anywhere: the first line names them, and one is asked which is which.
    seen = sent(session, convention, officer, table("A;B;C", headers="x;y;z"))
    assert seen.sheet.headers == ("x", "y", "z") and len(seen.missing) == 4


def test_the_portals_own_statement_is_read_back(
    session: Session, convention: StateConvention, officer: User
) -> None:
    intake.accept(
        session,
        kept(
            session,
            convention,
            officer,
            table("CCAS;accompagnement;3;mois;11;1 111,11;;;01/02/2024;31/12/2024", "SI;SI;3;;;;40 000;;;"),
        ),
        convention,
        by=officer,
    )
    with sheets.Book("État des dépenses") as book:
        official_sheets.add_statement(book, statement(session, convention, 2024), "Convention d’exemple")
    contenu = book.content
    other = make_state_convention(session, {(2024, Volet.DEPLOIEMENT): 99_812_624})
    seen = sent(session, other, officer, contenu, "etat.xlsx")
    assert seen.of("refusee") == [] and len(seen.of("nouvelle")) == 2
    assert seen.montant == 1_222_221 + 4_000_000


def test_a_cost_that_is_no_whole_number_of_cents_is_told_with_a_way_out(
    session: Session, convention: StateConvention, officer: User
) -> None:
    rows = [
        ["Nature", "Objet", "Volet", "Nombre", "Coût unitaire", "Montant"],
        ["Ingénierie", "3 ETP", 3, 3, 150_050.32 / 3, 150_050.32],
        ["Ingénierie", "3 ETP", 3, 3, 50_016.77, 150_050.32],
        ["Ingénierie", "Forfait", 3, 1, 150_050.32, 150_050.32],
    ]
    seen = sent(session, convention, officer, workbook(rows), "annexe-3.xlsx")
    assert [line.outcome for line in seen.lines] == ["refusee", "refusee", "nouvelle"]
    assert all("comptez 1 forfait" in problem.sentence for line in seen.lines for problem in line.problems)
