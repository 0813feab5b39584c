"""Places and money of conventions, counted together: of one, of a page of them, of all. Money is in cents."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, Date, Select, Uuid, bindparam, case
from sqlmodel import Session, col, func, select

from portal.conventions import ledger, queries
from portal.conventions.engagements import ConventionAmendment
from portal.conventions.models import (
    ActionOffer,
    Convention,
    FinancedAction,
    PlaceChange,
    PlaceMovement,
    Waiting,
)
from portal.conventions.states import ConventionState, Standing


@dataclass(frozen=True, slots=True)
class Account:
    """Places and money (cents) of some actions taken together.

    `libres` leaves out actions where more is taken than financed. `en_attente` counts the people who wait on the
    offers of running conventions, each once. `prevu` is every place at its unit cost, `engage` the held, occupied
    and used ones.
    """

    financees: int
    retenues: int
    occupees: int
    utilisees: int
    libres: int
    en_attente: int
    prevu: int
    engage: int


class ListAccounts:
    """The accounts of conventions of which only ids are known, on one day: two statements, and no action loaded.

    `conventions` is a list of ids, or a statement that gives them. `total` leaves drafts out: their places do not
    count yet.
    """

    def __init__(self, session: Session, conventions: Any, day: date) -> None:
        if isinstance(conventions, list):
            waits, sums, given = _waits_of_ids(), _sums_of_ids(), {"ids": conventions, "day": day}
        else:
            mine = col(FinancedAction.convention_id).in_(conventions)
            waits, sums, given = _waits_of(mine, day), _sums_of(mine, day), {}
        self._waiting: dict[uuid.UUID, int] = {}
        people = set()
        for convention_id, waiting_id in session.execute(waits, given):
            self._waiting[convention_id] = self._waiting.get(convention_id, 0) + 1
            people.add(waiting_id)
        self._sums: dict[uuid.UUID, tuple[int, ...]] = {}
        whole = [0] * 7
        for convention_id, state, *numbers in session.execute(sums, given):
            told = tuple(int(value) for value in numbers)
            self._sums[convention_id] = told
            if state is not ConventionState.BROUILLON:
                whole = [so_far + value for so_far, value in zip(whole, told, strict=True)]
        self.total = _account(whole, len(people))

    def of(self, convention_id: uuid.UUID) -> Account:
        """Return the account of one of the conventions."""
        return _account(self._sums.get(convention_id, (0,) * 7), self._waiting.get(convention_id, 0))


class Accounts:
    """The accounts of conventions loaded by `visible_to`, on one day; the ledger is read once, in two statements."""

    def __init__(self, session: Session, conventions: Collection[Convention], day: date) -> None:
        actions = [action for convention in conventions for action in convention.actions]
        self._places = ledger.places_of_actions(session, actions)
        # Whoever waits is waiting for a place of a running convention: the others have no list.
        self._running = {c.id for c in conventions if c.runs_on(day)}
        self._waiting = queries.waiting_by_offer(session, self._listed(actions))

    def of_action(self, action: FinancedAction) -> Account:
        """Return the account of one action."""
        return self._of([action])

    def of_convention(self, convention: Convention) -> Account:
        """Return the account of a convention's actions together."""
        return self._of(convention.actions)

    def of_all(self, conventions: Iterable[Convention]) -> Account:
        """Return the account of several conventions together."""
        return self._of([action for convention in conventions for action in convention.actions])

    def _of(self, actions: Sequence[FinancedAction]) -> Account:
        pairs = [(action, self._places[action.id]) for action in actions]
        return Account(
            financees=sum(places.financees for _, places in pairs),
            retenues=sum(places.retenues for _, places in pairs),
            occupees=sum(places.occupees for _, places in pairs),
            utilisees=sum(places.utilisees for _, places in pairs),
            libres=sum(max(0, places.libres) for _, places in pairs),
            en_attente=sum(self._waiting.get(offer_id, 0) for offer_id in self._listed(actions)),
            prevu=sum(places.financees * action.cout_unitaire_centimes for action, places in pairs),
            engage=sum(places.prises * action.cout_unitaire_centimes for action, places in pairs),
        )

    def _listed(self, actions: Iterable[FinancedAction]) -> set[uuid.UUID]:
        return {
            offer.id for action in actions if action.convention_id in self._running for offer in action.offers
        }


