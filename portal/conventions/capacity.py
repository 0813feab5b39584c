"""Whether places may be taken away from an action: never those that somebody has, on any day."""

from datetime import date

from sqlmodel import Session

from portal import clock
from portal.conventions import ledger
from portal.conventions.ledger import Timeline
from portal.conventions.models import FinancedAction
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
    told = ledger.timeline(session, action)
    # What is taken now is still to be taken on a day to come, as far as anybody knows.
    short = [
        places.prises
        for places in map(told.on, days_that_count(told, since))
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


def days_that_count(told: Timeline, since: date | None = None) -> list[date]:
    """Return, in order, the days from `since` on at whose end the places may differ, `since` and today included."""
    days = {clock.today()} | told.days
    if since is not None:
        days = {day for day in days if day >= since} | {since}
    return sorted(days)
