"""What the catalogue says of places. The rooms above count them; the catalogue is given the counter (`Reader`)."""

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from sqlmodel import Session


@dataclass(frozen=True, slots=True)
class Places:
    """Places of an offer today: `financees` and `libres` over its running actions, `en_attente` people waiting."""

    financees: int
    libres: int
    en_attente: int


# Given offers' ids, the places of those that a running convention finances (the others are absent).
Reader = Callable[[Session, Collection[uuid.UUID]], dict[uuid.UUID, Places]]


class Usual(Protocol):
    """How long a structure usually takes to answer a prescription: its `words` end a sentence about it."""

    @property
    def words(self) -> str:
        """What the page says, as in "répond en général sous 3 jours"."""
        ...


# Given sessions' ids, how many seats of each are taken (those of which none is are absent).
Seats = Callable[[Session, Collection[uuid.UUID]], Mapping[uuid.UUID, int]]

# Given structures' ids, what is known of those that answered often enough.
Delays = Callable[[Session, Collection[uuid.UUID]], Mapping[uuid.UUID, Usual]]
