"""Places taken, held, given back and waited for: the verbs that write in the ledger.

A verb that reads how many places are left first takes the rows of the actions, so that two acceptances at once are
told in turn (docs/adr/0003, 0015).
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import and_, or_
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import User
from portal.conventions import follow_up, in_turn, ledger, waiting
from portal.conventions.models import (
    ActionOffer,
    ChoiceOfAction,
    Convention,
    FinancedAction,
    Movement,
    PlaceMode,
    PlaceMovement,
    ProposalEnd,
    Waiting,
)
from portal.conventions.states import ConventionState
from portal.errors import NoPlaceLeft, OutOfTurn, PlacesEnded, RuleBroken


def running_actions(
    session: Session, offer_id: uuid.UUID, day: date, *, lock: bool = False
) -> list[FinancedAction]:
    """Return the actions that finance this offer on `day`, in the order in which they give their places.

    The order is the département's (`ChoiceOfAction`). `lock` keeps other acceptances waiting until this one is written.
    """
    rows = session.execute(
        select(col(FinancedAction.id), col(Convention.date_debut), col(Convention.date_fin))
        .join(Convention, col(Convention.id) == col(FinancedAction.convention_id))
        .join(ActionOffer, col(ActionOffer.action_id) == col(FinancedAction.id))
        .where(
            col(ActionOffer.offer_id) == offer_id,
            col(Convention.state) == ConventionState.SIGNEE,
            col(Convention.date_debut) <= day,
            col(Convention.date_fin) >= day,
        )
        .order_by(col(Convention.date_fin), col(FinancedAction.id))
    ).all()
    if not rows:
        return []
    ids = [row[0] for row in rows]
    begins = {row[0]: row[1] for row in rows}
    if lock:
        found = lock_actions(session, ids)
    else:
        found = list(session.exec(select(FinancedAction).where(col(FinancedAction.id).in_(ids))))
    found.sort(key=lambda action: ids.index(action.id))
    choice = follow_up.in_force(session).choix_action
    keys: dict[ChoiceOfAction, Any] = {
        ChoiceOfAction.FINIT_AVANT: None,
        ChoiceOfAction.PLUS_ANCIENNE: lambda action: begins[action.id],
        ChoiceOfAction.MOINS_CHERE: lambda action: action.cout_unitaire_centimes,
    }
    if choice is ChoiceOfAction.PLUS_LIBRE:
        places = ledger.places_of_actions(session, found)
        keys[choice] = lambda action: -places[action.id].libres
    if keys[choice] is not None:
        found.sort(key=keys[choice])
    return found


def hold_place(
    session: Session,
    *,
    offer_id: uuid.UUID,
    prescription_id: uuid.UUID,
    by: User | None,
    out_of_turn: str | None = None,
    without_place: bool = False,
) -> FinancedAction | None:
    """Hold a place of the offer for a prescription and return the action it comes from.

    Returns None when no convention ever financed the offer: there is then nothing to count. `out_of_turn` says why
    this person passes before those who wait; `without_place` that a place is not needed although a convention that
    financed the offer is over. Raises NoPlaceLeft when every place is taken, OutOfTurn when those left are for people
    who wait since longer, PlacesEnded when the last convention is over.
    """
    actions = running_actions(session, offer_id, clock.today(), lock=True)
    if not actions:
        if not without_place:
            _refuse_ended(session, offer_id)
        waiting.leave(session, prescription_id=prescription_id)
        return None
    places = ledger.places_of_actions(session, actions)
    free = sum(places[action.id].prenables for action in actions)
    if free == 0:
        raise NoPlaceLeft(
            "Plus de place : toutes les places financées de cette offre sont prises. "
            "Mettez la personne en liste d’attente, ou refusez en disant pourquoi."
        )
    line = _line_of(session, offer_id, actions)
    mine = waiting.opened(session, prescription_id)
    given = line.choose(mine, offer_id)
    reason = (out_of_turn or "").strip() or None
    if given is None and reason is None:
        ahead = len(line.before(mine, offer_id))
        raise OutOfTurn(_others_first(ahead, free, listed=mine is not None))
    action = next(one for one in actions if (one.id == given if given else places[one.id].prenables > 0))
    _write(
        session,
        action.id,
        prescription_id,
        Movement.RETENUE,
        by,
        clock.today(),
        motif=None if given else reason,
        retenues=1,
    )
    waiting.leave(session, prescription_id=prescription_id, outcome=ProposalEnd.PRISE)
    return action


def take_turns(
    session: Session, offer_ids: Collection[uuid.UUID] = ()
) -> dict[uuid.UUID, tuple[list[Waiting], int]]:
    """Take the actions of these offers, and of those that share their places; of all that are waited for when none is named.

    Return {offer: (those who wait on it, the first ahead; how many of them have a place free for them)}.
    """
    offers = in_turn.sharing(session, offer_ids) if offer_ids else set(waiting.offers_waited_for(session))
    running = {id: running_actions(session, id, clock.today()) for id in sorted(offers)}
    # All at once and in their order: one after the other, two machines could wait for each other.
    lock_actions(session, {action.id for actions in running.values() for action in actions})
    line = _line(session, running, in_turn.waiting_on(session, offers))
    served = line.served(line.waiting)
    found: dict[uuid.UUID, tuple[list[Waiting], int]] = {}
    for one in line.waiting:
        others, free = found.get(one.offer_id, ([], 0))
        found[one.offer_id] = ([*others, one], free + (one.id in served))
    return found


def _line_of(session: Session, offer_id: uuid.UUID, actions: Sequence[FinancedAction]) -> in_turn.Line:
    """Return those who wait for the places of this offer, on it or on those that share them; its running `actions`."""
    lines = in_turn.waiting_on(session, in_turn.sharing(session, [offer_id]))
    others = {line.offer_id for line in lines} - {offer_id}
    running = {id: running_actions(session, id, clock.today()) for id in sorted(others)}
    return _line(session, {offer_id: actions, **running}, lines)


def _line(
    session: Session, running: Mapping[uuid.UUID, Sequence[FinancedAction]], lines: Sequence[Waiting]
) -> in_turn.Line:
    """Return the line of these people, on offers with these `running` actions; places are as the ledger says now."""
    every = {action.id: action for actions in running.values() for action in actions}
    places = ledger.places_of_actions(session, list(every.values()))
    return in_turn.Line(
        lines,
        {id: [action.id for action in actions] for id, actions in running.items()},
        {id: of_action.prenables for id, of_action in places.items()},
    )


def occupy_place(
    session: Session, *, prescription_id: uuid.UUID, by: User | None, day: date | None = None
) -> None:
    """Turn the held place of a prescription into an occupied one from `day` on; nothing when it holds none.

    A place is never occupied before it was held: an entry told late, of a day before the acceptance, counts from the
    acceptance.
    """
    held = _taken(session, prescription_id)
    if held is None or held.movement is not Movement.RETENUE:
        return
    effect = max(day or clock.today(), held.effet_le)
    _write(session, held.action_id, prescription_id, Movement.OCCUPEE, by, effect, retenues=-1, occupees=1)


def give_back_place(
    session: Session, *, prescription_id: uuid.UUID, by: User | None, day: date | None = None
) -> Movement | None:
    """Let go of a prescription's place from `day` on and return what became of it (None when it held none).

    A held place is released. An occupied one is released in a file active, used up otherwise (domain §6).
    """
    last = _taken(session, prescription_id)
    if last is None:
        return None
    effect = max(day or clock.today(), last.effet_le)
    if last.movement is Movement.RETENUE:
        _write(session, last.action_id, prescription_id, Movement.LIBEREE, by, effect, retenues=-1)
        return Movement.LIBEREE
    if session.get_one(FinancedAction, last.action_id).mode is PlaceMode.FILE_ACTIVE:
        _write(session, last.action_id, prescription_id, Movement.LIBEREE, by, effect, occupees=-1)
        return Movement.LIBEREE
    _write(session, last.action_id, prescription_id, Movement.UTILISEE, by, effect, occupees=-1, utilisees=1)
    return Movement.UTILISEE


def join_waiting_list(session: Session, *, offer_id: uuid.UUID, prescription_id: uuid.UUID) -> int:
    """Put a prescription at the end of its offer's waiting list and return its rank, from 1.

    Raises RuleBroken when it waits already, when the offer has no financed place, or when one is free for it.
    """
    if waiting.opened(session, prescription_id) is not None:
        raise RuleBroken("Cette personne est déjà en liste d’attente.")
    actions = running_actions(session, offer_id, clock.today(), lock=True)
    if not actions:
        raise RuleBroken("Cette offre n’a pas de places comptées : acceptez ou refusez la prescription.")
    if _line_of(session, offer_id, actions).choose(None, offer_id) is not None:
        raise RuleBroken("Il reste une place pour cette personne : vous pouvez accepter.")
    ahead = waiting.ahead(session, offer_id=offer_id, prescription_id=prescription_id)
    waiting.join(session, offer_id=offer_id, prescription_id=prescription_id)
    return ahead + 1


def carry(
    session: Session,
    line: PlaceMovement,
    *,
    action_id: uuid.UUID,
    first_day: date,
    left_for: str,
    come_from: str,
    by: User | None,
) -> None:
    """Have the place that `line` says is somebody's go on in another action, from `first_day` on.

    Or from the day of the line, when it is later. The caller holds the rows of both actions and knows that there is
    room. Two lines: the place is let go of in the one (`left_for` says why), and taken as it was in the other
    (`come_from`). Neither is an entry nor an exit: the first takes back what the second gives.
    """
    day = max(first_day, line.effet_le)
    held = int(line.movement is Movement.RETENUE)
    _write(
        session,
        line.action_id,
        line.prescription_id,
        Movement.LIBEREE,
        by,
        day,
        motif=left_for,
        retenues=-held,
        occupees=held - 1,
    )
    _write(
        session,
        action_id,
        line.prescription_id,
        line.movement,
        by,
        day,
        motif=come_from,
        retenues=held,
        occupees=1 - held,
    )


def lock_actions(session: Session, ids: Collection[uuid.UUID]) -> list[FinancedAction]:
    """Take the rows of these actions until the transaction ends, and return them as they are now."""
    # One order for all, so that two acceptances never wait for each other. Their keys are left alone: whoever has
    # written in the ledger of an action holds its key, and comes here afterwards to propose the place that is free.
    return list(
        session.exec(
            select(FinancedAction)
            .where(col(FinancedAction.id).in_(list(ids)))
            .order_by(col(FinancedAction.id))
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
    )


def lock_actions_of(session: Session, offer_ids: Collection[uuid.UUID]) -> None:
    """Take the rows of every action that finances one of these offers today, in the order of all (see `lock_actions`).

    For whoever takes places of several offers: taken one offer after the other, two could wait across.
    """
    # Of drafts too, which give no place yet: one signed meanwhile would have its actions taken after, out of the order.
    today = clock.today()
    ids = session.exec(
        select(ActionOffer.action_id)
        .join(FinancedAction, col(FinancedAction.id) == col(ActionOffer.action_id))
        .join(Convention, col(Convention.id) == col(FinancedAction.convention_id))
        .where(
            col(ActionOffer.offer_id).in_(list(offer_ids)),
            col(Convention.date_debut) <= today,
            col(Convention.date_fin) >= today,
        )
    ).all()
    if ids:
        lock_actions(session, set(ids))


def move_offer(session: Session, *, origin: uuid.UUID, target: uuid.UUID) -> None:
    """Have the actions that finance the offer `origin` finance `target`, and its waiting list join the other's.

    Everybody keeps the moment they came at. The ledger is not touched: a place is an action's and a prescription's.
    """
    known = set(session.exec(select(ActionOffer.action_id).where(col(ActionOffer.offer_id) == target)))
    links = session.exec(select(ActionOffer).where(col(ActionOffer.offer_id) == origin)).all()
    # Acceptances on these actions wait until the offers are one.
    lock_actions(session, {link.action_id for link in links} | known)
    for link in links:
        session.delete(link)
    session.add_all(
        ActionOffer(action_id=link.action_id, offer_id=target)
        for link in links
        if link.action_id not in known
    )
    waiting.move_offer(session, origin=origin, target=target)
    session.flush()


def _taken(session: Session, prescription_id: uuid.UUID) -> PlaceMovement | None:
    """Return the line of the place that is a prescription's now, its action taken; None when it has none."""
    last = ledger.last_movement(session, prescription_id)
    if last is None or last.movement not in ledger.HELD:
        return None
    # It may be on its way to the convention that renews.
    lock_actions(session, [last.action_id])
    last = ledger.last_movement(session, prescription_id)
    return last if last is not None and last.movement in ledger.HELD else None


