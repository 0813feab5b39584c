"""`exchanges import`: records of other sources, checked, then kept all or not at all."""

import gzip
import json
import os
import pty
import random
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import delete, text
from sqlmodel import Session, SQLModel, col, select

from portal import create_app, migrate
from portal.catalogue import build
from portal.catalogue.models import (
    CatalogueIndex,
    CatalogueIndexPart,
    KnownService,
    KnownStructure,
    UnmetNeed,
)
from portal.config import Config
from portal.db import Database
from portal.exchanges.national import loading
from portal.exchanges.national.checking import Checked, Kind, Refused, check
from portal.exchanges.national.reading import LONGEST_LINE, RecordFile
from portal.vocabulary import Service, Structure
from tests.races.databases import own_database, own_url
from tests.races.workers import race

pytestmark = pytest.mark.xdist_group("races")
OWN = "portail-test"
Record = dict[str, Any]
Give = Callable[..., list[str]]
Run = Callable[..., Result]


def structure(number: int = 1, source: str = "dora", **fields: Any) -> Record:
    """A record as data.inclusion's API gives it."""
    return {
        "source": source,
        "id": f"{source}--s{number}",
        "nom": f"Maison {number}",
        "date_maj": "2026-03-01",
        "code_insee": "35236",
        "adresse_certifiee": True,
        "score_qualite": 0.7,
        "doublons": [],
    } | fields


def service(number: int = 1, under: int = 1, source: str = "dora", **fields: Any) -> Record:
    """A record as data.inclusion's API gives it."""
    return {
        "source": source,
        "structure_id": f"{source}--s{under}",
        "id": f"{source}--v{number}",
        "nom": f"Atelier {number}",
        "description": "Apprendre à conduire, à son rythme.",
        "date_maj": "2026-03-02",
        "thematiques": ["mobilite--preparer-un-permis"],
        "score_qualite": 0.4,
    } | fields


def lines(records: list[Record]) -> bytes:
    return b"".join(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records)


