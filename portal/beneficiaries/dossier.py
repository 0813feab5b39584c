"""What a person's file says of prescriptions. The room above knows them; the file is given the reader (`Reader`)."""

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
