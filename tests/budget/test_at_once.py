"""Two people at once: what is gone, closed or handed in between the opening of a page and its answer is told in a sentence."""

import uuid
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlmodel import Session, col

from portal import clock
from portal.accounts.models import Role, User
from portal.budget import amendments, bilan_reading, bilan_writing, fiches, intake, papers, planning, posts
from portal.budget.bilan_models import Bilan, BilanKind, BilanState, Mark
from portal.budget.models import (
    BudgetDocument,
    FicheAction,
    Nature,
    PlanLine,
    StateAmendment,
    StateConvention,
    Volet,
)
from portal.budget.papers import Kind
from portal.budget.spending_models import ExpenseImport, Post
from portal.conventions.states import ConventionState
from portal.errors import AlreadyDone, ChangedMeanwhile, RuleBroken
from tests.factories.accounts import make_user
from tests.factories.budget import make_state_convention
from tests.pages import Browser

POST = {
    "intitule": "Chefferie",
    "nature": Nature.INGENIERIE,
    "etp": 100,
    "date_debut": date(2023, 1, 1),
    "date_fin": None,
}
TABLE = "Objet;Nature;Volet;Montant\nChefferie;Ingénierie;1;100\n".encode()


@pytest.fixture
def officer(session: Session) -> User:
    return make_user(session, Role.CONVENTIONNEMENT)


@pytest.fixture
def convention(session: Session, move_clock: Callable[..., datetime]) -> StateConvention:
    move_clock(2024, 3, 1, 10)
    return make_state_convention(session, {(2023, Volet.SOLUTIONS): 10_000_00})


def elsewhere(session: Session, statement: Any) -> None:
    """What another person does meanwhile: the rows that this one has opened know nothing of it."""
    session.execute(statement.execution_options(synchronize_session=False))


def closed(session: Session, convention: StateConvention) -> None:
    elsewhere(
        session,
        update(StateConvention)
        .where(col(StateConvention.id) == convention.id)
        .values(state=ConventionState.CLOSE),
    )


def test_a_post_that_is_gone_or_changed(session: Session, convention: StateConvention, officer: User) -> None:
    post = posts.write(session, convention, POST, by=officer)
    elsewhere(session, update(Post).values(version=7))
    with pytest.raises(ChangedMeanwhile):
        posts.remove(session, post, convention, by=officer, version=1)
    elsewhere(session, delete(Post))
    for verb in (
        lambda: posts.remove(session, post, convention, by=officer),
        lambda: posts.change(session, post, convention, POST, by=officer),
    ):
        with pytest.raises(AlreadyDone, match="n’est plus dans la convention"):
            verb()


def test_a_sheet_that_is_gone_or_changed(
    session: Session, convention: StateConvention, officer: User
) -> None:
    sheet = fiches.write(session, convention, 2024, {"titre": "Mobilité"}, by=officer)
    elsewhere(session, update(FicheAction).values(version=7))
    with pytest.raises(ChangedMeanwhile):
        fiches.remove(session, sheet, convention, by=officer, version=1)
    elsewhere(session, delete(FicheAction))
    for verb in (
        lambda: fiches.remove(session, sheet, convention, by=officer),
        lambda: fiches.change(session, sheet, convention, {"titre": "Autre"}, by=officer),
    ):
        with pytest.raises(AlreadyDone, match="n’est plus là"):
            verb()


def test_a_draft_that_is_gone(session: Session, convention: StateConvention, officer: User) -> None:
    made = amendments.create(session, convention, objet="Année 2024", by=officer)
    values = {"volet": Volet.SOLUTIONS, "nature": Nature.MOBILITE, "objet": "Permis"}
    line = planning.write(session, made, 2024, values, by=officer)
    elsewhere(session, delete(PlanLine))
    for verb in (
        lambda: planning.change(session, line, made, values, by=officer),
        lambda: planning.remove(session, line, made, by=officer),
    ):
        with pytest.raises(AlreadyDone, match="n’est plus dans le plan"):
            verb()
    elsewhere(session, delete(StateAmendment).where(col(StateAmendment.id) == made.id))
    for verb in (
        lambda: planning.write(session, made, 2024, values, by=officer),
        lambda: amendments.sign(session, convention, made, signe_le=date(2024, 2, 1), by=officer),
        lambda: amendments.remove(session, convention, made, by=officer),
    ):
        with pytest.raises(AlreadyDone, match="retiré"):
            verb()


