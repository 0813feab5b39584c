"""Who is expected: whether they came, entries that nobody declares, and the letter of the eve."""

from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from portal import clock
from portal.beneficiaries.models import Beneficiary
from portal.conventions import ledger
from portal.conventions.models import Convention
from portal.offers.models import OfferSession
from portal.prescriptions import answers, due
from portal.prescriptions.models import Prescription, PrescriptionReminder, Transition
from portal.prescriptions.seats import Meeting
from portal.prescriptions.states import Act, State
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.prescriptions.hands import mails
from tests.prescriptions.reminded import ENTREE, PERSON, PERSONNE, START, VENUE, At, over, run


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
