"""A fresh link before the last one expires, for the structures where nobody has an account.

The reminders of `reminders` carry one each. What they leave aside is looked after here: the day when a person is
expected, and the weeks that follow their entry, whose hours and end are declared by the link too.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy
from sqlmodel import Session, col, func, select

from portal import clock
from portal.accounts.models import User
from portal.conventions import follow_up
from portal.conventions.models import FollowUpRules, Waiting
from portal.prescriptions import notifications
from portal.prescriptions.due import expected_days
from portal.prescriptions.letters import Occasion, To
from portal.prescriptions.models import Prescription, PrescriptionReminder, ReminderKind, Transition
from portal.prescriptions.notifications import Sender, expires_on
from portal.prescriptions.reminders import BATCH, midnight, note, take
from portal.prescriptions.states import TO_ANSWER, Act, State
from portal.structures.models import Membership
from portal.web.formats import count, day, short_day

# Until the end of an action, one at most in so much time.
AGAIN = timedelta(days=30)
# A reminder that comes so soon after the end of a link brings the next one; meanwhile the old one lets ask for another.
NEAR = 3


def renew_links(session: Session, sender: Sender) -> int:
    """Send a fresh link to the structures without an account, for what they still have to say.

    While they have to answer: the day before the last link expires, once, unless a reminder follows within `NEAR` days
    of its end. From the day of the meeting or of the session on, once, when the last link ends. Once the person is
    in: the day before the last link expires, then every `AGAIN`. Those who wait for a place are left alone. Returns
    how many prescriptions (at most `BATCH`); safe to run twice or on two machines.
    """
    rules = follow_up.in_force(session)
    due = _Due(rules)
    found = _candidates(session, due.states)
    accepted = [id for id, seen in found.items() if seen.state is State.ACCEPTEE]
    expected = expected_days(session, accepted)
    ids = sorted(id for id, seen in found.items() if due.says(seen, seen.renewed, expected.get(id)))
    told = 0
    for prescription, last, rank in take(session, ReminderKind.LIEN, ids[:BATCH], due.states):
        seen, awaited = found[prescription.id], expected.get(prescription.id)
        if prescription.state is not seen.state or not due.says(seen, last, awaited):
            continue
        note(session, prescription, ReminderKind.LIEN, rank)
        facts = {"duree": count(rules.lien_jours, "jour"), "a_faire": _to_do(session, prescription, awaited)}
        notifications.remind(session, prescription, Occasion.LIEN_EXPIRE, To.PARTENAIRE, sender, facts)
        told += 1
    return told


# The acts whose letter bears a link; those that end the prescription bear none.
_LINKED = (Act.ENVOYER, Act.RELANCER, Act.PRENDRE_PLACE)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is known of a prescription: when each kind of letter with a link last left."""

    state: State
    written: datetime
    reminded: datetime | None
    # Of an entry, to the structure; or of a meeting, to the person.
    asked: datetime | None
    renewed: datetime | None


class _Due:
    """Whether a fresh link is due now, by the département's rules."""

    def __init__(self, rules: FollowUpRules) -> None:
        self.now, self.today = clock.now(), clock.today()
        self.life = timedelta(days=max(1, rules.lien_jours - 1))
        self.states = {State.ACCEPTEE, State.ENTREE}
        if rules.relance_partenaire_jours > rules.lien_jours + NEAR:
            self.states |= TO_ANSWER

    def says(self, seen: _Seen, renewed: datetime | None, expected: date | None) -> bool:
        """Say so; `renewed` is the last one that this module sent, `expected` the day of a meeting or of a session."""
        letter = max(at for at in (seen.written, seen.reminded) if at is not None)
        if seen.state is State.ACCEPTEE:
            return self._on_the_day(letter, seen.asked, renewed, expected)
        if seen.state is State.ENTREE:
            letter = max(letter, seen.asked or letter)
        if renewed is None or renewed < letter:
            return self.now >= letter + self.life
        return seen.state is State.ENTREE and self.now >= renewed + AGAIN

    def _on_the_day(
        self, letter: datetime, asked: datetime | None, renewed: datetime | None, expected: date | None
    ) -> bool:
        if expected is None or self.today < expected:
            return False
        if asked is not None and asked >= midnight(expected + timedelta(days=1)):
            # The reminders of an entry that is not declared have begun.
            return False
        last = max(letter, renewed or letter)
        return last < midnight(expected) and self.now >= last + self.life


def _candidates(session: Session, states: Collection[State]) -> dict[uuid.UUID, _Seen]:
    """Return the prescriptions in these states that only a link opens, in one statement."""
    with_account = select(Membership.structure_id).join(User, col(User.id) == col(Membership.user_id))
    written = (
        select(col(Transition.prescription_id).label("id"), func.max(Transition.at).label("at"))
        .join(Prescription, col(Prescription.id) == col(Transition.prescription_id))
        .where(col(Transition.act).in_(_LINKED), col(Prescription.state).in_(states))
        .group_by(col(Transition.prescription_id))
        .subquery()
    )
    reminded, asked, renewed = (
        select(
            col(PrescriptionReminder.prescription_id).label("id"),
            func.max(PrescriptionReminder.at).label("at"),
        )
        .join(Prescription, col(Prescription.id) == col(PrescriptionReminder.prescription_id))
        .where(col(PrescriptionReminder.kind) == kind, col(Prescription.state).in_(states))
        .group_by(col(PrescriptionReminder.prescription_id))
        .subquery()
        for kind in (ReminderKind.PARTENAIRE, ReminderKind.ENTREE, ReminderKind.LIEN)
    )
    rows = session.execute(
        sqlalchemy.select(
            col(Prescription.id),
            col(Prescription.state),
            written.c.at,
            reminded.c.at,
            asked.c.at,
            renewed.c.at,
        )
        .join(written, written.c.id == col(Prescription.id))
        .join(reminded, reminded.c.id == col(Prescription.id), isouter=True)
        .join(asked, asked.c.id == col(Prescription.id), isouter=True)
        .join(renewed, renewed.c.id == col(Prescription.id), isouter=True)
        .where(
            col(Prescription.state).in_(states),
            # Accepted without a day, the reminders of the entry are enough.
            (col(Prescription.state) != State.ACCEPTEE)
            | col(Prescription.rendez_vous_at).is_not(None)
            | col(Prescription.session_id).is_not(None),
            col(Prescription.structure_id).not_in(with_account.where(col(User.is_active))),
            col(Prescription.id).not_in(
                select(Waiting.prescription_id).where(col(Waiting.left_at).is_(None))
            ),
        )
    )
    return {row[0]: _Seen(*row[1:]) for row in rows}


def _to_do(session: Session, prescription: Prescription, expected: date | None) -> str:
    if prescription.state is State.ENTREE:
        return "Notez les heures faites chaque semaine, puis déclarez la fin le jour où la personne part."
    if expected is not None:
        return (
            f"La personne est attendue le {day(expected)}. Si elle vient, déclarez son entrée ; sinon, notez son "
            "absence."
        )
    return f"Répondez avant le {short_day(expires_on(session, prescription))} : ce jour-là, elle expirera."
