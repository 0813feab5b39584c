"""Two presses of one button in the same instant, on two connections: one row, and both are told of it."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlmodel import Session, func, select

from portal.accounts.models import User
from portal.beneficiaries import rules as beneficiaries
from portal.beneficiaries.models import AccessEntry, Beneficiary
from portal.conventions import rules
from portal.conventions.models import ActionOffer, Convention, FinancedAction
from portal.db import Database
from portal.errors import RuleBroken
from tests.factories.accounts import make_user
from tests.factories.conventions import make_convention
from tests.factories.offers import make_offer
from tests.factories.structures import make_structure
from tests.races.databases import own_database


def press_twice(database: Database, act: Callable[[Session, int], Any]) -> list[Any]:
    """Do `act` (given its session and the number of the press) twice at once; return what each gave or raised."""
    together = Barrier(2, timeout=120)

    def press(number: int) -> Any:
        with database.session() as session:
            together.wait()
            try:
                given = act(session, number)
                session.commit()
            except RuleBroken as broken:
                return broken
            return given

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(press, (0, 1)))


def number_of(database: Database, table: Any) -> int:
    with database.session(read_only=True) as session:
        return session.exec(select(func.count()).select_from(table)).one()


def test_one_file_one_convention_one_action(
    engine_name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with own_database(engine_name, request, tmp_path) as database:
        with database.writing() as session:
            referent, structure = make_user(session), make_structure(session)
            offer, convention = make_offer(session, structure), make_convention(session, structure)
            ids = (referent.id, structure.id, offer.id, convention.id)
        referent_id, structure_id, offer_id, convention_id = ids

        key = uuid.uuid4()
        person = {"prenom": "Élodie", "nom": "Fictive", "date_naissance": date(1990, 2, 1)}
        opened = press_twice(
            database,
            lambda session, _: (
                beneficiaries.create_beneficiary(
                    session, person, by=session.get_one(User, referent_id), id=key
                ).id
            ),
        )
        assert opened == [key, key]
        assert number_of(database, Beneficiary) == number_of(database, AccessEntry) == 1

        values = {
            "numero": "2026-12",
            "intitule": "Mobilité",
            "structure_id": structure_id,
            "date_debut": date(2026, 1, 1),
            "date_fin": date(2026, 12, 31),
            "montant_centimes": 100,
        }
        written = press_twice(
            database, lambda session, _: rules.create_convention(session, values, by=None, id=key).id
        )
        assert written == [key, key]
        assert number_of(database, Convention) == 2

        same_number = press_twice(
            database,
            lambda session, _: (
                rules.create_convention(session, {**values, "numero": "2026-13"}, by=None, id=uuid.uuid4()).id
            ),
        )
        (refused,) = [answer for answer in same_number if isinstance(answer, RuleBroken)]
        assert refused.field == "numero"
        assert number_of(database, Convention) == 3

        action = {
            "intitule": "Modules",
            "places_financees": 3,
            "cout_unitaire_centimes": 100,
            "mode": "entree",
            "offer_ids": [offer_id],
        }
        financed = press_twice(
            database,
            lambda session, _: (
                rules.create_action(
                    session, session.get_one(Convention, convention_id), action, by=None, id=key
                ).id
            ),
        )
        assert financed == [key, key]
        assert number_of(database, FinancedAction) == number_of(database, ActionOffer) == 1
