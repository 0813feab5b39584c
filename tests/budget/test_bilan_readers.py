"""The two readers of a bilan: marks, what they pass on, the correction that they ask for, the letters."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlmodel import Session, select

from portal.accounts.models import OutgoingMail, User
from portal.budget import bilan_reading, bilan_writing, bilans, expenses, letters
from portal.budget.bilan_models import BilanMark, BilanState, Mark
from portal.budget.bilans import is_frozen
from portal.budget.models import StateConvention
from portal.errors import AlreadyDone, NotAllowed, RuleBroken
from tests.budget.bilan_hands import begun, convention_of_2023, handed_in, ready
from tests.factories.budget import expense_values


@pytest.fixture
def convention(session: Session, officer: User, move_clock: Callable[..., datetime]) -> StateConvention:
    return convention_of_2023(session, officer, move_clock)


# --- Two readers -----------------------------------------------------------------------------------------------------


def test_two_different_people_read_it(
    session: Session, convention: StateConvention, officer: User, readers: tuple[User, User]
) -> None:
    first, second = readers
    bilan = begun(session, convention, officer)
    with pytest.raises(RuleBroken, match="en préparation"):
        bilan_reading.accept(session, bilan, convention, by=first)
    bilan = handed_in(session, convention, officer)
    with pytest.raises(NotAllowed):
        bilan_reading.accept(session, bilan, convention, by=officer)
    bilan_reading.accept(session, bilan, convention, by=first, version=bilan.version)
    assert (bilan.state, bilan.relu_by_id) == (BilanState.RELU, first.id)
    with pytest.raises(RuleBroken, match="une autre personne"):
        bilan_reading.accept(session, bilan, convention, by=first)
    with pytest.raises(RuleBroken, match="une autre personne"):
        bilan_reading.mark_part(session, bilan, convention, "plan", Mark.VU, "", by=first)
    assert not bilan_reading.may_read(bilan, first) and bilan_reading.may_read(bilan, second)
    bilan_reading.accept(session, bilan, convention, by=second)
    assert (bilan.state, bilan.arrete_by_id) == (BilanState.ARRETE, second.id)
    with pytest.raises(AlreadyDone):
        bilan_reading.accept(session, bilan, convention, by=second)
    with pytest.raises(AlreadyDone):
        bilan_reading.ask_correction(session, bilan, convention, "Trop tard", by=first)


def test_marks_and_a_correction_at_the_second_reading(
    session: Session,
    convention: StateConvention,
    officer: User,
    readers: tuple[User, User],
    move_clock: Callable[..., datetime],
) -> None:
    first, second = readers
    bilan = handed_in(session, convention, officer)
    mark = bilan_reading.mark_part
    mark(session, bilan, convention, "plan", Mark.VU, "", by=first)
    bilan_reading.accept(session, bilan, convention, by=first)
    move_clock(2024, 2, 2, 10)
    with pytest.raises(RuleBroken, match="Écrivez ce qui est à corriger") as refused:
        mark(session, bilan, convention, "plan", Mark.A_CORRIGER, " ", by=second)
    assert refused.value.field == "commentaire"
    with pytest.raises(NotAllowed):
        mark(session, bilan, convention, "plan", Mark.VU, "", by=officer)
    mark(session, bilan, convention, "plan", Mark.A_CORRIGER, "Il manque une ligne.", by=second)
    mark(session, bilan, convention, "comptes", Mark.VU, "", by=second)
    with pytest.raises(RuleBroken, match="Une correction est attendue sur : Plan de financement"):
        bilan_reading.accept(session, bilan, convention, by=second)
    with pytest.raises(RuleBroken, match="Écrivez ce qui est à corriger"):
        bilan_reading.ask_correction(session, bilan, convention, "  ", by=second)
    bilan_reading.ask_correction(session, bilan, convention, "Complétez le plan.", by=second)
    assert (bilan.state, bilan.figures, bilan.remis_at, bilan.relu_by_id) == (
        BilanState.PREPARATION,
        None,
        None,
        None,
    )
    assert not is_frozen(session, convention, 2023)
    told = {state.part.key: state for state in bilans.parts(session, convention, bilan)}
    # What is to correct is no longer ready; the rest still is.
    assert [key for key, state in told.items() if not state.ready] == ["plan"]
    assert [(line.mark, who) for line, who, _ in told["plan"].marks] == [
        (Mark.VU, first.full_name),
        (Mark.A_CORRIGER, second.full_name),
    ]
    expenses.write(session, convention, 2023, expense_values(), by=officer)
    move_clock(2024, 2, 3, 10)
    ready(session, bilan, convention, officer)
    bilan_writing.hand_in(session, bilan, convention, by=officer)
    # Marks of the round before are kept with their date; they hold nobody back.
    told = {state.part.key: state for state in bilans.parts(session, convention, bilan)}
    assert [now for _, _, now in told["plan"].marks] == [False, False] and not told["plan"].to_correct
    # This time the second reader of the first round reads first.
    bilan_reading.accept(session, bilan, convention, by=second)
    bilan_reading.accept(session, bilan, convention, by=first)
    assert bilan.state is BilanState.ARRETE
    said = [line.fait for line, _ in bilans.steps(session, convention, bilan)]
    assert said.count("Bilan intermédiaire 2023 : remis à l’État") == 2
    assert "Bilan intermédiaire 2023 : correction demandée" in said
    assert len(session.exec(select(BilanMark)).all()) == 3


def test_letters_about_a_bilan(
    session: Session, convention: StateConvention, officer: User, readers: tuple[User, User]
) -> None:
    bilan = handed_in(session, convention, officer)
    letters.tell_handed_in(session, bilan, convention, public_url="https://portail.example")
    bilan.demande = "Complétez le plan."
    letters.tell_correction(session, bilan, convention, public_url="https://portail.example")
    sent = {mail.recipient: mail for mail in session.exec(select(OutgoingMail))}
    assert {reader.courriel for reader in readers} | {officer.courriel} <= set(sent)
    mail = sent[officer.courriel]
    assert mail.subject == "Bilan intermédiaire 2023 à corriger" and "Complétez le plan." in mail.body
    assert f"https://portail.example/budget/{convention.id}/bilans/{bilan.id}" in mail.body
