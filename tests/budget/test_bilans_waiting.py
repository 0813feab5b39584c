"""What each side finds first: bilans to read, bilans to correct."""

from collections.abc import Callable
from datetime import UTC, datetime

from sqlmodel import Session

from portal.accounts.models import Role, User
from portal.budget import queries
from portal.budget.bilan_models import Bilan, BilanKind, BilanState
from portal.budget.models import StateConvention, Volet
from portal.conventions.states import ConventionState
from tests.factories.accounts import make_user
from tests.factories.budget import make_state_convention
from tests.pages import Browser
from tests.statements import count_statements


def make_bilan(session: Session, state: BilanState, **values: object) -> tuple[Bilan, StateConvention]:
    convention = make_state_convention(session, {(2023, Volet.INGENIERIE): 100})
    handed = state is not BilanState.PREPARATION
    bilan = Bilan(
        convention_id=convention.id,
        annee=2023,
        kind=BilanKind.INTERMEDIAIRE,
        state=state,
        figures={"parties": []} if handed else None,
        remis_at=datetime(2024, 3, 1, tzinfo=UTC) if handed else None,
        **values,
    )
    session.add(bilan)
    session.flush()
    return bilan, convention


def waiting(session: Session, user: User) -> list[Bilan]:
    found = [bilan for bilan, _ in session.execute(queries.bilans_waiting(user))]
    assert queries.number_waiting(session, user) == len(found)
    return found


def test_to_read_by_the_state_and_never_twice_by_the_same(session: Session) -> None:
    first, second = make_user(session, Role.ETAT), make_user(session, Role.ETAT)
    officer = make_user(session, Role.CONVENTIONNEMENT)
    handed, _ = make_bilan(session, BilanState.REMIS)
    read, _ = make_bilan(
        session, BilanState.RELU, relu_at=datetime(2024, 3, 2, tzinfo=UTC), relu_by_id=first.id
    )
    make_bilan(session, BilanState.PREPARATION)
    asked, _ = make_bilan(session, BilanState.PREPARATION, demande="La synthèse.")
    assert waiting(session, first) == [handed]
    assert {bilan.id for bilan in waiting(session, second)} == {handed.id, read.id}
    assert waiting(session, officer) == [asked]
    assert waiting(session, make_user(session, Role.ADMINISTRATION)) == []


def test_a_closed_convention_waits_for_nobody(session: Session) -> None:
    _, convention = make_bilan(session, BilanState.REMIS)
    convention.state = ConventionState.CLOSE
    session.flush()
    assert waiting(session, make_user(session, Role.ETAT)) == []


def test_the_first_page_and_the_list_lead_to_them(
    session: Session, sign_in: Callable[[User], Browser], move_clock: Callable[..., datetime]
) -> None:
    move_clock(2024, 3, 10, 10)
    reader, officer = make_user(session, Role.ETAT), make_user(session, Role.CONVENTIONNEMENT)
    bilan, convention = make_bilan(session, BilanState.REMIS)
    page = sign_in(reader).get("/").click("Bilans à lire (1)")
    assert "Première lecture" in page.text
    link = page.soup.select_one("#bilans-en-attente + ul a")
    assert link is not None and link["href"] == f"/budget/{convention.id}/bilans/{bilan.id}"
    assert "Bilans à corriger" not in sign_in(officer).get("/").text
    bilan.state, bilan.figures, bilan.remis_at, bilan.demande = (
        BilanState.PREPARATION,
        None,
        None,
        "Précisez.",
    )
    session.flush()
    page = sign_in(officer).get("/").click("Bilans à corriger (1)")
    assert f"Bilan intermédiaire 2023, convention {convention.numero}" in page.text
    assert "Correction demandée" in page.text
    assert "Bilans à lire" not in sign_in(reader).get("/").text


def test_the_cost_of_the_list_does_not_grow(session: Session, sign_in: Callable[[User], Browser]) -> None:
    me = sign_in(make_user(session, Role.ETAT))
    make_bilan(session, BilanState.REMIS)
    counts = []
    for _ in range(2):
        session.expire_all()
        with count_statements(session) as sent:
            me.get("/budget")
        counts.append(len(sent))
        for _ in range(4):
            make_bilan(session, BilanState.REMIS)
    assert counts[0] == counts[1]
