"""Bilans of a convention: which are expected and when, their parts, their steps, what they say that is no longer so (domain §6)."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlmodel import Session, col, or_, select

from portal import clock
from portal.accounts.models import User
from portal.budget import accounts, bilan_figures, bilan_parts, checks, history, queries
from portal.budget.bilan_models import Bilan, BilanKind, BilanMark, BilanPart, BilanState, Mark
from portal.budget.bilan_parts import Part, parts_of, title_of
from portal.budget.handed_in import Gap
from portal.budget.models import BudgetEvent, StateConvention

# Days before the last one at which a bilan is announced.
ANNOUNCED = (30, 15, 3)
# How the history ends the line of a part.
READY, REOPENED = " » prête", " » rouverte"


@dataclass(frozen=True, slots=True)
class Expected:
    """A bilan of a convention, begun or not; `du_le` is its last day (None: nothing asks for it any more)."""

    annee: int
    kind: BilanKind
    du_le: date | None
    bilan: Bilan | None

    @property
    def title(self) -> str:
        """What it is called."""
        return f"{self.kind.label} {self.annee}"

    @property
    def waits(self) -> bool:
        """True as long as it is not handed in."""
        return self.bilan is None or self.bilan.state is BilanState.PREPARATION

    def late_on(self, day: date) -> bool:
        """True when its last day is over, and it is not handed in."""
        return self.waits and self.du_le is not None and self.du_le < day


@dataclass(frozen=True, slots=True)
class BilanDue:
    """A bilan to remind of: `sujet_id` (the convention), `kind` and `echeance_le` are those of its `DueNotice`."""

    sujet_id: uuid.UUID
    # "bilan-2024-30", "bilan-2024-15", "bilan-2024-3", "bilan-2024-retard-1" (then one a week).
    kind: str
    echeance_le: date
    # Days left, 0 on the last one, below zero once late.
    jours: int
    numero: str
    intitule: str
    title: str


@dataclass(frozen=True, slots=True)
class PartState:
    """A part with what was written in it and what readers say; `words` is None when nobody wrote yet."""

    part: Part
    words: BilanPart | None
    # (mark, who, whether it is about what is handed in now).
    marks: list[tuple[BilanMark, str, bool]]

    @property
    def ready(self) -> bool:
        """True when the officer says that it is ready."""
        return self.words is not None and self.words.prete

    @property
    def texte(self) -> str:
        """What was written."""
        return (self.words.texte if self.words else None) or ""

    @property
    def to_correct(self) -> bool:
        """True when a reader asks for a correction of what was last handed in."""
        return any(mark.mark is Mark.A_CORRIGER and now for mark, _, now in self.marks)


def is_frozen(session: Session, convention: StateConvention, annee: int) -> bool:
    """Say whether the bilan that tells all the expenses of a year is handed in: they no longer change."""
    return (convention.id, annee) in checks.closing_bilans(session, [convention.id])


def due_day(convention: StateConvention, kind: BilanKind, annee: int, end: date) -> date:
    """Return the last day to hand a bilan in: before 31 March of the next year, or three months after the end (domain §6)."""
    if kind is BilanKind.INTERMEDIAIRE:
        return date(annee + 1, 3, 30)
    # One handed in before an avenant gave the convention another year keeps the day that it had.
    end = min(end, date(annee, 12, 31))
    month = end.month + 3
    year, month = end.year + (month - 1) // 12, (month - 1) % 12 + 1
    following = date(year + month // 12, month % 12 + 1, 1)
    last_of_month = (following - timedelta(days=1)).day
    return date(year, month, min(end.day, last_of_month))


def expected(session: Session, convention: StateConvention, day: date) -> list[Expected]:
    """Return the bilans of a convention in the order of their years, begun or not, in two statements."""
    (ends,) = bilan_parts.ends_of(session, [convention], day).values()
    found = session.exec(select(Bilan).where(col(Bilan.convention_id) == convention.id)).all()
    return _expected(convention, ends, found)


def due(session: Session, day: date) -> list[BilanDue]:
    """Return the bilans to remind of on `day`, the earliest first, in three statements whatever the number of conventions.

    A reminder that no job made on its day is still due the days after, until the following one takes its place.
    """
    conventions = queries.followed(session)
    if not conventions:
        return []
    ends = bilan_parts.ends_of(session, conventions, day)
    begun: dict[uuid.UUID, list[Bilan]] = {}
    for bilan in session.exec(
        select(Bilan).where(col(Bilan.convention_id).in_([convention.id for convention in conventions]))
    ):
        begun.setdefault(bilan.convention_id, []).append(bilan)
    found = []
    for convention in conventions:
        for one in _expected(convention, ends[convention.id], begun.get(convention.id, [])):
            if not one.waits or one.du_le is None:
                continue
            left = (one.du_le - day).days
            which = reminder(left, ANNOUNCED)
            if which is not None:
                found.append(
                    BilanDue(
                        convention.id,
                        f"bilan-{one.annee}-{which}",
                        one.du_le,
                        left,
                        convention.numero,
                        convention.intitule,
                        one.title,
                    )
                )
    return sorted(found, key=lambda due: (due.echeance_le, due.numero))


def reminder(left: int, announced: Sequence[int]) -> str | None:
    """Return which reminder is due `left` days before the last one: "15", "retard-2" for the second week late, or None."""
    if left < 0:
        return f"retard-{(-left - 1) // 7 + 1}"
    near = [threshold for threshold in announced if left <= threshold]
    return str(min(near)) if near else None


def one(session: Session, convention: StateConvention, bilan_id: uuid.UUID) -> Bilan | None:
    """Return a bilan of this convention; None when it is none of its own."""
    found = session.get(Bilan, bilan_id)
    return found if found is not None and found.convention_id == convention.id else None


def parts(session: Session, convention: StateConvention, bilan: Bilan) -> list[PartState]:
    """Return the parts of a bilan with their texts and marks, in order; the texts of a frozen one are those handed in."""
    words = {
        found.part: found
        for found in session.exec(select(BilanPart).where(col(BilanPart.bilan_id) == bilan.id))
    }
    frozen = (bilan.figures or {}).get("textes")
    marks: dict[str, list[tuple[BilanMark, str, bool]]] = {}
    for mark, user in session.execute(
        select(BilanMark, User)
        .join(User, col(User.id) == col(BilanMark.by_id))
        .where(col(BilanMark.bilan_id) == bilan.id)
        .order_by(col(BilanMark.at), col(BilanMark.id))
    ):
        marks.setdefault(mark.part, []).append((mark, user.full_name, is_of_this_round(bilan, mark)))
    told = []
    for part in parts_of(session, convention, bilan):
        mine = words.get(part.key)
        if frozen is not None and mine is not None:
            # Read from what was handed in; the row is not touched.
            mine = BilanPart(
                bilan_id=bilan.id,
                part=part.key,
                texte=frozen.get(part.key),
                prete=True,
                updated_at=mine.updated_at,
                version=mine.version,
            )
        told.append(PartState(part, mine, marks.get(part.key, [])))
    return told


def told_by(
    session: Session, convention: StateConvention, bilan: Bilan, *, only: str | None = None
) -> dict[str, Any]:
    """Return the figures of a bilan: those handed in, or those of now while it is prepared (`only`: those of a part)."""
    return bilan.figures or bilan_figures.gather(session, convention, bilan, only=only)


def steps(
    session: Session, convention: StateConvention, bilan: Bilan
) -> list[tuple[BudgetEvent, str | None]]:
    """Return what was done with a bilan, newest first: (line of the history, who); parts made ready are left out."""
    # Under both names: it becomes final, or ceases to be, when the end of the convention moves.
    of_bilan = or_(
        *(
            col(BudgetEvent.fait).startswith(f"{kind.label} {bilan.annee} : ", autoescape=True)
            for kind in BilanKind
        )
    )
    return [
        (line, who)
        for line, who in history.lines(session, convention, of_bilan)
        if not line.fait.endswith((READY, REOPENED))
    ]


def follow_end(session: Session, convention: StateConvention, *, by: User | None) -> None:
    """Give the bilans in preparation the kind that the last day of the convention, which just moved, makes theirs.

    That of the last year is the final one, those of the years before are not. One handed in stays what it was.
    """
    (end,) = bilan_parts.ends_of(session, [convention], clock.today()).values()
    begun = session.exec(
        select(Bilan)
        .where(col(Bilan.convention_id) == convention.id, col(Bilan.annee) <= end.year)
        .order_by(col(Bilan.annee))
        .execution_options(populate_existing=True)
    ).all()
    known = {(bilan.annee, bilan.kind) for bilan in begun}
    for bilan in begun:
        kind = _kind(bilan.annee, end)
        if bilan.state is not BilanState.PREPARATION or (bilan.annee, kind) in known:
            continue
        former = title_of(bilan)
        bilan.kind = kind
        keep(session, bilan)
        history.record(
            session,
            convention,
            f"{former} : devient un {kind.label.lower()}",
            by=by,
            motif=f"La convention finit le {end:%d/%m/%Y}.",
        )


def gaps(session: Session, convention: StateConvention, *, handing_in: Bilan | None = None) -> list[Gap]:
    """Return what bilans handed in say of earlier years that the accounts no longer say, in six statements.

    `handing_in` is counted as though it were handed in now.
    """
    as_if = [bilan_parts.handed_in_now(handing_in)] if handing_in is not None else []
    return accounts.gaps(accounts.of(session, convention, as_if=as_if))


def _expected(convention: StateConvention, end: date, begun: Collection[Bilan]) -> list[Expected]:
    found = [
        Expected(
            bilan.annee,
            bilan.kind,
            # Begun for a year that the convention, ended before its time, no longer has.
            None if bilan.annee > end.year else due_day(convention, bilan.kind, bilan.annee, end),
            bilan,
        )
        for bilan in begun
    ]
    # One handed in for a year that has since become the last leaves the final one to hand in.
    told = {
        bilan.annee
        for bilan in begun
        if bilan.annee != end.year or bilan.kind is BilanKind.FINAL or bilan.state is BilanState.PREPARATION
    }
    for annee in range(convention.date_debut.year, end.year + 1):
        kind = _kind(annee, end)
        if annee not in told:
            found.append(Expected(annee, kind, due_day(convention, kind, annee, end), None))
    return sorted(found, key=lambda one: (one.annee, one.kind is BilanKind.FINAL))


def _kind(annee: int, end: date) -> BilanKind:
    return BilanKind.FINAL if annee == end.year else BilanKind.INTERMEDIAIRE


def is_of_this_round(bilan: Bilan, mark: BilanMark) -> bool:
    """While a correction is prepared, the round is the one that asked for it."""
    if bilan.remis_at is not None:
        return mark.at >= bilan.remis_at
    return True


def locked(session: Session, convention: StateConvention, bilan: Bilan) -> Bilan:
    """Take the convention, and return the bilan as it is now. Raises RuleBroken when the convention is closed."""
    checks.check_signed(checks.take(session, convention))
    return session.exec(
        select(Bilan).where(col(Bilan.id) == bilan.id).execution_options(populate_existing=True)
    ).one()


def keep(session: Session, bilan: Bilan) -> None:
    """Write a bilan as it is now, in its next version."""
    bilan.version += 1
    session.add(bilan)
    session.flush()