@pytest.fixture(scope="module")
def arena(
    engine_name: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A database whose changes are really committed."""
    with own_database(engine_name, request, tmp_path_factory.mktemp("import")) as database:
        yield database


@pytest.fixture
def kept(arena: Database) -> Iterator[Database]:
    """The same, empty again afterwards."""
    yield arena
    with arena.writing() as session:
        for model in (KnownService, KnownStructure, CatalogueIndexPart, CatalogueIndex):
            session.execute(delete(model))


@pytest.fixture(scope="module")
def arena_app(config: Config, arena: Database) -> Flask:
    return create_app(config, arena)


@pytest.fixture
def run(arena_app: Flask, kept: Database) -> Run:
    """Type `exchanges import …`."""
    return _runner(arena_app)


def _runner(app: Flask) -> Run:
    def typed(files: list[str], *options: str, code: int = 0) -> Result:
        result = app.test_cli_runner().invoke(args=["exchanges", "import", *files, *options])
        assert result.exit_code == code, result.output + repr(result.exception)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return typed


@pytest.fixture
def give(tmp_path: Path) -> Give:
    """Write the two files and return their paths; records, or bytes as they are."""

    def written(structures: list[Record] | bytes, services: list[Record] | bytes) -> list[str]:
        paths = []
        for name, content in (("structures", structures), ("services", services)):
            path = tmp_path / f"{name}.ndjson"
            path.write_bytes(content if isinstance(content, bytes) else lines(content))
            paths.append(str(path))
        return paths

    return written


def ids(database: Database, model: type[KnownStructure] | type[KnownService]) -> list[str]:
    with database.session(read_only=True) as session:
        return sorted(session.exec(select(model.id)))


def one(database: Database, model: type[SQLModel], row_id: str) -> Any:
    with database.session(read_only=True) as session:
        return session.get_one(model, row_id)


def indexes(database: Database) -> list[Any]:
    with database.session(read_only=True) as session:
        return list(session.exec(select(CatalogueIndex.id).order_by(col(CatalogueIndex.made_at))))


def told(result: Result) -> dict[str, dict[str, int]]:
    """The counts, {"structures": {"new": 1, …}, …}."""
    found = {}
    for line in result.stderr.splitlines():
        name, _, counts = line.partition(": ")
        if counts.endswith("set aside"):
            cells = (cell.split(" ", 1) for cell in counts.split(", "))
            found[name] = {word: int(number) for number, word in cells if number != "0"}
    return found


def check_line(kind: Kind, record: Record | bytes) -> Checked | None:
    content = record if isinstance(record, bytes) else json.dumps(record).encode()
    return check(kind, content, own_source=OWN)


class TestOneRecord:
    """What is kept of a record, and why one is refused; no database."""

    def test_every_field_is_kept_in_the_order_of_the_schema(self) -> None:
        checked = check_line(Kind.SERVICE, service())
        assert checked is not None
        kept = json.loads(checked.record)
        assert list(kept) == [*Service.model_fields, "adresse_certifiee"]
        assert kept["frais"] is None
        assert kept["adresse_certifiee"] is False, "nobody said it was"
        checked = check_line(Kind.STRUCTURE, structure())
        assert checked is not None
        assert list(json.loads(checked.record)) == [
            *Structure.model_fields,
            "adresse_certifiee",
            "doublons",
        ]

    def test_the_text_does_not_depend_on_the_order_of_what_has_none(self) -> None:
        themes = [
            "mobilite--preparer-un-permis",
            "famille--garde-denfants",
            "numerique--acquerir-un-equipement",
        ]
        zone = ["56", "35", "243500139", "france"]
        twins = [{"source": "soliguide", "id": "soliguide--9"}, {"source": "cd35", "id": "cd35--2"}]
        texts = set()
        for _ in range(5):
            random.Random(len(texts)).shuffle(themes)
            record = service(thematiques=themes, zone_eligibilite=zone, publics=["jeunes", "femmes"])
            checked = check_line(Kind.SERVICE, dict(reversed(record.items())))
            assert checked is not None
            texts.add(checked.record)
        (only,) = texts
        assert json.loads(only)["thematiques"] == sorted(themes)
        assert json.loads(only)["zone_eligibilite"] == zone
        pair = {
            checked.record
            for given in (twins, [*reversed(twins), *twins])
            if (checked := check_line(Kind.STRUCTURE, structure(doublons=given)))
        }
        (text_of_twins,) = pair
        assert json.loads(text_of_twins)["doublons"] == list(reversed(twins))

    def test_an_empty_list_is_unknown(self) -> None:
        empty = ["publics", "modes_mobilisation", "mobilisable_par", "zone_eligibilite", "thematiques"]
        checked = check_line(Kind.SERVICE, service(**dict.fromkeys(empty, [])))
        assert checked is not None
        kept = json.loads(checked.record)
        assert [kept[name] for name in empty] == [None] * len(empty)

    def test_what_the_api_adds_is_left_out(self) -> None:
        extra = {"extra": {"a": 1}, "_di_geocodage_code_insee": "35238", "structure": {"id": "dora--s1"}}
        checked = check_line(Kind.SERVICE, service(**extra))
        assert checked is not None
        assert not {*extra, "score_qualite"} & set(json.loads(checked.record))
        assert checked.record.endswith(b"}")

    @pytest.mark.parametrize(
        "code", ["75112", "55138", "97502", None], ids=["district", "former", "overseas", "none"]
    )
    def test_a_commune_is_kept_as_it_was_received(self, code: str | None) -> None:
        checked = check_line(Kind.SERVICE, service(code_insee=code))
        assert checked is not None
        assert json.loads(checked.record)["code_insee"] == code

    def test_whole_structures_among_the_twins_are_shortened(self) -> None:
        checked = check_line(Kind.STRUCTURE, structure(doublons=[structure(2, "soliguide")]))
        assert checked is not None
        assert json.loads(checked.record)["doublons"] == [{"source": "soliguide", "id": "soliguide--s2"}]

    @pytest.mark.parametrize("fields", [{"source": OWN}, {"id": f"{OWN}--1"}, {"source": OWN, "nom": "?"}])
    def test_ours_is_left_aside_whatever_it_holds(self, fields: Record) -> None:
        assert check_line(Kind.SERVICE, service(**fields)) is None

    @pytest.mark.parametrize(
        ("fields", "field", "reason"),
        [
            ({"id": None}, "id", "missing"),
            ({"id": 3}, "id", "must be a text"),
            ({"id": "v1"}, "id", "must begin with dora--"),
            ({"id": "dora--"}, "id", "must begin with dora--"),
            ({"id": "cd35--v1"}, "id", "must begin with dora--"),
            ({"id": "dora--a/b"}, "id", "slash"),
            ({"id": "dora--a\nb"}, "id", "cannot be printed"),
            ({"id": "dora--" + "a" * 240}, "id", "longer than 240"),
            ({"source": "Do ra"}, "source", "slug"),
            ({"source": "a" * 61}, "source", "slug"),
            ({"source": None}, "source", "missing"),
            ({"structure_id": "cd35--s1"}, "structure_id", "must begin with dora--"),
            ({"structure_id": None}, "structure_id", "must not be null"),
            ({"nom": "Ab"}, "nom", "shorter than 3 characters"),
            ({"nom": "a" * 151}, "nom", "longer than 150 characters"),
            ({"nom": "Atelier cuisine."}, "nom", "full stop"),
            ({"nom": None}, "nom", "must not be null"),
            ({"date_maj": "2026-03-02T10:00:00Z"}, "date_maj", "not a day"),
            ({"date_maj": "1999-12-31"}, "date_maj", "between 2000-01-01 and today"),
            ({"date_maj": str(date.today() + timedelta(days=2))}, "date_maj", "between"),  # noqa: DTZ011
            ({"thematiques": ["mobilite"]}, "thematiques", "'mobilite' is not a value"),
            ({"publics": ["tous-publics", "jeunes"]}, "publics", "alone"),
            ({"zone_eligibilite": ["bretagne entière"]}, "zone_eligibilite", "code of a commune"),
            ({"code_insee": "35999"}, "code_insee", "not a commune"),
            ({"code_postal": "3560"}, "code_postal", "does not follow|shorter"),
            ({"courriel": "pas une adresse"}, "courriel", "not an e-mail"),
            ({"lien_source": "www.exemple.org"}, "lien_source", "not an http"),
            ({"latitude": 91}, "latitude", "between -90 and 90"),
            ({"longitude": "nan"}, "longitude", "between -180 and 180"),
            ({"volume_horaire_hebdomadaire": "inf"}, "volume_horaire_hebdomadaire", "must be a number"),
            ({"volume_horaire_hebdomadaire": -1}, "volume_horaire_hebdomadaire", "less than 0"),
            ({"nombre_semaines": 2**40}, "nombre_semaines", "too large"),
            ({"nombre_semaines": 1.5}, "nombre_semaines", "integer"),
            ({"adresse_certifiee": "oui"}, "adresse_certifiee", "true or false"),
            ({"conditions_acces": "a\0b"}, "conditions_acces", "NUL"),
            ({"thematiques": ["a\0b"]}, "thematiques", "NUL"),
            ({"nom": "Ab", "frais": "cher"}, "nom", r"\(also refused: frais\)"),
        ],
    )
    def test_what_is_wrong_is_told(self, fields: Record, field: str, reason: str) -> None:
        with pytest.raises(Refused, match=reason) as refused:
            check_line(Kind.SERVICE, service(**fields))
        assert refused.value.field == field
        assert "\n" not in refused.value.reason

    def test_what_only_looks_like_a_nul_is_kept(self) -> None:
        checked = check_line(Kind.SERVICE, service(description="Le signe \\u0000 s’écrit ainsi."))
        assert checked is not None
        assert json.loads(checked.record)["description"] == "Le signe \\u0000 s’écrit ainsi."

    @pytest.mark.parametrize(
        ("doublons"), ["dora--2", [1], [{"id": "dora--2"}], {"source": "dora"}, [{"source": 1, "id": "a"}]]
    )
    def test_twins_that_are_not_twins(self, doublons: object) -> None:
        with pytest.raises(Refused) as refused:
            check_line(Kind.STRUCTURE, structure(doublons=doublons))
        assert refused.value.field == "doublons"

    def test_a_service_among_the_structures(self) -> None:
        with pytest.raises(Refused, match="this is a service"):
            check_line(Kind.STRUCTURE, service())

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b'{"source": "dora", "id": "dora--', "not JSON"),
            (b"[1]", "not a record"),
            (b"[\n", "JSON array"),
            (b"null", "not a record"),
            (b'{"nom": "caf\xe9"}', "not UTF-8"),
            (b'{"nom": "\\ud800"}', "not JSON"),
            (b"[" * 5000, "JSON array"),
            (b'{"nom": NaN}', "not JSON"),
        ],
    )
    def test_what_is_not_a_record(self, content: bytes, reason: str) -> None:
        with pytest.raises(Refused, match=reason) as refused:
            check_line(Kind.SERVICE, content)
        assert refused.value.id == ""


class TestLines:
    def read(self, path: Path) -> list[tuple[int, bytes | None]]:
        with RecordFile(path) as file:
            return [(line.number, line.content) for line in file]

    def test_blank_lines_count_and_marks_do_not(self, tmp_path: Path) -> None:
        path = tmp_path / "a.ndjson"
        path.write_bytes(b"\xef\xbb\xbf{}\r\n\r\n  \n{}\n{}")
        assert self.read(path) == [(1, b"{}\r\n"), (4, b"{}\n"), (5, b"{}")]

    def test_compressed_or_not_is_seen_from_the_content(self, tmp_path: Path) -> None:
        path = tmp_path / "a.ndjson"
        path.write_bytes(gzip.compress(b"{}\n{}\n"))
        assert self.read(path) == [(1, b"{}\n"), (2, b"{}\n")]

    @pytest.mark.parametrize("cut", [40, -9])
    def test_a_cut_archive_is_told_where_it_stops(self, tmp_path: Path, cut: int) -> None:
        path = tmp_path / "a.ndjson.gz"
        content = b"".join(b'{"n": %d}\n' % number for number in range(2000))
        path.write_bytes(gzip.compress(content)[:cut])
        found = self.read(path)
        assert found[-1][1] is None
        assert [number for number, _ in found] == list(range(1, len(found) + 1))

    def test_a_damaged_archive_is_told(self, tmp_path: Path) -> None:
        path = tmp_path / "a.ndjson.gz"
        content = bytearray(gzip.compress(os.urandom(50_000)))
        content[300:400] = b"\xff" * 100
        path.write_bytes(content)
        assert self.read(path)[-1][1] is None

    def test_a_long_line_is_not_held(self, tmp_path: Path) -> None:
        path = tmp_path / "a.ndjson"
        with path.open("wb") as file:
            file.write(b"{}\n")
            for _ in range(40):
                file.write(b"a" * LONGEST_LINE)
            file.write(b"\n{}\n" + b" " * (LONGEST_LINE - 2) + b"{}\n")
        tracemalloc.start()
        try:
            found = self.read(path)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert [(number, content and content.strip()) for number, content in found] == [
            (1, b"{}"),
            (2, None),
            (3, b"{}"),
            (4, b"{}"),
        ]
        assert peak < 6 * LONGEST_LINE

    def test_an_empty_file(self, tmp_path: Path) -> None:
        (tmp_path / "a").touch()
        assert self.read(tmp_path / "a") == []


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
            assert shown.find_structure("dora--s1") is not None
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


class TestAllOrNothing:
    def test_without_tables_the_first_step_is_told(
        self, config: Config, engine_name: str, request: pytest.FixtureRequest, tmp_path: Path, give: Give
    ) -> None:
        with own_url(engine_name, request, tmp_path) as url:
            database = Database(url)
            run = _runner(create_app(config, database))
            result = run(give([structure()], [service()]), "--wet-run", code=1)
            database.engine.dispose()
        assert "run `flask --app wsgi db upgrade`" in result.stderr

    def test_a_failure_at_the_very_end_leaves_all_as_it_was(
        self, config: Config, engine_name: str, request: pytest.FixtureRequest, tmp_path: Path, give: Give
    ) -> None:
        with own_database(engine_name, request, tmp_path) as database:
            run = _runner(create_app(config, database))
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
        timeout=60,
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
