"""Two officers on the rules of follow-up, at the same instant: one is kept, the other is told."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlmodel import select

from portal.accounts.models import Role, User
from portal.conventions import follow_up
from portal.conventions.models import FollowUpEvent, FollowUpRules
from portal.db import Database
from tests.factories.accounts import make_user
from tests.races.databases import own_database
from tests.races.workers import race

pytestmark = pytest.mark.xdist_group("races")


def save(database: Database, start: Callable[[], object], by_id: uuid.UUID, version: int, days: int) -> str:
    """Press "Enregistrer"."""
    start()
    with database.writing() as session:
        follow_up.change(
            session, {"proposition_jours": days}, by=session.get_one(User, by_id), version=version
        )
    return "saved"


@pytest.mark.parametrize("made", [False, True])
def test_one_is_kept_and_the_other_is_told(
    engine_name: str, request: pytest.FixtureRequest, tmp_path: Path, made: bool
) -> None:
    with own_database(engine_name, request, tmp_path) as database:
        with database.writing() as session:
            officer = make_user(session, Role.CONVENTIONNEMENT)
            if made:
                follow_up.change(session, {"proposition_jours": 9}, by=officer)
        url = database.engine.url.render_as_string(hide_password=False)
        version = 2 if made else 1
        said = race(url, save, [(officer.id, version, 3), (officer.id, version, 4)])
        assert sorted(said) == ["ChangedMeanwhile", "saved"]
        with database.session() as session:
            kept = session.exec(select(FollowUpRules)).one()
            assert (kept.version, kept.proposition_jours) == (version + 1, 3 + said.index("saved"))
            assert len(session.exec(select(FollowUpEvent)).all()) == version
