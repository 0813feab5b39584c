"""Needs that the catalogue does not meet: searches that found nothing, counted by thématique, commune and day.

What is kept says nothing of who looked, for whom, or with which words.
"""

import hashlib
import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Date, Integer, String, bindparam, delete, func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col

from portal import besoins, clock, geography, vocabulary
from portal.catalogue.criteria import Area, AreaKind, Around, Criteria
from portal.catalogue.models import UnmetNeed
from portal.db import Database
from portal.offers.freshness import months_after

log = logging.getLogger("portal.catalogue")

# A search about more subjects than this is about none in particular.
MOST_SUBJECTS = 8
# Whoever asks the same thing again and again, a robot or a page left open, weighs no more than this in a day.
MOST_A_DAY = 50
# One visitor who types, changes a filter or turns back is one need.
SAME_VISITOR_SECONDS = 600
KEPT_MONTHS = 24
# How long a page may wait to note a need: a large import has the database in hand for longer.
PATIENCE_MS = 200
_MOST_REMEMBERED = 10_000

_COUNT = text(
    "INSERT INTO unmet_need (jour, thematique, code_insee, nombre) VALUES (:jour, :thematique, :code_insee, 1) "
    "ON CONFLICT (jour, thematique, code_insee) DO UPDATE SET nombre = unmet_need.nombre + 1 "
    "WHERE unmet_need.nombre < :most"
).bindparams(
    bindparam("jour", type_=Date),
    bindparam("thematique", type_=String),
    bindparam("code_insee", type_=String),
    bindparam("most", type_=Integer),
)


@dataclass(frozen=True, slots=True)
class Need:
    """A need that was not met: `thematique` is a thématique, a category or "", `code_insee` a commune or "".

    `nombre`: searches that found nothing over the period; `recent` in its last quarter, `before` in the quarter
    ahead of it; `last` is the last day.
    """

    thematique: str
    code_insee: str
    nombre: int
    recent: int
    before: int
    last: date


def note(database: Database, criteria: Criteria, *, visitor: str = "") -> None:
    """Count a search that found nothing, in a transaction apart; a page is never failed nor held up by it.

    A search without any filter is no need. `visitor` (an address, an account) is never written: it only keeps the
    same search of the same visitor, within ten minutes, from counting again.
    """
    if criteria == Criteria(forgiving=criteria.forgiving):
        return
    keys = [key for key in keys_of(criteria) if _memory.is_new(visitor, key)]
    if not keys:
        return
    today = clock.today()
    try:
        with database.writing() as session:
            session.connection(execution_options={"portal_patience_ms": PATIENCE_MS})
            for thematique, code_insee in keys:
                session.execute(
                    _COUNT,
                    {"jour": today, "thematique": thematique, "code_insee": code_insee, "most": MOST_A_DAY},
                )
    except SQLAlchemyError:
        log.warning("an unmet need was not counted", exc_info=True)


def keys_of(criteria: Criteria) -> list[tuple[str, str]]:
    """Return the (thématique, code_insee) pairs that a search asks for, in order; "" stands for what it does not name."""
    commune = _commune(criteria)
    return sorted((subject, commune) for subject in _subjects(criteria))


def criteria_of(thematique: str, code_insee: str) -> Criteria | None:
    """Return the search that a need stands for, or None when its thématique or commune is no longer known."""
    where = None
    if code_insee:
        commune = geography.commune(code_insee)
        if commune is None:
            return None
        where = Around(commune.latitude, commune.longitude, commune=commune)
    try:
        leaves = vocabulary.expand_thematiques([thematique] if thematique else [])
    except KeyError:
        return None
    return Criteria(where=where, thematiques=frozenset(leaves))


def over_a_year(session: Session, today: date | None = None, *, most: int = 1000) -> list[Need]:
    """Return the needs not met over twelve months, the `most` frequent ones, in one statement."""
    today = today or clock.today()
    recent, before = months_after(today, -3), months_after(today, -6)
    number = col(UnmetNeed.nombre)
    rows = session.execute(
        select(
            col(UnmetNeed.thematique),
            col(UnmetNeed.code_insee),
            func.sum(number),
            func.coalesce(func.sum(number).filter(col(UnmetNeed.jour) > recent), 0),
            func.coalesce(
                func.sum(number).filter(col(UnmetNeed.jour) > before, col(UnmetNeed.jour) <= recent), 0
            ),
            func.max(col(UnmetNeed.jour)),
        )
        .where(col(UnmetNeed.jour) > months_after(today, -12), col(UnmetNeed.jour) <= today)
        .group_by(col(UnmetNeed.thematique), col(UnmetNeed.code_insee))
        .order_by(func.sum(number).desc(), col(UnmetNeed.thematique), col(UnmetNeed.code_insee))
        .limit(most)
    )
    return [Need(row[0], row[1], int(row[2]), int(row[3]), int(row[4]), row[5]) for row in rows]


def purge(session: Session) -> int:
    """Forget the needs older than KEPT_MONTHS; return how many lines."""
    old = months_after(clock.today(), -KEPT_MONTHS)
    return int(session.execute(delete(UnmetNeed).where(col(UnmetNeed.jour) < old)).rowcount)  # type: ignore[attr-defined]


def _commune(criteria: Criteria) -> str:
    where = criteria.where
    if isinstance(where, Around) and where.commune is not None:
        return where.commune.code
    for area in (where, criteria.within):
        if isinstance(area, Area) and area.kind is AreaKind.COMMUNE:
            return area.code
    return ""


def _subjects(criteria: Criteria) -> Iterable[str]:
    asked = set(criteria.thematiques)
    found = []
    for category in vocabulary.categories():
        members = set(vocabulary.expand_thematiques([category.value]))
        if members <= asked:
            found.append(category.value)
            asked -= members
    found += asked
    if len(found) > MOST_SUBJECTS:
        return [""]
    if not found and criteria.words:
        found = besoins.thematiques_of(criteria.words, limit=1)
    return found or [""]


class _Memory:
    """The needs of the last minutes, by visitor; marks only, made with a key that dies with the process."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)
        self._seen: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    def is_new(self, visitor: str, key: tuple[str, str]) -> bool:
        """Say whether this visitor did not ask for this lately, and remember it. Without a visitor, all is new."""
        if not visitor:
            return True
        said = "\n".join((visitor, *key)).encode()
        mark = hashlib.blake2b(said, key=self._key, digest_size=16).digest()
        now = clock.now().timestamp()
        with self._lock:
            last = self._seen.pop(mark, None)
            self._seen[mark] = now
            while len(self._seen) > _MOST_REMEMBERED:
                self._seen.popitem(last=False)
        return last is None or now - last >= SAME_VISITOR_SECONDS

    def forget(self) -> None:
        """Forget everything."""
        with self._lock:
            self._seen.clear()


_memory = _Memory()
