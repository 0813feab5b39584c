"""Questions about conventions and places. Nothing here names a beneficiary."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, case, false, true
from sqlalchemy.orm import contains_eager, joinedload, load_only, selectinload
from sqlmodel import Session, col, func, select

from portal import clock
from portal.accounts.models import Role, User
from portal.conventions import ledger, waiting
from portal.conventions.models import (
    ActionOffer,
    Convention,
    FinancedAction,
    Movement,
    PlaceMovement,
    Waiting,
)
from portal.offers.models import Offer
from portal.offers.places import Places
from portal.structures.models import Structure
from portal.structures.queries import is_member


def visible_to(user: User) -> Select[Any]:
    """The conventions, with partner, actions and offers, that `user` may see: the officer all, a partner its own."""
    if user.role is Role.CONVENTIONNEMENT:
        condition: Any = true()
    elif user.role is Role.PARTENAIRE:
        condition = is_member(user)
    else:
        condition = false()
    return (
        select(Convention)
        .join(Structure, col(Structure.id) == col(Convention.structure_id))
        .where(condition)
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
        .where(col(Convention.date_debut) <= today, col(Convention.date_fin) >= today)
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
    if not lines:
        return None
    line, action = max(lines, key=lambda pair: ledger.MOVEMENT_ORDER.index(pair[0].movement))
    return line.movement, action


def waiting_rank(session: Session, prescription_id: uuid.UUID) -> int | None:
    """Return the rank (from 1) of a prescription on its waiting list, or None when it is not on one."""
    line = waiting.opened(session, prescription_id)
    if line is None:
        return None
    return waiting.ahead(session, offer_id=line.offer_id, prescription_id=prescription_id) + 1


def waiting_among(session: Session, prescription_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return which of these prescriptions are on a waiting list, in one statement."""
    if not prescription_ids:
        return set()
    return set(
        session.exec(
            select(Waiting.prescription_id).where(
                col(Waiting.prescription_id).in_(list(prescription_ids)), col(Waiting.left_at).is_(None)
            )
        )
    )


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
