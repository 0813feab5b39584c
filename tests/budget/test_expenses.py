"""Expenses: what is computed, what is refused and why, what the history keeps."""

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from portal.accounts.models import Role, User
from portal.budget import expenses, history
from portal.budget.bilan_models import Bilan, BilanKind, BilanState
from portal.budget.expenses import Frame, amount, completed, problems
from portal.budget.models import Nature, StateConvention, Volet
from portal.budget.spending_models import Expense, NonEligible, Post
from portal.conventions.states import ConventionState
from portal.errors import ChangedMeanwhile, NotAllowed, RuleBroken
from tests.factories.accounts import make_user
from tests.factories.budget import expense_values, make_state_amendment, make_state_convention
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.structures import make_structure
from tests.statements import count_statements

WITHIN = Frame(2023, date(2023, 3, 1), date(2024, 12, 31), 5_000, {})


def values(**changes: Any) -> dict[str, Any]:
    return expense_values(date_debut=date(2023, 3, 1), **changes)


def said(**changes: Any) -> dict[str | None, str]:
    return {wrong.field: wrong.message for wrong in problems(values(**changes), WITHIN)}


@pytest.fixture
def officer(session: Session) -> User:
    return make_user(session, Role.CONVENTIONNEMENT)


@pytest.fixture
def convention(session: Session, move_clock: Callable[..., datetime]) -> StateConvention:
    move_clock(2023, 9, 1, 10)
    return make_state_convention(session, {(2023, Volet.INGENIERIE): 10_000_000})


# --- What is computed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nombre", "cout", "cents"),
    [
        (12_000, 400_000, 4_800_000),
        (500, 101, 51),  # 0,5 × 1,01 € are 50,5 cents: halves go up
        (499, 1, 0),
        (1_500, 333, 500),
        (333, 100, 33),
        (0, 100, 0),
    ],
)
def test_an_amount_is_rounded_to_the_cent_halves_up(nombre: int, cout: int, cents: int) -> None:
    assert amount(nombre, cout) == cents


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_the_rounding_never_moves_an_amount_by_more_than_half_a_cent(nombre: int, cout: int) -> None:
    assert abs(amount(nombre, cout) * 1000 - nombre * cout) <= 500


@pytest.mark.parametrize(
    ("volet", "part"),
    [(Volet.INGENIERIE, 4_800_001), (Volet.SOLUTIONS, 2_400_000), (Volet.DEPLOIEMENT, 4_800_001)],
)
def test_the_part_of_the_state_when_nobody_says(volet: Volet, part: int) -> None:
    told = completed(values(volet=volet, nombre=1_000, cout_unitaire_centimes=4_800_001), WITHIN)
    assert told["part_etat_centimes"] == part


# --- What is refused -------------------------------------------------------------------------------------------------


def test_an_amount_of_one_cent_too_many_is_told_with_the_right_one() -> None:
    assert said(montant_centimes=4_800_000) == {}
    assert said(montant_centimes=4_800_001) == {
        "montant": "12 × 4\u202f000,00\xa0€ font 48\u202f000,00\xa0€, et non 48\u202f000,01\xa0€ : corrigez le montant, "
        "ou le nombre et le coût. Si ce coût est un arrondi, comptez 1 forfait, du montant payé."
    }


def test_the_state_pays_no_more_than_the_amount() -> None:
    assert said(part_etat_centimes=4_800_000) == {}
    assert "ôtez 0,01\xa0€" in said(part_etat_centimes=4_800_001)["part_etat"]


@pytest.mark.parametrize("reason", list(NonEligible))
def test_what_is_not_eligible_is_refused_with_the_article_or_kept_apart(reason: NonEligible) -> None:
    wrong = said(non_eligible=reason)
    assert list(wrong) == ["hors_convention"]
    assert "instruction DGEFP/DPE/2023/192, dépenses non éligibles" in wrong["hors_convention"]
    assert reason.label in wrong["hors_convention"]
    assert said(non_eligible=reason, hors_convention=True) == {}
    assert completed(values(non_eligible=reason, hors_convention=True), WITHIN)["part_etat_centimes"] == 0
    assert "part_etat" in said(hors_convention=True, part_etat_centimes=1)


def test_a_period_keeps_to_the_year_and_to_the_convention() -> None:
    assert "avant le premier" in said(date_fin=date(2023, 2, 1))["date_fin"]
    assert "n’est pas de 2023" in said(date_fin=date(2024, 1, 1))["date_fin"]
    before = problems(values() | {"date_debut": date(2023, 2, 28)}, WITHIN)
    assert [wrong.field for wrong in before] == ["date_debut"]
    assert "du 01/03/2023 au 31/12/2024" in before[0].message


