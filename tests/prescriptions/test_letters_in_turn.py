"""Letters that wait for somebody: a message once while it is not read, a place proposed to one after the other."""

import uuid
from collections.abc import Callable
from datetime import datetime

from sqlmodel import Session, col, select

from portal.accounts.models import User
from portal.beneficiaries.models import AccessEntry, AccessKind
from portal.conventions.models import PlaceMode
from portal.prescriptions import actors, answers, due, notifications, rules
from portal.prescriptions.models import Prescription, PrescriptionRead, Transition
from portal.prescriptions.states import Act, Side, State
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.prescriptions.post import CONTACT, PERSON, SENDER, person_of, told, told_by


class TestMessages:
    def write(self, session: Session, prescription: Prescription, by: User | actors.Actor) -> list[str]:
        message = rules.write_message(session, prescription, by=by, text="Elle a un entretien jeudi.")
        written = told_by(session, lambda: notifications.tell_message(session, prescription, message, SENDER))
        for mail in written:
            assert mail.subject == "Un message vous attend"
            assert "jeudi" not in mail.body
        return sorted(mail.recipient for mail in written)

    def test_the_other_side_once_while_they_have_not_read(
        self, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        move_clock(2026, 3, 2, 9)
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        everybody = sorted([scene.partner.courriel, CONTACT])
        assert self.write(session, prescription, scene.referent) == everybody
        move_clock(2026, 3, 3, 9)
        assert self.write(session, prescription, scene.referent) == []
        # One of them reads: she alone is told of the next.
        move_clock(2026, 3, 4, 9)
        session.add(PrescriptionRead(prescription_id=prescription.id, user_id=scene.partner.id))
        move_clock(2026, 3, 5, 9)
        assert self.write(session, prescription, scene.referent) == [scene.partner.courriel]
        # Somebody opens the link: both know again.
        move_clock(2026, 3, 6, 9)
        session.add(
            AccessEntry(
                par_lien=True,
                beneficiary_id=prescription.beneficiary_id,
                kind=AccessKind.PRESCRIPTION,
                prescription_id=prescription.id,
            )
        )
        move_clock(2026, 3, 7, 9)
        assert self.write(session, prescription, scene.referent) == [CONTACT]

    def test_the_referent_by_whatever_way_it_was_written(
        self, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        move_clock(2026, 3, 2, 9)
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        by_link = actors.by_link(prescription)
        assert self.write(session, prescription, by_link) == [scene.referent.courriel]
        assert self.write(session, prescription, scene.partner) == []
        move_clock(2026, 3, 3, 9)
        session.add(PrescriptionRead(prescription_id=prescription.id, user_id=scene.referent.id))
        move_clock(2026, 3, 4, 9)
        assert self.write(session, prescription, scene.partner) == [scene.referent.courriel]

    def test_what_one_writes_tells_nothing_of_what_the_other_has_read(
        self, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        move_clock(2026, 3, 2, 9)
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        self.write(session, prescription, scene.partner)
        assert self.write(session, prescription, scene.referent) == sorted([scene.partner.courriel, CONTACT])


class TestTurns:
    def waiting(
        self, session: Session, move_clock: Callable[..., datetime], number: int
    ) -> tuple[Scene, list[Prescription]]:
        """A place that is freed at nine, and so many who waited for it."""
        move_clock(2026, 3, 2, 8)
        scene = make_scene(session, places=1, mode=PlaceMode.FILE_ACTIVE)
        taken = make_prescription(session, scene, State.ACCEPTEE)
        waiting = [make_prescription(session, scene) for _ in range(number)]
        for place, prescription in enumerate(waiting):
            move_clock(2026, 3, 2, 8, place)
            answers.put_on_waiting_list(session, prescription, by=scene.partner)
        move_clock(2026, 3, 2, 9)
        rules.cancel(session, taken, by=scene.referent)
        return scene, waiting

    def run(self, session: Session) -> list[tuple[uuid.UUID, str, str]]:
        """(prescription, subject, body) of what a run tells."""
        turns = due.propose_places(session)
        written = told_by(session, lambda: notifications.tell_turns(session, turns, SENDER))
        assert len(written) == len(turns)
        return [
            (prescription.id, mail.subject, mail.body)
            for prescription in turns
            for mail in written
            if str(prescription.id) in mail.body
        ]

    def test_proposed_then_to_the_following_one(
        self, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        _, (first, second) = self.waiting(session, move_clock, 2)
        ((id, subject, body),) = self.run(session)
        assert (id, subject) == (first.id, "Une place se libère")
        assert "avant le samedi 7 mars 2026 à 10\u00a0h\u00a000." in body
        assert (
            f"Prendre ou laisser la place : https://portail.example.org/prescriptions/{first.id}/place\n"
            in body
        )
        assert self.run(session) == []
        move_clock(2026, 3, 7, 10)
        assert {id: subject for id, subject, _ in self.run(session)} == {
            first.id: "Une place n’est plus proposée",
            second.id: "Une place se libère",
        }
        assert self.run(session) == []
        line = session.exec(
            select(Transition).where(
                col(Transition.prescription_id) == first.id, col(Transition.act) == Act.LAISSER_PLACE
            )
        ).one()
        assert (line.side, line.by_id, line.to_state) == (Side.PORTAIL, None, State.A_L_ETUDE)

    def test_alone_on_the_list_the_place_is_proposed_again(
        self, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        _, (only,) = self.waiting(session, move_clock, 1)
        assert [subject for _, subject, _ in self.run(session)] == ["Une place se libère"]
        move_clock(2026, 3, 7, 10)
        assert [(id, subject) for id, subject, _ in self.run(session)] == [(only.id, "Une place se libère")]

    def test_left_by_the_referent_nobody_is_told_but_the_following_one(
        self, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        scene, (first, second) = self.waiting(session, move_clock, 2)
        self.run(session)
        move_clock(2026, 3, 3, 9)
        rules.leave_place(session, first, by=scene.referent)
        assert told(session, first, Act.LAISSER_PLACE) == {}
        assert [(id, subject) for id, subject, _ in self.run(session)] == [(second.id, "Une place se libère")]

    def test_taken_the_structure_and_the_person_know(
        self, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        scene, (first,) = self.waiting(session, move_clock, 1)
        first.ecrire_personne = True
        person_of(session, first).courriel, person_of(session, first).courriel_accord = PERSON, True
        self.run(session)
        rules.take_place(session, first, by=scene.referent)
        letters = told(session, first, Act.PRENDRE_PLACE)
        assert set(letters) == {scene.partner.courriel, CONTACT, PERSON}
