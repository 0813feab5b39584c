"""A year corrected after the bilan of the next one was handed in: what is frozen stays, and both figures are told."""

import json
from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlmodel import Session, select

from portal.accounts.models import OutgoingMail, User
from portal.budget import accounts, bilan_reading, bilan_writing, bilans, expenses, payments
from portal.budget.bilan_models import Bilan, BilanKind, BilanState
from portal.budget.models import Nature, StateConvention, UnderConsumption, Volet
from portal.budget.payments import Step
from portal.budget.spending_models import PaymentKind
from portal.errors import AlreadyDone, NotAllowed, RuleBroken
from tests.factories.budget import expense_values, make_state_amendment, make_state_convention
from tests.pages import Browser
from tests.xlsx import Workbook

INTERMEDIATE, FINAL = BilanKind.INTERMEDIAIRE, BilanKind.FINAL
Clock = Callable[..., datetime]
# Ille-et-Vilaine (domain §6): 719 689 € and 431 813 € in advance for 2023, of which 423 271,35 € spent; 998 126,24 € for 2024.
SPENT_2023, SPENT_2024 = 42_327_135, 99_812_624
FORGOTTEN = 100_000


def pay(session: Session, convention: StateConvention, annee: int, cents: int, le: date, by: User) -> None:
    for step in Step:
        payments.take_step(
            session,
            convention,
            annee,
            PaymentKind.AVANCE,
            step,
            le=le,
            centimes=cents,
            reference=None,
            by=by,
        )


def spend(session: Session, convention: StateConvention, annee: int, cents: int, by: User) -> None:
    values = expense_values(
        volet=Volet.DEPLOIEMENT,
        nature=Nature.ACCOMPAGNEMENT,
        nombre=1_000,
        cout_unitaire_centimes=cents,
        date_debut=date(annee, 1, 1),
        date_fin=date(annee, 12, 31),
    )
    expenses.write(session, convention, annee, values, by=by)


def hand_in(
    session: Session, convention: StateConvention, annee: int, officer: User, kind: BilanKind = INTERMEDIATE
) -> Bilan:
    bilan = bilan_writing.begin(session, convention, annee, kind, by=officer)
    for state in bilans.parts(session, convention, bilan):
        if not state.ready:
            bilan_writing.write_part(session, bilan, convention, state.part.key, "Écrit.", True, by=officer)
    return bilan_writing.hand_in(session, bilan, convention, by=officer)


def cd35(session: Session, officer: User, move_clock: Clock, **values: object) -> StateConvention:
    """2023 handed in and deducted from 2024, whose expenses are written; 2024 is not handed in yet."""
    move_clock(2023, 6, 1, 10)
    convention = make_state_convention(
        session,
        {(2023, Volet.DEPLOIEMENT): 71_968_900},
        signe_le=date(2023, 5, 2),
        **{"numero": "CD35-2023", "date_fin": date(2025, 12, 31), **values},
    )
    pay(session, convention, 2023, 43_181_300, date(2023, 6, 1), officer)
    spend(session, convention, 2023, SPENT_2023, officer)
    move_clock(2024, 3, 20, 10)
    hand_in(session, convention, 2023, officer)
    make_state_amendment(
        session, convention, {(2024, Volet.DEPLOIEMENT): SPENT_2024}, numero=1, signe_le=date(2024, 3, 20)
    )
    due = next(year for year in accounts.of(session, convention) if year.annee == 2024).account.avance_due
    pay(session, convention, 2024, due, date(2024, 3, 20), officer)
    spend(session, convention, 2024, SPENT_2024, officer)
    move_clock(2025, 3, 20, 10)
    return convention


def of(session: Session, convention: StateConvention, annee: int) -> accounts.Year:
    return next(year for year in accounts.of(session, convention) if year.annee == annee)


def reopened(session: Session, convention: StateConvention, annee: int, reader: User) -> Bilan:
    bilan = session.exec(select(Bilan).where(Bilan.annee == annee)).one()
    return bilan_reading.ask_correction(session, bilan, convention, "Une dépense manque.", by=reader)


