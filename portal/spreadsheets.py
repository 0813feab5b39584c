"""A file as sheets of texts: XLSX or CSV, whatever its encoding. Nothing of it is ever computed."""

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum

from portal.errors import RuleBroken

MAX_BYTES = 10_000_000
MAX_LINES = 20_000
MAX_COLUMNS = 200
# A workbook is a zip: ten megabytes of it may hide ten thousand.
MAX_UNPACKED = 250_000_000
# The reader keeps a sheet as a full rectangle: one cell far away would fill the memory.
MAX_CELLS = 4_000_000
# As long as the longest text that the tables keep, with room for what is then refused by its field.
_LONGEST_CELL = 32_767
# How far below a title and its blank lines the names of the columns are looked for.
_TITLES = 30
_CHUNK = 1_000_000
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_CELL = re.compile(rb"<(?:\w+:)?c\s[^<>]*?\br\s*=\s*[\"']([A-Z]{1,3})([0-9]{1,7})[\"'][^<>]*>")
_DELIMITERS = ";,\t|"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

too_big = (
    f"Un tableau fait {MAX_BYTES // 1_000_000} Mo au plus : ôtez les images et les feuilles inutiles, "
    "ou envoyez-le en plusieurs fois."
)
_NOT_XLSX = (
    "Ce fichier n’est pas un vrai classeur XLSX : ouvrez-le dans votre tableur, enregistrez-le de nouveau "
    "au format XLSX ou CSV, puis renvoyez-le."
)
_TOO_LARGE = (
    "Ce classeur est trop étendu pour être lu : copiez le tableau seul dans un nouveau classeur, "
    "ou enregistrez-le en CSV, puis renvoyez-le."
)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a sheet: `line` as the spreadsheet numbers it, one text for each header, `beyond` what has no header."""

    line: int
    cells: tuple[str, ...]
    beyond: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: its headers, each different, and the rows that are not blank."""

    name: str
    headers: tuple[str, ...]
    rows: list[Row]


def read_sheets(
    filename: str, content: bytes, *, known: Callable[[Sequence[str]], int] | None = None
) -> list[Sheet]:
    """Return the sheets that hold headers, in their order; a CSV is one sheet without a name.

    The headers are the first line that is not blank. With `known`, which counts the cells that name a column, they are
    the first of the lines that name the most columns, two at least: an official table has a title above them. Raises RuleBroken, with what to do, when the file is empty, too big, not what its name says, or has no line below
    its headers.
    """
    if not content.strip(b"\x00 \t\r\n"):
        raise _refused("Ce fichier est vide : choisissez-en un autre.")
    if len(content) > MAX_BYTES:
        raise _refused(too_big)
    extension = filename.rpartition(".")[2].lower() if "." in filename else ""
    if content.startswith(b"PK"):
        grids = _read_workbook(content)
    elif content.startswith(_OLE):
        # The container of former workbooks, and of those that a password protects.
        raise _refused(
            "Ce classeur est protégé par un mot de passe, ou d’un ancien format : enregistrez-le au format XLSX, "
            "sans mot de passe, ou en CSV, puis renvoyez-le."
        )
    elif extension in {"xlsx", "xlsm", "xls", "ods"}:
        raise _refused(_NOT_XLSX)
    else:
        grids = [("", _read_csv(content))]
    sheets = [sheet for name, grid in grids if (sheet := _sheet(name, grid, known)) is not None]
    if not sheets:
        raise _refused(
            "Ce tableau n’a pas d’en-têtes : écrivez le nom de chaque colonne sur la première ligne."
        )
    if not any(sheet.rows for sheet in sheets):
        raise _refused("Ce tableau n’a que ses en-têtes : ajoutez au moins une ligne, puis renvoyez-le.")
    if sum(len(sheet.rows) for sheet in sheets) > MAX_LINES:
        raise _refused(
            f"Ce tableau dépasse {MAX_LINES} lignes : coupez-le en plusieurs fichiers, puis envoyez-les un par un."
        )
    return sheets


def _refused(sentence: str) -> RuleBroken:
    return RuleBroken(sentence, field="fichier")


def _sheet(name: str, grid: list[list[str]], known: Callable[[Sequence[str]], int] | None) -> Sheet | None:
    start = next((number for number, cells in enumerate(grid) if any(cells)), None)
    if start is None:
        return None
    if known is not None:
        near = range(start, min(start + _TITLES, len(grid)))
        named = max(near, key=lambda number: known(grid[number]))
        start = named if known(grid[named]) > 1 else start
    titles = grid[start]
    while titles and not titles[-1]:
        titles = titles[:-1]
    if len(titles) > MAX_COLUMNS:
        raise _refused(f"Ce tableau dépasse {MAX_COLUMNS} colonnes : ôtez celles qui ne servent pas.")
    width = len(titles)
    rows = []
    for number, cells in enumerate(grid[start + 1 :], start + 2):
        if any(cells):
            inside = (*cells[:width], *[""] * (width - len(cells)))
            rows.append(Row(number, inside, next((text for text in cells[width:] if text), "")))
    return Sheet(name, _told_apart(titles), rows)


