"""Questions about conventions and places. Nothing here names a beneficiary."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, Select, and_, case, false
from sqlalchemy.orm import contains_eager, joinedload, load_only, selectinload
from sqlmodel import Session, col, func, select

from portal import clock
from portal.accounts.models import Role, User
from portal.conventions import ledger, waiting
from portal.conventions.engagements import ConventionAmendment
from portal.conventions.models import (
    ActionOffer,
    Convention,
    FinancedAction,
    Movement,
    PlaceChange,
    PlaceMovement,
    Waiting,
)
from portal.conventions.states import ConventionState, Standing
from portal.offers.models import Offer
from portal.offers.places import Places
from portal.structures.models import Structure
from portal.structures.queries import is_member


def scope(user: User) -> Any:
    """The condition, partner joined, of the conventions that `user` may see.

    The officer all, drafts thrown away left out; a partner its own and the State's services all, once they are signed.
    """
    if user.role is Role.CONVENTIONNEMENT:
        return ~discarded()
    signed = col(Convention.state) != ConventionState.BROUILLON
    if user.role is Role.ETAT:
        return signed
    if user.role is Role.PARTENAIRE:
        return and_(is_member(user), signed)
    return false()


def discarded() -> ColumnElement[bool]:
    """The condition of the drafts that were thrown away (`life.discard`): only their history is left."""
    return col(Convention.supprimee_le).is_not(None)


def thrown_away(session: Session, user: User, convention_id: uuid.UUID) -> Convention | None:
    """Return the draft if it was thrown away and `user` may know of it, None otherwise."""
    if user.role is not Role.CONVENTIONNEMENT:
        return None
    return session.exec(
        select(Convention).where(col(Convention.id) == convention_id, discarded())
    ).one_or_none()


def stands(standing: Standing, day: date) -> ColumnElement[bool]:
    """The condition of the conventions that stand so on `day` (see `states.standing`)."""
    if standing.value in {state.value for state in ConventionState if state is not ConventionState.SIGNEE}:
        return col(Convention.state) == ConventionState(standing.value)
    signed = col(Convention.state) == ConventionState.SIGNEE
    if standing is Standing.SIGNEE:
        return and_(signed, col(Convention.date_debut) > day)
    if standing is Standing.ECHUE:
        return and_(signed, col(Convention.date_fin) < day)
    return and_(signed, col(Convention.date_debut) <= day, col(Convention.date_fin) >= day)


def number_by_standing(session: Session, user: User, day: date) -> dict[Standing, int]:
    """Return how many conventions that `user` may see stand where on `day`, in one statement."""
    named = case(*((stands(one, day), one.value) for one in Standing))
    rows = session.execute(
        select(named, func.count())
        .select_from(Convention)
        .join(Structure, col(Structure.id) == col(Convention.structure_id))
        .where(scope(user))
        .group_by(named)
    ).all()
    found = {row[0]: int(row[1]) for row in rows}
    return {one: found.get(one.value, 0) for one in Standing}


def listed(user: User, standing: Standing | None, day: date) -> Select[Any]:
    """The conventions that `user` may see and that stand so on `day` (None: all), partner loaded, those that end last first."""
    statement: Any = (
        select(Convention)
        .join(Structure, col(Structure.id) == col(Convention.structure_id))
        .where(scope(user))
        .options(contains_eager(Convention.structure).load_only(Structure.nom, Structure.commune))  # type: ignore[arg-type]
        .order_by(col(Convention.date_fin).desc(), col(Convention.numero))
    )
    found: Select[Any] = statement if standing is None else statement.where(stands(standing, day))
    return found


def visible_to(user: User) -> Select[Any]:
    """The conventions of `scope`, with partner, actions and offers, those that end last first."""
    return (
        select(Convention)
        .join(Structure, col(Structure.id) == col(Convention.structure_id))
        .where(scope(user))
        .options(
            contains_eager(Convention.structure),  # type: ignore[arg-type]
            # An offer's texts are long, and of no use here.
            selectinload(Convention.actions)  # type: ignore[arg-type]
            .selectinload(FinancedAction.offers)  # type: ignore[arg-type]
            .load_only(Offer.nom, Offer.state),  # type: ignore[arg-type]
        )
        .order_by(col(Convention.date_fin).desc(), col(Convention.numero))
    )


def ledger_of(action_id: uuid.UUID) -> Select[Any]:
    """The lines of an action's ledger, the newest first. A line names its prescription by id only."""
    lines: Any = select(PlaceMovement).where(col(PlaceMovement.action_id) == action_id)
    statement: Select[Any] = lines.order_by(
        col(PlaceMovement.at).desc(), _step().desc(), col(PlaceMovement.id).desc()
    )
    return statement


