"""How long structures usually take to answer, so that a référent knows before sending."""

import math
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from sqlmodel import Session, col, func, select

from portal import clock
from portal.prescriptions.models import Prescription

# Fewer answers are chance.
MIN_ANSWERS = 3
_LOOKED_AT = timedelta(days=365)
# The latest ones say enough, and a busy structure has thousands.
_MOST = 100


@dataclass(frozen=True, slots=True)
class Delay:
    """The usual time to answer, in whole `days`, over so many `answers`."""

    days: int
    answers: int

    @property
    def words(self) -> str:
        """What the interface says."""
        if self.days <= 1:
            return "répond en général dans la journée"
        return f"répond en général sous {self.days} jours"


def usual_delay(session: Session, structure_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Delay]:
    """Return the usual time to answer of these structures, in one statement; absent under MIN_ANSWERS answers.

    It is the median from the sending to the first answer, over the answers of the last twelve months.
    """
    if not structure_ids:
        return {}
    rank = func.row_number().over(
        partition_by=col(Prescription.structure_id), order_by=col(Prescription.answered_at).desc()
    )
    latest = (
        select(
            col(Prescription.structure_id).label("structure_id"),
            col(Prescription.sent_at).label("sent_at"),
            col(Prescription.answered_at).label("answered_at"),
            rank.label("rank"),
        )
        .where(
            col(Prescription.structure_id).in_(list(structure_ids)),
            col(Prescription.answered_at) >= clock.now() - _LOOKED_AT,
            col(Prescription.sent_at).is_not(None),
        )
        .subquery()
    )
    rows = session.execute(
        select(latest.c.structure_id, latest.c.sent_at, latest.c.answered_at).where(latest.c.rank <= _MOST)
    )
    taken: dict[uuid.UUID, list[float]] = {}
    for structure_id, sent_at, answered_at in rows:
        taken.setdefault(structure_id, []).append(_days(sent_at, answered_at))
    return {
        structure_id: Delay(math.ceil(median(days)), len(days))
        for structure_id, days in taken.items()
        if len(days) >= MIN_ANSWERS
    }


def _days(sent_at: datetime, answered_at: datetime) -> float:
    return max(0.0, (answered_at - sent_at) / timedelta(days=1))
