"""States × acts × people, whole, through the verbs: allowed or refused as the table of `grid.py` says, cell by cell."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session

from portal import clock
from portal.conventions import waiting
from portal.conventions.models import Convention
from portal.db import Database
from portal.errors import AlreadyDone, NotAllowed, RuleBroken
from portal.prescriptions import acting, answers, documents, due, hours, rules
from portal.prescriptions.models import Prescription, RefusalReason
from portal.prescriptions.seats import Meeting
from portal.prescriptions.states import Act, Side, State
from tests.prescriptions import grid
from tests.prescriptions.grid import ACTS, COLUMNS, DONE, LINK_VOID, PEOPLE, Grid, Watch, make_grid
from tests.prescriptions.ledger import lines
from tests.undone import undone

Verb = Callable[[Session, Grid, str, Prescription, Any], object]


def _nobody_s(act: Act) -> Verb:
    """Try, by hand, what belongs to the portal."""
    return lambda s, _g, _c, p, by: acting.begin(s, p, act, Side.PORTAIL, by)


def _withdraw(side: Side) -> Verb:
    def verb(s: Session, g: Grid, column: str, p: Prescription, by: Any) -> None:
        mine = acting.side_of_role(by) if by in g.people.values() else by.side
        if documents.withdraw(s, p, g.document(column, side), by=by, side=mine) is None:
            # There is nothing to withdraw for those who may not read it.
            raise NotAllowed("")

    return verb


def _attach(s: Session, g: Grid, _column: str, p: Prescription, by: Any) -> None:
    side = acting.side_of_role(by) if by in g.people.values() else by.side
    documents.attach(s, p, filename="autre.pdf", content=grid.PDF, by=by, side=side)


def _today() -> Any:
    return clock.today()


VERBS: dict[str, Verb] = {
    "envoyer": lambda s, g, c, p, by: rules.send(s, p, by=by, consent=True),
    "annuler": lambda s, g, c, p, by: rules.cancel(s, p, by=by),
    "relancer": lambda s, g, c, p, by: rules.remind(s, p, by=by),
    "confier": lambda s, g, c, p, by: rules.hand_over(s, p, by=by, to=g.people["C"]),
    "prendre-la-place": lambda s, g, c, p, by: rules.take_place(s, p, by=by),
    "laisser-la-place": lambda s, g, c, p, by: rules.leave_place(s, p, by=by),
    "etudier": lambda s, g, c, p, by: answers.study(s, p, by=by),
    "mettre-en-attente": lambda s, g, c, p, by: answers.put_on_waiting_list(s, p, by=by),
    "accepter": lambda s, g, c, p, by: answers.accept(s, p, by=by),
    "refuser": lambda s, g, c, p, by: answers.refuse(s, p, by=by, reason=RefusalReason.AUTRE, message="Non."),
    "rendez-vous": lambda s, g, c, p, by: answers.agree_meeting(s, p, Meeting(grid.tomorrow()), by=by),
    "presence": lambda s, g, c, p, by: answers.note_presence(s, p, by=by, day=_today(), came=True),
    "absence": lambda s, g, c, p, by: answers.note_presence(s, p, by=by, day=_today(), came=False),
    "suivre": lambda s, g, c, p, by: answers.assign(s, p, by=by, to=g.people["M"]),
    "entrer": lambda s, g, c, p, by: answers.enter(s, p, by=by, day=_today()),
    "terminer": lambda s, g, c, p, by: answers.finish(s, p, by=by, day=_today()),
    "abandonner": lambda s, g, c, p, by: answers.give_up(s, p, by=by, day=_today()),
    "expirer": _nobody_s(Act.EXPIRER),
    "proposer-la-place": _nobody_s(Act.PROPOSER_PLACE),
    "constater-absence": _nobody_s(Act.CONSTATER),
    "modifier": lambda s, g, c, p, by: rules.change_draft(s, p, by=by, motif="Autre.", partage=[]),
    "ecrire": lambda s, g, c, p, by: rules.write_message(s, p, by=by, text="Un mot."),
    "semaine": lambda s, g, c, p, by: rules.adjust_week(s, p, by=by, minutes=60, debut=None, fin=None),
    "heures": lambda s, g, c, p, by: answers.declare_hours(
        s, p, by=by, week=hours.monday_of(_today()), minutes=60
    ),
    "joindre": _attach,
    "retirer-referent": _withdraw(Side.REFERENT),
    "retirer-structure": _withdraw(Side.PARTENAIRE),
}
# What those are told whose act it is, when it is not the time; AlreadyDone for the others.
TOLD: dict[str, type[RuleBroken]] = {
    "ecrire": RuleBroken,
    "heures": RuleBroken,
    "retirer-referent": NotAllowed,
    "retirer-structure": NotAllowed,
}


def test_the_table_names_every_act_every_state_and_everybody() -> None:
    assert set(ACTS) == {act.value for act in Act}
    assert set(COLUMNS.values()) == set(State)
    assert set(VERBS) == set(DONE)
    assert set(grid.SIGNED_IN) == set(grid.Role), (
        "a role has come: give it a letter in tests/prescriptions/grid.py"
    )
    assert set("".join(grid.SIGNED_IN.values())) | set("LKPQNT") == set(PEOPLE)


@pytest.fixture(scope="module")
def made(database: Database) -> Iterator[Grid]:
    """The grid, made once for all the tests of this file: each undoes what it did."""
    with undone(database) as session:
        yield make_grid(session)


@pytest.mark.parametrize("act", sorted(DONE))
def test_each_cell(made: Grid, act: str) -> None:
    wrong = []
    for column in COLUMNS:
        with made.session.begin_nested() as ripe:
            made.ripen(act, column)
            wrong += [
                f"{act}, {column}, {PEOPLE[letter]}: {problem}"
                for letter in PEOPLE
                for problem in _try(made, act, column, letter)
            ]
            ripe.rollback()
    assert wrong == [], "\n".join(["", *wrong])


def _try(made: Grid, act: str, column: str, letter: str) -> list[str]:
    """Try one cell, undo it, and return what is not as the table says."""
    row = DONE[act]
    prescription = made.prescriptions[column]
    # The portal acts by its own verbs, not by those of people: see the test below.
    allowed = letter in row.cells[column] and letter != "T"
    expected = TOLD.get(act, AlreadyDone)
    if letter not in row.hands - {"T"} or (letter == "L" and column in LINK_VOID):
        expected = NotAllowed
    problems = []
    watch = Watch(made.session)
    error: RuleBroken | None = None
    with watch.cell() as cell:
        try:
            VERBS[act](made.session, made, column, prescription, made.by(letter, prescription))
        except RuleBroken as broken:
            error = broken
        if allowed:
            made.session.flush()
            if error is not None:
                problems.append(f"refused ({type(error).__name__}: {error})")
            elif prescription.state is not (row.then or COLUMNS[column]):
                problems.append(f"led to {prescription.state}")
            elif not watch.writes:
                problems.append("wrote nothing")
        else:
            cell.look()
            if error is None:
                problems.append("not refused")
            elif type(error) is not expected:
                problems.append(f"raised {type(error).__name__}, not {expected.__name__}")
    if cell.differs:
        problems.append("changed something although it was refused")
    return problems


def _later(move_clock: Callable[..., Any], days: int) -> None:
    moment = clock.now() + timedelta(days=days)
    move_clock(moment.year, moment.month, moment.day, moment.hour, moment.minute)


class TestTime:
    """The acts of the portal itself: all that is ripe at once, and nothing else moves."""

    @pytest.fixture(autouse=True)
    def _undone(self, made: Grid) -> Iterator[None]:
        with made.session.begin_nested() as inner:
            yield
            inner.rollback()

    def moved(self, made: Grid, found: list[Prescription]) -> set[str]:
        ids = {prescription.id for prescription in found}
        return {column for column, p in made.prescriptions.items() if p.id in ids}

    def others(self, made: Grid, columns: set[str]) -> set[str]:
        """The columns, beside these, whose prescription is no longer where it was."""
        made.session.expire_all()
        return {
            column
            for column, p in made.prescriptions.items()
            if column not in columns and p.state is not COLUMNS[column]
        }

    def test_silence_ends(self, made: Grid, move_clock: Callable[..., Any]) -> None:
        _later(move_clock, 400)
        found = self.moved(made, due.expire_unanswered(made.session))
        assert found == _by_time("expirer")
        assert {made.prescriptions[column].state for column in found} == {ACTS["expirer"].then}
        assert self.others(made, found) == set()
        assert due.expire_unanswered(made.session) == []

    def test_absence_ends(self, made: Grid, move_clock: Callable[..., Any]) -> None:
        assert made.scene.action is not None
        convention = made.session.get_one(Convention, made.scene.action.convention_id)
        convention.delai_entree_jours = 15
        _later(move_clock, 40)
        found = self.moved(made, due.release_absent(made.session))
        assert found == _by_time("constater-absence")
        assert {made.prescriptions[column].state for column in found} == {ACTS["constater-absence"].then}
        assert self.others(made, found) == set()
        assert due.release_absent(made.session) == []

    def test_a_place_is_proposed_then_goes_by(self, made: Grid, move_clock: Callable[..., Any]) -> None:
        session, waits = made.session, made.prescriptions["etude"]
        waiting.join(session, offer_id=waits.offer_id, prescription_id=waits.id)
        assert self.moved(made, due.propose_places(session)) == _by_time("proposer-la-place")
        _later(move_clock, 40)
        assert self.moved(made, due.propose_places(session)) == _by_time("laisser-la-place")
        assert self.others(made, set()) == set()
        # The only one who waits is asked again.
        acts = [line[0] for line in lines(session, waits)]
        assert acts.count("proposer-la-place") == 2
        assert acts.count("laisser-la-place") == 1


def _by_time(act: str) -> set[str]:
    """The columns in which the table says that time does it."""
    return {column for column, cell in ACTS[act].cells.items() if "T" in cell}
