"""Bilans: parts, handing in, what is frozen, the two readers, corrections."""

import json
from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlmodel import Session, select

from portal.accounts.models import Role, User
from portal.budget import accounts, bilan_figures, bilan_parts, bilan_reading, bilan_writing, bilans, expenses
from portal.budget.bilan_models import Bilan, BilanKind, BilanState
from portal.budget.bilans import due_day, is_frozen
from portal.budget.models import (
    FicheAction,
    FicheFinancedAction,
    Nature,
    PlanLine,
    StateAmendment,
    StateConvention,
    Volet,
)
from portal.conventions.models import Convention
from portal.conventions.states import ConventionState
from portal.errors import AlreadyDone, ChangedMeanwhile, NotAllowed, RuleBroken
from tests.budget.bilan_hands import EIGHT, FINAL, INTERMEDIATE, begun, convention_of_2023, handed_in, ready
from tests.factories.accounts import make_user
from tests.factories.budget import expense_values, make_state_amendment, make_state_convention
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.structures import make_structure
from tests.statements import count_statements


@pytest.fixture
def convention(session: Session, officer: User, move_clock: Callable[..., datetime]) -> StateConvention:
    return convention_of_2023(session, officer, move_clock)


# --- Due when --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "end", "day"),
    [
        (INTERMEDIATE, date(2024, 12, 31), date(2024, 3, 30)),
        (FINAL, date(2023, 12, 31), date(2024, 3, 31)),
        (FINAL, date(2023, 11, 30), date(2024, 2, 29)),
        (FINAL, date(2023, 6, 15), date(2023, 9, 15)),
    ],
)
def test_the_last_day_of_a_bilan(kind: BilanKind, end: date, day: date) -> None:
    assert due_day(StateConvention(), kind, 2023, end) == day


def test_one_a_year_and_the_final_one_at_the_end(session: Session, convention: StateConvention) -> None:
    told = bilans.expected(session, convention, date(2024, 2, 1))
    assert [(one.annee, one.kind, one.du_le) for one in told] == [
        (2023, INTERMEDIATE, date(2024, 3, 30)),
        (2024, FINAL, date(2025, 3, 31)),
    ]
    make_state_amendment(
        session, convention, {}, numero=1, signe_le=date(2024, 1, 15), date_fin=date(2025, 6, 30)
    )
    told = bilans.expected(session, convention, date(2024, 2, 1))
    assert [(one.annee, one.kind) for one in told] == [
        (2023, INTERMEDIATE),
        (2024, INTERMEDIATE),
        (2025, FINAL),
    ]
    assert told[-1].du_le == date(2025, 9, 30)
    convention.state, convention.resiliee_le = ConventionState.RESILIEE, date(2024, 5, 31)
    told = bilans.expected(session, convention, date(2024, 6, 2))
    assert [(one.annee, one.kind, one.du_le) for one in told][-1] == (2024, FINAL, date(2024, 8, 31))


def test_reminders_of_bilans(session: Session, convention: StateConvention) -> None:
    def kinds(day: date) -> list[str]:
        return [found.kind for found in bilans.due(session, day)]

    assert kinds(date(2024, 2, 28)) == []
    assert kinds(date(2024, 2, 29)) == ["bilan-2023-30"]
    # The job did not run for some days.
    assert kinds(date(2024, 3, 14)) == ["bilan-2023-30"]
    assert kinds(date(2024, 3, 15)) == ["bilan-2023-15"]
    assert kinds(date(2024, 3, 27)) == ["bilan-2023-3"]
    assert kinds(date(2024, 3, 30)) == ["bilan-2023-3"]
    assert kinds(date(2024, 3, 31)) == ["bilan-2023-retard-1"]
    assert kinds(date(2024, 4, 6)) == ["bilan-2023-retard-1"]
    assert kinds(date(2024, 4, 7)) == ["bilan-2023-retard-2"]
    convention.state = ConventionState.CLOSE
    assert kinds(date(2024, 4, 7)) == []


# --- Prepared --------------------------------------------------------------------------------------------------------


def test_begun_once_by_an_officer(session: Session, convention: StateConvention, officer: User) -> None:
    bilan = begun(session, convention, officer)
    assert begun(session, convention, officer) is bilan
    with pytest.raises(NotAllowed):
        begun(session, convention, make_user(session, Role.ETAT))
    with pytest.raises(RuleBroken, match="n’a pas ce bilan"):
        bilan_writing.begin(session, convention, 2022, INTERMEDIATE, by=officer)


def test_a_volet_has_a_part_when_it_has_money(
    session: Session, convention: StateConvention, officer: User
) -> None:
    bilan = begun(session, convention, officer)
    assert [state.part.key for state in bilans.parts(session, convention, bilan)] == EIGHT
    expenses.write(session, convention, 2023, expense_values(volet=Volet.SOLUTIONS), by=officer)
    assert "volet-2" in [state.part.key for state in bilans.parts(session, convention, bilan)]


