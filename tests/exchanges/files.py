"""The files of the export, asked for and read back."""

import io
import zipfile
from typing import Any
from xml.etree import ElementTree

from data_inclusion.schema import v1
from sqlmodel import Session
from werkzeug.test import TestResponse

from portal.catalogue import records
from tests.exchanges.catalogue import ROOT, SOURCE, URL
from tests.pages import Browser

KINDS = ("structures", "services")
FILES = [f"{kind}.{shape}" for kind in KINDS for shape in ("json", "ndjson", "csv")] + ["data-inclusion.xlsx"]
TYPES = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FIELDS = {"structures": list(v1.Structure.model_fields), "services": list(v1.Service.model_fields)}


def get(browser: Browser, name: str, status: int = 200, **headers: str) -> TestResponse:
    """Ask for an address of the export."""
    url = name if name.startswith("/") else f"{ROOT}/{name}"
    response = browser.client.get(url, headers={k.replace("_", "-"): v for k, v in headers.items()})
    assert response.status_code == status, response.text
    return response


def expected(session: Session, kind: str, **options: Any) -> list[dict[str, Any]]:
    read = {"structures": records.structure_records, "services": records.service_records}[kind]
    return list(read(session, source=SOURCE, public_url=URL, **options))


def read_sheets(content: bytes) -> dict[str, list[list[str]]]:
    """Read a workbook back: {sheet: rows of texts}. A cell that is not a text is an error."""
    main = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    relation = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
    sheets = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
        targets = {link.attrib["Id"]: link.attrib["Target"] for link in links}
        shared: list[str] = []
        if "xl/sharedStrings.xml" in archive.namelist():
            table = ElementTree.fromstring(archive.read("xl/sharedStrings.xml"))
            shared = ["".join(t.text or "" for t in item.iter(f"{main}t")) for item in table]
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
        for sheet in book.iter(f"{main}sheet"):
            tree = ElementTree.fromstring(archive.read(f"xl/{targets[sheet.attrib[relation]]}"))
            rows: list[list[str]] = []
            for row in tree.iter(f"{main}row"):
                cells: dict[int, str] = {}
                for cell in row:
                    column = 0
                    for letter in cell.attrib["r"].rstrip("0123456789"):
                        column = column * 26 + ord(letter) - 64
                    kind = cell.attrib.get("t")
                    assert kind in {"s", "inlineStr"}, f"{cell.attrib['r']} is not a text: {kind}"
                    if kind == "s":
                        value = cell.find(f"{main}v")
                        assert value is not None
                        cells[column - 1] = shared[int(value.text or "")]
                    else:
                        cells[column - 1] = "".join(t.text or "" for t in cell.iter(f"{main}t"))
                rows.append([cells.get(n, "") for n in range(max(cells) + 1)])
            sheets[sheet.attrib["name"]] = rows
    return sheets
