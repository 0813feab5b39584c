"""The same search that finds nothing, at the same instant: every one counts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from portal.catalogue.criteria import Criteria
from portal.catalogue.models import UnmetNeed
from portal.db import Database
from tests.races import workers
from tests.races.databases import own_database
from tests.races.workers import race

pytestmark = pytest.mark.xdist_group("races")


@pytest.fixture
def arena(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of its own, with its tables."""
    with own_database(engine_name, request, tmp_path) as database:
        yield database


def test_needs_noted_at_once_all_count(arena: Database) -> None:
    wanted = Criteria(thematiques=frozenset({"mobilite--preparer-un-permis", "sante--addictions"}))
    url = arena.engine.url.render_as_string(hide_password=False)
    said = race(url, workers.note_need, [(wanted, 5)] * 4)
    assert said == ["noted"] * 4
    with arena.session(read_only=True) as session:
        assert [need.nombre for need in session.exec(select(UnmetNeed))] == [20, 20]
