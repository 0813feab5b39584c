"""A table of expenses sent as a file: its columns recognised, each line read and checked, then written once.

Nothing is written before somebody has seen what would be. Money is in cents, numbers of units in thousandths.
"""

import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import User
from portal.budget import checks, expenses, history
from portal.budget.expense_table import COLUMNS, Read, columns_of, guess, key_of, read_line
from portal.budget.models import Nature, StateConvention, Volet
from portal.budget.spending_models import Expense, ExpenseImport
from portal.errors import AlreadyDone, RuleBroken
from portal.money import euros
from portal.spreadsheets import Sheet, read_sheets

MAX_BYTES = 5_000_000
MAX_LINES = 2_000
too_big = f"Un tableau de dépenses fait {MAX_BYTES // 1_000_000} Mo au plus : ôtez les images et les feuilles inutiles."


@dataclass(frozen=True, slots=True)
class Preview:
    """A table as it is understood."""

    sheet: Sheet
    sheets: list[str]
    # {field: the place of its column}
    columns: dict[str, int]
    volet: Volet | None
    nature: Nature | None
    lines: list[Read]
    # What keeps the whole table from being read.
    missing: list[str]

    def of(self, outcome: str) -> list[Read]:
        """Return the lines of an outcome."""
        return [line for line in self.lines if line.outcome == outcome]

    @property
    def montant(self) -> int:
        """The cents that would be written."""
        return sum(line.montant or 0 for line in self.of("nouvelle"))


def start(
    session: Session,
    convention: StateConvention,
    annee: int,
    *,
    nom: str,
    contenu: bytes,
    by: User,
    id: uuid.UUID,
) -> ExpenseImport:
    """Keep a table and guess its columns; nothing of it is written in the statement yet.

    `id` is made with the form: a second press returns the table already kept. Raises NotAllowed; RuleBroken when the
    convention is not open, the bilan of the year is handed in, or the file is no table.
    """
    checks.check_officer(by)
    kept = checks.written_before(session, ExpenseImport, id, convention.id)
    if kept is not None:
        return kept
    checks.check_open(convention, clock.today())
    checks.check_year_open(session, convention, annee)
    if len(contenu) > MAX_BYTES:
        raise RuleBroken(too_big, field="fichier")
    sheets = _sheets(nom, contenu)
    best = max(sheets, key=lambda sheet: (len(guess(sheet)), len(sheet.rows)))
    if len(best.rows) > MAX_LINES:
        raise RuleBroken(
            f"Ce tableau dépasse {MAX_LINES} lignes : coupez-le en plusieurs fichiers.", field="fichier"
        )
    run = ExpenseImport(
        id=id,
        convention_id=convention.id,
        annee=annee,
        nom=nom[-150:],
        contenu=contenu,
        colonnes={"feuille": best.name, "champs": guess(best), "volet": None, "nature": None},
        by_id=by.id,
    )
    try:
        with session.begin_nested():
            session.add(run)
    except IntegrityError:
        kept = session.get(ExpenseImport, id)
        if kept is None:
            raise
        return kept
    return run


def _sheets(nom: str, contenu: bytes) -> list[Sheet]:
    return read_sheets(nom, contenu, known=lambda cells: len(columns_of(cells)))


def choose(
    session: Session,
    run: ExpenseImport,
    *,
    feuille: str,
    champs: Mapping[str, int],
    volet: Volet | None,
    nature: Nature | None,
    by: User,
) -> None:
    """Say what each column gives, and the volet and nature of lines that say none.

    Raises NotAllowed; AlreadyDone once the table is written; RuleBroken when the sheet or a column is not there.
    """
    checks.check_officer(by)
    if run.written_at is not None:
        raise AlreadyDone("Ce tableau est déjà importé : ses colonnes ne changent plus.")
    sheet = next((sheet for sheet in _sheets(run.nom, run.contenu) if sheet.name == feuille), None)
    if sheet is None:
        raise RuleBroken(
            "Cette feuille n’est pas dans le classeur : choisissez-en une autre.", field="feuille"
        )
    if feuille != (run.colonnes or {}).get("feuille"):
        # Another sheet has columns of its own: what was said of the former ones no longer holds.
        champs = guess(sheet)
    if any(name not in COLUMNS or not 0 <= place < len(sheet.headers) for name, place in champs.items()):
        raise RuleBroken("Ces colonnes ne sont plus celles du tableau : choisissez-les de nouveau.")
    run.colonnes = {
        "feuille": feuille,
        "champs": dict(champs),
        "volet": volet.value if volet else None,
        "nature": nature.value if nature else None,
    }
    session.flush()


