"""The reports that a convention calls for, as officers ask for them: when, about which period, and no more."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy
from sqlmodel import Session, col, select

from portal.accounts.models import User
from portal.conventions import history, reports
from portal.conventions.engagements import ConventionDocument, PartnerReport, ReportKind, ReportState
from portal.conventions.models import Convention
from portal.conventions.writing import check_officer, check_version, take, written_before
from portal.errors import AlreadyDone, RuleBroken

# Days after the end of its period that a proposed report is due.
DUE_DAYS = 60


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


def schedule(session: Session, convention: Convention, months: int, *, by: User | None) -> int:
    """Ask for the reports that are `proposed`, those already asked for excepted; return how many were added.

    Raises NotAllowed, AlreadyDone when the convention no longer changes, and RuleBroken when it has no day of grace for
    the last one.
    """
    check_officer(by)
    take(session, convention)
    reports.check_alive(convention)
    known = {(report.kind, report.debut) for report in reports.of_convention(session, convention.id)}
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
    reports.check_alive(convention)
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
    report = reports.one(session, convention, report_id)
    if report.state in reports.FROZEN:
        raise AlreadyDone("Ce rapport est remis : ses dates ne changent plus.")
    reports.check_alive(convention)
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
    report = reports.one(session, convention, report_id)
    reports.check_alive(convention)
    if report.state is not ReportState.A_REMETTRE:
        raise AlreadyDone("Ce rapport a été remis : il reste au dossier.")
    papers = select(ConventionDocument.id).where(col(ConventionDocument.report_id) == report.id).limit(1)
    if reports.is_begun(report) or session.exec(papers).first() is not None:
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
    reports.check_grace(convention, values["du_le"])
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


def _end_of(begins: date, months: int) -> date:
    """Return the last day of the half-year (6) or of the calendar year (12) of a day."""
    if months == 6 and begins.month <= 6:
        return date(begins.year, 6, 30)
    return date(begins.year, 12, 31)
