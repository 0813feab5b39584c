"""What every verb of this room asks before it writes: by whom, in which state, from which version."""

import uuid
from collections.abc import Collection
from datetime import date, timedelta
from typing import Protocol

from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import Role, User
from portal.budget.models import Bilan, BilanKind, BilanState, StateConvention
from portal.conventions.states import ConventionState
from portal.errors import ChangedMeanwhile, NotAllowed, RuleBroken


class Versioned(Protocol):
    """A row that counts its changes."""

    version: int


def check_officer(by: User | None) -> None:
    """Raise NotAllowed unless `by` is an officer, or the portal itself (None)."""
    if by is not None and by.role is not Role.CONVENTIONNEMENT:
        raise NotAllowed("Seuls les chargés de conventionnement écrivent ici.")


def check_version(row: Versioned, version: int | None) -> None:
    """Raise ChangedMeanwhile when the row is no longer in the `version` that was opened (None: not asked)."""
    if version is not None and version != row.version:
        raise ChangedMeanwhile("Quelqu’un d’autre a enregistré cette page pendant que vous écriviez.")


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


def lock(session: Session, convention: StateConvention) -> StateConvention:
    """Take the row of the convention until the transaction ends, and return it as it is now.

    What is counted over several rows (ETP of posts, payments against what is due) is written one after the other.
    """
    return session.exec(
        select(StateConvention)
        .where(col(StateConvention.id) == convention.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


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