def amounts_on(session: Session, conventions: Any, day: date) -> dict[uuid.UUID, int]:
    """Return the cents that amendments in effect on `day` add to these conventions (ids, or a statement of them)."""
    rows = session.execute(
        select(col(ConventionAmendment.convention_id), func.sum(ConventionAmendment.d_montant_centimes))
        .where(
            col(ConventionAmendment.convention_id).in_(conventions), col(ConventionAmendment.effet_le) <= day
        )
        .group_by(col(ConventionAmendment.convention_id))
    )
    return {row[0]: int(row[1]) for row in rows}


# Made once for the conventions of a page, then given them and the day: making a statement costs more than running it.
_IDS, _DAY = bindparam("ids", expanding=True, type_=Uuid()), bindparam("day", type_=Date())


@cache
def _waits_of_ids() -> Select[Any]:
    return _waits_of(col(FinancedAction.convention_id).in_(_IDS), _DAY)


@cache
def _sums_of_ids() -> Select[Any]:
    return _sums_of(col(FinancedAction.convention_id).in_(_IDS), _DAY)


def _waits_of(mine: ColumnElement[bool], day: Any) -> Select[Any]:
    """Rows (convention, who waits) of the conventions of these actions that run on `day`."""
    statement: Any = (
        sqlalchemy.select(col(FinancedAction.convention_id), col(Waiting.id))
        .join(ActionOffer, col(ActionOffer.action_id) == col(FinancedAction.id))
        .join(Waiting, col(Waiting.offer_id) == col(ActionOffer.offer_id))
        .join(Convention, col(Convention.id) == col(FinancedAction.convention_id))
        .where(mine, queries.stands(Standing.ACTIVE, day), col(Waiting.left_at).is_(None))
        .distinct()
    )
    found: Select[Any] = statement
    return found


def _sums_of(mine: ColumnElement[bool], day: Any) -> Select[Any]:
    """Rows (convention, state, then the sums of `_account` but for who waits) of the conventions of these actions."""
    ids = select(col(FinancedAction.id)).where(mine)
    moved = (
        select(
            col(PlaceMovement.action_id).label("action_id"),
            func.sum(PlaceMovement.d_retenues).label("held"),
            func.sum(PlaceMovement.d_occupees).label("occupied"),
            func.sum(PlaceMovement.d_utilisees).label("used"),
        )
        .where(col(PlaceMovement.action_id).in_(ids))
        .group_by(col(PlaceMovement.action_id))
        .subquery()
    )
    changed = (
        select(
            col(PlaceChange.action_id).label("action_id"), func.sum(PlaceChange.d_financees).label("places")
        )
        .where(col(PlaceChange.action_id).in_(ids), col(PlaceChange.effet_le) <= day)
        .group_by(col(PlaceChange.action_id))
        .subquery()
    )
    told = (
        sqlalchemy.select(
            col(FinancedAction.convention_id).label("convention_id"),
            col(FinancedAction.cout_unitaire_centimes).label("cost"),
            (col(FinancedAction.places_financees) + func.coalesce(changed.c.places, 0)).label("financed"),
            func.coalesce(moved.c.held, 0).label("held"),
            func.coalesce(moved.c.occupied, 0).label("occupied"),
            func.coalesce(moved.c.used, 0).label("used"),
        )
        .select_from(FinancedAction)
        .outerjoin(moved, moved.c.action_id == col(FinancedAction.id))
        .outerjoin(changed, changed.c.action_id == col(FinancedAction.id))
        .where(mine)
        .subquery()
    )
    taken = told.c.held + told.c.occupied + told.c.used
    free = told.c.financed - taken
    return (
        sqlalchemy.select(
            told.c.convention_id,
            col(Convention.state),
            func.sum(told.c.financed),
            func.sum(told.c.held),
            func.sum(told.c.occupied),
            func.sum(told.c.used),
            func.sum(case((free > 0, free), else_=0)),
            func.sum(told.c.financed * told.c.cost),
            func.sum(taken * told.c.cost),
        )
        .join(Convention, col(Convention.id) == told.c.convention_id)
        .group_by(told.c.convention_id, col(Convention.state))
    )


def _account(sums: Sequence[int], waiting: int) -> Account:
    financed, held, occupied, used, free, planned, engaged = sums
    return Account(financed, held, occupied, used, free, waiting, planned, engaged)
