"""Two people who continue the same import at the same instant: each line is written once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from portal.db import Database
from portal.exchanges.imports import runs
from portal.exchanges.models import ImportLine, ImportRun, ImportState
from portal.structures.models import Revision, Structure
from tests.exchanges.import_tables import OWN, PARTNER, STRUCTURE, table
from tests.races import workers
from tests.races.databases import own_database
from tests.races.workers import race

pytestmark = pytest.mark.xdist_group("races")
LINES = 25


@pytest.fixture
def arena(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of its own, with its tables."""
    with own_database(engine_name, request, tmp_path) as database:
        yield database


def test_each_line_is_written_once(arena: Database) -> None:
    rows = [STRUCTURE | {"id": f"s{n}", "siret": "", "nom": f"Structure {n:02d}"} for n in range(LINES)]
    with arena.writing() as session:
        run = runs.import_file(
            session,
            filename="t.csv",
            content=table(rows),
            source=PARTNER,
            by=None,
            own_source=OWN,
            departement="35",
        )
        runs.accept(session, run.id, publish=True)
        run_id = run.id
    url = arena.engine.url.render_as_string(hide_password=False)
    said = race(url, workers.continue_import, [(run_id, 4)] * 3)
    # Seven handfuls of four; who comes after the last one finds nothing to do.
    assert sum(map(int, said)) in (7, 8, 9), said
    with arena.session(read_only=True) as session:
        assert session.get_one(ImportRun, run_id).state is ImportState.TERMINE
        assert len(session.exec(select(Structure)).all()) == LINES
        # Made by the import, then published.
        assert len(session.exec(select(Revision)).all()) == 2 * LINES
        assert all(line.written_at for line in session.exec(select(ImportLine)))
