"""The reports that a partner owes under its convention: which, for when, and whether they still change.

They are asked for in `report_schedule`, written and read in `report_writing`, called to mind in `report_due`.
What the portal knows of the period is worked out above (room `budget`) and handed down at the handing in: it is then
frozen with the text, and changes no more unless the officer asks for a correction.
"""

import uuid
from datetime import date, timedelta
from typing import Any

import sqlalchemy
from sqlalchemy import Select, and_
from sqlalchemy.orm import load_only
from sqlmodel import Session, col, func, select

from portal import clock
from portal.accounts.models import User
from portal.conventions import queries
from portal.conventions.engagements import PartnerReport, ReportState
from portal.conventions.models import Convention
from portal.conventions.states import ConventionState
from portal.conventions.writing import is_open
from portal.errors import AlreadyDone, RuleBroken
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
            col(PartnerReport.state).in_(OPEN), col(PartnerReport.du_le) < late_on, alive()
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
            alive(),
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


def alive() -> Any:
    """The condition that a report is still expected: its convention is signed, or ended after the period began."""
    return and_(
        col(Convention.state).in_([ConventionState.SIGNEE, ConventionState.RESILIEE]),
        col(PartnerReport.debut) <= col(Convention.date_fin),
    )


def last_day(convention: Convention, report: PartnerReport) -> date:
    """Return the last day that the report tells: that of its period, or of the convention when it ended before."""
    return min(report.fin, convention.date_fin)


def is_begun(report: PartnerReport) -> bool:
    """Say whether the partner wrote anything in the report."""
    return any(getattr(report, name) not in (None, "") for name in WRITTEN)


def still_written(convention: Convention, report: PartnerReport, day: date) -> bool:
    """Say whether the partner may write in the report on `day`."""
    return report.state in OPEN and _why_closed(convention, day) is None


def one(session: Session, convention: Convention, report_id: uuid.UUID) -> PartnerReport:
    """Return a report of this convention as it is now. Raises AlreadyDone when it is no longer asked for."""
    report = session.exec(
        select(PartnerReport)
        .where(col(PartnerReport.id) == report_id, col(PartnerReport.convention_id) == convention.id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if report is None:
        raise AlreadyDone("Ce rapport n’est plus demandé.")
    return report


def check_alive(convention: Convention) -> None:
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


def check_grace(convention: Convention, du_le: date) -> None:
    """Raise RuleBroken, at `du_le`, for a day on which the partner could not write any more."""
    last = convention.date_fin + timedelta(days=convention.grace_jours)
    if du_le > last:
        raise RuleBroken(
            f"Le délai de grâce de la convention finit le {last:%d/%m/%Y} : choisissez un jour d’ici là, "
            "ou allongez ce délai.",
            field="du_le",
        )
