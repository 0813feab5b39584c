"""What is due: mail through a real SMTP server on this machine, and expiries."""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from sqlmodel import Session, col, select

from portal import clock, jobs
from portal.accounts.models import OutgoingMail
from portal.accounts.queries import CLAIM_LIFE
from portal.accounts.rules import queue_mail
from portal.config import Config
from portal.conventions.models import Convention, PlaceMode
from portal.db import Database
from portal.prescriptions import answers, links
from portal.prescriptions.models import PrescriptionDocument
from portal.prescriptions.states import Side, State
from tests.factories.prescriptions import make_prescription, make_scene

BODY = "Bonjour Éloïse,\n\nL’été à Saint-Malo : 1 234,56 € — « déjà là ».\n\n.\nFin.\n"


@dataclass
class Postman:
    """Keeps what arrives; refuses `refused` recipients at once and `failing` ones when the message is given."""

    refused: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    received: list[tuple[str, list[str], EmailMessage]] = field(default_factory=list)
    users: list[tuple[str, str]] = field(default_factory=list)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Envelope, to: str, _o: Any) -> str:
        self.asked.append(to)
        if to in self.refused:
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:
        if self.failing & set(envelope.rcpt_tos):
            return "451 4.3.0 try again later"
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.received.append((envelope.mail_from or "", list(envelope.rcpt_tos), message))
        return "250 OK"

    def authenticate(
        self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.users.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=self.users[-1] == ("portail@35", "mot:de/passe"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def postman() -> Postman:
    return Postman()


@pytest.fixture
def mailing(config: Config, postman: Postman) -> Iterator[Config]:
    """The settings of a portal whose mail leaves through a server that the postman holds."""
    server = Controller(postman, hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        yield replace(
            config, mail_url=f"smtp://127.0.0.1:{server.port}", mail_from="portail@exemple.example.org"
        )
    finally:
        server.stop()


def queue(session: Session, *recipients: str) -> list[OutgoingMail]:
    made = []
    for recipient in recipients:
        mail = queue_mail(session, recipient=recipient, subject="Une prescription à l’étude", body=BODY)
        session.commit()
        made.append(mail)
    return made


def later(runs: int = 1) -> AbstractContextManager[None]:
    """The clock of the next run but `runs` of `jobs run`: a message refused may then be tried again."""
    return clock.stopped_at(clock.now() + runs * CLAIM_LIFE)


def state(session: Session) -> dict[str, tuple[bool, int, str | None]]:
    """{recipient: (sent, attempts, last error)}."""
    session.expire_all()
    rows = session.exec(select(OutgoingMail).order_by(col(OutgoingMail.created_at)))
    return {mail.recipient: (mail.sent_at is not None, mail.attempts, mail.last_error) for mail in rows}


class TestMail:
    def test_a_message_arrives_as_it_was_written(
        self, session: Session, database: Database, mailing: Config, postman: Postman
    ) -> None:
        (mail,) = queue(session, "eloise@exemple.example.org")
        assert jobs.send_mail(database, mailing) == "1 sent, 0 refused"
        ((sender, recipients, message),) = postman.received
        assert (sender, recipients) == ("portail@exemple.example.org", ["eloise@exemple.example.org"])
        assert message["Subject"] == "Une prescription à l’étude"
        assert message["From"] == "portail@exemple.example.org"
        assert message["To"] == "eloise@exemple.example.org"
        assert message["Auto-Submitted"] == "auto-generated"
        assert message["Message-ID"] == f"<{mail.id}@exemple.example.org>"
        assert parsedate_to_datetime(message["Date"]) == mail.created_at.replace(microsecond=0)
        assert message.get_content_type() == "multipart/alternative"
        plain, html = message.iter_parts()
        assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
        assert plain.get_content().replace("\r\n", "\n") == BODY
        assert "L’été à Saint-Malo : 1 234,56 € — « déjà là »." in html.get_content()
        assert state(session) == {"eloise@exemple.example.org": (True, 1, None)}

    def test_each_leaves_once_however_often_the_job_runs(
        self, session: Session, database: Database, mailing: Config, postman: Postman
    ) -> None:
        wanted = [f"personne{n}@exemple.example.org" for n in range(3)]
        queue(session, *wanted)
        assert jobs.send_mail(database, mailing) == "3 sent, 0 refused"
        assert jobs.send_mail(database, mailing) == "0 sent, 0 refused"
        assert [to for _, to, _ in postman.received] == [[to] for to in wanted], "oldest first"

    def test_the_same_message_bears_the_same_id_when_it_leaves_again(
        self, session: Session, database: Database, mailing: Config, postman: Postman
    ) -> None:
        first, _ = queue(session, "a@exemple.example.org", "b@exemple.example.org")
        jobs.send_mail(database, mailing)
        # The server took it, and the machine stopped before writing so.
        session.expire_all()
        first.sent_at = None
        session.commit()
        assert jobs.send_mail(database, mailing) == "0 sent, 0 refused", "it is in somebody's hands"
        with later():
            jobs.send_mail(database, mailing)
        ids = [message["Message-ID"] for _, _, message in postman.received]
        assert ids[0] == ids[2] != ids[1]

    def test_a_sender_with_a_name(
        self, session: Session, database: Database, mailing: Config, postman: Postman
    ) -> None:
        (mail,) = queue(session, "a@exemple.example.org")
        named = replace(mailing, mail_from="Passerelle insertion <portail@exemple.example.org>")
        jobs.send_mail(database, named)
        ((sender, _, message),) = postman.received
        assert sender == "portail@exemple.example.org"
        assert message["From"] == "Passerelle insertion <portail@exemple.example.org>"
        assert message["Message-ID"] == f"<{mail.id}@exemple.example.org>"

    def test_a_refused_recipient_is_counted_and_does_not_hold_the_others_back(
        self, session: Session, database: Database, mailing: Config, postman: Postman
    ) -> None:
        postman.refused = {"refuse@exemple.example.org"}
        postman.failing = {"plus-tard@exemple.example.org"}
        queue(
            session, "refuse@exemple.example.org", "plus-tard@exemple.example.org", "ok@exemple.example.org"
        )
        assert jobs.send_mail(database, mailing) == "1 sent, 2 refused"
        assert state(session) == {
            "refuse@exemple.example.org": (False, 1, "recipient refused"),
            "plus-tard@exemple.example.org": (False, 1, "451"),
            "ok@exemple.example.org": (True, 1, None),
        }
        postman.failing.clear()
        with later():
            assert jobs.send_mail(database, mailing) == "1 sent, 1 refused"
        assert state(session)["plus-tard@exemple.example.org"] == (True, 2, None)

    def test_it_is_tried_ten_times_and_no_more(
        self, session: Session, database: Database, mailing: Config, postman: Postman
    ) -> None:
        postman.refused = {"refuse@exemple.example.org"}
        queue(session, "refuse@exemple.example.org")
        said = []
        for run in range(12):
            with later(run):
                said.append(jobs.send_mail(database, mailing))
        assert said == ["0 sent, 1 refused"] * 10 + ["0 sent, 0 refused"] * 2
        assert len(postman.asked) == 10
        assert state(session) == {"refuse@exemple.example.org": (False, 10, "recipient refused")}

    def test_without_a_server_at_the_address_the_job_fails_and_nothing_is_lost(
        self, session: Session, database: Database, config: Config, postman: Postman
    ) -> None:
        queue(session, "a@exemple.example.org")
        absent = replace(config, mail_url=f"smtp://127.0.0.1:{free_port()}")
        with pytest.raises(ConnectionRefusedError):
            jobs.send_mail(database, absent)
        assert state(session) == {"a@exemple.example.org": (False, 0, None)}

    def test_a_server_that_hangs_up_loses_nothing(
        self, session: Session, database: Database, config: Config
    ) -> None:
        class HangsUp(Postman):
            async def handle_DATA(self, server: Any, _session: Any, _envelope: Envelope) -> str:
                server.transport.close()
                return "421 bye"

        queue(session, "a@exemple.example.org")
        server = Controller(HangsUp(), hostname="127.0.0.1", port=free_port())
        server.start()
        try:
            with pytest.raises(OSError, match="Connection unexpectedly closed"):
                jobs.send_mail(database, replace(config, mail_url=f"smtp://127.0.0.1:{server.port}"))
        finally:
            server.stop()
        assert state(session) == {"a@exemple.example.org": (False, 0, None)}

    def test_the_name_and_password_of_the_address_are_given_to_the_server(
        self, session: Session, database: Database, config: Config, postman: Postman
    ) -> None:
        server = Controller(
            postman,
            hostname="127.0.0.1",
            port=free_port(),
            authenticator=postman.authenticate,
            auth_require_tls=False,
        )
        server.start()
        queue(session, "a@exemple.example.org")
        url = f"smtp://portail%4035:mot%3Ade%2Fpasse@127.0.0.1:{server.port}"
        try:
            assert jobs.send_mail(database, replace(config, mail_url=url)) == "1 sent, 0 refused"
        finally:
            server.stop()
        assert postman.users == [("portail@35", "mot:de/passe")]

    def test_without_a_setting_mail_stays_here(
        self, session: Session, database: Database, config: Config
    ) -> None:
        queue(session, "a@exemple.example.org")
        assert config.mail_url == ""
        assert jobs.send_mail(database, config) == "no PORTAL_MAIL_URL: messages stay in the outbox"
        assert state(session) == {"a@exemple.example.org": (False, 0, None)}


class TestExpiry:
    def test_what_nobody_answered_expires_once_and_both_sides_are_told(
        self,
        session: Session,
        database: Database,
        config: Config,
        move_clock: Callable[..., datetime],
    ) -> None:
        move_clock(2025, 1, 1, 10)
        scene = make_scene(session)
        forgotten = make_prescription(session, scene)
        accepted = make_prescription(session, scene, State.ACCEPTEE)
        session.commit()
        assert jobs.follow_prescriptions(database, config).startswith("0 expired, ")

        move_clock(2025, 2, 16, 10)
        assert jobs.follow_prescriptions(database, config).startswith("1 expired, ")
        session.expire_all()
        assert (forgotten.state, accepted.state) == (State.EXPIREE, State.ACCEPTEE)
        assert jobs.follow_prescriptions(database, config).startswith("0 expired, ")
        mails = session.exec(select(OutgoingMail)).all()
        contact = "accueil@association.example.org"
        assert sorted(mail.recipient for mail in mails) == sorted(
            [scene.partner.courriel, contact, scene.referent.courriel]
        )
        for mail in mails:
            assert mail.subject == "Une prescription a expiré"
            # Who has no account had a link, which opens nothing any more.
            told = f"{config.public_url}/prescriptions/{forgotten.id}" in mail.body
            assert told is (mail.recipient != contact)
            assert "Fictif" not in mail.subject + mail.body

    def test_nothing_is_due_in_an_empty_portal(
        self, session: Session, database: Database, config: Config
    ) -> None:
        assert {name: job(database, config) for name, job in jobs.JOBS.items()} == {
            "prescriptions": "0 expired, 0 released, 0 turns of a waiting list told",
            "relances": "0 structures and 0 référents reminded of an answer, 0 and 0 of an entry, 0 people of a meeting, "
            "0 links renewed",
            "documents": "0 documents removed",
            "echeances": "0 due dates told in 0 letters",
            "freshness": "0 to confirm, 0 suspended",
            "referencement": "0 animators told",
            "imports": "0 emptied",
            "saisies": "0 unfinished forms forgotten",
            "besoins": "0 unmet needs forgotten",
            "catalogue": "0 marks forgotten",
            "alertes": "0 searches looked at, 0 people told",
            "mail": "no PORTAL_MAIL_URL: messages stay in the outbox",
        }
        assert clock.now().tzinfo is UTC


class TestFollowUp:
    def test_reminders_and_purge_run_from_the_jobs(
        self,
        session: Session,
        database: Database,
        config: Config,
        move_clock: Callable[..., datetime],
    ) -> None:
        move_clock(2025, 1, 1, 10)
        scene = make_scene(session)
        silent = make_prescription(session, scene)
        expected = make_prescription(session, scene, State.ACCEPTEE)
        refused = make_prescription(session, scene, State.REFUSEE)
        document = PrescriptionDocument(
            prescription_id=refused.id,
            nom="cv.pdf",
            content_type="application/pdf",
            taille=4,
            contenu=b"%PDF",
            side=Side.REFERENT,
        )
        session.add(document)
        session.commit()
        move_clock(2025, 1, 11, 12)
        said = (
            "1 structures and 0 référents reminded of an answer, 1 and 0 of an entry, 0 people of a meeting, "
            "0 links renewed"
        )
        assert jobs.send_reminders(database, config) == said
        assert jobs.purge_documents(database, config) == "1 documents removed"
        written = [(mail.recipient, mail.subject) for mail in session.exec(select(OutgoingMail))]
        nothing = said.replace("1", "0")
        assert jobs.send_reminders(database, config) == nothing
        assert jobs.purge_documents(database, config) == "0 documents removed"
        assert len(session.exec(select(OutgoingMail)).all()) == len(written) == 4
        for subject in (
            "Rappel : une prescription attend votre réponse",
            "La personne attendue est-elle venue ?",
        ):
            assert (scene.partner.courriel, subject) in written
        # The link of the contact address opens the right one.
        links_sent = {
            mail.subject: words
            for mail in session.exec(select(OutgoingMail))
            for words in re.findall(rf"{config.public_url}/reponse/(\S+)", mail.body)
        }
        assert {
            subject: links.read(config.secret_key, words, days=8)[0] for subject, words in links_sent.items()
        } == {
            "Rappel : une prescription attend votre réponse": silent.id,
            "La personne attendue est-elle venue ?": expected.id,
        }
        session.refresh(document)
        assert (document.nom, document.contenu) == ("cv.pdf", None)

    def test_a_place_that_nobody_came_for_is_proposed_to_the_next_in_the_same_run(
        self,
        session: Session,
        database: Database,
        config: Config,
        move_clock: Callable[..., datetime],
    ) -> None:
        move_clock(2025, 1, 1, 10)
        scene = make_scene(session, places=1, mode=PlaceMode.FILE_ACTIVE)
        assert scene.action is not None
        session.get_one(Convention, scene.action.convention_id).delai_entree_jours = 7
        absent = make_prescription(session, scene, State.ACCEPTEE)
        first = make_prescription(session, scene)
        answers.put_on_waiting_list(session, first, by=scene.partner)
        session.commit()
        move_clock(2025, 1, 9, 10)
        said = jobs.follow_prescriptions(database, config)
        assert said == "0 expired, 1 released, 1 turns of a waiting list told"
        session.expire_all()
        assert (absent.state, first.state) == (State.ABANDONNEE, State.A_L_ETUDE)
        told = [(mail.recipient, mail.subject) for mail in session.exec(select(OutgoingMail))]
        contact = "accueil@association.example.org"
        assert sorted(told) == sorted(
            [
                (scene.partner.courriel, "Une place est libérée"),
                (contact, "Une place est libérée"),
                (scene.referent.courriel, "Une place est libérée"),
                (scene.referent.courriel, "Une place se libère"),
            ]
        )
        assert jobs.follow_prescriptions(database, config) == nothing_to_follow()


def nothing_to_follow() -> str:
    return "0 expired, 0 released, 0 turns of a waiting list told"