def preview(session: Session, run: ExpenseImport, convention: StateConvention) -> Preview:
    """Return what the table would write, line by line; nothing is written."""
    sheets = _sheets(run.nom, run.contenu)
    chosen = run.colonnes or {}
    sheet = next((sheet for sheet in sheets if sheet.name == chosen.get("feuille")), sheets[0])
    columns = {
        name: place
        for name, place in (chosen.get("champs") or {}).items()
        if name in COLUMNS and place < len(sheet.headers)
    }
    volet = Volet(chosen["volet"]) if chosen.get("volet") else None
    nature = Nature(chosen["nature"]) if chosen.get("nature") else None
    missing = _missing(columns, volet, nature)
    lines: list[Read] = []
    if not missing:
        within = expenses.frame(session, convention, run.annee)
        known = _known(session, run)
        for row in sheet.rows[:MAX_LINES]:
            lines.append(read_line(row, columns, volet, nature, within, known))
    return Preview(sheet, [sheet.name for sheet in sheets], columns, volet, nature, lines, missing)


def accept(session: Session, run: ExpenseImport, convention: StateConvention, *, by: User) -> list[Expense]:
    """Write the right lines of the table that the statement has not yet, and return them.

    Raises NotAllowed; AlreadyDone when the table was written already; RuleBroken when nothing is to write, when the
    convention is not open, or when the bilan of the year is handed in.
    """
    checks.check_officer(by)
    # Two presses at once: the second waits here, and sees that it is done. So do two tables of one convention.
    convention = checks.take(session, convention)
    checks.check_open(convention, clock.today())
    checks.check_year_open(session, convention, run.annee)
    run = checks.present(session, run, "Cet import a été abandonné : envoyez de nouveau le tableau.")
    if run.written_at is not None:
        raise AlreadyDone("Ce tableau est déjà importé : rien n’a été écrit une seconde fois.")
    right = preview(session, run, convention).of("nouvelle")
    if not right:
        raise RuleBroken("Aucune ligne n’est à importer : corrigez le tableau, puis envoyez-le de nouveau.")
    made = [
        Expense(
            convention_id=convention.id,
            annee=run.annee,
            by_id=by.id,
            import_id=run.id,
            ligne=line.ligne,
            **{**line.values, "volet": int(line.values["volet"])},
        )
        for line in right
    ]
    session.add_all(made)
    run.written_at = clock.now()
    session.flush()
    total = sum(expense.montant_centimes for expense in made)
    history.record(
        session,
        convention,
        f"Dépenses {run.annee} importées : {len(made)} ligne{'s' if len(made) > 1 else ''} ({euros(total)})",
        by=by,
        motif=f"Tableau « {run.nom} »",
    )
    return made


def abandon(session: Session, run: ExpenseImport, *, by: User) -> None:
    """Forget a table of which nothing was written. Raises AlreadyDone when it was written, or is forgotten already."""
    checks.check_officer(by)
    # Somebody may import it at this very moment.
    checks.take(session, session.get_one(StateConvention, run.convention_id))
    run = checks.present(session, run, "Cet import est déjà abandonné.")
    if run.written_at is not None:
        raise AlreadyDone("Ce tableau est déjà importé : ôtez ses dépenses une à une s’il le faut.")
    session.delete(run)
    session.flush()


def _missing(columns: Mapping[str, int], volet: Volet | None, nature: Nature | None) -> list[str]:
    said = []
    if "objet" not in columns:
        said.append("Dites quelle colonne donne l’objet.")
    if "nature" not in columns and nature is None:
        said.append("Dites quelle colonne donne la nature, ou choisissez celle de tout le tableau.")
    if "volet" not in columns and volet is None:
        said.append("Dites quelle colonne donne le volet, ou choisissez celui de tout le tableau.")
    if "montant" not in columns and "cout_unitaire" not in columns:
        said.append("Dites quelle colonne donne le montant, ou le coût unitaire.")
    return said


def _known(session: Session, run: ExpenseImport) -> Counter[tuple[Any, ...]]:
    """Count the expenses of the year by what they say: a line that says the same is there already."""
    rows = session.exec(
        select(Expense).where(
            col(Expense.convention_id) == run.convention_id, col(Expense.annee) == run.annee
        )
    )
    return Counter(
        key_of({name: getattr(expense, name) for name in expenses.FIELDS} | {"nature": expense.nature})
        for expense in rows
    )
