"""What becomes of the places of an action by its last day if people go on coming as they do: whole numbers, no database."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from portal.conventions.models import PlaceMode

# Days over which the pace is measured: long enough for a module a quarter, short enough to follow a change.
WINDOW = 90
# Days that a pace has to be measured over before places are said to sleep; a quarter of a shorter action.
SETTLED = 30


class Outlook(StrEnum):
    """How the places of an action stand to its end."""

    A_VENIR = "a-venir"
    TERMINEE = "terminee"
    COMPLETE = "complete"
    BIENTOT_COMPLETE = "bientot-complete"
    DORMANTES = "dormantes"
    SANS_ENTREE = "sans-entree"
    SANS_PLACE = "sans-place"
    TROP_TOT = "trop-tot"


@dataclass(frozen=True, slots=True)
class Pace:
    """What happened over the last `jours` days (WINDOW, or fewer since the action began): entries and exits."""

    entrees: int
    sorties: int
    jours: int


@dataclass(frozen=True, slots=True)
class Projection:
    """An outlook; `dormantes` places that nobody will have had, `complete_le` the day on which none is left.

    `dormantes` of an ended action are those that were left on its last day.
    """

    outlook: Outlook
    dormantes: int = 0
    complete_le: date | None = None


def window(date_debut: date, day: date) -> int:
    """Return over how many days the pace is measured on `day`: WINDOW at most, at least one."""
    return max(1, min(WINDOW, (day - date_debut).days + 1))


def settled(told: Projection, date_debut: date, date_fin: date, day: date) -> Projection:
    """Return what is told unless it is too early: a few days without an entry do not make places sleep."""
    needed = min(SETTLED, ((date_fin - date_debut).days + 1) // 4)
    early = (day - date_debut).days + 1 < needed
    if early and told.outlook in {Outlook.DORMANTES, Outlook.SANS_ENTREE}:
        return Projection(Outlook.TROP_TOT)
    return told


def project(
    *,
    mode: PlaceMode,
    financees: int,
    prises: int,
    pace: Pace,
    date_debut: date,
    date_fin: date,
    day: date,
) -> Projection:
    """Return how the places stand to the end of the action, seen at the end of `day`.

    `prises` are the places held, occupied or used up. Where each entry uses a place up, places fill with entries; in a
    file active with entries less exits. A pace is never rounded before the end: so many entries in so many days.
    """
    free = max(0, financees - prises)
    if financees <= 0:
        return Projection(Outlook.SANS_PLACE)
    if day < date_debut:
        return Projection(Outlook.A_VENIR, free)
    if day >= date_fin:
        return Projection(Outlook.TERMINEE, free)
    if free == 0:
        return Projection(Outlook.COMPLETE)
    if pace.entrees == 0 and pace.sorties == 0:
        return Projection(Outlook.SANS_ENTREE, free)
    gained = pace.entrees if mode is PlaceMode.ENTREE else pace.entrees - pace.sorties
    left = (date_fin - day).days
    if gained > 0:
        # The first day on which `gained` in `jours` makes up what is free.
        needed = -(-free * pace.jours // gained)
        if needed <= left:
            return Projection(Outlook.BIENTOT_COMPLETE, 0, day + timedelta(days=needed))
    # Towards zero: a place is taken when somebody is there.
    change = abs(gained) * left // pace.jours
    taken = max(0, prises + change if gained >= 0 else prises - change)
    return Projection(Outlook.DORMANTES, max(0, financees - taken))
