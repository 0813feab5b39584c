"""What a line of the history says, as people read it."""

from collections.abc import Callable, Iterable, Mapping

from portal import money
from portal.budget.models import Nature, Rounding, UnderConsumption, Volet
from portal.budget.spending_models import NonEligible
from portal.web.answers import Row, changes_of

_LABELS = {
    "numero": "Numéro",
    "intitule": "Intitulé",
    "date_debut": "Premier jour",
    "date_fin": "Dernier jour",
    "etat": "Pour l’État",
    "etat_signataire": "Signataire pour l’État",
    "departement": "Pour le département",
    "departement_signataire": "Signataire pour le département",
    "sous_action": "Sous-action",
    "activite": "Activité",
    "groupe_marchandises": "Groupe de marchandises",
    "centre_cout": "Centre de coût",
    "iban": "IBAN",
    "bic": "BIC",
    "titulaire": "Titulaire du compte",
    "taux_avance": "Taux de l’avance",
    "arrondi_avance": "Arrondi de l’avance",
    "sous_consommation": "Avance qui n’est pas toute dépensée",
    "taux_departement": "Part du département sur le volet 2",
    "etp_ingenierie_max": "ETP d’ingénierie au plus",
    "etp": "ETP",
    "grace_jours": "Délai de grâce, en jours",
    "signe_le": "Signature",
    "cout_unitaire_centimes": "Coût unitaire",
    "part_etat_centimes": "Part de l’État",
    "hors_convention": "À la charge du département",
    "non_eligible": "Non éligible",
    "unite": "Unité",
    "reference": "Référence",
}
# Ids say nothing to anybody.
_TIES = {
    "partner_convention_id": "Convention (partenaire)",
    "action_id": "Action",
    "post_id": "Poste",
    "fiche_id": "Fiche action",
}
_READERS: dict[str, Callable[[str], str]] = {
    "arrondi_avance": lambda text: Rounding(text).label,
    "sous_consommation": lambda text: UnderConsumption(text).label,
    "nature": lambda text: Nature(text).label,
    "non_eligible": lambda text: NonEligible(text).label,
    "etp": lambda text: money.etp(int(text)),
    "etp_ingenierie_max": lambda text: money.etp(int(text)),
    "nombre": lambda text: money.units(int(text)),
    "volet": lambda text: Volet(int(text)).label,
}


def rows_of(detail: Mapping[str, Iterable[str | None]]) -> list[Row]:
    """Return what changed, from {field: [before, after]} as the history keeps it."""
    return changes_of(detail, _LABELS | _TIES, _READERS, ids=_TIES)
