"""The reports that a partner owes under its convention: asked for by the officer, written and handed in by the partner.

What the portal knows of the period is worked out above (room `budget`) and handed down at the handing in: it is then
frozen with the text, and changes no more unless the officer asks for a correction.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy
from sqlalchemy import Select, and_
from sqlalchemy.orm import load_only
from sqlmodel import Session, col, func, select

from portal import clock
from portal.accounts.models import Role, User
from portal.conventions import history, queries
from portal.conventions.engagements import ConventionDocument, PartnerReport, ReportKind, ReportState
from portal.conventions.models import Convention
from portal.conventions.states import ConventionState
from portal.conventions.writing import check_officer, check_version, is_open, take, written_before
from portal.errors import AlreadyDone, NotAllowed, RuleBroken
from portal.structures.models import Structure
from portal.structures.queries import is_member

# What the partner adds to what the portal knows.
WRITTEN = (
    "realise",
    "difficultes",
    "perspectives",
    "personnes_hors_portail",
    "minutes_hors_portail",
    "depenses_centimes",
)
# Waiting for the partner.
OPEN = (ReportState.A_REMETTRE, ReportState.A_CORRIGER)
# Handed in: figures and text are frozen.
FROZEN = (ReportState.REMIS, ReportState.ACCEPTE)
# Days after the end of its period that a proposed report is due.
DUE_DAYS = 60
# Days before the last one at which a report is announced; then each week that it is late.
ANNOUNCED = (15, 3)
# Weeks of lateness that are announced: after that somebody telephones.
LATE_WEEKS = 8


@dataclass(frozen=True, slots=True)
class Slot:
    """A report to ask for: its kind, its period (both days included) and the day it is due."""

    kind: ReportKind
    debut: date
    fin: date
    du_le: date


def proposed(convention: Convention, months: int) -> list[Slot]:
    """Return the reports that the period of a convention calls for: one each `months` (6 or 12), and a final one.

    Cut at the halves or the ends of calendar years; the last stretch is told by the final report, which is about the
    whole period and is due within the days of grace.
    """
    found = []
    begins = convention.date_debut
    # Beyond, the partner writes no more.
    latest = convention.date_fin + timedelta(days=convention.grace_jours)
    while True:
        ends = _end_of(begins, months)
        if ends >= convention.date_fin:
            break
        found.append(Slot(ReportKind.ACTIVITE, begins, ends, min(ends + timedelta(days=DUE_DAYS), latest)))
        begins = ends + timedelta(days=1)
    last = min(convention.date_fin + timedelta(days=DUE_DAYS), latest)
    found.append(Slot(ReportKind.FINAL, convention.date_debut, convention.date_fin, last))
    return found


def of_convention(session: Session, convention_id: uuid.UUID) -> list[PartnerReport]:
    """Return the reports due under a convention by the day they are due, in one statement."""
    return list(
        session.exec(
            select(PartnerReport)
            .where(col(PartnerReport.convention_id) == convention_id)
            .order_by(col(PartnerReport.du_le), col(PartnerReport.debut), col(PartnerReport.id))
        )
    )


def readable_by(user: User, state: ReportState | None = None, *, late_on: date | None = None) -> Select[Any]:
    """Reports that `user` may see, convention and partner loaded, those due first before the others.

    `late_on` keeps those that still wait for the partner although they were due before that day.
    """
    statement: Any = (
        select(PartnerReport, Convention, col(Structure.nom))
        .join(Convention, col(Convention.id) == col(PartnerReport.convention_id))
        .join(Structure, col(Structure.id) == col(Convention.structure_id))
        .where(queries.scope(user), col(Convention.state) != ConventionState.BROUILLON)
        .options(
            load_only(  # texts and figures are long, and of no use in a list
                PartnerReport.convention_id,  # type: ignore[arg-type]
                PartnerReport.kind,  # type: ignore[arg-type]
                PartnerReport.debut,  # type: ignore[arg-type]
                PartnerReport.fin,  # type: ignore[arg-type]
                PartnerReport.du_le,  # type: ignore[arg-type]
                PartnerReport.state,  # type: ignore[arg-type]
            )
        )
        .order_by(col(PartnerReport.du_le), col(Convention.numero), col(PartnerReport.id))
    )
    if late_on is not None:
        statement = statement.where(
            col(PartnerReport.state).in_(OPEN), col(PartnerReport.du_le) < late_on, _alive()
        )
    elif state is not None:
        statement = statement.where(col(PartnerReport.state) == state)
    found: Select[Any] = statement
    return found


def owed_by(session: Session, user: User, day: date, within: int = 30) -> tuple[int, int]:
    """Return (reports late on `day`, reports due within so many days) that wait for this partner, in one statement."""
    row = session.execute(
        select(
            func.coalesce(func.sum(sqlalchemy.case((col(PartnerReport.du_le) < day, 1), else_=0)), 0),
            func.count(),
        )
        .select_from(PartnerReport)
        .join(Convention, col(Convention.id) == col(PartnerReport.convention_id))
        .join(Structure, col(Structure.id) == col(Convention.structure_id))
        .where(
            is_member(user),
            _alive(),
            col(PartnerReport.state).in_(OPEN),
            col(PartnerReport.du_le) <= day + timedelta(days=within),
        )
    ).one()
    return int(row[0]), int(row[1]) - int(row[0])


def number_to_read(session: Session) -> int:
    """Return how many reports were handed in and wait for an officer, in one statement; those of a closed convention do not."""
    return int(
        session.execute(
            select(func.count())
            .select_from(PartnerReport)
            .join(Convention, col(Convention.id) == col(PartnerReport.convention_id))
            .where(
                col(PartnerReport.state) == ReportState.REMIS, col(Convention.state) != ConventionState.CLOSE
            )
        ).scalar_one()
    )


@dataclass(frozen=True, slots=True)
class ReportDue:
    """A report to remind the partner of: `sujet_id`, `kind` and `echeance_le` are those of its `DueNotice`."""

    sujet_id: uuid.UUID
    # "rapport-15", "rapport-3", "rapport-retard-2" (the second week).
    kind: str
    echeance_le: date
    # Days from today to the last one; below zero when it is late.
    jours: int
    convention_id: uuid.UUID
    numero: str
    intitule: str
    structure_id: uuid.UUID
    label: str


def due(session: Session, day: date) -> list[ReportDue]:
    """Return the reminders of reports to send on `day`, the earliest due first, in one statement.

    Those that wait for the partner under a signed convention, or one ended before its time. A reminder that no job
    sent on its day is still due the days after, until the following one takes its place.
    """
    rows = session.execute(
        sqlalchemy.select(
            col(PartnerReport.id),
            col(PartnerReport.kind),
            col(PartnerReport.du_le),
            col(Convention.id),
            col(Convention.numero),
            col(Convention.intitule),
            col(Convention.structure_id),
        )
        .join(Convention, col(Convention.id) == col(PartnerReport.convention_id))
        .where(
            _alive(),
            col(PartnerReport.state).in_(OPEN),
            col(PartnerReport.du_le) <= day + timedelta(days=max(ANNOUNCED)),
            col(PartnerReport.du_le) > day - timedelta(days=7 * LATE_WEEKS),
        )
        .order_by(col(PartnerReport.du_le), col(Convention.numero), col(PartnerReport.id))
    )
    found = []
    for id, kind, last, convention_id, numero, intitule, structure_id in rows:
        left = (last - day).days
        if left >= 0:
            said = f"rapport-{min(threshold for threshold in ANNOUNCED if left <= threshold)}"
        else:
            said = f"rapport-retard-{(-left - 1) // 7 + 1}"
        found.append(
            ReportDue(id, said, last, left, convention_id, numero, intitule, structure_id, kind.label)
        )
    return found


def _alive() -> Any:
    """The condition that a report is still expected: its convention is signed, or ended after the period began."""
    return and_(
        col(Convention.state).in_([ConventionState.SIGNEE, ConventionState.RESILIEE]),
        col(PartnerReport.debut) <= col(Convention.date_fin),
    )


def last_day(convention: Convention, report: PartnerReport) -> date:
    """Return the last day that the report tells: that of its period, or of the convention when it ended before."""
    return min(report.fin, convention.date_fin)


# --- The officer's schedule ---


def schedule(session: Session, convention: Convention, months: int, *, by: User | None) -> int:
    """Ask for the reports that are `proposed`, those already asked for excepted; return how many were added.

    Raises NotAllowed, AlreadyDone when the convention no longer changes, and RuleBroken when it has no day of grace for
    the last one.
    """
    check_officer(by)
    take(session, convention)
    _check_alive(convention)
    known = {(report.kind, report.debut) for report in of_convention(session, convention.id)}
    missing = [slot for slot in proposed(convention, months) if (slot.kind, slot.debut) not in known]
    if any(slot.du_le <= slot.fin for slot in missing):
        raise RuleBroken(
            "Sans délai de grâce, le partenaire ne pourrait pas remettre le rapport final : donnez d’abord quelques jours "
            "à ce délai, dans la convention."
        )
    for slot in missing:
        session.add(
            PartnerReport(
                convention_id=convention.id,
                kind=slot.kind,
                debut=slot.debut,
                fin=slot.fin,
                du_le=slot.du_le,
            )
        )
    if missing:
        history.record(
            session,
            convention,
            "Calendrier des rapports : 1 ajouté"
            if len(missing) == 1
            else f"Calendrier des rapports : {len(missing)} ajoutés",
            by=by,
        )
    session.flush()
    return len(missing)


def ask(
    session: Session,
    convention: Convention,
    values: Mapping[str, Any],
    *,
    by: User | None,
    id: uuid.UUID | None = None,
) -> PartnerReport:
    """Ask for one more report (`values`: kind, debut, fin, du_le) and return it; a second press returns the same.

    Raises NotAllowed; AlreadyDone when the convention no longer changes; RuleBroken, at its field, for days out of
    order or outside the convention, or a report already asked for.
    """
    check_officer(by)
    take(session, convention)
    written = written_before(session, PartnerReport, id, convention.id)
    if written is not None:
        return written
    _check_alive(convention)
    _check_days(session, convention, values, None)
    made = PartnerReport(
        convention_id=convention.id,
        **{name: values[name] for name in ("kind", "debut", "fin", "du_le")},
    )
    if id is not None:
        made.id = id
    session.add(made)
    history.record(
        session,
        convention,
        f"{made.kind.label} demandé",
        by=by,
        detail={"date_debut": (None, made.debut), "date_fin": (None, made.fin), "du_le": (None, made.du_le)},
    )
    session.flush()
    return made


def change_days(
    session: Session,
    convention: Convention,
    report_id: uuid.UUID,
    values: Mapping[str, Any],
    *,
    by: User | None,
    version: int | None = None,
) -> PartnerReport:
    """Change the kind or the days of a report that waits for the partner, and return it; what it wrote stays.

    Raises as `ask`; AlreadyDone too when it is handed in or gone; ChangedMeanwhile.
    """
    check_officer(by)
    take(session, convention)
    report = _one(session, convention, report_id)
    if report.state in FROZEN:
        raise AlreadyDone("Ce rapport est remis : ses dates ne changent plus.")
    _check_alive(convention)
    check_version(report, version, "ce rapport")
    kept = {name: values[name] for name in ("kind", "debut", "fin", "du_le")}
    changed = history.changed(report, kept)
    if not changed:
        return report
    _check_days(session, convention, values, report)
    for name, value in kept.items():
        setattr(report, name, value)
    report.version += 1
    history.record(
        session,
        convention,
        f"{report.kind.label} : dates modifiées",
        by=by,
        detail={
            {"debut": "date_debut", "fin": "date_fin"}.get(name, name): pair
            for name, pair in changed.items()
            if name != "kind"
        },
    )
    session.flush()
    return report


def withdraw(session: Session, convention: Convention, report_id: uuid.UUID, *, by: User | None) -> str:
    """Ask no more for a report and return what it was called.

    Raises NotAllowed, and AlreadyDone when it is gone, handed in, or when the partner has begun to write it.
    """
    check_officer(by)
    take(session, convention)
    report = _one(session, convention, report_id)
    _check_alive(convention)
    if report.state is not ReportState.A_REMETTRE:
        raise AlreadyDone("Ce rapport a été remis : il reste au dossier.")
    papers = select(ConventionDocument.id).where(col(ConventionDocument.report_id) == report.id).limit(1)
    if is_begun(report) or session.exec(papers).first() is not None:
        raise AlreadyDone(
            "Le partenaire a commencé ce rapport : le retirer effacerait ce qu’il a écrit. Changez plutôt ses dates."
        )
    session.delete(report)
    history.record(
        session,
        convention,
        f"{report.kind.label} : n’est plus demandé",
        by=by,
        detail={"du_le": (report.du_le, None)},
    )
    session.flush()
    return report.kind.label


# --- The partner's report ---


def save(
    session: Session,
    convention: Convention,
    report_id: uuid.UUID,
    values: Mapping[str, Any],
    *,
    by: User,
    version: int | None = None,
) -> PartnerReport:
    """Keep what the partner wrote so far (`values`: those of WRITTEN) and return the report.

    Raises NotAllowed for anybody but a member of the partner; AlreadyDone when it is handed in, or the convention no
    longer changes; ChangedMeanwhile.
    """
    report = to_write(session, convention, report_id, by, version)
    if _write(report, values):
        history.record(session, convention, f"{report.kind.label} : brouillon enregistré", by=by, draft=True)
    session.flush()
    return report


def hand_in(
    session: Session,
    convention: Convention,
    report_id: uuid.UUID,
    values: Mapping[str, Any],
    figures: Mapping[str, Any],
    *,
    by: User,
    version: int | None = None,
) -> PartnerReport:
    """Hand the report in, with `figures` (what the portal knows of the period, as it is shown) frozen in it.

    Raises as `save`, and RuleBroken when the period is not over or when nothing says what was done.
    """
    report = to_write(session, convention, report_id, by, version)
    last = last_day(convention, report)
    if clock.today() <= last:
        raise RuleBroken(
            f"La période court jusqu’au {last:%d/%m/%Y} : enregistrez un brouillon, et remettez le rapport après."
        )
    if not (values.get("realise") or "").strip():
        raise RuleBroken("Écrivez ce qui a été réalisé avant de remettre le rapport.", field="realise")
    _write(report, values)
    report.state = ReportState.REMIS
    report.figures = dict(figures)
    report.remis_at, report.remis_by_id = clock.now(), by.id
    history.record(session, convention, f"{report.kind.label} remis", by=by)
    session.flush()
    return report


# --- The officer's reading ---


def accept(
    session: Session,
    convention: Convention,
    report_id: uuid.UUID,
    *,
    by: User | None,
    version: int | None = None,
) -> PartnerReport:
    """Accept a report that was handed in: it never changes again. Return it.

    Raises NotAllowed; AlreadyDone when it is not to be read; ChangedMeanwhile.
    """
    report = _to_read(session, convention, report_id, by, version)
    report.state = ReportState.ACCEPTE
    _read(report, by)
    history.record(session, convention, f"{report.kind.label} accepté", by=by)
    session.flush()
    return report


def ask_correction(
    session: Session,
    convention: Convention,
    report_id: uuid.UUID,
    *,
    demande: str,
    du_le: date,
    by: User | None,
    version: int | None = None,
) -> PartnerReport:
    """Give a report back to the partner, saying what to correct and for which day; its figures are worked out again.

    Raises as `accept`, and RuleBroken, at its field, without a request or for a day that has passed, and when the partner
    could not write any more.
    """
    report = _to_read(session, convention, report_id, by, version)
    if not demande.strip():
        raise RuleBroken("Écrivez ce qui est à corriger.", field="demande")
    if du_le < clock.today():
        raise RuleBroken("Ce jour est passé : laissez au partenaire le temps de corriger.", field="du_le")
    _check_alive(convention)
    _check_grace(convention, du_le)
    report.state = ReportState.A_CORRIGER
    report.figures = None
    report.demande, report.du_le = demande.strip(), du_le
    _read(report, by)
    history.record(session, convention, f"{report.kind.label} : correction demandée", by=by, motif=demande)
    session.flush()
    return report


def is_begun(report: PartnerReport) -> bool:
    """Say whether the partner wrote anything in the report."""
    return any(getattr(report, name) not in (None, "") for name in WRITTEN)


def still_written(convention: Convention, report: PartnerReport, day: date) -> bool:
    """Say whether the partner may write in the report on `day`."""
    return report.state in OPEN and _why_closed(convention, day) is None


def to_write(
    session: Session, convention: Convention, report_id: uuid.UUID, by: User, version: int | None = None
) -> PartnerReport:
    """Take the convention, and return its report that `by` is about to write; raises as `save` does."""
    if by.role is not Role.PARTENAIRE or not _belongs(session, convention, by):
        raise NotAllowed("Seul le partenaire écrit et remet son rapport.")
    take(session, convention)
    report = _one(session, convention, report_id)
    if report.state is ReportState.REMIS:
        raise AlreadyDone(
            "Ce rapport est déjà remis : il ne change plus, sauf si le département demande une correction."
        )
    if report.state is ReportState.ACCEPTE:
        raise AlreadyDone("Ce rapport est accepté : il ne change plus.")
    if convention.state is ConventionState.BROUILLON:
        raise RuleBroken("Cette convention n’est pas encore signée.")
    _check_alive(convention)
    check_version(report, version, "ce rapport")
    return report


def _to_read(
    session: Session, convention: Convention, report_id: uuid.UUID, by: User | None, version: int | None
) -> PartnerReport:
    check_officer(by)
    take(session, convention)
    report = _one(session, convention, report_id)
    if report.state is ReportState.ACCEPTE:
        raise AlreadyDone("Ce rapport est déjà accepté.")
    if report.state is not ReportState.REMIS:
        raise AlreadyDone("Ce rapport n’est pas remis : c’est au partenaire de le remettre.")
    if convention.state is ConventionState.CLOSE:
        raise AlreadyDone("Cette convention est close : rouvrez-la d’abord.")
    check_version(report, version, "ce rapport")
    return report


def _write(report: PartnerReport, values: Mapping[str, Any]) -> bool:
    """Write what the partner says, and return whether anything changed."""
    kept = {}
    for name in WRITTEN:
        value = values.get(name)
        kept[name] = (value.strip() or None) if isinstance(value, str) else value
    changed = bool(history.changed(report, kept))
    for name, value in kept.items():
        setattr(report, name, value)
    # Counted even when nothing changed: whoever opened it before is told.
    report.version += 1
    return changed


def _read(report: PartnerReport, by: User | None) -> None:
    report.lu_at, report.lu_by_id = clock.now(), by.id if by else None
    report.version += 1


def _one(session: Session, convention: Convention, report_id: uuid.UUID) -> PartnerReport:
    report = session.exec(
        select(PartnerReport)
        .where(col(PartnerReport.id) == report_id, col(PartnerReport.convention_id) == convention.id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if report is None:
        raise AlreadyDone("Ce rapport n’est plus demandé.")
    return report


def _belongs(session: Session, convention: Convention, by: User) -> bool:
    return (
        session.exec(
            select(Structure.id).where(and_(col(Structure.id) == convention.structure_id, is_member(by)))
        ).first()
        is not None
    )


def _check_alive(convention: Convention) -> None:
    """Raise AlreadyDone when the convention expects nothing more of its partner."""
    why = _why_closed(convention, clock.today())
    if why:
        raise AlreadyDone(why)


def _why_closed(convention: Convention, day: date) -> str | None:
    """A convention ended before its time still gets its reports, within its days of grace."""
    if convention.state is ConventionState.CLOSE:
        return "Cette convention est close : elle se lit, et ne change plus."
    last = convention.date_fin + timedelta(days=convention.grace_jours)
    if day <= last if convention.state is ConventionState.RESILIEE else is_open(convention, day):
        return None
    return (
        f"Cette convention est finie depuis le {convention.date_fin:%d/%m/%Y}, et son délai de grâce depuis le "
        f"{last:%d/%m/%Y} : ses rapports ne changent plus."
    )


def _check_days(
    session: Session, convention: Convention, values: Mapping[str, Any], report: PartnerReport | None
) -> None:
    if values["fin"] < values["debut"]:
        raise RuleBroken("La période finit avant de commencer : corrigez les dates.", field="fin")
    for name in ("debut", "fin"):
        if not convention.covers(values[name]):
            raise RuleBroken(
                f"La convention court du {convention.date_debut:%d/%m/%Y} au {convention.date_fin:%d/%m/%Y} : "
                "choisissez un jour de cette période.",
                field=name,
            )
    if values["du_le"] <= values["fin"]:
        raise RuleBroken(
            "Un rapport se remet après la fin de sa période : choisissez un jour plus tard.", "du_le"
        )
    _check_grace(convention, values["du_le"])
    twin = session.exec(
        select(PartnerReport.id).where(
            col(PartnerReport.convention_id) == convention.id,
            col(PartnerReport.kind) == values["kind"],
            col(PartnerReport.debut) == values["debut"],
            col(PartnerReport.id) != report.id if report else sqlalchemy.true(),
        )
    ).first()
    if twin is not None:
        raise RuleBroken("Ce rapport est déjà demandé pour une période qui commence ce jour.", field="debut")


def _check_grace(convention: Convention, du_le: date) -> None:
    last = convention.date_fin + timedelta(days=convention.grace_jours)
    if du_le > last:
        raise RuleBroken(
            f"Le délai de grâce de la convention finit le {last:%d/%m/%Y} : choisissez un jour d’ici là, "
            "ou allongez ce délai.",
            field="du_le",
        )


def _end_of(begins: date, months: int) -> date:
    """Return the last day of the half-year (6) or of the calendar year (12) of a day."""
    if months == 6 and begins.month <= 6:
        return date(begins.year, 6, 30)
    return date(begins.year, 12, 31)
