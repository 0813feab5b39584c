"""Verbs on conventions, on the ledger of places and on the waiting list.

The ledger is the only truth: a place is free when nothing in the ledger says otherwise, and each verb that reads how
many are left first takes the action's row, so that two acceptances at once are told in turn.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select

from portal import clock
from portal.accounts.models import Role, User
from portal.conventions.models import (
    ActionOffer,
    Convention,
    FinancedAction,
    Financeur,
    Movement,
    PlaceMode,
    PlaceMovement,
    Waiting,
)
from portal.errors import NoPlaceLeft, NotAllowed, RuleBroken
from portal.offers.models import Offer


@dataclass(frozen=True, slots=True)
class ActionPlaces:
    """Places of an action by the ledger; `libres` is what is left of `financees`."""

    financees: int
    retenues: int
    occupees: int
    utilisees: int

    @property
    def libres(self) -> int:
        """Places that can still be held; below zero when an amendment took away places already taken."""
        return self.financees - self.retenues - self.occupees - self.utilisees

    @property
    def prises(self) -> int:
        """Places held, occupied or used up."""
        return self.retenues + self.occupees + self.utilisees


def create_convention(
    session: Session, values: dict[str, Any], *, by: User | None, id: uuid.UUID | None = None
) -> Convention:
    """Add a convention from `values` (numero, intitule, structure_id, date_debut, date_fin, montant_centimes,
    and `financeurs` when they are known).

    `id` is made with the form: a second press bears the same one and returns the convention already written,
    unchanged. Raises NotAllowed when `by` is no officer (None is the portal itself); RuleBroken when the number is
    taken, the period ends before it begins or a financeur is unknown.
    """
    _check_officer(by)
    written = session.get(Convention, id) if id is not None else None
    if written is not None:
        return written
    convention = Convention(
        **{name: values[name] for name in _CONVENTION_FIELDS}, financeurs=_financeurs(values)
    )
    if id is not None:
        convention.id = id
    _check_convention(session, convention)
    try:
        with session.begin_nested():
            session.add(convention)
    except IntegrityError as error:
        # Somebody wrote between our look and our writing: the first press, or another convention of this number.
        written = session.get(Convention, id) if id is not None else None
        if written is None:
            raise RuleBroken(_SAME_NUMBER, field="numero") from error
        return written
    return convention


def change_convention(session: Session, convention: Convention, values: dict[str, Any], *, by: User) -> None:
    """Give the convention these values; who finances it stays as it was when `financeurs` is not among them.

    Raises NotAllowed and RuleBroken as `create_convention` does, and RuleBroken when the partner would change while
    actions finance its offers.
    """
    _check_officer(by)
    if values["structure_id"] != convention.structure_id and has_actions(session, convention.id):
        raise RuleBroken(
            "Les actions de cette convention financent les offres de son partenaire : il ne peut plus changer.",
            field="structure_id",
        )
    for name in _CONVENTION_FIELDS:
        setattr(convention, name, values[name])
    if "financeurs" in values:
        convention.financeurs = _financeurs(values)
    _check_convention(session, convention)
    try:
        session.flush()
    except IntegrityError as error:
        raise RuleBroken(_SAME_NUMBER, field="numero") from error


def has_actions(session: Session, convention_id: uuid.UUID) -> bool:
    """Say whether the convention has an action."""
    actions = select(FinancedAction.id).where(col(FinancedAction.convention_id) == convention_id).limit(1)
    return session.exec(actions).first() is not None


def create_action(
    session: Session,
    convention: Convention,
    values: dict[str, Any],
    *,
    by: User | None,
    id: uuid.UUID | None = None,
) -> FinancedAction:
    """Add an action to `convention` from `values` (intitule, places_financees, cout_unitaire_centimes, mode, offer_ids).

    `id` is made with the form: a second press bears the same one and returns the action already written, unchanged.
    Raises NotAllowed when `by` is no officer (None is the portal itself); RuleBroken when no offer is given, or when
    one belongs to another structure.
    """
    _check_officer(by)
    written = _written_action(session, convention, id)
    if written is not None:
        return written
    action = FinancedAction(
        convention_id=convention.id,
        intitule=values["intitule"],
        places_financees=values["places_financees"],
        cout_unitaire_centimes=values["cout_unitaire_centimes"],
        mode=PlaceMode(values["mode"]),
    )
    if id is not None:
        action.id = id
    try:
        with session.begin_nested():
            session.add(action)
    except IntegrityError:
        # The first press was written between our look and our writing.
        written = _written_action(session, convention, id)
        if written is None:
            raise
        return written
    _finance(session, action, convention, values["offer_ids"])
    return action


def change_action(
    session: Session, action: FinancedAction, convention: Convention, values: dict[str, Any], *, by: User
) -> None:
    """Give the action these values.

    Raises RuleBroken when fewer places would be financed than are taken, when the mode changes once places have
    moved, or as `create_action` does; NotAllowed when `by` is no officer.
    """
    _check_officer(by)
    locked = _lock_actions(session, [action.id])[0]
    taken = places_of_actions(session, [locked])[locked.id].prises
    if values["places_financees"] < taken:
        already = (
            "1 place est déjà retenue, occupée ou utilisée"
            if taken == 1
            else f"{taken} places sont déjà retenues, occupées ou utilisées"
        )
        raise RuleBroken(f"{already} : financez-en au moins autant.", field="places_financees")
    if PlaceMode(values["mode"]) is not locked.mode and places_moved(session, locked.id):
        raise RuleBroken("Des places ont déjà été retenues : le mode ne peut plus changer.", field="mode")
    locked.intitule = values["intitule"]
    locked.places_financees = values["places_financees"]
    locked.cout_unitaire_centimes = values["cout_unitaire_centimes"]
    locked.mode = PlaceMode(values["mode"])
    _finance(session, locked, convention, values["offer_ids"])


def places_of_actions(session: Session, actions: Collection[FinancedAction]) -> dict[uuid.UUID, ActionPlaces]:
    """Return the places of each action by its id, in one statement."""
    if not actions:
        return {}
    tallies = {
        row[0]: row[1:]
        for row in session.execute(
            select(
                col(PlaceMovement.action_id),
                func.sum(PlaceMovement.d_retenues),
                func.sum(PlaceMovement.d_occupees),
                func.sum(PlaceMovement.d_utilisees),
            )
            .where(col(PlaceMovement.action_id).in_([action.id for action in actions]))
            .group_by(col(PlaceMovement.action_id))
        )
    }
    return {
        action.id: ActionPlaces(action.places_financees, *(int(n) for n in tallies.get(action.id, (0, 0, 0))))
        for action in actions
    }


def places_moved(session: Session, action_id: uuid.UUID) -> bool:
    """Say whether the ledger holds a line of this action."""
    return (
        session.exec(
            select(PlaceMovement.id).where(col(PlaceMovement.action_id) == action_id).limit(1)
        ).first()
        is not None
    )


def running_actions(
    session: Session, offer_id: uuid.UUID, day: date, *, lock: bool = False
) -> list[FinancedAction]:
    """Return the actions that finance this offer on `day`, the one whose convention ends first ahead.

    `lock` keeps other acceptances waiting until this one is written.
    """
    ids = session.exec(
        select(FinancedAction.id)
        .join(Convention, col(Convention.id) == col(FinancedAction.convention_id))
        .join(ActionOffer, col(ActionOffer.action_id) == col(FinancedAction.id))
        .where(
            col(ActionOffer.offer_id) == offer_id,
            col(Convention.date_debut) <= day,
            col(Convention.date_fin) >= day,
        )
        .order_by(col(Convention.date_fin), col(FinancedAction.id))
    ).all()
    if not ids:
        return []
    if lock:
        found = _lock_actions(session, ids)
    else:
        found = list(session.exec(select(FinancedAction).where(col(FinancedAction.id).in_(ids))))
    return sorted(found, key=lambda action: ids.index(action.id))


def hold_place(
    session: Session, *, offer_id: uuid.UUID, prescription_id: uuid.UUID, by: User | None
) -> FinancedAction | None:
    """Hold a place of the offer for a prescription and return the action it comes from.

    Returns None when no running convention finances the offer: there is then nothing to count. Raises NoPlaceLeft
    when every place is taken, or when those left are for people who wait since longer.
    """
    actions = running_actions(session, offer_id, clock.today(), lock=True)
    if not actions:
        leave_waiting_list(session, prescription_id=prescription_id)
        return None
    places = places_of_actions(session, actions)
    free = sum(max(0, places[action.id].libres) for action in actions)
    ahead = waiting_ahead(session, offer_id=offer_id, prescription_id=prescription_id)
    if free == 0:
        raise NoPlaceLeft(
            "Plus de place : toutes les places financées de cette offre sont prises. "
            "Mettez la personne en liste d’attente, ou refusez en disant pourquoi."
        )
    if free <= ahead:
        listed = _open_waiting(session, prescription_id) is not None
        raise NoPlaceLeft(_others_first(ahead, free, listed=listed))
    action = next(action for action in actions if places[action.id].libres > 0)
    _write(session, action.id, prescription_id, Movement.RETENUE, by, retenues=1)
    leave_waiting_list(session, prescription_id=prescription_id)
    return action


def occupy_place(session: Session, *, prescription_id: uuid.UUID, by: User | None) -> None:
    """Turn the held place of a prescription into an occupied one; nothing when it holds none."""
    held = _last(session, prescription_id)
    if held is None or held.movement is not Movement.RETENUE:
        return
    _write(session, held.action_id, prescription_id, Movement.OCCUPEE, by, retenues=-1, occupees=1)


def give_back_place(session: Session, *, prescription_id: uuid.UUID, by: User | None) -> Movement | None:
    """Let go of a prescription's place and return what became of it (None when it held none).

    A held place is released. An occupied one is released in a file active, used up otherwise (domain §6).
    """
    last = _last(session, prescription_id)
    if last is None or last.movement not in {Movement.RETENUE, Movement.OCCUPEE}:
        return None
    if last.movement is Movement.RETENUE:
        _write(session, last.action_id, prescription_id, Movement.LIBEREE, by, retenues=-1)
        return Movement.LIBEREE
    if session.get_one(FinancedAction, last.action_id).mode is PlaceMode.FILE_ACTIVE:
        _write(session, last.action_id, prescription_id, Movement.LIBEREE, by, occupees=-1)
        return Movement.LIBEREE
    _write(session, last.action_id, prescription_id, Movement.UTILISEE, by, occupees=-1, utilisees=1)
    return Movement.UTILISEE


def join_waiting_list(session: Session, *, offer_id: uuid.UUID, prescription_id: uuid.UUID) -> int:
    """Put a prescription at the end of its offer's waiting list and return its rank, from 1.

    Raises RuleBroken when it waits already, when the offer has no financed place, or when one is free for it.
    """
    if _open_waiting(session, prescription_id) is not None:
        raise RuleBroken("Cette personne est déjà en liste d’attente.")
    actions = running_actions(session, offer_id, clock.today(), lock=True)
    if not actions:
        raise RuleBroken("Cette offre n’a pas de places comptées : acceptez ou refusez la prescription.")
    ahead = waiting_ahead(session, offer_id=offer_id, prescription_id=prescription_id)
    free = sum(max(0, places.libres) for places in places_of_actions(session, actions).values())
    if free > ahead:
        raise RuleBroken("Il reste une place pour cette personne : vous pouvez accepter.")
    session.add(Waiting(offer_id=offer_id, prescription_id=prescription_id))
    session.flush()
    return ahead + 1


def leave_waiting_list(session: Session, *, prescription_id: uuid.UUID) -> None:
    """Take a prescription off the waiting list; nothing when it is not on it."""
    found = _open_waiting(session, prescription_id)
    if found is not None:
        found.left_at = clock.now()


def waiting_ahead(session: Session, *, offer_id: uuid.UUID, prescription_id: uuid.UUID) -> int:
    """Return how many wait on the offer before this prescription; everybody when it is not on the list."""
    mine = _open_waiting(session, prescription_id)
    statement = (
        select(func.count())
        .select_from(Waiting)
        .where(col(Waiting.offer_id) == offer_id, col(Waiting.left_at).is_(None))
    )
    if mine is not None:
        earlier = (col(Waiting.joined_at) < mine.joined_at) | (
            (col(Waiting.joined_at) == mine.joined_at) & (col(Waiting.id) < mine.id)
        )
        statement = statement.where(earlier)
    return int(session.exec(statement).one())


def move_offer(session: Session, *, origin: uuid.UUID, target: uuid.UUID) -> None:
    """Have the actions that finance the offer `origin` finance `target`, and its waiting list join the other's.

    Everybody keeps the moment they came at. The ledger is not touched: a place is an action's and a prescription's.
    """
    known = set(session.exec(select(ActionOffer.action_id).where(col(ActionOffer.offer_id) == target)))
    links = session.exec(select(ActionOffer).where(col(ActionOffer.offer_id) == origin)).all()
    # Acceptances on these actions wait until the offers are one.
    _lock_actions(session, {link.action_id for link in links} | known)
    for link in links:
        session.delete(link)
    session.add_all(
        ActionOffer(action_id=link.action_id, offer_id=target)
        for link in links
        if link.action_id not in known
    )
    for waiting in session.exec(select(Waiting).where(col(Waiting.offer_id) == origin)):
        waiting.offer_id = target
    session.flush()


# A place goes through these in this order; of the last two, one happens.
MOVEMENT_ORDER = (Movement.RETENUE, Movement.OCCUPEE, Movement.LIBEREE, Movement.UTILISEE)

_CONVENTION_FIELDS = ("numero", "intitule", "structure_id", "date_debut", "date_fin", "montant_centimes")


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


def _financeurs(values: dict[str, Any]) -> list[str] | None:
    """Return the financeurs once each, in the order of the enum; None when nobody is named."""
    named = set(values.get("financeurs") or ())
    if named - {financeur.value for financeur in Financeur}:
        raise RuleBroken("Choisissez les financeurs dans la liste.", field="financeurs")
    return [financeur.value for financeur in Financeur if financeur.value in named] or None


_SAME_NUMBER = "Une autre convention porte ce numéro."


def _check_officer(by: User | None) -> None:
    if by is not None and by.role is not Role.CONVENTIONNEMENT:
        raise NotAllowed("Seul un chargé de conventionnement peut écrire une convention.")


def _written_action(session: Session, convention: Convention, id: uuid.UUID | None) -> FinancedAction | None:
    found = session.get(FinancedAction, id) if id is not None else None
    if found is not None and found.convention_id != convention.id:
        raise RuleBroken("Cette page n’est plus à jour : rouvrez la convention et recommencez.")
    return found


def _check_convention(session: Session, convention: Convention) -> None:
    if convention.date_fin < convention.date_debut:
        raise RuleBroken("La convention finit avant de commencer : corrigez les dates.", field="date_fin")
    same = select(Convention.id).where(
        col(Convention.numero) == convention.numero, col(Convention.id) != convention.id
    )
    with session.no_autoflush:
        if session.exec(same).first() is not None:
            raise RuleBroken(_SAME_NUMBER, field="numero")


def _finance(
    session: Session, action: FinancedAction, convention: Convention, offer_ids: Collection[uuid.UUID]
) -> None:
    offers = session.exec(select(Offer).where(col(Offer.id).in_(list(offer_ids)))).all()
    if not offers:
        raise RuleBroken("Choisissez au moins une offre.", field="offer_ids")
    if any(offer.structure_id != convention.structure_id for offer in offers):
        raise RuleBroken("Une convention finance les offres de son partenaire seulement.", field="offer_ids")
    wanted = {offer.id for offer in offers}
    for link in session.exec(select(ActionOffer).where(col(ActionOffer.action_id) == action.id)):
        if link.offer_id in wanted:
            wanted.discard(link.offer_id)
        else:
            session.delete(link)
    session.add_all(ActionOffer(action_id=action.id, offer_id=offer_id) for offer_id in wanted)
    session.flush()


def _lock_actions(session: Session, ids: Collection[uuid.UUID]) -> list[FinancedAction]:
    # One order for all, so that two acceptances never wait for each other.
    return list(
        session.exec(
            select(FinancedAction)
            .where(col(FinancedAction.id).in_(list(ids)))
            .order_by(col(FinancedAction.id))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def _last(session: Session, prescription_id: uuid.UUID) -> PlaceMovement | None:
    lines = session.exec(
        select(PlaceMovement).where(col(PlaceMovement.prescription_id) == prescription_id)
    ).all()
    return max(lines, key=lambda line: MOVEMENT_ORDER.index(line.movement), default=None)


def _open_waiting(session: Session, prescription_id: uuid.UUID) -> Waiting | None:
    return session.exec(
        select(Waiting).where(col(Waiting.prescription_id) == prescription_id, col(Waiting.left_at).is_(None))
    ).one_or_none()


def _write(
    session: Session,
    action_id: uuid.UUID,
    prescription_id: uuid.UUID,
    movement: Movement,
    by: User | None,
    *,
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
            by_id=by.id if by else None,
        )
    )
    session.flush()
