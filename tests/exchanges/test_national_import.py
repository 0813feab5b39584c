"""`exchanges import`: records of other sources, checked, then kept all or not at all."""

import gzip
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import delete

from portal import migrate
from portal.catalogue.models import (
    KnownService,
    KnownStructure,
)
from portal.db import Database
from portal.exchanges.national import loading
from tests.exchanges.national import (
    OWN,
    Give,
    Run,
    ids,
    indexes,
    lines,
    one,
    service,
    structure,
    told,
)

pytestmark = pytest.mark.xdist_group("races")


class TestKept:
    def test_nothing_is_written_without_wet_run(self, run: Run, give: Give, kept: Database) -> None:
        result = run(give([structure()], [service(1), service(2)]))
        assert told(result) == {"structures": {"new": 1}, "services": {"new": 2}}
        assert "dry run" in result.stderr
        assert result.stdout == ""
        assert ids(kept, KnownStructure) == ids(kept, KnownService) == []
        assert indexes(kept) == []

    def test_a_dry_run_does_not_wait_for_who_writes(self, give: Give, kept: Database) -> None:
        files = give([structure()], [service(1)])
        with kept.writing() as session:
            session.execute(delete(KnownService))
            report = loading.load(
                kept,
                *map(Path, files),
                own_source=OWN,
                wet=False,
                keep_good=False,
                replace=False,
                listeners=loading.Listeners(lambda _: None, lambda *_: None),
            )
        assert report.services.compared.new == 1

    def test_what_is_given_is_kept_and_found(
        self, run: Run, give: Give, kept: Database, arena_app: Flask
    ) -> None:
        result = run(give([structure()], [service(1), service(2)]), "--wet-run")
        assert told(result) == {"structures": {"new": 1}, "services": {"new": 2}}
        assert result.stderr.endswith("written\n")
        row = one(kept, KnownService, "dora--v1")
        assert (row.source, row.structure_id) == ("dora", "dora--s1")
        assert json.loads(row.record)["nom"] == "Atelier 1"
        assert row.received_at == row.changed_at
        assert json.loads(one(kept, KnownStructure, "dora--s1").record)["adresse_certifiee"] is True
        assert len(indexes(kept)) == 1
        with kept.session(read_only=True) as session:
            shown = arena_app.extensions["catalogue"].snapshot(session, fresh=True)
            assert shown.find("dora--v2") is not None
            assert shown.structures.find("dora--s1") is not None
            assert shown.sources() == {"dora": 2}

    def test_a_second_time_changes_nothing(
        self, run: Run, give: Give, kept: Database, move_clock: Callable[..., datetime]
    ) -> None:
        files = give([structure(), structure(2)], [service(1), service(2, under=2)])
        move_clock(2026, 3, 3, 10)
        run(files, "--wet-run")
        before = one(kept, KnownService, "dora--v1"), indexes(kept)
        move_clock(2026, 3, 4, 10)
        result = run(files, "--wet-run")
        assert told(result) == {"structures": {"unchanged": 2}, "services": {"unchanged": 2}}
        assert "nothing to write" in result.stderr
        assert (one(kept, KnownService, "dora--v1"), indexes(kept)) == before

    def test_what_changed_is_changed_and_keeps_its_first_day(
        self, run: Run, give: Give, kept: Database, move_clock: Callable[..., datetime]
    ) -> None:
        first, second = datetime(2026, 3, 3, 10, tzinfo=UTC), datetime(2026, 3, 4, 10, tzinfo=UTC)
        move_clock(2026, 3, 3, 10)
        run(give([structure(), structure(2)], [service(1), service(2)]), "--wet-run")
        former = indexes(kept)
        move_clock(2026, 3, 4, 10)
        changed = [service(1, under=2, nom="Un autre nom"), service(2, score_qualite=0.1)]
        result = run(give([structure(), structure(2, telephone="0299000000")], changed), "--wet-run")
        assert told(result) == {
            "structures": {"changed": 1, "unchanged": 1},
            "services": {"changed": 1, "unchanged": 1},
        }
        row = one(kept, KnownService, "dora--v1")
        assert (row.received_at, row.changed_at) == (first, second)
        assert (row.structure_id, json.loads(row.record)["nom"]) == ("dora--s2", "Un autre nom")
        assert one(kept, KnownService, "dora--v2").changed_at == first
        assert one(kept, KnownStructure, "dora--s2").received_at == first
        # The former one is more than an hour old: nobody reads it any more.
        (index,) = indexes(kept)
        assert [index] != former

    def test_absence_is_not_removal(self, run: Run, give: Give, kept: Database) -> None:
        run(give([structure()], [service(1), service(2)]), "--wet-run")
        run(give([structure()], [service(1)]), "--wet-run")
        assert ids(kept, KnownService) == ["dora--v1", "dora--v2"]

    def test_more_than_is_written_at_once(self, run: Run, give: Give, kept: Database) -> None:
        many = [service(number, under=number % 700) for number in range(1300)]
        files = give([structure(number) for number in range(700)], many)
        assert told(run(files, "--wet-run"))["services"] == {"new": 1300}
        assert len(ids(kept, KnownService)) == 1300
        assert told(run(files, "--wet-run", "--replace")) == {
            "structures": {"unchanged": 700},
            "services": {"unchanged": 1300},
        }
        few = give([structure(0)], [service(0, under=0)])
        assert told(run(few, "--wet-run", "--replace"))["services"] == {"unchanged": 1, "removed": 1299}
        assert ids(kept, KnownStructure) == ["dora--s0"]

    def test_compressed_files(self, run: Run, give: Give, kept: Database) -> None:
        files = give(gzip.compress(lines([structure()])), gzip.compress(lines([service()])))
        run(files, "--wet-run")
        assert ids(kept, KnownService) == ["dora--v1"]

    def test_ours_are_set_aside(self, run: Run, give: Give, kept: Database) -> None:
        files = give([structure(), structure(1, OWN)], [service(), service(1, source=OWN)])
        result = run(files, "--wet-run")
        assert told(result) == {
            "structures": {"new": 1, "set aside": 1},
            "services": {"new": 1, "set aside": 1},
        }
        assert ids(kept, KnownService) == ["dora--v1"]