def test_the_portal_proposes_a_text_of_its_own_figures(
    session: Session, convention: StateConvention, officer: User
) -> None:
    bilan = begun(session, convention, officer)
    told = bilan_figures.gather(session, convention, bilan)
    assert bilan_parts.proposed("synthese", told) == (
        "En 2023, 423\u202f271,35\xa0€ ont été dépensés, dont 423\u202f271,35\xa0€ retenus sur les "
        "719\u202f689,00\xa0€ de crédits de l’État."
    )
    assert "- Équipes : ingénierie : 423\u202f271,35\xa0€" in bilan_parts.proposed("volet-1", told)
    for state in bilans.parts(session, convention, bilan):
        only = bilan_figures.gather(session, convention, bilan, only=state.part.key)
        # A part alone says what the whole says of it.
        assert only.items() <= told.items()
        assert bilan_parts.proposed(state.part.key, only) == bilan_parts.proposed(state.part.key, told)


def test_the_accounts_are_told_as_they_will_be_once_handed_in(
    session: Session, convention: StateConvention, officer: User
) -> None:
    bilan = begun(session, convention, officer)
    (told,) = bilan_figures.gather(session, convention, bilan)["comptes"]
    assert (told["avance_due"], told["trop_percu"]) == (43_181_300, 0)
    # Nothing was paid: the whole is still to come.
    assert told["solde_du"] == 42_327_135


def test_a_part_is_written_by_two_people(
    session: Session, convention: StateConvention, officer: User
) -> None:
    bilan = begun(session, convention, officer)
    write = bilan_writing.write_part
    first = write(session, bilan, convention, "synthese", " Une année. ", False, by=officer, version=0)
    assert (first.texte, first.version) == ("Une année.", 1)
    # The same again, from the same old tab, changes nothing.
    write(session, bilan, convention, "synthese", "Une année.", False, by=officer, version=0)
    with pytest.raises(ChangedMeanwhile):
        write(session, bilan, convention, "synthese", "Autre", False, by=officer, version=0)
    with pytest.raises(RuleBroken, match="Écrivez le texte") as refused:
        write(session, bilan, convention, "volet-1", "  ", True, by=officer)
    assert refused.value.field == "texte"
    # Figures may do without words.
    assert write(session, bilan, convention, "comptes", "", True, by=officer).prete
    with pytest.raises(RuleBroken, match="n’a pas cette partie"):
        write(session, bilan, convention, "volet-3", "X", False, by=officer)
    with pytest.raises(NotAllowed):
        write(session, bilan, convention, "plan", "X", False, by=make_user(session, Role.ETAT))


def test_what_is_missing_is_said_with_its_part(
    session: Session, convention: StateConvention, officer: User, move_clock: Callable[..., datetime]
) -> None:
    bilan = begun(session, convention, officer)
    states = bilans.parts(session, convention, bilan)
    assert [key for _, key in bilan_writing.missing(session, convention, bilan, states)] == EIGHT
    with pytest.raises(RuleBroken, match="« Synthèse » n’est pas prête"):
        bilan_writing.hand_in(session, bilan, convention, by=officer)
    move_clock(2023, 12, 31, 10)
    assert bilan_writing.missing(session, convention, bilan, states)[0] == (
        "La période va jusqu’au 31/12/2023 : le bilan se remet après.",
        None,
    )
    move_clock(2025, 2, 1, 10)
    last = begun(session, convention, officer, 2024)
    assert ("Le bilan 2023 n’est pas remis : l’année suivante en dépend.", None) in bilan_writing.missing(
        session, convention, last, bilans.parts(session, convention, last)
    )


# --- Handed in, and frozen -------------------------------------------------------------------------------------------


def test_what_is_handed_in_does_not_change(
    session: Session, convention: StateConvention, officer: User, readers: tuple[User, User]
) -> None:
    structure = make_structure(session)
    partner = make_convention(session, structure)
    action = make_action(session, partner, [make_offer(session, structure)])
    fiche = FicheAction(convention_id=convention.id, annee=2023, titre="Mobilité", cible_entrants=12)
    session.add(fiche)
    session.flush()
    session.add(FicheFinancedAction(fiche_id=fiche.id, action_id=action.id))
    initial = session.exec(select(StateAmendment).where(StateAmendment.convention_id == convention.id)).one()
    session.add(
        PlanLine(
            amendment_id=initial.id,
            annee=2023,
            volet=1,
            rang=1,
            nature=Nature.INGENIERIE,
            objet="Chefferie",
            montant_centimes=71_968_900,
        )
    )
    session.flush()
    bilan = handed_in(session, convention, officer)
    assert (bilan.state, bilan.remis_by_id) == (BilanState.REMIS, officer.id)
    kept = json.dumps(bilan.figures, sort_keys=True, ensure_ascii=False)
    assert '"montant": 42327135' in kept and "Mobilité" in kept and partner.numero in kept
    assert bilan.figures is not None and bilan.figures["plan"][0]["montant"] == 71_968_900
    # Amending, changing the sheet or the partner, refused changes of expenses: the bilan says what it said.
    make_state_amendment(
        session, convention, {(2023, Volet.INGENIERIE): 1}, numero=1, signe_le=date(2024, 2, 1)
    )
    fiche.titre = "Autre titre"
    session.get_one(Convention, partner.id).intitule = "Autre intitulé"
    with pytest.raises(RuleBroken, match="est remis à l’État"):
        expenses.write(session, convention, 2023, expense_values(), by=officer)
    session.expire_all()
    bilan = session.get_one(Bilan, bilan.id)
    assert json.dumps(bilans.told_by(session, convention, bilan), sort_keys=True, ensure_ascii=False) == kept
    assert [state.texte for state in bilans.parts(session, convention, bilan)] == ["Écrit."] * 8
    now = bilan_figures.gather(session, convention, bilan)
    assert now["fiches"][0]["titre"] == "Autre titre" and now["comptes"][0]["montant"] == 1