def _told_apart(titles: list[str]) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    told = []
    for number, title in enumerate(titles, start=1):
        title = " ".join(title.split())[:150] or f"Colonne {number}"
        seen[title] = seen.get(title, 0) + 1
        told.append(title if seen[title] == 1 else f"{title} ({seen[title]})")
    return tuple(told)


def _read_workbook(content: bytes) -> list[tuple[str, list[list[str]]]]:
    _refuse_bombs(content)
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(content)) as book:
            names = [meta.name for meta in book.sheets_metadata if meta.typ == SheetTypeEnum.WorkSheet]
            return [
                (
                    name,
                    [
                        [_as_text(value) for value in row]
                        for row in book.get_sheet_by_name(name).to_python(skip_empty_area=False)
                    ],
                )
                for name in names
            ]
    except PasswordError:
        raise _refused("Ce classeur est protégé : ôtez son mot de passe, puis renvoyez-le.") from None
    # The reader wraps a library of another language, whose faults come as they may.
    except (CalamineError, OSError, ValueError, OverflowError, KeyError):
        raise _refused(_NOT_XLSX) from None


def _refuse_bombs(content: bytes) -> None:
    """Raise RuleBroken when the zip is not a workbook, or would unfold into more than a machine holds."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            if "xl/workbook.xml" not in names:
                raise _refused(_NOT_XLSX)
            left = MAX_UNPACKED
            for name in names:
                if not name.endswith((".xml", ".rels")):
                    continue
                rows = columns = 0
                for piece in _pieces(archive, name):
                    left -= len(piece)
                    if left < 0:
                        raise _refused(_TOO_LARGE)
                    for found in _CELL.finditer(piece):
                        # An empty cell, which only has a colour, takes no room.
                        if not found[0].endswith(b"/>"):
                            rows = max(rows, int(found[2]))
                            columns = max(columns, _column_number(found[1]))
                    if rows * columns > MAX_CELLS:
                        raise _refused(_TOO_LARGE)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError, EOFError):
        # RuntimeError: an encrypted entry.
        raise _refused(_NOT_XLSX) from None
    except zipfile.zlib.error:  # type: ignore[attr-defined]
        raise _refused(_NOT_XLSX) from None


def _pieces(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """Yield an entry in pieces that end between two tags, so that no cell is cut."""
    rest = b""
    with archive.open(name) as stream:
        while piece := stream.read(_CHUNK):
            piece = rest + piece
            cut = piece.rfind(b"<")
            if cut <= 0 or len(piece) - cut > _CHUNK:
                yield piece
                rest = b""
            else:
                yield piece[:cut]
                rest = piece[cut:]
    if rest:
        yield rest


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _as_text(value: Any) -> str:
    """Return a cell as a person reads it: 35000.0 is 35000, a day is in ISO."""
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, bool):
        return "oui" if value else "non"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"{value.total_seconds() / 3600:g}"
    return _clean(str(value))


def _clean(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
    return _CONTROL.sub("", text).strip()[:_LONGEST_CELL]


def _read_csv(content: bytes) -> list[list[str]]:
    text = _decode(content)
    if text.lower().startswith("sep=") and "\n" in text:
        # A line for the spreadsheet, which does not show it.
        text = text.split("\n", 1)[1]
    delimiter = _delimiter(text)
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        return [[_clean(cell) for cell in row] for row in rows]
    except csv.Error:
        raise _refused(
            "Ce fichier CSV ne peut pas être lu : un guillemet n’est pas fermé. Enregistrez le tableau en XLSX, "
            "puis renvoyez-le."
        ) from None


def _decode(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif content[1:200:2].count(0) > len(content[:200]) // 4:
        encodings = ["utf-16-le"]
    elif content[:200:2].count(0) > len(content[:200]) // 4:
        encodings = ["utf-16-be"]
    else:
        encodings = ["utf-8-sig", "cp1252", "latin-1"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        # No table holds these: it is a picture, a program…
        if text.count("\x00") or len(_CONTROL.findall(text[:10_000])) > 10:
            break
        return text
    raise _refused(
        "Ce fichier n’est pas un tableau : envoyez un classeur XLSX ou un fichier CSV, enregistré par votre tableur."
    )


def _delimiter(text: str) -> str:
    """Return the sign that cuts the headers into most columns; a comma within quotes cuts nothing."""
    start = text.lstrip("\n\r")[:20_000]

    def columns(sign: str) -> int:
        try:
            return len(next(csv.reader(io.StringIO(start, newline=""), delimiter=sign), []))
        except csv.Error:
            return 0

    return max(_DELIMITERS, key=columns)
