"""When what is kept in memory is read again: the rule of freshness of docs/adr/0011."""

import contextlib
import logging
import mmap
import os
import threading
import time
import uuid
import zlib
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select
from sqlmodel import Session, col

from portal import clock
from portal.catalogue.models import CatalogueChange, CatalogueIndex, CatalogueIndexPart
from portal.catalogue.ours import Shelf
from portal.catalogue.segment_builder import Builder
from portal.catalogue.segment_files import LAYOUT, unpack
from portal.catalogue.segments import Array, Segment
from portal.engines import changes

log = logging.getLogger("portal.catalogue")
#: Marks are kept two days (`jobs run catalogue`); who has not looked for one day reads everything again.
MARKS_KEPT = timedelta(days=2)
LONGEST_SLEEP = 24 * 3600.0


def forget_marks(session: Session, *, now: datetime) -> int:
    """Remove the marks left before MARKS_KEPT; return how many."""
    gone = session.execute(delete(CatalogueChange).where(col(CatalogueChange.at) < now - MARKS_KEPT))
    return int(gone.rowcount)  # type: ignore[attr-defined]


class Holder:
    """The snapshot of a process, and what is needed to know that it is of now. Threads share it."""

    def __init__(
        self, *, source: str, public_url: str, folder: Path, poll_seconds: float, make: Callable[..., Any]
    ) -> None:
        self._source, self._public_url, self._folder = source, public_url, folder
        self._poll_seconds = poll_seconds
        self._make = make
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Drop everything."""
        with self._lock:
            self._snapshot: Any = None
            self._looked_at = 0.0
            self._seen = changes.Seen()
            self._shelf = Shelf(source=self._source, public_url=self._public_url)
            self._base = EMPTY
            self._base_id: uuid.UUID | None = None
            self._base_scores: Array = EMPTY.scores()
            self._day: date | None = None

    def held(self) -> Any:
        """Return the snapshot while there is no need to look at it again; None afterwards."""
        lately = time.monotonic() - self._looked_at < self._poll_seconds
        return self._snapshot if lately and self._day == clock.today() else None

    def snapshot(self, session: Session, *, fresh: bool) -> Any:
        """Return the snapshot, looked at again when it is time to or when `fresh`."""
        if not fresh and (held := self.held()) is not None:
            return held
        current = self._snapshot
        if not self._lock.acquire(blocking=fresh or current is None):
            return current  # another thread is looking; what we hold is a second old
        try:
            now = time.monotonic()
            self._look(session, now)
            self._looked_at = now
            return self._snapshot
        finally:
            self._lock.release()

    def _look(self, session: Session, now: float) -> None:
        today = clock.today()
        slept = now - self._looked_at > LONGEST_SLEEP
        if self._snapshot is None or slept:
            # The marks first: what is committed between the two is read twice rather than missed.
            self._seen = changes.Seen()
            changes.new_marks(session, self._seen)
            self._shelf.read_all(session)
            self._read_index(session)
        else:
            marks = changes.new_marks(session, self._seen)
            if not marks and today == self._day:
                return
            kinds = {mark.kind for mark in marks}
            if today != self._day:
                # Offers end, sessions begin and scores age with the day.
                self._shelf.read_all(session)
            else:
                named = {
                    kind: {uuid.UUID(m.row_id) for m in marks if m.kind == kind and m.row_id}
                    for kind in kinds
                }
                self._shelf.read(session, named.get("offer", set()), named.get("structure", set()))
                if "places" in kinds:
                    self._shelf.read_places(session)
            if "index" in kinds:
                self._read_index(session)
        if today != self._day:
            self._base_scores = self._base.scores()
            self._day = today
        mark = f"{self._base_id or '-'}.{self._seen.last}.{today.toordinal()}"
        self._snapshot = self._make(self._base, self._shelf.ours(self._base), mark, today, self._base_scores)

    def _read_index(self, session: Session) -> None:
        newest = session.execute(
            select(col(CatalogueIndex.id), col(CatalogueIndex.taille))
            .where(col(CatalogueIndex.layout) == LAYOUT)
            .order_by(col(CatalogueIndex.made_at).desc(), col(CatalogueIndex.id))
            .limit(1)
        ).one_or_none()
        if newest is None:
            self._base, self._base_id = EMPTY, None
        elif newest[0] != self._base_id:
            self._base = unpack(_content(session, newest[0], newest[1], self._folder))
            self._base_id = newest[0]
        else:
            return
        self._base_scores = self._base.scores()


def _content(session: Session, index_id: uuid.UUID, size: int, folder: Path) -> Any:
    """Return the content of an index: the map of a file that the processes of this machine share.

    Without a folder to write in, the content itself: the search works, and memory is not shared.
    """
    path = folder / f"{index_id}.index"
    if not path.exists() or path.stat().st_size != size:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            partial = folder / f".{index_id}.{os.getpid()}.{threading.get_ident()}.part"
            with partial.open("wb") as file:
                for piece in _pieces(session, index_id):
                    file.write(piece)
            partial.replace(path)
        except OSError as error:
            log.warning("index of the catalogue not kept in a file: %s", error.strerror)
            return b"".join(_pieces(session, index_id))
        _remove_former(folder, path)
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _pieces(session: Session, index_id: uuid.UUID) -> Any:
    statement = select(col(CatalogueIndexPart.rang)).where(col(CatalogueIndexPart.index_id) == index_id)
    # One piece at a time: the whole is never in memory twice.
    for rang in sorted(session.execute(statement).scalars()):
        piece = select(col(CatalogueIndexPart.contenu)).where(
            col(CatalogueIndexPart.index_id) == index_id, col(CatalogueIndexPart.rang) == rang
        )
        yield zlib.decompress(session.execute(piece).scalar_one())


def _remove_former(folder: Path, kept: Path) -> None:
    """Remove the files of former indexes; who maps one of them keeps it until it lets go."""
    for other in folder.glob("*.index"):
        if other != kept and time.time() - other.stat().st_mtime > 3600:
            with contextlib.suppress(OSError):
                other.unlink()


EMPTY: Segment = Builder().finish()
