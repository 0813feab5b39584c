"""Who may see which conventions with the State, and how they stand."""

from datetime import date
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import defer
from sqlmodel import Session, case, col, false, func, literal, select, true
from sqlmodel.sql.expression import SelectOfScalar

from portal.accounts.models import Role, User
from portal.budget.bilan_models import Bilan, BilanState
from portal.budget.models import StateConvention
from portal.conventions.states import ConventionState, Standing


def visible_to(user: User) -> SelectOfScalar[StateConvention]:
    """The conventions that `user` may see, the newest first: the officer all, the State's services those signed."""
    if user.role in {Role.CONVENTIONNEMENT, Role.ADMINISTRATION}:
        condition: Any = true()
    elif user.role is Role.ETAT:
        condition = col(StateConvention.state) != ConventionState.BROUILLON
    else:
        condition = false()
    return (
        select(StateConvention)
        .where(condition)
        .order_by(col(StateConvention.date_debut).desc(), col(StateConvention.numero))
    )


def followed(session: Session) -> list[StateConvention]:
    """Return the conventions that owe and are owed something, in one statement: those signed, or ended before their time."""
    return list(
        session.exec(
            select(StateConvention).where(
                col(StateConvention.state).in_([ConventionState.SIGNEE, ConventionState.RESILIEE])
            )
        )
    )


def with_a_year_corrected(session: Session, user: User) -> list[StateConvention]:
    """Return the conventions that `user` may see, not closed, of which a year was corrected and another has a bilan."""
    several = (
        select(Bilan.convention_id)
        .group_by(col(Bilan.convention_id))
        .having(func.count(func.distinct(col(Bilan.annee))) > 1, func.max(col(Bilan.demande_at)).is_not(None))
    )
    return list(
        session.exec(
            visible_to(user).where(
                col(StateConvention.id).in_(several), col(StateConvention.state) != ConventionState.CLOSE
            )
        )
    )


def bilans_waiting(user: User) -> Select[Any]:
    """The bilans that wait for `user`, with their conventions: to read for the State's services, to correct for officers.

    What a bilan froze is left in the database: nobody reads it in a list.
    """
    asked: Any = false()
    if user.role is Role.ETAT:
        # The second reader is somebody else.
        asked = (col(Bilan.state) == BilanState.REMIS) | (
            (col(Bilan.state) == BilanState.RELU) & (col(Bilan.relu_by_id) != user.id)
        )
    elif user.role is Role.CONVENTIONNEMENT:
        asked = (col(Bilan.state) == BilanState.PREPARATION) & col(Bilan.demande).is_not(None)
    found: Any = (
        select(Bilan, StateConvention)
        .join(StateConvention, col(StateConvention.id) == col(Bilan.convention_id))
        .where(asked, col(StateConvention.state) != ConventionState.CLOSE)
        .order_by(col(StateConvention.numero), col(Bilan.annee), col(Bilan.id))
        .options(defer(Bilan.figures))  # type: ignore[arg-type]
    )
    waiting: Select[Any] = found
    return waiting


def number_waiting(session: Session, user: User) -> int:
    """Return how many bilans wait for `user`, in one statement."""
    waiting = bilans_waiting(user).with_only_columns(func.count()).order_by(None)
    return int(session.execute(waiting).scalar_one())


def standing_as(
    statement: SelectOfScalar[StateConvention], standing: Standing | None, day: date
) -> SelectOfScalar[StateConvention]:
    """Keep those of `statement` that stand so on `day`; all of them when None."""
    return statement if standing is None else statement.where(_standing(day) == standing.value)


def counts(session: Session, user: User, day: date) -> dict[Standing, int]:
    """Return how many of the conventions that `user` may see stand how on `day`, in one statement."""
    told = _standing(day)
    found = session.execute(
        visible_to(user).with_only_columns(told, func.count()).order_by(None).group_by(told)
    )
    return {Standing(standing): number for standing, number in found}


def _standing(day: date) -> Any:
    """The standing on `day`, as `conventions.states.standing` tells it."""
    state = col(StateConvention.state)
    return case(
        (state == ConventionState.BROUILLON, literal(Standing.BROUILLON.value)),
        (state == ConventionState.CLOSE, literal(Standing.CLOSE.value)),
        (state == ConventionState.RESILIEE, literal(Standing.RESILIEE.value)),
        (col(StateConvention.date_debut) > day, literal(Standing.SIGNEE.value)),
        (col(StateConvention.date_fin) < day, literal(Standing.ECHUE.value)),
        else_=literal(Standing.ACTIVE.value),
    )
