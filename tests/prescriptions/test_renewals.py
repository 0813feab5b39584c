"""A structure where nobody has an account always holds a link that opens, when something is expected of it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from portal import clock
from portal.beneficiaries.models import Beneficiary
from portal.conventions.models import FollowUpRules
from portal.links import DeadLink
from portal.prescriptions import actors, answers, due, links, notifications, reminders, renewals, rules
from portal.prescriptions.models import Prescription, PrescriptionReminder, RefusalReason, ReminderKind
from portal.prescriptions.notifications import Sender
from portal.prescriptions.seats import Meeting
from portal.prescriptions.states import Act, State
from portal.structures.models import Membership
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.factories.structures import make_partner
from tests.prescriptions.hands import mails

SENDER = Sender(public_url="https://portail.example.org", secret="s" * 40)
CONTACT = "accueil@association.example.org"
LINK = "Un nouveau lien vers une prescription"
RAPPEL = "Rappel : une prescription attend votre réponse"
VENUE = "La personne attendue est-elle venue ?"
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
At = Callable[..., None]


@pytest.fixture
def at(move_clock: Callable[..., datetime]) -> At:
    """Move the clock so many days and hours after the start."""

    def move(days: float, hours: int = 0) -> None:
        move_clock(*(START + timedelta(days=days, hours=hours)).timetuple()[:6])

    move(0)
    return move


@pytest.fixture
def scene(session: Session, at: At) -> Scene:
    """A structure where nobody has an account."""
    made = make_scene(session)
    for membership in session.exec(
        select(Membership).where(col(Membership.structure_id) == made.structure.id)
    ):
        session.delete(membership)
    session.flush()
    return made


def sent(session: Session, scene: Scene) -> Prescription:
    prescription = make_prescription(session, scene)
    notifications.tell(session, prescription, Act.ENVOYER, SENDER)
    return prescription


def run(session: Session) -> list[str]:
    """Do what the jobs do, and return the subjects of what it wrote to the address of the structure."""
    before = {mail.id for mail in mails(session)}
    for prescription in due.expire_unanswered(session):
        notifications.tell(session, prescription, Act.EXPIRER, SENDER)
    due.release_absent(session)
    for remind in (
        reminders.remind_partners,
        reminders.remind_referents,
        reminders.ask_whether_they_came,
        reminders.tell_no_entry,
        reminders.remind_people,
        renewals.renew_links,
    ):
        remind(session, SENDER)
    session.flush()
    return sorted(
        mail.subject for mail in mails(session) if mail.id not in before and mail.recipient == CONTACT
    )


def over(session: Session, at: At, days: range) -> dict[int, list[str]]:
    """{day: the subjects written that day} of a run on each of `days`, two each time."""
    found = {}
    for number in days:
        at(number, hours=1)
        if written := run(session):
            found[number] = written
        assert run(session) == [], "a second run writes nothing"
    return found


def last_letter(session: Session) -> str:
    return max(
        (mail for mail in mails(session) if mail.recipient == CONTACT), key=lambda mail: mail.created_at
    ).body


def opens(session: Session, prescription: Prescription) -> bool:
    """Say whether the link of the last letter opens the prescription now."""
    found = re.search(r"/reponse/(\S+)", last_letter(session))
    assert found
    try:
        id, key = links.read(SENDER.secret, found[1], days=8)
    except DeadLink:
        return False
    return links.opened(session, id, key) is prescription


def test_to_answer_the_reminders_bring_it(session: Session, scene: Scene, at: At) -> None:
    sent(session, scene)
    assert over(session, at, range(1, 46)) == {
        **{number: [RAPPEL] for number in (10, 20, 30, 40)},
        45: ["Une prescription a expiré"],
    }


def test_to_answer_with_reminders_that_are_far_apart(session: Session, scene: Scene, at: At) -> None:
    session.add(FollowUpRules(relance_partenaire_jours=20))
    prescription = sent(session, scene)
    assert over(session, at, range(1, 7)) == {}
    at(7)
    assert opens(session, prescription), "the day before it would not any more"
    assert over(session, at, range(7, 30)) == {7: [LINK], 20: [RAPPEL], 27: [LINK]}
    assert opens(session, prescription)
    assert "s’ouvrent pendant 8 jours seulement : en voici un nouveau.\n" in last_letter(session)
    assert "\n\nRépondez avant le 19 février 2026 : ce jour-là, elle expirera.\n\n" in last_letter(session)
    by = actors.by_link(prescription)
    answers.refuse(session, prescription, by=by, reason=RefusalReason.AUTRE, message="Plus de place.")
    assert over(session, at, range(30, 60)) == {}


def accepted(session: Session, scene: Scene, days: int | None) -> Prescription:
    """Accepted by the link of the first letter, with a meeting so many days after the start."""
    prescription = sent(session, scene)
    meeting = Meeting(at=START + timedelta(days=days)) if days is not None else None
    answers.accept(session, prescription, by=actors.by_link(prescription), meeting=meeting)
    return prescription


def test_on_the_day_of_the_meeting(session: Session, scene: Scene, at: At) -> None:
    prescription = accepted(session, scene, 20)
    assert over(session, at, range(1, 21)) == {20: [LINK]}
    assert opens(session, prescription)
    assert over(session, at, range(21, 41)) == {30: [VENUE], 40: [VENUE]}
    body = next(mail.body for mail in mails(session) if mail.subject == LINK)
    assert "La personne est attendue le dimanche 25 janvier 2026. Si elle vient, déclarez son entrée" in body


def test_a_link_that_opens_on_the_day_is_renewed_at_its_end_only(
    session: Session, scene: Scene, at: At
) -> None:
    accepted(session, scene, 5)
    assert over(session, at, range(1, 16)) == {7: [LINK], 15: [VENUE]}


def test_accepted_without_a_day_the_reminders_bring_it(session: Session, scene: Scene, at: At) -> None:
    accepted(session, scene, None)
    assert over(session, at, range(1, 21)) == {10: [VENUE], 20: [VENUE]}


def test_a_letter_to_the_person_on_the_eve_does_not_hide_it(session: Session, scene: Scene, at: At) -> None:
    prescription = accepted(session, scene, 20)
    prescription.ecrire_personne = True
    person = session.get_one(Beneficiary, prescription.beneficiary_id)
    person.courriel, person.courriel_accord = "zebulon@exemple.example.org", True
    session.flush()
    assert over(session, at, range(1, 25)) == {20: [LINK]}
    assert "zebulon@exemple.example.org" in {mail.recipient for mail in mails(session)}


def test_once_the_person_is_in_every_month(session: Session, scene: Scene, at: At) -> None:
    prescription = accepted(session, scene, None)
    at(2)
    by = actors.by_link(prescription)
    answers.enter(session, prescription, by=by, day=clock.today())
    assert over(session, at, range(3, 70)) == {7: [LINK], 37: [LINK], 67: [LINK]}
    assert "Notez les heures faites chaque semaine, puis déclarez la fin" in last_letter(session)
    ranks = session.exec(
        select(PrescriptionReminder.rang)
        .where(col(PrescriptionReminder.kind) == ReminderKind.LIEN)
        .order_by(col(PrescriptionReminder.rang))
    ).all()
    assert ranks == [1, 2, 3]
    at(70)
    answers.finish(session, prescription, by=by, day=clock.today())
    assert over(session, at, range(71, 110)) == {}


def test_those_who_wait_and_those_with_an_account_are_left_alone(
    session: Session, scene: Scene, at: At
) -> None:
    assert scene.action is not None
    session.add(FollowUpRules(relance_partenaire_jours=20))
    scene.action.places_financees = 0
    waits = sent(session, scene)
    answers.put_on_waiting_list(session, waits, by=actors.by_link(waits))
    assert over(session, at, range(1, 40, 3)) == {}
    partner, _ = make_partner(session, scene.structure)
    at(41)
    sent(session, scene)
    assert over(session, at, range(42, 55)) == {}
    # Their account is closed: the link is the only way again.
    partner.is_active = False
    session.flush()
    assert over(session, at, range(55, 56)) == {55: [LINK]}


def test_a_draft_has_no_link(session: Session, scene: Scene, at: At) -> None:
    make_prescription(session, scene, State.BROUILLON)
    assert over(session, at, range(1, 40, 5)) == {}
    rules.cancel(session, sent(session, scene), by=scene.referent)
    assert over(session, at, range(41, 60, 5)) == {}