class TestRefused:
    FILES = (
        [structure(1), structure(2, nom="X"), structure(3)],
        [
            service(1),
            service(2, under=2),
            service(3, frais="cher"),
            service(4, under=9),
            service(1, nom="Encore"),
            service(5, under=3),
            service(6, under=2, nom="?"),
        ],
    )
    SAID = [
        "structures.ndjson:2\tdora--s2\tnom\tshorter than 3 characters",
        "services.ndjson:2\tdora--v2\tstructure_id\tdora--s2 is refused (line 2 of its file)",
        "services.ndjson:3\tdora--v3\tfrais\t'cher' is not a value of the vocabulary",
        "services.ndjson:5\tdora--v1\tid\talready given on line 1",
        "services.ndjson:7\tdora--v6\tnom\tshorter than 3 characters",
        "services.ndjson:4\tdora--v4\tstructure_id\tdora--s9 is neither in the file of structures nor known",
    ]

    @pytest.mark.parametrize("options", [(), ("--wet-run",), ("--keep-good",)])
    def test_each_is_told_in_one_line_and_nothing_is_written(
        self, run: Run, give: Give, kept: Database, options: tuple[str, ...]
    ) -> None:
        result = run(give(*self.FILES), *options, code=1)
        assert result.stdout.splitlines() == self.SAID
        assert told(result) == {
            "structures": {"new": 2, "refused": 1},
            "services": {"new": 2, "refused": 5},
        }
        assert "nothing was written" in result.stderr
        assert ids(kept, KnownStructure) == ids(kept, KnownService) == indexes(kept) == []

    def test_the_good_ones_are_kept_when_asked(self, run: Run, give: Give, kept: Database) -> None:
        result = run(give(*self.FILES), "--wet-run", "--keep-good", code=1)
        assert result.stdout.splitlines() == self.SAID
        assert ids(kept, KnownStructure) == ["dora--s1", "dora--s3"]
        assert ids(kept, KnownService) == ["dora--v1", "dora--v5"]
        assert json.loads(one(kept, KnownService, "dora--v1").record)["nom"] == "Atelier 1"
        assert len(indexes(kept)) == 1

    def test_only_an_unknown_structure_is_enough_to_write_nothing(
        self, run: Run, give: Give, kept: Database
    ) -> None:
        run(give([structure()], [service(1), service(2, under=9)]), "--wet-run", code=1)
        assert ids(kept, KnownStructure) == ids(kept, KnownService) == []

    def test_a_structure_known_already_will_do(self, run: Run, give: Give, kept: Database) -> None:
        run(give([structure()], []), "--wet-run")
        run(give([], [service(1)]), "--wet-run")
        assert ids(kept, KnownService) == ["dora--v1"]

    def test_a_structure_refused_takes_its_services_even_known(
        self, run: Run, give: Give, kept: Database
    ) -> None:
        run(give([structure()], [service(1)]), "--wet-run")
        files = give([structure(nom="X")], [service(1, nom="Un autre nom")])
        run(files, "--wet-run", "--keep-good", code=1)
        assert json.loads(one(kept, KnownStructure, "dora--s1").record)["nom"] == "Maison 1"
        assert json.loads(one(kept, KnownService, "dora--v1").record)["nom"] == "Atelier 1"

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (lines([service(1), service(2)])[:-40], "services.ndjson:2\t-\t-\tnot JSON"),
            (lines([service(1)]) + b'{"nom": "caf\xe9"}\n', "services.ndjson:2\t-\t-\tnot UTF-8"),
            (lines([service(1)]) + b'"' + b"a" * 1_000_001 + b'"\n', "services.ndjson:2\t-\t-\tlonger than"),
            (gzip.compress(lines([service(1)]) * 500)[:-8], "services.ndjson:501\t-\t-\tthe compressed"),
        ],
        ids=["cut", "latin-1", "long", "cut-archive"],
    )
    def test_a_file_that_cannot_be_read_whole(
        self, run: Run, give: Give, kept: Database, content: bytes, said: str
    ) -> None:
        result = run(give([structure()], content), "--wet-run", code=1)
        assert result.stdout.splitlines()[-1].startswith(said)
        assert ids(kept, KnownStructure) == ids(kept, KnownService) == []

    def test_a_line_stays_a_line(self, run: Run, give: Give) -> None:
        result = run(give([structure(id="dora--a\nb\tc\u2028d")], []), code=1)
        assert result.stdout.splitlines() == [
            "structures.ndjson:1\tdora--a\\nb\\tc\\u2028d\tid\tholds a slash or a sign that cannot be printed"
        ]

    def test_files_that_are_not_there(self, run: Run, tmp_path: Path) -> None:
        result = run([str(tmp_path / "a"), str(tmp_path / "b")], code=2)
        assert "does not exist" in result.stderr


