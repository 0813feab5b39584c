"""The states of a prescription, as a table to read aloud. Nothing here touches the database."""

from enum import StrEnum


class State(StrEnum):
    """Where a prescription stands; both sides see the same."""

    BROUILLON = "brouillon"
    ENVOYEE = "envoyee"
    A_L_ETUDE = "a_l_etude"
    ACCEPTEE = "acceptee"
    REFUSEE = "refusee"
    ENTREE = "entree"
    TERMINEE = "terminee"
    ABANDONNEE = "abandonnee"
    ANNULEE = "annulee"
    EXPIREE = "expiree"

    @property
    def label(self) -> str:
        """The state as the interface says it."""
        return _STATE_LABELS[self]

    @property
    def is_final(self) -> bool:
        """True when nothing more can be done."""
        return self in FINAL


_STATE_LABELS = {
    State.BROUILLON: "Brouillon",
    State.ENVOYEE: "Envoyée",
    State.A_L_ETUDE: "À l’étude",
    State.ACCEPTEE: "Acceptée",
    State.REFUSEE: "Refusée",
    State.ENTREE: "Entrée",
    State.TERMINEE: "Terminée",
    State.ABANDONNEE: "Abandonnée",
    State.ANNULEE: "Annulée",
    State.EXPIREE: "Expirée",
}


class Act(StrEnum):
    """What somebody does to a prescription."""

    ENVOYER = "envoyer"
    ETUDIER = "etudier"
    METTRE_EN_ATTENTE = "mettre-en-attente"
    ACCEPTER = "accepter"
    REFUSER = "refuser"
    ENTRER = "entrer"
    TERMINER = "terminer"
    ABANDONNER = "abandonner"
    ANNULER = "annuler"
    EXPIRER = "expirer"
    # What follows leaves the state as it is, except the place that is taken and the absence that ends it.
    PRENDRE_PLACE = "prendre-la-place"
    LAISSER_PLACE = "laisser-la-place"
    PROPOSER_PLACE = "proposer-la-place"
    CONVENIR = "rendez-vous"
    PRESENCE = "presence"
    ABSENCE = "absence"
    RELANCER = "relancer"
    CONFIER = "confier"
    SUIVRE = "suivre"
    CONSTATER = "constater-absence"

    @property
    def label(self) -> str:
        """The act as its button says it."""
        return _ACT_LABELS[self]

    @property
    def weight(self) -> int:
        """The order of its button: the way on first, the way out last."""
        return list(_ACT_LABELS).index(self)


# In the order of the buttons.
_ACT_LABELS = {
    Act.ENVOYER: "Envoyer",
    Act.PRENDRE_PLACE: "Prendre la place",
    Act.ACCEPTER: "Accepter",
    Act.ENTRER: "Déclarer l’entrée",
    Act.TERMINER: "Déclarer la fin",
    Act.CONVENIR: "Proposer un rendez-vous",
    Act.PRESENCE: "Noter une présence",
    Act.ABSENCE: "Noter une absence",
    Act.ETUDIER: "Mettre à l’étude",
    Act.METTRE_EN_ATTENTE: "Mettre en liste d’attente",
    Act.SUIVRE: "Choisir qui la suit",
    Act.RELANCER: "Relancer la structure",
    Act.CONFIER: "Passer la main",
    Act.LAISSER_PLACE: "Laisser la place",
    Act.REFUSER: "Refuser",
    Act.ABANDONNER: "Déclarer l’abandon",
    Act.ANNULER: "Annuler la prescription",
    Act.EXPIRER: "Laisser expirer",
    Act.PROPOSER_PLACE: "Proposer la place",
    Act.CONSTATER: "Constater l’absence",
}


class Side(StrEnum):
    """Who acts."""

    REFERENT = "referent"
    PARTENAIRE = "partenaire"
    PORTAIL = "portail"


S, A = State, Act

