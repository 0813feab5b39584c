"""The rule of freshness: what one process commits, all see, each change once the transaction that made it is over."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from portal import clock
from portal.catalogue import freshness, ours
from portal.catalogue.criteria import Criteria, SessionBand
from portal.catalogue.engine import Catalogue, Snapshot
from portal.catalogue.models import CatalogueChange, CatalogueIndex
from portal.config import ROOT
from portal.db import Database
from portal.offers.models import Offer, OfferSession
from portal.structures import rules as structure_rules
from portal.structures.models import Structure
from tests.factories.catalogue import index, known_service
from tests.factories.conventions import make_action, make_convention
from tests.factories.offers import make_offer
from tests.races.databases import own_database


@pytest.fixture
def arena(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with own_database(engine_name, request, tmp_path) as database:
        yield database


@pytest.fixture
def one(tmp_path: Path) -> Catalogue:
    return Catalogue(source="portail-test", public_url="http://localhost", folder=tmp_path, poll_seconds=0)


def look(database: Database, catalogue: Catalogue) -> Snapshot:
    with database.session(read_only=True) as session:
        return catalogue.snapshot(session)


def names(database: Database, catalogue: Catalogue, **wanted: Any) -> list[str]:
    with database.session(read_only=True) as session:
        snapshot = catalogue.snapshot(session)
        cards = snapshot.cards(session, snapshot.search(Criteria(**wanted)).hits)
    return sorted(card.record["nom"] for card in cards)


def test_what_another_process_commits_is_seen(arena: Database, one: Catalogue) -> None:
    with arena.writing() as session:
        make_offer(session, nom="Offre de départ")
    assert names(arena, one) == ["Offre de départ"]
    # Another process, which knows nothing of this one's memory, nor of the rules: a statement of its own.
    code = (
        "import sys; from sqlalchemy import text; from portal.db import Database\n"
        "with Database(sys.argv[1]).writing() as session:\n"
        "    session.execute(text(\"UPDATE offer SET nom = 'Offre renommée'\"))\n"
    )
    url = arena.engine.url.render_as_string(hide_password=False)
    subprocess.run([sys.executable, "-c", code, url], check=True, cwd=ROOT, timeout=300)
    assert names(arena, one) == ["Offre renommée"]


def test_a_process_looks_again_within_two_seconds(arena: Database, tmp_path: Path) -> None:
    usual = Catalogue(source="portail-test", public_url="http://localhost", folder=tmp_path)
    assert look(arena, usual).total == 0
    with arena.writing() as session:
        make_offer(session)
    changed = time.monotonic()
    while True:
        # The age of the change when one begins to look: how long looking takes on a busy machine is another matter.
        age = time.monotonic() - changed
        if look(arena, usual).total:
            break
        assert age < 2, "a change is seen within two seconds"
        time.sleep(0.05)
    with arena.writing() as session:
        make_offer(session, nom="Une autre")
    with arena.session(read_only=True) as session:
        assert usual.snapshot(session, fresh=True).total == 2, "and at once by who is signed in"


def test_a_transaction_that_ends_late_is_not_missed(arena: Database, one: Catalogue) -> None:
    with arena.writing() as session:
        first = make_offer(session, nom="Lente")
        second = make_offer(session, nom="Rapide")
    look(arena, one)
    if arena.engine.dialect.name == "sqlite":
        # One writer at a time: the second waits for the first, and order is kept.
        with arena.writing() as session:
            session.execute(update(Offer).where(col(Offer.id) == first.id).values(nom="Lente, changée"))
        assert names(arena, one) == ["Lente, changée", "Rapide"]
        return
    slow = arena.sessions()
    slow.execute(update(Offer).where(col(Offer.id) == first.id).values(nom="Lente, changée"))
    slow.flush()
    with arena.writing() as session:
        session.execute(update(Offer).where(col(Offer.id) == second.id).values(nom="Rapide, changée"))
    assert names(arena, one) == ["Lente", "Rapide, changée"], "the greater number is committed first"
    slow.commit()
    slow.close()
    assert names(arena, one) == ["Lente, changée", "Rapide, changée"]
    snapshot = look(arena, one)
    assert look(arena, one) is snapshot, "nothing new: nothing is read again"


def test_a_transaction_under_way_at_the_first_look_is_not_missed(arena: Database, one: Catalogue) -> None:
    with arena.writing() as session:
        offer = make_offer(session, nom="Avant")
    if arena.engine.dialect.name == "sqlite":
        assert names(arena, one) == ["Avant"]
        return
    slow = arena.sessions()
    slow.execute(update(Offer).where(col(Offer.id) == offer.id).values(nom="Après"))
    slow.flush()
    assert names(arena, one) == ["Avant"]
    slow.commit()
    slow.close()
    assert names(arena, one) == ["Après"]


def test_what_is_rolled_back_was_never_there(arena: Database, one: Catalogue) -> None:
    look(arena, one)
    with arena.sessions() as session:
        make_offer(session)
        session.rollback()
    assert look(arena, one).total == 0


def test_an_import_is_seen_by_every_process_at_once(arena: Database, tmp_path: Path) -> None:
    several = [
        Catalogue(
            source="portail-test", public_url="http://localhost", folder=tmp_path / str(n), poll_seconds=0
        )
        for n in range(2)
    ]
    for catalogue in several:
        assert look(arena, catalogue).total == 0
    with arena.writing() as session:
        known_service(session, nom="Venu d’ailleurs")
        index(session)
    for catalogue in several:
        assert names(arena, catalogue) == ["Venu d’ailleurs"]
    with arena.writing() as session:
        session.execute(update(CatalogueIndex).values(layout=0))
    assert look(arena, several[0]).total == 0, "an index of another layout is not read"


def test_a_structure_takes_its_offers_with_it(arena: Database, one: Catalogue) -> None:
    with arena.writing() as session:
        offer = make_offer(session, nom="Offre")
        structure = offer.structure_id
    assert look(arena, one).search(Criteria(words="offre")).total == 1
    with arena.writing() as session:
        found = session.get_one(Structure, structure)
        structure_rules.change_structure(session, found, {"nom": "Cigogne"}, by=None)
    assert look(arena, one).search(Criteria(words="cigogne")).total == 1


def test_places_and_sessions_are_followed(arena: Database, one: Catalogue) -> None:
    with arena.writing() as session:
        offer = make_offer(session)
    assert look(arena, one).search(Criteria(places_libres=True)).total == 0
    with arena.writing() as session:
        structure = session.get_one(Structure, offer.structure_id)
        convention = make_convention(session, structure)
        make_action(session, convention, [session.get_one(Offer, offer.id)], places_financees=2)
        numero = convention.numero
    assert look(arena, one).search(Criteria(places_libres=True)).total == 1
    assert look(arena, one).search(Criteria(conventions=frozenset({numero}))).total == 1
    assert look(arena, one).search(Criteria(session=SessionBand.A_VENIR)).total == 0
    with arena.writing() as session:
        session.add(OfferSession(offer_id=offer.id, debut=clock.today() + timedelta(days=10)))
    with arena.session(read_only=True) as session:
        snapshot = one.snapshot(session)
        found = snapshot.search(Criteria(session=SessionBand.UN_MOIS), counts=True)
        (card,) = snapshot.cards(session, found.hits)
    assert card.next_session == clock.today() + timedelta(days=10)
    assert card.places is not None
    assert card.places.libres == 2
    assert found.counts["session"] == {"1-mois": 1, "3-mois": 1, "a-venir": 1}


def test_an_offer_leaves_the_day_after_its_last(
    arena: Database, one: Catalogue, move_clock: Callable[..., datetime]
) -> None:
    move_clock(2026, 11, 20, 10)
    with arena.writing() as session:
        offer = make_offer(session)
        offer.date_fin = clock.today()
    assert look(arena, one).total == 1
    move_clock(2026, 11, 21, 10)
    assert look(arena, one).total == 0


def test_who_slept_reads_everything_again(
    arena: Database, one: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(arena, one)
    with arena.writing() as session:
        make_offer(session)
        for mark in session.exec(select(CatalogueChange)):
            session.delete(mark)
    assert look(arena, one).total == 0, "the mark is gone before it was seen"
    monkeypatch.setattr(freshness, "LONGEST_SLEEP", 0.0)
    assert look(arena, one).total == 1


def test_old_marks_are_forgotten(arena: Database) -> None:
    with arena.writing() as session:
        make_offer(session)
        assert freshness.forget_marks(session, now=datetime.now(UTC)) == 0
        assert session.exec(select(CatalogueChange)).first() is not None
        assert freshness.forget_marks(session, now=datetime.now(UTC) + timedelta(days=3)) > 0
        assert session.exec(select(CatalogueChange)).first() is None


def test_numbers_are_never_given_twice(arena: Database, one: Catalogue) -> None:
    with arena.writing() as session:
        make_offer(session, nom="Une")
    look(arena, one)
    with arena.writing() as session:
        freshness.forget_marks(session, now=datetime.now(UTC) + timedelta(days=3))
    with arena.writing() as session:
        make_offer(session, nom="Deux")
    assert names(arena, one) == ["Deux", "Une"]


def test_more_records_than_are_kept_ready_are_made_when_asked(
    arena: Database, one: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ours, "RECORDS_KEPT", 1)
    with arena.writing() as session:
        for number in range(3):
            make_offer(session, nom=f"Offre {number}")
    assert names(arena, one) == ["Offre 0", "Offre 1", "Offre 2"]
