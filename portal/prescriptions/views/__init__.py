"""Pages of prescriptions, by what people come to do; `lien` is the link of an e-mail, without an account."""

from portal.prescriptions.views import (
    answer,
    attente,
    detail,
    documents,
    exports,
    fiche,
    follow,
    hours,
    lien,
    lists,
    lot_documents,
    lots,
    paper,
    place,
    prescribe,
    several,
)
from portal.prescriptions.views.blueprint import blueprint

__all__ = [
    "answer",
    "attente",
    "blueprint",
    "detail",
    "documents",
    "exports",
    "fiche",
    "follow",
    "hours",
    "lien",
    "lists",
    "lot_documents",
    "lots",
    "paper",
    "place",
    "prescribe",
    "several",
]
