"""Two people on the money of one convention, at the same instant: written once, within every cap."""

import uuid
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlmodel import select

from portal import clock
from portal.accounts.models import Role, User
from portal.budget import intake, payments, posts
from portal.budget.models import Nature, StateConvention, Volet
from portal.budget.payments import Step
from portal.budget.spending_models import Expense, ExpenseImport, PaymentKind, StatePayment
from portal.db import Database
from portal.errors import AlreadyDone, ChangedMeanwhile, RuleBroken
from tests.factories.accounts import make_user
from tests.factories.budget import make_state_convention
from tests.races.databases import own_database
from tests.races.workers import race

pytestmark = pytest.mark.xdist_group("races")


@pytest.fixture
def arena(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of its own, with its tables."""
    with own_database(engine_name, request, tmp_path) as database:
        yield database


def scene(database: Database) -> tuple[uuid.UUID, uuid.UUID]:
    """An officer and a convention of this year, signed."""
    today = clock.today()
    with database.writing() as session:
        convention = make_state_convention(
            session,
            {(today.year, Volet.INGENIERIE): 10_000_000},
            signe_le=date(today.year, 1, 1),
            date_debut=date(today.year, 1, 1),
            date_fin=date(today.year, 12, 31),
        )
        return make_user(session, Role.CONVENTIONNEMENT).id, convention.id


def url(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


def accept(database: Database, start: Callable[[], object], user_id: uuid.UUID, run_id: uuid.UUID) -> str:
    """Press "Importer"."""
    start()
    try:
        with database.writing() as session:
            run = session.get_one(ExpenseImport, run_id)
            convention = session.get_one(StateConvention, run.convention_id)
            intake.accept(session, run, convention, by=session.get_one(User, user_id))
    except AlreadyDone:
        return "done already"
    return "written"


def test_a_table_imported_twice_is_written_once(arena: Database) -> None:
    user_id, convention_id = scene(arena)
    with arena.writing() as session:
        run = intake.start(
            session,
            session.get_one(StateConvention, convention_id),
            clock.today().year,
            nom="d.csv",
            contenu=b"Objet;Nature;Volet;Montant\nA;SI;1;10\nB;SI;1;20\n",
            by=session.get_one(User, user_id),
            id=uuid.uuid4(),
        )
        run_id = run.id
    found = race(url(arena), accept, [(user_id, run_id)] * 4)
    assert sorted(found) == ["done already"] * 3 + ["written"]
    with arena.session(read_only=True) as session:
        assert sorted(e.montant_centimes for e in session.exec(select(Expense))) == [1_000, 2_000]


def add_post(
    database: Database, start: Callable[[], object], user_id: uuid.UUID, convention_id: uuid.UUID
) -> str:
    """Add two ETP of engineering."""
    start()
    try:
        with database.writing() as session:
            posts.write(
                session,
                session.get_one(StateConvention, convention_id),
                {
                    "intitule": "Chefferie",
                    "nature": Nature.INGENIERIE,
                    "etp": 200,
                    "date_debut": date(clock.today().year, 1, 1),
                    "date_fin": None,
                },
                by=session.get_one(User, user_id),
            )
    except RuleBroken:
        return "above the cap"
    return "written"


def test_the_cap_on_engineering_holds_when_two_write_at_once(arena: Database) -> None:
    user_id, convention_id = scene(arena)
    found = race(url(arena), add_post, [(user_id, convention_id)] * 4)
    assert sorted(found) == ["above the cap"] * 3 + ["written"]


def ask(
    database: Database,
    start: Callable[[], object],
    user_id: uuid.UUID,
    convention_id: uuid.UUID,
    cents: int,
) -> str:
    """Write the request of the advance."""
    start()
    try:
        with database.writing() as session:
            payments.take_step(
                session,
                session.get_one(StateConvention, convention_id),
                clock.today().year,
                PaymentKind.AVANCE,
                Step.DEMANDE,
                le=clock.today(),
                centimes=cents,
                reference=None,
                by=session.get_one(User, user_id),
                version=0,
            )
    except ChangedMeanwhile:
        return "told"
    return "written"


def test_two_requests_of_one_advance_are_one_request(arena: Database) -> None:
    user_id, convention_id = scene(arena)
    found = race(url(arena), ask, [(user_id, convention_id, cents) for cents in (100, 200, 300)])
    assert sorted(found) == ["told", "told", "written"]
    with arena.session(read_only=True) as session:
        assert session.exec(select(StatePayment)).one().version == 1
