"""The verbs of an import: send a table, say its columns, go on, accept, give up. Each step can be the last one."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, func, insert, update
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from portal import clock, geography, spreadsheets
from portal.accounts.models import User
from portal.errors import RuleBroken
from portal.exchanges.imports import columns
from portal.exchanges.imports.checking import Checker
from portal.exchanges.imports.filling import Filler, slug
from portal.exchanges.imports.writing import write_lines
from portal.exchanges.models import ImportLine, ImportMapping, ImportOutcome, ImportRun, ImportState
from portal.spreadsheets import Sheet

# Lines handled by one request: about a second of work.
READ_STEP = 250
WRITE_STEP = 100
KEPT_DAYS = 90
OPEN = (ImportState.COLONNES, ImportState.LECTURE, ImportState.APERCU, ImportState.ECRITURE)
_INSERTED_AT_ONCE = 1000


class WrongColumns(Exception):
    """A mapping that cannot be used; `problems` says why."""

    def __init__(self, problems: Sequence[columns.Problem]) -> None:
        super().__init__(*(problem.sentence for problem in problems))
        self.problems = tuple(problems)


def start(
    session: Session,
    *,
    filename: str,
    content: bytes,
    source: str | None,
    by: User | None,
    own_source: str,
    departement: str | None,
    id: uuid.UUID | None = None,
) -> ImportRun:
    """Keep a table and read it as far as nobody needs to be asked; return its run.

    `source` says where the whole table comes from, None when its columns do. `own_source` is our own slug: its rows
    bear our ids. Raises RuleBroken (field "fichier" or "source") when the file cannot be read or nobody says its source.
    """
    sheets = spreadsheets.read_sheets(filename, content)
    run = ImportRun(
        by_id=by.id if by else None,
        filename=_clean_name(filename),
        contenu=content,
        sha256=hashlib.sha256(content).hexdigest(),
        state=ImportState.COLONNES,
    )
    if id is not None:
        run.id = id
    kept, layout, remembered = _first_mapping(session, sheets)
    told = slug(source or "") or (remembered.columns.get("source") if remembered else None)
    run.columns = {
        "sheets": [columns.plain_sheet(sheet) for sheet in kept],
        "mapping": {sheet.name: _mapping_of(sheet, layout, remembered) for sheet in kept},
        "source": told,
        "departement": (remembered.columns.get("departement") if remembered else None) or departement,
        "own": own_source,
        "layout": layout is not None,
        "remembered": remembered is not None,
        "publish": False,
    }
    session.add(run)
    session.flush()
    mapping = run.columns["mapping"]
    if (layout is not None or remembered is not None) and not columns.problems_of(
        mapping, source_known=bool(told)
    ):
        _fill(session, run, kept)
    elif layout is not None and not told and not _tells_source(mapping):
        raise RuleBroken(
            "Dites d’où vient ce tableau : c’est ce qui permet de le reconnaître la prochaine fois.",
            field="source",
        )
    return run


def choose_columns(
    session: Session,
    run: ImportRun,
    mapping: Mapping[str, Mapping[str, str]],
    *,
    source: str | None,
    departement: str | None,
    by: User | None,
) -> None:
    """Say what each column gives, {sheet: {header: target}}, and read the table with it; it is kept for the next time.

    Raises WrongColumns when the mapping cannot be used, RuleBroken when the run is past its preview.
    """
    if run.state not in (ImportState.COLONNES, ImportState.LECTURE, ImportState.APERCU):
        raise RuleBroken(
            "Cet import est déjà enregistré : envoyez de nouveau le tableau pour le lire autrement."
        )
    told = slug(source or "") or None
    problems = columns.problems_of(mapping, source_known=told is not None)
    if departement and geography.departement(departement) is None:
        problems.append(columns.Problem("Ce département n’existe pas : écrivez son numéro, par exemple 35."))
    if problems:
        raise WrongColumns(problems)
    sheets = [sheet for sheet in spreadsheets.read_sheets(run.filename, run.contenu) if sheet.name in mapping]
    run.columns = {
        **(run.columns or {}),
        "mapping": {sheet: dict(found) for sheet, found in mapping.items()},
        "source": told,
        "departement": departement or None,
        "layout": False,
        "remembered": False,
    }
    _remember(session, sheets, run.columns, by)
    session.execute(delete(ImportLine).where(col(ImportLine.run_id) == run.id))
    _fill(session, run, sheets)


def go_on(session: Session, run_id: uuid.UUID, *, by: User | None) -> ImportRun:
    """Do one more handful of lines, checking or writing as the run stands; return the run. Nothing left: no change.

    The run's row is held meanwhile: two people who continue at once take turns, and no line is done twice.
    """
    run = hold(session, run_id)
    if run.state not in (ImportState.LECTURE, ImportState.ECRITURE):
        return run
    reading = run.state is ImportState.LECTURE
    step = READ_STEP if reading else WRITE_STEP
    lines = session.execute(lines_of(run.id).offset(run.done).limit(step)).scalars().all()
    if reading:
        Checker(session, run).check(lines)
    else:
        write_lines(session, lines, by=by, publish=bool((run.columns or {}).get("publish")))
    run.done += len(lines)
    if run.done >= run.total:
        run.state = ImportState.APERCU if reading else ImportState.TERMINE
        run.finished_at = None if reading else clock.now()
    session.flush()
    return run


def accept(session: Session, run_id: uuid.UUID, *, publish: bool) -> ImportRun:
    """Say yes to the preview: what follows is written. Raises RuleBroken when there is nothing to write."""
    run = hold(session, run_id)
    if run.state in (ImportState.ECRITURE, ImportState.TERMINE):
        return run  # pressed twice
    if run.state is not ImportState.APERCU:
        raise RuleBroken("Cet import n’a pas encore d’aperçu : laissez d’abord la lecture se terminer.")
    if not right_lines(counts(session, run.id)):
        raise RuleBroken("Rien n’est à enregistrer dans ce tableau.")
    run.columns = {**(run.columns or {}), "publish": publish}
    run.state = ImportState.ECRITURE
    run.done = 0
    session.flush()
    return run


def abandon(session: Session, run_id: uuid.UUID) -> ImportRun:
    """Give the import up: what was sent is forgotten. What was already written stays. A finished one is left alone."""
    run = hold(session, run_id)
    if run.state not in (ImportState.COLONNES, ImportState.LECTURE, ImportState.APERCU):
        return run
    session.execute(delete(ImportLine).where(col(ImportLine.run_id) == run.id))
    run.state = ImportState.ABANDONNE
    run.contenu = b""
    run.total = run.done = 0
    run.finished_at = clock.now()
    session.flush()
    return run


def hold(session: Session, run_id: uuid.UUID) -> ImportRun:
    """Return the run with its row locked until the end of the transaction, without the file. Raises NoResultFound."""
    found: ImportRun = session.exec(
        select(ImportRun)
        .where(col(ImportRun.id) == run_id)
        .options(defer(ImportRun.contenu))  # type: ignore[arg-type]
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    return found


def lines_of(run_id: uuid.UUID) -> Select[Any]:
    """The lines of a run in their order: structures first, since offers refer to them."""
    return (
        select(ImportLine)
        .where(col(ImportLine.run_id) == run_id)
        .order_by(col(ImportLine.kind).desc(), col(ImportLine.line), col(ImportLine.id))
    )


def counts(session: Session, run_id: uuid.UUID) -> dict[tuple[str, ImportOutcome], int]:
    """Return {(kind, outcome): number of lines} of a run."""
    rows = session.exec(
        select(ImportLine.kind, ImportLine.outcome, func.count())
        .where(col(ImportLine.run_id) == run_id)
        .group_by(col(ImportLine.kind), col(ImportLine.outcome))
    )
    return {(kind, ImportOutcome(outcome)): number for kind, outcome, number in rows}


def right_lines(numbers: Mapping[tuple[str, ImportOutcome], int]) -> int:
    """Return how many lines would create or change something."""
    return sum(
        number
        for (_, outcome), number in numbers.items()
        if outcome in (ImportOutcome.CREE, ImportOutcome.MODIFIE)
    )


def import_file(
    session: Session,
    *,
    filename: str,
    content: bytes,
    source: str | None,
    by: User | None,
    own_source: str,
    departement: str | None = None,
    write: bool = False,
    publish: bool = False,
) -> ImportRun:
    """Do a whole import in one go, as commands do: up to the preview, or to the end with `write`.

    The table must be one whose columns are known. Raises RuleBroken when it is not, or cannot be read. Never commits.
    """
    run = start(
        session,
        filename=filename,
        content=content,
        source=source,
        by=by,
        own_source=own_source,
        departement=departement,
    )
    if run.state is ImportState.COLONNES:
        raise RuleBroken(
            "Les colonnes de ce tableau ne sont pas connues : envoyez-le une fois par la page Import."
        )
    while run.state is ImportState.LECTURE:
        run = go_on(session, run.id, by=by)
    if write and right_lines(counts(session, run.id)):
        run = accept(session, run.id, publish=publish)
        while run.state is ImportState.ECRITURE:
            run = go_on(session, run.id, by=by)
    return run


def forget(session: Session, *, now: datetime) -> int:
    """Empty what was sent more than KEPT_DAYS days ago, files and lines; how many lines went where stays. Return how many.

    An import that nobody finished by then is given up.
    """
    old = now - timedelta(days=KEPT_DAYS)
    ids = session.exec(
        select(ImportRun.id).where(col(ImportRun.created_at) < old, func.length(col(ImportRun.contenu)) > 0)
    ).all()
    if ids:
        session.execute(
            update(ImportLine)
            .where(col(ImportLine.run_id).in_(ids))
            .values(record=None, changes=None, errors=None)
        )
        session.execute(
            update(ImportRun)
            .where(col(ImportRun.id).in_(ids), col(ImportRun.state).in_(OPEN))
            .values(state=ImportState.ABANDONNE, finished_at=now)
        )
        session.execute(update(ImportRun).where(col(ImportRun.id).in_(ids)).values(contenu=b"", columns=None))
    return len(ids)


def _first_mapping(
    session: Session, sheets: list[Sheet]
) -> tuple[list[Sheet], dict[str, dict[str, str]] | None, ImportMapping | None]:
    """Return the sheets to read, and how: the mapping that was kept for them, else that of the valideur's layout."""
    known = {sheet.name: kind for sheet in sheets if sheet.rows and (kind := columns.kind_of(sheet))}
    # A workbook of that layout may hold other sheets: lists of values, explanations.
    kept = [sheet for sheet in sheets if sheet.name in known] or [sheet for sheet in sheets if sheet.rows][:5]
    found = session.exec(
        select(ImportMapping).where(col(ImportMapping.headers_hash) == columns.headers_hash(kept))
    ).one_or_none()
    if found is not None or not known:
        return kept, None, found
    return kept, {sheet.name: columns.of_layout(sheet, known[sheet.name]) for sheet in kept}, None


