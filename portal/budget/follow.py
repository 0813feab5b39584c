"""The follow of actions at a date: places, people, hours, what was spent for what was planned, what will not be used.

Money is in cents. Nothing here names a beneficiary.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

import sqlalchemy
from sqlalchemy import Date, Select, Uuid, and_, bindparam, case, or_
from sqlalchemy.orm import load_only
from sqlmodel import Session, col, func, select

from portal import clock
from portal.accounts.models import User
from portal.budget import activity
from portal.budget.projection import Outlook, Pace, Projection, project, settled, window
from portal.budget.spending_models import Expense
from portal.conventions import ledger, queries
from portal.conventions.engagements import PartnerPayment
from portal.conventions.ledger import ActionPlaces
from portal.conventions.models import (
    ActionOffer,
    Convention,
    FinancedAction,
    PlaceMode,
    PlaceMovement,
    Waiting,
)
from portal.conventions.states import Standing
from portal.db import UtcDateTime
from portal.structures.models import Structure

# Below so many people in a file active, or so many places where each entry uses one up, an action is named. The
# instruction DGEFP/DPE/2023/192 warns against scattering the credits and gives no number: this one is the portal's.
TINY = 5


class Source(StrEnum):
    """What is taken for spent."""

    DEPENSES = "depenses"
    VERSEMENTS = "versements"

    @property
    def label(self) -> str:
        """The source as the interface says it."""
        return {
            "depenses": "D’après les dépenses rattachées",
            "versements": "D’après les versements faits au partenaire, faute de dépenses rattachées",
        }[self.value]


class Reason(StrEnum):
    """Why an action is to be watched."""

    DORMANTES = "dormantes"
    PETITE = "petite"
    ATTENTE = "attente"
    DEPASSEMENT = "depassement"

    @property
    def label(self) -> str:
        """The reason as a badge says it."""
        return {
            "dormantes": "Des places vont dormir",
            "petite": "Petite file active",
            "attente": "Complète, des personnes attendent",
            "depassement": "Dépensé plus que prévu",
        }[self.value]


@dataclass(frozen=True, slots=True)
class Money:
    """What was spent (None: nothing says) for what was planned, and what it makes by entry, by person, by hour done."""

    prevu: int
    depense: int | None
    source: Source | None
    entrees: int
    personnes: int
    minutes: int

    @property
    def by_entry(self) -> int | None:
        """Cents by entry; None when nobody entered, or when nothing says what was spent."""
        return _share(self.depense, self.entrees)

    @property
    def by_person(self) -> int | None:
        """Cents by different person."""
        return _share(self.depense, self.personnes)

    @property
    def by_hour(self) -> int | None:
        """Cents by hour declared."""
        return _share(None if self.depense is None else self.depense * 60, self.minutes)

    @property
    def reste(self) -> int | None:
        """Cents planned and not spent; below zero when more was spent."""
        return None if self.depense is None else self.prevu - self.depense


@dataclass(frozen=True, slots=True)
class ActionFollow:
    """An action at the end of a day."""

    action: FinancedAction
    convention: Convention
    structure: str
    places: ActionPlaces
    en_attente: int
    pace: Pace
    projection: Projection
    money: Money
    # People in a file active, or places where each entry uses one up, when they are fewer than TINY; else None.
    petite: int | None

    @property
    def reasons(self) -> list[Reason]:
        """Why it is to be watched."""
        found = []
        if self.projection.outlook in {Outlook.DORMANTES, Outlook.SANS_ENTREE} and self.projection.dormantes:
            found.append(Reason.DORMANTES)
        if self.petite is not None:
            found.append(Reason.PETITE)
        if self.en_attente and self.places.libres <= 0:
            found.append(Reason.ATTENTE)
        if self.money.reste is not None and self.money.reste < 0:
            found.append(Reason.DEPASSEMENT)
        return found


def running(user: User, day: date, *, words: str = "", mode: PlaceMode | None = None) -> Select[Any]:
    """Rows (FinancedAction, Convention, name of the partner) of the actions that run on `day` and `user` may see.

    Those that end first before the others; `words` looks in titles, numbers and partners.
    """
    statement: Any = (
        select(FinancedAction, Convention, col(Structure.nom))
        .join(Convention, col(Convention.id) == col(FinancedAction.convention_id))
        .join(Structure, col(Structure.id) == col(Convention.structure_id))
        .where(queries.scope(user), queries.stands(Standing.ACTIVE, day))
        # Its texts are long, and of no use in a list.
        .options(
            load_only(
                Convention.numero,  # type: ignore[arg-type]
                Convention.date_debut,  # type: ignore[arg-type]
                Convention.date_fin,  # type: ignore[arg-type]
                Convention.state,  # type: ignore[arg-type]
            )
        )
        .order_by(
            col(Convention.date_fin),
            col(Convention.numero),
            col(FinancedAction.intitule),
            col(FinancedAction.id),
        )
    )
    for word in words.split()[:5]:
        statement = statement.where(
            or_(
                *(
                    column.icontains(word, autoescape=True)
                    for column in (
                        col(FinancedAction.intitule),
                        col(Convention.numero),
                        col(Convention.intitule),
                        col(Structure.nom),
                    )
                )
            )
        )
    if mode is not None:
        statement = statement.where(col(FinancedAction.mode) == mode)
    found: Select[Any] = statement
    return found


def of_actions(
    session: Session,
    rows: Sequence[tuple[FinancedAction, Convention, str]],
    day: date,
    *,
    whole: bool = True,
) -> list[ActionFollow]:
    """Return the follow of these actions at the end of `day`, in their order, in eight statements.

    One more for each last day that is over among their conventions: there is none among actions that run.

    Without `whole`, people and hours are left out (none): the long part of it, which no reason to watch goes by.
    """
    if not rows:
        return []
    actions = [row[0] for row in rows]
    ids = [action.id for action in actions]
    places = ledger.places_of_actions(session, actions, day)
    # What went on in the convention that renews left the former one after its last day: it was not free before.
    taken = {action_id: here.prises for action_id, here in places.items()}
    for end in {convention.date_fin for _, convention, _ in rows if convention.date_fin < day}:
        over = [action for action, convention, _ in rows if convention.date_fin == end]
        taken |= {id: here.prises for id, here in ledger.places_of_actions(session, over, end).items()}
    moved = _moved(session, ids, day)
    people = activity.people(session, ids, None, day) if whole else {}
    minutes = activity.minutes(session, ids, None, day) if whole else {}
    waiting = _waiting(session, ids, day)
    spent, paid = _spent(session, ids, day), _paid(session, ids, day)
    found = []
    for action, convention, structure in rows:
        entered, came, left = moved.get(action.id, (0, 0, 0))
        here = places[action.id]
        pace = Pace(came, left, window(convention.date_debut, day))
        depense, source = _first(spent.get(action.id), paid.get(action.id))
        runs = convention.runs_on(day)
        size = here.occupees + here.retenues if action.mode is PlaceMode.FILE_ACTIVE else here.financees
        found.append(
            ActionFollow(
                action=action,
                convention=convention,
                structure=structure,
                places=here,
                en_attente=waiting.get(action.id, 0) if runs else 0,
                pace=pace,
                projection=settled(
                    project(
                        mode=action.mode,
                        financees=_to_the_end(here, day),
                        prises=taken[action.id],
                        pace=pace,
                        date_debut=convention.date_debut,
                        date_fin=convention.date_fin,
                        day=day,
                    ),
                    convention.date_debut,
                    convention.date_fin,
                    day,
                ),
                money=Money(
                    prevu=here.financees * action.cout_unitaire_centimes,
                    depense=depense,
                    source=source,
                    entrees=entered,
                    personnes=people.get(action.id, 0),
                    minutes=minutes.get(action.id, 0),
                ),
                petite=size if runs and here.financees > 0 and size < TINY else None,
            )
        )
    return found


def _to_the_end(here: ActionPlaces, day: date) -> int:
    """Return the places financed at the end of the action, as the amendments written so far say.

    A past day is told without those written since; what is full stays full until places are added.
    """
    if day < clock.today() or here.libres <= 0:
        return here.financees
    return here.financees + here.a_venir


def of_convention(
    session: Session, convention: Convention, follows: Collection[ActionFollow], amount: int, day: date
) -> Money:
    """Return the money of a whole convention at the end of `day`, in three statements.

    `amount` is what it says that day; an expense or a payment for the whole of it counts here and in no action.
    """
    ids = [follow.action.id for follow in follows]
    spent = session.execute(
        select(func.sum(Expense.montant_centimes)).where(
            col(Expense.partner_convention_id) == convention.id, col(Expense.date_debut) <= day
        )
    ).scalar()
    paid = session.execute(
        select(func.sum(PartnerPayment.verse_centimes)).where(
            col(PartnerPayment.convention_id) == convention.id, col(PartnerPayment.verse_le) <= day
        )
    ).scalar()
    depense, source = _first(spent, paid)
    return Money(
        prevu=amount,
        depense=depense,
        source=source,
        entrees=sum(follow.money.entrees for follow in follows),
        personnes=activity.people_of_all(session, ids, None, day) if ids else 0,
        minutes=sum(follow.money.minutes for follow in follows),
    )


def watched(follows: Iterable[ActionFollow], reason: Reason | None) -> list[ActionFollow]:
    """Return those to be watched, for `reason` or for any."""
    return [
        follow for follow in follows if (reason in follow.reasons if reason is not None else follow.reasons)
    ]


def _moved(session: Session, ids: Sequence[uuid.UUID], day: date) -> dict[uuid.UUID, tuple[int, int, int]]:
    """Return {action: (entries so far, entries of the last WINDOW days, exits of these days)}, in one statement."""
    since = day - timedelta(days=window(date.min, day) - 1)
    rows = session.execute(_moves(), {"ids": ids, "day": day, "since": since})
    return {row[0]: (int(row[1]), int(row[2]), int(row[3])) for row in rows}


def _waiting(session: Session, ids: Sequence[uuid.UUID], day: date) -> dict[uuid.UUID, int]:
    after = datetime.combine(day + timedelta(days=1), time(), clock.PARIS)
    return {row[0]: int(row[1]) for row in session.execute(_waits(), {"ids": ids, "after": after})}


def _spent(session: Session, ids: Sequence[uuid.UUID], day: date) -> dict[uuid.UUID, int]:
    return {row[0]: int(row[1]) for row in session.execute(_expenses(), {"ids": ids, "day": day})}


def _paid(session: Session, ids: Sequence[uuid.UUID], day: date) -> dict[uuid.UUID, int]:
    return {row[0]: int(row[1]) for row in session.execute(_payments(), {"ids": ids, "day": day})}


# Statements are made once, then given their actions and day: making one costs more than running it.

_IDS, _DAY = bindparam("ids", expanding=True, type_=Uuid()), bindparam("day", type_=Date())


@cache
def _moves() -> Any:
    recent = col(PlaceMovement.effet_le) >= bindparam("since", type_=Date())

    def number(condition: Any) -> Any:
        return func.sum(case((condition, 1), else_=0))

    return (
        sqlalchemy.select(
            col(PlaceMovement.action_id),
            number(activity.is_entry()),
            number(and_(activity.is_entry(), recent)),
            number(and_(activity.is_exit(), recent)),
        )
        .where(col(PlaceMovement.action_id).in_(_IDS), col(PlaceMovement.effet_le) <= _DAY)
        .group_by(col(PlaceMovement.action_id))
    )


@cache
def _waits() -> Any:
    after = bindparam("after", type_=UtcDateTime())
    return (
        select(col(ActionOffer.action_id), func.count(sqlalchemy.distinct(col(Waiting.id))))
        .join(Waiting, col(Waiting.offer_id) == col(ActionOffer.offer_id))
        .where(
            col(ActionOffer.action_id).in_(_IDS),
            col(Waiting.joined_at) < after,
            or_(col(Waiting.left_at).is_(None), col(Waiting.left_at) >= after),
        )
        .group_by(col(ActionOffer.action_id))
    )


@cache
def _expenses() -> Any:
    return (
        select(col(Expense.action_id), func.sum(Expense.montant_centimes))
        .where(col(Expense.action_id).in_(_IDS), col(Expense.date_debut) <= _DAY)
        .group_by(col(Expense.action_id))
    )


@cache
def _payments() -> Any:
    return (
        select(col(PartnerPayment.action_id), func.sum(PartnerPayment.verse_centimes))
        .where(col(PartnerPayment.action_id).in_(_IDS), col(PartnerPayment.verse_le) <= _DAY)
        .group_by(col(PartnerPayment.action_id))
    )


def _first(spent: int | None, paid: int | None) -> tuple[int | None, Source | None]:
    if spent is not None:
        return int(spent), Source.DEPENSES
    if paid is not None:
        return int(paid), Source.VERSEMENTS
    return None, None


def _share(cents: int | None, number: int) -> int | None:
    """Return cents by one, rounded to the nearest cent; None of nothing."""
    return None if cents is None or number == 0 else (2 * cents + number) // (2 * number)
