"""Whether places may be taken away from an action: never those that somebody has, on any day."""

from datetime import date

from sqlmodel import Session, col, select

from portal import clock
from portal.conventions import ledger
from portal.conventions.models import FinancedAction, PlaceMovement
from portal.errors import RuleBroken


def check_still_enough(
    session: Session,
    action: FinancedAction,
    change: int,
    surreservation: int,
    *,
    since: date | None = None,
    field: str = "places_financees",
) -> None:
    """Refuse to finance fewer places than are taken, on any day from `since` on (from the first when None).

    The caller holds the row of the action. Raises RuleBroken at `field`.
    """
    ordered = days_that_count(session, action, since)
    # What is taken now is still to be taken on a day to come, as far as anybody knows.
    short = [
        places.prises
        for places in ledger.places_on_days(session, action, ordered)
        if places.prises > places.financees + change + surreservation
    ]
    if short:
        taken = max(short)
        already = (
            "1 place est déjà retenue, occupée ou utilisée"
            if taken == 1
            else f"{taken} places sont déjà retenues, occupées ou utilisées"
        )
        raise RuleBroken(f"{already} : financez-en au moins autant.", field=field)


def days_that_count(session: Session, action: FinancedAction, since: date | None = None) -> list[date]:
    """Return, in order, the days from `since` on at whose end the places of the action may differ, `since` and today included."""
    today = clock.today()
    days = {today} | {line.effet_le for line in ledger.changes_of(session, action.id)}
    moved = select(col(PlaceMovement.effet_le)).where(col(PlaceMovement.action_id) == action.id).distinct()
    days |= {row[0] for row in session.execute(moved)}
    if since is not None:
        days = {day for day in days if day >= since} | {since}
    return sorted(days)
