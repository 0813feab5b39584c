"""Every letter: its words, what each side reads in it, and what no letter says."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session

from portal import clock
from portal.mail import as_html, as_text
from portal.prescriptions import answers, notifications
from portal.prescriptions.letters import LETTERS, Occasion, To
from portal.prescriptions.models import RefusalReason, Transition
from portal.prescriptions.seats import Meeting
from portal.prescriptions.states import Act
from tests.factories.prescriptions import make_prescription, make_scene
from tests.prescriptions.post import CONTACT, PERSON, SENDER, sent, told, told_by

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
