"""Posts: the cap on engineering holds on every day."""

import uuid
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session

from portal.accounts.models import Role, User
from portal.budget import expenses, history, posts
from portal.budget.models import Nature, StateConvention
from portal.budget.spending_models import Post
from portal.errors import ChangedMeanwhile, NotAllowed, RuleBroken
from tests.factories.accounts import make_user
from tests.factories.budget import expense_values, make_state_convention


def values(**changes: Any) -> dict[str, Any]:
    return {
        "intitule": "Chefferie de projet",
        "nature": Nature.INGENIERIE,
        "etp": 100,
        "date_debut": date(2023, 1, 1),
        "date_fin": None,
        **changes,
    }


@pytest.fixture
def officer(session: Session) -> User:
    return make_user(session, Role.CONVENTIONNEMENT)


@pytest.fixture
def convention(session: Session, move_clock: Callable[..., datetime]) -> StateConvention:
    move_clock(2023, 9, 1, 10)
    return make_state_convention(session)


def test_engineering_is_capped_on_every_day(
    session: Session, convention: StateConvention, officer: User
) -> None:
    posts.write(session, convention, values(etp=200), by=officer)
    posts.write(
        session,
        convention,
        values(etp=50, date_debut=date(2023, 6, 1), date_fin=date(2023, 8, 31)),
        by=officer,
    )
    # One cent of ETP too many, on the days of the second post only.
    early = values(etp=51, date_debut=date(2023, 2, 1))
    with pytest.raises(RuleBroken) as refused:
        posts.write(session, convention, early, by=officer)
    assert refused.value.field == "etp"
    assert refused.value.message == (
        "L’ingénierie est limitée à 3 ETP par la convention : avec ce poste, elle en aurait 3,01 le 01/06/2023, "
        "soit 0,01 de trop."
    )
    posts.write(session, convention, values(etp=100, date_debut=date(2023, 9, 1)), by=officer)
    posts.write(session, convention, {**early, "date_fin": date(2023, 5, 31)}, by=officer)
    # Accompaniment has no cap, and a convention may set none.
    posts.write(session, convention, values(etp=9_000, nature=Nature.ACCOMPAGNEMENT), by=officer)
    assert posts.peak(posts.of(session, convention)) == (300, date(2023, 9, 1))
    convention.etp_ingenierie_max = None
    posts.write(session, convention, values(etp=500), by=officer)


def test_a_change_of_nature_is_counted_too(
    session: Session, convention: StateConvention, officer: User
) -> None:
    posts.write(session, convention, values(etp=250), by=officer)
    other = posts.write(session, convention, values(nature=Nature.ACCOMPAGNEMENT), by=officer)
    with pytest.raises(RuleBroken, match="3,5 le 01/01/2023, soit 0,5 de trop"):
        posts.change(session, other, convention, values(), by=officer)
    posts.change(session, other, convention, values(etp=50), by=officer, version=1)
    assert other.version == 2 and other.nature is Nature.INGENIERIE
    with pytest.raises(ChangedMeanwhile):
        posts.change(session, other, convention, values(etp=40), by=officer, version=1)


@given(
    st.lists(
        st.tuples(st.integers(1, 300), st.integers(1, 25), st.integers(0, 10), st.booleans()), max_size=8
    )
)
def test_the_peak_is_that_of_every_day_looked_at(drawn: list[tuple[int, int, int, bool]]) -> None:
    made = [
        Post(
            convention_id=uuid.uuid4(),
            intitule="P",
            nature=Nature.INGENIERIE if engineering else Nature.ACCOMPAGNEMENT,
            etp=etp,
            date_debut=date(2023, 1, begin),
            date_fin=date(2023, 1, min(31, begin + length)) if length else None,
        )
        for etp, begin, length, engineering in drawn
    ]
    days = [date(2023, 1, day) for day in range(1, 32)]
    sums = [posts.engineering_on(made, day) for day in days]
    most, day = posts.peak(made)
    assert most == max(sums)
    assert day is None if most == 0 else day == days[sums.index(most)]


def test_a_period_upside_down_and_no_etp(
    session: Session, convention: StateConvention, officer: User
) -> None:
    with pytest.raises(RuleBroken, match="avant le premier"):
        posts.write(session, convention, values(date_fin=date(2022, 12, 31)), by=officer)
    with pytest.raises(RuleBroken, match="entre 0,01 et 100"):
        posts.write(session, convention, values(etp=0), by=officer)
    with pytest.raises(NotAllowed):
        posts.write(session, convention, values(), by=make_user(session, Role.ETAT))


def test_a_post_with_expenses_keeps_them_inside(
    session: Session, convention: StateConvention, officer: User
) -> None:
    post = posts.write(session, convention, values(), by=officer)
    expenses.write(session, convention, 2023, expense_values(post_id=post.id), by=officer)
    with pytest.raises(RuleBroken, match="du 01/01/2023 au 31/12/2023"):
        posts.change(session, post, convention, values(date_fin=date(2023, 6, 30)), by=officer)
    with pytest.raises(RuleBroken, match="de nature « Équipes : ingénierie »"):
        posts.change(session, post, convention, values(nature=Nature.SI), by=officer)
    with pytest.raises(RuleBroken, match="donnez-lui plutôt un dernier jour"):
        posts.remove(session, post, convention, by=officer)
    posts.change(session, post, convention, values(date_fin=date(2023, 12, 31)), by=officer)
    free = posts.write(session, convention, values(intitule="Vacant"), by=officer)
    posts.remove(session, free, convention, by=officer, version=1)
    assert [p.intitule for p in posts.of(session, convention)] == ["Chefferie de projet"]
    assert sorted(line.fait for line, _ in history.lines(session, convention) if "Poste" in line.fait) == [
        "Poste ajouté : Chefferie de projet",
        "Poste ajouté : Vacant",
        "Poste modifié : Chefferie de projet",
        "Poste ôté : Vacant",
    ]


def test_a_second_press_writes_once(session: Session, convention: StateConvention, officer: User) -> None:
    key = uuid.uuid4()
    first = posts.write(session, convention, values(), by=officer, id=key)
    assert posts.write(session, convention, values(), by=officer, id=key) is first
    assert len(posts.of(session, convention)) == 1