def test_an_amount_beyond_reason() -> None:
    assert "trop grand" in said(nombre=10**12, cout_unitaire_centimes=10**12)["nombre"]


# --- Written, changed, taken out -------------------------------------------------------------------------------------


def test_only_officers_write(session: Session, convention: StateConvention) -> None:
    for role in (Role.ETAT, Role.ADMINISTRATION, Role.REFERENT):
        with pytest.raises(NotAllowed):
            expenses.write(session, convention, 2023, expense_values(), by=make_user(session, role))


def test_a_second_press_writes_once(session: Session, convention: StateConvention, officer: User) -> None:
    key = uuid.uuid4()
    first = expenses.write(session, convention, 2023, expense_values(), by=officer, id=key)
    again = expenses.write(session, convention, 2023, expense_values(objet="Autre"), by=officer, id=key)
    assert again is first and first.objet == "Chefferie de projet"
    assert len(history.lines(session, convention)) == 1


@pytest.mark.parametrize(
    ("state", "sentence"),
    [(ConventionState.BROUILLON, "brouillon"), (ConventionState.CLOSE, "Rouvrez-la")],
)
def test_a_draft_and_a_closed_convention_take_no_expense(
    session: Session, convention: StateConvention, officer: User, state: ConventionState, sentence: str
) -> None:
    convention.state = state
    with pytest.raises(RuleBroken, match=sentence):
        expenses.write(session, convention, 2023, expense_values(), by=officer)


def test_the_days_of_grace(
    session: Session, convention: StateConvention, officer: User, move_clock: Callable[..., datetime]
) -> None:
    in_2024 = expense_values(date_debut=date(2024, 1, 1), date_fin=date(2024, 12, 31))
    move_clock(2025, 4, 2, 10)
    expenses.write(session, convention, 2024, in_2024, by=officer)
    move_clock(2025, 4, 3, 10)
    with pytest.raises(RuleBroken, match="depuis le 02/04/2025. Allongez ce délai"):
        expenses.write(session, convention, 2024, in_2024, by=officer)
    convention.grace_jours = 120
    expenses.write(session, convention, 2024, in_2024, by=officer)


def hand_in(session: Session, convention: StateConvention, kind: BilanKind, at: datetime) -> Bilan:
    bilan = Bilan(
        convention_id=convention.id, annee=2023, kind=kind, state=BilanState.REMIS, remis_at=at, figures={}
    )
    session.add(bilan)
    session.flush()
    return bilan


def test_a_bilan_that_tells_the_whole_year_closes_its_expenses(
    session: Session, convention: StateConvention, officer: User
) -> None:
    expense = expenses.write(session, convention, 2023, expense_values(), by=officer)
    # Handed in before the year was over: more will be spent.
    early = hand_in(session, convention, BilanKind.INTERMEDIAIRE, datetime(2023, 12, 31, 12, tzinfo=UTC))
    expenses.write(session, convention, 2023, expense_values(), by=officer)
    bilan = hand_in(session, convention, BilanKind.FINAL, datetime(2024, 3, 1, tzinfo=UTC))
    for verb in (
        lambda: expenses.write(session, convention, 2023, expense_values(), by=officer),
        lambda: expenses.change(session, expense, convention, expense_values(objet="X"), by=officer),
        lambda: expenses.remove(session, expense, convention, by=officer),
    ):
        with pytest.raises(RuleBroken, match="bilan final 2023 est remis à l’État.*Rouvrez-le"):
            verb()
    in_2024 = expense_values(date_debut=date(2024, 1, 1), date_fin=date(2024, 12, 31))
    expenses.write(session, convention, 2024, in_2024, by=officer)
    session.delete(bilan)
    session.delete(early)
    session.flush()
    expenses.remove(session, expense, convention, by=officer)


def test_a_change_is_in_the_history_with_before_and_after(
    session: Session, convention: StateConvention, officer: User
) -> None:
    expense = expenses.write(session, convention, 2023, expense_values(), by=officer)
    expenses.change(session, expense, convention, expense_values(nombre=6_000), by=officer, version=1)
    assert (expense.montant_centimes, expense.part_etat_centimes, expense.version) == (
        2_400_000,
        2_400_000,
        2,
    )
    line, who = next(
        (line, who) for line, who in history.lines(session, convention) if "modifiée" in line.fait
    )
    assert who == officer.full_name
    assert line.detail == {
        "nombre": ["12000", "6000"],
        "montant_centimes": ["4800000", "2400000"],
        "part_etat_centimes": ["4800000", "2400000"],
    }
    # The same again changes nothing, whatever the tab it comes from.
    expenses.change(session, expense, convention, expense_values(nombre=6_000), by=officer, version=1)
    assert expense.version == 2
    with pytest.raises(ChangedMeanwhile):
        expenses.change(session, expense, convention, expense_values(nombre=3_000), by=officer, version=1)
    with pytest.raises(ChangedMeanwhile):
        expenses.remove(session, expense, convention, by=officer, version=1)


