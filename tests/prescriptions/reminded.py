"""Reminders as tests read them: what the jobs write on each day."""

from collections.abc import Callable
from datetime import UTC, datetime

from sqlmodel import Session

from portal.prescriptions import due, reminders
from portal.prescriptions.notifications import Sender
from tests.prescriptions.hands import mails

SENDER = Sender(public_url="https://portail.example.org", secret="s" * 40)

CONTACT = "accueil@association.example.org"

PERSON = "zebulon@exemple.example.org"


# A Monday, at ten in Paris.
START = datetime(2026, 1, 5, 9, tzinfo=UTC)

At = Callable[..., None]


def run(session: Session) -> list[tuple[str, str]]:
    """Do what the two jobs do, and return (recipient, subject) of what it wrote, but to the contact address."""
    before = {mail.id for mail in mails(session)}
    due.expire_unanswered(session)
    due.release_absent(session)
    for remind in (
        reminders.remind_partners,
        reminders.remind_referents,
        reminders.ask_whether_they_came,
        reminders.tell_no_entry,
        reminders.remind_people,
    ):
        remind(session, SENDER)
    session.flush()
    return sorted(
        (mail.recipient, mail.subject)
        for mail in mails(session)
        if mail.id not in before and mail.recipient != CONTACT
    )


def over(session: Session, at: At, days: range, hours: int = 1) -> dict[int, list[str]]:
    """{day: the subjects written that day} of a run on each of `days`, two each time."""
    found = {}
    for number in days:
        at(number, hours=hours)
        written = [subject for _, subject in run(session)]
        assert run(session) == [], "a second run writes nothing"
        if written:
            found[number] = written
    return found


RAPPEL = "Rappel : une prescription attend votre réponse"

SILENCE = "Une prescription reste sans réponse"

VENUE = "La personne attendue est-elle venue ?"

ENTREE = "Une entrée n’est pas déclarée"

PERSONNE = "Votre demande d’accompagnement"
