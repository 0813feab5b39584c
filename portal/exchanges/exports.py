"""The files of the export, all from one serializer (`records`): JSON, JSON lines, CSV, XLSX, and pages."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

import orjson
import xlsxwriter
from sqlmodel import Session

from portal.catalogue import records
from portal.tabular import harmless

KINDS: dict[str, Callable[..., Iterator[dict[str, Any]]]] = {
    "structures": records.structure_records,
    "services": records.service_records,
}


class NothingPublished(Exception):
    """There is no record to export; an empty file would wipe our source at data.inclusion: absence is deletion there."""


def rows_of(
    kind: str, session: Session, *, source: str, public_url: str, prefixed: bool = False
) -> list[dict[str, Any]]:
    """Return every record of `kind` ("structures" or "services"), by id. Raises NothingPublished when there is none."""
    rows = list(KINDS[kind](session, source=source, public_url=public_url, prefixed=prefixed))
    if not rows:
        raise NothingPublished(kind)
    return rows


def as_json(rows: Iterable[dict[str, Any]]) -> bytes:
    """Return a flat JSON array, one record a line."""
    return b"[\n" + b",\n".join(orjson.dumps(row) for row in rows) + b"\n]\n"


def as_ndjson(rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Yield the records as JSON lines."""
    for row in rows:
        yield orjson.dumps(row) + b"\n"


def as_csv(kind: str, rows: Iterable[dict[str, Any]]) -> bytes:
    """Return a table of `kind`: header row, lists joined with ", ", empty cell for null."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = records.field_names(kind)
    writer.writerow(names)
    for row in rows:
        writer.writerow([harmless(_cell(row[name])) for name in names])
    return out.getvalue().encode()


def as_xlsx(structures: Iterable[dict[str, Any]], services: Iterable[dict[str, Any]]) -> bytes:
    """Return a workbook in the layout of data.inclusion's valideur: sheets `Structures` and `Services`, all text."""
    out = io.BytesIO()
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    workbook = xlsxwriter.Workbook(out, options)
    # A file that is the same when nothing changed: no date of making.
    workbook.set_properties({"created": datetime(2000, 1, 1)})  # noqa: DTZ001
    for title, kind, rows in (("Structures", "structures", structures), ("Services", "services", services)):
        sheet = workbook.add_worksheet(title)
        names = ["__ignore__", *records.field_names(kind)]
        for column, name in enumerate(names):
            sheet.write_string(0, column, name)
        for line, row in enumerate(rows, start=1):
            for column, name in enumerate(names[1:], start=1):
                text = _cell(row[name])
                if text:
                    sheet.write_string(line, column, text)
    workbook.close()
    return out.getvalue()


def as_page(rows: list[dict[str, Any]], *, page: int, page_size: int, address: Callable[[int], str]) -> bytes:
    """Return the envelope {count, next, previous, results} of page number `page` (from 1)."""
    last = max(1, -(-len(rows) // page_size))
    body = {
        "count": len(rows),
        "next": address(page + 1) if page < last else None,
        "previous": address(page - 1) if page > 1 else None,
        "results": rows[(page - 1) * page_size : page * page_size],
    }
    return orjson.dumps(body)


def all_files(session: Session, *, source: str, public_url: str) -> Iterator[tuple[str, bytes]]:
    """Yield (file name, content) of every export file. Raises NothingPublished before the first one."""
    rows = {kind: rows_of(kind, session, source=source, public_url=public_url) for kind in KINDS}
    for kind in KINDS:
        yield f"{kind}.json", as_json(rows[kind])
        yield f"{kind}.ndjson", b"".join(as_ndjson(rows[kind]))
        yield f"{kind}.csv", as_csv(kind, rows[kind])
    yield "data-inclusion.xlsx", as_xlsx(rows["structures"], rows["services"])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(value)
    return str(value)
