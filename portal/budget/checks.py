"""What every verb of this room asks before it writes: by whom, in which state, from which version."""

import uuid
from collections.abc import Collection
from datetime import date, timedelta
from typing import TypeVar

import sqlalchemy
from sqlalchemy.orm import defer
from sqlmodel import Session, SQLModel, col, select

from portal import clock
from portal.budget.bilan_models import Bilan, BilanKind, BilanState
from portal.budget.models import StateConvention
from portal.conventions.states import ConventionState
from portal.conventions.writing import (
    add_once,
    check_officer,
    check_seen,
    check_version,
    take,
    written_before,
)
from portal.errors import AlreadyDone, RuleBroken

__all__ = [
    "add_once",
    "check_officer",
    "check_open",
    "check_seen",
    "check_signed",
    "check_version",
    "check_year_open",
    "closes",
    "closing_bilans",
    "present",
    "take",
    "written_before",
]

Row = TypeVar("Row", bound=SQLModel)


def check_signed(convention: StateConvention) -> None:
    """Raise RuleBroken unless the convention is signed, or was ended before its time."""
    if convention.state is ConventionState.BROUILLON:
        raise RuleBroken("Cette convention est en brouillon : signez-la d’abord.")
    if convention.state is ConventionState.CLOSE:
        raise RuleBroken(
            "Cette convention est close : plus rien ne s’y écrit. Rouvrez-la d’abord, en disant pourquoi."
        )


def check_open(convention: StateConvention, day: date) -> None:
    """Raise RuleBroken unless the convention is signed and runs, is to come, or is in its days of grace on `day`."""
    check_signed(convention)
    last = convention.date_fin + timedelta(days=convention.grace_jours)
    if day > last:
        raise RuleBroken(
            f"Cette convention est finie, et son délai de grâce aussi, depuis le {last:%d/%m/%Y}. "
            "Allongez ce délai dans la convention pour écrire encore."
        )


def closes(bilan: Bilan) -> bool:
    """Say whether a bilan tells all the expenses of its year: the final one, or one handed in once the year is over."""
    if bilan.state is BilanState.PREPARATION or bilan.remis_at is None:
        return False
    return bilan.kind is BilanKind.FINAL or bilan.remis_at.astimezone(clock.PARIS).date().year > bilan.annee


def closing_bilans(
    session: Session, convention_ids: Collection[uuid.UUID]
) -> dict[tuple[uuid.UUID, int], Bilan]:
    """Return {(convention, year): the bilan that closes it}, in one statement; the first handed in when both do."""
    found: dict[tuple[uuid.UUID, int], Bilan] = {}
    for bilan in session.exec(
        select(Bilan)
        .where(col(Bilan.convention_id).in_(list(convention_ids)))
        .where(col(Bilan.remis_at).is_not(None))
        .order_by(col(Bilan.remis_at))
        # Every line as handed in: nobody asks for them here.
        .options(defer(Bilan.figures))  # type: ignore[arg-type]
    ):
        if closes(bilan):
            found.setdefault((bilan.convention_id, bilan.annee), bilan)
    return found


def check_year_open(session: Session, convention: StateConvention, annee: int) -> None:
    """Raise RuleBroken when the bilan of the year is handed in: its expenses no longer change."""
    bilan = closing_bilans(session, [convention.id]).get((convention.id, annee))
    if bilan is not None:
        raise RuleBroken(
            f"Le {bilan.kind.label.lower()} {annee} est remis à l’État : les dépenses de l’année ne changent plus. "
            "Rouvrez-le d’abord en demandant une correction."
        )


def present(session: Session, row: Row, sentence: str) -> Row:
    """Return the row as it is now, once the convention is taken. Raises AlreadyDone with `sentence` when it is gone."""
    found = session.get(type(row), sqlalchemy.inspect(row).identity, populate_existing=True)
    if found is None:
        raise AlreadyDone(sentence)
    return found