def test_the_later_bilan_stays_and_both_figures_are_told_until_it_is_corrected(
    session: Session, officer: User, readers: tuple[User, User], move_clock: Clock
) -> None:
    convention = cd35(session, officer, move_clock)
    later = hand_in(session, convention, 2024, officer)
    frozen = json.dumps(later.figures, sort_keys=True)
    assert of(session, convention, 2024).account.solde_du == 39_925_024
    move_clock(2025, 4, 2, 10)
    bilan = reopened(session, convention, 2023, readers[0])
    # Nothing was changed yet: nothing differs, and nothing is owed twice for the time being.
    now = of(session, convention, 2024).account
    assert (now.deduction, now.laisse, now.solde_du) == (854_165, 854_165, 39_925_024)
    assert bilans.gaps(session, convention) == []
    spend(session, convention, 2023, FORGOTTEN, officer)
    now = of(session, convention, 2024).account
    assert (now.deduction, now.laisse, now.solde_du) == (854_165, 754_165, 39_925_024)
    (gap,) = bilans.gaps(session, convention)
    assert (gap.bilan.id, gap.annee, gap.being_corrected) == (later.id, 2023, True)
    (figure,) = gap.figures
    assert (figure.remis, figure.maintenant, figure.ecart) == (854_165, 754_165, -100_000)
    (ahead,) = bilans.gaps(session, convention, handing_in=bilan)
    assert ahead.figures == gap.figures and not ahead.being_corrected
    # Nobody settles the later one meanwhile.
    bilan_reading.accept(session, later, convention, by=readers[0])
    with pytest.raises(RuleBroken, match="bilan intermédiaire 2023 est en correction"):
        bilan_reading.accept(session, later, convention, by=readers[1])
    hand_in(session, convention, 2023, officer)
    assert json.dumps(session.get_one(Bilan, later.id).figures, sort_keys=True) == frozen
    with pytest.raises(
        RuleBroken, match="8\u202f541,65\xa0€ dans le bilan remis, 7\u202f541,65\xa0€ maintenant"
    ):
        bilan_reading.accept(session, later, convention, by=readers[1])
    said = {line.fait: line for line, _ in bilans.steps(session, convention, later)}
    told = said["Bilan intermédiaire 2024 : ne dit plus ce que disent les comptes de 2023"]
    assert told.motif == (
        "Laissé par 2023, à déduire de 2024 : 8\u202f541,65\xa0€ dans le bilan remis, 7\u202f541,65\xa0€ maintenant "
        "(1\u202f000,00\xa0€ de moins)."
    )
    assert not told.brouillon
    # Corrected in its turn, it says what 2023 leaves, and the balance follows to the cent.
    reopened(session, convention, 2024, readers[0])
    later = hand_in(session, convention, 2024, officer)
    assert bilans.gaps(session, convention) == []
    now = of(session, convention, 2024).account
    assert (now.deduction, now.laisse) == (754_165, 754_165)
    # 998 126,24 € less the 590 334,35 € paid and the 7 541,65 € kept from 2023.
    assert now.solde_du == SPENT_2024 - 59_033_435 - 754_165 == 40_025_024
    assert later.figures is not None and later.figures["comptes"][0]["solde_du"] == now.solde_du
    bilan_reading.accept(session, later, convention, by=readers[0])
    assert bilan_reading.accept(session, later, convention, by=readers[1]).state is BilanState.ARRETE


def test_what_is_being_corrected_is_deducted_as_it_stands(
    session: Session, officer: User, readers: tuple[User, User], move_clock: Clock
) -> None:
    convention = cd35(session, officer, move_clock)
    reopened(session, convention, 2023, readers[0])
    first, second = of(session, convention, 2023), of(session, convention, 2024)
    assert (first.closed, first.corrected is not None) == (False, True)
    assert second.account.deduction == 854_165
    spend(session, convention, 2023, FORGOTTEN, officer)
    assert of(session, convention, 2024).account.deduction == 754_165
    # Its balance and its refund wait for the bilan all the same.
    with pytest.raises(RuleBroken, match="attend le bilan"):
        payments.take_step(
            session,
            convention,
            2023,
            PaymentKind.SOLDE,
            Step.DEMANDE,
            le=date(2025, 3, 20),
            centimes=1,
            reference=None,
            by=officer,
        )


def test_a_settled_bilan_is_sent_back_when_it_is_no_longer_so(
    session: Session, officer: User, readers: tuple[User, User], move_clock: Clock
) -> None:
    first, second = readers
    convention = cd35(session, officer, move_clock)
    later = hand_in(session, convention, 2024, officer)
    bilan_reading.accept(session, later, convention, by=first)
    bilan_reading.accept(session, later, convention, by=second)
    with pytest.raises(AlreadyDone, match="arrêté"):
        bilan_reading.ask_correction(session, later, convention, "Sans raison", by=first)
    reopened(session, convention, 2023, first)
    spend(session, convention, 2023, FORGOTTEN, officer)
    with pytest.raises(NotAllowed):
        bilan_reading.ask_correction(session, later, convention, "Par le département", by=officer)
    bilan_reading.ask_correction(session, later, convention, "2023 laisse autre chose.", by=first)
    assert (later.state, later.arrete_at, later.arrete_by_id) == (BilanState.PREPARATION, None, None)
    with pytest.raises(RuleBroken, match="en préparation"):
        bilan_reading.ask_correction(session, later, convention, "Encore", by=first)


