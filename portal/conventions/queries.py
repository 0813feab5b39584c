"""Questions about conventions and places. Nothing here names a beneficiary."""

import uuid
from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, false
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
from portal.conventions.states import ConventionState, Standing
from portal.offers.models import Offer, OfferState
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


def stands(standing: Standing, day: Any) -> ColumnElement[bool]:
    """The condition of the conventions that stand so on `day`, a date or a parameter (see `states.standing`)."""
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
    session: Session,
    action_id: uuid.UUID,
    lines: Sequence[PlaceMovement],
    *,
    newer: int,
    now: tuple[int, int, int],
) -> list[tuple[PlaceMovement, int, int, int]]:
    """Return (line, held, occupied, used up after it) of the lines of `ledger_of` that follow the `newer` first.

    From what the tallies are `now` (held, occupied, used), what is newer is taken back, in one statement: the first
    page, which is the one read, needs none.
    """
    held, occupied, used = now
    if newer:
        rows = ledger_of(action_id).limit(newer).subquery().c
        sums = (
            func.coalesce(func.sum(rows[f"d_{name}"]), 0) for name in ("retenues", "occupees", "utilisees")
        )
        later = session.execute(select(*sums)).one()
        held, occupied, used = held - int(later[0]), occupied - int(later[1]), used - int(later[2])
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
    """Every offer of a structure that a convention may finance, drafts included, by name; those made one with another are not."""
    return (
        select(Offer)
        .where(col(Offer.structure_id) == structure_id, col(Offer.state) != OfferState.FUSIONNEE)
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
