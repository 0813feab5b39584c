"""A report is written and handed in by the partner, then accepted or given back by an officer."""

import uuid
from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import and_
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import Role, User
from portal.conventions import history, reports
from portal.conventions.engagements import PartnerReport, ReportState
from portal.conventions.models import Convention
from portal.conventions.states import ConventionState
from portal.conventions.writing import check_officer, check_version, take
from portal.errors import AlreadyDone, NotAllowed, RuleBroken
from portal.structures.models import Structure
from portal.structures.queries import is_member


def save(
    session: Session,
    convention: Convention,
    report_id: uuid.UUID,
    values: Mapping[str, Any],
    *,
    by: User,
    version: int | None = None,
) -> PartnerReport:
    """Keep what the partner wrote so far (`values`: those of reports.WRITTEN) and return the report.

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
    last = reports.last_day(convention, report)
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
    reports.check_alive(convention)
    reports.check_grace(convention, du_le)
    report.state = ReportState.A_CORRIGER
    report.figures = None
    report.demande, report.du_le = demande.strip(), du_le
    _read(report, by)
    history.record(session, convention, f"{report.kind.label} : correction demandée", by=by, motif=demande)
    session.flush()
    return report


def to_write(
    session: Session, convention: Convention, report_id: uuid.UUID, by: User, version: int | None = None
) -> PartnerReport:
    """Take the convention, and return its report that `by` is about to write; raises as `save` does."""
    if by.role is not Role.PARTENAIRE or not _belongs(session, convention, by):
        raise NotAllowed("Seul le partenaire écrit et remet son rapport.")
    take(session, convention)
    report = reports.one(session, convention, report_id)
    if report.state is ReportState.REMIS:
        raise AlreadyDone(
            "Ce rapport est déjà remis : il ne change plus, sauf si le département demande une correction."
        )
    if report.state is ReportState.ACCEPTE:
        raise AlreadyDone("Ce rapport est accepté : il ne change plus.")
    if convention.state is ConventionState.BROUILLON:
        raise RuleBroken("Cette convention n’est pas encore signée.")
    reports.check_alive(convention)
    check_version(report, version, "ce rapport")
    return report


def _to_read(
    session: Session, convention: Convention, report_id: uuid.UUID, by: User | None, version: int | None
) -> PartnerReport:
    check_officer(by)
    take(session, convention)
    report = reports.one(session, convention, report_id)
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
    for name in reports.WRITTEN:
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


def _belongs(session: Session, convention: Convention, by: User) -> bool:
    return (
        session.exec(
            select(Structure.id).where(and_(col(Structure.id) == convention.structure_id, is_member(by)))
        ).first()
        is not None
    )
