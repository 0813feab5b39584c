"""`exchanges import`: two files of records, checked first, then written in one transaction or not at all.

The files are checked without touching the database, which takes most of the time; the good records wait in a file that
nobody sees. They are then compared with what is kept, and the index is made, by who reads alone. Only then is a writing
transaction opened, for what there is to write: SQLite has one writer at a time, and people must not wait for the rest.
"""

import tempfile
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import IO, NamedTuple

from sqlmodel import Session

from portal import clock
from portal.catalogue import build
from portal.catalogue.models import KnownService, KnownStructure
from portal.db import Database
from portal.engines.locks import only_writer
from portal.engines.turns import in_turn
from portal.exchanges.national import storing
from portal.exchanges.national.checking import LONGEST_ID, Checked, Kind, Refused, check
from portal.exchanges.national.reading import RecordFile
from portal.exchanges.national.storing import Compared, Gone, Row

# How often the progress is told, in lines.
_STEP = 500
# What two runs do in turn.
_WORK = "import"
_MODELS: dict[Kind, type[KnownStructure] | type[KnownService]] = {
    Kind.STRUCTURE: KnownStructure,
    Kind.SERVICE: KnownService,
}


class CannotReplace(Exception):
    """What is missing from the files cannot be taken for removed; the message says why."""


class Overtaken(Exception):
    """What is known from elsewhere was changed by somebody else between the comparison and the writing."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that is not taken: name of its file, line from 1, id and field ("" when unknown), reason."""

    file: str
    line: int
    id: str
    field: str
    reason: str


@dataclass(slots=True)
class Told:
    """What became of the records of one file. `set_aside`: our own; `removed`: kept until now and no longer given."""

    compared: Compared = field(default_factory=Compared)
    refused: int = 0
    set_aside: int = 0
    removed: int = 0


@dataclass(slots=True)
class Report:
    """What a run did, or would do: `written` says which."""

    structures: Told = field(default_factory=Told)
    services: Told = field(default_factory=Told)
    written: bool = False

    @property
    def refused(self) -> int:
        """How many records were refused in all."""
        return self.structures.refused + self.services.refused

    @property
    def changes(self) -> int:
        """How many rows are new, changed or removed."""
        return sum(
            told.compared.new + told.compared.changed + told.removed
            for told in (self.structures, self.services)
        )


@dataclass(frozen=True, slots=True)
class Listeners:
    """Whom to tell as the work goes: each refused record; each step of `what` (done so far, out of)."""

    refusal: Callable[[Refusal], None]
    progress: Callable[[str, int, int], None]


class _Orphan(NamedTuple):
    line: int
    service_id: str


@dataclass(slots=True)
class _Batch:
    """What the two files hold. Good rows are in `spools`, one a line: id, structure's id, record, between tabs."""

    spools: dict[Kind, IO[bytes]]
    # Id -> line where it was first given, good or not.
    lines: dict[Kind, dict[str, int]] = field(default_factory=lambda: {kind: {} for kind in Kind})
    good: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))
    # Structures of the file that were refused: id -> line.
    refused_structures: dict[str, int] = field(default_factory=dict)
    # Good service -> its structure, and the services whose structure is not in the file: by structure.
    structure_of: dict[str, str] = field(default_factory=dict)
    orphans: dict[str, list[_Orphan]] = field(default_factory=lambda: defaultdict(list))
    sources: set[str] = field(default_factory=set)
    # A line whose id cannot be read: what is missing may be there.
    unreadable: bool = False
    # What is to be written, once compared: where its lines begin in its spool, in their order.
    new: dict[Kind, "array[int]"] = field(default_factory=lambda: {kind: array("Q") for kind in Kind})
    changed: dict[Kind, "array[int]"] = field(default_factory=lambda: {kind: array("Q") for kind in Kind})

    def forget(self) -> None:
        """Let go of everything but what is to be written."""
        for lines in self.lines.values():
            lines.clear()
        self.refused_structures.clear()
        self.structure_of.clear()
        self.orphans.clear()

    def pending(self, kind: Kind, gone: list[str]) -> build.Pending:
        """Return what is to be written of a kind, as the index wants it."""

        def written() -> dict[str, int]:
            spool, found = self.spools[kind], {}
            for position in chain(self.new[kind], self.changed[kind]):
                spool.seek(position)
                found[spool.read(LONGEST_ID * 4).partition(b"\t")[0].decode()] = position
            return found

        return build.Pending(gone, written, lambda position: self.row(kind, position).record)

    def row(self, kind: Kind, position: int) -> Row:
        """Return the good row whose line begins there."""
        spool = self.spools[kind]
        spool.seek(position)
        return _row(spool.readline(), position)