def with_tallies(
    session: Session, action_id: uuid.UUID, lines: Sequence[PlaceMovement], *, newer: int
) -> list[tuple[PlaceMovement, int, int, int]]:
    """Return (line, held, occupied, used up after it) of the lines of `ledger_of` that follow the `newer` first, in two statements.

    From what the tallies are now, what is newer is taken back: the first page, which is the one read, looks at no old line.
    """
    names = ("d_retenues", "d_occupees", "d_utilisees")

    def summed(rows: Any) -> list[int]:
        totals = (func.coalesce(func.sum(rows.c[name]), 0) for name in names)
        return [int(total) for total in session.execute(select(*totals)).one()]

    whole = select(*(col(getattr(PlaceMovement, name)) for name in names)).where(
        col(PlaceMovement.action_id) == action_id
    )
    now, later = summed(whole.subquery()), summed(ledger_of(action_id).limit(newer).subquery())
    held, occupied, used = (a - b for a, b in zip(now, later, strict=True))
    found = []
    for line in lines:
        found.append((line, held, occupied, used))
        held, occupied, used = held - line.d_retenues, occupied - line.d_occupees, used - line.d_utilisees
    return found


def _step() -> Any:
    """Where a movement stands among those of one place: several may bear the same moment."""
    return case(
        *((col(PlaceMovement.movement) == m, n) for n, m in enumerate(ledger.MOVEMENT_ORDER)), else_=0
    )


def financeable(structure_id: uuid.UUID) -> Select[Any]:
    """Every offer of a structure that a convention may finance, drafts included, by name."""
    return (
        select(Offer)
        .where(col(Offer.structure_id) == structure_id)
        .options(load_only(Offer.nom, Offer.state))  # type: ignore[arg-type]
        .order_by(col(Offer.nom), col(Offer.id))
    )


def places_by_offer(session: Session, offer_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Places]:
    """Return the places, today, of those offers that a running convention finances, in three statements at most."""
    if not offer_ids:
        return {}
    today = clock.today()
    rows = session.execute(
        select(ActionOffer.offer_id, FinancedAction)
        .join(FinancedAction, col(FinancedAction.id) == col(ActionOffer.action_id))
        .join(Convention, col(Convention.id) == col(FinancedAction.convention_id))
        .where(
            col(ActionOffer.offer_id).in_(list(offer_ids)),
            col(Convention.state) == ConventionState.SIGNEE,
            col(Convention.date_debut) <= today,
            col(Convention.date_fin) >= today,
        )
    ).all()
    if not rows:
        return {}
    places = ledger.places_of_actions(session, {action.id: action for _, action in rows}.values())
    people = waiting_by_offer(session, {offer_id for offer_id, _ in rows})
    found: dict[uuid.UUID, Places] = {}
    for offer_id, action in rows:
        known = found.get(offer_id, Places(0, 0, people.get(offer_id, 0)))
        here = places[action.id]
        found[offer_id] = Places(
            known.financees + here.financees, known.libres + max(0, here.libres), known.en_attente
        )
    return found


def financed_offers(session: Session) -> dict[uuid.UUID, tuple[frozenset[str], frozenset[str]]]:
    """Return what finances each offer today: (values of `Financeur`, numbers of the running conventions), in one statement.

    An offer that no running convention finances is absent.
    """
    today = clock.today()
    rows = session.execute(
        select(col(ActionOffer.offer_id), col(Convention.numero), col(Convention.financeurs))
        .join(FinancedAction, col(FinancedAction.id) == col(ActionOffer.action_id))
        .join(Convention, col(Convention.id) == col(FinancedAction.convention_id))
        .where(
            col(Convention.state) == ConventionState.SIGNEE,
            col(Convention.date_debut) <= today,
            col(Convention.date_fin) >= today,
        )
    )
    found: dict[uuid.UUID, tuple[set[str], set[str]]] = {}
    for offer_id, numero, financeurs in rows:
        payers, numbers = found.setdefault(offer_id, (set(), set()))
        payers.update(financeurs or ())
        numbers.add(numero)
    return {
        offer_id: (frozenset(payers), frozenset(numbers)) for offer_id, (payers, numbers) in found.items()
    }


