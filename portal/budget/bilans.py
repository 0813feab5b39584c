"""Bilans: prepared part by part, handed in and frozen, read by two different readers, corrected when they ask (domain §6)."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import Role, User
from portal.budget import accounts, bilan_figures, checks, history, queries
from portal.budget.bilan_figures import Part, parts_of, title_of
from portal.budget.handed_in import Gap
from portal.budget.models import (
    Bilan,
    BilanKind,
    BilanMark,
    BilanPart,
    BilanState,
    BudgetEvent,
    Mark,
    StateConvention,
)
from portal.errors import AlreadyDone, NotAllowed, RuleBroken

# Days before the last one at which a bilan is announced.
ANNOUNCED = (30, 15, 3)
_PREPARED = "Ce bilan est en préparation : il se lit une fois remis."
# How the history ends the line of a part.
_READY, _REOPENED = " » prête", " » rouverte"


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
    month = end.month + 3
    year, month = end.year + (month - 1) // 12, (month - 1) % 12 + 1
    following = date(year + month // 12, month % 12 + 1, 1)
    last_of_month = (following - timedelta(days=1)).day
    return date(year, month, min(end.day, last_of_month))


def expected(session: Session, convention: StateConvention, day: date) -> list[Expected]:
    """Return the bilans of a convention in the order of their years, begun or not, in two statements."""
    (ends,) = bilan_figures.ends_of(session, [convention], day).values()
    found = session.exec(select(Bilan).where(col(Bilan.convention_id) == convention.id)).all()
    return _expected(convention, ends, found)


def due(session: Session, day: date) -> list[BilanDue]:
    """Return the bilans to remind of on `day`, the earliest first, in three statements whatever the number of conventions.

    A reminder that no job made on its day is still due the days after, until the following one takes its place.
    """
    conventions = queries.followed(session)
    if not conventions:
        return []
    ends = bilan_figures.ends_of(session, conventions, day)
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
        marks.setdefault(mark.part, []).append((mark, user.full_name, _is_of_this_round(bilan, mark)))
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
    of_bilan = col(BudgetEvent.fait).startswith(f"{title_of(bilan)} : ", autoescape=True)
    return [
        (line, who)
        for line, who in history.lines(session, convention, of_bilan)
        if not line.fait.endswith((_READY, _REOPENED))
    ]


def begin(
    session: Session,
    convention: StateConvention,
    annee: int,
    kind: BilanKind,
    *,
    by: User | None,
    id: uuid.UUID | None = None,
) -> Bilan:
    """Open a bilan, or return the one that is there. Raises NotAllowed, and RuleBroken when nothing asks for it."""
    checks.check_officer(by)
    convention = checks.take(session, convention)
    checks.check_signed(convention)
    found = next(
        (e for e in expected(session, convention, clock.today()) if (e.annee, e.kind) == (annee, kind)), None
    )
    if found is None:
        raise RuleBroken("Cette convention n’a pas ce bilan.")
    if found.bilan is not None:
        return found.bilan
    bilan = Bilan(convention_id=convention.id, annee=annee, kind=kind)
    if id is not None:
        bilan.id = id
    session.add(bilan)
    session.flush()
    history.record(session, convention, f"{title_of(bilan)} : commencé", by=by)
    return bilan


def write_part(
    session: Session,
    bilan: Bilan,
    convention: StateConvention,
    part: str,
    texte: str,
    prete: bool,
    *,
    by: User | None,
    version: int | None = None,
) -> BilanPart:
    """Write a part, and say whether it is ready. `version` is that of the part when opened, 0 when nobody had written.

    Raises NotAllowed, AlreadyDone when the bilan is handed in, ChangedMeanwhile, and RuleBroken when the part is ready
    without the text that it needs.
    """
    checks.check_officer(by)
    bilan = _locked(session, convention, bilan)
    if bilan.state is not BilanState.PREPARATION:
        raise AlreadyDone("Ce bilan est remis à l’État : il ne change plus.")
    known = next((p for p in parts_of(session, convention, bilan) if p.key == part), None)
    if known is None:
        raise RuleBroken("Ce bilan n’a pas cette partie.")
    texte = texte.strip()
    row = session.exec(
        select(BilanPart)
        .where(col(BilanPart.bilan_id) == bilan.id, col(BilanPart.part) == part)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is not None and (row.texte or "") == texte and row.prete == prete:
        return row
    checks.check_seen(version, row.version if row else 0, "cette partie")
    if prete and known.needs_text and not texte:
        raise RuleBroken("Écrivez le texte de cette partie avant de la dire prête.", field="texte")
    if row is None:
        row = BilanPart(bilan_id=bilan.id, part=part, version=0)
    was_ready = row.prete
    row.texte, row.prete = texte or None, prete
    row.version += 1
    row.updated_at, row.updated_by_id = clock.now(), by.id if by else None
    session.add(row)
    session.flush()
    if was_ready != prete:
        history.record(
            session,
            convention,
            f"{title_of(bilan)} : « {known.title}{_READY if prete else _REOPENED}",
            by=by,
        )
    return row


def missing(
    session: Session, convention: StateConvention, bilan: Bilan, states: Collection[PartState]
) -> list[tuple[str, str | None]]:
    """Return what keeps a bilan from being handed in: (sentence, key of the part to open or None)."""
    found: list[tuple[str, str | None]] = []
    (end,) = bilan_figures.ends_of(session, [convention], clock.today()).values()
    _, last = bilan_figures.period_of(bilan, convention, end)
    if clock.today() <= last:
        found.append((f"La période va jusqu’au {last:%d/%m/%Y} : le bilan se remet après.", None))
    closed = {annee for _, annee in checks.closing_bilans(session, [convention.id])}
    found += [
        (f"Le bilan {annee} n’est pas remis : l’année suivante en dépend.", None)
        for annee in range(convention.date_debut.year, bilan.annee)
        if annee not in closed
    ]
    found += [
        (f"« {state.part.title} » n’est pas prête.", state.part.key) for state in states if not state.ready
    ]
    return found


def hand_in(
    session: Session,
    bilan: Bilan,
    convention: StateConvention,
    *,
    by: User | None,
    version: int | None = None,
) -> Bilan:
    """Hand a bilan in to the State, and freeze its figures and texts.

    Raises NotAllowed, AlreadyDone when it is handed in, RuleBroken with what is missing, ChangedMeanwhile.
    """
    checks.check_officer(by)
    bilan = _locked(session, convention, bilan)
    if bilan.state is not BilanState.PREPARATION:
        raise AlreadyDone("Ce bilan est déjà remis à l’État.")
    checks.check_version(bilan, version)
    states = parts(session, convention, bilan)
    lacking = missing(session, convention, bilan, states)
    if lacking:
        raise RuleBroken(" ".join(sentence for sentence, _ in lacking))
    told = bilan_figures.gather(session, convention, bilan)
    told["textes"] = {state.part.key: state.texte for state in states}
    bilan.figures = told
    bilan.state, bilan.remis_at, bilan.remis_by_id = BilanState.REMIS, clock.now(), by.id if by else None
    _write(session, bilan)
    history.record(session, convention, f"{title_of(bilan)} : remis à l’État", by=by)
    for gap in gaps(session, convention):
        if gap.annee == bilan.annee:
            # Told among the steps of the later bilan, which goes on saying what it said.
            history.record(
                session,
                convention,
                f"{gap.title} : ne dit plus ce que disent les comptes de {gap.annee}",
                by=by,
                motif=gap.sentence,
            )
    return bilan


def gaps(session: Session, convention: StateConvention, *, handing_in: Bilan | None = None) -> list[Gap]:
    """Return what bilans handed in say of earlier years that the accounts no longer say, in six statements.

    `handing_in` is counted as though it were handed in now.
    """
    as_if = [bilan_figures.handed_in_now(handing_in)] if handing_in is not None else []
    return accounts.gaps(accounts.of(session, convention, as_if=as_if))


def mark_part(
    session: Session,
    bilan: Bilan,
    convention: StateConvention,
    part: str,
    mark: Mark,
    commentaire: str,
    *,
    by: User,
) -> BilanMark:
    """Write what a reader says of a part. The same again changes nothing.

    Raises NotAllowed, RuleBroken when the bilan is not being read, when a correction has no comment, or when this
    reader's turn is over.
    """
    bilan = _being_read(session, bilan, convention, by)
    known = next((p for p in parts_of(session, convention, bilan) if p.key == part), None)
    if known is None:
        raise RuleBroken("Ce bilan n’a pas cette partie.")
    said = commentaire.strip() or None
    if mark is Mark.A_CORRIGER and said is None:
        raise RuleBroken("Écrivez ce qui est à corriger.", field="commentaire")
    row = session.exec(
        select(BilanMark)
        .where(
            col(BilanMark.bilan_id) == bilan.id, col(BilanMark.part) == part, col(BilanMark.by_id) == by.id
        )
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is not None and row.mark is mark and row.commentaire == said and _is_of_this_round(bilan, row):
        return row
    if row is None:
        row = BilanMark(bilan_id=bilan.id, part=part, mark=mark, by_id=by.id)
    row.mark, row.commentaire, row.at = mark, said, clock.now()
    session.add(row)
    session.flush()
    # The row keeps the last word of a reader; the history keeps them all.
    history.record(
        session, convention, f"{title_of(bilan)} : « {known.title} » {mark.label.lower()}", by=by, motif=said
    )
    return row


def accept(
    session: Session, bilan: Bilan, convention: StateConvention, *, by: User, version: int | None = None
) -> Bilan:
    """Pass a bilan on: the first reader has read it, then the second, another person, settles it.

    Raises NotAllowed, RuleBroken when a part waits for a correction, when the first reader would be the second, or to
    settle it while an earlier year is corrected or is no longer what it says; AlreadyDone when it is settled,
    ChangedMeanwhile.
    """
    if bilan.state is BilanState.ARRETE:
        raise AlreadyDone("Ce bilan est déjà arrêté.")
    bilan = _being_read(session, bilan, convention, by)
    checks.check_version(bilan, version)
    waits = [state.part.title for state in parts(session, convention, bilan) if state.to_correct]
    if waits:
        raise RuleBroken(
            "Une correction est attendue sur : "
            + ", ".join(waits)
            + ". Demandez-la au département, ou changez l’avis."
        )
    if bilan.state is BilanState.REMIS:
        bilan.state, bilan.relu_at, bilan.relu_by_id = BilanState.RELU, clock.now(), by.id
        done = "première lecture faite"
    else:
        _check_years_before(session, bilan, convention)
        bilan.state, bilan.arrete_at, bilan.arrete_by_id = BilanState.ARRETE, clock.now(), by.id
        done = "arrêté"
    _write(session, bilan)
    history.record(session, convention, f"{title_of(bilan)} : {done}", by=by)
    return bilan


def ask_correction(
    session: Session,
    bilan: Bilan,
    convention: StateConvention,
    demande: str,
    *,
    by: User,
    version: int | None = None,
) -> Bilan:
    """Send a bilan back to the département: it is thawed, and the parts to correct are no longer ready.

    What it says of an earlier year may be no longer so (`gaps`): it is then sent back by anybody of the State, settled
    or not. Raises NotAllowed, RuleBroken without a comment or when it is not being read, ChangedMeanwhile.
    """
    if any(gap.bilan.id == bilan.id for gap in gaps(session, convention)):
        _check_reader(by)
        bilan = _locked(session, convention, bilan)
        if bilan.state is BilanState.PREPARATION:
            raise RuleBroken(_PREPARED)
    else:
        bilan = _being_read(session, bilan, convention, by)
    checks.check_version(bilan, version)
    if not demande.strip():
        raise RuleBroken("Écrivez ce qui est à corriger.", field="demande")
    wrong = {state.part.key for state in parts(session, convention, bilan) if state.to_correct}
    bilan.state, bilan.figures = BilanState.PREPARATION, None
    bilan.remis_at = bilan.remis_by_id = None
    bilan.relu_at = bilan.relu_by_id = None
    bilan.arrete_at = bilan.arrete_by_id = None
    bilan.demande, bilan.demande_at, bilan.demande_by_id = demande.strip(), clock.now(), by.id
    _write(session, bilan)
    for row in session.exec(
        select(BilanPart).where(col(BilanPart.bilan_id) == bilan.id, col(BilanPart.part).in_(wrong))
    ):
        row.prete = False
        row.version += 1
        session.add(row)
    session.flush()
    history.record(session, convention, f"{title_of(bilan)} : correction demandée", by=by, motif=demande)
    return bilan


def may_read(bilan: Bilan, user: User) -> bool:
    """Say whether it is for this person to mark and pass on a bilan: one of the State's, and not twice the same."""
    return (
        user.role is Role.ETAT
        and bilan.state in {BilanState.REMIS, BilanState.RELU}
        and not (bilan.state is BilanState.RELU and bilan.relu_by_id == user.id)
    )


