"""A table of expenses sent as a file: its columns recognised, each line read and checked, then written once.

Nothing is written before somebody has seen what would be. Money is in cents, numbers of units in thousandths.
"""

import re
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from babel.dates import get_month_names
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import User
from portal.budget import checks, expenses, history
from portal.budget.expenses import Frame
from portal.budget.models import Nature, StateConvention, Volet
from portal.budget.spending_models import Expense, ExpenseImport
from portal.errors import AlreadyDone, RuleBroken
from portal.geography import fold
from portal.money import euros, read_decimals, read_euros
from portal.spreadsheets import Row, Sheet, read_sheets

MAX_BYTES = 5_000_000
MAX_LINES = 2_000
too_big = f"Un tableau de dépenses fait {MAX_BYTES // 1_000_000} Mo au plus : ôtez les images et les feuilles inutiles."

# {field: its label}, in the order in which the columns are offered.
COLUMNS: dict[str, str] = {
    "objet": "Objet",
    "nature": "Nature",
    "volet": "Volet",
    "unite": "Unité",
    "nombre": "Nombre d’unités",
    "cout_unitaire": "Coût unitaire",
    "montant": "Montant",
    "part_etat": "Part de l’État",
    "date_debut": "Premier jour",
    "date_fin": "Dernier jour",
    "periode": "Période",
    "a_part": "À la charge du département (oui ou non)",
}
# Other words that people write above a column; folded.
_WORDS: dict[str, tuple[str, ...]] = {
    "objet": ("objet", "objet de la depense", "libelle", "intitule", "designation", "action", "depense"),
    "nature": ("nature", "nature de la depense", "nature de depense", "poste de depense", "categorie"),
    "volet": ("volet", "n volet", "numero de volet"),
    "unite": ("unite", "unite d oeuvre", "type d unite"),
    "nombre": ("nombre", "nombre d unites", "nb", "nb d unites", "quantite", "qte"),
    "cout_unitaire": ("cout unitaire", "prix unitaire", "cout d une unite", "pu", "cout"),
    "montant": ("montant", "total", "montant total", "cout total", "montant ttc"),
    "part_etat": ("part de l etat", "part etat", "montant etat", "etat", "charge a l etat"),
    "date_debut": ("premier jour", "debut", "date de debut", "date debut", "du"),
    "date_fin": ("dernier jour", "fin", "date de fin", "date fin", "au"),
    "periode": ("periode", "periode de realisation", "dates"),
    "a_part": ("a la charge du departement", "hors convention", "a part", "non eligible"),
}
# Words for a nature beside its label and its code; folded.
_NATURES: dict[str, Nature] = {
    "ingenierie": Nature.INGENIERIE,
    "accompagnement": Nature.ACCOMPAGNEMENT,
    "mobilite": Nature.MOBILITE,
    "garde d enfant": Nature.GARDE_ENFANT,
    "garde d enfants": Nature.GARDE_ENFANT,
    "sante": Nature.SANTE,
    "autre frein": Nature.AUTRE_FREIN,
    "autres freins": Nature.AUTRE_FREIN,
    "maintien en emploi": Nature.MAINTIEN,
    "systeme d information": Nature.SI,
    "developpement si": Nature.SI,
} | {fold(word): nature for nature in Nature for word in (nature.label, nature.value)}
_MONTHS = {fold(name): number for number, name in get_month_names("wide", locale="fr").items()}
_DAY = re.compile(r"(?P<d>[0-9]{1,2})[/.-](?P<m>[0-9]{1,2})[/.-](?P<y>[0-9]{4})")
_ISO = re.compile(r"(?P<y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})")
_MONTH_SPAN = re.compile(r"(?:de )?(?P<a>[a-z]+)(?: (?:a|au) (?P<b>[a-z]+))? (?P<y>[0-9]{4})")
# What a spreadsheet computes comes with the last digits of its binary arithmetic.
_COMPUTED = re.compile(r"[0-9]+\.[0-9]{4,}")
_TINY = Decimal("0.00001")
_YES, _NO = {"oui", "o", "x", "1", "vrai"}, {"", "non", "n", "0", "faux"}


