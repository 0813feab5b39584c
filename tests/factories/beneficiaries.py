"""People followed, visibly invented."""

import itertools
from datetime import date
from typing import Any

from sqlmodel import Session

from portal.accounts.models import User
from portal.beneficiaries import rules
from portal.beneficiaries.models import Beneficiary
from tests.factories.accounts import make_user
from tests.factories.structures import RENNES

_numbers = itertools.count(1)


def make_beneficiary(session: Session, referent: User | None = None, **values: Any) -> Beneficiary:
    number = next(_numbers)
    return rules.create_beneficiary(
        session,
        {
            "prenom": "Dominique",
            "nom": f"Fictif{number}",
            "date_naissance": date(1985, 4, 12),
            "code_insee": RENNES,
            "telephone": "+33600000000",
            "courriel": None,
            "numero_allocataire": f"DEMO{number:05d}",
            "dominante": "equilibree",
            "freins": ["mobilite"],
            **values,
        },
        by=referent or make_user(session),
    )
