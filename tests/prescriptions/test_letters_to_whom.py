"""To whom each act is told: members, the contact address by its link, référents, the person; and to nobody else."""

import re
from collections.abc import Callable
from datetime import datetime

from sqlmodel import Session, col, select

from portal import clock
from portal.prescriptions import actors, answers, links, notifications, rules
from portal.prescriptions.notifications import Told
from portal.prescriptions.states import Act, State
from portal.structures.models import Membership
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.prescriptions import make_prescription, make_scene
from tests.factories.structures import make_partner
from tests.prescriptions.hands import mails
from tests.prescriptions.post import CONTACT, PERSON, SECRET, SENDER, person_of, sent, told, told_by


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
