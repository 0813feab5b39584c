"""The same job run at the same instant by several machines: each thing is done once."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from sqlmodel import select

from portal import clock
from portal.accounts.models import OutgoingMail, Role
from portal.accounts.rules import queue_mail
from portal.budget import deadlines
from portal.budget.models import Volet
from portal.catalogue import address, saved
from portal.catalogue.models import Frequence, SavedSearch
from portal.config import Config
from portal.conventions.engagements import DueNotice, PartnerReport, ReportKind
from portal.db import Database
from portal.prescriptions.models import Prescription, PrescriptionReminder, ReminderKind
from portal.prescriptions.states import State
from tests.factories.accounts import make_user
from tests.factories.budget import make_state_convention
from tests.factories.conventions import make_convention
from tests.factories.offers import make_offer
from tests.factories.prescriptions import make_prescription, make_scene
from tests.factories.structures import make_partner, make_structure
from tests.races import workers
from tests.races.databases import own_database
from tests.races.workers import race
from tests.test_jobs import Postman, free_port

pytestmark = pytest.mark.xdist_group("races")


@pytest.fixture
def arena(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of its own, with its tables."""
    with own_database(engine_name, request, tmp_path) as database:
        yield database


def test_each_message_leaves_once(arena: Database, config: Config) -> None:
    wanted = {f"personne{n}@exemple.example.org" for n in range(8)}
    with arena.writing() as session:
        for recipient in wanted:
            queue_mail(session, recipient=recipient, subject="Bonjour", body="Bonjour.")
    postman = Postman()
    server = Controller(postman, hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        url = arena.engine.url.render_as_string(hide_password=False)
        entrant = ("mail", config, f"smtp://127.0.0.1:{server.port}")
        said = race(url, workers.run_job, [entrant] * 4)
    finally:
        server.stop()
    assert sum(int(line.split()[0]) for line in said) == 8, said
    assert Counter(to for _, (to,), _ in postman.received) == dict.fromkeys(wanted, 1)
    with arena.session(read_only=True) as session:
        assert all(mail.sent_at and mail.attempts == 1 for mail in session.exec(select(OutgoingMail)))


def test_each_prescription_expires_once(arena: Database, config: Config) -> None:
    with clock.stopped_at(clock.now() - timedelta(days=50)), arena.writing() as session:
        scene = make_scene(session)
        for _ in range(15):
            make_prescription(session, scene)
    url = arena.engine.url.render_as_string(hide_password=False)
    said = race(url, workers.run_job, [("prescriptions", config, "")] * 4)
    assert sum(int(line.split()[0]) for line in said) == 15, said
    with arena.session(read_only=True) as session:
        assert set(session.exec(select(Prescription.state))) == {State.EXPIREE}
        # The member, the contact address of the structure and the référent of each.
        assert len(session.exec(select(OutgoingMail)).all()) == 45


def test_each_reminder_is_written_once(arena: Database, config: Config) -> None:
    with clock.stopped_at(clock.now() - timedelta(days=11)), arena.writing() as session:
        scene = make_scene(session, places=None)
        for state in [State.ENVOYEE, State.A_L_ETUDE, State.ACCEPTEE] * 5:
            make_prescription(session, scene, state)
    url = arena.engine.url.render_as_string(hide_password=False)
    said = race(url, workers.run_job, [("relances", config, "")] * 4)
    assert sum(int(line.split()[0]) for line in said) == 10, said
    with arena.session(read_only=True) as session:
        reminders = session.exec(select(PrescriptionReminder)).all()
        assert Counter((line.kind, line.rang) for line in reminders) == {
            (ReminderKind.PARTENAIRE, 1): 10,
            (ReminderKind.ENTREE, 1): 5,
        }
        # The member and the contact address of the structure.
        assert len(session.exec(select(OutgoingMail)).all()) == 30


def test_each_person_is_told_once_of_what_falls_due(arena: Database, config: Config) -> None:
    today = clock.today()
    with arena.writing() as session:
        officers = [make_user(session, Role.CONVENTIONNEMENT).courriel for _ in range(2)]
        for _ in range(3):
            # The advance is late, so is the bilan of last year.
            make_state_convention(
                session,
                {(today.year - 1, Volet.INGENIERIE): 10_000_000},
                signe_le=date(today.year - 1, 1, 2),
                date_debut=date(today.year - 1, 1, 1),
                date_fin=date(today.year, 12, 31),
            )
        structure = make_structure(session)
        members = [make_partner(session, structure)[0].courriel for _ in range(2)]
        for number in range(4):
            convention = make_convention(
                session, structure, date_debut=today - timedelta(300), date_fin=today + timedelta(25 + number)
            )
            session.add(
                PartnerReport(
                    convention_id=convention.id,
                    kind=ReportKind.ACTIVITE,
                    debut=today - timedelta(200),
                    fin=today - timedelta(50),
                    du_le=today + timedelta(3),
                )
            )
    with arena.session(read_only=True) as session:
        wanted = len(deadlines.due(session, today))
    url = arena.engine.url.render_as_string(hide_password=False)
    said = race(url, workers.run_job, [("echeances", config, "")] * 4)
    # Whoever notes the first thing notes them all, and writes the letters; the others find nothing to tell.
    assert sorted(said) == ["0 due dates told in 0 letters"] * 3 + [
        f"{wanted} due dates told in {len(officers) + len(members)} letters"
    ]
    assert wanted >= 11
    with arena.session(read_only=True) as session:
        mails = session.exec(select(OutgoingMail)).all()
        assert Counter(mail.recipient for mail in mails) == dict.fromkeys([*officers, *members], 1)
        assert len(session.exec(select(DueNotice)).all()) == wanted


def test_each_alert_is_told_once(arena: Database, config: Config) -> None:
    searches = address.from_kept({"quoi": ["permis"]})
    with clock.stopped_at(clock.now() - timedelta(days=8)), arena.writing() as session:
        for _ in range(6):
            saved.save_search(
                session, searches, nom="Permis", frequence=Frequence.HEBDOMADAIRE, by=make_user(session)
            )
    with arena.writing() as session:
        make_offer(session)
    url = arena.engine.url.render_as_string(hide_password=False)
    said = race(url, workers.run_job, [("alertes", config, "")] * 4)
    assert sum(int(line.split()[0]) for line in said) == 6, said
    with arena.session(read_only=True) as session:
        mails = session.exec(select(OutgoingMail)).all()
        assert len(mails) == len({mail.recipient for mail in mails}) == 6
        assert all(search.alerted_at for search in session.exec(select(SavedSearch)))
