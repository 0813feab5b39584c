"""The hours aimed at: the département's, or the person's own from a week on."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from portal.conventions.models import FollowUpRules
from portal.errors import RuleBroken
from portal.programme.models import LegitimateReason, WeeklyTarget
from portal.programme.weeks import WEEK
from tests.factories.beneficiaries import make_beneficiary
from tests.programme.hands import MONDAY, week_of
from tests.programme.prescribed import set_target


@pytest.fixture(autouse=True)
def _now(move_clock: Any) -> None:
    """Saturday 21 November 2026, the week of MONDAY."""
    move_clock(2026, 11, 21, 10)


def test_the_usual_hours_are_the_departements(session: Session) -> None:
    person = make_beneficiary(session)
    target = week_of(session, person).target
    assert (target.minutes_min, target.minutes_max, target.since) == (900, 1200, None)
    session.add(FollowUpRules(heures_min=10, heures_max=12))
    session.flush()
    assert week_of(session, person).target.minutes_min == 600


def test_a_target_holds_from_its_week_to_the_next_one(session: Session) -> None:
    person = make_beneficiary(session)
    set_target(session, person, 300, 600, date(2026, 11, 19), LegitimateReason.GARDE)
    set_target(session, person, 900, 1200, MONDAY + WEEK * 2)
    targets = [week_of(session, person, MONDAY + WEEK * n).target for n in range(-1, 4)]
    assert [t.minutes_min for t in targets] == [900, 300, 300, 900, 900]
    assert [t.raison for t in targets] == [
        None,
        "Pas de garde d’enfants",
        "Pas de garde d’enfants",
        None,
        None,
    ]
    assert [t.since for t in targets] == [None, MONDAY, MONDAY, MONDAY + WEEK * 2, MONDAY + WEEK * 2]


def test_a_second_target_for_one_week_replaces_the_first(session: Session) -> None:
    person = make_beneficiary(session)
    set_target(session, person, 0, 0, reason=LegitimateReason.HOSPITALISATION)
    set_target(session, person, 600, 900, MONDAY + timedelta(days=6), LegitimateReason.PROGRESSIVE)
    assert len(session.exec(select(WeeklyTarget)).all()) == 1
    assert week_of(session, person).target.raison == "Reprise progressive"


@pytest.mark.parametrize(
    ("low", "high", "reason", "field"),
    [
        (300, 600, None, "raison"),
        (900, 1200, LegitimateReason.ARRET, "raison"),
        (1200, 900, None, "minutes_max"),
        (900, 3601, None, "minutes_max"),
        (-1, 900, LegitimateReason.ARRET, "minutes_max"),
    ],
)
def test_a_target_that_cannot_be_is_refused(
    session: Session, low: int, high: int, reason: LegitimateReason | None, field: str
) -> None:
    person = make_beneficiary(session)
    with pytest.raises(RuleBroken) as refused:
        set_target(session, person, low, high, reason=reason)
    assert refused.value.field == field
    assert session.exec(select(WeeklyTarget)).all() == []
