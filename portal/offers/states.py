"""The states of an offer, as a table to read aloud. Nothing here touches the database."""

from portal.errors import RuleBroken
from portal.offers.models import OfferState
from portal.structures.models import Act

S, A = OfferState, Act

# (where it stands, what is done) -> where it goes. Nothing is ever removed.
TRANSITIONS: dict[tuple[OfferState, Act], OfferState] = {
    (S.BROUILLON, A.SOUMISSION): S.A_VALIDER,
    (S.BROUILLON, A.PUBLICATION): S.PUBLIEE,
    (S.BROUILLON, A.ARCHIVAGE): S.ARCHIVEE,
    (S.BROUILLON, A.FUSION): S.FUSIONNEE,
    (S.A_VALIDER, A.VALIDATION): S.PUBLIEE,
    (S.A_VALIDER, A.PUBLICATION): S.PUBLIEE,
    (S.A_VALIDER, A.RENVOI): S.BROUILLON,
    (S.A_VALIDER, A.RETRAIT): S.BROUILLON,
    (S.A_VALIDER, A.ARCHIVAGE): S.ARCHIVEE,
    (S.A_VALIDER, A.FUSION): S.FUSIONNEE,
    (S.PUBLIEE, A.CONFIRMATION): S.PUBLIEE,
    (S.PUBLIEE, A.VALIDATION): S.PUBLIEE,
    (S.PUBLIEE, A.RENVOI): S.BROUILLON,
    (S.PUBLIEE, A.RETRAIT): S.BROUILLON,
    (S.PUBLIEE, A.SUSPENSION): S.SUSPENDUE,
    (S.PUBLIEE, A.ARCHIVAGE): S.ARCHIVEE,
    (S.PUBLIEE, A.FUSION): S.FUSIONNEE,
    (S.SUSPENDUE, A.CONFIRMATION): S.PUBLIEE,
    (S.SUSPENDUE, A.PUBLICATION): S.PUBLIEE,
    (S.SUSPENDUE, A.RENVOI): S.BROUILLON,
    (S.SUSPENDUE, A.RETRAIT): S.BROUILLON,
    (S.SUSPENDUE, A.ARCHIVAGE): S.ARCHIVEE,
    (S.SUSPENDUE, A.FUSION): S.FUSIONNEE,
    (S.ARCHIVEE, A.REPRISE): S.BROUILLON,
    (S.ARCHIVEE, A.FUSION): S.FUSIONNEE,
}

# States in which an offer may still be changed by its editors.
OPEN = frozenset({S.BROUILLON, S.A_VALIDER, S.PUBLIEE, S.SUSPENDUE})

_REFUSED = {
    S.BROUILLON: "Cette offre est un brouillon : publiez-la d’abord.",
    S.A_VALIDER: "Cette offre attend la validation de l’animateur : vous pouvez encore la modifier.",
    S.PUBLIEE: "Cette offre est déjà publiée.",
    S.SUSPENDUE: "Cette offre est suspendue : confirmez-la pour la publier de nouveau.",
    S.ARCHIVEE: "Cette offre est archivée : reprenez-la d’abord.",
    S.FUSIONNEE: "Cette offre est réunie à une autre : c’est l’autre qu’il faut modifier.",
}


def possible(state: OfferState, act: Act) -> bool:
    """Say whether `act` can be done to an offer in `state`."""
    return (state, act) in TRANSITIONS


def after(state: OfferState, act: Act) -> OfferState:
    """Return the state after `act`. Raises RuleBroken, with what to do, when it cannot be done in `state`."""
    try:
        return TRANSITIONS[state, act]
    except KeyError:
        raise RuleBroken(_REFUSED[state]) from None
