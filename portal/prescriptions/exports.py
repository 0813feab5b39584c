"""Prescriptions that leave as files: which ones, in which columns, for whom.

Which prescriptions leave is settled first (`ids_of`), so that the access journal names exactly the people of the file.
"""

import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import IO, Any

import sqlalchemy
import xlsxwriter
from sqlalchemy import Select, false
from sqlmodel import Session, col, select

from portal import clock, tabular
from portal.accounts.models import Organisation, Role, User
from portal.beneficiaries import rules as beneficiary_rules
from portal.beneficiaries.models import Beneficiary
from portal.conventions import ledger
from portal.conventions.models import Convention, FinancedAction, Movement, PlaceMovement
from portal.prescriptions import dora, queries
from portal.prescriptions.fiche import reference
from portal.prescriptions.models import Prescription
from portal.prescriptions.sharing import PIECES, read_by_partner
from portal.prescriptions.states import State
from portal.structures.models import Structure

# Rows of one file: a table that people open; beyond, they choose a shorter period.
MAX_ROWS = 50_000
# Rows read at a time.
_CHUNK = 500
PIECE = 1 << 16

REFERENT = frozenset({Role.REFERENT})
PARTENAIRE = frozenset({Role.PARTENAIRE})
OFFICER = frozenset({Role.CONVENTIONNEMENT})
BOTH_SIDES = REFERENT | PARTENAIRE
READERS = BOTH_SIDES | OFFICER


