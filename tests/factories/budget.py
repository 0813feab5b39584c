"""Conventions with the State, signed, with their amounts."""

import itertools
from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlmodel import Session

from portal.budget.models import Nature, StateAmendment, StateAmount, StateConvention, Volet
from portal.conventions.states import ConventionState

_numbers = itertools.count(1)


def make_state_convention(
    session: Session,
    amounts: Mapping[tuple[int, Volet], int] | None = None,
    *,
    signe_le: date | None = date(2023, 5, 2),
    **values: Any,
) -> StateConvention:
    """Write a convention and its initial text: {(year, volet): cents}; signed on a day, or a draft."""
    convention = StateConvention(
        **{
            "numero": f"ETAT-{next(_numbers):04d}",
            "intitule": "Convention d’exemple avec l’État",
            "date_debut": date(2023, 1, 1),
            "date_fin": date(2024, 12, 31),
            "etat": "Le préfet",
            "departement": "Le département",
            "state": ConventionState.SIGNEE if signe_le else ConventionState.BROUILLON,
            **values,
        }
    )
    session.add(convention)
    session.flush()
    make_state_amendment(session, convention, amounts or {}, numero=0, signe_le=signe_le)
    return convention


def make_state_amendment(
    session: Session,
    convention: StateConvention,
    amounts: Mapping[tuple[int, Volet], int],
    *,
    numero: int,
    signe_le: date | None,
    **values: Any,
) -> StateAmendment:
    """Write an avenant with its amounts."""
    amendment = StateAmendment(
        convention_id=convention.id,
        numero=numero,
        signe_le=signe_le,
        **{"objet": "Objet d’exemple", **values},
    )
    session.add(amendment)
    if amendment.date_fin and signe_le:
        convention.date_fin = amendment.date_fin
    session.flush()
    session.add_all(
        StateAmount(amendment_id=amendment.id, annee=annee, volet=int(volet), montant_centimes=cents)
        for (annee, volet), cents in amounts.items()
    )
    session.flush()
    return amendment


def expense_values(**values: Any) -> dict[str, Any]:
    """What `expenses.write` takes: an expense of 2023 on volet 1, unless told otherwise."""
    return {
        "volet": Volet.INGENIERIE,
        "nature": Nature.INGENIERIE,
        "objet": "Chefferie de projet",
        "unite": "mois",
        "nombre": 12_000,
        "cout_unitaire_centimes": 400_000,
        "date_debut": date(2023, 1, 1),
        "date_fin": date(2023, 12, 31),
        **values,
    }
