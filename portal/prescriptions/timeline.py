"""The history of a prescription in words: who did what, on which day, and what they wrote."""

from dataclasses import dataclass
from datetime import date, datetime

from portal.accounts.models import User
from portal.prescriptions.models import Transition
from portal.prescriptions.states import Act, Side, State

BY_LINK = "la structure, par le lien du courriel"
BY_PORTAL = "le portail"

# What leaves the state as it is says what was done; the other acts say the state they lead to.
_WORDS = {
    Act.METTRE_EN_ATTENTE: "Mise en liste d’attente",
    Act.PROPOSER_PLACE: "Place proposée",
    Act.PRENDRE_PLACE: "Place prise : prescription acceptée",
    Act.LAISSER_PLACE: "Place laissée à la personne suivante",
    Act.CONVENIR: "Rendez-vous proposé",
    Act.PRESENCE: "Présence notée",
    Act.ABSENCE: "Absence notée",
    Act.RELANCER: "Structure relancée",
    Act.CONFIER: "Passée à un autre référent",
    Act.SUIVRE: "Suivie par",
    Act.CONSTATER: "Absence constatée : abandonnée",
}


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the history. `day` is when it happened, when that is not the day of the line; `is_new` to this reader."""

    at: datetime
    who: str
    what: str
    day: date | None
    message: str | None
    message_personne: str | None
    is_new: bool


@dataclass(frozen=True, slots=True)
class Note:
    """A message as its reader sees it."""

    at: datetime
    who: str
    is_mine: bool
    is_new: bool
    texte: str


def event_of(line: Transition, *, reader: User | None, since: datetime | None) -> Event:
    """Return a line of the history (its author loaded) as `reader` is told it, who last came at `since` (None: never).

    Without a reader it is the structure, by its link: nothing is new to it of what it did.
    """
    assigned = line.act is Act.SUIVRE
    by_structure = line.side is Side.PARTENAIRE and not line.sur_papier
    mine = by_structure if reader is None else line.by_id == reader.id
    return Event(
        at=line.at,
        who=who_did(line.by, line.side, on_paper=line.sur_papier),
        what=f"Suivie par : {line.message}" if assigned else _what(line),
        day=line.jour,
        message=None if assigned else line.message,
        message_personne=line.message_personne,
        is_new=is_new(line.at, mine, since) and line.to_state is not State.BROUILLON,
    )


def who_did(user: User | None, side: Side | None, *, on_paper: bool = False) -> str:
    """Return who acted, as the history names them."""
    if user is not None:
        return f"réponse sur papier, notée par {user.full_name}" if on_paper else user.full_name
    return BY_LINK if side is Side.PARTENAIRE else BY_PORTAL


def is_new(at: datetime, is_mine: bool, since: datetime | None) -> bool:
    """Say whether what happened `at` is new to somebody who last came at `since`; never what they did themselves."""
    return not is_mine and (since is None or at > since)


def _what(line: Transition) -> str:
    if line.act is None:
        return "Prescription commencée"
    return _WORDS.get(line.act, line.to_state.label)