@dataclass(frozen=True, slots=True)
class Problem:
    """What keeps a line from being written: the column it is about, what the cell holds, what to do."""

    colonne: str
    cellule: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Read:
    """A line of the table: what it would write, or what is wrong with it."""

    ligne: int
    # "nouvelle", "deja" (the statement has it already), "refusee", "ignoree" (a title or a total).
    outcome: str
    objet: str
    values: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def montant(self) -> int | None:
        """The cents that it would write."""
        return self.values.get("montant_centimes")


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
    sheets = read_sheets(nom, contenu)
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


def guess(sheet: Sheet) -> dict[str, int]:
    """Return {field: place} of the columns whose header is known; each field once."""
    headers = [fold(header[:200]) for header in sheet.headers]
    found: dict[str, int] = {}
    for name, words in _WORDS.items():
        # The first word is the surest.
        for word in words:
            if word in headers and headers.index(word) not in found.values():
                found[name] = headers.index(word)
                break
    return found


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
    sheet = next((sheet for sheet in read_sheets(run.nom, run.contenu) if sheet.name == feuille), None)
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
    sheets = read_sheets(run.nom, run.contenu)
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
            lines.append(_read(row, columns, volet, nature, within, known))
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
        _key({name: getattr(expense, name) for name in expenses.FIELDS} | {"nature": expense.nature})
        for expense in rows
    )


def _key(values: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        int(values["volet"]),
        values["nature"],
        values["objet"],
        values["unite"],
        values["nombre"],
        values["cout_unitaire_centimes"],
        values["date_debut"],
        values["date_fin"],
        values["hors_convention"],
    )


def _read(
    row: Row,
    columns: Mapping[str, int],
    volet: Volet | None,
    nature: Nature | None,
    within: Frame,
    known: Counter[tuple[Any, ...]],
) -> Read:
    cells = {name: row.cells[place] for name, place in columns.items()}
    objet = " ".join(cells.get("objet", "").split())
    if _is_aside(row, cells):
        return Read(row.line, "ignoree", objet or next((cell for cell in row.cells if cell), ""))
    problems: list[Problem] = []

    def take(name: str, reader: Callable[[str], Any], *, empty: Any = None) -> Any:
        cell = cells.get(name, "").strip()
        if not cell:
            return empty
        try:
            return reader(cell)
        except ValueError as wrong:
            problems.append(Problem(COLUMNS[name], cell[:80], str(wrong)))
            return _UNREAD

    values: dict[str, Any] = {
        "objet": objet[:300],
        "volet": take("volet", _volet, empty=volet),
        "nature": take("nature", _nature, empty=nature),
        "unite": take("unite", _unit, empty="forfait"),
        "hors_convention": take("a_part", _yes, empty=False),
        "part_etat_centimes": take("part_etat", _euros),
        "non_eligible": None,
        "partner_convention_id": None,
        "action_id": None,
        "post_id": None,
    }
    if not objet:
        problems.append(Problem(COLUMNS["objet"], "", "Écrivez l’objet de la dépense."))
    elif len(objet) > 300:
        problems.append(
            Problem(COLUMNS["objet"], objet[:80], "Raccourcissez l’objet : 300 caractères au plus.")
        )
    for name, asked in (("volet", "Écrivez le volet : 1, 2 ou 3."), ("nature", "Écrivez la nature.")):
        if values[name] is None:
            problems.append(Problem(COLUMNS[name], "", asked))
    _read_amounts(values, take, problems)
    _read_period(values, cells, take, within)
    if not problems:
        problems = [
            Problem(_LABELS.get(wrong.field or "", ""), "", wrong.message)
            for wrong in expenses.problems(values, within)
        ]
    if problems:
        return Read(row.line, "refusee", objet, problems=problems)
    told = expenses.completed(values, within)
    key = _key(told)
    if known[key] > 0:
        known[key] -= 1
        return Read(row.line, "deja", objet, told)
    return Read(row.line, "nouvelle", objet, told)


# What a cell that could not be read stands for: its problem is told already.
_UNREAD = object()
_LABELS = {**COLUMNS, "hors_convention": COLUMNS["a_part"]}


