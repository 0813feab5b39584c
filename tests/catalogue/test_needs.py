"""What is counted of the searches that found nothing: by subject, commune and day; never who, for whom or which words."""

import time
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path

import pytest
from sqlmodel import Session, select

from portal import geography, jobs, vocabulary
from portal.catalogue import needs
from portal.catalogue.criteria import Area, AreaKind, Around, Criteria
from portal.catalogue.models import UnmetNeed
from portal.config import Config
from portal.db import Database
from tests.factories.structures import REDON, RENNES
from tests.races.databases import own_database

MoveClock = Callable[..., datetime]
PERMIS = "mobilite--preparer-un-permis"
MOBILITE = frozenset(vocabulary.expand_thematiques(["mobilite"]))


@pytest.fixture(autouse=True)
def _nobody_came_before() -> Iterator[None]:
    needs._memory.forget()
    yield
    needs._memory.forget()


def around(code: str, radius: float = 20) -> Around:
    commune = geography.commune(code)
    assert commune is not None
    return Around(commune.latitude, commune.longitude, radius, commune)


def counted(session: Session) -> dict[tuple[str, str], int]:
    session.expire_all()
    return {(need.thematique, need.code_insee): need.nombre for need in session.exec(select(UnmetNeed))}


# --- What a search asks for ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("criteria", "keys"),
    [
        (Criteria(thematiques=frozenset({PERMIS}), where=around(REDON)), [(PERMIS, REDON)]),
        (
            Criteria(thematiques=frozenset({PERMIS, "sante--addictions"})),
            [(PERMIS, ""), ("sante--addictions", "")],
        ),
        # A whole category is one subject, beside a thématique of another.
        (
            Criteria(thematiques=MOBILITE | {"sante--addictions"}, where=around(REDON)),
            [("mobilite", REDON), ("sante--addictions", REDON)],
        ),
        # Words count when no thématique is said; which words is not kept.
        (Criteria(words="permis de conduire", where=around(RENNES)), [(PERMIS, RENNES)]),
        (Criteria(words="permis", thematiques=frozenset({"sante--addictions"})), [("sante--addictions", "")]),
        (Criteria(words="xylophone"), [("", "")]),
        (Criteria(types=frozenset({"atelier"}), where=around(REDON)), [("", REDON)]),
        # A point on the map, an EPCI or a département is no commune.
        (Criteria(words="permis", where=Around(47.65, -2.08)), [(PERMIS, "")]),
        (Criteria(words="permis", where=Area(AreaKind.DEPARTEMENT, "35")), [(PERMIS, "")]),
        (Criteria(words="permis", where=Area(AreaKind.COMMUNE, REDON)), [(PERMIS, REDON)]),
    ],
)
def test_what_a_search_asks_for(criteria: Criteria, keys: list[tuple[str, str]]) -> None:
    assert needs.keys_of(criteria) == keys


def test_a_search_about_everything_is_about_nothing_in_particular() -> None:
    everything = frozenset(choice.value for choice in vocabulary.choices("thematiques"))
    assert needs.keys_of(Criteria(thematiques=everything, where=around(REDON))) == [("", REDON)]
    categories = sorted({vocabulary.category_of(value) for value in everything})
    few = frozenset(vocabulary.expand_thematiques(categories[: needs.MOST_SUBJECTS]))
    assert len(needs.keys_of(Criteria(thematiques=few))) == needs.MOST_SUBJECTS


@pytest.mark.parametrize(
    "criteria",
    [
        Criteria(thematiques=frozenset({PERMIS}), where=around(REDON, 50)),
        Criteria(thematiques=MOBILITE, where=around(REDON, 50)),
        Criteria(where=around(REDON, 50)),
        Criteria(thematiques=frozenset({PERMIS})),
    ],
)
def test_a_need_can_be_looked_for_again(criteria: Criteria) -> None:
    (key,) = needs.keys_of(criteria)
    assert needs.criteria_of(*key) == criteria


def test_a_need_of_a_commune_or_a_thematique_that_is_gone_cannot() -> None:
    assert needs.criteria_of(PERMIS, "99999") is None
    assert needs.criteria_of("mobilite--a-cheval", REDON) is None


# --- Counting -----------------------------------------------------------------------------------------------------


def test_searches_add_up_by_day(session: Session, database: Database, move_clock: MoveClock) -> None:
    wanted = Criteria(thematiques=frozenset({PERMIS}), where=around(REDON))
    move_clock(2026, 3, 3, 10)
    for _ in range(3):
        needs.note(database, wanted)
    needs.note(database, Criteria(words="permis", where=around(RENNES)))
    assert counted(session) == {(PERMIS, REDON): 3, (PERMIS, RENNES): 1}
    # Half past eleven at night in UTC is the next day here.
    move_clock(2026, 3, 3, 23, 30)
    needs.note(database, wanted)
    days = {need.jour: need.nombre for need in session.exec(select(UnmetNeed)) if need.code_insee == REDON}
    assert days == {date(2026, 3, 3): 3, date(2026, 3, 4): 1}


