"""A year in pictures and tables: every table adds up to the statement; territories are seen before they are written."""

from collections.abc import Callable
from datetime import date, datetime
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook
from sqlmodel import Session, select
from werkzeug.datastructures import FileStorage

from portal.accounts.models import Role, User
from portal.budget import expenses, territories, tracking
from portal.budget.models import (
    Nature,
    PlanLine,
    StateAmendment,
    StateConvention,
    Territory,
    TerritoryCommune,
    TerritoryKind,
    Volet,
)
from portal.budget.territories import Cut
from portal.errors import NotAllowed, RuleBroken
from tests.factories.accounts import make_user
from tests.factories.budget import expense_values, make_state_convention
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.structures import make_structure
from tests.pages import Browser
from tests.statements import count_statements

RENNES, REDON = "35238", "35236"
TABLE = "commune;CDAS;bassin\n35238;CDAS de Rennes;Rennes\nRedon;cdas de Redon;Redon\n35051;CDAS de rennes;\n"


@pytest.fixture
def officer(session: Session) -> User:
    return make_user(session, Role.CONVENTIONNEMENT)


@pytest.fixture
def convention(session: Session, move_clock: Callable[..., datetime]) -> StateConvention:
    move_clock(2023, 9, 1, 10)
    return make_state_convention(
        session, {(2023, Volet.INGENIERIE): 10_000_000, (2023, Volet.SOLUTIONS): 5_000_000}
    )


@given(st.integers(0, 10**9), st.integers(0, 364), st.integers(0, 364))
def test_an_expense_is_spread_and_nothing_of_it_is_lost(cents: int, one: int, other: int) -> None:
    first, last = sorted((one, other))
    start = date(2023, 1, 1).toordinal()
    spent = tracking._Spent(
        1, Nature.SI, cents, date.fromordinal(start + first), date.fromordinal(start + last), None, None, None
    )
    days = [date.fromordinal(start + number) for number in range(-1, 365)]
    ((_, told),) = tracking._spread([spent], days)
    assert told == sorted(told) and told[0] == 0 and told[-1] == cents
    assert told[last + 1] == cents and (first == 0 or told[first] == 0)


def write_some(
    session: Session, convention: StateConvention, officer: User, code_insee: str = RENNES
) -> None:
    structure = make_structure(session, code_insee=code_insee)
    partner = make_convention(session, structure)
    action = make_action(session, partner, [make_offer(session, structure)])
    for values in (
        expense_values(nombre=12_000, cout_unitaire_centimes=100_000),
        expense_values(
            volet=Volet.SOLUTIONS,
            nature=Nature.MOBILITE,
            nombre=1_000,
            cout_unitaire_centimes=300_001,
            partner_convention_id=partner.id,
            action_id=action.id,
        ),
        expense_values(
            nature=Nature.SI, date_debut=date(2023, 7, 1), nombre=1_000, cout_unitaire_centimes=50_000
        ),
        expense_values(hors_convention=True),
    ):
        expenses.write(session, convention, 2023, values, by=officer)


def test_every_table_adds_up_to_the_statement(
    session: Session, convention: StateConvention, officer: User
) -> None:
    write_some(session, convention, officer)
    write_some(session, convention, officer, REDON)
    told = tracking.of_year(session, convention, 2023, Cut.EPCI)
    whole = expenses.statement(session, convention, 2023).montant
    assert told.montant == whole == 2 * (1_200_000 + 300_001 + 50_000)
    tables = told.tables
    assert tables["volets"].rows[11][0] == "Fin décembre"
    assert tables["volets"].rows[11][1:] == [2 * 1_250_000, 2 * 300_001, 0, whole]
    assert tables["volets"].rows[12] == ["Prévu", 10_000_000, 10_000_000, 0, 20_000_000]
    assert tables["blocs"].rows[11][1:] == [2 * 1_200_000, 2 * 300_001, 0, 2 * 50_000, whole]
    # Half of the months: nothing of what begins in July.
    assert tables["blocs"].rows[5][4] == 0
    for row in [*tables["volets"].rows, *tables["blocs"].rows]:
        assert row[-1] == sum(row[1:-1])
    for key in ("actions", "territoires"):
        total = tables[key].total
        assert total is not None and total[2] == whole == sum(row[2] for row in tables[key].rows)
    assert {row[0]: row[1:3] for row in tables["territoires"].rows} == {
        "Rennes Métropole": [1, 300_001],
        "Redon Agglomération": [1, 300_001],
        "Tout le département, sans partenaire": [0, 2 * 1_250_000],
    }
    assert told.curves["volets"].planned is not None and told.curves["blocs"].planned is None


def test_the_plan_is_what_was_planned_when_there_is_one(
    session: Session, convention: StateConvention, officer: User
) -> None:
    initial = session.exec(select(StateAmendment).where(StateAmendment.convention_id == convention.id)).one()
    session.add(
        PlanLine(
            amendment_id=initial.id,
            annee=2023,
            volet=2,
            rang=1,
            nature=Nature.MOBILITE,
            objet="Permis",
            montant_centimes=400,
            autres_centimes=100,
        )
    )
    session.flush()
    told = tracking.of_year(session, convention, 2023, Cut.EPCI)
    assert told.tables["volets"].rows[12] == ["Prévu", 0, 500, 0, 500]
    assert told.tables["blocs"].rows[12] == ["Prévu", 0, 500, 0, 0, 500]


