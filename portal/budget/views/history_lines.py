"""What a line of the history says, as people read it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from portal import money
from portal.budget.models import Nature, NonEligible, Rounding, UnderConsumption, Volet
from portal.web.formats import short_day

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
_ENUMS: dict[str, Callable[[str], str]] = {
    "arrondi_avance": lambda text: Rounding(text).label,
    "sous_consommation": lambda text: UnderConsumption(text).label,
    "nature": lambda text: Nature(text).label,
    "non_eligible": lambda text: NonEligible(text).label,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that changed."""

    label: str
    before: str
    after: str


def rows_of(detail: Mapping[str, Iterable[str | None]]) -> list[Row]:
    """Return what changed, from {field: [before, after]} as the history keeps it."""
    rows = []
    for name, pair in detail.items():
        before, after = pair
        if name in _TIES:
            rows.append(
                Row(_TIES[name], "Rien" if before is None else "Un", "Rien" if after is None else "Un autre")
            )
            continue
        label = _LABELS.get(name) or name.removesuffix("_centimes").replace("_", " ").capitalize()
        rows.append(Row(label, _said(name, before), _said(name, after)))
    return rows


def _said(name: str, text: str | None) -> str:
    if text in (None, ""):
        return "Rien"
    assert text is not None
    try:
        if name.endswith("_centimes"):
            return money.euros(int(text))
        if name.startswith("date_") or name.endswith("_le"):
            return short_day(date.fromisoformat(text))
        if name.startswith("taux_"):
            return money.rate(int(text))
        if name in {"etp", "etp_ingenierie_max"} or name.endswith("_etp"):
            return money.etp(int(text))
        if name == "nombre":
            return money.units(int(text))
        if name == "volet":
            return Volet(int(text)).label
        if name in _ENUMS:
            return _ENUMS[name](text)
    except ValueError:
        # Written otherwise by an older version: shown as it was.
        return text
    return {"True": "Oui", "False": "Non"}.get(text, text)