TRANSITIONS: dict[tuple[State, Act], State] = {
    (S.BROUILLON, A.ENVOYER): S.ENVOYEE,
    (S.BROUILLON, A.ANNULER): S.ANNULEE,
    (S.ENVOYEE, A.ETUDIER): S.A_L_ETUDE,
    (S.ENVOYEE, A.METTRE_EN_ATTENTE): S.A_L_ETUDE,
    (S.ENVOYEE, A.ACCEPTER): S.ACCEPTEE,
    (S.ENVOYEE, A.REFUSER): S.REFUSEE,
    (S.ENVOYEE, A.ANNULER): S.ANNULEE,
    (S.ENVOYEE, A.EXPIRER): S.EXPIREE,
    (S.A_L_ETUDE, A.METTRE_EN_ATTENTE): S.A_L_ETUDE,
    (S.A_L_ETUDE, A.ACCEPTER): S.ACCEPTEE,
    (S.A_L_ETUDE, A.REFUSER): S.REFUSEE,
    (S.A_L_ETUDE, A.ANNULER): S.ANNULEE,
    (S.A_L_ETUDE, A.EXPIRER): S.EXPIREE,
    (S.A_L_ETUDE, A.PROPOSER_PLACE): S.A_L_ETUDE,
    (S.A_L_ETUDE, A.PRENDRE_PLACE): S.ACCEPTEE,
    (S.A_L_ETUDE, A.LAISSER_PLACE): S.A_L_ETUDE,
    (S.ACCEPTEE, A.ENTRER): S.ENTREE,
    (S.ACCEPTEE, A.ABANDONNER): S.ABANDONNEE,
    (S.ACCEPTEE, A.CONSTATER): S.ABANDONNEE,
    (S.ACCEPTEE, A.ANNULER): S.ANNULEE,
    (S.ENTREE, A.TERMINER): S.TERMINEE,
    (S.ENTREE, A.ABANDONNER): S.ABANDONNEE,
    **{(state, A.CONVENIR): state for state in (S.ENVOYEE, S.A_L_ETUDE, S.ACCEPTEE)},
    **{(state, A.PRESENCE): state for state in (S.A_L_ETUDE, S.ACCEPTEE, S.ENTREE)},
    **{(state, A.ABSENCE): state for state in (S.A_L_ETUDE, S.ACCEPTEE, S.ENTREE)},
    **{(state, A.RELANCER): state for state in (S.ENVOYEE, S.A_L_ETUDE, S.ACCEPTEE)},
    **{(state, A.CONFIER): state for state in (S.ENVOYEE, S.A_L_ETUDE, S.ACCEPTEE, S.ENTREE)},
    **{(state, A.SUIVRE): state for state in (S.ENVOYEE, S.A_L_ETUDE, S.ACCEPTEE, S.ENTREE)},
}

WHO_MAY: dict[Act, Side] = {
    A.ENVOYER: Side.REFERENT,
    A.ANNULER: Side.REFERENT,
    A.ETUDIER: Side.PARTENAIRE,
    A.METTRE_EN_ATTENTE: Side.PARTENAIRE,
    A.ACCEPTER: Side.PARTENAIRE,
    A.REFUSER: Side.PARTENAIRE,
    A.ENTRER: Side.PARTENAIRE,
    A.TERMINER: Side.PARTENAIRE,
    A.ABANDONNER: Side.PARTENAIRE,
    A.EXPIRER: Side.PORTAIL,
    A.PRENDRE_PLACE: Side.REFERENT,
    A.LAISSER_PLACE: Side.REFERENT,
    A.RELANCER: Side.REFERENT,
    A.CONFIER: Side.REFERENT,
    A.CONVENIR: Side.PARTENAIRE,
    A.PRESENCE: Side.PARTENAIRE,
    A.ABSENCE: Side.PARTENAIRE,
    A.SUIVRE: Side.PARTENAIRE,
    A.PROPOSER_PLACE: Side.PORTAIL,
    A.CONSTATER: Side.PORTAIL,
}

FINAL = frozenset(state for state in State if not any(origin is state for origin, _ in TRANSITIONS))
# Between the sending and the end: one such prescription at most for a person on an offer.
OPEN = frozenset({S.ENVOYEE, S.A_L_ETUDE, S.ACCEPTEE, S.ENTREE})
TO_ANSWER = frozenset({S.ENVOYEE, S.A_L_ETUDE})
# What the partner may answer on paper, for the référent to write down with the scanned sheet.
ON_PAPER = frozenset({A.ACCEPTER, A.REFUSER, A.ENTRER, A.TERMINER, A.ABANDONNER})


def possible_acts(state: State, side: Side) -> list[Act]:
    """Return the acts open to `side` in `state`, in the order of the table."""
    return [act for (origin, act) in TRANSITIONS if origin is state and WHO_MAY[act] is side]