class TestReplace:
    @pytest.fixture(autouse=True)
    def before(self, run: Run, give: Give, kept: Database) -> None:
        """Two structures and three services of one source, and one of each of another."""
        run(
            give(
                [structure(1), structure(2), structure(1, "cd35")],
                [service(1), service(2, under=2), service(3), service(1, source="cd35")],
            ),
            "--wet-run",
        )

    def test_what_is_gone_is_removed_for_the_sources_given(
        self, run: Run, give: Give, kept: Database
    ) -> None:
        files = give([structure(1)], [service(1), service(4)])
        expected = {
            "structures": {"unchanged": 1, "removed": 1},
            "services": {"new": 1, "unchanged": 1, "removed": 2},
        }
        assert told(run(files, "--replace")) == expected
        assert len(ids(kept, KnownService)) == 4, "a dry run"
        assert told(run(files, "--replace", "--wet-run")) == expected
        assert ids(kept, KnownService) == ["cd35--v1", "dora--v1", "dora--v4"]
        assert ids(kept, KnownStructure) == ["cd35--s1", "dora--s1"]
        assert len(indexes(kept)) == 2

    def test_a_removal_alone_makes_the_index_again(self, run: Run, give: Give, kept: Database) -> None:
        run(give([structure(1), structure(2)], [service(1), service(2, under=2)]), "--replace", "--wet-run")
        assert ids(kept, KnownService) == ["cd35--v1", "dora--v1", "dora--v2"]
        assert len(indexes(kept)) == 2

    def test_a_structure_stays_while_a_service_needs_it(self, run: Run, give: Give, kept: Database) -> None:
        run(give([structure(1)], [service(1), service(2, under=2)]), "--replace", "--wet-run")
        assert ids(kept, KnownStructure) == ["cd35--s1", "dora--s1", "dora--s2"]

    def test_a_structure_that_its_service_left_goes(self, run: Run, give: Give, kept: Database) -> None:
        files = give([structure(1)], [service(1), service(2, under=1), service(3)])
        expected = {
            "structures": {"unchanged": 1, "removed": 1},
            "services": {"unchanged": 2, "changed": 1},
        }
        assert told(run(files, "--replace")) == expected
        assert told(run(files, "--replace", "--wet-run")) == expected
        assert ids(kept, KnownStructure) == ["cd35--s1", "dora--s1"]

    def test_what_is_refused_is_not_gone(self, run: Run, give: Give, kept: Database) -> None:
        files = give([structure(1)], [service(1), service(2, under=2, nom="?"), service(3)])
        run(files, "--replace", "--wet-run", "--keep-good", code=1)
        assert ids(kept, KnownService) == ["cd35--v1", "dora--v1", "dora--v2", "dora--v3"]
        assert ids(kept, KnownStructure) == ["cd35--s1", "dora--s1", "dora--s2"]

    def test_a_line_that_cannot_be_read_may_be_what_is_missing(
        self, run: Run, give: Give, kept: Database
    ) -> None:
        cut = lines([service(1), service(2, under=2)])[:-40]
        files = give([structure(1), structure(2)], cut)
        result = run(files, "--replace", "--wet-run", "--keep-good", code=1)
        assert "cannot be read, so nothing can be taken for removed" in result.stderr
        assert len(ids(kept, KnownService)) == 4

    def test_an_empty_file_removes_nothing(self, run: Run, give: Give, kept: Database) -> None:
        result = run(give([structure(1)], []), "--replace", "--wet-run", code=1)
        assert "no service is given, and 3 would be removed" in result.stderr
        assert (len(ids(kept, KnownService)), len(ids(kept, KnownStructure))) == (4, 3)


def test_a_terminal_gets_a_progress_bar(root: Path, tmp_path: Path, give: Give) -> None:
    url = f"sqlite:///{tmp_path / 'portal.db'}"
    database = Database(url)
    migrate.upgrade(database.engine)
    database.engine.dispose()
    files = give([structure()], [service(n) for n in range(1200)] + [service(1201, nom="?")])
    ours, theirs = pty.openpty()
    environ = {
        **os.environ,
        "PORTAL_DATABASE_URL": url,
        "PORTAL_SECRET_KEY": "t" * 40,
        "PORTAL_PUBLIC_URL": "http://localhost",
        "TERM": "xterm",
    }
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "exchanges", "import", *files],
        cwd=root,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=theirs,
        timeout=300,
        check=False,
    )
    os.close(theirs)
    seen = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.returncode == 1
    assert done.stdout.decode() == "services.ndjson:1201\tdora--v1201\tnom\tshorter than 3 characters\n"
    assert "services.ndjson  [" in seen
    assert "100%" in seen
    assert "services: 1200 new, 0 changed, 0 unchanged, 0 removed, 1 refused, 0 set aside" in seen
