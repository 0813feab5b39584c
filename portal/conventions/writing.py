"""What every verb on a convention checks before it writes: who, whether it still changes, and against its neighbours.

Who, the version and the lock are those of the room `budget` too.
"""

import uuid
from datetime import date, timedelta
from typing import Protocol, TypeVar

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, col, func, select

from portal import clock
from portal.accounts.models import Role, User
from portal.conventions.engagements import ConventionAmendment, PartnerPayment
from portal.conventions.models import Convention, FinancedAction, Movement, PlaceChange, PlaceMovement
from portal.conventions.states import ConventionState, Standing, in_grace
from portal.errors import AlreadyDone, ChangedMeanwhile, NotAllowed, RuleBroken

STALE = "Cette page n’est plus à jour : rouvrez la convention et recommencez."

Table = TypeVar("Table", bound=SQLModel)


class Versioned(Protocol):
    """A row that counts its changes."""

    version: int


def check_officer(by: User | None) -> None:
    """Raise NotAllowed unless `by` is a convention officer, or the portal itself (None)."""
    if by is not None and by.role is not Role.CONVENTIONNEMENT:
        raise NotAllowed("Seuls les chargés de conventionnement écrivent ici.")


def take(session: Session, row: Table) -> Table:
    """Take the row until the transaction ends, and return it as it is now.

    That of the convention, most often: what is counted over several of its rows is then written one after the other.
    Raises AlreadyDone for a draft that was thrown away: nothing is written of it any more.
    """
    session.flush()
    session.refresh(row, with_for_update=True)
    if isinstance(row, Convention) and row.supprimee_le is not None:
        raise AlreadyDone("Ce brouillon est déjà supprimé : il n’en reste que l’historique.")
    return row


def check_seen(seen: object, now: object, what: str) -> None:
    """Raise ChangedMeanwhile when `what` ("cette action") is no longer as it was `seen` (None: nobody says).

    Asked after the state: whoever is late is told what became of the convention, rather than that it changed.
    """
    if seen is not None and seen != now:
        raise ChangedMeanwhile(f"Quelqu’un d’autre a modifié {what} pendant que vous écriviez.")


def check_version(row: Versioned, version: int | None, what: str = "cette page") -> None:
    """Raise ChangedMeanwhile when the row is no longer in the `version` that was opened, as `check_seen`."""
    check_seen(version, row.version, what)


def written_before(
    session: Session,
    table: type[Table],
    id: uuid.UUID | None,
    owner_id: uuid.UUID,
    *,
    of: str = "convention_id",
) -> Table | None:
    """Return the row of this `id` that an earlier press of the same form wrote, None when there is none.

    Raises AlreadyDone when that row is not of `owner_id` (its column `of`): the form is that of something else.
    """
    written = session.get(table, id) if id is not None else None
    if written is not None and getattr(written, of) != owner_id:
        raise AlreadyDone(STALE)
    return written


def add_once(session: Session, row: Table, owner_id: uuid.UUID, *, of: str = "convention_id") -> Table:
    """Add the row and return it; or the one that the first press wrote between our look and our writing."""
    id: uuid.UUID = row.id  # type: ignore[attr-defined]
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        written = written_before(session, type(row), id, owner_id, of=of)
        if written is None:
            raise
        return written
    return row


def is_open(convention: Convention, day: date | None = None) -> bool:
    """Say whether the convention still changes: a draft, signed, or over but in its days of grace.

    Within the grace the partner still declares what it owes; afterwards everything is read only, for everybody.
    """
    return _why_closed(convention, convention.grace_jours, day or clock.today()) is None


def check_changes(convention: Convention, *, grace_jours: int | None = None) -> None:
    """Raise AlreadyDone when the convention is closed, ended before its time, or over beyond its grace.

    `grace_jours` is the grace that is about to be given: giving more of it is how such a convention changes again.
    """
    why = _why_closed(
        convention, convention.grace_jours if grace_jours is None else grace_jours, clock.today()
    )
    if why:
        raise AlreadyDone(why)


def grace_left(convention: Convention, day: date) -> int | None:
    """Return how many days of grace are left (0 on the last one); None when the convention is not in its grace."""
    if not in_grace(convention.standing_on(day), convention.date_fin, convention.grace_jours, day):
        return None
    return (convention.date_fin + timedelta(days=convention.grace_jours) - day).days


def check_signature(convention: Convention, signee_le: date, first_amendment: date | None = None) -> None:
    """Raise RuleBroken, at `signee_le`, for a signature to come, or later than the first amendment's."""
    if signee_le > clock.today():
        raise RuleBroken(
            "Ce jour est à venir : écrivez celui de la signature, ou rien tant qu’elle n’a pas eu lieu.",
            field="signee_le",
        )
    if first_amendment is not None and signee_le > first_amendment:
        raise RuleBroken(
            f"Le premier avenant est signé du {first_amendment:%d/%m/%Y} : la convention ne peut pas l’être après lui.",
            field="signee_le",
        )


