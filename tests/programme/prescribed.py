"""What tests of weeks start from: a prescription whose hours are planned, the hours aimed at."""

from datetime import date
from typing import Any

from sqlmodel import Session

from portal.beneficiaries.models import Beneficiary
from portal.prescriptions.models import Prescription
from portal.prescriptions.states import State
from portal.programme import rules
from portal.programme.models import LegitimateReason, WeeklyTarget
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.programme.hands import MONDAY, by


def prescribed(
    session: Session, state: State = State.ENTREE, **columns: Any
) -> tuple[Scene, Prescription, Beneficiary]:
    """A prescription of 15 hours a week from Wednesday 18 November, unless told otherwise."""
    scene = make_scene(session)
    prescription = make_prescription(session, scene, state)
    for name, value in {
        "minutes_prevues": 900,
        "debut_prevu": date(2026, 11, 18),
        "fin_prevue": None,
        **columns,
    }.items():
        setattr(prescription, name, value)
    session.flush()
    return scene, prescription, session.get_one(Beneficiary, prescription.beneficiary_id)


def set_target(
    session: Session,
    person: Beneficiary,
    low: int,
    high: int,
    day: date = MONDAY,
    reason: LegitimateReason | None = None,
) -> WeeklyTarget:
    """Aim at so many minutes from the week of `day` on."""
    return rules.set_target(
        session,
        person,
        by=by(session, person),
        from_week=day,
        minutes_min=low,
        minutes_max=high,
        reason=reason,
    )
