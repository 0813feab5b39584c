"""What tests of partners’ reports do again and again: a convention of 2030, a report that is asked for, its address."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from sqlmodel import Session

from portal.accounts.models import User
from portal.conventions import report_schedule
from portal.conventions.engagements import PartnerReport, ReportKind
from portal.conventions.models import Convention, PlaceMode
from tests.conventions.hands import made
from tests.factories.prescriptions import Scene, make_scene

MoveClock = Callable[..., datetime]
WRITTEN: dict[str, Any] = {
    "realise": "Deux modules.",
    "difficultes": None,
    "perspectives": None,
    "personnes_hors_portail": 3,
    "minutes_hors_portail": 90,
    "depenses_centimes": 12_345,
}


def scene_of_2030(session: Session, move_clock: MoveClock) -> Scene:
    """A convention of 2030, seen in March."""
    move_clock(2030, 3, 1, 10)
    scene = make_scene(session, places=5, mode=PlaceMode.FILE_ACTIVE)
    convention = of(session, scene)
    convention.date_debut, convention.date_fin = date(2030, 1, 1), date(2030, 12, 31)
    convention.signee_le = date(2030, 1, 1)
    session.flush()
    return scene


def of(session: Session, scene: Scene) -> Convention:
    return session.get_one(Convention, made(scene).convention_id)


def asked(
    session: Session, scene: Scene, officer: User, kind: ReportKind = ReportKind.ACTIVITE
) -> PartnerReport:
    """A report on the first half of 2030."""
    return report_schedule.ask(
        session,
        of(session, scene),
        {"kind": kind, "debut": date(2030, 1, 1), "fin": date(2030, 6, 30), "du_le": date(2030, 8, 31)},
        by=officer,
    )


def address(report: PartnerReport, end: str = "") -> str:
    return f"/conventions/{report.convention_id}/rapports/{report.id}{end}"
