"""Renewing a convention with a partner: the draft of the next period, and the people who go on in it.

An action goes on in the one that was made from it: the id of the second is made from the first's, so that nobody has
to be told which is which.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import User
from portal.conventions import amendments, history, ledger, rules, taking
from portal.conventions.capacity import days_that_count
from portal.conventions.engagements import PartnerPayment, PartnerReport
from portal.conventions.models import (
    ActionOffer,
    Convention,
    FinancedAction,
    Movement,
    PlaceChange,
    PlaceMode,
    PlaceMovement,
)
from portal.conventions.states import ConventionState
from portal.conventions.writing import (
    check_changes,
    check_neighbours,
    check_officer,
    renewal_of,
    take,
    written_before,
)
from portal.errors import AlreadyDone, RuleBroken


@dataclass(frozen=True, slots=True)
class Continuing:
    """The people of an action that is over, and the action of the convention that renews it.

    `going` have room there; `staying` have not, and keep their place in the former one.
    """

    former: FinancedAction
    following: FinancedAction
    going: list[PlaceMovement] = field(default_factory=list)
    staying: list[PlaceMovement] = field(default_factory=list)


def next_period(convention: Convention) -> tuple[date, date]:
    """Return the first and the last day of the period that follows: as many months when it has whole ones, as many days otherwise."""
    first = convention.date_fin + timedelta(days=1)
    months = _whole_months(convention.date_debut, first)
    if months is None:
        return first, first + (convention.date_fin - convention.date_debut)
    return first, _months_later(first, months) - timedelta(days=1)


def renew(
    session: Session,
    convention: Convention,
    values: Mapping[str, Any],
    *,
    by: User,
    id: uuid.UUID | None = None,
) -> Convention:
    """Write the draft of the convention that follows, and return it.

    `values`: numero, date_debut, date_fin, montant_centimes, and intitule when it is another. What goes on as it was:
    the partner, who pays, the delays, the objectives, each action with the places that it has in the end, the
    schedules of reports and payments, moved by as much as the period, the payments in proportion to the amount. `id`
    is made with the form: a second press returns the draft already written.

    Raises NotAllowed when `by` is no officer; AlreadyDone when it is renewed already; RuleBroken for a draft or a
    convention ended before its time, or as `rules.create_convention` does.
    """
    check_officer(by)
    take(session, convention)
    written = written_before(session, Convention, id, convention.id, of="renouvelle_id")
    if written is not None:
        return written
    if convention.state not in {ConventionState.SIGNEE, ConventionState.CLOSE}:
        raise RuleBroken(
            "Cette convention est un brouillon : il n’y a rien à renouveler."
            if convention.state is ConventionState.BROUILLON
            else "Cette convention est résiliée : écrivez-en une autre."
        )
    after = renewal_of(session, convention.id)
    if after is not None:
        raise AlreadyDone(f"Cette convention est déjà renouvelée par la convention {after.numero}.")
    amended = amendments.of_convention(session, convention.id)
    made = rules.create_convention(
        session,
        {
            "intitule": convention.intitule,
            **values,
            "structure_id": convention.structure_id,
            "financeurs": convention.financeurs,
            "delai_entree_jours": convention.delai_entree_jours,
            "grace_jours": convention.grace_jours,
            "objectifs": convention.objectifs,
            "renouvelle_id": convention.id,
            "signee_le": None,
        },
        by=by,
        id=id,
    )
    check_neighbours(session, made, date_debut=made.date_debut, date_fin=made.date_fin)
    actions = _copy_actions(session, convention, made)
    _copy_schedules(
        session, convention, made, actions, former_amount=amendments.amount_in_the_end(convention, amended)
    )
    history.record(
        session, convention, f"Renouvellement préparé\u00a0: convention {made.numero}", by=by, draft=True
    )
    history.record(session, made, f"Renouvelle la convention {convention.numero}", by=by)
    session.flush()
    return made


def following_id(action_id: uuid.UUID, renewed_id: uuid.UUID) -> uuid.UUID:
    """Return the id of the action that goes on from this one in the convention `renewed_id`."""
    return uuid.uuid5(renewed_id, str(action_id))


def people_to_carry(session: Session, renewed: Convention) -> list[Continuing]:
    """Return, by action of the convention that `renewed` renews, the people who may go on and those without room.

    Those who may: whoever has a place of a file active, and whoever is expected in a place of any kind. A module
    already begun was paid by the convention it was begun in, and ends there.
    """
    if renewed.renouvelle_id is None:
        return []
    formers = session.exec(
        select(FinancedAction)
        .where(col(FinancedAction.convention_id) == renewed.renouvelle_id)
        .order_by(col(FinancedAction.intitule), col(FinancedAction.id))
    ).all()
    following = {
        action.id: action
        for action in session.exec(
            select(FinancedAction).where(col(FinancedAction.convention_id) == renewed.id)
        )
    }
    pairs = [
        (former, following[following_id(former.id, renewed.id)])
        for former in formers
        if following_id(former.id, renewed.id) in following
    ]
    lines = ledger.open_lines(session, [former.id for former, _ in pairs])
    found = []
    for former, action in pairs:
        mine = [
            line
            for line in lines
            if line.action_id == former.id
            and (line.movement is Movement.RETENUE or former.mode is PlaceMode.FILE_ACTIVE)
        ]
        if mine:
            found.append(_those_with_room(session, former, action, mine, renewed.date_debut))
    return found


def carry_people(
    session: Session, renewed: Convention, *, by: User, expected: int | None = None
) -> list[Continuing]:
    """Have the people who are in the convention that `renewed` renews go on in it, from its first day on.

    `expected` is how many the page counted: nobody goes on whom the person who says yes has not seen. Returns what
    `people_to_carry` said: those of `going` went. Raises NotAllowed when `by` is no officer; RuleBroken before the
    signature or the first day, when nobody may go on, or when they are no longer as many; AlreadyDone when it no
    longer changes.
    """
    check_officer(by)
    take(session, renewed)
    check_changes(renewed)
    if renewed.renouvelle_id is None:
        raise RuleBroken("Cette convention n’en renouvelle aucune : il n’y a personne à reporter.")
    former = session.get_one(Convention, renewed.renouvelle_id)
    if renewed.state is not ConventionState.SIGNEE:
        raise RuleBroken("Signez d’abord cette convention : les personnes présentes se reportent ensuite.")
    if clock.today() < renewed.date_debut:
        raise RuleBroken(
            f"Cette convention commence le {renewed.date_debut:%d/%m/%Y} : les personnes présentes ce jour-là "
            "pourront alors se reporter."
        )
    both = select(FinancedAction.id).where(col(FinancedAction.convention_id).in_([renewed.id, former.id]))
    taking.lock_actions(session, session.exec(both).all())
    found = people_to_carry(session, renewed)
    number = sum(len(one.going) for one in found)
    if number == 0:
        raise RuleBroken("Personne n’est à reporter, ou il n’y a plus de place.")
    if expected is not None and expected != number:
        raise RuleBroken(
            f"Les places ont bougé depuis que vous avez ouvert cette page : {_people(number)} maintenant. "
            "Relisez, puis confirmez."
        )
    for one in found:
        for line in one.going:
            taking.carry(
                session,
                line,
                action_id=one.following.id,
                first_day=renewed.date_debut,
                left_for=f"Reportée dans la convention {renewed.numero}",
                come_from=f"Reportée de la convention {former.numero}",
                by=by,
            )
    said = "reportée" if number == 1 else "reportées"
    history.record(session, former, f"{_people(number)} {said} dans la convention {renewed.numero}", by=by)
    history.record(session, renewed, f"{_people(number)} {said} de la convention {former.numero}", by=by)
    session.flush()
    return found


def _those_with_room(
    session: Session,
    former: FinancedAction,
    action: FinancedAction,
    lines: Sequence[PlaceMovement],
    first_day: date,
) -> Continuing:
    told = ledger.timeline(session, action)
    free = min(told.on(day).libres for day in days_that_count(told, first_day))
    inside = [line for line in lines if line.movement is Movement.OCCUPEE]
    expected = [line for line in lines if line.movement is Movement.RETENUE]
    # Places beyond the financed ones are for those who may not come.
    seated = max(0, min(free, len(inside)))
    awaited = max(0, free - seated + action.surreservation)
    return Continuing(
        former,
        action,
        going=[*inside[:seated], *expected[:awaited]],
        staying=[*inside[seated:], *expected[awaited:]],
    )


def _copy_actions(session: Session, convention: Convention, made: Convention) -> dict[uuid.UUID, uuid.UUID]:
    """Write the actions again, with the places that amendments left them; return {former id: following id}."""
    actions = session.exec(
        select(FinancedAction).where(col(FinancedAction.convention_id) == convention.id)
    ).all()
    ids = [action.id for action in actions]
    changed: dict[uuid.UUID, int] = {}
    for line in session.exec(select(PlaceChange).where(col(PlaceChange.action_id).in_(ids))):
        changed[line.action_id] = changed.get(line.action_id, 0) + line.d_financees
    found = {action.id: following_id(action.id, made.id) for action in actions}
    session.add_all(
        FinancedAction(
            id=found[action.id],
            convention_id=made.id,
            intitule=action.intitule,
            places_financees=action.places_financees + changed.get(action.id, 0),
            cout_unitaire_centimes=action.cout_unitaire_centimes,
            mode=action.mode,
            surreservation=action.surreservation,
        )
        for action in actions
    )
    session.flush()
    links = session.exec(select(ActionOffer).where(col(ActionOffer.action_id).in_(ids))).all()
    session.add_all(ActionOffer(action_id=found[link.action_id], offer_id=link.offer_id) for link in links)
    return found


def _copy_schedules(
    session: Session,
    convention: Convention,
    made: Convention,
    actions: Mapping[uuid.UUID, uuid.UUID],
    *,
    former_amount: int,
) -> None:
    """Write again what is due from the partner and to it, moved by as much as the period."""

    def moved(day: date) -> date:
        months = _whole_months(convention.date_debut, made.date_debut)
        if months is None:
            return day + (made.date_debut - convention.date_debut)
        return _months_later(day, months)

    reports = session.exec(
        select(PartnerReport).where(col(PartnerReport.convention_id) == convention.id)
    ).all()
    for report in reports:
        begins = moved(report.debut)
        if begins > made.date_fin:
            continue
        ends = max(begins, min(moved(report.fin), made.date_fin))
        # A shorter period has its days of grace sooner.
        latest = max(made.date_fin + timedelta(days=made.grace_jours), ends + timedelta(days=1))
        session.add(
            PartnerReport(
                convention_id=made.id,
                kind=report.kind,
                debut=begins,
                fin=ends,
                du_le=min(moved(report.du_le), latest),
            )
        )
    payments = session.exec(
        select(PartnerPayment)
        .where(col(PartnerPayment.convention_id) == convention.id)
        .order_by(col(PartnerPayment.prevu_le), col(PartnerPayment.id))
    ).all()
    planned = so_far = 0
    for payment in payments:
        # In proportion, of the sum so far: what rounding leaves goes to the next, and the total is the right one.
        planned += payment.montant_centimes
        share = (
            min(planned * made.montant_centimes // former_amount, made.montant_centimes)
            if former_amount
            else 0
        )
        if share == so_far:
            continue
        session.add(
            PartnerPayment(
                convention_id=made.id,
                action_id=actions.get(payment.action_id) if payment.action_id else None,
                intitule=payment.intitule,
                prevu_le=moved(payment.prevu_le),
                montant_centimes=share - so_far,
            )
        )
        so_far = share


def _whole_months(first: date, after: date) -> int | None:
    """Return how many months lie between two days of the same number in their month; None when they are not."""
    if first.day != after.day:
        return None
    return (after.year - first.year) * 12 + after.month - first.month


def _months_later(day: date, months: int) -> date:
    """Return the same day so many months later; the last day of a month stays the last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = _month_end(year, month + 1)
    if day.day == _month_end(day.year, day.month).day:
        return last
    return last.replace(day=min(day.day, last.day))


def _month_end(year: int, month: int) -> date:
    return (date(year + month // 12, month % 12 + 1, 1)) - timedelta(days=1)


def _people(number: int) -> str:
    return "1 personne" if number == 1 else f"{number} personnes"