def _read_amounts(values: dict[str, Any], take: Callable[..., Any], problems: list[Problem]) -> None:
    """Number, unit cost and amount: two of them give the third, and an amount alone is a lump sum."""
    nombre = take("nombre", _number)
    cout = take("cout_unitaire", _euros)
    montant = take("montant", _euros)
    if _UNREAD in (nombre, cout, montant):
        return
    if cout is None and montant is None:
        problems.append(Problem(COLUMNS["montant"], "", "Écrivez le montant, ou le coût unitaire."))
        return
    if nombre is None:
        nombre = 1_000
    if cout is None:
        if nombre == 0 or montant * 1_000 % nombre:
            problems.append(
                Problem(
                    COLUMNS["cout_unitaire"],
                    "",
                    "Écrivez le coût d’une unité : ce montant ne se partage pas au centime.",
                )
            )
            return
        cout = montant * 1_000 // nombre
    values |= {"nombre": nombre, "cout_unitaire_centimes": cout, "montant_centimes": montant}


def _read_period(
    values: dict[str, Any], cells: Mapping[str, str], take: Callable[..., Any], within: Frame
) -> None:
    """The two days, or a period in words; the whole year, within the convention, when nothing is said."""
    span = take("periode", lambda text: _span(text, within))
    begin, end = (None, None) if span is None or span is _UNREAD else span
    values["date_debut"] = take("date_debut", _date, empty=begin or within.debut)
    values["date_fin"] = take("date_fin", _date, empty=end or within.fin)


def _is_aside(row: Row, cells: Mapping[str, str]) -> bool:
    """Say whether a line is a total, or a title above others: the statement makes its own."""
    words = [fold(cell[:200]) for cell in row.cells if cell]
    if any(word.startswith(("total", "sous total", "soustotal")) for word in words[:2]):
        return True
    figures = ("nombre", "cout_unitaire", "montant", "part_etat")
    return len(words) == 1 and not any(cells.get(name) for name in figures)


def _volet(text: str) -> Volet:
    found = re.search(r"\b([123])\b", fold(text[:200]))
    if found is None:
        raise ValueError("Écrivez le volet : 1, 2 ou 3.")
    return Volet(int(found[1]))


def _nature(text: str) -> Nature:
    found = _NATURES.get(fold(text[:200]))
    if found is None:
        raise ValueError("Cette nature n’est pas connue : écrivez-la comme dans le plan de financement.")
    return found


def _unit(text: str) -> str:
    text = " ".join(text.split())
    if len(text) > 60:
        raise ValueError("Raccourcissez l’unité : 60 caractères au plus.")
    return text


def _yes(text: str) -> bool:
    word = fold(text[:50])
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise ValueError("Écrivez oui ou non.")


def _euros(text: str) -> int:
    return read_euros(_rounded(text, 2))


def _number(text: str) -> int:
    return read_decimals(_rounded(text, 3), 3, "12 ou 0,5")


def _rounded(text: str, decimals: int) -> str:
    """Return the number that a spreadsheet computed without what its arithmetic left; any other text as it is."""
    if not _COMPUTED.fullmatch(text):
        return text
    exact = Decimal(text)
    near = round(exact, decimals)
    return f"{near:f}" if abs(exact - near) < _TINY else text


def _date(text: str) -> date:
    found = _DAY.fullmatch(text.strip()) or _ISO.fullmatch(text.strip()[:10])
    if found is None:
        raise ValueError("Écrivez une date complète, par exemple 31/12/2026.")
    return _made(found)


def _made(found: re.Match[str]) -> date:
    try:
        return date(int(found["y"]), int(found["m"]), int(found["d"]))
    except ValueError:
        raise ValueError("Cette date n’existe pas : relisez-la.") from None


def _span(text: str, within: Frame) -> tuple[date, date]:
    days = [_made(found) for found in (*_DAY.finditer(text), *_ISO.finditer(text))]
    if len(days) == 2:
        return days[0], days[1]
    plain = fold(text[:200])
    if plain in {str(within.annee), f"annee {within.annee}"}:
        return within.debut, within.fin
    found = _MONTH_SPAN.fullmatch(plain)
    if (
        found
        and found["a"] in _MONTHS
        and (found["b"] or found["a"]) in _MONTHS
        and 2000 <= int(found["y"]) <= 2100
    ):
        year, first, last = int(found["y"]), _MONTHS[found["a"]], _MONTHS[found["b"] or found["a"]]
        end = date(year + last // 12, last % 12 + 1, 1) - timedelta(days=1)
        return date(year, first, 1), end
    raise ValueError("Écrivez les deux jours, par exemple « 01/01/2026 au 31/12/2026 ».")
