"""What the catalogue says of places. The rooms above count them; the catalogue is given the counter (`Reader`)."""

import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlmodel import Session


@dataclass(frozen=True, slots=True)
class Places:
    """Places of an offer today: `financees` and `libres` over its running actions, `en_attente` people waiting."""

    financees: int
    libres: int
    en_attente: int


# Given offers' ids, the places of those that a running convention finances (the others are absent).
Reader = Callable[[Session, Collection[uuid.UUID]], dict[uuid.UUID, Places]]
