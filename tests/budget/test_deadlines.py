"""What falls due is told once, to those whom it concerns, day after day of a moved clock."""

from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlmodel import Session, col, select

from portal import jobs
from portal.accounts.models import OutgoingMail, Role, User
from portal.budget import deadlines
from portal.budget.models import Volet
from portal.config import Config
from portal.conventions.engagements import DueNotice, PartnerReport, ReportKind
from portal.conventions.models import Convention
from portal.db import Database
from portal.structures.models import Structure
from tests.factories.accounts import make_user
from tests.factories.budget import make_state_convention
from tests.factories.conventions import make_convention
from tests.factories.structures import make_partner, make_structure

URL = "https://portail.example"


@pytest.fixture
def officer(session: Session) -> User:
    return make_user(session, Role.CONVENTIONNEMENT)


@pytest.fixture
def structure(session: Session) -> Structure:
    return make_structure(session)


@pytest.fixture
def member(session: Session, structure: Structure) -> User:
    return make_partner(session, structure)[0]


def letters(session: Session, to: User) -> list[OutgoingMail]:
    return list(
        session.exec(
            select(OutgoingMail)
            .where(col(OutgoingMail.recipient) == to.courriel)
            .order_by(col(OutgoingMail.created_at), col(OutgoingMail.id))
        )
    )


def make_ending(session: Session, structure: Structure, fin: date) -> Convention:
    return make_convention(session, structure, date_debut=date(2024, 1, 1), date_fin=fin)


def test_nothing_due_writes_nothing(session: Session, officer: User) -> None:
    assert deadlines.remind(session, public_url=URL) == deadlines.Sent(0, 0)
    assert letters(session, officer) == []


def test_the_end_of_a_convention_three_times_to_both_sides(
    session: Session,
    officer: User,
    structure: Structure,
    member: User,
    move_clock: Callable[..., datetime],
) -> None:
    convention = make_ending(session, structure, date(2024, 12, 31))
    other = make_partner(session)[0]
    told = []
    for day in (
        date(2024, 9, 30),
        date(2024, 10, 2),
        date(2024, 10, 3),
        date(2024, 12, 1),
        date(2024, 12, 24),
    ):
        move_clock(day.year, day.month, day.day, 6)
        told.append(deadlines.remind(session, public_url=URL).notices)
        session.flush()
    assert told == [0, 1, 0, 1, 1]
    assert len(letters(session, officer)) == len(letters(session, member)) == 3
    assert letters(session, other) == []
    first = next(mail for mail in letters(session, member) if "dans 90 jours" in mail.body)
    assert first.subject == "Échéances de vos conventions" and convention.numero not in first.subject
    assert f"{URL}/conventions/{convention.id}" in first.body and "31/12/2024" in first.body


def test_a_report_due_goes_to_the_partner(
    session: Session,
    officer: User,
    structure: Structure,
    member: User,
    move_clock: Callable[..., datetime],
) -> None:
    convention = make_ending(session, structure, date(2025, 12, 31))
    session.add(
        PartnerReport(
            convention_id=convention.id,
            kind=ReportKind.ACTIVITE,
            debut=date(2024, 1, 1),
            fin=date(2024, 6, 30),
            du_le=date(2024, 8, 29),
        )
    )
    session.flush()
    move_clock(2024, 8, 14, 6)
    assert deadlines.remind(session, public_url=URL) == deadlines.Sent(1, 2)
    (mail,) = letters(session, member)
    assert "rapport d’activité à remettre, dans 15 jours (le 29/08/2024)" in mail.body


def test_bilans_and_payments_of_the_state_in_one_letter(
    session: Session, officer: User, member: User, move_clock: Callable[..., datetime]
) -> None:
    make_state_convention(
        session,
        {(2023, Volet.INGENIERIE): 10_000_000, (2024, Volet.INGENIERIE): 5_000_000},
        signe_le=date(2023, 5, 2),
    )
    move_clock(2024, 2, 29, 6)
    # The advances of both years are late, the bilan of 2023 is due in a month.
    assert deadlines.remind(session, public_url=URL) == deadlines.Sent(3, 1)
    (mail,) = letters(session, officer)
    assert "avance 2023, 60\u202f000,00\xa0€ attendus de l’État, en retard" in mail.body
    assert "bilan intermédiaire 2023 à remettre, dans 30 jours (le 30/03/2024)" in mail.body
    assert letters(session, member) == []
    # The same day again, then a week later: the bilan is told at 15 days, the payments each week.
    assert deadlines.remind(session, public_url=URL).notices == 0
    move_clock(2024, 3, 7, 6)
    assert deadlines.remind(session, public_url=URL).notices == 2
    move_clock(2024, 3, 15, 6)
    assert deadlines.remind(session, public_url=URL).notices == 3


def test_what_another_machine_told_meanwhile_is_not_told_again(
    session: Session, structure: Structure, move_clock: Callable[..., datetime]
) -> None:
    make_ending(session, structure, date(2024, 12, 31))
    move_clock(2024, 12, 25, 6)
    (notice,) = deadlines.due(session, date(2024, 12, 25))
    # Written after we looked: the database refuses the second one, and the rest goes on.
    assert deadlines._first_times(session, [notice, notice]) == [notice]
    assert len(session.exec(select(DueNotice)).all()) == 1


def test_the_job(
    session: Session,
    database: Database,
    config: Config,
    officer: User,
    structure: Structure,
    move_clock: Callable[..., datetime],
) -> None:
    make_ending(session, structure, date(2024, 12, 31))
    session.commit()
    move_clock(2024, 12, 25, 6)
    assert jobs.JOBS["echeances"](database, config) == "1 due dates told in 1 letters"
    assert jobs.JOBS["echeances"](database, config) == "0 due dates told in 0 letters"
