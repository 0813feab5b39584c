"""A table of expenses as people send it: which column is which, what each line would write, what keeps it from being read."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from babel.dates import get_month_names

from portal.budget import expenses
from portal.budget.expenses import Frame
from portal.budget.models import Nature, Volet
from portal.geography import fold
from portal.money import read_decimals, read_euros
from portal.spreadsheets import MAX_COLUMNS, Row, Sheet

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


def guess(sheet: Sheet) -> dict[str, int]:
    """Return {field: place} of the columns whose header is known; each field once."""
    return columns_of(sheet.headers)


def columns_of(titles: Sequence[str]) -> dict[str, int]:
    """Return {field: place} of the titles that are known; each field once."""
    headers = [fold(title[:200]) for title in titles[:MAX_COLUMNS]]
    found: dict[str, int] = {}
    for name, words in _WORDS.items():
        # The first word is the surest.
        for word in words:
            if word in headers and headers.index(word) not in found.values():
                found[name] = headers.index(word)
                break
    return found


def key_of(values: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what an expense says: two that say the same are one line."""
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


def read_line(
    row: Row,
    columns: Mapping[str, int],
    volet: Volet | None,
    nature: Nature | None,
    within: Frame,
    known: Counter[tuple[Any, ...]],
) -> Read:
    """Return what a row would write, or what is wrong with it; `known` counts the expenses that are there already."""
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
    key = key_of(told)
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
                    "Écrivez le coût d’une unité, ou comptez 1 forfait : ce montant ne se partage pas au centime.",
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
    if not cells.get("objet") and fold(cells.get("nature", "")[:200]).startswith("volet"):
        # The sums by volet that follow a statement, as the portal's own file has them below its natures.
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
    text = _rounded(text, 2)
    if _COMPUTED.fullmatch(text):
        raise ValueError(
            "Ce calcul ne tombe pas juste au centime : arrondissez-le, ou comptez 1 forfait, du montant payé."
        )
    return read_euros(text)


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