def place_of(session: Session, prescription_id: uuid.UUID) -> tuple[Movement, FinancedAction] | None:
    """Return where a prescription's place stands and the action it comes from (convention loaded), or None."""
    lines = session.execute(
        select(PlaceMovement, FinancedAction)
        .join(FinancedAction, col(FinancedAction.id) == col(PlaceMovement.action_id))
        .where(col(PlaceMovement.prescription_id) == prescription_id)
        .options(joinedload(FinancedAction.convention))  # type: ignore[arg-type]
    ).all()
    last = ledger.latest(line for line, _ in lines)
    if last is None:
        return None
    return last.movement, next(action for line, action in lines if line is last)


def waiting_rank(session: Session, prescription_id: uuid.UUID) -> int | None:
    """Return the rank (from 1) of a prescription on its waiting list, or None when it is not on one."""
    line = waiting.opened(session, prescription_id)
    if line is None:
        return None
    return waiting.ahead(session, offer_id=line.offer_id, prescription_id=prescription_id) + 1


def waiting_by_offer(session: Session, offer_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return how many people wait on each of these offers, in one statement; nobody where the offer is absent."""
    if not offer_ids:
        return {}
    rows = session.execute(
        select(col(Waiting.offer_id), func.count())
        .where(col(Waiting.offer_id).in_(list(offer_ids)), col(Waiting.left_at).is_(None))
        .group_by(col(Waiting.offer_id))
    )
    return {row[0]: int(row[1]) for row in rows}


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
        mine = col(FinancedAction.convention_id).in_(conventions)
        self._waiting: dict[uuid.UUID, int] = {}
        people = set()
        for convention_id, waiting_id in session.execute(
            select(col(FinancedAction.convention_id), col(Waiting.id))
            .join(ActionOffer, col(ActionOffer.action_id) == col(FinancedAction.id))
            .join(Waiting, col(Waiting.offer_id) == col(ActionOffer.offer_id))
            .join(Convention, col(Convention.id) == col(FinancedAction.convention_id))
            .where(mine, stands(Standing.ACTIVE, day), col(Waiting.left_at).is_(None))
            .distinct()
        ):
            self._waiting[convention_id] = self._waiting.get(convention_id, 0) + 1
            people.add(waiting_id)
        self._sums: dict[uuid.UUID, tuple[int, ...]] = {}
        whole = [0] * 7
        for convention_id, state, *sums in session.execute(_sums_of(mine, day)):
            told = tuple(int(value) for value in sums)
            self._sums[convention_id] = told
            if state is not ConventionState.BROUILLON:
                whole = [so_far + value for so_far, value in zip(whole, told, strict=True)]
        self.total = _account(whole, len(people))

    def of(self, convention_id: uuid.UUID) -> Account:
        """Return the account of one of the conventions."""
        return _account(self._sums.get(convention_id, (0,) * 7), self._waiting.get(convention_id, 0))


def _sums_of(mine: ColumnElement[bool], day: date) -> Select[Any]:
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


def _account(sums: Sequence[int], waiting: int) -> Account:
    financed, held, occupied, used, free, planned, engaged = sums
    return Account(financed, held, occupied, used, free, waiting, planned, engaged)


class Accounts:
    """The accounts of conventions loaded by `visible_to`, on one day; the ledger is read once, in two statements."""

    def __init__(self, session: Session, conventions: Collection[Convention], day: date) -> None:
        actions = [action for convention in conventions for action in convention.actions]
        self._places = ledger.places_of_actions(session, actions)
        # Whoever waits is waiting for a place of a running convention: the others have no list.
        self._running = {c.id for c in conventions if c.runs_on(day)}
        self._waiting = waiting_by_offer(session, self._listed(actions))

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