# --- Territories -----------------------------------------------------------------------------------------------------


def test_a_table_of_territories_is_read() -> None:
    found = territories.read("territoires.csv", TABLE.encode(), "35")
    assert found.wrong == [] and found.may_be_written
    assert found.found[TerritoryKind.CDAS] == {"CDAS de Rennes": 2, "cdas de Redon": 1}
    assert found.found[TerritoryKind.BASSIN] == {"Redon": 1, "Rennes": 1}
    wrong = territories.read(
        "territoires.csv", b"commune;CDAS\nNullepart;A\n35238;A\n35238;B\n;C\n", "35"
    ).wrong
    assert len(wrong) == 3
    assert wrong[0] == "Ligne 2 : la commune « Nullepart » n’est pas reconnue, écrivez son code INSEE."
    assert "Rennes est déjà dans un autre territoire" in wrong[1] and wrong[2].startswith("Ligne 5 :")
    with pytest.raises(RuleBroken, match="doit nommer les colonnes"):
        territories.read("territoires.csv", b"ville;zone\nRennes;A\n", "35")


def test_territories_are_replaced_as_a_whole(
    session: Session, convention: StateConvention, officer: User
) -> None:
    found = territories.read("territoires.csv", TABLE.encode(), "35")
    with pytest.raises(NotAllowed):
        territories.replace(session, found.lines, by=make_user(session, Role.ETAT))
    territories.replace(session, found.lines, by=officer)
    write_some(session, convention, officer)
    told = tracking.of_year(session, convention, 2023, Cut.CDAS).tables["territoires"]
    assert told.rows[0][:3] == ["CDAS de Rennes", 1, 300_001]
    less = territories.read("territoires.csv", b"commune;CDAS\n35238;Ouest\n", "35")
    territories.replace(session, less.lines, by=officer)
    assert [one.nom for one in session.exec(select(Territory))] == ["Ouest"]
    assert len(session.exec(select(TerritoryCommune)).all()) == 1
    with pytest.raises(RuleBroken, match="aucun CDAS"):
        territories.replace(session, [], by=officer)


def send(browser: Browser, content: bytes, status: int = 200) -> object:
    return browser.post(
        "/budget/territoires",
        {"fichier": FileStorage(BytesIO(content), "territoires.csv")},
        status=status,
    )


def test_territories_are_seen_before_they_are_written(
    session: Session, officer: User, sign_in: Callable[[User], Browser]
) -> None:
    browser = sign_in(officer)
    browser.get("/budget/territoires")
    refused = browser.post("/budget/territoires", {}, status=422)
    assert "Choisissez d’abord un fichier." in refused.text
    wrong = send(browser, b"commune;CDAS\nNullepart;A\n", 422)
    assert "Nullepart" in wrong.text and wrong.soup.find(id="write-form") is None  # type: ignore[attr-defined]
    seen = send(browser, TABLE.encode())
    assert session.exec(select(Territory)).all() == []
    done = seen.form("write-form").submit()  # type: ignore[attr-defined]
    assert "Les territoires sont enregistrés." in done.text and "CDAS de Rennes" in done.text
    stale = browser.post("/budget/territoires/enregistrer", {"lignes": "99999\tA\tB"}, status=422)
    assert "n’est plus à jour" in stale.text
    state = sign_in(make_user(session, Role.ETAT)).get("/budget/territoires")
    assert "CDAS de Rennes" in state.text and state.soup.find(id="territories-form") is None


# --- Pages and files -------------------------------------------------------------------------------------------------


def test_the_page_and_its_files(
    session: Session, convention: StateConvention, officer: User, sign_in: Callable[[User], Browser]
) -> None:
    write_some(session, convention, officer)
    browser = sign_in(make_user(session, Role.ETAT))
    page = browser.get(f"/budget/{convention.id}/suivi")
    assert page.path == f"/budget/{convention.id}/suivi/2023"
    assert "15 500,01 €" in page.text and len(page.soup.find_all("svg", class_="chart")) == 4
    assert browser.get(f"{page.path}?territoire=bassin").soup.find("a", attrs={"aria-current": "page"})
    browser.get(f"/budget/{convention.id}/suivi/2022", status=404)
    for key in ("volets", "blocs", "actions", "territoires"):
        text = browser.client.get(f"{page.path}/{key}.csv").data.decode("utf-8-sig")
        assert "15500,01" in text
        book = CalamineWorkbook.from_filelike(BytesIO(browser.client.get(f"{page.path}/{key}.xlsx").data))
        assert any(15500.01 in row for row in book.get_sheet_by_index(0).to_python())
    # A year without a cent.
    assert "Aucune dépense" in browser.get(f"/budget/{convention.id}/suivi/2024").text


def test_the_number_of_statements_does_not_grow(
    session: Session, convention: StateConvention, officer: User
) -> None:
    def told() -> int:
        with count_statements(session) as sent:
            tracking.of_year(session, convention, 2023, Cut.CDAS)
        return len(sent)

    write_some(session, convention, officer)
    few = told()
    for _ in range(4):
        write_some(session, convention, officer, REDON)
    assert told() == few <= 25