def test_the_final_bilan_tells_all_that_changed_of_an_earlier_year(
    session: Session, officer: User, readers: tuple[User, User], move_clock: Clock
) -> None:
    convention = cd35(session, officer, move_clock, date_fin=date(2024, 12, 31))
    final = hand_in(session, convention, 2024, officer, FINAL)
    reopened(session, convention, 2023, readers[0])
    spend(session, convention, 2023, FORGOTTEN, officer)
    (gap,) = bilans.gaps(session, convention)
    assert gap.bilan.id == final.id
    assert [(figure.label, figure.remis, figure.maintenant) for figure in gap.figures] == [
        ("Dépensé en 2023", SPENT_2023, SPENT_2023 + FORGOTTEN),
        ("Part de l’État retenue en 2023", SPENT_2023, SPENT_2023 + FORGOTTEN),
        ("Laissé par 2023, à déduire de 2024", 854_165, 754_165),
    ]


def test_nothing_differs_where_nothing_is_deducted(
    session: Session, officer: User, readers: tuple[User, User], move_clock: Clock
) -> None:
    convention = cd35(session, officer, move_clock, sous_consommation=UnderConsumption.REVERSEE)
    hand_in(session, convention, 2024, officer)
    reopened(session, convention, 2023, readers[0])
    spend(session, convention, 2023, FORGOTTEN, officer)
    assert bilans.gaps(session, convention) == []


def test_both_figures_are_said_wherever_either_is_shown(
    session: Session,
    officer: User,
    readers: tuple[User, User],
    move_clock: Clock,
    sign_in: Callable[[User], Browser],
) -> None:
    convention = cd35(session, officer, move_clock)
    later = hand_in(session, convention, 2024, officer)
    bilan = reopened(session, convention, 2023, readers[0])
    session.commit()
    home = f"/budget/{convention.id}"
    mine, theirs = sign_in(officer), sign_in(readers[0])
    here, there = f"{home}/bilans/{bilan.id}", f"{home}/bilans/{later.id}"
    assert "ne dira plus" not in mine.get(here).text and "À surveiller" not in mine.get("/budget").text
    spend(session, convention, 2023, FORGOTTEN, officer)
    session.commit()
    both = "8 541,65 € dans le bilan remis, 7 541,65 € maintenant (1 000,00 € de moins)"
    # Before handing in again.
    page = mine.get(here)
    assert both in page.text and "ne dira plus ce que disent les comptes de 2023" in page.text
    assert "Une fois celui-ci remis, demandez aux services de l’État la correction" in page.text
    for part in bilans.parts(session, convention, bilan):
        if not part.ready:
            bilan_writing.write_part(session, bilan, convention, part.part.key, "Écrit.", True, by=officer)
    session.commit()
    page = mine.get(here).form("hand-in-form").submit()
    assert "Le bilan intermédiaire 2024 est à corriger" in page.text and both in page.text
    letters = session.exec(
        select(OutgoingMail).where(
            OutgoingMail.recipient == readers[1].courriel,
            OutgoingMail.subject == "Bilan intermédiaire 2023 à lire",
        )
    ).all()
    assert [there in letter.body for letter in letters] == [True]
    # On the later bilan, its accounts, those of the convention, its page, and the list.
    for address in (there, f"{there}/parties/comptes", f"{home}/comptes", home, "/budget"):
        for reader in (mine, theirs):
            assert both in reader.get(address).text, address
    assert "À surveiller" in mine.get("/budget").text
    accounts_page = mine.get(f"{home}/comptes")
    assert "2023 laisse maintenant 7 541,65 €" in accounts_page.text
    assert "Demandez aux services de l’État la correction" in accounts_page.text
    book = Workbook(mine.client.get(f"{home}/comptes.xlsx").data)
    assert book.disagreements() == []
    # The State asks for the correction from there.
    asked = theirs.get(there).click("Demandez la correction du bilan intermédiaire 2024")
    assert both in asked.text
    asked.form("correction-form").submit(demande="Reprenez ce que laisse 2023.")
    assert both not in mine.get(f"{home}/comptes").text
    session.expire_all()
    assert session.get_one(Bilan, later.id).state is BilanState.PREPARATION
