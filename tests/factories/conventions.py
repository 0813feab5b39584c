"""Conventions, and actions with places."""

import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlmodel import Session

from portal import clock
from portal.conventions import rules
from portal.conventions.models import Convention, FinancedAction, PlaceMode
from portal.offers.models import Offer
from portal.structures.models import Structure

_numbers = itertools.count(1)


def make_convention(session: Session, structure: Structure, **values: Any) -> Convention:
    today = clock.today()
    return rules.create_convention(
        session,
        {
            "numero": f"EX-{next(_numbers):04d}",
            "intitule": "Convention d’exemple",
            "structure_id": structure.id,
            "date_debut": today - timedelta(days=90),
            "date_fin": today + timedelta(days=200),
            "montant_centimes": 3_000_000,
            "signee_le": today - timedelta(days=100),
            **values,
        },
        by=None,
    )


def make_action(
    session: Session,
    convention: Convention,
    offers: Sequence[Offer],
    *,
    places: int = 3,
    mode: PlaceMode = PlaceMode.ENTREE,
    **values: Any,
) -> FinancedAction:
    return rules.create_action(
        session,
        convention,
        {
            "intitule": "Action d’exemple",
            "places_financees": places,
            "cout_unitaire_centimes": 150_000,
            "mode": mode,
            "offer_ids": [offer.id for offer in offers],
            **values,
        },
        by=None,
    )
