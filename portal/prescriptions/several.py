"""One answer given to several prescriptions: each stands or falls alone."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from uuid import UUID

from sqlmodel import Session, col, select

from portal.conventions import taking
from portal.errors import RuleBroken
from portal.prescriptions import seats
from portal.prescriptions.models import Prescription

# More than a page of the inbox would not be read over before it is sent.
MOST = 100


@dataclass
class Outcome:
    """What came of it: those done, and those refused by a rule with the sentence that says why."""

    done: list[Prescription] = field(default_factory=list)
    refused: list[tuple[Prescription, str]] = field(default_factory=list)


def do_each(
    session: Session,
    prescriptions: Collection[Prescription],
    verb: Callable[[Prescription], object],
    *,
    takes_places: bool = False,
) -> Outcome:
    """Run `verb` on each prescription in a savepoint of its own and return what came of it.

    Every row is taken first, in the order of the ids; then, when the verb `takes_places`, the seats of the sessions and
    the actions, as a single answer takes them, but all at once: two people who answer at once wait for each other and
    never across. A rule that refuses one leaves the others done.
    """
    outcome = Outcome()
    if not prescriptions:
        return outcome
    session.exec(
        select(Prescription)
        .where(col(Prescription.id).in_([p.id for p in prescriptions]))
        .order_by(col(Prescription.id))
        .with_for_update()
    ).all()
    if takes_places:
        seats.lock_sessions(session, {p.session_id for p in prescriptions if p.session_id})
        taking.lock_actions_of(session, {p.offer_id for p in prescriptions})
    for prescription in sorted(prescriptions, key=_sent_first):
        try:
            with session.begin_nested():
                verb(prescription)
        except RuleBroken as broken:
            outcome.refused.append((prescription, broken.message))
        else:
            outcome.done.append(prescription)
    return outcome


def _sent_first(prescription: Prescription) -> tuple[float, UUID]:
    # The last places go to those who wait since longest.
    return (prescription.sent_at.timestamp() if prescription.sent_at else 0.0, prescription.id)
