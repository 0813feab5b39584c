"""What time brings, with a moved clock: who is reminded on which day, and that nobody is reminded twice."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from portal import clock
from portal.beneficiaries.models import Beneficiary
from portal.conventions import ledger, waiting
from portal.conventions.models import Convention, FollowUpRules
from portal.offers.models import OfferSession
from portal.prescriptions import answers, due, notifications, reminders, rules
from portal.prescriptions.models import Prescription, PrescriptionReminder, Transition
from portal.prescriptions.notifications import Sender
from portal.prescriptions.seats import Meeting
from portal.prescriptions.states import Act, State
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.conventions import make_action, make_convention
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.prescriptions.hands import mails

SENDER = Sender(public_url="https://portail.example.org", secret="s" * 40)
CONTACT = "accueil@association.example.org"
PERSON = "zebulon@exemple.example.org"
# A Monday, at ten in Paris.
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
At = Callable[..., None]


@pytest.fixture
def at(move_clock: Callable[..., datetime]) -> At:
    """Move the clock so many days, hours and minutes after the start."""

    def move(days: float, **more: int) -> None:
        move_clock(*(START + timedelta(days=days, **more)).timetuple()[:6])

    move(0)
    return move


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


class TestSilence:
    def test_every_day_until_it_expires(self, session: Session, at: At) -> None:
        prescription = make_prescription(session, make_scene(session))
        assert over(session, at, range(1, 50)) == {
            10: [RAPPEL],
            20: [RAPPEL],
            # The référent is told fifteen days before it expires.
            30: sorted([RAPPEL, SILENCE]),
            40: [RAPPEL],
        }
        assert prescription.state is State.EXPIREE
        # Days 10 and 20 were a Thursday and a Sunday.
        assert (START + timedelta(days=20)).weekday() == 6

    def test_not_a_minute_too_early(self, session: Session, at: At) -> None:
        scene = make_scene(session)
        make_prescription(session, scene)
        reminded = (scene.partner.courriel, RAPPEL)
        at(9, hours=23, minutes=59)
        assert run(session) == []
        at(10)
        assert run(session) == [reminded]
        at(19, hours=23, minutes=59)
        assert run(session) == []
        at(20)
        assert run(session) == [reminded]
        at(29, hours=23, minutes=59)
        assert run(session) == []
        at(30)
        assert run(session) == sorted([reminded, (scene.referent.courriel, SILENCE)])
        at(44, hours=23, minutes=59)
        assert run(session) == [reminded], "that of the fortieth day, by a job that had not run"
        at(45)
        assert run(session) == [], "what is about to expire is told that, and nothing else"

    def test_what_the_letter_says(self, session: Session, at: At) -> None:
        scene = make_scene(session)
        make_prescription(session, scene)
        at(20)
        run(session)
        bodies = {mail.recipient: mail.body for mail in mails(session)}
        assert set(bodies) == {scene.partner.courriel, CONTACT}
        for body in bodies.values():
            assert "attend votre réponse depuis 20 jours." in body
            assert "Répondez avant le 19 février 2026 : ce jour-là, elle expirera" in body
        assert "/reponse/" in bodies[CONTACT]

    def test_under_study_it_is_counted_from_the_study_and_the_referent_is_told_at_thirty(
        self, session: Session, at: At
    ) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        at(8)
        answers.study(session, prescription, by=scene.partner)
        assert over(session, at, range(9, 75)) == {
            18: [RAPPEL],
            28: [RAPPEL],
            38: sorted([RAPPEL, SILENCE]),
            48: [RAPPEL],
            58: [RAPPEL],
        }
        assert prescription.state is State.EXPIREE

    @pytest.mark.parametrize(
        ("state", "until"), [(State.ENVOYEE, "19 février 2026"), (State.A_L_ETUDE, "6 mars 2026")]
    )
    def test_the_referent_knows_since_when_and_until_when(
        self, session: Session, at: At, state: State, until: str
    ) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene, state)
        at(30)
        assert (scene.referent.courriel, SILENCE) in run(session)
        (body,) = [mail.body for mail in mails(session) if mail.subject == SILENCE]
        assert "n’a rien répondu depuis 30 jours." in body
        assert f"Sans réponse le {until}, la prescription expirera" in body
        assert prescription.state is state, "it is still time to telephone"

    def test_after_the_answer_nothing_leaves(self, session: Session, at: At) -> None:
        scene = make_scene(session, places=None)
        for state in (State.REFUSEE, State.ANNULEE, State.ENTREE, State.TERMINEE, State.ABANDONNEE):
            make_prescription(session, scene, state)
        make_prescription(session, scene, State.BROUILLON)
        assert over(session, at, range(1, 70)) == {}

    def test_answered_between_two(self, session: Session, at: At) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        assert list(over(session, at, range(1, 12))) == [10]
        answers.accept(session, prescription, by=scene.partner)
        assert over(session, at, range(12, 20)) == {}

    def test_those_who_wait_for_a_place_are_not_the_structures_silence(
        self, session: Session, at: At
    ) -> None:
        scene = make_scene(session, places=0)
        prescription = make_prescription(session, scene)
        answers.put_on_waiting_list(session, prescription, by=scene.partner)
        assert over(session, at, range(1, 70, 3)) == {}

    def test_those_who_wait_for_a_place_that_no_convention_gives_any_more(
        self, session: Session, at: At
    ) -> None:
        scene = make_scene(session, places=0)
        prescription = make_prescription(session, scene)
        answers.put_on_waiting_list(session, prescription, by=scene.partner)
        assert scene.action is not None
        convention = session.get_one(Convention, scene.action.convention_id)
        convention.date_fin = START.date() + timedelta(days=100)
        session.flush()
        # From the day after its end on, as if they had been put under study that day: told before it expires.
        assert over(session, at, range(95, 160)) == {
            111: [RAPPEL],
            121: [RAPPEL],
            131: sorted([RAPPEL, SILENCE]),
            141: [RAPPEL],
            151: [RAPPEL],
        }
        assert notifications.expires_on(session, prescription) == START.date() + timedelta(days=161)
        assert waiting.opened(session, prescription.id) is not None
        at(162)
        run(session)
        assert prescription.state is State.EXPIREE
        assert waiting.opened(session, prescription.id) is None

    def test_a_convention_to_come_is_worth_waiting_for(self, session: Session, at: At) -> None:
        scene = make_scene(session, places=0)
        prescription = make_prescription(session, scene)
        answers.put_on_waiting_list(session, prescription, by=scene.partner)
        assert scene.action is not None
        convention = session.get_one(Convention, scene.action.convention_id)
        convention.date_fin = START.date() + timedelta(days=1)
        later = make_convention(
            session,
            scene.structure,
            date_debut=START.date() + timedelta(days=80),
            date_fin=START.date() + timedelta(days=180),
        )
        make_action(session, later, [scene.offer])
        assert over(session, at, range(1, 75, 5)) == {}
        assert prescription.state is State.A_L_ETUDE

    def test_while_a_meeting_is_to_come_nobody_is_late(self, session: Session, at: At) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        meeting = Meeting(at=START + timedelta(days=15))
        answers.agree_meeting(session, prescription, meeting, by=scene.partner)
        assert over(session, at, range(1, 25)) == {16: [RAPPEL], 20: [RAPPEL]}

    def test_what_is_proposed_for_later_does_not_expire_before(self, session: Session, at: At) -> None:
        scene = make_scene(session)
        meeting, chosen = (make_prescription(session, scene) for _ in range(2))
        answers.agree_meeting(session, meeting, Meeting(at=START + timedelta(days=60)), by=scene.partner)
        first = OfferSession(offer_id=scene.offer.id, debut=START.date() + timedelta(days=60))
        session.add(first)
        session.flush()
        answers.agree_meeting(session, chosen, Meeting(session_id=first.id), by=scene.partner)
        # Reminded of once that day is over, and told when it will expire: 45 days after it.
        assert over(session, at, range(1, 70, 3)) == {61: sorted([RAPPEL, SILENCE] * 2)}
        assert {notifications.expires_on(session, p) for p in (meeting, chosen)} == {date(2026, 4, 20)}
        at(104)
        run(session)
        assert {meeting.state, chosen.state} == {State.ENVOYEE}
        at(106)
        run(session)
        assert {meeting.state, chosen.state} == {State.EXPIREE}

    def test_a_job_that_did_not_run_leaves_one_letter(self, session: Session, at: At) -> None:
        make_prescription(session, make_scene(session))
        at(27)
        assert [subject for _, subject in run(session)] == [RAPPEL]
        assert over(session, at, range(28, 30)) == {}
        assert [line.rang for line in session.exec(select(PrescriptionReminder))] == [1]

    def test_a_word_of_the_referent_does_not_put_off_the_reminder(self, session: Session, at: At) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        at(9)
        rules.remind(session, prescription, by=scene.referent)
        rules.write_message(session, prescription, by=scene.referent, text="Des nouvelles ?")
        assert list(over(session, at, range(9, 12))) == [10]

    def test_the_delays_are_the_departments(self, session: Session, at: At) -> None:
        session.add(
            FollowUpRules(
                relance_partenaire_jours=7,
                relance_referent_jours=15,
                expiration_envoyee_jours=25,
                expiration_etude_jours=25,
            )
        )
        make_prescription(session, make_scene(session))
        assert over(session, at, range(1, 40)) == {7: [RAPPEL], 14: [RAPPEL], 15: [SILENCE], 21: [RAPPEL]}

    def test_delays_changed_on_the_way(self, session: Session, at: At) -> None:
        make_prescription(session, make_scene(session))
        assert list(over(session, at, range(1, 12))) == [10]
        session.add(FollowUpRules(relance_partenaire_jours=5))
        session.flush()
        assert list(over(session, at, range(12, 30))) == [15, 20, 25]

    def test_across_the_change_of_hour(self, session: Session, move_clock: Callable[..., datetime]) -> None:
        # Clocks go forward on 29 March 2026: ten days are ten times twenty-four hours.
        move_clock(2026, 3, 20, 9)
        make_prescription(session, make_scene(session))
        move_clock(2026, 3, 30, 8, 59)
        assert run(session) == []
        move_clock(2026, 3, 30, 9)
        assert [subject for _, subject in run(session)] == [RAPPEL]

    def test_many_at_once_go_by_batches(
        self, session: Session, at: At, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reminders, "BATCH", 2)
        scene = make_scene(session)
        for _ in range(5):
            make_prescription(session, scene)
        at(10)
        assert [reminders.remind_partners(session, SENDER) for _ in range(4)] == [2, 2, 1, 0]
        written = [line.prescription_id for line in session.exec(select(PrescriptionReminder))]
        assert len(set(written)) == len(written) == 5


def with_delay(session: Session, scene: Scene, days: int) -> None:
    assert scene.action is not None
    convention = session.get_one(Convention, scene.action.convention_id)
    convention.delai_entree_jours = days
    session.flush()


class TestEntries:
    def test_half_way_through_the_delay_then_the_place_is_free(self, session: Session, at: At) -> None:
        scene = make_scene(session)
        with_delay(session, scene, 14)
        prescription = make_prescription(session, scene, State.ACCEPTEE)
        assert over(session, at, range(1, 14)) == {7: [VENUE]}
        body = next(mail.body for mail in mails(session) if mail.subject == VENUE)
        assert "La personne était attendue le lundi 5 janvier 2026. Est-elle venue ?" in body
        assert "Sans nouvelles de vous, sa place sera libérée après le lundi 19 janvier 2026." in body
        assert over(session, at, range(14, 16)) == {}
        assert prescription.state is State.ABANDONNEE

    def test_counted_from_the_meeting(self, session: Session, at: At) -> None:
        scene = make_scene(session)
        with_delay(session, scene, 10)
        prescription = make_prescription(session, scene)
        meeting = Meeting(at=START + timedelta(days=20))
        answers.accept(session, prescription, by=scene.partner, meeting=meeting)
        assert over(session, at, range(1, 31)) == {25: [VENUE]}

    def test_without_a_delay_every_ten_days_and_the_referent_at_thirty(
        self, session: Session, at: At
    ) -> None:
        make_prescription(session, make_scene(session, places=None), State.ACCEPTEE)
        assert over(session, at, range(1, 45)) == {
            10: [VENUE],
            20: [VENUE],
            30: sorted([VENUE, ENTREE]),
            40: [VENUE],
        }
        bodies = [mail.body for mail in mails(session) if mail.subject == VENUE]
        assert not any("libérée" in body for body in bodies)

    def test_an_absence_that_was_noted_is_an_answer(self, session: Session, at: At) -> None:
        scene = make_scene(session, places=None)
        prescription = make_prescription(session, scene, State.ACCEPTEE)
        at(11)
        answers.note_presence(session, prescription, by=scene.partner, day=clock.today(), came=False)
        assert over(session, at, range(11, 25)) == {20: [VENUE]}

    def test_once_the_convention_is_over_the_place_is_freed_a_month_later(
        self, session: Session, at: At
    ) -> None:
        scene = make_scene(session)
        assert scene.action is not None
        convention = session.get_one(Convention, scene.action.convention_id)
        convention.date_fin = (START + timedelta(days=20)).date()
        prescription = make_prescription(session, scene, State.ACCEPTEE)
        assert over(session, at, range(1, 51)) == {
            10: [VENUE],
            20: [VENUE],
            30: sorted([VENUE, ENTREE]),
            40: [VENUE],
            50: [VENUE],
        }
        bodies = [mail.body for mail in sorted(mails(session), key=lambda m: m.created_at)]
        asked = [body for body in bodies if "Est-elle venue ?" in body]
        freed = "sa place sera libérée après le mardi 24 février 2026."
        assert [freed in body for body in asked] == [False] * 4 + [True] * 6, (
            "to the member and to the address"
        )
        at(50, hours=10)
        assert due.release_absent(session) == []
        at(51)
        assert due.release_absent(session) == [prescription]
        assert prescription.state is State.ABANDONNEE
        assert ledger.places_of_actions(session, [scene.action])[scene.action.id].retenues == 0
        line = session.exec(
            select(Transition).where(
                col(Transition.prescription_id) == prescription.id, col(Transition.act) == Act.CONSTATER
            )
        ).one()
        assert line.message == (
            "Sans entrée, et la convention est finie depuis le 25/01/2026 : la place est libérée."
        )
        assert due.release_absent(session) == []

    def test_an_ended_convention_keeps_the_place_of_who_is_expected_later_or_is_in(
        self, session: Session, at: At
    ) -> None:
        scene = make_scene(session)
        assert scene.action is not None
        convention = session.get_one(Convention, scene.action.convention_id)
        convention.date_fin = (START + timedelta(days=1)).date()
        inside = make_prescription(session, scene, State.ENTREE)
        expected = make_prescription(session, scene)
        meeting = Meeting(at=START + timedelta(days=25))
        answers.accept(session, expected, by=scene.partner, meeting=meeting)
        at(55)
        assert due.release_absent(session) == []
        at(56)
        assert due.release_absent(session) == [expected]
        places = ledger.places_of_actions(session, [scene.action])[scene.action.id]
        assert (inside.state, places.retenues, places.occupees) == (State.ENTREE, 0, 1)

    def test_once_entered_nothing_leaves(self, session: Session, at: At) -> None:
        scene = make_scene(session, places=None)
        prescription = make_prescription(session, scene, State.ACCEPTEE)
        at(9)
        answers.enter(session, prescription, by=scene.partner, day=clock.today())
        assert over(session, at, range(10, 50)) == {}


class TestEve:
    def meeting(
        self, session: Session, when: datetime, state: State = State.ENVOYEE, **person: object
    ) -> Prescription:
        scene = make_scene(session, places=None)
        someone = make_beneficiary(
            session, scene.referent, **{"courriel": PERSON, "courriel_accord": True, **person}
        )
        prescription = make_prescription(session, scene, state, someone)
        prescription.ecrire_personne = True
        answers.accept(
            session, prescription, by=scene.partner, meeting=Meeting(at=when, place="3 rue des Essais")
        )
        return prescription

    def test_the_day_before_and_once(self, session: Session, at: At) -> None:
        self.meeting(session, START + timedelta(days=4))
        assert over(session, at, range(1, 10)) == {3: [PERSONNE]}
        body = next(mail.body for mail in mails(session) if mail.recipient == PERSON)
        assert "Nous vous rappelons votre rendez-vous avec Association Exemple." in body
        assert "Rendez-vous : vendredi 9 janvier 2026 à 10\u00a0h\u00a000\nLieu : 3 rue des Essais\n" in body

    def test_from_midnight_in_paris(self, session: Session, at: At) -> None:
        self.meeting(session, START + timedelta(days=4))
        at(2, hours=13, minutes=59)
        assert run(session) == []
        at(2, hours=14)
        assert run(session) == [(PERSON, PERSONNE)]

    def test_who_was_told_that_same_day_is_left_alone(self, session: Session, at: At) -> None:
        at(3)
        self.meeting(session, START + timedelta(days=4))
        assert over(session, at, range(3, 6)) == {}

    def test_a_job_that_did_not_run_on_the_eve_tells_on_the_day(self, session: Session, at: At) -> None:
        self.meeting(session, START + timedelta(days=4, hours=5))
        at(4, hours=1)
        assert run(session) == [(PERSON, PERSONNE)]

    def test_a_meeting_put_off_is_told_again(self, session: Session, at: At) -> None:
        prescription = self.meeting(session, START + timedelta(days=4))
        assert list(over(session, at, range(1, 4))) == [3]
        prescription.rendez_vous_at = START + timedelta(days=8)
        session.flush()
        assert over(session, at, range(4, 12)) == {7: [PERSONNE]}

    def test_the_first_day_of_a_session(self, session: Session, at: At) -> None:
        scene = make_scene(session, places=None)
        first = OfferSession(offer_id=scene.offer.id, debut=date(2026, 1, 20), fin=date(2026, 2, 20))
        session.add(first)
        session.flush()
        prescription = make_prescription(
            session,
            scene,
            beneficiary=make_beneficiary(session, scene.referent, courriel=PERSON, courriel_accord=True),
        )
        prescription.ecrire_personne = True
        answers.accept(session, prescription, by=scene.partner, meeting=Meeting(session_id=first.id))
        assert over(session, at, range(1, 20)) == {14: [PERSONNE]}
        body = next(mail.body for mail in mails(session) if mail.recipient == PERSON)
        assert "Session : du 20 janvier 2026 au 20 février 2026" in body

    def test_only_who_agreed_and_has_an_address(self, session: Session, at: At) -> None:
        silent = self.meeting(session, START + timedelta(days=4))
        silent.ecrire_personne = False
        gone = self.meeting(session, START + timedelta(days=4))
        person = session.get_one(Beneficiary, gone.beneficiary_id)
        person.courriel, person.courriel_accord = None, False
        taken_back = self.meeting(session, START + timedelta(days=4))
        session.get_one(Beneficiary, taken_back.beneficiary_id).courriel_accord = False
        assert over(session, at, range(1, 6)) == {}

    def test_a_meeting_of_a_prescription_that_ended(self, session: Session, at: At) -> None:
        prescription = self.meeting(session, START + timedelta(days=4))
        prescription.state = State.ANNULEE
        session.flush()
        assert over(session, at, range(1, 6)) == {}
        assert session.exec(select(col(PrescriptionReminder.id))).all() == []
