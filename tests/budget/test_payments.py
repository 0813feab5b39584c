"""Payments: in order, within what is due, by their day; and what the settlement says of each year."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import Session

from portal.accounts.models import Role, User
from portal.budget import accounts, agreement, expenses, history, payments, terms
from portal.budget.models import (
    Bilan,
    BilanKind,
    BilanState,
    BudgetDocument,
    PaymentKind,
    StateConvention,
    StatePayment,
    UnderConsumption,
    Volet,
)
from portal.budget.payments import Step, due_on, next_step, take_step, undo_step
from portal.conventions.states import ConventionState
from portal.errors import AlreadyDone, ChangedMeanwhile, NotAllowed, RuleBroken
from tests.factories.accounts import make_user
from tests.factories.budget import expense_values, make_state_amendment, make_state_convention
from tests.statements import count_statements

AVANCE, SOLDE, REFUND = PaymentKind


@pytest.fixture
def officer(session: Session) -> User:
    return make_user(session, Role.CONVENTIONNEMENT)


@pytest.fixture
def convention(session: Session, move_clock: Callable[..., datetime]) -> StateConvention:
    """100 000 € for 2023, 50 000 € for 2024; advances of 60 000 € and 30 000 €."""
    move_clock(2023, 9, 1, 10)
    return make_state_convention(
        session,
        {(2023, Volet.INGENIERIE): 10_000_000, (2024, Volet.INGENIERIE): 5_000_000},
        signe_le=date(2023, 5, 2),
    )


def step(
    session: Session,
    convention: StateConvention,
    kind: PaymentKind,
    which: Step,
    cents: int,
    le: date,
    by: User,
    *,
    annee: int = 2023,
    version: int | None = None,
) -> StatePayment:
    return take_step(
        session,
        convention,
        annee,
        kind,
        which,
        le=le,
        centimes=cents,
        reference=" DRFIP 12 ",
        by=by,
        version=version,
    )


def spend(session: Session, convention: StateConvention, cents: int, by: User, *, annee: int = 2023) -> None:
    expenses.write(
        session,
        convention,
        annee,
        expense_values(
            nombre=1_000,
            cout_unitaire_centimes=cents,
            date_debut=date(annee, 1, 1),
            date_fin=date(annee, 12, 31),
        ),
        by=by,
    )


def hand_in(session: Session, convention: StateConvention, annee: int, at: datetime) -> Bilan:
    bilan = Bilan(
        convention_id=convention.id,
        annee=annee,
        kind=BilanKind.FINAL,
        state=BilanState.REMIS,
        remis_at=at,
        figures={},
    )
    session.add(bilan)
    session.flush()
    return bilan


# --- One payment -----------------------------------------------------------------------------------------------------


def test_requested_validated_paid(session: Session, convention: StateConvention, officer: User) -> None:
    assert next_step(None) is Step.DEMANDE
    payment = step(session, convention, AVANCE, Step.DEMANDE, 6_000_000, date(2023, 5, 10), officer)
    assert next_step(payment) is Step.VALIDE and payment.demande_reference == "DRFIP 12"
    step(session, convention, AVANCE, Step.VALIDE, 5_900_000, date(2023, 5, 20), officer)
    step(session, convention, AVANCE, Step.VERSE, 5_800_000, date(2023, 6, 1), officer)
    assert next_step(payment) is None
    (year, _) = payments.accounts(session, convention)
    # Less was paid than was due: the rest comes with the balance.
    assert year.dues[AVANCE].reste == 200_000 and not year.dues[AVANCE].waits
    assert year.account.avance_acquise == 5_800_000
    assert {line.fait for line, _ in history.lines(session, convention)} == {
        "Avance 2023 : demande (60\u202f000,00\xa0€)",
        "Avance 2023 : validation (59\u202f000,00\xa0€)",
        "Avance 2023 : versement (58\u202f000,00\xa0€)",
    }


def test_never_more_than_the_step_before_nor_than_what_is_due(
    session: Session, convention: StateConvention, officer: User
) -> None:
    day = date(2023, 6, 1)
    with pytest.raises(
        RuleBroken, match="l’avance due est de 60\u202f000,00\xa0€ : c’est 0,01\xa0€ de trop"
    ) as refused:
        step(session, convention, AVANCE, Step.DEMANDE, 6_000_001, day, officer)
    assert refused.value.field == "montant"
    with pytest.raises(RuleBroken, match="au-dessus de zéro"):
        step(session, convention, AVANCE, Step.DEMANDE, 0, day, officer)
    step(session, convention, AVANCE, Step.DEMANDE, 5_000_000, day, officer)
    with pytest.raises(RuleBroken, match="0,01\xa0€ de plus que la demande"):
        step(session, convention, AVANCE, Step.VALIDE, 5_000_001, day, officer)
    step(session, convention, AVANCE, Step.VALIDE, 4_000_000, day, officer)
    with pytest.raises(RuleBroken, match="de plus que la validation, de 40\u202f000,00\xa0€"):
        step(session, convention, AVANCE, Step.VERSE, 4_000_001, day, officer)
    # A correction keeps what follows right.
    with pytest.raises(RuleBroken, match="moins que la validation"):
        step(session, convention, AVANCE, Step.DEMANDE, 3_999_999, day, officer)
    step(session, convention, AVANCE, Step.DEMANDE, 4_000_000, day, officer)


def test_the_days_are_in_order(session: Session, convention: StateConvention, officer: User) -> None:
    with pytest.raises(RuleBroken, match="d’abord la demande"):
        step(session, convention, AVANCE, Step.VALIDE, 1, date(2023, 6, 1), officer)
    with pytest.raises(RuleBroken, match="à venir") as refused:
        step(session, convention, AVANCE, Step.DEMANDE, 100, date(2023, 9, 2), officer)
    assert refused.value.field == "le"
    step(session, convention, AVANCE, Step.DEMANDE, 100, date(2023, 6, 1), officer)
    with pytest.raises(RuleBroken, match="avant la demande, du 01/06/2023"):
        step(session, convention, AVANCE, Step.VALIDE, 100, date(2023, 5, 31), officer)
    step(session, convention, AVANCE, Step.VALIDE, 100, date(2023, 6, 1), officer)
    with pytest.raises(RuleBroken, match="après la validation, du 01/06/2023"):
        step(session, convention, AVANCE, Step.DEMANDE, 100, date(2023, 6, 2), officer)


def test_two_presses_and_two_people(session: Session, convention: StateConvention, officer: User) -> None:
    day = date(2023, 6, 1)
    first = step(session, convention, AVANCE, Step.DEMANDE, 100, day, officer, version=0)
    assert step(session, convention, AVANCE, Step.DEMANDE, 100, day, officer, version=0) is first
    assert first.version == 1 and len(history.lines(session, convention)) == 1
    with pytest.raises(ChangedMeanwhile):
        step(session, convention, AVANCE, Step.DEMANDE, 200, day, officer, version=0)
    step(session, convention, AVANCE, Step.DEMANDE, 200, day, officer, version=1)
    with pytest.raises(ChangedMeanwhile):
        step(session, convention, AVANCE, Step.VALIDE, 200, day, officer, version=1)
    with pytest.raises(ChangedMeanwhile):
        step(session, convention, SOLDE, Step.DEMANDE, 200, day, officer, version=3)


def test_the_last_step_is_taken_away_with_a_reason(
    session: Session, convention: StateConvention, officer: User
) -> None:
    day = date(2023, 6, 1)
    for which in (Step.DEMANDE, Step.VALIDE):
        step(session, convention, AVANCE, which, 100, day, officer)
    with pytest.raises(RuleBroken, match="pourquoi"):
        undo_step(session, convention, 2023, AVANCE, motif=" ", by=officer)
    with pytest.raises(ChangedMeanwhile):
        undo_step(session, convention, 2023, AVANCE, motif="Erreur", by=officer, version=1)
    left = undo_step(session, convention, 2023, AVANCE, motif="Erreur", by=officer, version=2)
    assert left is not None and left.valide_le is None and left.demande_centimes == 100
    assert undo_step(session, convention, 2023, AVANCE, motif="Erreur", by=officer) is None
    with pytest.raises(AlreadyDone):
        undo_step(session, convention, 2023, AVANCE, motif="Erreur", by=officer)
    assert {line.motif for line, _ in history.lines(session, convention) if "annulée" in line.fait} == {
        "Erreur"
    }


def test_a_payment_that_documents_prove_stays(
    session: Session, convention: StateConvention, officer: User
) -> None:
    payment = step(session, convention, AVANCE, Step.DEMANDE, 100, date(2023, 6, 1), officer)
    paper = BudgetDocument(
        convention_id=convention.id,
        payment_id=payment.id,
        nom="courrier.pdf",
        content_type="application/pdf",
        taille=3,
        contenu=b"pdf",
    )
    session.add(paper)
    session.flush()
    with pytest.raises(RuleBroken, match="retirez-les d’abord"):
        undo_step(session, convention, 2023, AVANCE, motif="Erreur", by=officer)
    session.delete(paper)
    session.flush()
    assert undo_step(session, convention, 2023, AVANCE, motif="Erreur", by=officer) is None


def test_who_and_in_which_state(session: Session, convention: StateConvention, officer: User) -> None:
    with pytest.raises(NotAllowed):
        step(session, convention, AVANCE, Step.DEMANDE, 1, date(2023, 6, 1), make_user(session, Role.ETAT))
    for state, sentence in ((ConventionState.BROUILLON, "brouillon"), (ConventionState.CLOSE, "close")):
        convention.state = state
        session.flush()
        with pytest.raises(RuleBroken, match=sentence):
            step(session, convention, AVANCE, Step.DEMANDE, 1, date(2023, 6, 1), officer)


def test_the_balance_waits_for_the_bilan(
    session: Session, convention: StateConvention, officer: User, move_clock: Callable[..., datetime]
) -> None:
    for which in Step:
        step(session, convention, AVANCE, which, 6_000_000, date(2023, 6, 1), officer)
    spend(session, convention, 9_000_000, officer)
    with pytest.raises(RuleBroken, match="Le solde dû 2023 attend le bilan"):
        step(session, convention, SOLDE, Step.DEMANDE, 1, date(2023, 9, 1), officer)
    hand_in(session, convention, 2023, datetime(2024, 1, 31, 9, tzinfo=UTC))
    move_clock(2024, 2, 10, 10)
    (year, _) = payments.accounts(session, convention)
    assert year.dues[SOLDE].montant == 3_000_000
    assert year.dues[SOLDE].echeance == date(2024, 2, 29)
    assert not year.dues[SOLDE].late_on(date(2024, 2, 29)) and year.dues[SOLDE].late_on(date(2024, 3, 1))
    assert year.dues[SOLDE].soon_on(date(2024, 2, 14)) and not year.dues[SOLDE].soon_on(date(2024, 2, 13))
    with pytest.raises(RuleBroken, match="0,01\xa0€ de trop"):
        step(session, convention, SOLDE, Step.DEMANDE, 3_000_001, date(2024, 2, 10), officer)
    for which in Step:
        step(session, convention, SOLDE, which, 3_000_000, date(2024, 2, 10), officer)
    (year, _) = payments.accounts(session, convention)
    assert year.dues[SOLDE].reste == 0 and year.account.trop_percu == 0


def test_an_advance_never_paid_is_not_asked_back(
    session: Session, convention: StateConvention, officer: User
) -> None:
    spend(session, convention, 1_000_000, officer)
    hand_in(session, convention, 2023, datetime(2024, 1, 31, 9, tzinfo=UTC))
    first, second = payments.accounts(session, convention)
    assert first.account.trop_percu == 0 and second.account.deduction == 0
    assert first.account.solde_du == 1_000_000
    with pytest.raises(RuleBroken, match="demandez le solde"):
        step(session, convention, AVANCE, Step.DEMANDE, 100, date(2023, 9, 1), officer)


def test_what_a_reading_asks_to_correct_after_the_balance_was_paid(
    session: Session, convention: StateConvention, officer: User, move_clock: Callable[..., datetime]
) -> None:
    """The balance was paid on 90 000 €; corrected, 80 000 € are right: 10 000 € go to the year after."""
    for which in Step:
        step(session, convention, AVANCE, which, 6_000_000, date(2023, 6, 1), officer)
    spend(session, convention, 8_000_000, officer)
    spend(session, convention, 1_000_000, officer)
    bilan = hand_in(session, convention, 2023, datetime(2024, 1, 31, 9, tzinfo=UTC))
    move_clock(2024, 2, 10, 10)
    for which in Step:
        step(session, convention, SOLDE, which, 3_000_000, date(2024, 2, 10), officer)
    session.delete(bilan)
    session.flush()
    told = expenses.statement(session, convention, 2023)
    wrong = next(line for line in told.lines if line.montant == 1_000_000)
    expense = expenses.of_year(session, convention, 2023, wrong.id)
    assert expense is not None
    expenses.remove(session, expense, convention, by=officer)
    hand_in(session, convention, 2023, datetime(2024, 2, 20, 9, tzinfo=UTC))
    first, second = payments.accounts(session, convention)
    assert first.account.trop_percu == first.account.reporte == 1_000_000
    assert first.dues[SOLDE].too_much
    assert second.account.deduction == 1_000_000 and second.account.avance_due == 2_000_000


# --- Several years ---------------------------------------------------------------------------------------------------


def test_an_advance_too_small_carries_the_rest_to_the_last_balance(
    session: Session, convention: StateConvention, officer: User, move_clock: Callable[..., datetime]
) -> None:
    """60 000 € received for nothing spent; the advance of 30 000 € of 2024 takes half, the rest is in hand."""
    for which in Step:
        step(session, convention, AVANCE, which, 6_000_000, date(2023, 6, 1), officer)
    hand_in(session, convention, 2023, datetime(2024, 1, 31, 9, tzinfo=UTC))
    move_clock(2024, 6, 1, 10)
    spend(session, convention, 4_500_000, officer, annee=2024)
    first, second = payments.accounts(session, convention)
    assert first.account.reporte == 6_000_000
    assert (second.account.avance_brute, second.account.deduction, second.account.avance_due) == (
        3_000_000,
        3_000_000,
        0,
    )
    assert second.account.avance_acquise == 6_000_000
    assert second.account.solde_du == 0
    hand_in(session, convention, 2024, datetime(2025, 2, 1, 9, tzinfo=UTC))
    _, second = payments.accounts(session, convention)
    # Never both a balance to receive and a refund to pay.
    assert second.account.reversement == second.account.trop_percu == 1_500_000
    assert second.account.solde_du == 0
    move_clock(2025, 2, 10, 10)
    for which in Step:
        step(session, convention, REFUND, which, 1_500_000, date(2025, 2, 10), officer, annee=2024)
    _, second = payments.accounts(session, convention)
    assert second.dues[REFUND].reste == 0


def test_a_convention_that_asks_back_deducts_nothing(
    session: Session, convention: StateConvention, officer: User
) -> None:
    convention.sous_consommation = UnderConsumption.REVERSEE
    for which in Step:
        step(session, convention, AVANCE, which, 6_000_000, date(2023, 6, 1), officer)
    spend(session, convention, 5_999_999, officer)
    hand_in(session, convention, 2023, datetime(2024, 1, 31, 9, tzinfo=UTC))
    first, second = payments.accounts(session, convention)
    assert (first.account.reversement, first.account.reporte) == (1, 0)
    assert second.account.deduction == 0
    assert first.dues[REFUND].echeance == date(2024, 2, 29)


def test_the_share_of_the_departement_on_volet_2(
    session: Session, officer: User, move_clock: Callable[..., datetime]
) -> None:
    move_clock(2023, 9, 1, 10)
    convention = make_state_convention(session, {(2023, Volet.SOLUTIONS): 10_000_000})

    def write(cents: int, part: int | None) -> None:
        expenses.write(
            session,
            convention,
            2023,
            expense_values(
                volet=Volet.SOLUTIONS, nombre=1_000, cout_unitaire_centimes=cents, part_etat_centimes=part
            ),
            by=officer,
        )

    assert payments.accounts(session, convention)[0].taux_supporte is None
    write(1_000_000, 1_000_000)
    (year, _) = payments.accounts(session, convention)
    assert year.below_rate and year.taux_supporte == 0
    assert year.solutions.retenu == 500_000 and year.solutions.non_retenu == 500_000
    write(1_000_001, 0)
    (year, _) = payments.accounts(session, convention)
    assert not year.below_rate and year.taux_supporte == 5_000
    assert year.solutions.retenu == 1_000_000 and year.solutions.part_departement == 1_000_001


# --- What is due, for the reminders ----------------------------------------------------------------------------------


def test_what_is_due_and_not_made(
    session: Session, convention: StateConvention, officer: User, move_clock: Callable[..., datetime]
) -> None:
    make_state_convention(session, {(2023, Volet.INGENIERIE): 100}, signe_le=None)
    due = due_on(session, date(2023, 9, 1))
    assert [(d.kind, d.sujet_id, d.echeance_le, d.montant) for d in due] == [
        ("avance-2023", convention.id, date(2023, 5, 2), 6_000_000),
        ("avance-2024", convention.id, date(2024, 1, 1), 3_000_000),
    ]
    for which in Step:
        step(session, convention, AVANCE, which, 6_000_000, date(2023, 6, 1), officer)
    assert [d.kind for d in due_on(session, date(2023, 9, 1))] == ["avance-2024"]
    spend(session, convention, 7_000_000, officer)
    hand_in(session, convention, 2023, datetime(2023, 12, 31, 12, tzinfo=UTC))
    assert [(d.kind, d.echeance_le, d.montant) for d in due_on(session, date(2024, 1, 1))] == [
        ("avance-2024", date(2024, 1, 1), 3_000_000),
        ("solde-2023", date(2024, 1, 31), 1_000_000),
    ]


@pytest.mark.parametrize(
    ("day", "month_later"),
    [
        (date(2024, 1, 31), date(2024, 2, 29)),
        (date(2023, 1, 31), date(2023, 2, 28)),
        (date(2024, 3, 30), date(2024, 4, 30)),
        (date(2024, 12, 31), date(2025, 1, 31)),
        (date(2024, 11, 30), date(2024, 12, 30)),
    ],
)
def test_a_month_after(day: date, month_later: date) -> None:
    assert accounts.month_after(day) == month_later


def test_the_accounts_of_many_conventions_take_as_many_statements_as_those_of_one(
    session: Session, officer: User, move_clock: Callable[..., datetime]
) -> None:
    move_clock(2023, 9, 1, 10)
    made = []
    for _ in range(5):
        convention = make_state_convention(session, {(2023, Volet.INGENIERIE): 10_000_000})
        spend(session, convention, 100_000, officer)
        make_state_amendment(
            session,
            convention,
            {(2023, Volet.INGENIERIE): 20_000_000},
            numero=1,
            signe_le=date(2023, 6, 1) + timedelta(days=1),
        )
        made.append(convention)
    with count_statements(session) as of_one:
        accounts.of(session, made[0])
    with count_statements(session) as of_five:
        told = accounts.of_all(session, made)
    assert len(of_one) == len(of_five) == 6
    assert all(years[0].account.montant == 20_000_000 for years in told.values())
    assert accounts.of(session, made[0], date(2023, 6, 1))[0].account.montant == 10_000_000


def test_nothing_is_requested_nor_paid_before_the_signature(
    session: Session, convention: StateConvention, officer: User
) -> None:
    with pytest.raises(RuleBroken, match="02/05/2023 : rien ne se demande ni ne se verse avant") as refused:
        step(session, convention, AVANCE, Step.DEMANDE, 6_000_000, date(2023, 5, 1), officer)
    assert refused.value.field == "le"
    step(session, convention, AVANCE, Step.DEMANDE, 6_000_000, date(2023, 5, 2), officer)


def test_a_convention_ended_before_its_time_owes_nothing_of_the_years_after(
    session: Session, convention: StateConvention, officer: User, move_clock: Callable[..., datetime]
) -> None:
    step(session, convention, AVANCE, Step.DEMANDE, 6_000_000, date(2023, 6, 1), officer)
    step(session, convention, AVANCE, Step.VALIDE, 6_000_000, date(2023, 6, 2), officer)
    step(session, convention, AVANCE, Step.VERSE, 6_000_000, date(2023, 6, 3), officer)
    spend(session, convention, 2_000_000, officer)
    agreement.terminate(session, convention, last_day=date(2023, 12, 31), motif="Accord", by=officer)
    move_clock(2024, 2, 1, 10)
    assert [year.annee for year in accounts.of(session, convention)] == [2023]
    assert [due.kind for due in due_on(session, date(2024, 2, 1))] == []
    assert terms.terms_on(session, convention, date(2024, 2, 1)).total == 10_000_000
    assert terms.totals_on(session, [convention], date(2024, 2, 1)) == {convention.id: 10_000_000}
    # As it stood before, both years.
    assert terms.terms_on(session, convention, date(2023, 9, 1)).total == 15_000_000
    assert terms.totals_on(session, [convention], date(2023, 9, 1)) == {convention.id: 15_000_000}
    with pytest.raises(RuleBroken, match="n’est pas de cette convention"):
        step(session, convention, AVANCE, Step.DEMANDE, 1, date(2024, 1, 2), officer, annee=2024)
    # What was not spent of 2023 is given back: no year follows that could be lowered by it.
    session.add(
        Bilan(
            convention_id=convention.id,
            annee=2023,
            kind=BilanKind.FINAL,
            state=BilanState.REMIS,
            remis_at=datetime(2024, 1, 20, tzinfo=UTC),
            figures={},
        )
    )
    session.flush()
    (year,) = accounts.of(session, convention)
    assert (year.account.reporte, year.account.reversement) == (0, 4_000_000)


def test_a_convention_is_not_ended_before_a_year_already_paid_for(
    session: Session, convention: StateConvention, officer: User
) -> None:
    step(session, convention, AVANCE, Step.DEMANDE, 100, date(2023, 6, 1), officer, annee=2024)
    with pytest.raises(RuleBroken, match="Un versement de 2024 est écrit") as refused:
        agreement.terminate(session, convention, last_day=date(2023, 12, 31), motif="Accord", by=officer)
    assert refused.value.field == "resiliee_le"
    agreement.terminate(session, convention, last_day=date(2024, 1, 1), motif="Accord", by=officer)
