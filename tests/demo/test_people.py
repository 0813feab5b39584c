"""Nobody in the demo could be taken for a real person, and each role has somebody."""

import re

import pytest
from sqlmodel import Session, col, func, select

from portal import demo
from portal.accounts import rules as account_rules
from portal.accounts.models import Role, User
from portal.beneficiaries.models import Beneficiary
from portal.db import Database
from portal.prescriptions.models import (
    Prescription,
)
from portal.prescriptions.states import State
from tests.demo.reading import FICTION, INVENTED_NAMES, everyone
from tests.factories.accounts import make_user
from tests.pages import Browser

# Loaded once for each engine in each process: together on one worker.
pytestmark = pytest.mark.xdist_group("demo")


class TestPeople:
    def test_every_person_followed_is_visibly_invented(self, loaded: Session) -> None:
        people = everyone(loaded, Beneficiary)
        assert {person.nom for person in people} == INVENTED_NAMES
        assert len({person.nom for person in people}) == len(people)
        for person in people:
            assert person.numero_allocataire.startswith("DEMO-")
            assert FICTION.fullmatch(person.telephone)
            assert person.courriel is None or person.courriel.endswith("@demo.example.org")

    def test_every_account_is_visibly_invented(self, loaded: Session) -> None:
        for user in everyone(loaded, User):
            assert user.nom.endswith("-Démo")
            assert user.courriel.endswith("@demo.example.org")

    def test_one_account_of_each_role_is_told_and_each_can_sign_in(
        self, session: Session, browser: Browser
    ) -> None:
        demo.load(session)
        session.commit()
        told = demo.accounts_told()
        found = dict(re.findall(r"^  (\w+) +(\S+@\S+)$", told, re.MULTILINE))
        assert set(found) == {role.value for role in Role}
        assert demo.PASSWORD in told
        for role, address in found.items():
            user = account_rules.check_sign_in(session, courriel=address, password=demo.PASSWORD)
            assert user.role == role
        page = browser.get("/connexion").form("/connexion")
        page = page.submit("Se connecter", courriel=found["referent"], mot_de_passe=demo.PASSWORD)
        assert page.path == "/"
        assert "Renée Référente-Démo" in page.text

    def test_the_referent_has_a_portfolio_and_both_partners_something_to_answer(
        self, loaded: Session
    ) -> None:
        referent = account_rules.find_user(loaded, "referent@demo.example.org")
        assert referent is not None
        followed = loaded.exec(
            select(func.count()).select_from(Beneficiary).where(col(Beneficiary.referent_id) == referent.id)
        ).one()
        assert followed == 12
        for slug in ("ervp", "apase"):
            waiting = loaded.exec(
                select(Prescription).where(
                    col(Prescription.structure_id) == demo.demo_id("structure", slug),
                    col(Prescription.state) == State.ENVOYEE,
                )
            ).all()
            assert waiting

    def test_whether_it_is_loaded_can_be_asked(
        self, session: Session, database: Database, demo_database: Database
    ) -> None:
        make_user(session)
        session.commit()
        assert not demo.is_loaded(database)
        assert demo.is_loaded(demo_database)
