"""Two people on one form: what the second is shown, who then chooses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.web.answers import Row


@dataclass(frozen=True, slots=True)
class Conflict:
    """What somebody else saved meanwhile: who, when, and the answers that differ (theirs, then ours)."""

    who: str
    when: datetime
    rows: Sequence[Row]
