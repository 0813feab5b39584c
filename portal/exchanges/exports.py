"""The files of the export, all from one serializer (`catalogue.records`): JSON, JSON lines, CSV, XLSX, and pages.

Each shape takes the records one by one and gives pieces of bytes: whatever their number, a few are in memory at a time.
"""

import csv
import hashlib
import io
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from datetime import datetime
from functools import cache
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import IO, Any

import orjson
import xlsxwriter
from sqlmodel import Session

from portal import tabular, vocabulary
from portal.catalogue import records
from portal.offers import rules as offer_rules
from portal.tabular import harmless

KINDS: dict[str, Callable[..., Generator[dict[str, Any], None, None]]] = {
    "structures": records.structure_records,
    "services": records.service_records,
}
# Bytes sent at a time: enough for the server, little for the memory.
PIECE = 1 << 16

Records = Iterable[dict[str, Any]]


class NothingPublished(Exception):
    """There is no record to export; an empty file would wipe our source at data.inclusion: absence is deletion there."""


class Rows(Iterator[dict[str, Any]]):
    """Records read from the database as they are taken; `close` lets go of those that were not, before the session."""

    def __init__(self, kind: str, rows: Generator[dict[str, Any], None, None]) -> None:
        self._rows = rows
        self._first = next(rows, None)
        if self._first is None:
            raise NothingPublished(kind)

    def __next__(self) -> dict[str, Any]:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return next(self._rows)

    def close(self) -> None:
        """Read no further."""
        self._rows.close()


def rows_of(kind: str, session: Session, **options: Any) -> Rows:
    """Return the records of `kind` ("structures" or "services"), by id; the first one is read at once.

    `options` are those of `catalogue.records`: source, public_url, prefixed, between, without. Raises
    NothingPublished when there is none.
    """
    return Rows(kind, KINDS[kind](session, **options))


def as_json(rows: Records) -> Iterator[bytes]:
    """Yield a flat JSON array, one record a line."""
    return _by_the_piece(chain((b"[\n",), _joined(rows), (b"\n]\n",)))


def as_ndjson(rows: Records) -> Iterator[bytes]:
    """Yield the records as JSON lines."""
    return _by_the_piece(orjson.dumps(row) + b"\n" for row in rows)


def as_csv(kind: str, rows: Records) -> Iterator[bytes]:
    """Yield a table of `kind`: header row, lists joined with ", ", empty cell for null."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = records.field_names(kind)
    writer.writerow(names)
    for row in rows:
        writer.writerow([harmless(_cell(row[name])) for name in names])
        if out.tell() >= PIECE:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode()


def as_envelope(rows: Records, *, count: int, following: str | None, previous: str | None) -> Iterator[bytes]:
    """Yield {count, next, previous, results}: `rows` are those of one page among `count`."""
    head = orjson.dumps({"count": count, "next": following, "previous": previous})
    return _by_the_piece(chain((head[:-1], b',"results":[\n'), _joined(rows), (b"\n]}\n",)))


def write_xlsx(file: IO[bytes], structures: Records, services: Records) -> None:
    """Write a workbook in the layout of data.inclusion's valideur: sheets `Structures` and `Services`, all text."""
    with tempfile.TemporaryDirectory(prefix="portail-") as folder:
        options = {
            # A row at a time on the disk, in a folder that goes away even when a row cannot be read.
            "constant_memory": True,
            "tmpdir": folder,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        workbook = xlsxwriter.Workbook(file, options)
        # A file that is the same when nothing changed: no date of making.
        workbook.set_properties({"created": datetime(2000, 1, 1)})  # noqa: DTZ001
        try:
            for title, kind, rows in (
                ("Structures", "structures", structures),
                ("Services", "services", services),
            ):
                _fill(workbook.add_worksheet(title), kind, rows)
        except BaseException:
            # The library lets go of its own files only by finishing: what it makes then is nobody's.
            workbook.close()
            file.seek(0)
            file.truncate()
            raise
        workbook.close()


def write_all(folder: Path, session: Session, *, source: str, public_url: str) -> list[tuple[str, int]]:
    """Write every export file in `folder`, made when it is not there; return their names and sizes.

    All of them or none: a reader never finds half a file, nor files of two moments. Raises NothingPublished before
    anything is written.
    """
    with ExitStack() as kept:
        rows: dict[str, Rows] = {}
        for kind in KINDS:
            rows[kind] = rows_of(kind, session, source=source, public_url=public_url)
            kept.callback(rows[kind].close)
        folder.mkdir(parents=True, exist_ok=True)
        parts: dict[str, Path] = {}

        def part(name: str) -> IO[bytes]:
            parts[name] = folder / f".{name}.part"
            kept.callback(parts[name].unlink, missing_ok=True)
            return parts[name].open("wb")

        for kind in KINDS:
            with part(f"{kind}.ndjson") as file:
                file.writelines(as_ndjson(rows[kind]))
            # The records are made once; the other shapes read them back.
            with part(f"{kind}.json") as file:
                file.writelines(as_json(_read_back(parts[f"{kind}.ndjson"])))
            with part(f"{kind}.csv") as file:
                file.writelines(as_csv(kind, _read_back(parts[f"{kind}.ndjson"])))
        with part("data-inclusion.xlsx") as file:
            write_xlsx(file, *(_read_back(parts[f"{kind}.ndjson"]) for kind in KINDS))
        written = [(name, path.stat().st_size) for name, path in parts.items()]
        for name, path in parts.items():
            path.replace(folder / name)
    return written


@cache
def mark() -> str:
    """Return what tells one version of the export's code from another: the same records may leave otherwise."""
    content = hashlib.sha256()
    for path in (__file__, records.__file__, offer_rules.__file__, vocabulary.__file__, tabular.__file__):
        content.update(Path(path).read_bytes())
    for package in ("data-inclusion-schema", "pydantic", "orjson", "xlsxwriter"):
        content.update(version(package).encode())
    return content.hexdigest()


def _joined(rows: Records) -> Iterator[bytes]:
    separator = b""
    for row in rows:
        yield separator + orjson.dumps(row)
        separator = b",\n"


def _by_the_piece(parts: Iterable[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for some in parts:
        held.append(some)
        size += len(some)
        if size >= PIECE:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _read_back(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            yield orjson.loads(line)


def _fill(sheet: Any, kind: str, rows: Records) -> None:
    names = ["__ignore__", *records.field_names(kind)]
    for column, name in enumerate(names):
        sheet.write_string(0, column, name)
    for line, row in enumerate(rows, start=1):
        for column, name in enumerate(names[1:], start=1):
            text = _cell(row[name])
            if text:
                sheet.write_string(line, column, text)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(value)
    return str(value)
