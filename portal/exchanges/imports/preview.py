"""An import as people read it: how many lines of each outcome, and each line before and after."""

import io
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import xlsxwriter
from sqlalchemy import func
from sqlmodel import Session, col, select

from portal import geography, vocabulary
from portal.exchanges.imports import columns
from portal.exchanges.imports.comparing import COMPLETE
from portal.exchanges.models import ImportLine, ImportOutcome, ImportRun
from portal.parcours import FREINS, Dominante
from portal.phones import show_phone

# The word of the address -> the outcome it shows.
TABS: dict[str, ImportOutcome] = {
    "a-creer": ImportOutcome.CREE,
    "a-modifier": ImportOutcome.MODIFIE,
    "inchangees": ImportOutcome.INCHANGE,
    "refusees": ImportOutcome.REFUSE,
    "ignorees": ImportOutcome.IGNORE,
}
# What each outcome is called before and after the lines are written.
_TAB_WORDS: dict[ImportOutcome, tuple[str, str]] = {
    ImportOutcome.CREE: ("À créer", "Créées"),
    ImportOutcome.MODIFIE: ("À modifier", "Modifiées"),
    ImportOutcome.INCHANGE: ("Inchangées", "Inchangées"),
    ImportOutcome.REFUSE: ("Refusées", "Refusées"),
    ImportOutcome.IGNORE: ("Ignorées", "Ignorées"),
}
_LINE_WORDS: dict[ImportOutcome, tuple[str, str]] = {
    ImportOutcome.CREE: ("À créer", "Créée"),
    ImportOutcome.MODIFIE: ("À modifier", "Modifiée"),
    ImportOutcome.INCHANGE: ("Inchangée", "Inchangée"),
    ImportOutcome.REFUSE: ("Refusée", "Refusée"),
    ImportOutcome.IGNORE: ("Ignorée", "Ignorée"),
}
_KINDS = {
    ImportOutcome.CREE: "success",
    ImportOutcome.MODIFIE: "accent",
    ImportOutcome.REFUSE: "danger",
}
_KIND_WORDS = {columns.STRUCTURES: "Structure", columns.SERVICES: "Offre"}
NOTHING = "Rien"
_VOCABULARIES = frozenset(vocabulary.vocabulary_names())
_DOMINANTES = {d.value: d.label for d in Dominante}
_FREINS = {f.slug: f.label for f in FREINS}


@dataclass(frozen=True, slots=True)
class Row:
    """A field whose value changes: its label, each value as text."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A line as the preview and the report show it."""

    id: uuid.UUID
    kind: str
    what: str
    line: int
    sheet: str
    nom: str
    outcome: str
    state_kind: str
    # What it would become, or became; None when the line was not written.
    target_id: uuid.UUID | None
    is_offer: bool
    # Only what the sheet lacks is given to a thing that others keep.
    completes: bool
    rows: tuple[Row, ...]
    values: tuple[tuple[str, str], ...]
    errors: tuple[tuple[str, str, str], ...]
    missing: tuple[str, ...]

    @classmethod
    def of(cls, line: ImportLine, run: ImportRun) -> "Shown":
        """Return what is shown of `line`."""
        record = line.record or {}
        done = run.finished_at is not None
        labels = columns.LABELS[line.kind]
        values = record.get("values", {}) if line.outcome is ImportOutcome.CREE else {}
        return cls(
            id=line.id,
            kind=line.kind,
            what=_KIND_WORDS[line.kind],
            line=line.line,
            sheet=sheet_of(line),
            nom=line.nom or "Sans nom",
            outcome=_LINE_WORDS[line.outcome][done],
            state_kind=_KINDS.get(line.outcome, "neutral"),
            target_id=line.target_id if line.outcome is not ImportOutcome.REFUSE else None,
            is_offer=line.kind == columns.SERVICES,
            completes=record.get("mode") == COMPLETE and line.outcome is ImportOutcome.MODIFIE,
            rows=tuple(
                Row(labels.get(name, name), in_words(name, before), in_words(name, after))
                for name, (before, after) in (line.changes or {}).items()
            ),
            values=tuple(
                (labels.get(name, name), in_words(name, value))
                for name, value in values.items()
                if value not in (None, "", [])
            ),
            errors=tuple((column, cell, sentence) for column, cell, sentence in line.errors or []),
            missing=() if line.errors else tuple(dict.fromkeys(record.get("missing", {}).values())),
        )


