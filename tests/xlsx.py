"""A workbook as a spreadsheet computes it: its cells are read from the file, its formulas recomputed from the others.

Knows what the portal writes: SUM, SUMIF, ROUND, + - * /, cells and ranges, of other sheets too. Numbers are decimal.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from xml.etree import ElementTree

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<cell>(?:'(?:[^']|'')+'!|\w+!)?\$?[A-Z]{1,3}\$?\d+(?::\$?[A-Z]{1,3}\$?\d+)?)"
    r"|(?P<name>[A-Z]+)(?=\()|(?P<sign>[-+*/(),]))"
)
Value = Decimal | str | None


class Workbook:
    """The sheets of a file by name: what is written in each cell, its formula, and the value written beside it."""

    def __init__(self, content: bytes) -> None:
        self.texts: dict[tuple[str, str], str] = {}
        self.numbers: dict[tuple[str, str], Decimal] = {}
        self.formulas: dict[tuple[str, str], str] = {}
        # What the portal computed, beside each formula.
        self.cached: dict[tuple[str, str], Decimal] = {}
        self.sheets: list[str] = []
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            strings = _strings(archive)
            for name, path in _sheets(archive):
                self.sheets.append(name)
                self._read(name, ElementTree.fromstring(archive.read(path)), strings)

    def _read(self, sheet: str, root: ElementTree.Element, strings: list[str]) -> None:
        for cell in root.iter(f"{_MAIN}c"):
            key = (sheet, cell.attrib["r"])
            formula, value = cell.find(f"{_MAIN}f"), cell.findtext(f"{_MAIN}v")
            if formula is not None:
                self.formulas[key] = formula.text or ""
                self.cached[key] = Decimal(value or "0")
            elif value is None:
                continue
            elif cell.attrib.get("t") == "s":
                self.texts[key] = strings[int(value)]
            else:
                self.numbers[key] = Decimal(value)

    def value(self, sheet: str, cell: str) -> Value:
        """Compute a cell."""
        key = (sheet, cell)
        if key in self.formulas:
            return _Reader(self, sheet, self.formulas[key]).result()
        return self.numbers.get(key, self.texts.get(key))

    def number(self, sheet: str, cell: str) -> Decimal:
        """Compute a cell that holds a number; an empty one is zero."""
        found = self.value(sheet, cell)
        assert not isinstance(found, str), f"{sheet}!{cell} is the text « {found} »"
        return found or Decimal(0)

    def find(self, sheet: str, text: str) -> str:
        """Return the only cell of the sheet that says `text`."""
        found = [cell for (where, cell), said in self.texts.items() if where == sheet and said == text]
        assert len(found) == 1, (
            f"{text!r} is in {found}: {[t for (s, _), t in self.texts.items() if s == sheet]}"
        )
        return found[0]

    def beside(self, sheet: str, text: str, column: str) -> str:
        """Return the cell of `column` on the row that says `text`."""
        return column + re.sub(r"\D", "", self.find(sheet, text))

    def disagreements(self) -> list[tuple[str, str, Decimal, Decimal]]:
        """Return the formulas whose result is not what the portal computed, to the last decimal."""
        return [
            (sheet, cell, computed, self.cached[sheet, cell])
            for sheet, cell in self.formulas
            if (computed := self.number(sheet, cell)) != self.cached[sheet, cell]
        ]


def _strings(archive: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    root = ElementTree.fromstring(archive.read("xl/sharedStrings.xml"))
    return ["".join(part.text or "" for part in item.iter(f"{_MAIN}t")) for item in root.iter(f"{_MAIN}si")]


def _sheets(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    paths = {link.attrib["Id"]: link.attrib["Target"] for link in links}
    for sheet in ElementTree.fromstring(archive.read("xl/workbook.xml")).iter(f"{_MAIN}sheet"):
        yield sheet.attrib["name"], "xl/" + paths[sheet.attrib[_LINK]]


class _Reader:
    """Reads a formula from left to right; what it does not know is an error."""

    def __init__(self, book: Workbook, sheet: str, formula: str) -> None:
        self.book, self.sheet, self.formula = book, sheet, formula
        self.tokens: list[tuple[str, str]] = []
        place = 0
        while place < len(formula):
            found = _TOKEN.match(formula, place)
            assert found is not None and found.lastgroup is not None, f"cannot read {formula!r} at {place}"
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            place = found.end()
        self.at = 0

    def result(self) -> Decimal:
        found = self._sum()
        assert self.at == len(self.tokens), f"more than a formula: {self.formula!r}"
        return found

    def _next(self) -> tuple[str, str]:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def _take(self, signs: str) -> str | None:
        if (
            self.at < len(self.tokens)
            and self.tokens[self.at][0] == "sign"
            and self.tokens[self.at][1] in signs
        ):
            return self._next()[1]
        return None

    def _sum(self) -> Decimal:
        total = self._product()
        while sign := self._take("+-"):
            other = self._product()
            total = total + other if sign == "+" else total - other
        return total

    def _product(self) -> Decimal:
        total = self._factor()
        while sign := self._take("*/"):
            other = self._factor()
            total = total * other if sign == "*" else total / other
        return total

    def _factor(self) -> Decimal:
        if self._take("-"):
            return -self._factor()
        if self._take("("):
            found = self._sum()
            assert self._take(")")
            return found
        kind, text = self._next()
        if kind == "number":
            return Decimal(text)
        if kind == "cell":
            sheet, cells = self._cells(text)
            assert len(cells) == 1, f"a range where a number is due: {self.formula!r}"
            return self.book.number(sheet, cells[0])
        assert kind == "name", f"unexpected {text!r} in {self.formula!r}"
        return self._call(text)

    def _call(self, name: str) -> Decimal:
        assert self._take("(")
        known: dict[str, Callable[[], Decimal]] = {
            "SUM": self._sum_of,
            "ROUND": self._round,
            "SUMIF": self._sum_if,
        }
        found = known[name]()
        assert self._take(")"), self.formula
        return found

    def _sum_of(self) -> Decimal:
        total = Decimal(0)
        while True:
            total += sum((v for v in self._values() if isinstance(v, Decimal)), Decimal(0))
            if not self._take(","):
                return total

    def _round(self) -> Decimal:
        number = self._sum()
        assert self._take(",")
        return number.quantize(Decimal(1).scaleb(-int(self._sum())), ROUND_HALF_UP)

    def _sum_if(self) -> Decimal:
        kept = self._values()
        assert self._take(",")
        wanted = self._values()
        assert self._take(",")
        summed = self._values()
        assert len(kept) == len(summed) and len(wanted) == 1
        return sum(
            (v for k, v in zip(kept, summed, strict=True) if k == wanted[0] and isinstance(v, Decimal)),
            Decimal(0),
        )

    def _values(self) -> list[Value]:
        kind, text = self._next()
        assert kind == "cell", f"a cell or a range is due: {self.formula!r}"
        sheet, cells = self._cells(text)
        return [self.book.value(sheet, cell) for cell in cells]

    def _cells(self, text: str) -> tuple[str, list[str]]:
        sheet, _, cells = text.rpartition("!")
        sheet = sheet.strip("'").replace("''", "'") or self.sheet
        assert sheet in self.book.sheets, f"no sheet {sheet!r}"
        first, _, last = cells.replace("$", "").partition(":")
        (left, top), (right, bottom) = _split(first), _split(last or first)
        return sheet, [
            _letters(column) + str(row) for row in range(top, bottom + 1) for column in range(left, right + 1)
        ]


def _split(cell: str) -> tuple[int, int]:
    found = re.fullmatch(r"([A-Z]+)(\d+)", cell)
    assert found is not None
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    return column, int(found[2])


def _letters(column: int) -> str:
    text = ""
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text
