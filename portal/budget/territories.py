"""How the département cuts itself up: EPCI from the geography, CDAS and bassins from a table that the officer sends.

A table replaces the whole of what was there; nothing of it is written before it was seen.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import delete
from sqlmodel import Session, col, func, select

from portal import geography
from portal.accounts.models import User
from portal.budget import checks
from portal.budget.models import Territory, TerritoryCommune, TerritoryKind
from portal.errors import RuleBroken
from portal.spreadsheets import read_sheets

MAX_LINES = 2_000
_LONGEST = 150
_MANY = 20


class Cut(StrEnum):
    """By which territories figures are told."""

    EPCI = "epci"
    CDAS = "cdas"
    BASSIN = "bassin"

    @property
    def label(self) -> str:
        """The cut as the interface says it."""
        return {"epci": "EPCI", "cdas": "CDAS", "bassin": "Bassin d’emploi"}[self.value]


def name_of_cut(cut: Cut) -> str:
    """Return the cut in a sentence ("par EPCI")."""
    return {"epci": "EPCI", "cdas": "CDAS", "bassin": "bassin d’emploi"}[cut.value]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table: the commune, and the names of its territories (empty: none of that kind)."""

    code_insee: str
    commune: str
    cdas: str
    bassin: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a table would write; `wrong` says what is to be corrected first, a sentence a line."""

    lines: list[Line]
    wrong: list[str]
    # {kind: {name: how many communes}}, in the order of the names.
    found: dict[TerritoryKind, dict[str, int]]

    @property
    def may_be_written(self) -> bool:
        """True when nothing is wrong and something is there."""
        return bool(self.lines) and not self.wrong


def territory_names(session: Session, cut: Cut, codes: Collection[str]) -> dict[str, str]:
    """Return {INSEE code of a commune: its territory}, those without one left out, in one statement at most."""
    if cut is Cut.EPCI:
        found = {}
        for code in codes:
            commune = geography.commune(code)
            epci = geography.epci(commune.code_epci) if commune and commune.code_epci else None
            if epci is not None:
                found[code] = epci.nom
        return found
    rows = session.execute(
        select(col(TerritoryCommune.code_insee), col(Territory.nom))
        .join(Territory, col(Territory.id) == col(TerritoryCommune.territory_id))
        .where(
            col(TerritoryCommune.kind) == TerritoryKind(cut.value),
            col(TerritoryCommune.code_insee).in_(list(codes)),
        )
    )
    return {row[0]: row[1] for row in rows}


def counts(session: Session) -> dict[TerritoryKind, list[tuple[str, int]]]:
    """Return {kind: [(name, how many communes)]} as they are now."""
    told: dict[TerritoryKind, list[tuple[str, int]]] = {kind: [] for kind in TerritoryKind}
    rows = session.execute(
        select(col(Territory.kind), col(Territory.nom), func.count(col(TerritoryCommune.code_insee)))
        .outerjoin(TerritoryCommune, col(TerritoryCommune.territory_id) == col(Territory.id))
        .group_by(col(Territory.kind), col(Territory.nom))
        .order_by(col(Territory.nom))
    )
    for kind, name, number in rows:
        told[kind].append((name, int(number)))
    return told


def read(filename: str, content: bytes, departement: str | None = None) -> Preview:
    """Return what a table (XLSX or CSV: commune; CDAS; bassin) would write. Raises RuleBroken when it cannot be read."""
    sheet = read_sheets(filename, content)[0]
    names = [geography.fold(header) for header in sheet.headers]

    def place(*words: str) -> int | None:
        return next((at for at, name in enumerate(names) if any(word in name for word in words)), None)

    commune, cdas, bassin = place("commune", "insee"), place("cdas"), place("bassin")
    if commune is None or (cdas is None and bassin is None):
        raise RuleBroken(
            "La première ligne doit nommer les colonnes : commune, CDAS, bassin. Ajoutez-les, puis renvoyez le tableau.",
            field="fichier",
        )
    if len(sheet.rows) > MAX_LINES:
        raise RuleBroken(
            f"Ce tableau a plus de {MAX_LINES} lignes : gardez les communes du département.", field="fichier"
        )

    def cell(row: Sequence[str], at: int | None) -> str:
        return " ".join(row[at].split()) if at is not None and at < len(row) else ""

    return preview(
        (
            (row.line, cell(row.cells, commune), cell(row.cells, cdas), cell(row.cells, bassin))
            for row in sheet.rows
        ),
        departement,
    )


def preview(rows: Iterable[tuple[int, str, str, str]], departement: str | None = None) -> Preview:
    """Return what (number of the line, commune, CDAS, bassin) would write: a commune by its INSEE code or its name."""
    lines: dict[str, Line] = {}
    wrong: list[str] = []
    spelt: dict[tuple[TerritoryKind, str], str] = {}

    def same(kind: TerritoryKind, name: str) -> str:
        # "Cdas de Redon" and "CDAS de Redon" are one: the first spelling is kept.
        return spelt.setdefault((kind, geography.fold(name)), name) if name else ""

    for number, text, cdas, bassin in rows:
        if not text:
            wrong.append(f"Ligne {number} : écrivez la commune.")
            continue
        found = geography.commune(text)
        if found is None:
            try:
                found = geography.resolve(text, departement)
            except (geography.UnknownPlace, geography.AmbiguousPlace):
                wrong.append(
                    f"Ligne {number} : la commune « {text[:80]} » n’est pas reconnue, écrivez son code INSEE."
                )
                continue
        if len(cdas) > _LONGEST or len(bassin) > _LONGEST:
            wrong.append(f"Ligne {number} : un nom fait {_LONGEST} caractères au plus.")
            continue
        line = Line(found.code, found.nom, same(TerritoryKind.CDAS, cdas), same(TerritoryKind.BASSIN, bassin))
        former = lines.get(found.code)
        if former is not None and former != line:
            wrong.append(
                f"Ligne {number} : {found.nom} est déjà dans un autre territoire, gardez une seule ligne."
            )
            continue
        lines[found.code] = line
    counted: dict[TerritoryKind, dict[str, int]] = {}
    for kind in TerritoryKind:
        names = sorted(name for line in lines.values() if (name := _name(line, kind)))
        counted[kind] = {name: names.count(name) for name in dict.fromkeys(names)}
    return Preview(list(lines.values()), wrong, counted)


def replace(session: Session, lines: Collection[Line], *, by: User | None) -> None:
    """Replace every CDAS and bassin by those of `lines`. Raises NotAllowed, RuleBroken when there is none."""
    checks.check_officer(by)
    if not any(line.cdas or line.bassin for line in lines):
        raise RuleBroken("Ce tableau ne nomme aucun CDAS ni bassin : relisez-le.", field="fichier")
    session.execute(delete(TerritoryCommune))
    session.execute(delete(Territory))
    for kind in TerritoryKind:
        made: dict[str, uuid.UUID] = {}
        for line in lines:
            name = _name(line, kind)
            if name and name not in made:
                territory = Territory(kind=kind, nom=name)
                session.add(territory)
                made[name] = territory.id
        session.flush()
        session.add_all(
            TerritoryCommune(territory_id=made[name], code_insee=line.code_insee, kind=kind)
            for line in lines
            if (name := _name(line, kind))
        )
    session.flush()


def shown(wrong: Sequence[str]) -> tuple[Sequence[str], int]:
    """Return the first sentences, and how many are left out."""
    return wrong[:_MANY], max(0, len(wrong) - _MANY)


def _name(line: Line, kind: TerritoryKind) -> str:
    return line.cdas if kind is TerritoryKind.CDAS else line.bassin