def in_words(name: str, value: Any) -> str:
    """Return a value in French: labels of choices, the commune's name, oui or non, a list joined, NOTHING when empty."""
    if value is None or value == "" or value == []:
        return NOTHING
    if isinstance(value, bool):
        return "Oui" if value else "Non"
    if isinstance(value, list | tuple):
        return ", ".join(in_words(name, item) for item in value)
    if isinstance(value, float):
        return f"{value:g}".replace(".", ",")
    if isinstance(value, date | datetime):
        return value.strftime("%d/%m/%Y")
    text = str(value)
    if name in _VOCABULARIES:
        return vocabulary.label(name, text)
    if name == "dominantes":
        return _DOMINANTES.get(text, text)
    if name == "freins":
        return _FREINS.get(text, text)
    if name == "zone_eligibilite":
        return geography.zone_label(text)
    if name == "telephone":
        return show_phone(text)
    if name == "code_insee":
        commune = geography.commune(text)
        return f"{commune.nom} ({text})" if commune else text
    if name == "date_fin":
        return date.fromisoformat(text).strftime("%d/%m/%Y")
    return text


def sheet_of(line: ImportLine) -> str:
    """Return the name of the sheet a line comes from; nothing for a CSV."""
    return (line.record or {}).get("sheet", "")


def by_outcome(numbers: Mapping[tuple[str, ImportOutcome], int]) -> list[dict[str, Any]]:
    """Return, for each kind of thing that the table holds, its label and {outcome: number}."""
    return [
        {"label": label, "numbers": {o.value: numbers.get((kind, o), 0) for o in ImportOutcome}}
        for kind, label in ((columns.STRUCTURES, "Structures"), (columns.SERVICES, "Offres"))
        if any(k == kind for k, _ in numbers)
    ]


def tabs(numbers: Mapping[tuple[str, ImportOutcome], int], *, done: bool) -> list[tuple[str, str, int]]:
    """Return (word of the address, label, number) of each outcome that has lines."""
    found = []
    for word, outcome in TABS.items():
        number = sum(count for (_, o), count in numbers.items() if o is outcome)
        if number:
            found.append((word, _TAB_WORDS[outcome][done], number))
    return found


def tallies(session: Session, run_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return {run: "12 créées, 3 refusées"} for a list of imports."""
    rows = session.exec(
        select(ImportLine.run_id, ImportLine.outcome, func.count())
        .where(col(ImportLine.run_id).in_(list(run_ids)))
        .group_by(col(ImportLine.run_id), col(ImportLine.outcome))
    )
    found: dict[uuid.UUID, dict[ImportOutcome, int]] = {}
    for run_id, outcome, number in rows:
        found.setdefault(run_id, {})[ImportOutcome(outcome)] = number
    return {
        run_id: ", ".join(
            f"{_number(numbers[outcome])} {_LINE_WORDS[outcome][1].lower()}{'s' if numbers[outcome] > 1 else ''}"
            for outcome in TABS.values()
            if numbers.get(outcome)
        )
        for run_id, numbers in found.items()
    }


def incomplete(session: Session, run_id: uuid.UUID) -> int:
    """Return how many offers to create lack something to be published."""
    lines = session.exec(
        select(ImportLine.record).where(
            col(ImportLine.run_id) == run_id,
            col(ImportLine.kind) == columns.SERVICES,
            col(ImportLine.outcome) == ImportOutcome.CREE,
        )
    )
    return sum(bool((record or {}).get("missing")) for record in lines)


def empty_workbook() -> bytes:
    """Return a workbook in the valideur's layout: the schema's names, and a line that explains each, which is not read."""
    out = io.BytesIO()
    workbook = xlsxwriter.Workbook(
        out, {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    bold = workbook.add_format({"bold": True})
    # Every cell a text: a SIRET or a postal code keeps its zeros.
    text = workbook.add_format({"num_format": "@"})
    for title, kind, model in (
        ("Structures", columns.STRUCTURES, vocabulary.Structure),
        ("Services", columns.SERVICES, vocabulary.Service),
    ):
        sheet = workbook.add_worksheet(title)
        names = [columns.IGNORE, *(name for name in model.model_fields if name in columns.LABELS[kind])]
        sheet.set_column(0, len(names) - 1, 24, text)
        for number, name in enumerate(names):
            sheet.write_string(0, number, name, bold)
            explanation = "ligne d’explication" if name == columns.IGNORE else _explained(kind, name)
            sheet.write_string(1, number, explanation)
        sheet.freeze_panes(1, 0)
    workbook.close()
    return out.getvalue()


def _explained(kind: str, name: str) -> str:
    label = columns.LABELS[kind][name]
    if name in _VOCABULARIES:
        values = [choice.value for choice in vocabulary.choices(name)]
        several = "" if name in ("type", "frais") else ", séparées par des virgules"
        shown = ", ".join(values[:6]) + (", …" if len(values) > 6 else "")
        return f"{label}. Valeurs{several} : {shown}"
    return label


def _number(value: int) -> str:
    return f"{value:,}".replace(",", "\u202f")