def _refuse_ended(session: Session, offer_id: uuid.UUID) -> None:
    today = clock.today()
    found = session.execute(
        select(col(Convention.state), col(Convention.date_fin))
        .join(FinancedAction, col(FinancedAction.convention_id) == col(Convention.id))
        .join(ActionOffer, col(ActionOffer.action_id) == col(FinancedAction.id))
        .where(
            col(ActionOffer.offer_id) == offer_id,
            or_(
                and_(col(Convention.state) == ConventionState.SIGNEE, col(Convention.date_fin) < today),
                col(Convention.state).in_([ConventionState.CLOSE, ConventionState.RESILIEE]),
            ),
        )
        .order_by(col(Convention.date_fin).desc())
        .limit(1)
    ).first()
    if found is None:
        return
    state, last = found
    what = "est résiliée" if state is ConventionState.RESILIEE else f"est finie depuis le {last:%d/%m/%Y}"
    raise PlacesEnded(
        f"La convention qui finançait cette offre {what} : elle n’a plus de place financée. "
        "Vous pouvez accepter sans place financée, ou refuser en disant pourquoi."
    )


def _others_first(ahead: int, free: int, *, listed: bool) -> str:
    who = "1 personne attend" if ahead == 1 else f"{ahead} personnes attendent"
    if ahead == 1:
        whose, answer = "la place libre est pour elle", "Répondez-lui d’abord"
    elif free == 1:
        whose, answer = "la place libre est pour la première", "Répondez-lui d’abord"
    else:
        whose, answer = "les places libres sont pour elles", "Répondez-leur d’abord"
    way_on = "." if listed else ", ou mettez la personne en liste d’attente."
    return f"{who} depuis plus longtemps : {whose}. {answer}{way_on}"


def _write(
    session: Session,
    action_id: uuid.UUID,
    prescription_id: uuid.UUID,
    movement: Movement,
    by: User | None,
    day: date,
    *,
    motif: str | None = None,
    retenues: int = 0,
    occupees: int = 0,
    utilisees: int = 0,
) -> None:
    session.add(
        PlaceMovement(
            action_id=action_id,
            prescription_id=prescription_id,
            movement=movement,
            d_retenues=retenues,
            d_occupees=occupees,
            d_utilisees=utilisees,
            effet_le=day,
            motif=motif,
            by_id=by.id if by else None,
        )
    )
    session.flush()
