"""Tables as people send them, and an import done from end to end."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import xlsxwriter
from sqlmodel import Session, select

from portal.accounts.models import User
from portal.exchanges import exports
from portal.exchanges.imports import runs
from portal.exchanges.models import ImportLine, ImportRun
from tests.exchanges.catalogue import URL

OWN = "portail-test"
PARTNER = "reseau-exemple"
# A SIRET with a right key, of no association.
SIRET = "35600000000048"

STRUCTURE: dict[str, str] = {
    "id": "s1",
    "nom": "Régie d’Exemple",
    "siret": SIRET,
    "code_insee": "35236",
    "commune": "Redon",
    "code_postal": "35600",
    "adresse": "12 rue de l’Exemple",
    "telephone": "02 99 00 00 01",
    "courriel": "contact@regie.example.org",
    "date_maj": "2026-01-15",
}
SERVICE: dict[str, str] = {
    "id": "o1",
    "structure_id": "s1",
    "nom": "Passer le permis, autrement",
    "description": "On prépare le code de la route en petit groupe, à son rythme, avec un moniteur. " * 3,
    "type": "formation",
    "thematiques": "mobilite--preparer-un-permis, mobilite--financer-ma-mobilite",
    "publics": "jeunes,femmes",
    "frais": "gratuit",
    "modes_accueil": "en-presentiel",
    "modes_mobilisation": "telephoner",
    "mobilisable_par": "professionnels",
    "telephone": "02 99 00 00 02",
    "commune": "Redon",
    "code_postal": "35600",
    "code_insee": "35236",
    "zone_eligibilite": "35",
    "volume_horaire_hebdomadaire": "7,5",
    "nombre_semaines": "12",
    "date_maj": "2026-02-01",
}

Rows = Sequence[dict[str, Any]]


def workbook(sheets: dict[str, Rows], headers: dict[str, Sequence[str]] | None = None) -> bytes:
    """Return an XLSX of these sheets; the headers are the keys of the first row, in the valideur's manner."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"strings_to_formulas": False, "strings_to_urls": False})
    for title, rows in sheets.items():
        sheet = book.add_worksheet(title)
        names = list((headers or {}).get(title) or ["__ignore__", *rows[0]])
        sheet.write_row(0, 0, names)
        for line, row in enumerate(rows, start=1):
            for column, name in enumerate(names):
                value = row.get(name, "")
                if isinstance(value, str) and value:
                    sheet.write_string(line, column, value)
                elif value != "":
                    sheet.write(line, column, value)
    book.close()
    return out.getvalue()


def table(rows: Rows, *, delimiter: str = ";", encoding: str = "utf-8") -> bytes:
    """Return a CSV of these rows."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode(encoding)


def bring(
    session: Session,
    content: bytes,
    *,
    filename: str = "tableau.xlsx",
    source: str | None = PARTNER,
    by: User | None = None,
    write: bool = True,
    publish: bool = True,
) -> ImportRun:
    """Do a whole import of a table whose columns are known."""
    run = runs.import_file(
        session,
        filename=filename,
        content=content,
        source=source,
        by=by,
        own_source=OWN,
        departement="35",
        write=write,
        publish=publish,
    )
    session.commit()
    return run


def lines(session: Session, run: ImportRun) -> list[ImportLine]:
    """The lines of a run in their order."""
    return list(session.execute(runs.lines_of(run.id)).scalars())


def outcomes(session: Session, run: ImportRun) -> list[str]:
    return [line.outcome.value for line in lines(session, run)]


def only(session: Session, table_class: type[Any], **values: Any) -> Any:
    """Return the one row with these values."""
    found = [
        row
        for row in session.exec(select(table_class))
        if all(getattr(row, k) == v for k, v in values.items())
    ]
    assert len(found) == 1, found
    return found[0]


def both(structure: dict[str, str] | None = None, service: dict[str, str] | None = None) -> bytes:
    return workbook({"Structures": [STRUCTURE | (structure or {})], "Services": [SERVICE | (service or {})]})


def exported(session: Session) -> dict[str, list[dict[str, Any]]]:
    """Our own records, by kind."""
    return {kind: list(exports.rows_of(kind, session, source=OWN, public_url=URL)) for kind in exports.KINDS}


def as_xlsx(rows: dict[str, list[dict[str, Any]]]) -> bytes:
    """The workbook of the export."""
    out = io.BytesIO()
    exports.write_xlsx(out, rows["structures"], rows["services"])
    return out.getvalue()


def errors_of(session: Session, content: bytes, **options: Any) -> list[tuple[str, int, str, str, str]]:
    """(kind, line, column, cell, sentence) of every error of a table that is read and not written."""
    run = bring(session, content, write=False, **options)
    return [
        (line.kind, line.line, *error)
        for line in lines(session, run)
        for error in line.errors or []  # type: ignore[misc]
    ]
