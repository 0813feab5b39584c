"""Questions about conventions and places. Nothing here names a beneficiary."""

import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, false, true
from sqlalchemy.orm import contains_eager, joinedload, selectinload
from sqlmodel import Session, col, func, select

from portal import clock
from portal.accounts.models import Role, User
from portal.conventions import rules
from portal.conventions.models import (
    ActionOffer,
    Convention,
    FinancedAction,
    Movement,
    PlaceMovement,
    Waiting,
)
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
            selectinload(Convention.actions).selectinload(FinancedAction.offers),  # type: ignore[arg-type]
        )
        .order_by(col(Convention.date_fin).desc(), col(Convention.numero))
    )


def ledger_of(action_id: uuid.UUID, limit: int = 200) -> Select[Any]:
    """The last lines of an action's ledger, the newest first; a line names its prescription by id only."""
    return (
        select(PlaceMovement)
        .where(col(PlaceMovement.action_id) == action_id)
        .order_by(col(PlaceMovement.at).desc(), col(PlaceMovement.id))
        .limit(limit)
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
    places = rules.places_of_actions(session, {action.id: action for _, action in rows}.values())
    waiting = {
        row[0]: int(row[1])
        for row in session.execute(
            select(col(Waiting.offer_id), func.count())
            .where(
                col(Waiting.offer_id).in_({offer_id for offer_id, _ in rows}), col(Waiting.left_at).is_(None)
            )
            .group_by(col(Waiting.offer_id))
        )
    }
    found: dict[uuid.UUID, Places] = {}
    for offer_id, action in rows:
        known = found.get(offer_id, Places(0, 0, waiting.get(offer_id, 0)))
        here = places[action.id]
        found[offer_id] = Places(
            known.financees + here.financees, known.libres + max(0, here.libres), known.en_attente
        )
    return found


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
    line, action = max(lines, key=lambda pair: rules.MOVEMENT_ORDER.index(pair[0].movement))
    return line.movement, action


def waiting_rank(session: Session, prescription_id: uuid.UUID) -> int | None:
    """Return the rank (from 1) of a prescription on its waiting list, or None when it is not on one."""
    waiting = session.exec(
        select(Waiting).where(col(Waiting.prescription_id) == prescription_id, col(Waiting.left_at).is_(None))
    ).one_or_none()
    if waiting is None:
        return None
    return rules.waiting_ahead(session, offer_id=waiting.offer_id, prescription_id=prescription_id) + 1


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


def waiting_on_actions(session: Session, actions: Collection[FinancedAction]) -> dict[uuid.UUID, int]:
    """Return, by action, how many people wait on the offers it finances (an offer may count for several actions)."""
    if not actions:
        return {}
    rows = session.execute(
        select(col(ActionOffer.action_id), func.count())
        .join(Waiting, col(Waiting.offer_id) == col(ActionOffer.offer_id))
        .where(
            col(ActionOffer.action_id).in_([action.id for action in actions]), col(Waiting.left_at).is_(None)
        )
        .group_by(col(ActionOffer.action_id))
    )
    return {row[0]: int(row[1]) for row in rows}