def test_a_table_given_up_while_it_is_imported(
    session: Session, convention: StateConvention, officer: User
) -> None:
    run = intake.start(session, convention, 2023, nom="t.csv", contenu=TABLE, by=officer, id=uuid.uuid4())
    elsewhere(session, delete(ExpenseImport))
    with pytest.raises(AlreadyDone, match="abandonné"):
        intake.accept(session, run, convention, by=officer)
    with pytest.raises(AlreadyDone, match="déjà abandonné"):
        intake.abandon(session, run, by=officer)


def test_a_convention_closed_meanwhile_takes_nothing_more(
    session: Session, convention: StateConvention, officer: User
) -> None:
    bilan = bilan_writing.begin(session, convention, 2023, BilanKind.INTERMEDIAIRE, by=officer)
    post = posts.write(session, convention, POST, by=officer)
    reader = make_user(session, Role.ETAT)
    verbs: list[Callable[[], Any]] = [
        lambda: bilan_writing.begin(session, convention, 2024, BilanKind.FINAL, by=officer),
        lambda: bilan_writing.write_part(session, bilan, convention, "synthese", "Texte", False, by=officer),
        lambda: bilan_writing.hand_in(session, bilan, convention, by=officer),
        lambda: bilan_reading.mark_part(session, bilan, convention, "synthese", Mark.VU, "", by=reader),
        lambda: posts.remove(session, post, convention, by=officer),
        lambda: fiches.write(session, convention, 2024, {"titre": "Mobilité"}, by=officer),
    ]
    for verb in verbs:
        session.refresh(convention)
        assert convention.state is ConventionState.SIGNEE
        closed(session, convention)
        with pytest.raises(RuleBroken, match="close"):
            verb()
        elsewhere(session, update(StateConvention).values(state=ConventionState.SIGNEE))


def test_numbers_too_long_for_the_database(
    session: Session,
    sign_in: Callable[[User], Browser],
    convention: StateConvention,
    officer: User,
) -> None:
    session.commit()
    me = sign_in(officer)
    number = 10**30
    assert me.client.get(f"/budget/{convention.id}/avenants/{number}").status_code == 404
    answer = me.client.post(
        f"/budget/{convention.id}/avenants/{number}/retirer",
        data={"csrf_token": me.token(), "version": "1"},
        headers={"Origin": "http://localhost"},
    )
    assert answer.status_code == 303


def test_what_was_typed_of_a_line_or_a_post_taken_away_is_there_to_be_added_again(
    session: Session,
    sign_in: Callable[[User], Browser],
    convention: StateConvention,
    officer: User,
) -> None:
    made = amendments.create(session, convention, objet="Année 2024", by=officer)
    values = {"volet": Volet.SOLUTIONS, "nature": Nature.MOBILITE, "objet": "Permis"}
    line = planning.write(session, made, 2024, values, by=officer)
    post = posts.write(session, convention, POST, by=officer)
    session.commit()
    me = sign_in(officer)
    base = f"/budget/{convention.id}"
    plan_page = me.get(f"{base}/textes/{made.id}/plan/2024/{line.id}/modifier")
    post_page = me.get(f"{base}/postes/{post.id}/modifier")
    planning.remove(session, line, made, by=officer)
    posts.remove(session, post, convention, by=officer)
    session.commit()
    told = plan_page.form("line-form").submit("Enregistrer", status=422, objet="Permis et code")
    assert "ôtée du plan pendant que vous écriviez" in told.text
    assert "Permis et code" in told.form("line-form").submit("Enregistrer").text
    told = post_page.form("post-form").submit("Enregistrer", status=422, intitule="Chefferie de projet")
    assert "ôté pendant que vous écriviez" in told.text
    assert "Chefferie de projet" in told.form("post-form").submit("Enregistrer").text


def test_a_bilan_handed_in_meanwhile_keeps_its_documents(
    session: Session, convention: StateConvention, officer: User
) -> None:
    bilan = bilan_writing.begin(session, convention, 2023, BilanKind.INTERMEDIAIRE, by=officer)

    def attach() -> BudgetDocument:
        return papers.attach(
            session, convention, Kind.BILAN, bilan.id, filename="a.pdf", content=b"%PDF-", by=officer
        )

    kept = attach()
    elsewhere(session, update(Bilan).values(state=BilanState.REMIS, figures={}, remis_at=clock.now()))
    with pytest.raises(AlreadyDone, match="remis"):
        attach()
    session.expire(bilan)
    elsewhere(session, update(Bilan).values(state=BilanState.PREPARATION, figures=None, remis_at=None))
    assert bilan.state is BilanState.PREPARATION
    elsewhere(session, update(Bilan).values(state=BilanState.REMIS, figures={}, remis_at=clock.now()))
    with pytest.raises(RuleBroken, match="remis"):
        papers.withdraw(session, convention, kept.id, by=officer)