def test_what_it_leaves_is_deducted_to_the_cent(
    session: Session, convention: StateConvention, officer: User
) -> None:
    from portal.budget.payments import Step, take_step
    from portal.budget.spending_models import PaymentKind

    for step in Step:
        take_step(
            session,
            convention,
            2023,
            PaymentKind.AVANCE,
            step,
            le=date(2023, 6, 1),
            centimes=43_181_300,
            reference=None,
            by=officer,
        )
    bilan = begun(session, convention, officer)
    (before,) = bilan_figures.gather(session, convention, bilan)["comptes"]
    handed_in(session, convention, officer)
    assert bilan.figures is not None and bilan.figures["comptes"] == [before]
    assert before["reporte"] == 854_165
    assert accounts.of(session, convention)[1].account.deduction == 854_165


def test_handed_in_once_and_never_by_two_tabs(
    session: Session, convention: StateConvention, officer: User
) -> None:
    bilan = begun(session, convention, officer)
    ready(session, bilan, convention, officer)
    assert not is_frozen(session, convention, 2023)
    with pytest.raises(ChangedMeanwhile):
        bilan_writing.hand_in(session, bilan, convention, by=officer, version=bilan.version + 1)
    bilan_writing.hand_in(session, bilan, convention, by=officer)
    assert is_frozen(session, convention, 2023) and not is_frozen(session, convention, 2024)
    with pytest.raises(AlreadyDone):
        bilan_writing.hand_in(session, bilan, convention, by=officer)
    with pytest.raises(AlreadyDone, match="il ne change plus"):
        bilan_writing.write_part(session, bilan, convention, "plan", "X", True, by=officer)


def test_a_closed_convention_takes_nothing(
    session: Session, convention: StateConvention, officer: User, readers: tuple[User, User]
) -> None:
    bilan = handed_in(session, convention, officer)
    convention.state = ConventionState.CLOSE
    with pytest.raises(RuleBroken, match="close"):
        bilan_reading.accept(session, bilan, convention, by=readers[0])
    with pytest.raises(RuleBroken, match="close"):
        bilan_writing.begin(session, convention, 2024, FINAL, by=officer)


def test_the_final_bilan_tells_every_year(
    session: Session, convention: StateConvention, officer: User, move_clock: Callable[..., datetime]
) -> None:
    handed_in(session, convention, officer)
    move_clock(2025, 1, 15, 10)
    last = begun(session, convention, officer, 2024)
    told = bilan_figures.gather(session, convention, last)
    assert (told["du"], told["au"]) == ("2023-01-01", "2024-12-31")
    assert [year["annee"] for year in told["etats"]] == [2023, 2024]
    ready(session, last, convention, officer)
    bilan_writing.hand_in(session, last, convention, by=officer)
    assert is_frozen(session, convention, 2024)


# --- Statements ------------------------------------------------------------------------------------------------------


def test_the_number_of_statements_does_not_grow(
    session: Session, convention: StateConvention, officer: User
) -> None:
    bilan = begun(session, convention, officer)

    def told() -> int:
        with count_statements(session) as sent:
            bilan_figures.gather(session, convention, bilan)
            bilans.parts(session, convention, bilan)
            bilans.due(session, date(2024, 3, 29))
        return len(sent)

    def more(number: int) -> None:
        for _ in range(number):
            structure = make_structure(session)
            partner = make_convention(session, structure)
            action = make_action(session, partner, [make_offer(session, structure)])
            fiche = FicheAction(convention_id=convention.id, annee=2023, titre="Fiche")
            session.add(fiche)
            session.flush()
            session.add(FicheFinancedAction(fiche_id=fiche.id, action_id=action.id))
            expenses.write(
                session, convention, 2023, expense_values(partner_convention_id=partner.id), by=officer
            )
            make_state_convention(session, {(2023, Volet.INGENIERIE): 100})
        session.flush()

    more(1)
    few = told()
    more(5)
    assert told() == few <= 60