@dataclass(frozen=True, slots=True)
class Filters:
    """Which prescriptions: each None leaves all. `since` and `until` are days of sending, both included."""

    structure_id: uuid.UUID | None = None
    referent_id: uuid.UUID | None = None
    convention_id: uuid.UUID | None = None
    state: State | None = None
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """What a row is made of. `name` is None for those who may not know it; `shared` is {piece: value} for the partner."""

    prescription: Prescription
    structure: str
    siret: str | None
    referent: User
    organisation: str | None
    name: str | None
    shared: dict[str, str]
    place: Movement | None
    action: str | None
    convention: str | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title, the roles that get it, and how it is read."""

    label: str
    roles: frozenset[Role]
    read: Callable[[Line], Any]


def day_of(moment: datetime | None) -> date | None:
    """Return the day of a moment, as it was in Paris; None for none."""
    return moment.astimezone(clock.PARIS).date() if moment else None


def _days_to_answer(line: Line) -> int | None:
    sent, answered = day_of(line.prescription.sent_at), day_of(line.prescription.answered_at)
    return (answered - sent).days if sent and answered else None


def _piece(slug: str) -> Callable[[Line], str | None]:
    return lambda line: line.shared.get(slug)


COLUMNS: tuple[Column, ...] = (
    Column("Numéro", READERS, lambda line: reference(line.prescription.id)),
    Column("Identifiant", OFFICER, lambda line: str(line.prescription.id)),
    Column("Personne", REFERENT, lambda line: line.name),
    *(Column(piece.label, PARTENAIRE, _piece(piece.slug)) for piece in PIECES),
    Column("Offre", READERS, lambda line: line.prescription.offre_nom),
    Column("Structure", READERS, lambda line: line.structure),
    Column("SIRET de la structure", OFFICER, lambda line: line.siret),
    Column("Référent", READERS, lambda line: line.referent.full_name),
    Column("Organisme du référent", READERS, lambda line: line.organisation),
    Column("Envoyée le", READERS, lambda line: day_of(line.prescription.sent_at)),
    Column("État", READERS, lambda line: line.prescription.state.label),
    Column("Première réponse le", READERS, lambda line: day_of(line.prescription.answered_at)),
    Column("Jours avant la réponse", READERS, _days_to_answer),
    Column("Acceptée le", READERS, lambda line: day_of(line.prescription.accepted_at)),
    Column("Rendez-vous le", BOTH_SIDES, lambda line: day_of(line.prescription.rendez_vous_at)),
    Column(
        "Raison du refus",
        READERS,
        lambda line: line.prescription.motif_refus.label if line.prescription.motif_refus else None,
    ),
    Column("Entrée le", READERS, lambda line: line.prescription.date_entree),
    Column("Sortie le", READERS, lambda line: line.prescription.date_sortie),
    Column(
        "Issue",
        READERS,
        lambda line: line.prescription.motif_sortie.label if line.prescription.motif_sortie else None,
    ),
    Column(
        "Type de contrat",
        READERS,
        lambda line: line.prescription.type_contrat.label if line.prescription.type_contrat else None,
    ),
    Column(
        "Heures prévues par semaine",
        READERS,
        lambda line: (
            None if line.prescription.minutes_prevues is None else line.prescription.minutes_prevues / 60
        ),
    ),
    Column("Place", READERS, lambda line: line.place.label if line.place else None),
    Column("Action financée", READERS, lambda line: line.action),
    Column("Convention", READERS, lambda line: line.convention),
    Column("Statut DORA", OFFICER, lambda line: dora.dora_status(line.prescription.state)),
    Column(
        "Raison DORA",
        OFFICER,
        lambda line: (
            dora.DORA_REFUSALS[line.prescription.motif_refus] if line.prescription.motif_refus else None
        ),
    ),
)


def columns_for(user: User) -> list[Column]:
    """Return the columns that `user` gets, in order; none for those who have no part in prescriptions."""
    return [column for column in COLUMNS if user.role in column.roles]


def ids_of(session: Session, user: User, filters: Filters, *, limit: int | None) -> list[uuid.UUID]:
    """Return the prescriptions that leave, the latest sent first, at most `limit` of them."""
    statement = (
        select(Prescription.id)
        .where(*scope(user), *_where(filters))
        .order_by(col(Prescription.sent_at).desc(), col(Prescription.id))
    )
    return list(session.exec(statement if limit is None else statement.limit(limit)))


def note(session: Session, ids: Sequence[uuid.UUID], *, by: User) -> int:
    """Write in the access journal of each person of these prescriptions that `by` exports; return how many people."""
    people: set[uuid.UUID] = set()
    for chunk in chunks(ids):
        people.update(
            session.exec(select(Prescription.beneficiary_id).where(col(Prescription.id).in_(chunk)))
        )
    beneficiary_rules.journal_exports(session, people, by=by)
    return len(people)


def names_people(user: User) -> bool:
    """Say whether what `user` exports names people."""
    return user.role in BOTH_SIDES


def rows(session: Session, user: User, ids: Sequence[uuid.UUID]) -> Iterator[list[Any]]:
    """Yield the rows of these prescriptions in the columns of `user`, a few in memory at a time, in three statements each."""
    columns = columns_for(user)
    for chunk in chunks(ids):
        for line in _lines(session, user, chunk):
            yield [column.read(line) for column in columns]


def as_csv(user: User, lines: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """Yield the table as a French spreadsheet opens it."""
    return tabular.french_csv_pieces([column.label for column in columns_for(user)], lines)


def write_xlsx(file: IO[bytes], user: User, lines: Iterable[Sequence[Any]]) -> None:
    """Write the table as a workbook; no text of it is ever a formula or a link."""
    with tempfile.TemporaryDirectory(prefix="portail-") as folder:
        workbook = xlsxwriter.Workbook(
            file,
            {
                "constant_memory": True,
                "tmpdir": folder,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        sheet = workbook.add_worksheet("Prescriptions")
        bold, day = workbook.add_format({"bold": True}), workbook.add_format({"num_format": "dd/mm/yyyy"})
        sheet.freeze_panes(1, 0)
        columns = columns_for(user)
        sheet.set_column(0, len(columns) - 1, 18)
        for place, column in enumerate(columns):
            sheet.write_string(0, place, column.label, bold)
        try:
            for number, line in enumerate(lines, start=1):
                for place, value in enumerate(line):
                    if isinstance(value, date):
                        sheet.write_datetime(number, place, datetime.combine(value, time()), day)
                    elif isinstance(value, int | float):
                        sheet.write_number(number, place, value)
                    elif value is not None:
                        sheet.write_string(number, place, str(value))
        finally:
            # The library lets go of its own files only by finishing.
            workbook.close()


def scope(user: User) -> tuple[Any, ...]:
    """Which prescriptions `user` may export, as conditions: what they may read, drafts left out."""
    sent = col(Prescription.sent_at).is_not(None)
    if user.role is Role.CONVENTIONNEMENT:
        return (sent,)
    if user.role in BOTH_SIDES:
        condition = queries.readable_by(user).whereclause
        assert condition is not None
        return sent, condition
    return (false(),)


def _where(filters: Filters) -> list[Any]:
    found: list[Any] = []
    if filters.structure_id is not None:
        found.append(col(Prescription.structure_id) == filters.structure_id)
    if filters.referent_id is not None:
        found.append(col(Prescription.referent_id) == filters.referent_id)
    if filters.state is not None:
        found.append(col(Prescription.state) == filters.state)
    if filters.convention_id is not None:
        found.append(
            col(Prescription.id).in_(
                select(PlaceMovement.prescription_id)
                .join(FinancedAction, col(FinancedAction.id) == col(PlaceMovement.action_id))
                .where(col(FinancedAction.convention_id) == filters.convention_id)
            )
        )
    if filters.since is not None:
        found.append(col(Prescription.sent_at) >= datetime.combine(filters.since, time(), clock.PARIS))
    if filters.until is not None:
        after = filters.until + timedelta(days=1)
        found.append(col(Prescription.sent_at) < datetime.combine(after, time(), clock.PARIS))
    return found


def _lines(session: Session, user: User, ids: Sequence[uuid.UUID]) -> Iterator[Line]:
    # Of the person's file only a référent reads anything, and of that the names alone.
    names: tuple[Any, ...] = (
        (col(Beneficiary.prenom), col(Beneficiary.nom), col(Beneficiary.referent_id))
        if user.role is Role.REFERENT
        else ()
    )
    statement: Select[Any] = (
        select(Prescription, col(Structure.nom), col(Structure.siret), User, col(Organisation.nom), *names)  # type: ignore[call-overload]
        .join(Structure, col(Structure.id) == col(Prescription.structure_id))
        .join(User, col(User.id) == col(Prescription.referent_id))
        .join(Organisation, col(Organisation.id) == col(User.organisation_id), isouter=True)
        .where(col(Prescription.id).in_(ids), *scope(user))
    )
    if names:
        statement = statement.join(Beneficiary, col(Beneficiary.id) == col(Prescription.beneficiary_id))
    found = {row[0].id: row for row in session.execute(statement)}
    places = places_of(session, ids)
    for id in ids:
        if id not in found:
            continue  # handed over to somebody of another organisation since
        prescription, structure, siret, referent, organisation, *person = found[id]
        movement, action, convention = places.get(id, (None, None, None))
        shared = {entry["piece"]: entry["value"] for entry in read_by_partner(prescription)}
        yield Line(
            prescription=prescription,
            structure=structure,
            siret=siret,
            referent=referent,
            organisation=organisation,
            name=_name(user, person, shared) if person else None,
            shared=shared if user.role is Role.PARTENAIRE else {},
            place=movement,
            action=action,
            convention=convention,
        )
    # Read once, written once: nothing of it is looked at again.
    session.expunge_all()


def _name(user: User, person: Sequence[Any], shared: dict[str, str]) -> str | None:
    """Whoever follows the person reads the file's name; a colleague, the name as it was shared."""
    first, last, referent_id = person
    return f"{first} {last}" if referent_id == user.id else shared.get("identite")


def places_of(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, tuple[Movement, str, str]]:
    """Return {prescription: (where its place stands, action, number of the convention)}, in one statement."""
    lines: dict[uuid.UUID, list[Any]] = {}
    for row in session.execute(
        sqlalchemy.select(
            col(PlaceMovement.prescription_id),
            col(PlaceMovement.action_id),
            col(PlaceMovement.movement),
            col(PlaceMovement.at),
            col(PlaceMovement.effet_le),
            col(FinancedAction.intitule),
            col(Convention.numero),
        )
        .join(FinancedAction, col(FinancedAction.id) == col(PlaceMovement.action_id))
        .join(Convention, col(Convention.id) == col(FinancedAction.convention_id))
        .where(col(PlaceMovement.prescription_id).in_(ids))
    ):
        lines.setdefault(row.prescription_id, []).append(row)
    lasts = {id: ledger.latest(rows) for id, rows in lines.items()}
    return {id: (last.movement, last.intitule, last.numero) for id, last in lasts.items() if last is not None}


def chunks(ids: Sequence[uuid.UUID]) -> Iterator[Sequence[uuid.UUID]]:
    """Yield `ids` some at a time, as many as are read together."""
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]