def test_what_is_taken_out_stays_in_the_history(
    session: Session, convention: StateConvention, officer: User
) -> None:
    expense = expenses.write(session, convention, 2023, expense_values(), by=officer)
    expenses.remove(session, expense, convention, by=officer, version=1)
    assert session.exec(select(Expense)).all() == []
    gone = next(line for line, _ in history.lines(session, convention) if "ôtée" in line.fait)
    assert gone.detail["montant_centimes"] == ["4800000", None]


# --- What an expense is tied to --------------------------------------------------------------------------------------


def test_a_tie_to_a_partners_convention_and_its_action(
    session: Session, convention: StateConvention, officer: User
) -> None:
    structure = make_structure(session)
    partner = make_convention(session, structure)
    action = make_action(session, partner, [make_offer(session, structure)])
    other = make_convention(session, structure)
    tied = expense_values(partner_convention_id=partner.id, action_id=action.id)
    expenses.write(session, convention, 2023, tied, by=officer)
    (line,) = expenses.statement(session, convention, 2023).lines
    assert line.lien == f"{partner.numero} – {action.intitule}"
    with pytest.raises(RuleBroken, match="n’est pas de cette convention") as refused:
        expenses.write(
            session,
            convention,
            2023,
            expense_values(partner_convention_id=other.id, action_id=action.id),
            by=officer,
        )
    assert refused.value.field == "action"


def test_a_tie_to_a_post_keeps_its_nature_and_its_period(
    session: Session, convention: StateConvention, officer: User
) -> None:
    post = Post(
        convention_id=convention.id,
        intitule="Chargée de projet",
        nature=Nature.INGENIERIE,
        etp=100,
        date_debut=date(2023, 2, 1),
    )
    session.add(post)
    session.flush()
    with pytest.raises(RuleBroken, match="à partir du 01/02/2023"):
        expenses.write(session, convention, 2023, expense_values(post_id=post.id), by=officer)
    since = expense_values(post_id=post.id, date_debut=date(2023, 2, 1))
    with pytest.raises(RuleBroken, match="de nature « Équipes : ingénierie »"):
        expenses.write(session, convention, 2023, {**since, "nature": Nature.SI}, by=officer)
    expenses.write(session, convention, 2023, since, by=officer)
    assert expenses.statement(session, convention, 2023).lines[0].lien == "Chargée de projet"


def test_an_avenant_that_moves_the_end_lets_later_expenses_in(
    session: Session, convention: StateConvention, officer: User, move_clock: Callable[..., datetime]
) -> None:
    late = expense_values(date_debut=date(2025, 1, 1), date_fin=date(2025, 3, 31))
    with pytest.raises(RuleBroken, match="au 31/12/2024"):
        expenses.write(session, convention, 2025, late, by=officer)
    make_state_amendment(
        session, convention, {}, numero=1, signe_le=date(2023, 8, 1), date_fin=date(2025, 6, 30)
    )
    expenses.write(session, convention, 2025, late, by=officer)


# --- The statement ---------------------------------------------------------------------------------------------------


def test_the_statement_reads_in_one_statement_whatever_its_length(
    session: Session, convention: StateConvention, officer: User
) -> None:
    for number in range(12):
        nature = list(Nature)[number]
        expenses.write(
            session,
            convention,
            2023,
            expense_values(nature=nature, objet=f"Dépense {number}", volet=Volet(number % 3 + 1)),
            by=officer,
        )
    expenses.write(
        session,
        convention,
        2023,
        expense_values(non_eligible=NonEligible.DEPLACEMENTS, hors_convention=True),
        by=officer,
    )
    session.expire_all()
    _ = convention.id
    with count_statements(session) as sent:
        told = expenses.statement(session, convention, 2023)
    assert len(sent) == 1
    assert [group.nature for bloc in told.blocs for group in bloc.natures] == list(Nature)
    assert told.montant == 12 * 4_800_000 and told.montant_apart == 4_800_000
    assert sum(told.of_volet(volet).total for volet in Volet) == told.montant
    assert sum(told.of_volet(volet).part_etat for volet in Volet) == told.part_etat
    of_two = expenses.statement(session, convention, 2023, volet=Volet.SOLUTIONS)
    assert len(of_two.lines) == 4 and of_two.part_etat == 4 * 2_400_000 and of_two.apart == []
    of_si = expenses.statement(session, convention, 2023, nature=Nature.SI)
    assert [line.objet for line in of_si.lines] == ["Dépense 11"]
    assert (
        session.exec(select(Expense).where(col(Expense.hors_convention).is_(True))).one().part_etat_centimes
        == 0
    )
