"""The floor: the barest SQL for the same questions, on tables made by hand for them, on the same engine, in the same run.

No framework, no HTTP, no count beside the filters: what a query and the reading of its twenty records cost.
"""

import math
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import orjson
import psycopg

from bench.questions import LISTED, Case
from portal import geography, vocabulary

SIZE = 20
_RADIUS_KM = 50.0
_EARTH_KM = 6371.0
_COS = math.cos(_RADIUS_KM / _EARTH_KM)
_COUNTRY = ("france", "99100")


class Floor(Protocol):
    """An engine's floor."""

    def build(self, structures: Path, services: Path) -> None:
        """Make the tables from the records of the files."""
        ...

    def ask(self, name: str, case: Case) -> tuple[int, list[Any]]:
        """Return (how many answer, the records of the first page)."""
        ...

    def crawl(self) -> int:
        """Read every service with its fields, by id; return how many bytes."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...


def _vector(latitude: float, longitude: float) -> tuple[float, float, float]:
    lat, lon = math.radians(latitude), math.radians(longitude)
    return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)


def _box(case: Case) -> tuple[float, float, float, float]:
    """Return (south, north, west, east) of a box that holds the circle."""
    degrees = math.degrees(_RADIUS_KM / _EARTH_KM)
    latitude, longitude = case.commune.latitude, case.commune.longitude
    wide = degrees / max(0.1, math.cos(math.radians(latitude)))
    return latitude - degrees, latitude + degrees, longitude - wide, longitude + wide


def _codes(case: Case) -> list[str]:
    return sorted({*geography.zone_codes_covering(case.commune), *_COUNTRY})


def _rows(structures: Path, services: Path) -> Iterator[tuple[dict[str, Any], bytes, bytes, str]]:
    """Yield (service, its text, the text of its structure, the name of its structure)."""
    held: dict[str, bytes] = {}
    with structures.open("rb") as file:
        for line in file:
            held[orjson.loads(line)["id"]] = line.rstrip()
    with services.open("rb") as file:
        for line in file:
            record = orjson.loads(line)
            structure = held[record["structure_id"]]
            yield record, line.rstrip(), structure, orjson.loads(structure)["nom"]


def _searched(record: dict[str, Any], structure: str) -> str:
    labels = " ".join(vocabulary.label("thematiques", theme) for theme in record["thematiques"] or ())
    return geography.fold(f"{record['nom']} {structure} {labels} {record['description']}")


def _located(record: dict[str, Any]) -> tuple[Any, ...]:
    if record["latitude"] is None:
        return None, None, None, None, None
    return (
        record["latitude"],
        record["longitude"],
        *_vector(record["latitude"], record["longitude"]),
    )


def _departement(record: dict[str, Any]) -> str | None:
    commune = geography.commune(record["code_insee"]) if record["code_insee"] else None
    return commune.code_departement if commune else None


class SqliteFloor:
    """A compact table to scan, one table for each list, the texts apart, FTS5 for the words."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")

    def build(self, structures: Path, services: Path) -> None:
        """Make the tables."""
        db = self._db
        db.executescript("""
            CREATE TABLE service (n INTEGER PRIMARY KEY, id TEXT UNIQUE, latitude REAL, longitude REAL, x REAL,
                y REAL, z REAL, on_site INT, remote INT, everywhere INT, type TEXT, departement TEXT);
            CREATE TABLE text (n INTEGER PRIMARY KEY, service TEXT, structure TEXT);
            CREATE TABLE theme (value TEXT, n INT, PRIMARY KEY (value, n)) WITHOUT ROWID;
            CREATE TABLE public (n INT, value TEXT, PRIMARY KEY (n, value)) WITHOUT ROWID;
            CREATE TABLE zone (value TEXT, n INT, PRIMARY KEY (value, n)) WITHOUT ROWID;
            CREATE VIRTUAL TABLE word USING fts5 (body, content='', columnsize=1);
        """)
        db.execute("BEGIN")
        for n, (record, service, structure, name) in enumerate(_rows(structures, services)):
            modes = record["modes_accueil"] or ()
            db.execute(
                "INSERT INTO service VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    n,
                    record["id"],
                    *_located(record),
                    "en-presentiel" in modes,
                    "a-distance" in modes,
                    record["zone_eligibilite"] is None,
                    record["type"],
                    _departement(record),
                ),
            )
            db.execute("INSERT INTO text VALUES (?,?,?)", (n, service.decode(), structure.decode()))
            for table, name_of_list in (
                ("theme", "thematiques"),
                ("public", "publics"),
                ("zone", "zone_eligibilite"),
            ):
                db.executemany(
                    f"INSERT INTO {table} (value, n) VALUES (?,?)",
                    [(value, n) for value in record[name_of_list] or ()],
                )
            db.execute("INSERT INTO word (rowid, body) VALUES (?,?)", (n, _searched(record, name)))
        db.execute("COMMIT")
        db.executescript("""
            CREATE INDEX zone_of ON zone (n, value);
            CREATE INDEX service_place ON service (latitude, longitude);
            CREATE INDEX service_departement ON service (departement, id);
            ANALYZE;
        """)

    def ask(self, name: str, case: Case) -> tuple[int, list[Any]]:
        """Answer one question."""
        total, rows = self._rows_of(name, case)
        marks = ",".join("?" * len(rows))
        texts = dict(
            (n, (service, structure))
            for n, service, structure in self._db.execute(
                f"SELECT n, service, structure FROM text WHERE n IN ({marks})", rows
            )
        )
        return total, [texts[n] for n in rows]

    def _rows_of(self, name: str, case: Case) -> tuple[int, list[int]]:
        if name == "detail":
            found = self._db.execute("SELECT n FROM service WHERE id = ?", (case.service_id,)).fetchall()
            return len(found), [n for (n,) in found]
        if name == "list":
            return self._page(
                f"SELECT n, count(*) OVER () FROM service WHERE departement = ? ORDER BY id LIMIT {LISTED}",
                [case.departement],
            )
        if name.startswith("words"):
            return self._words(case, placed=name == "words-place")
        codes = _codes(case)
        # Few rows to look at when a thématique leads: each is asked its zone. Otherwise all those of the zone are listed.
        zone = "n IN (SELECT n FROM zone WHERE value IN ({}))"
        if name != "commune":
            zone = "EXISTS (SELECT 1 FROM zone z WHERE z.n = service.n AND z.value IN ({}))"
        x, y, z = _vector(case.commune.latitude, case.commune.longitude)
        dot = "x * ? + y * ? + z * ?"
        box = "latitude BETWEEN ? AND ? AND longitude BETWEEN ? AND ?"
        wanted: list[Any] = []
        filters = ""
        if name != "commune":
            themes = [case.theme] if name == "theme" else vocabulary.expand_thematiques([case.category])
            filters = f" AND n IN (SELECT n FROM theme WHERE value IN ({_marks(themes)}))"
            wanted += themes
        if name == "category":
            filters += (
                " AND EXISTS (SELECT 1 FROM public p WHERE p.n = service.n AND p.value IN (?,?,'tous-publics'))"
                " AND type IN (?,?)"
            )
            wanted += [*case.publics, *case.types]
        return self._page(
            f"SELECT n, count(*) OVER () FROM service WHERE (remote OR ({box} AND {dot} >= ?))"
            f" AND (everywhere OR {zone.format(_marks(codes))}){filters}"
            f" ORDER BY CASE WHEN on_site AND {dot} >= ? THEN -({dot}) END NULLS LAST, id LIMIT {SIZE}",
            [*_box(case), x, y, z, _COS, *codes, *wanted, x, y, z, _COS, x, y, z],
        )

    def _words(self, case: Case, *, placed: bool) -> tuple[int, list[int]]:
        asked = " ".join(f'"{word}"' for word in geography.fold(case.words).split())
        if not placed:
            return self._page(
                f"SELECT rowid, count(*) OVER () FROM word WHERE word MATCH ? ORDER BY rank LIMIT {SIZE}",
                [asked],
            )
        x, y, z = _vector(case.commune.latitude, case.commune.longitude)
        return self._page(
            "SELECT s.n, count(*) OVER () FROM word w JOIN service s ON s.n = w.rowid WHERE word MATCH ?"
            f" AND s.x * ? + s.y * ? + s.z * ? >= ? ORDER BY w.rank LIMIT {SIZE}",
            [asked, x, y, z, _COS],
        )

    def _page(self, sql: str, arguments: Sequence[Any]) -> tuple[int, list[int]]:
        found = self._db.execute(sql, arguments).fetchall()
        return (found[0][1] if found else 0), [row[0] for row in found]

    def crawl(self) -> int:
        """Read everything."""
        return sum(
            len(text)
            for (text,) in self._db.execute(
                "SELECT t.service FROM service s JOIN text t USING (n) ORDER BY s.id"
            )
        )

    def close(self) -> None:
        """Close the file."""
        self._db.close()


