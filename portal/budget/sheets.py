"""A workbook with live formulas, sheet by sheet: change a line, the totals follow.

Cells hold euros, ETP and units as numbers, each with the value that the portal computed beside its formula: a reader that
computes nothing shows the same figures.
"""

import io
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell

from portal import clock
from portal.tabular import harmless

_EUROS = '#,##0.00\\ "€"'
_FORMATS: dict[str, dict[str, Any]] = {
    "text": {"text_wrap": True, "valign": "top"},
    "euros": {"num_format": _EUROS, "valign": "top"},
    "etp": {"num_format": "0.00", "valign": "top"},
    "units": {"num_format": "#,##0.###", "valign": "top"},
    "rate": {"num_format": "0.00%", "valign": "top"},
    "day": {"num_format": "dd/mm/yyyy", "valign": "top"},
    "whole": {"num_format": "#,##0", "valign": "top"},
}
# Of a line, of a sum of lines, of a sum of sums, of a heading.
_STRENGTHS: dict[str, dict[str, Any]] = {
    "": {},
    "sub": {"italic": True, "bg_color": "#F3F3F3"},
    "total": {"bold": True, "bg_color": "#E3E8F0"},
    "head": {"bold": True, "bg_color": "#D5DDEA", "border": 1},
}
_FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\", " "))


def exact(number: int, decimals: int) -> Decimal:
    """Return a whole number of cents, hundredths or thousandths as the number that a cell holds."""
    return Decimal(number).scaleb(-decimals)


class Book:
    """A workbook being written in memory: `with Book("Plan 2024") as book: …`, then `book.content`."""

    def __init__(self, title: str) -> None:
        self._out = io.BytesIO()
        self.workbook = xlsxwriter.Workbook(
            self._out,
            {
                "in_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        self.workbook.set_properties({"title": title, "created": clock.now().replace(tzinfo=None)})
        # What opens it computes again: the portal's figures and the formulas must agree.
        self.workbook.set_calc_mode("auto")
        self._formats: dict[tuple[str, str], Any] = {}
        self.content = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.workbook.close()
        self.content = self._out.getvalue()

    def look(self, kind: str, strength: str = "") -> Any:
        """Return the format of a kind of cell (text, euros, etp, units, rate, day, whole)."""
        key = (kind, strength)
        if key not in self._formats:
            self._formats[key] = self.workbook.add_format(_FORMATS[kind] | _STRENGTHS[strength])
        return self._formats[key]

    def sheet(self, name: str, heading: str, columns: Sequence[tuple[str, int]]) -> "Sheet":
        """Add a sheet: its heading, then the titles of its columns with their widths."""
        return Sheet(self, name, heading, columns)


class Sheet:
    """A sheet written from the top down. Rows and columns count from 0; `row` is the next one."""

    def __init__(self, book: Book, name: str, heading: str, columns: Sequence[tuple[str, int]]) -> None:
        self.book = book
        self.name = name.translate(_FORBIDDEN)[:31]
        self.columns = len(columns)
        self.sheet = book.workbook.add_worksheet(self.name)
        self.sheet.set_landscape()
        self.sheet.set_paper(9)
        self.sheet.fit_to_pages(1, 0)
        self.sheet.write_string(
            0, 0, harmless(heading), book.workbook.add_format({"bold": True, "font_size": 13})
        )
        self.row = 2
        self.titles([title for title, _ in columns])
        self.sheet.repeat_rows(2)
        self.sheet.freeze_panes(3, 0)
        for place, (_, width) in enumerate(columns):
            self.sheet.set_column(place, place, width)

    def titles(self, titles: Sequence[str]) -> None:
        """Write a row of titles."""
        for place, title in enumerate(titles):
            self.sheet.write_string(self.row, place, harmless(title), self.book.look("text", "head"))
        self.row += 1

    def band(self, text: str, strength: str = "total") -> None:
        """Write a row that says what follows."""
        self.fill(strength)
        self.sheet.write_string(self.row, 0, harmless(text), self.book.look("text", strength))
        self.row += 1

    def fill(self, strength: str) -> None:
        """Give the whole row its look."""
        for place in range(self.columns):
            self.sheet.write_blank(self.row, place, None, self.book.look("text", strength))

    def put(self, place: int, value: Any, kind: str = "text", strength: str = "") -> None:
        """Write a value in the row: whole numbers are cents (euros), hundredths (etp, rate ×100) or thousandths (units)."""
        look = self.book.look(kind, strength)
        if value is None or value == "":
            if strength:
                self.sheet.write_blank(self.row, place, None, look)
        elif isinstance(value, date):
            self.sheet.write_datetime(self.row, place, datetime.combine(value, time()), look)
        elif kind == "text":
            self.sheet.write_string(self.row, place, harmless(str(value)), look)
        else:
            self.sheet.write_number(self.row, place, exact(value, _DECIMALS[kind]), look)

    def compute(self, place: int, formula: str, value: int, kind: str = "euros", strength: str = "") -> None:
        """Write a formula in the row, with what the portal computed."""
        look = self.book.look(kind, strength)
        self.sheet.write_formula(self.row, place, formula, look, exact(value, _DECIMALS[kind]))

    def cell(self, place: int, row: int | None = None) -> str:
        """Return the name of a cell of this sheet ("I5")."""
        return str(xl_rowcol_to_cell(self.row if row is None else row, place))

    def elsewhere(self, place: int, row: int) -> str:
        """Return the name of a cell as other sheets write it ("'Plan 2024'!K20")."""
        quoted = self.name.replace("'", "''")
        return f"'{quoted}'!{xl_rowcol_to_cell(row, place)}"

    def sum_of(self, place: int, rows: Sequence[int], value: int, kind: str, strength: str) -> None:
        """Write the sum of a column over `rows`: by a range when they follow each other."""
        if not rows:
            self.put(place, 0, kind, strength)
            return
        together = list(rows) == list(range(rows[0], rows[-1] + 1))
        inside = (
            f"{self.cell(place, rows[0])}:{self.cell(place, rows[-1])}"
            if together
            else ",".join(self.cell(place, row) for row in rows)
        )
        self.compute(place, f"=SUM({inside})", value, kind, strength)


_DECIMALS = {"euros": 2, "etp": 2, "units": 3, "rate": 4, "whole": 0}