def load(
    database: Database,
    structures: Path,
    services: Path,
    *,
    own_source: str,
    wet: bool,
    keep_good: bool,
    replace: bool,
    listeners: Listeners,
) -> Report:
    """Read both files, check each record, and keep what is new or changed; return what was done.

    Nothing is written unless `wet`; nor when a record is refused, unless `keep_good`. With `replace`, what is kept of
    the sources met in the files and is no longer in them is removed. `own_source` is our own slug, whose records are
    left aside. All is written in one transaction, the index with it when anything changed; two runs at once take turns.

    Raises CannotReplace, Overtaken, OSError (a file cannot be read) and SQLAlchemy's errors; nothing is written then.
    """
    report = Report()
    with ExitStack() as stack:
        batch = _Batch({kind: stack.enter_context(tempfile.TemporaryFile()) for kind in Kind})
        _read(batch, Kind.STRUCTURE, structures, report.structures, own_source, listeners)
        _read(batch, Kind.SERVICE, services, report.services, own_source, listeners)
        may_write = wet and (keep_good or not report.refused)
        if may_write:
            stack.enter_context(in_turn(database.engine, _WORK))
        at, made = clock.now(), None
        with database.session(read_only=True) as session:
            before = build.version(session)
            _refuse_orphans(session, batch, services.name, report.services, listeners)
            report.written = may_write and (keep_good or not report.refused)
            lost = _settle(session, batch, report, replace=replace, listeners=listeners)
            # The index needs the room.
            batch.forget()
            if report.written and report.changes:
                listeners.progress("index", 0, 1)
                made = build.make(
                    session,
                    stack.enter_context(tempfile.TemporaryFile()),
                    at=at,
                    structures=batch.pending(Kind.STRUCTURE, lost.structures),
                    services=batch.pending(Kind.SERVICE, lost.services),
                )
                listeners.progress("index", 1, 1)
        if made is not None:
            with database.writing() as session:
                only_writer(session, KnownStructure)
                if build.version(session) != before:
                    raise Overtaken("what is known changed meanwhile; run the command again")
                _write(session, batch, lost, at=at, listeners=listeners)
                build.keep(session, made)
    return report


def _read(batch: _Batch, kind: Kind, path: Path, told: Told, own_source: str, listeners: Listeners) -> None:
    spool, lines = batch.spools[kind], batch.lines[kind]

    def refuse(number: int, refused: Refused) -> None:
        told.refused += 1
        listeners.refusal(Refusal(path.name, number, refused.id, refused.field, refused.reason))

    with RecordFile(path) as file:
        for count, (number, content, wrong) in enumerate(file, start=1):
            try:
                if content is None:
                    raise Refused("", "", wrong)
                checked = check(kind, content, own_source=own_source)
                if checked is None:
                    told.set_aside += 1
                else:
                    _take(batch, kind, number, checked)
                    spool.write(
                        b"%b\t%b\t%b\n" % (checked.id.encode(), checked.structure_id.encode(), checked.record)
                    )
            except Refused as refused:
                refuse(number, refused)
                if not refused.id:
                    batch.unreadable = True
                elif refused.id not in lines:
                    lines[refused.id] = number
                    if kind is Kind.STRUCTURE:
                        batch.refused_structures[refused.id] = number
            if count % _STEP == 0:
                listeners.progress(path.name, min(file.position, file.size - 1), file.size)
        listeners.progress(path.name, file.size, file.size)
    spool.flush()


