"""Who is told what, and in which words: every letter is read whole."""

import re
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import OutgoingMail, User
from portal.beneficiaries.models import AccessEntry, AccessKind, Beneficiary
from portal.conventions.models import PlaceMode
from portal.mail import as_html, as_text
from portal.prescriptions import actors, answers, due, links, notifications, rules
from portal.prescriptions.letters import LETTERS, Occasion, To
from portal.prescriptions.models import Prescription, PrescriptionRead, RefusalReason, Transition
from portal.prescriptions.notifications import Sender, Told
from portal.prescriptions.seats import Meeting
from portal.prescriptions.states import Act, Side, State
from portal.structures.models import Membership
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.prescriptions import Scene, make_prescription, make_scene
from tests.factories.structures import make_partner
from tests.prescriptions.hands import mails

SECRET = "s" * 40
SENDER = Sender(public_url="https://portail.example.org", secret=SECRET)
CONTACT = "accueil@association.example.org"
PERSON = "zebulon@exemple.example.org"

# Acts of which a side is told nothing: it did them, or another letter says it.
SILENT = {
    To.PARTENAIRE: {
        Act.ETUDIER,
        Act.METTRE_EN_ATTENTE,
        Act.ACCEPTER,
        Act.REFUSER,
        Act.ENTRER,
        Act.TERMINER,
        Act.ABANDONNER,
        Act.LAISSER_PLACE,
        Act.PROPOSER_PLACE,
        Act.CONVENIR,
        Act.PRESENCE,
        Act.ABSENCE,
        Act.CONFIER,
    },
    To.REFERENT: {
        Act.ENVOYER,
        Act.ANNULER,
        Act.PRENDRE_PLACE,
        Act.RELANCER,
        Act.SUIVRE,
        Act.PRESENCE,
    },
    To.PERSONNE: set(Act)
    - {
        Act.ENVOYER,
        Act.ACCEPTER,
        Act.PRENDRE_PLACE,
        Act.CONVENIR,
        Act.REFUSER,
        Act.ANNULER,
        Act.EXPIRER,
    },
}
# What the reminders know and tell.
FACTS = {
    "silence": "10 jours",
    "attendue_le": "mardi 3 mars 2026",
    "liberation": "",
    "duree": "8 jours",
    "a_faire": "Notez les heures faites chaque semaine.",
}


def sent(session: Session, scene: Scene, state: State = State.ENVOYEE) -> Prescription:
    """A prescription for somebody who agreed to be written to."""
    person = make_beneficiary(
        session,
        scene.referent,
        prenom="Zébulon",
        nom="Introuvable",
        commune="Redon",
        courriel=PERSON,
        courriel_accord=True,
    )
    prescription = make_prescription(session, scene, state, person)
    prescription.ecrire_personne = True
    return prescription


def person_of(session: Session, prescription: Prescription) -> Beneficiary:
    return session.get_one(Beneficiary, prescription.beneficiary_id)


def told_by(session: Session, tell: Callable[[], object]) -> list[OutgoingMail]:
    """The letters that `tell` wrote."""
    before = {mail.id for mail in mails(session)}
    tell()
    session.flush()
    return [mail for mail in mails(session) if mail.id not in before]


def told(session: Session, prescription: Prescription, act: Act) -> dict[str, OutgoingMail]:
    """{recipient: letter} of an act just done."""
    written = told_by(session, lambda: notifications.tell(session, prescription, act, SENDER))
    assert len({mail.recipient for mail in written}) == len(written), "one letter each"
    return {mail.recipient: mail for mail in written}


