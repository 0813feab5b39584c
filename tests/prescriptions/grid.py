"""The grid of prescriptions, written by hand: who may do which act in which state, and one prescription of each state.

Nothing here is read from `states.py`: the tests compare the two.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import event
from sqlalchemy import select as sql_select
from sqlmodel import Session, SQLModel

from portal import clock
from portal.accounts.models import Role, User
from portal.conventions import ledger, waiting
from portal.prescriptions import acting, actors, answers, documents, due, rules
from portal.prescriptions.models import ExitReason, Prescription, RefusalReason
from portal.prescriptions.states import Act, Side, State
from tests.factories.accounts import make_user
from tests.factories.beneficiaries import make_beneficiary
from tests.factories.prescriptions import Scene, make_scene
from tests.factories.structures import make_partner

# Who stands before a prescription, a letter each.
PEOPLE = {
    "R": "the référent who made it",
    "C": "a colleague of the same organisme",
    "E": "a référent of elsewhere",
    "M": "a member of the structure",
    "X": "a member of another structure",
    "L": "the link of its e-mail",
    "K": "the link of another prescription, or one whose key has changed",
    "P": "its référent, writing down a sheet of paper",
    "Q": "the colleague, writing down a sheet of paper",
    "O": "an officer of conventions",
    "A": "an animator",
    "D": "an administrator",
    "S": "the State’s services",
    "N": "nobody: not signed in, without a link",
    "T": "the portal itself, with time",
}
# The letters of those who sign in, by their role: a role that comes to the portal gets a letter here.
SIGNED_IN = {
    Role.REFERENT: "RCE",
    Role.PARTENAIRE: "MX",
    Role.CONVENTIONNEMENT: "O",
    Role.ANIMATION: "A",
    Role.ADMINISTRATION: "D",
    Role.ETAT: "S",
}

# The columns. Two states are reached by two ways that do not open the same doors.
COLUMNS = {
    "brouillon": State.BROUILLON,
    "envoyee": State.ENVOYEE,
    "etude": State.A_L_ETUDE,
    "acceptee": State.ACCEPTEE,
    "entree": State.ENTREE,
    "refusee": State.REFUSEE,
    "terminee": State.TERMINEE,
    "abandon": State.ABANDONNEE,  # after the entry
    "absente": State.ABANDONNEE,  # never came
    "annulee": State.ANNULEE,  # after the sending
    "retiree": State.ANNULEE,  # a draft, never sent
    "expiree": State.EXPIREE,
}
# The structure does not know of these.
UNSENT = {"brouillon", "retiree"}
# The link opens nothing more, or nothing yet.
LINK_VOID = {"refusee", "terminee", "abandon", "absente", "annulee", "expiree", *UNSENT}

# Each cell holds the letters of those who may; "then" is the state that follows, when it is another.
_ACTS = """
act               then       brouillon envoyee etude acceptee entree refusee terminee abandon absente annulee retiree expiree
envoyer           envoyee    R         .       .     .        .      .       .        .       .       .       .       .
annuler           annulee    R         R       R     R        .      .       .        .       .       .       .       .
relancer          -          .         R       R     R        .      .       .        .       .       .       .       .
confier           -          .         R       R     R        R      .       .        .       .       .       .       .
prendre-la-place  acceptee   .         .       R     .        .      .       .        .       .       .       .       .
laisser-la-place  -          .         .       RT    .        .      .       .        .       .       .       .       .
etudier           a_l_etude  .         ML      .     .        .      .       .        .       .       .       .       .
mettre-en-attente a_l_etude  .         ML      ML    .        .      .       .        .       .       .       .       .
accepter          acceptee   .         MLP     MLP   .        .      .       .        .       .       .       .       .
refuser           refusee    .         MLP     MLP   .        .      .       .        .       .       .       .       .
rendez-vous       -          .         ML      ML    ML       .      .       .        .       .       .       .       .
presence          -          .         .       ML    ML       ML     .       .        .       .       .       .       .
absence           -          .         .       ML    ML       ML     .       .        .       .       .       .       .
suivre            -          .         M       M     M        M      .       .        .       .       .       .       .
entrer            entree     .         .       .     MLP      .      .       .        .       .       .       .       .
terminer          terminee   .         .       .     .        MLP    .       .        .       .       .       .       .
abandonner        abandonnee .         .       .     MLP      MLP    .       .        .       .       .       .       .
expirer           expiree    .         T       T     .        .      .       .        .       .       .       .       .
proposer-la-place -          .         .       T     .        .      .       .        .       .       .       .       .
constater-absence abandonnee .         .       .     T        .      .       .        .       .       .       .       .
"""
# What is no act of the history, and yet not for everybody at every time.
_BESIDE = """
act               then       brouillon envoyee etude acceptee entree refusee terminee abandon absente annulee retiree expiree
modifier          -          R         .       .     .        .      .       .        .       .       .       .       .
ecrire            -          .         RML     RML   RML      RML    RM      RM       RM      RM      RM      .       RM
semaine           -          .         RML     RML   RML      RML    .       .        .       .       .       .       .
heures            -          .         .       .     .        ML     .       M        M       .       .       .       .
joindre           -          R         RMLP    RMLP  RMLP     RMLP   .       .        .       .       .       .       .
retirer-referent  -          R         R       R     R        R      .       .        .       .       .       .       .
retirer-structure -          .         ML      ML    ML       ML     .       .        .       .       .       .       .
"""
# What is only read, or leads elsewhere.
_READ = """
act               then       brouillon envoyee etude acceptee entree refusee terminee abandon absente annulee retiree expiree
lire              -          R         RCML    RCML  RCML     RCML   RCM     RCM      RCM     RCM     RCM     R       RCM
telecharger       -          R         RML     RML   RML      RML    R       RM       RM      RM      R       R       R
fiche             -          .         RML     RML   RML      RML    .       RM       RM      RM      .       .       .
autre-offre       -          .         .       .     .        .      R       R        R       R       R       R       R
nouveau-lien      -          .         LK      LK    LK       LK     .       .        .       .       .       .       .
"""


@dataclass(frozen=True, slots=True)
class Row:
    """An act: who may do it in each column, and the state that follows (None when it stays)."""

    act: str
    then: State | None
    cells: dict[str, str]

    @property
    def hands(self) -> set[str]:
        """Those whose act it is, at one time or another."""
        return set("".join(self.cells.values()))


def _rows(text: str) -> dict[str, Row]:
    head, *lines = text.strip().splitlines()
    assert head.split()[2:] == list(COLUMNS)
    rows = {}
    for line in lines:
        act, then, *cells = line.split()
        rows[act] = Row(
            act,
            None if then == "-" else State(then),
            {column: cell.replace(".", "") for column, cell in zip(COLUMNS, cells, strict=True)},
        )
        assert rows[act].hands <= set(PEOPLE)
    return rows


ACTS, BESIDE, READ = _rows(_ACTS), _rows(_BESIDE), _rows(_READ)
# What is done by a verb, whoever knocks.
DONE = {**ACTS, **BESIDE}
ROWS = {**DONE, **READ}

PDF = b"%PDF-1.7\nUn document fictif."


@dataclass
class Grid:
    """A prescription of each column, and the people who stand before them."""

    session: Session
    scene: Scene
    prescriptions: dict[str, Prescription]
    # column → {side: the document it added}
    documents: dict[str, dict[Side, uuid.UUID]]
    other: Prescription
    people: dict[str, User]

    def by(self, letter: str, prescription: Prescription) -> Any:
        """Who acts, as the verbs are told."""
        special: dict[str, Callable[[], actors.Actor]] = {
            "L": lambda: actors.by_link(prescription),
            "K": lambda: actors.by_link(self.other),
            "P": lambda: actors.on_paper(self.people["R"]),
            "Q": lambda: actors.on_paper(self.people["C"]),
            "N": lambda: actors.Actor(Side.PARTENAIRE),
            "T": lambda: acting.PORTAL,
        }
        return special[letter]() if letter in special else self.people[letter]

    def document(self, column: str, side: Side) -> uuid.UUID:
        """The document that a side added; one that is none when it could not."""
        return self.documents[column].get(side, uuid.UUID(int=0))

    def ripen(self, act: str, column: str) -> None:
        """Bring about what an act needs beside the state."""
        prescription = self.prescriptions[column]
        action = self.scene.action
        assert action is not None
        if act == Act.METTRE_EN_ATTENTE:
            action.places_financees = ledger.places_of_actions(self.session, [action])[action.id].prises
        if act in {Act.PRENDRE_PLACE, Act.LAISSER_PLACE} and column == "etude":
            waiting.join(self.session, offer_id=prescription.offer_id, prescription_id=prescription.id)
            due.propose_places(self.session, prescription.offer_id)
        self.session.flush()


def make_grid(session: Session) -> Grid:
    """Walk a prescription to each column by the verbs, with a document of each side that could add one."""
    scene = make_scene(session, places=30)
    scene.structure.courriel = "structure@exemple.example.org"
    people = {
        "R": scene.referent,
        "C": make_user(session, organisation_id=scene.referent.organisation_id),
        "E": make_user(session),
        "M": scene.partner,
        "X": make_partner(session)[0],
        "O": make_user(session, Role.CONVENTIONNEMENT),
        "A": make_user(session, Role.ANIMATION),
        "D": make_user(session, Role.ADMINISTRATION),
        "S": make_user(session, Role.ETAT),
    }
    grid = Grid(session, scene, {}, {}, _sent(session, scene), people)
    for column in COLUMNS:
        _make(grid, column)
    session.flush()
    return grid


def _draft(session: Session, scene: Scene) -> Prescription:
    return rules.create_prescription(
        session,
        beneficiary=make_beneficiary(session, scene.referent),
        offer=scene.offer,
        structure=scene.structure,
        by=scene.referent,
        form_key=uuid.uuid4(),
        motif="Préparer le permis.",
        partage=["contact"],
        lot_id=uuid.uuid4(),
    )


def _sent(session: Session, scene: Scene) -> Prescription:
    prescription = _draft(session, scene)
    rules.send(session, prescription, by=scene.referent, consent=True)
    return prescription


def _attach(grid: Grid, prescription: Prescription, side: Side) -> uuid.UUID:
    by = grid.scene.referent if side is Side.REFERENT else grid.scene.partner
    return documents.attach(
        grid.session, prescription, filename="piece.pdf", content=PDF, by=by, side=side
    ).id


def _make(grid: Grid, column: str) -> None:
    session, scene = grid.session, grid.scene
    made = grid.prescriptions[column] = _draft(session, scene)
    grid.documents[column] = {Side.REFERENT: _attach(grid, made, Side.REFERENT)}
    by, today = scene.partner, clock.today()
    if column == "retiree":
        rules.cancel(session, made, by=scene.referent)
    if column not in UNSENT:
        rules.send(session, made, by=scene.referent, consent=True)
        grid.documents[column][Side.PARTENAIRE] = _attach(grid, made, Side.PARTENAIRE)
    if column == "etude":
        answers.study(session, made, by=by)
    if column == "refusee":
        answers.refuse(session, made, by=by, reason=RefusalReason.AUTRE, message="Non.")
    if column == "annulee":
        rules.cancel(session, made, by=scene.referent)
    if column == "expiree":
        acting.move(session, made, Act.EXPIRER, acting.PORTAL)
    if column in {"acceptee", "entree", "terminee", "abandon", "absente"}:
        answers.accept(session, made, by=by)
    if column in {"entree", "terminee", "abandon"}:
        answers.enter(session, made, by=by, day=today)
    if column == "terminee":
        answers.finish(session, made, by=by, day=today)
    if column in {"abandon", "absente"}:
        answers.give_up(session, made, by=by, day=today, reason=ExitReason.ABANDON)
    assert made.state is COLUMNS[column]


def tomorrow() -> datetime:
    """A moment for a meeting."""
    return clock.now() + timedelta(days=1)


# The tables that say who read what.
READING = frozenset({"access_entry", "prescription_read"})


def whole_database(session: Session, apart: frozenset[str] = frozenset()) -> dict[str, list[Any]]:
    """Return every row of every table but those set apart."""
    return {
        table.name: sorted(map(repr, session.execute(sql_select(table)).all()))
        for table in SQLModel.metadata.sorted_tables
        if table.name not in apart
    }


class Watch:
    """Tells what changed in the database during a block, and undoes it at the end."""

    def __init__(self, session: Session, apart: frozenset[str] = frozenset()) -> None:
        self.session, self.apart = session, apart
        self.writes = 0

    def _note(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.writes += statement.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE", "WITH"))

    @contextmanager
    def cell(self) -> Iterator["Cell"]:
        """Run one cell in a savepoint, undone at the end; `changed()` is asked inside."""
        engine = self.session.get_bind().engine
        seen = Cell(self)
        self.writes = 0
        event.listen(engine, "before_cursor_execute", self._note)
        inner = self.session.begin_nested()
        # The savepoint is made when the session first asks its connection; a request has a session of its own.
        self.session.connection()
        try:
            yield seen
        finally:
            event.remove(engine, "before_cursor_execute", self._note)
            if inner.is_active:
                inner.rollback()
        if seen.after is not None:
            seen.differs = seen.after != whole_database(self.session, self.apart)


class Cell:
    """One cell as it was tried."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.after: dict[str, list[Any]] | None = None
        # Known once the cell is undone.
        self.differs = False

    def look(self) -> None:
        """Note how the tables stand, if anything was written at all; compared once the cell is undone."""
        self.watch.session.flush()
        if self.watch.writes:
            self.after = whole_database(self.watch.session, self.watch.apart)
