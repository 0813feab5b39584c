"""What tests of the programme say in one line."""

import uuid
from datetime import date
from typing import Any

from sqlmodel import Session

from portal.accounts.models import User
from portal.beneficiaries.models import Beneficiary
from portal.programme import reading, rules
from portal.programme.models import Activity, ActivityKind
from portal.programme.rules import Plan
from portal.programme.weeks import Week

MONDAY = date(2026, 11, 16)


def plan(**values: Any) -> Plan:
    """Volunteering for three hours on Tuesdays at 14:30, from Monday 16 November 2026 on."""
    return Plan(
        **{
            "kind": ActivityKind.BENEVOLAT,
            "intitule": "Jardin partagé",
            "debut": MONDAY,
            "fin": None,
            "jours": (1,),
            "heure": "14:30",
            "minutes": 180,
            **values,
        }
    )


def add(session: Session, person: Beneficiary, **values: Any) -> Activity:
    """Add the activity of `plan` by the référent of the person."""
    return rules.add_activity(session, person, plan(**values), by=by(session, person), id=uuid.uuid4())


def by(session: Session, person: Beneficiary) -> User:
    """The référent of the person."""
    return session.get_one(User, person.referent_id)


def week_of(session: Session, person: Beneficiary, monday: date = MONDAY) -> Week:
    """The week of the person as their référent reads it."""
    return reading.read(session, by(session, person), person.id, monday, monday).week(monday)
