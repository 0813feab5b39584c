"""What DORA calls our states and our reasons. Nothing here touches the database."""

from portal.prescriptions.models import RefusalReason
from portal.prescriptions.states import State

# DORA's statuses: it knows no withdrawal, nor anything after the acceptance. A prescription withdrawn
# is one that waits for nothing any more, which DORA calls expired. A draft never leaves.
DORA_STATUSES: dict[State, str | None] = {
    State.BROUILLON: None,
    State.ENVOYEE: "OUVERTE",
    State.A_L_ETUDE: "OUVERTE",
    State.ACCEPTEE: "VALIDÉE",
    State.ENTREE: "VALIDÉE",
    State.TERMINEE: "VALIDÉE",
    State.ABANDONNEE: "VALIDÉE",
    State.REFUSEE: "REFUSÉE",
    State.ANNULEE: "EXPIRÉE",
    State.EXPIREE: "EXPIRÉE",
}
# DORA's reasons, with its accents.
DORA_REFUSALS: dict[RefusalReason, str] = {
    RefusalReason.NON_JOIGNABLE: "bénéficiaire-non-joignable",
    RefusalReason.ABSENT: "bénéficiaire-absent",
    RefusalReason.EN_EMPLOI: "bénéficiaire-en-emploi",
    RefusalReason.EN_FORMATION: "bénéficiaire-en-formation",
    RefusalReason.NON_ELIGIBLE: "bénéficiaire-non-éligible",
    RefusalReason.NON_MOBILE: "bénéficiaire-non-mobile",
    RefusalReason.NON_INTERESSE: "bénéficiaire-non-intéressé",
    RefusalReason.FREINS: "freins-périphériques",
    RefusalReason.COMPLET: "session-complète",
    RefusalReason.DOUBLON: "orientation-en-doublon",
    RefusalReason.OFFRE_FERMEE: "autre",
    RefusalReason.AUTRE: "autre",
}


def dora_status(state: State) -> str | None:
    """Return what DORA calls this state; None for a draft, which it never sees."""
    return DORA_STATUSES[state]