class PostgresqlFloor:
    """One flat table in a schema of its own, lists as arrays, GIN where a list or words are looked in."""

    def __init__(self, url: str) -> None:
        self._db: Any = psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True)

    def build(self, structures: Path, services: Path) -> None:
        """Make the table."""
        self._db.execute("DROP SCHEMA IF EXISTS floor CASCADE")
        self._db.execute("CREATE SCHEMA floor")
        self._db.execute(
            'CREATE TABLE floor.service (id text COLLATE "C" PRIMARY KEY, latitude float8, longitude float8,'
            " x float8, y float8, z float8, on_site bool, remote bool, type text, departement text,"
            " thematiques text[], publics text[], zones text[], body text, service text, structure text,"
            " words tsvector GENERATED ALWAYS AS (to_tsvector('french', body)) STORED)"
        )
        columns = (
            "id, latitude, longitude, x, y, z, on_site, remote, type, departement, thematiques, publics, zones,"
            " body, service, structure"
        )
        with (
            self._db.transaction(),
            self._db.cursor() as cursor,
            cursor.copy(f"COPY floor.service ({columns}) FROM STDIN") as copy,
        ):
            for record, service, structure, name in _rows(structures, services):
                modes = record["modes_accueil"] or ()
                copy.write_row(
                    (
                        record["id"],
                        *_located(record),
                        "en-presentiel" in modes,
                        "a-distance" in modes,
                        record["type"],
                        _departement(record),
                        record["thematiques"],
                        record["publics"],
                        record["zone_eligibilite"],
                        _searched(record, name),
                        service.decode(),
                        structure.decode(),
                    )
                )
        for index in (
            "USING gin (thematiques)",
            "USING gin (words)",
            "(latitude, longitude)",
            "(departement, id)",
        ):
            self._db.execute(f"CREATE INDEX ON floor.service {index}")
        self._db.execute("VACUUM ANALYZE floor.service")

    @property
    def backend(self) -> int:
        """The process that serves this connection."""
        return int(self._db.info.backend_pid)

    def ask(self, name: str, case: Case) -> tuple[int, list[Any]]:
        """Answer one question."""
        if name == "detail":
            rows = self._db.execute(
                "SELECT 1, service, structure FROM floor.service WHERE id = %s", (case.service_id,)
            ).fetchall()
        elif name == "list":
            rows = self._page("departement = %s", [case.departement], "id", [], LISTED)
        elif name.startswith("words"):
            rows = self._words(case, placed=name == "words-place")
        else:
            rows = self._around(name, case)
        return (rows[0][0] if rows else 0), [row[1:] for row in rows]

    def _around(self, name: str, case: Case) -> list[Any]:
        x, y, z = _vector(case.commune.latitude, case.commune.longitude)
        where = (
            "(remote OR (latitude BETWEEN %s AND %s AND longitude BETWEEN %s AND %s"
            " AND x * %s + y * %s + z * %s >= %s)) AND (zones IS NULL OR zones && %s)"
        )
        wanted: list[Any] = [*_box(case), x, y, z, _COS, _codes(case)]
        if name != "commune":
            themes = [case.theme] if name == "theme" else vocabulary.expand_thematiques([case.category])
            where += " AND thematiques && %s"
            wanted.append(themes)
        if name == "category":
            where += " AND publics && %s AND type = ANY(%s)"
            wanted += [[*case.publics, "tous-publics"], list(case.types)]
        dot = "x * %s + y * %s + z * %s"
        order = f"CASE WHEN on_site AND {dot} >= %s THEN -({dot}) END NULLS LAST, id"
        return self._page(where, wanted, order, [x, y, z, _COS, x, y, z], SIZE)

    def _words(self, case: Case, *, placed: bool) -> list[Any]:
        asked = geography.fold(case.words)
        wanted: list[Any] = [asked]
        where = "words @@ plainto_tsquery('french', %s)"
        if placed:
            where += " AND x * %s + y * %s + z * %s >= %s"
            wanted += [*_vector(case.commune.latitude, case.commune.longitude), _COS]
        return self._page(
            where, wanted, "ts_rank_cd(words, plainto_tsquery('french', %s)) DESC", [asked], SIZE
        )

    def _page(self, where: str, wanted: list[Any], order: str, ordered: list[Any], size: int) -> list[Any]:
        # The texts are read for the page alone.
        found: list[Any] = self._db.execute(
            "SELECT p.total, s.service, s.structure FROM (SELECT id, count(*) OVER () AS total,"
            f" row_number() OVER (ORDER BY {order}) AS rank FROM floor.service WHERE {where}"
            f" ORDER BY rank LIMIT {size}) p JOIN floor.service s USING (id) ORDER BY p.rank",
            [*ordered, *wanted],
        ).fetchall()
        return found

    def crawl(self) -> int:
        """Read everything."""
        with self._db.transaction(), self._db.cursor("crawl") as cursor:
            cursor.itersize = 5000
            cursor.execute("SELECT service FROM floor.service ORDER BY id")
            return sum(len(text) for (text,) in cursor)

    def close(self) -> None:
        """Close the connection."""
        self._db.close()


def _marks(values: Sequence[Any] | Iterable[Any]) -> str:
    return ",".join("?" for _ in values)