def _mapping_of(
    sheet: Sheet, layout: dict[str, dict[str, str]] | None, remembered: ImportMapping | None
) -> dict[str, str]:
    if layout is not None:
        return layout[sheet.name]
    if remembered is not None:
        kept = remembered.columns["mapping"].get(geography.fold(sheet.name), {})
        targets = columns.all_targets()
        found = {header: kept.get(geography.fold(header), columns.NOTHING) for header in sheet.headers}
        # A field that the portal no longer knows is nobody's.
        return {header: target if target in targets else columns.NOTHING for header, target in found.items()}
    return columns.guess(sheet)


def _remember(session: Session, sheets: list[Sheet], kept: dict[str, Any], by: User | None) -> None:
    mark = columns.headers_hash(sheets)
    found = session.exec(
        select(ImportMapping).where(col(ImportMapping.headers_hash) == mark)
    ).one_or_none() or ImportMapping(headers_hash=mark, columns={})
    found.columns = {
        "mapping": {
            geography.fold(sheet): {geography.fold(header): target for header, target in mapping.items()}
            for sheet, mapping in kept["mapping"].items()
        },
        "source": kept["source"],
        "departement": kept["departement"],
    }
    found.updated_at = clock.now()
    found.updated_by_id = by.id if by else None
    session.add(found)


def _fill(session: Session, run: ImportRun, sheets: list[Sheet]) -> None:
    """Write down every line of the table, not checked yet."""
    held = run.columns or {}
    rows = Filler(held["mapping"], held["source"]).lines(run.id, sheets)
    for first in range(0, len(rows), _INSERTED_AT_ONCE):
        session.execute(insert(ImportLine), rows[first : first + _INSERTED_AT_ONCE])
    run.total, run.done = len(rows), 0
    run.state = ImportState.LECTURE
    session.flush()


def _tells_source(mapping: Mapping[str, Mapping[str, str]]) -> bool:
    targets = {target for found in mapping.values() for target in found.values()}
    return bool(targets & {"structures.source", "services.source"})


def _clean_name(filename: str) -> str:
    name = filename.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(letter for letter in name if letter.isprintable())[-200:].strip() or "tableau"
