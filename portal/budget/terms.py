"""What a convention with the State says on a day: the initial text, and the avenants signed by then."""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date

import sqlalchemy
from sqlmodel import Session, col, select

from portal.budget.models import PlanLine, StateAmendment, StateAmount, StateConvention, Volet
from portal.conventions.states import ConventionState


@dataclass(frozen=True, slots=True)
class Terms:
    """The convention as it stands: object, target, end, amounts; `amendments` are those that say so, in order."""

    amendments: list[StateAmendment]
    objet: str
    cible: str | None
    date_fin: date
    # {(year, volet): cents}
    amounts: dict[tuple[int, Volet], int] = field(default_factory=dict)
    # Which amendment holds the plan of each year.
    plans: dict[int, uuid.UUID] = field(default_factory=dict)
    # {year: (object, target) of the last text that speaks of it}
    spoken: dict[int, tuple[str, str | None]] = field(default_factory=dict)

    def said_of(self, annee: int) -> tuple[str, str | None]:
        """Return the object and the target of a year; those of the whole when no text speaks of it."""
        return self.spoken.get(annee, (self.objet, self.cible))

    @property
    def annees(self) -> list[int]:
        """The years that have an amount or a plan, in order."""
        return sorted({annee for annee, _ in self.amounts} | set(self.plans))

    def of_volet(self, annee: int, volet: Volet) -> int:
        """Return the cents of a volet for a year."""
        return self.amounts.get((annee, volet), 0)

    def of_year(self, annee: int) -> int:
        """Return the cents of a year: the sum of its volets."""
        return sum(self.of_volet(annee, volet) for volet in Volet)

    def whole_volet(self, volet: Volet) -> int:
        """Return the cents of a volet over all its years: their sum."""
        return sum(self.of_volet(annee, volet) for annee in self.annees)

    @property
    def total(self) -> int:
        """The cents of the whole: the sum of the volets."""
        return sum(self.whole_volet(volet) for volet in Volet)


def told(
    convention: StateConvention,
    amendments: Iterable[StateAmendment],
    amounts: Collection[StateAmount],
    plan_years: Collection[tuple[uuid.UUID, int]],
    day: date | None,
) -> Terms:
    """Fold amendments in the order of their number into what they say together.

    `day` leaves out those signed later, and drafts; None takes everything, drafts included: what the convention will
    say once they are signed. `plan_years` are the (amendment, year) that have plan lines.
    """
    kept = sorted(
        (a for a in amendments if day is None or (a.signe_le is not None and a.signe_le <= day)),
        key=lambda amendment: amendment.numero,
    )
    objet, cible, end = convention.intitule, None, convention.date_fin
    said: dict[tuple[int, Volet], int] = {}
    plans: dict[int, uuid.UUID] = {}
    spoken: dict[int, tuple[str, str | None]] = {}
    for amendment in kept:
        objet = amendment.objet or objet
        cible = amendment.cible or cible
        end = amendment.date_fin or end
        for amount in amounts:
            if amount.amendment_id == amendment.id:
                said[amount.annee, Volet(amount.volet)] = amount.montant_centimes
        for owner, annee in plan_years:
            if owner == amendment.id:
                plans[annee] = owner
        named = {amount.annee for amount in amounts if amount.amendment_id == amendment.id}
        named |= {annee for owner, annee in plan_years if owner == amendment.id}
        if not named:
            # It changes the object or the target alone: of the year when it is signed, and of those that follow.
            named = {
                annee for annee in spoken if amendment.signe_le is None or annee >= amendment.signe_le.year
            }
        spoken |= {annee: (objet, cible) for annee in named}
    if convention.resiliee_le is not None and (day is None or day >= convention.resiliee_le):
        end = min(end, convention.resiliee_le)
        # Nothing is owed any more for the years that it does not reach.
        said = {key: cents for key, cents in said.items() if key[0] <= end.year}
        plans = {annee: owner for annee, owner in plans.items() if annee <= end.year}
    return Terms(kept, objet, cible, end, said, plans, spoken)


@dataclass(frozen=True, slots=True)
class Texts:
    """Everything that was ever written of the texts of a convention, drafts included; `on` folds it."""

    convention: StateConvention
    # In the order of their number.
    amendments: list[StateAmendment]
    amounts: list[StateAmount]
    plan_years: list[tuple[uuid.UUID, int]]

    def on(self, day: date | None) -> Terms:
        """Return what the convention says on `day` (None: drafts included)."""
        return told(self.convention, self.amendments, self.amounts, self.plan_years, day)

    def until(self, numero: int) -> Terms:
        """Return what the texts say together up to amendment `numero`, itself included, signed or not."""
        upto = [amendment for amendment in self.amendments if amendment.numero <= numero]
        return told(self.convention, upto, self.amounts, self.plan_years, None)


def texts_of(session: Session, conventions: Collection[StateConvention]) -> dict[uuid.UUID, Texts]:
    """Return {convention id: its texts}, in three statements whatever their number."""
    found = {convention.id: Texts(convention, [], [], []) for convention in conventions}
    owners: dict[uuid.UUID, Texts] = {}
    for amendment in session.exec(
        select(StateAmendment)
        .where(col(StateAmendment.convention_id).in_(list(found)))
        .order_by(col(StateAmendment.numero))
    ):
        owners[amendment.id] = found[amendment.convention_id]
        found[amendment.convention_id].amendments.append(amendment)
    for amount in session.exec(select(StateAmount).where(col(StateAmount.amendment_id).in_(list(owners)))):
        owners[amount.amendment_id].amounts.append(amount)
    for owner, annee in session.execute(
        select(col(PlanLine.amendment_id), col(PlanLine.annee))
        .where(col(PlanLine.amendment_id).in_(list(owners)))
        .distinct()
    ):
        owners[owner].plan_years.append((owner, annee))
    return found


def totals_on(session: Session, conventions: Collection[StateConvention], day: date) -> dict[uuid.UUID, int]:
    """Return {convention id: cents of the whole on `day`}, in one statement; a draft is told with its own drafts.

    The same as `Terms.total`, for a list that shows nothing else of them.
    """
    drafts = {c.id for c in conventions if c.state is ConventionState.BROUILLON}
    last = {
        c.id: c.resiliee_le.year for c in conventions if c.resiliee_le is not None and day >= c.resiliee_le
    }
    said: dict[uuid.UUID, dict[tuple[int, int], int]] = {convention.id: {} for convention in conventions}
    for convention_id, signe_le, annee, volet, cents in session.execute(
        sqlalchemy.select(
            col(StateAmendment.convention_id),
            col(StateAmendment.signe_le),
            col(StateAmount.annee),
            col(StateAmount.volet),
            col(StateAmount.montant_centimes),
        )
        .join(StateAmount, col(StateAmount.amendment_id) == col(StateAmendment.id))
        .where(col(StateAmendment.convention_id).in_(list(said)))
        .order_by(col(StateAmendment.numero))
    ):
        if annee > last.get(convention_id, annee):
            continue
        if convention_id in drafts or (signe_le is not None and signe_le <= day):
            said[convention_id][annee, volet] = cents
    return {id: sum(parts.values()) for id, parts in said.items()}


def terms_on(session: Session, convention: StateConvention, day: date | None) -> Terms:
    """Return what the convention says on `day` (None: drafts included), in three statements."""
    return texts_of(session, [convention])[convention.id].on(day)
