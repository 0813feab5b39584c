"""Tables that leave as files: text that no spreadsheet takes for a formula, and what a French one opens well."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

# Characters written before they leave.
_PIECE = 1 << 16
_SIGNED_NUMBER = re.compile(r"[+-][0-9]+([.,][0-9]+)?(e-?[0-9]+)?")


def harmless(text: str) -> str:
    """Return `text` with a quote before what a spreadsheet would run as a formula; a signed number is not one."""
    if text[:1] in {"=", "+", "-", "@", "\t", "\r"} and not _SIGNED_NUMBER.fullmatch(text):
        return "'" + text
    return text


def french_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Return a table as a French spreadsheet opens it by a double click: UTF-8 with its mark, semicolons, decimal commas."""
    return b"".join(french_csv_pieces(columns, rows))


def french_csv_pieces(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """Yield the same table by pieces, a few rows in memory at a time."""
    yield b"\xef\xbb\xbf"
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow([harmless(column) for column in columns])
    for row in rows:
        writer.writerow([harmless(_cell(value)) for value in row])
        if out.tell() >= _PIECE:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "oui" if value else "non"
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".").replace(".", ",")
    if isinstance(value, date):
        return value.strftime("%d/%m/%Y")
    return str(value)
