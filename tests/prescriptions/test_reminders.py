"""What silence brings: reminders to structures and référents, until it expires."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlmodel import Session, select

from portal.conventions import waiting
from portal.conventions.models import Convention, FollowUpRules
from portal.offers.models import OfferSession
from portal.prescriptions import answers, notifications, reminders, rules
from portal.prescriptions.models import PrescriptionReminder
from portal.prescriptions.seats import Meeting
from portal.prescriptions.states import State
from tests.factories.conventions import make_action, make_convention
from tests.factories.prescriptions import make_prescription, make_scene
from tests.prescriptions.hands import mails
from tests.prescriptions.reminded import (
    CONTACT,
    RAPPEL,
    SENDER,
    SILENCE,
    START,
    At,
    over,
    run,
)


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