def _take(batch: _Batch, kind: Kind, number: int, checked: Checked) -> None:
    """Count a good record in. Raises Refused when it was given before, or goes with a structure that is refused."""
    first = batch.lines[kind].get(checked.id)
    if first is not None:
        raise Refused(checked.id, "id", f"already given on line {first}")
    if kind is Kind.SERVICE:
        structure_id = checked.structure_id
        if structure_id in batch.refused_structures:
            line = batch.refused_structures[structure_id]
            raise Refused(checked.id, "structure_id", f"{structure_id} is refused (line {line} of its file)")
        if structure_id not in batch.lines[Kind.STRUCTURE]:
            batch.orphans[structure_id].append(_Orphan(number, checked.id))
        batch.structure_of[checked.id] = structure_id
    batch.lines[kind][checked.id] = number
    batch.good[kind] += 1
    batch.sources.add(checked.source)


def _refuse_orphans(session: Session, batch: _Batch, file: str, told: Told, listeners: Listeners) -> None:
    """Refuse the services whose structure is neither in the file nor kept already."""
    known = storing.known_structures(session, batch.orphans)
    lost = [
        (orphan, structure_id)
        for structure_id, orphans in batch.orphans.items()
        if structure_id not in known
        for orphan in orphans
    ]
    for orphan, structure_id in sorted(lost):
        del batch.structure_of[orphan.service_id]
        batch.good[Kind.SERVICE] -= 1
        told.refused += 1
        reason = f"{structure_id} is neither in the file of structures nor known"
        listeners.refusal(Refusal(file, orphan.line, orphan.service_id, "structure_id", reason))


def _settle(session: Session, batch: _Batch, report: Report, *, replace: bool, listeners: Listeners) -> Gone:
    """Compare what is good with what is kept; return what is gone."""
    lost = Gone()
    if replace:
        lost = _gone(session, batch)
        report.structures.removed, report.services.removed = len(lost.structures), len(lost.services)
    for kind, told in ((Kind.STRUCTURE, report.structures), (Kind.SERVICE, report.services)):
        total, what = batch.good[kind], f"{kind}s compared"

        def done(count: int, what: str = what, total: int = total) -> None:
            listeners.progress(what, count, total)

        def put(new: list[Row], changed: list[Row], kind: Kind = kind) -> None:
            batch.new[kind].extend(row.position for row in new)
            batch.changed[kind].extend(row.position for row in changed)

        told.compared = storing.compare(session, _MODELS[kind], _rows(batch, kind), put=put, done=done)
    return lost


def _write(session: Session, batch: _Batch, lost: Gone, *, at: datetime, listeners: Listeners) -> None:
    """Write what is new or changed, structures first, and remove what is gone."""
    for kind, model in _MODELS.items():
        new, changed = batch.new[kind], batch.changed[kind]
        total, what, written = len(new) + len(changed), f"{kind}s written", 0
        for positions, put in ((new, storing.insert), (changed, storing.change)):
            for some in storing.batches(positions, storing.AT_ONCE):
                put(session, model, [batch.row(kind, position) for position in some], at=at)
                written += len(some)
                listeners.progress(what, written, total)
    storing.remove(session, lost)


def _gone(session: Session, batch: _Batch) -> Gone:
    if batch.unreadable:
        raise CannotReplace("the id of a refused line cannot be read, so nothing can be taken for removed")
    lost = storing.gone(
        session,
        batch.sources,
        structures=batch.lines[Kind.STRUCTURE],
        services=batch.lines[Kind.SERVICE],
        structure_of=batch.structure_of,
    )
    for kind, ids in ((Kind.STRUCTURE, lost.structures), (Kind.SERVICE, lost.services)):
        if ids and not batch.good[kind]:
            raise CannotReplace(f"no {kind} is given, and {len(ids)} would be removed")
    return lost


def _rows(batch: _Batch, kind: Kind) -> Iterator[Row]:
    spool, position = batch.spools[kind], 0
    spool.seek(0)
    for line in spool:
        row = _row(line, position)
        position += len(line)
        if kind is Kind.STRUCTURE or row.id in batch.structure_of:
            yield row


def _row(line: bytes, position: int) -> Row:
    row_id, structure_id, record = line.decode().rstrip("\n").split("\t", 2)
    return Row(row_id, structure_id, record, position)
