"""How each side sorts its prescriptions to work through them. Nothing here touches the database."""

from dataclasses import dataclass
from enum import StrEnum

from portal.prescriptions.states import FINAL, Side, State


@dataclass(frozen=True, slots=True)
class Bucket:
    """Prescriptions that ask for the same thing: `slug` in the address, `label`, the states in it.

    `waiting` tells apart, in the state *à l’étude*, those on a waiting list (True) from the others (False).
    """

    slug: str
    label: str
    states: tuple[State, ...]
    waiting: bool | None = None


_ENDED = tuple(state for state in State if state in FINAL)
_IN_VAIN = tuple(state for state in _ENDED if state is not State.TERMINEE)

_STUDIED = Bucket("a_l_etude", "À l’étude", (State.A_L_ETUDE,), waiting=False)
_WAITING = Bucket("en_attente", "En attente d’une place", (State.A_L_ETUDE,), waiting=True)
_INSIDE = Bucket("entree", "En cours", (State.ENTREE,))

# In the order of the work: what waits for somebody first, what is ended last.
BUCKETS: dict[Side, tuple[Bucket, ...]] = {
    Side.REFERENT: (
        Bucket("brouillon", "Brouillons", (State.BROUILLON,)),
        Bucket("envoyee", "Envoyées", (State.ENVOYEE,)),
        _STUDIED,
        _WAITING,
        Bucket("acceptee", "Acceptées", (State.ACCEPTEE,)),
        _INSIDE,
        Bucket("sans_suite", "Sans suite", _IN_VAIN),
        Bucket("terminee", "Terminées", (State.TERMINEE,)),
    ),
    Side.PARTENAIRE: (
        Bucket("envoyee", "À répondre", (State.ENVOYEE,)),
        _STUDIED,
        _WAITING,
        Bucket("acceptee", "Entrée à venir", (State.ACCEPTEE,)),
        _INSIDE,
        Bucket("terminees", "Terminées", _ENDED),
    ),
}


class Late(StrEnum):
    """What is late, or waits for somebody's word."""

    SANS_REPONSE = "sans-reponse"
    ENTREE = "entree"
    PLACE = "place-proposee"


# Who is shown which: a place that is proposed waits for the référent's word.
LATE: dict[Side, tuple[Late, ...]] = {
    Side.REFERENT: (Late.SANS_REPONSE, Late.ENTREE, Late.PLACE),
    Side.PARTENAIRE: (Late.SANS_REPONSE, Late.ENTREE),
}


def bucket_of(side: Side, slug: str) -> Bucket:
    """Return the bucket of this name, or that of one state alone. Raises ValueError when there is none."""
    for bucket in BUCKETS[side]:
        if bucket.slug == slug:
            return bucket
    state = State(slug)
    return Bucket(slug, state.label, (state,))
