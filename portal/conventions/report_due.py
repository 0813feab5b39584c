"""The reminders of reports: announced before their last day, then each week that they are late."""

import uuid
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy
from sqlmodel import Session, col

from portal.conventions import reports
from portal.conventions.engagements import PartnerReport
from portal.conventions.models import Convention

# Days before the last one at which a report is announced; then each week that it is late.
ANNOUNCED = (15, 3)
# Weeks of lateness that are announced: after that somebody telephones.
LATE_WEEKS = 8


@dataclass(frozen=True, slots=True)
class ReportDue:
    """A report to remind the partner of: `sujet_id`, `kind` and `echeance_le` are those of its `DueNotice`."""

    sujet_id: uuid.UUID
    # "rapport-15", "rapport-3", "rapport-retard-2" (the second week).
    kind: str
    echeance_le: date
    # Days from today to the last one; below zero when it is late.
    jours: int
    convention_id: uuid.UUID
    numero: str
    intitule: str
    structure_id: uuid.UUID
    label: str


def due(session: Session, day: date) -> list[ReportDue]:
    """Return the reminders of reports to send on `day`, the earliest due first, in one statement.

    Those that wait for the partner under a signed convention, or one ended before its time. A reminder that no job
    sent on its day is still due the days after, until the following one takes its place.
    """
    rows = session.execute(
        sqlalchemy.select(
            col(PartnerReport.id),
            col(PartnerReport.kind),
            col(PartnerReport.du_le),
            col(Convention.id),
            col(Convention.numero),
            col(Convention.intitule),
            col(Convention.structure_id),
        )
        .join(Convention, col(Convention.id) == col(PartnerReport.convention_id))
        .where(
            reports.alive(),
            col(PartnerReport.state).in_(reports.OPEN),
            col(PartnerReport.du_le) <= day + timedelta(days=max(ANNOUNCED)),
            col(PartnerReport.du_le) > day - timedelta(days=7 * LATE_WEEKS),
        )
        .order_by(col(PartnerReport.du_le), col(Convention.numero), col(PartnerReport.id))
    )
    found = []
    for id, kind, last, convention_id, numero, intitule, structure_id in rows:
        left = (last - day).days
        if left >= 0:
            said = f"rapport-{min(threshold for threshold in ANNOUNCED if left <= threshold)}"
        else:
            said = f"rapport-retard-{(-left - 1) // 7 + 1}"
        found.append(
            ReportDue(id, said, last, left, convention_id, numero, intitule, structure_id, kind.label)
        )
    return found