class TestWords:
    def test_each_act_is_told_or_said_to_be_silent(self) -> None:
        for to, silent in SILENT.items():
            assert {act for act in Act if (act, to) in LETTERS} == set(Act) - silent, to

    def test_a_subject_is_the_same_for_everybody(self) -> None:
        for key, letter in LETTERS.items():
            assert "{" not in letter.subject, key
            assert 5 < len(letter.subject) < 70, key
        assert {letter.subject for (_, to), letter in LETTERS.items() if to is To.PERSONNE} == {
            "Votre demande d’accompagnement"
        }

    def test_plain_words(self) -> None:
        for key, letter in LETTERS.items():
            whole = f"{letter.subject} {letter.says} {letter.then} {letter.way}"
            assert not re.search(r"veuillez|RSA|allocataire|email|mail|'", whole, re.IGNORECASE), key
            assert letter.says.endswith((".", "?")), key
            assert bool(letter.way) is (key[1] is not To.PERSONNE), key

    @pytest.mark.parametrize("key", LETTERS, ids=lambda key: f"{key[0].value}-{key[1].value}")
    def test_every_letter_whole(self, session: Session, key: tuple[Act | Occasion, To]) -> None:
        about, to = key
        scene = make_scene(session)
        scene.offer.nom = "Groupe de parole addictions"
        prescription = sent(session, scene)
        if isinstance(about, Act):
            session.add(
                Transition(
                    prescription_id=prescription.id,
                    act=about,
                    to_state=prescription.state,
                    at=clock.now() + timedelta(seconds=1),
                    message="Entre nous : elle a une addiction.",
                    message_personne="Apportez une pièce d’identité.",
                )
            )
            prescription.suivi_par_id = scene.partner.id
            written = list(told(session, prescription, about).values())
        elif about is Occasion.LIEN:
            written = told_by(session, lambda: notifications.tell_link(session, prescription, SENDER))
        else:
            written = told_by(
                session, lambda: notifications.remind(session, prescription, about, to, SENDER, FACTS)
            )
        recipients = {
            To.PARTENAIRE: {scene.partner.courriel, CONTACT},
            To.REFERENT: {scene.referent.courriel},
            To.PERSONNE: {PERSON},
        }[to]
        mine = [mail for mail in written if mail.recipient in recipients]
        assert mine
        letter = LETTERS[key]
        for mail in mine:
            assert mail.subject == letter.subject
            for private in (
                "Zébulon",
                "Introuvable",
                "Redon",
                "addiction",
                "Association",
                scene.referent.nom,
            ):
                assert private not in mail.subject
            assert re.match(r"Bonjour( \S.*)?,\n\n", mail.body)
            assert not re.search(r"[{}]|None|\n\n\n|  ", mail.body), mail.body
            for entre_nous in ("Introuvable", "06 00", "DEMO", "permis", "Entre nous"):
                assert entre_nous not in mail.body
            if to is To.PERSONNE:
                assert "https://" not in mail.body, "they have no account"
                assert mail.body.startswith("Bonjour Zébulon,\n\n")
                assert f"dites-le à votre référent : {scene.referent.full_name}" in mail.body
                assert ("Apportez une pièce d’identité." in mail.body) is isinstance(about, Act)
            else:
                assert "Zébulon" not in mail.body
                assert "pièce d’identité" not in mail.body
                assert "https://portail.example.org/" in mail.body
            assert all(len(line) < 78 or "https://" in line for line in as_text(mail.body).splitlines())
            html = as_html(mail.body, name="Portail", public_url=SENDER.public_url)
            assert html.count("<html") == 1

    def test_what_a_partner_receives(self, session: Session, move_clock: Callable[..., datetime]) -> None:
        move_clock(2026, 3, 2, 9)
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        assert told(session, prescription, Act.ENVOYER)[scene.partner.courriel].body == (
            f"Bonjour {scene.partner.prenom},\n\n"
            "Une nouvelle prescription attend votre réponse.\n\n"
            f"Offre : {scene.offer.nom}\n"
            f"Référent : {scene.referent.full_name}, {scene.referent.courriel}\n"
            "Prescription envoyée le 2 mars 2026\n\n"
            "Répondez dès que vous le pouvez, même pour dire que vous l’étudiez. Sans réponse, nous vous la rappellerons "
            "tous les 10 jours ; elle expirera le 16 avril 2026.\n\n"
            f"Lire et répondre : https://portail.example.org/prescriptions/{prescription.id}\n"
        )

    def test_what_the_person_receives_when_accepted(
        self, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        now = move_clock(2026, 3, 2, 9)
        scene = make_scene(session)
        prescription = sent(session, scene)
        answers.accept(
            session,
            prescription,
            by=scene.partner,
            message="Pour le référent seul.",
            message_personne="Demandez Alix à l’accueil.",
            meeting=Meeting(at=now + timedelta(days=3), place="3 rue des Essais, Rennes"),
        )
        letters = told(session, prescription, Act.ACCEPTER)
        assert set(letters) == {scene.referent.courriel, PERSON}
        assert letters[PERSON].subject == "Votre demande d’accompagnement"
        assert letters[PERSON].body == (
            "Bonjour Zébulon,\n\n"
            f"Bonne nouvelle : {scene.structure.nom} peut vous accueillir.\n\n"
            "La structure vous écrit :\n\nDemandez Alix à l’accueil.\n\n"
            "Rendez-vous : jeudi 5 mars 2026 à 10\u00a0h\u00a000\nLieu : 3 rue des Essais, Rennes\n\n"
            f"Offre : {scene.offer.nom}\nStructure : {scene.structure.nom}\nTéléphone : 02 99 00 00 00\n\n"
            "Si vous ne pouvez pas venir, prévenez la structure ou votre référent.\n\n"
            "Vous recevez ce courriel parce que vous avez accepté que nous vous écrivions au sujet de cette demande. Pour "
            f"ne plus en recevoir, dites-le à votre référent : {scene.referent.full_name}, {scene.referent.courriel}\n"
        )
        assert "Rendez-vous : jeudi 5 mars 2026" in letters[scene.referent.courriel].body
        assert "Pour le référent seul." not in letters[scene.referent.courriel].body

    def test_a_person_accepted_without_a_day_is_told_that_it_comes(self, session: Session) -> None:
        scene = make_scene(session)
        prescription = sent(session, scene)
        answers.accept(session, prescription, by=scene.partner)
        body = told(session, prescription, Act.ACCEPTER)[PERSON].body
        assert "La structure va vous dire quand venir. Si vous ne pouvez pas venir, prévenez" in body

    def test_a_refusal_tells_the_person_neither_why_nor_what_is_between_the_two(
        self, session: Session
    ) -> None:
        scene = make_scene(session)
        prescription = sent(session, scene)
        answers.refuse(
            session,
            prescription,
            by=scene.partner,
            reason=RefusalReason.FREINS,
            message="Trop fragile pour le moment.",
            message_personne="Nous vous souhaitons de trouver.",
        )
        letters = told(session, prescription, Act.REFUSER)
        assert set(letters) == {scene.referent.courriel, PERSON}
        assert "Nous vous souhaitons de trouver." in letters[PERSON].body
        for mail in letters.values():
            assert "fragile" not in mail.body
            assert RefusalReason.FREINS.label not in mail.body


class TestWhoIsTold:
    def test_all_the_members_and_the_contact_address(self, session: Session) -> None:
        scene = make_scene(session)
        colleague, _ = make_partner(session, scene.structure)
        closed, _ = make_partner(session, scene.structure)
        closed.is_active = False
        elsewhere, _ = make_partner(session)
        prescription = make_prescription(session, scene)
        letters = told(session, prescription, Act.ENVOYER)
        assert set(letters) == {scene.partner.courriel, colleague.courriel, CONTACT}
        for user in (scene.partner, colleague):
            assert f"/prescriptions/{prescription.id}\n" in letters[user.courriel].body
            assert "/reponse/" not in letters[user.courriel].body
        assert "/prescriptions/" not in letters[CONTACT].body
        assert elsewhere.courriel not in letters

    def test_the_link_of_the_contact_address_opens_this_prescription(
        self, session: Session, move_clock: Callable[..., datetime]
    ) -> None:
        move_clock(2026, 3, 2, 9)
        prescription = make_prescription(session, make_scene(session))
        body = told(session, prescription, Act.ENVOYER)[CONTACT].body
        assert "pendant 8 jours" in body
        (words,) = re.findall(r"https://portail\.example\.org/reponse/(\S+)", body)
        assert links.read(SECRET, words, days=8) == (prescription.id, prescription.lien_cle)
        move_clock(2026, 3, 10, 10)
        (again,) = told_by(session, lambda: notifications.tell_link(session, prescription, SENDER))
        assert again.recipient == CONTACT
        (words,) = re.findall(r"/reponse/(\S+)", again.body)
        assert links.read(SECRET, words, days=8) == (prescription.id, prescription.lien_cle)

    def test_no_link_to_what_is_closed(self, session: Session) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        rules.cancel(session, prescription, by=scene.referent)
        letters = told(session, prescription, Act.ANNULER)
        assert set(letters) == {scene.partner.courriel, CONTACT}
        assert "https://" not in letters[CONTACT].body
        assert notifications.tell_link(session, prescription, SENDER) == Told()

    def test_the_offer_may_have_a_contact_of_its_own(self, session: Session) -> None:
        scene = make_scene(session)
        scene.offer.courriel = "Ateliers@association.example.org"
        prescription = make_prescription(session, scene)
        assert set(told(session, prescription, Act.ENVOYER)) == {
            scene.partner.courriel,
            "ateliers@association.example.org",
        }

    def test_a_member_who_reads_the_contact_address_has_one_letter(self, session: Session) -> None:
        scene = make_scene(session)
        scene.offer.courriel, scene.structure.courriel = None, scene.partner.courriel.upper()
        prescription = make_prescription(session, scene)
        assert list(told(session, prescription, Act.ENVOYER)) == [scene.partner.courriel]

    def test_without_member_the_link_alone(self, session: Session) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        scene.partner.is_active = False
        assert notifications.tell(session, prescription, Act.ENVOYER, SENDER) == Told(partner=1)
        assert [mail.recipient for mail in mails(session)] == [CONTACT]

    def test_when_nobody_can_be_written_to_the_referent_knows(self, session: Session) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        scene.partner.is_active = False
        scene.offer.courriel = scene.structure.courriel = None
        assert notifications.tell(session, prescription, Act.ENVOYER, SENDER) == Told(referent=1)
        (mail,) = mails(session)
        assert mail.recipient == scene.referent.courriel
        assert mail.subject == "Une structure n’a pas pu être prévenue"
        assert "Appelez-la" in mail.body

    def test_who_follows_it_is_told_alone(self, session: Session) -> None:
        scene = make_scene(session)
        colleague, _ = make_partner(session, scene.structure)
        prescription = make_prescription(session, scene)
        answers.assign(session, prescription, by=scene.partner, to=colleague)
        letters = told(session, prescription, Act.SUIVRE)
        assert {to: mail.subject for to, mail in letters.items()} == {
            colleague.courriel: "Une prescription vous est confiée"
        }
        rules.remind(session, prescription, by=scene.referent)
        assert set(told(session, prescription, Act.RELANCER)) == {colleague.courriel}

    def test_who_takes_it_for_themselves_is_told_nothing(self, session: Session) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        answers.assign(session, prescription, by=scene.partner, to=scene.partner)
        assert told(session, prescription, Act.SUIVRE) == {}

    def test_once_who_followed_it_left_everybody_is_told(self, session: Session) -> None:
        scene = make_scene(session)
        gone, _ = make_partner(session, scene.structure)
        prescription = make_prescription(session, scene)
        answers.assign(session, prescription, by=scene.partner, to=gone)
        session.delete(session.exec(select(Membership).where(col(Membership.user_id) == gone.id)).one())
        session.flush()
        rules.remind(session, prescription, by=scene.referent)
        assert set(told(session, prescription, Act.RELANCER)) == {scene.partner.courriel, CONTACT}

    def test_handed_over_the_colleague_knows(self, session: Session) -> None:
        scene = make_scene(session)
        colleague = make_user(session, organisation_id=scene.referent.organisation_id)
        prescription = make_prescription(session, scene)
        rules.hand_over(session, prescription, by=scene.referent, to=colleague)
        letters = told(session, prescription, Act.CONFIER)
        assert {to: mail.subject for to, mail in letters.items()} == {
            colleague.courriel: "Une prescription vous est confiée"
        }
        answers.study(session, prescription, by=scene.partner)
        assert set(told(session, prescription, Act.ETUDIER)) == {colleague.courriel}

    def test_a_referent_who_left_is_told_nothing_and_who_follows_the_person_is(
        self, session: Session
    ) -> None:
        scene = make_scene(session)
        prescription = sent(session, scene)
        scene.referent.is_active = False
        answers.study(session, prescription, by=scene.partner)
        assert told(session, prescription, Act.ETUDIER) == {}
        stranger = make_user(session)
        person_of(session, prescription).referent_id = stranger.id
        assert told(session, prescription, Act.ETUDIER) == {}
        successor = make_user(session, organisation_id=scene.referent.organisation_id)
        person_of(session, prescription).referent_id = successor.id
        assert set(told(session, prescription, Act.ETUDIER)) == {successor.courriel}

    def test_an_answer_on_paper_is_not_told_to_who_wrote_it_down(self, session: Session) -> None:
        scene = make_scene(session)
        prescription = sent(session, scene)
        answers.accept(session, prescription, by=actors.on_paper(scene.referent))
        assert set(told(session, prescription, Act.ACCEPTER)) == {PERSON}

    def test_an_answer_by_the_link_is_told_as_any_other(self, session: Session) -> None:
        scene = make_scene(session)
        prescription = make_prescription(session, scene)
        answers.study(session, prescription, by=actors.by_link(prescription))
        assert set(told(session, prescription, Act.ETUDIER)) == {scene.referent.courriel}

    def test_the_person_only_when_they_agreed_and_have_an_address(self, session: Session) -> None:
        never, without, taken_back = (sent(session, make_scene(session)) for _ in range(3))
        never.ecrire_personne = False
        person_of(session, without).courriel = None
        person_of(session, without).courriel_accord = False
        person_of(session, taken_back).courriel_accord = False
        for prescription in (never, without, taken_back):
            assert PERSON not in told(session, prescription, Act.ENVOYER)

    def test_what_was_agreed_at_the_sending_is_kept_in_the_file(self, session: Session) -> None:
        scene = make_scene(session)
        person = make_beneficiary(session, scene.referent, courriel=PERSON)
        draft = make_prescription(session, scene, State.BROUILLON, person)
        rules.send(session, draft, by=scene.referent, consent=True, write_to_person=True)
        assert person.courriel_accord
        assert PERSON in told(session, draft, Act.ENVOYER)

    def test_a_draft_concerns_nobody(self, session: Session) -> None:
        scene = make_scene(session)
        draft = make_prescription(session, scene, State.ANNULEE)
        assert told(session, draft, Act.ANNULER) == {}

    def test_a_presence_is_told_to_nobody(self, session: Session) -> None:
        scene = make_scene(session)
        prescription = sent(session, scene, State.ACCEPTEE)
        answers.note_presence(session, prescription, by=scene.partner, day=clock.today(), came=True)
        assert told(session, prescription, Act.PRESENCE) == {}


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
