"""What alerts tell, to whom and when: only what is new, by every filter and source, once."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from sqlmodel import Session, select
from werkzeug.datastructures import MultiDict

from portal import clock, jobs
from portal.accounts.models import OutgoingMail, User
from portal.accounts.rules import queue_mail
from portal.catalogue import address, alerts, saved
from portal.catalogue.models import Frequence, KnownService, SavedSearch
from portal.config import Config
from portal.db import Database
from portal.offers import rules as offer_rules
from tests.factories.accounts import make_user
from tests.factories.catalogue import index as make_index
from tests.factories.catalogue import known_service, known_structure
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.factories.structures import REDON, make_structure
from tests.pages import Browser
from tests.races.databases import own_database

MoveClock = Callable[..., datetime]
Run = Callable[[], str]
WEEKLY, MONTHLY, NEVER = Frequence.HEBDOMADAIRE, Frequence.MENSUELLE, Frequence.JAMAIS
BEGUN = (2026, 3, 3, 9)
LATER = (2026, 3, 3, 10)


@pytest.fixture
def run(session: Session, database: Database, config: Config) -> Run:
    """Run the job as the command does."""

    def job() -> str:
        session.commit()
        session.expire_all()
        return jobs.JOBS["alertes"](database, config)

    return job


def keep(
    session: Session,
    user: User,
    query: str = "quoi=permis",
    frequence: Frequence = WEEKLY,
    nom: str = "Permis",
) -> SavedSearch:
    pairs = [(k, v) for k, values in parse_qs(query).items() for v in values]
    typed = address.read(MultiDict(pairs))
    assert not typed.errors, typed.errors
    found = saved.save_search(session, typed, nom=nom, frequence=frequence, by=user)
    session.flush()
    return found


def mails(session: Session) -> list[OutgoingMail]:
    session.expire_all()
    return list(session.exec(select(OutgoingMail).order_by(OutgoingMail.created_at)))  # type: ignore[arg-type]


# --- What is told -------------------------------------------------------------------------------------------------


def test_what_appeared_since_is_told_once(session: Session, run: Run, move_clock: MoveClock) -> None:
    move_clock(*BEGUN)
    structure = make_structure(session, nom="Auto-école du Pays")
    make_offer(session, structure, nom="Le permis d’avant")
    user = make_user(session)
    search = keep(session, user)
    move_clock(2026, 3, 6, 9)
    new = make_offer(session, structure, nom="Le permis d’après")
    make_offer(
        session, structure, nom="Autre chose", thematiques=["sante--addictions"], description="Soin. " * 40
    )
    move_clock(2026, 3, 10, 8)
    assert run() == "1 searches looked at, 1 people told"
    (mail,) = mails(session)
    assert (mail.recipient, mail.subject) == (user.courriel, alerts.SUBJECT)
    assert "Permis : 1 nouvelle offre." in mail.body
    assert f"- Le permis d’après (Auto-école du Pays, Rennes) : http://localhost/offres/{new.id}" in mail.body
    assert "avant" not in mail.body and "Autre chose" not in mail.body
    assert "http://localhost/offres?quoi=permis" in mail.body
    session.refresh(search)
    assert search.alerted_at == search.seen_until == datetime(2026, 3, 10, 8, tzinfo=UTC)
    # Again the same day, and the week after: nothing more.
    assert run() == "0 searches looked at, 0 people told"
    move_clock(2026, 3, 17, 8)
    assert run() == "1 searches looked at, 0 people told"
    assert len(mails(session)) == 1
    session.refresh(search)
    assert (search.seen_until.day, search.alerted_at.day) == (17, 10)


def test_the_links_of_a_message_open(
    session: Session, run: Run, move_clock: MoveClock, browser: Browser
) -> None:
    move_clock(*BEGUN)
    keep(session, make_user(session), "quoi=permis&ou=Redon+(35600)&public=beneficiaires-des-minimas-sociaux")
    move_clock(*LATER)
    make_offer(session, nom="Le permis à Redon", code_insee=REDON)
    move_clock(2026, 3, 10, 8)
    run()
    (mail,) = mails(session)
    addresses = [
        word.removeprefix("http://localhost")
        for word in mail.body.split()
        if word.startswith("http://localhost")
    ]
    assert len(addresses) == 4
    assert browser.get(addresses[0]).h1 == "Le permis à Redon"
    assert "Le permis à Redon" in browser.get(addresses[1]).text
    stopping = browser.get(addresses[2])
    assert stopping.form(addresses[2]).submit().h1 == "Cette recherche n’écrit plus"
    assert browser.get(addresses[3], follow=False, status=303)
    make_offer(session, nom="Encore le permis à Redon", code_insee=REDON)
    move_clock(2026, 4, 10, 8)
    assert run() == "0 searches looked at, 0 people told"


def test_what_other_sources_bring_is_told(session: Session, run: Run, move_clock: MoveClock) -> None:
    move_clock(*BEGUN)
    elsewhere = known_structure(session, nom="Recyclerie")
    known_service(session, elsewhere, key="avant", nom="Ordinateurs d’avant")
    make_index(session)
    keep(session, make_user(session), "thematique=numerique", nom="Numérique")
    move_clock(2026, 3, 5, 9)
    known_service(session, elsewhere, key="a b/é", nom="Ordinateurs d’après")
    make_index(session)
    move_clock(2026, 3, 10, 8)
    assert run() == "1 searches looked at, 1 people told"
    (mail,) = mails(session)
    assert "Numérique : 1 nouvelle offre." in mail.body
    assert (
        "- Ordinateurs d’après (Recyclerie, Rennes) : http://localhost/offres/dora--a%20b%2F%C3%A9"
        in mail.body
    )
    assert "avant" not in mail.body


def test_a_service_received_again_is_not_new(session: Session, run: Run, move_clock: MoveClock) -> None:
    move_clock(*BEGUN)
    service = known_service(session, key="1")
    make_index(session)
    keep(session, make_user(session), "thematique=numerique")
    at = move_clock(2026, 3, 5, 9)
    service.changed_at, service.record = at, service.record.replace("Atelier", "Grand atelier")
    make_index(session)
    move_clock(2026, 3, 10, 8)
    assert run() == "1 searches looked at, 0 people told"


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("thematique=mobilite", True),
        ("thematique=sante", False),
        ("public=femmes", False),
        ("type=accompagnement", True),
        ("type=formation", False),
        ("frais=payant", False),
        ("mode=a-distance", False),
        ("dominante=equilibree", True),
        ("dominante=emploi", False),
        ("heures=5-a-15", True),
        ("heures=15-et-plus", False),
        ("pro=1", True),
        ("places=1", True),
        ("session=1-mois", False),
        ("finance=etat", True),
        ("finance=europe", False),
        ("finance=EX-ALERTE", True),
        ("source=portail-test", True),
        ("source=dora", False),
        ("ou=Rennes+(35000)&rayon=5", True),
        ("ou=Redon+(35600)&rayon=5", False),
        ("ou=Morbihan+(56)", False),
        ("fraicheur=3-mois", True),
        ("qualite=0.5", True),
    ],
)
def test_every_filter_applies(
    session: Session, run: Run, move_clock: MoveClock, query: str, told: bool
) -> None:
    move_clock(*BEGUN)
    structure = make_structure(session)
    keep(session, make_user(session), query)
    move_clock(2026, 3, 6, 9)
    offer = make_offer(session, structure)
    make_action(
        session, make_convention(session, structure, numero="EX-ALERTE", financeurs=["etat"]), [offer]
    )
    move_clock(2026, 3, 10, 8)
    assert run() == f"1 searches looked at, {int(told)} people told"


def test_one_message_a_person_for_all_their_searches(
    session: Session, run: Run, move_clock: MoveClock
) -> None:
    move_clock(*BEGUN)
    one, two = make_user(session), make_user(session)
    keep(session, one, "quoi=permis", nom="Le permis")
    keep(session, one, "thematique=mobilite", nom="Mobilité")
    keep(session, one, "thematique=sante", nom="Santé")
    keep(session, one, "type=accompagnement", NEVER, nom="Sans alerte")
    keep(session, one, "frais=gratuit", MONTHLY, nom="Au mois")
    keep(session, two, "quoi=permis", nom="Pour moi aussi")
    move_clock(*LATER)
    make_offer(session)
    move_clock(2026, 3, 10, 8)
    assert run() == "4 searches looked at, 2 people told"
    told = {mail.recipient: mail for mail in mails(session)}
    assert set(told) == {one.courriel, two.courriel}
    mine = told[one.courriel].body
    assert mine.count("1 nouvelle offre.") == 2
    assert mine.index("Le permis : 1") < mine.index("Mobilité : 1")
    for absent in ("Santé", "Sans alerte", "Au mois", "Pour moi aussi"):
        assert absent not in mine
    # The subject says nothing of anybody, nor of what they look for.
    assert told[one.courriel].subject == told[two.courriel].subject == alerts.SUBJECT


def test_a_message_names_ten_offers_and_counts_the_others(
    session: Session, run: Run, move_clock: MoveClock
) -> None:
    move_clock(*BEGUN)
    keep(session, make_user(session))
    move_clock(*LATER)
    structure = make_structure(session)
    for number in range(13):
        make_offer(session, structure, nom=f"Permis {number}")
    move_clock(2026, 3, 10, 8)
    run()
    (mail,) = mails(session)
    assert "Permis : 13 nouvelles offres." in mail.body
    assert mail.body.count("\n- Permis ") == alerts.MOST_LISTED
    assert "- et 3 autres, dans la recherche" in mail.body


def test_more_results_than_a_page_of_the_engine_are_all_looked_at(
    session: Session, run: Run, move_clock: MoveClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "_PAGE", 4)
    monkeypatch.setattr(alerts, "_TOGETHER", 3)
    move_clock(*BEGUN)
    structure = make_structure(session)
    for number in range(6):
        make_offer(session, structure, nom=f"Permis d’avant {number}")
    keep(session, make_user(session))
    move_clock(2026, 3, 3, 9, 0, 1)
    for number in range(5):
        make_offer(session, structure, nom=f"Permis d’après {number}")
    move_clock(2026, 3, 10, 8)
    run()
    (mail,) = mails(session)
    # Of the same day, to the second: the moment counts, not the day.
    assert "Permis : 5 nouvelles offres." in mail.body
    assert "avant" not in mail.body


def test_an_offer_that_left_meanwhile_is_not_told(session: Session, run: Run, move_clock: MoveClock) -> None:
    move_clock(*BEGUN)
    user = make_user(session)
    keep(session, user)
    move_clock(*LATER)
    offer = make_offer(session)
    move_clock(2026, 3, 6, 9)
    offer_rules.withdraw_offer(session, offer, by=user)
    move_clock(2026, 3, 10, 8)
    assert run() == "1 searches looked at, 0 people told"


def test_a_search_that_cannot_be_read_any_more_tells_nothing(
    session: Session, run: Run, move_clock: MoveClock
) -> None:
    move_clock(*BEGUN)
    search = keep(session, make_user(session))
    # Without its retired value it would be about everything.
    search.criteres = {"type": ["retire"]}
    move_clock(*LATER)
    make_offer(session)
    move_clock(2026, 3, 10, 8)
    assert run() == "0 searches looked at, 0 people told"
    assert mails(session) == []


# --- When, and to whom --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frequence", "kept_on", "first"),
    [
        (WEEKLY, date(2026, 3, 3), date(2026, 3, 10)),
        (MONTHLY, date(2026, 3, 3), date(2026, 4, 3)),
        # The last day of a month stands for all those that it lacks.
        (MONTHLY, date(2026, 1, 31), date(2026, 2, 28)),
        (NEVER, date(2026, 3, 3), None),
    ],
)
def test_the_day_it_is_due(
    session: Session,
    run: Run,
    move_clock: MoveClock,
    frequence: Frequence,
    kept_on: date,
    first: date | None,
) -> None:
    move_clock(kept_on.year, kept_on.month, kept_on.day, 9)
    keep(session, make_user(session), frequence=frequence)
    move_clock(kept_on.year, kept_on.month, kept_on.day, 10)
    make_offer(session)
    told = []
    for days in range(40):
        day = kept_on + timedelta(days=days)
        # A little earlier each day: the day counts, not the hour.
        move_clock(day.year, day.month, day.day, 8)
        if run() != "0 searches looked at, 0 people told":
            told.append(day)
    assert told[:1] == ([first] if first else [])
    assert len(mails(session)) == (1 if first else 0)


def test_a_closed_account_is_told_nothing(session: Session, run: Run, move_clock: MoveClock) -> None:
    move_clock(*BEGUN)
    user = make_user(session)
    keep(session, user)
    user.is_active = False
    move_clock(*LATER)
    make_offer(session)
    move_clock(2026, 3, 10, 8)
    assert run() == "0 searches looked at, 0 people told"
    assert mails(session) == []


@pytest.mark.parametrize("change", ["stopped", "deleted", "closed", "told"])
def test_what_changed_while_the_job_ran_is_respected(
    session: Session,
    database: Database,
    run: Run,
    move_clock: MoveClock,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
) -> None:
    move_clock(*BEGUN)
    user = make_user(session)
    search_id = keep(session, user).id
    move_clock(*LATER)
    make_offer(session)
    session.commit()
    looked = alerts.news_of

    def then_changed(*args: Any, **values: Any) -> Any:
        found = looked(*args, **values)
        with database.writing() as other:
            search = other.get_one(SavedSearch, search_id)
            if change == "stopped":
                saved.stop_alerts(other, search)
            elif change == "deleted":
                saved.delete_search(other, search)
            elif change == "closed":
                other.get_one(User, search.user_id).is_active = False
            else:
                search.seen_until += timedelta(seconds=1)
        return found

    monkeypatch.setattr(alerts, "news_of", then_changed)
    move_clock(2026, 3, 10, 8)
    assert run() == "0 searches looked at, 0 people told"
    assert mails(session) == []


def test_one_search_that_fails_does_not_keep_others_from_their_message(
    session: Session, run: Run, move_clock: MoveClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    move_clock(*BEGUN)
    unlucky, other = make_user(session), make_user(session)
    keep(session, unlucky, nom="Malchance")
    keep(session, other)
    move_clock(*LATER)
    make_offer(session)
    looked = alerts.news_of

    def fails_once(session: Session, snapshot: Any, search: SavedSearch, **values: Any) -> Any:
        if search.nom == "Malchance":
            raise ValueError("a surprise")
        return looked(session, snapshot, search, **values)

    monkeypatch.setattr(alerts, "news_of", fails_once)
    move_clock(2026, 3, 10, 8)
    assert run() == "1 searches looked at, 1 people told, 1 failed"
    assert [mail.recipient for mail in mails(session)] == [other.courriel]
    # It is tried again the next time.
    monkeypatch.setattr(alerts, "news_of", looked)
    assert run() == "1 searches looked at, 1 people told"
    assert {mail.recipient for mail in mails(session)} == {unlucky.courriel, other.courriel}


def test_a_message_that_cannot_be_written_leaves_its_searches_as_they_were(
    session: Session, run: Run, move_clock: MoveClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = move_clock(*BEGUN)
    search = keep(session, make_user(session))
    move_clock(*LATER)
    make_offer(session)

    def refused(*_args: Any, **_values: Any) -> None:
        raise OSError("no room left")

    monkeypatch.setattr(alerts, "queue_mail", refused)
    move_clock(2026, 3, 10, 8)
    assert run() == "0 searches looked at, 0 people told, 1 failed"
    session.refresh(search)
    assert (search.seen_until, search.alerted_at) == (begun, None)
    monkeypatch.setattr(alerts, "queue_mail", queue_mail)
    assert run() == "1 searches looked at, 1 people told"


def test_another_slug_of_ours_is_followed(
    session: Session, database: Database, config: Config, move_clock: MoveClock
) -> None:
    move_clock(*BEGUN)
    keep(session, make_user(session))
    move_clock(*LATER)
    make_offer(session)
    session.commit()
    session.expire_all()
    move_clock(2026, 3, 10, 8)
    other = replace(config, source="portail-autre")
    assert jobs.JOBS["alertes"](database, other) == "1 searches looked at, 1 people told"


def test_an_import_that_is_still_being_written_is_told_the_next_time(
    engine_name: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    config: Config,
) -> None:
    """Its services bear a moment that has passed when they are seen at last."""
    with own_database(engine_name, request, tmp_path) as database:
        with clock.stopped_at(clock.now() - timedelta(days=20)), database.writing() as session:
            keep(session, make_user(session), "thematique=numerique")
        job = partial(jobs.JOBS["alertes"], database, config)
        with database.sessions() as importing:
            if engine_name == "postgresql":
                known_service(importing, key="1")
                time.sleep(0.1)
                assert job() == "1 searches looked at, 0 people told"
            else:
                # There the job waits for the import: it cannot begin while another writes.
                known_service(importing, key="1")
            make_index(importing)
            importing.commit()
        if engine_name == "postgresql":
            with database.writing() as session:
                search = session.exec(select(SavedSearch)).one()
                service = session.exec(select(KnownService)).one()
                assert search.seen_until < service.received_at
                # A week passes.
                search.seen_until -= timedelta(days=8)
                service.received_at -= timedelta(days=8)
        assert job() == "1 searches looked at, 1 people told"
