"""What follows the last day of a convention with the State: the kind of its bilans, and what is left when it is closed."""

from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlmodel import Session

from portal.accounts.models import Role, User
from portal.budget import agreement, amendments, bilan_writing, bilans, payments
from portal.budget.bilan_models import Bilan, BilanKind, BilanState
from portal.budget.models import StateConvention, Volet
from portal.budget.payments import Step
from portal.budget.spending_models import PaymentKind
from portal.conventions.states import ConventionState
from tests.factories.accounts import make_user
from tests.factories.budget import make_state_convention
from tests.pages import Browser

INTERMEDIATE, FINAL = BilanKind.INTERMEDIAIRE, BilanKind.FINAL


@pytest.fixture
def officer(session: Session) -> User:
    return make_user(session, Role.CONVENTIONNEMENT)


@pytest.fixture
def convention(session: Session, move_clock: Callable[..., datetime]) -> StateConvention:
    move_clock(2024, 2, 1, 10)
    return make_state_convention(
        session,
        {(2023, Volet.DEPLOIEMENT): 71_968_900},
        signe_le=date(2023, 5, 2),
        date_debut=date(2023, 1, 1),
        date_fin=date(2023, 12, 31),
    )


def longer(session: Session, convention: StateConvention, officer: User, end: date, signed: date) -> None:
    made = amendments.create(session, convention, objet="Une année de plus.", date_fin=end, by=officer)
    amendments.sign(session, convention, made, signe_le=signed, by=officer)


def kinds(
    session: Session, convention: StateConvention, day: date
) -> list[tuple[int, BilanKind, date | None]]:
    return [(one.annee, one.kind, one.du_le) for one in bilans.expected(session, convention, day)]


def test_an_avenant_adds_a_year_and_the_final_bilan_begun_is_no_longer_the_last(
    session: Session, convention: StateConvention, officer: User
) -> None:
    bilan = bilan_writing.begin(session, convention, 2023, FINAL, by=officer)
    bilan_writing.write_part(session, bilan, convention, "synthese", "Déjà écrit.", True, by=officer)
    longer(session, convention, officer, date(2024, 12, 31), date(2024, 1, 31))
    today = date(2024, 2, 1)
    assert kinds(session, convention, today) == [
        (2023, INTERMEDIATE, date(2024, 3, 30)),
        (2024, FINAL, date(2025, 3, 31)),
    ]
    # What was written of it stays, and its steps are told under both names.
    (synthese, *_) = bilans.parts(session, convention, bilan)
    assert (bilan.kind, synthese.texte, synthese.ready) == (INTERMEDIATE, "Déjà écrit.", True)
    assert {line.fait for line, _ in bilans.steps(session, convention, bilan)} == {
        "Bilan final 2023 : devient un bilan intermédiaire",
        "Bilan final 2023 : commencé",
    }


def test_one_handed_in_stays_what_it_was_and_keeps_its_day(
    session: Session, convention: StateConvention, officer: User
) -> None:
    bilan = bilan_writing.begin(session, convention, 2023, FINAL, by=officer)
    for state in bilans.parts(session, convention, bilan):
        bilan_writing.write_part(session, bilan, convention, state.part.key, "Écrit.", True, by=officer)
    bilan_writing.hand_in(session, bilan, convention, by=officer)
    longer(session, convention, officer, date(2024, 12, 31), date(2024, 2, 1))
    assert kinds(session, convention, date(2024, 2, 1)) == [
        (2023, FINAL, date(2024, 3, 31)),
        (2024, FINAL, date(2025, 3, 31)),
    ]


def test_one_ended_before_its_time_has_its_final_bilan_that_year(
    session: Session, convention: StateConvention, officer: User, move_clock: Callable[..., datetime]
) -> None:
    longer(session, convention, officer, date(2025, 12, 31), date(2024, 1, 31))
    move_clock(2024, 6, 1, 10)
    bilan = bilan_writing.begin(session, convention, 2024, INTERMEDIATE, by=officer)
    late = bilan_writing.begin(session, convention, 2025, FINAL, by=officer)
    agreement.terminate(session, convention, last_day=date(2024, 6, 30), motif="Fin du pilote.", by=officer)
    assert (bilan.kind, late.kind) == (FINAL, FINAL)
    # Nothing asks for that of a year that it no longer has, and nobody is reminded of it.
    assert kinds(session, convention, date(2024, 6, 1)) == [
        (2023, INTERMEDIATE, date(2024, 3, 30)),
        (2024, FINAL, date(2024, 9, 30)),
        (2025, FINAL, None),
    ]
    assert not [due for due in bilans.due(session, date(2026, 6, 1)) if "2025" in due.kind]


def test_an_intermediate_one_handed_in_leaves_the_final_one_to_hand_in(
    session: Session, convention: StateConvention, officer: User
) -> None:
    longer(session, convention, officer, date(2024, 12, 31), date(2024, 1, 31))
    bilan = bilan_writing.begin(session, convention, 2023, INTERMEDIATE, by=officer)
    for state in bilans.parts(session, convention, bilan):
        bilan_writing.write_part(session, bilan, convention, state.part.key, "Écrit.", True, by=officer)
    bilan_writing.hand_in(session, bilan, convention, by=officer)
    agreement.terminate(session, convention, last_day=date(2023, 12, 31), motif="Fin du pilote.", by=officer)
    assert [(annee, kind) for annee, kind, _ in kinds(session, convention, date(2024, 2, 1))] == [
        (2023, INTERMEDIATE),
        (2023, FINAL),
    ]
    assert bilan_writing.begin(session, convention, 2023, FINAL, by=officer).id != bilan.id


def test_the_page_that_closes_says_what_is_left(
    session: Session, convention: StateConvention, officer: User, sign_in: Callable[[User], Browser]
) -> None:
    me = sign_in(officer)

    def said() -> list[str]:
        page = me.get(f"/budget/{convention.id}/clore")
        return [item.get_text(strip=True) for item in page.soup.select("main .alert-warning li")]

    assert said() == [
        "L’avance 2023 : 431\u202f813,00\xa0€ ne sont pas versés.",
        "Le bilan final 2023 n’est pas remis à l’État.",
    ]
    for step in Step:
        payments.take_step(
            session,
            convention,
            2023,
            PaymentKind.AVANCE,
            step,
            le=date(2024, 1, 10),
            centimes=43_181_300,
            reference=None,
            by=officer,
        )
    session.add(
        Bilan(
            convention_id=convention.id,
            annee=2023,
            kind=FINAL,
            state=BilanState.REMIS,
            remis_at=datetime.fromisoformat("2024-01-20T09:00:00+00:00"),
            figures={},
        )
    )
    session.flush()
    # Nothing was spent: the whole advance goes back to the State.
    assert said() == [
        "Le reversement 2023 : 431\u202f813,00\xa0€ ne sont pas versés.",
        "Le bilan final 2023 n’est pas encore arrêté.",
    ]
    # It is told, and closing stays theirs to decide.
    me.get(f"/budget/{convention.id}/clore").form("close-form").submit()
    session.refresh(convention)
    assert convention.state is ConventionState.CLOSE