def _expected(convention: StateConvention, end: date, begun: Collection[Bilan]) -> list[Expected]:
    found = [
        Expected(bilan.annee, bilan.kind, due_day(convention, bilan.kind, bilan.annee, end), bilan)
        for bilan in begun
    ]
    told = {bilan.annee for bilan in begun}
    for annee in range(convention.date_debut.year, end.year + 1):
        kind = BilanKind.FINAL if annee == end.year else BilanKind.INTERMEDIAIRE
        if annee not in told:
            found.append(Expected(annee, kind, due_day(convention, kind, annee, end), None))
    return sorted(found, key=lambda one: (one.annee, one.kind is BilanKind.FINAL))


def _is_of_this_round(bilan: Bilan, mark: BilanMark) -> bool:
    """While a correction is prepared, the round is the one that asked for it."""
    if bilan.remis_at is not None:
        return mark.at >= bilan.remis_at
    return True


def _locked(session: Session, convention: StateConvention, bilan: Bilan) -> Bilan:
    """Take the convention, and return the bilan as it is now. Raises RuleBroken when the convention is closed."""
    checks.check_signed(checks.take(session, convention))
    return session.exec(
        select(Bilan).where(col(Bilan.id) == bilan.id).execution_options(populate_existing=True)
    ).one()