def check_neighbours(session: Session, convention: Convention, *, date_debut: date, date_fin: date) -> None:
    """Raise RuleBroken when these days would overlap the convention that this one renews, or the one that renews it."""
    if convention.renouvelle_id is not None:
        before = session.get_one(Convention, convention.renouvelle_id)
        if date_debut <= before.date_fin:
            raise RuleBroken(
                f"La convention {before.numero}, que celle-ci renouvelle, court jusqu’au {before.date_fin:%d/%m/%Y} : "
                "commencez après.",
                field="date_debut",
            )
    after = renewal_of(session, convention.id)
    if after is not None and after.date_debut <= date_fin:
        raise RuleBroken(
            f"La convention {after.numero}, qui renouvelle celle-ci, commence le {after.date_debut:%d/%m/%Y} : "
            "finissez avant.",
            field="date_fin",
        )


def renewal_of(session: Session, convention_id: uuid.UUID) -> Convention | None:
    """Return the convention that renews this one, if any."""
    return session.exec(
        select(Convention).where(col(Convention.renouvelle_id) == convention_id)
    ).one_or_none()


def check_period(
    session: Session, convention: Convention, *, date_debut: date, date_fin: date, field: str = "date_fin"
) -> None:
    """Raise RuleBroken when the period would end before it begins, or leave out what was written within it.

    What was written: amendments by the day they count from, and places given (a person who stays beyond is no matter).
    """
    if date_fin < date_debut:
        raise RuleBroken("La convention finit avant de commencer : corrigez les dates.", field=field)
    amended = _bounds(session, col(ConventionAmendment.effet_le), convention.id)
    actions = select(FinancedAction.id).where(col(FinancedAction.convention_id) == convention.id)
    changed = session.execute(
        select(func.min(PlaceChange.effet_le), func.max(PlaceChange.effet_le)).where(
            col(PlaceChange.action_id).in_(actions)
        )
    ).one()
    first = min((day for day in (amended[0], changed[0]) if day), default=None)
    last = max((day for day in (amended[1], changed[1]) if day), default=None)
    if first is not None and first < date_debut:
        raise RuleBroken(
            f"Un avenant compte à partir du {first:%d/%m/%Y} : la convention ne peut pas commencer après.",
            field="date_debut",
        )
    if last is not None and last > date_fin:
        raise RuleBroken(
            f"Un avenant compte à partir du {last:%d/%m/%Y} : la convention ne peut pas finir avant.",
            field=field,
        )
    check_given(session, convention, date_fin, field=field)


def check_given(session: Session, convention: Convention, last_day: date, *, field: str = "date_fin") -> None:
    """Raise RuleBroken when the convention would end, earlier than now, before a place that it gave."""
    actions = select(FinancedAction.id).where(col(FinancedAction.convention_id) == convention.id)
    given = session.execute(
        select(func.max(PlaceMovement.effet_le)).where(
            col(PlaceMovement.action_id).in_(actions), col(PlaceMovement.movement) == Movement.RETENUE
        )
    ).scalar()
    if given is not None and last_day < given and last_day < convention.date_fin:
        raise RuleBroken(
            f"Une place a été donnée le {given:%d/%m/%Y} : la convention ne peut pas finir avant.",
            field=field,
        )


def paid(session: Session, convention_id: uuid.UUID) -> int:
    """Return the cents paid to the partner under this convention."""
    total = session.execute(
        select(func.coalesce(func.sum(PartnerPayment.verse_centimes), 0)).where(
            col(PartnerPayment.convention_id) == convention_id
        )
    ).scalar_one()
    return int(total)


def _bounds(session: Session, column: object, convention_id: uuid.UUID) -> tuple[date | None, date | None]:
    row = session.execute(
        select(func.min(column), func.max(column)).where(
            col(ConventionAmendment.convention_id) == convention_id
        )
    ).one()
    return row[0], row[1]


def _why_closed(convention: Convention, grace_jours: int, day: date) -> str | None:
    if convention.state is ConventionState.CLOSE:
        return "Cette convention est close : elle se lit, et ne change plus. Rouvrez-la d’abord si c’était une erreur."
    if convention.state is ConventionState.RESILIEE:
        return f"Cette convention est résiliée depuis le {convention.date_fin:%d/%m/%Y} : elle se lit, et ne change plus."
    where = convention.standing_on(day)
    if where is Standing.ECHUE and not in_grace(where, convention.date_fin, grace_jours, day):
        return (
            f"Cette convention est finie depuis le {convention.date_fin:%d/%m/%Y}, et son délai de grâce est passé : "
            "elle se lit, et ne change plus. Pour y revenir, allongez d’abord ce délai."
        )
    return None
