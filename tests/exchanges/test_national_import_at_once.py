"""`exchanges import` beside people and beside itself: all or nothing."""

import json
import zlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import delete, text
from sqlmodel import Session, col, select

from portal import create_app
from portal.catalogue import build
from portal.catalogue.models import (
    CatalogueIndexPart,
    KnownService,
    KnownStructure,
    UnmetNeed,
)
from portal.config import Config
from portal.db import Database
from portal.exchanges.national import loading
from tests.exchanges.national import OWN, Give, Run, ids, indexes, lines, one, runner, service, structure
from tests.races.databases import own_database, own_url
from tests.races.workers import race

pytestmark = pytest.mark.xdist_group("races")


class TestAllOrNothing:
    def test_without_tables_the_first_step_is_told(
        self, config: Config, engine_name: str, request: pytest.FixtureRequest, tmp_path: Path, give: Give
    ) -> None:
        with own_url(engine_name, request, tmp_path) as url:
            database = Database(url)
            run = runner(create_app(config, database))
            result = run(give([structure()], [service()]), "--wet-run", code=1)
            database.engine.dispose()
        assert "run `flask --app wsgi db upgrade`" in result.stderr

    def test_a_failure_at_the_very_end_leaves_all_as_it_was(
        self, config: Config, engine_name: str, request: pytest.FixtureRequest, tmp_path: Path, give: Give
    ) -> None:
        with own_database(engine_name, request, tmp_path) as database:
            run = runner(create_app(config, database))
            run(give([structure()], [service(1), service(2)]), "--wet-run")
            with database.writing() as session:
                session.execute(text("ALTER TABLE catalogue_index_part RENAME TO elsewhere"))
            changed = give([structure(), structure(2)], [service(1, nom="Un autre nom"), service(3)])
            result = run(changed, "--wet-run", "--replace", code=1)
            assert "Error: nothing was written: " in result.stderr
            assert ids(database, KnownStructure) == ["dora--s1"]
            assert ids(database, KnownService) == ["dora--v1", "dora--v2"]
            assert json.loads(one(database, KnownService, "dora--v1").record)["nom"] == "Atelier 1"


def load_files(
    database: Database, start: Callable[[], object], structures: str, services: str, replace: bool
) -> str:
    """Import the two files as the command does."""
    start()
    report = loading.load(
        database,
        Path(structures),
        Path(services),
        own_source=OWN,
        wet=True,
        keep_good=False,
        replace=replace,
        listeners=loading.Listeners(lambda _: None, lambda *_: None),
    )
    compared = report.services.compared
    return f"{compared.new} {compared.changed} {compared.unchanged} {report.services.removed}"


def index_content(database: Database) -> bytes:
    """The newest index, opened."""
    newest = indexes(database)[-1]
    with database.session(read_only=True) as session:
        parts = select(CatalogueIndexPart.contenu).where(CatalogueIndexPart.index_id == newest)
        return b"".join(map(zlib.decompress, session.exec(parts.order_by(col(CatalogueIndexPart.rang)))))


class TestBesideOthers:
    """The index is made before anything is written, by who keeps nobody waiting."""

    @pytest.fixture
    def load(self, kept: Database) -> Callable[..., loading.Report]:
        """Import two files, and do `meanwhile` as the index is being made."""

        def loaded(files: list[str], meanwhile: Callable[[], object], **options: bool) -> loading.Report:
            def progress(what: str, done: int, _total: int) -> None:
                if (what, done) == ("index", 0):
                    meanwhile()

            return loading.load(
                kept,
                Path(files[0]),
                Path(files[1]),
                own_source=OWN,
                **({"wet": True, "keep_good": False, "replace": False} | options),
                listeners=loading.Listeners(lambda _: None, progress),
            )

        return loaded

    def test_people_write_while_the_index_is_made(
        self, load: Callable[..., loading.Report], give: Give, kept: Database
    ) -> None:
        jour, written = date(2026, 3, 1), []

        def meanwhile() -> None:
            impatient = kept.engine.execution_options(portal_patience_ms=200)
            with Session(impatient) as session:
                session.add(UnmetNeed(jour=jour, thematique="numerique", code_insee="35236", nombre=1))
                session.commit()
            with kept.writing() as session:
                written.append(session.execute(delete(UnmetNeed).where(col(UnmetNeed.jour) == jour)).rowcount)

        assert load(give([structure()], [service()]), meanwhile).written
        assert written == [1]
        assert ids(kept, KnownService) == ["dora--v1"]

    def test_what_changed_meanwhile_is_not_written_over(
        self, load: Callable[..., loading.Report], give: Give, run: Run, kept: Database
    ) -> None:
        run(give([structure(), structure(2)], [service(1), service(2)]), "--wet-run")

        def meanwhile() -> None:
            with kept.writing() as session:
                session.execute(delete(KnownService).where(col(KnownService.id) == "dora--v2"))
                build.rebuild(session)

        with pytest.raises(loading.Overtaken):
            load(give([structure()], [service(1, nom="Un autre nom"), service(2), service(3)]), meanwhile)
        assert ids(kept, KnownService) == ["dora--v1"]
        assert json.loads(one(kept, KnownService, "dora--v1").record)["nom"] == "Atelier 1"

    def test_the_index_is_that_of_what_is_written(
        self, load: Callable[..., loading.Report], give: Give, run: Run, kept: Database
    ) -> None:
        run(
            give([structure(n) for n in range(1, 4)], [service(n, under=1 + n % 3) for n in range(9)]),
            "--wet-run",
        )
        changed = give(
            [structure(1, nom="Un autre nom"), structure(2), structure(10)],
            [service(1, under=10), service(4, nom="Un atelier changé"), service(20, under=10), service(0)],
        )
        told = load(changed, lambda: None, replace=True)
        assert (told.services.compared.new, told.services.removed) == (1, 6)
        assert told.services.compared.changed >= 2 and told.structures.removed == 1
        made_before = index_content(kept)
        with kept.writing() as session:
            build.rebuild(session)
        assert len(indexes(kept)) == 3
        assert index_content(kept) == made_before


class TestAtOnce:
    def test_the_same_files_are_kept_once(self, kept: Database, give: Give) -> None:
        files = give([structure(n) for n in range(200)], [service(n, under=n % 200) for n in range(600)])
        url = kept.engine.url.render_as_string(hide_password=False)
        said = race(url, load_files, [(*files, False)] * 3)
        assert sorted(said) == ["0 0 600 0", "0 0 600 0", "600 0 0 0"]
        assert len(ids(kept, KnownService)) == 600
        assert len(indexes(kept)) == 1

    def test_two_states_of_a_source_do_not_mingle(self, kept: Database, tmp_path: Path) -> None:
        entrants = []
        for number in range(2):
            files = [tmp_path / f"{number}-{name}" for name in ("structures", "services")]
            files[0].write_bytes(lines([structure(n) for n in range(number * 100, number * 100 + 150)]))
            files[1].write_bytes(
                lines([service(n, under=n) for n in range(number * 100, number * 100 + 150)])
            )
            entrants.append((*map(str, files), True))
        url = kept.engine.url.render_as_string(hide_password=False)
        said = race(url, load_files, entrants)
        assert sorted(said) == ["100 0 50 100", "150 0 0 0"], "the second saw what the first had written"
        found = ids(kept, KnownService)
        assert found in [sorted(f"dora--v{n}" for n in range(first, first + 150)) for first in (0, 100)]
        assert ids(kept, KnownStructure) == [row_id.replace("--v", "--s") for row_id in found]