def test_no_filter_is_no_need(session: Session, database: Database) -> None:
    needs.note(database, Criteria())
    needs.note(database, Criteria(forgiving=False))
    assert counted(session) == {}


def test_one_visitor_counts_once_in_ten_minutes(
    session: Session, database: Database, move_clock: MoveClock
) -> None:
    wanted = Criteria(thematiques=frozenset({PERMIS}), where=around(REDON))
    for minute in (0, 2, 9, 18):
        move_clock(2026, 3, 3, 10, minute)
        needs.note(database, wanted, visitor="192.0.2.1")
    assert counted(session) == {(PERMIS, REDON): 1}
    move_clock(2026, 3, 3, 10, 29)
    needs.note(database, wanted, visitor="192.0.2.1")
    needs.note(database, wanted, visitor="192.0.2.2")
    needs.note(database, Criteria(words="addictions"), visitor="192.0.2.1")
    assert counted(session) == {(PERMIS, REDON): 3, ("sante--addictions", ""): 1}


def test_a_need_is_bounded_each_day(session: Session, database: Database) -> None:
    wanted = Criteria(thematiques=frozenset({PERMIS}))
    for number in range(needs.MOST_A_DAY + 5):
        needs.note(database, wanted, visitor=str(number))
    assert counted(session) == {(PERMIS, ""): needs.MOST_A_DAY}


def test_what_is_remembered_of_visitors_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "_MOST_REMEMBERED", 5)
    memory = needs._Memory()
    assert all(memory.is_new(str(number), (PERMIS, "")) for number in range(20))
    assert len(memory._seen) == 5
    assert not memory.is_new("19", (PERMIS, ""))
    assert memory.is_new("0", (PERMIS, ""))


def test_a_database_that_refuses_does_not_fail_the_page(
    session: Session, database: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(needs, "_COUNT", needs.text("INSERT INTO nowhere VALUES (1)"))
    needs.note(database, Criteria(words="permis"))
    assert "an unmet need was not counted" in caplog.text


def test_a_page_does_not_wait_for_another_writer(
    engine_name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    wanted = Criteria(thematiques=frozenset({PERMIS}), where=around(REDON))
    with own_database(engine_name, request, tmp_path) as database:
        needs.note(database, wanted)
        with database.writing() as other:
            need = other.exec(select(UnmetNeed).with_for_update()).one()
            need.nombre += 1
            other.flush()
            begun = time.monotonic()
            needs.note(database, wanted)
            assert time.monotonic() - begun < 10
        # The same connection is as patient as ever for what matters.
        needs.note(database, wanted)
        with database.session(read_only=True) as session:
            assert counted(session) == {(PERMIS, REDON): 3}


# --- Reading ------------------------------------------------------------------------------------------------------


def need(session: Session, day: date, nombre: int, thematique: str = PERMIS, code: str = REDON) -> None:
    session.add(UnmetNeed(jour=day, thematique=thematique, code_insee=code, nombre=nombre))
    session.flush()


def test_a_year_and_its_last_two_quarters(session: Session) -> None:
    today = date(2026, 8, 31)
    for day, number in (
        (date(2025, 8, 31), 1000),  # a year ago: out
        (date(2025, 9, 1), 1),
        (date(2026, 2, 28), 2),  # six months ago: neither quarter
        (date(2026, 3, 1), 4),
        (date(2026, 5, 31), 8),  # three months ago: the quarter before
        (date(2026, 6, 1), 16),
        (date(2026, 8, 31), 32),
    ):
        need(session, day, number)
    need(session, date(2026, 1, 1), 500, "", RENNES)
    found = needs.over_a_year(session, today)
    assert found == [
        needs.Need("", RENNES, 500, 0, 0, date(2026, 1, 1)),
        needs.Need(PERMIS, REDON, 63, 48, 12, date(2026, 8, 31)),
    ]


def test_nothing_counted_is_an_empty_year(session: Session) -> None:
    assert needs.over_a_year(session) == []


# --- Forgetting ---------------------------------------------------------------------------------------------------


def test_needs_are_kept_two_years(
    session: Session, database: Database, config: Config, move_clock: MoveClock
) -> None:
    move_clock(2026, 3, 31, 10)
    for day, number in ((date(2024, 3, 30), 1), (date(2024, 3, 31), 2), (date(2026, 3, 31), 4)):
        need(session, day, number)
    session.commit()
    assert jobs.JOBS["besoins"](database, config) == "1 unmet needs forgotten"
    assert sorted(session.exec(select(UnmetNeed.nombre))) == [2, 4]
    assert jobs.JOBS["besoins"](database, config) == "0 unmet needs forgotten"
