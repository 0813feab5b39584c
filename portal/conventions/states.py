"""The states of a convention, with a partner or with the State: what is written, and what a day makes of it."""

from datetime import date, timedelta
from enum import StrEnum


class ConventionState(StrEnum):
    """What people decided; the calendar does the rest (`standing`)."""

    BROUILLON = "brouillon"
    SIGNEE = "signee"
    CLOSE = "close"
    RESILIEE = "resiliee"


class ConventionAct(StrEnum):
    """What changes the state."""

    SIGNER = "signer"
    CLORE = "clore"
    ROUVRIR = "rouvrir"
    RESILIER = "resilier"

    @property
    def label(self) -> str:
        """The act as a button says it."""
        return {"signer": "Signer", "clore": "Clore", "rouvrir": "Rouvrir", "resilier": "Résilier"}[
            self.value
        ]

    @property
    def needs_reason(self) -> bool:
        """True when the act is refused without a reason."""
        return self in {ConventionAct.ROUVRIR, ConventionAct.RESILIER}


TRANSITIONS: dict[tuple[ConventionState, ConventionAct], ConventionState] = {
    (ConventionState.BROUILLON, ConventionAct.SIGNER): ConventionState.SIGNEE,
    (ConventionState.SIGNEE, ConventionAct.CLORE): ConventionState.CLOSE,
    (ConventionState.SIGNEE, ConventionAct.RESILIER): ConventionState.RESILIEE,
    (ConventionState.CLOSE, ConventionAct.ROUVRIR): ConventionState.SIGNEE,
}


class Standing(StrEnum):
    """Where a convention stands on a day, as the interface says it."""

    BROUILLON = "brouillon"
    SIGNEE = "signee"
    ACTIVE = "active"
    ECHUE = "echue"
    CLOSE = "close"
    RESILIEE = "resiliee"

    @property
    def label(self) -> str:
        """The standing as a badge says it."""
        return {
            "brouillon": "Brouillon",
            "signee": "Signée, à venir",
            "active": "Active",
            "echue": "Échue",
            "close": "Close",
            "resiliee": "Résiliée",
        }[self.value]


# How each standing is shown: kind of the badge, icon. The word is the standing's own.
BADGES: dict[Standing, tuple[str, str]] = {
    Standing.BROUILLON: ("neutral", "pen"),
    Standing.SIGNEE: ("accent", "clock"),
    Standing.ACTIVE: ("success", "check"),
    Standing.ECHUE: ("warning", "flag"),
    Standing.CLOSE: ("neutral", "list"),
    Standing.RESILIEE: ("danger", "cross"),
}


def standing(state: ConventionState, date_debut: date, date_fin: date, day: date) -> Standing:
    """Return where a convention of this state and period (both days included) stands on `day`."""
    if state is not ConventionState.SIGNEE:
        return Standing(state.value)
    if day < date_debut:
        return Standing.SIGNEE
    return Standing.ACTIVE if day <= date_fin else Standing.ECHUE


def in_grace(standing: Standing, date_fin: date, grace_jours: int, day: date) -> bool:
    """Say whether an expired convention is still in its days of grace: everything that ends it can still be written."""
    return standing is Standing.ECHUE and day <= date_fin + timedelta(days=grace_jours)


def possible_acts(state: ConventionState) -> list[ConventionAct]:
    """Return the acts that this state allows, in the order of the table."""
    return [act for (origin, act) in TRANSITIONS if origin is state]