def _check_reader(by: User) -> None:
    if by.role is not Role.ETAT:
        raise NotAllowed("Seuls les services de l’État lisent un bilan pour l’arrêter.")


def _check_years_before(session: Session, bilan: Bilan, convention: StateConvention) -> None:
    """Raise RuleBroken while an earlier year is being corrected, or is no longer what the bilan says of it."""
    years = accounts.of(session, convention)
    for year in years:
        if year.annee < bilan.annee and year.corrected is not None:
            raise RuleBroken(
                f"Le {title_of(year.corrected).lower()} est en correction : celui-ci s’arrête une fois qu’il est remis."
            )
    for gap in accounts.gaps(years):
        if gap.bilan.id == bilan.id:
            raise RuleBroken(f"{gap.sentence} Demandez la correction de ce bilan avant de l’arrêter.")


def _being_read(session: Session, bilan: Bilan, convention: StateConvention, by: User) -> Bilan:
    _check_reader(by)
    bilan = _locked(session, convention, bilan)
    if bilan.state is BilanState.PREPARATION:
        raise RuleBroken(_PREPARED)
    if bilan.state is BilanState.ARRETE:
        raise AlreadyDone("Ce bilan est arrêté : il ne change plus.")
    if bilan.state is BilanState.RELU and bilan.relu_by_id == by.id:
        raise RuleBroken("Vous avez fait la première lecture : une autre personne arrête le bilan.")
    return bilan


def _write(session: Session, bilan: Bilan) -> None:
    bilan.version += 1
    session.add(bilan)
    session.flush()
