"""What a person's file says of prescriptions and of the week. The rooms above know them; the file is given readers."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from portal.accounts.models import User


@dataclass(frozen=True, slots=True)
class Line:
    """A prescription of the person: the names of its offer and structure, its state as a badge says it.

    `state` is the word, `kind` and `icon` are those of `states.badge`; `updated_at` is the last change.
    """

    id: uuid.UUID
    offre: str
    structure: str
    state: str
    kind: str
    icon: str | None
    updated_at: datetime


# Given a session, who reads and whose file: the prescriptions that this reader may see, the latest change first.
Reader = Callable[[Session, User, uuid.UUID], list[Line]]


@dataclass(frozen=True, slots=True)
class WeekHours:
    """The present week of the person, in minutes: planned, done, and the least and the most that are aimed at."""

    planned: int
    done: int
    minutes_min: int
    minutes_max: int


# Given a session, who reads and whose file: the hours of the present week.
WeekReader = Callable[[Session, User, uuid.UUID], WeekHours]
