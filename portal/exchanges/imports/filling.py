"""From the rows of a table to the lines of an import: what each line is, its own id, the structure of each offer."""

import hashlib
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from portal.db import new_id
from portal.exchanges.imports.columns import IGNORE, NOTHING, SERVICES, STRUCTURES
from portal.exchanges.models import ImportOutcome
from portal.geography import fold
from portal.spreadsheets import Row, Sheet

_LONGEST_ID = 200


def slug(text: str) -> str:
    """Return the name of a source as data.inclusion writes them: "Réseau Exemple" gives reseau-exemple."""
    return fold(text[:200]).replace(" ", "-")[:60].strip("-")


@dataclass(slots=True)
class _Draft:
    """A line being made. `refused` is what is wrong already, as [field, cell, sentence]."""

    id: uuid.UUID
    kind: str
    line: int
    sheet: str
    cells: dict[str, str]
    source: str
    key: str
    refused: list[list[str]] = field(default_factory=list)
    structure_key: str | None = None
    structure_id: str | None = None
    ignored: bool = False


class Filler:
    """Makes the lines of a table. `source` is said once for the whole of it, or None when a column says it."""

    def __init__(self, mapping: Mapping[str, Mapping[str, str]], source: str | None) -> None:
        self._mapping, self._source = mapping, source
        self._drafts: list[_Draft] = []
        # (kind, source, id) -> its draft; SIRET -> its draft.
        self._seen: dict[tuple[str, str, str], _Draft] = {}
        self._sirets: dict[str, _Draft] = {}

    def lines(self, run_id: uuid.UUID, sheets: Iterable[Sheet]) -> list[dict[str, Any]]:
        """Return the lines as rows of `ImportLine`, none of them checked yet: `record["cells"]` is as written."""
        for sheet in sheets:
            mapping = self._mapping.get(sheet.name, {})
            targets = [mapping.get(header, NOTHING) for header in sheet.headers]
            if any(target not in (NOTHING, IGNORE) for target in targets):
                for row in sheet.rows:
                    self._add(sheet, targets, row)
        return [
            {
                "id": draft.id,
                "run_id": run_id,
                "kind": draft.kind,
                "line": draft.line,
                "outcome": ImportOutcome.IGNORE,
                "nom": draft.cells.get("nom", "")[:300] or None,
                "target_id": None,
                "record": None if draft.ignored else self._record(draft),
                "changes": None,
                "errors": None,
                "written_at": None,
            }
            for draft in self._drafts
        ]

    def _add(self, sheet: Sheet, targets: list[str], row: Row) -> None:
        cells: dict[str, dict[str, str]] = {STRUCTURES: {}, SERVICES: {}}
        ignored = False
        for target, text in zip(targets, row.cells, strict=True):
            if target == IGNORE:
                ignored = ignored or fold(text) not in {"", "0", "non", "false", "faux"}
            elif target != NOTHING:
                kind, _, name = target.partition(".")
                cells[kind][name] = text
        has_services = any(target.startswith(f"{SERVICES}.") for target in targets)
        has_structures = any(target.startswith(f"{STRUCTURES}.") for target in targets)
        if ignored:
            kind = SERVICES if has_services else STRUCTURES
            draft = _Draft(new_id(), kind, row.line, sheet.name, cells[kind], "", "", ignored=True)
            self._drafts.append(draft)
            return
        structure = None
        if has_structures and (any(cells[STRUCTURES].values()) or not has_services):
            structure = self._structure(sheet, row, cells[STRUCTURES], shared=has_services)
        if has_services and (any(cells[SERVICES].values()) or structure is None):
            self._service(sheet, row, cells[SERVICES], structure)

    def _structure(self, sheet: Sheet, row: Row, cells: dict[str, str], *, shared: bool) -> _Draft:
        source = self._source_of(cells)
        siret = re.sub(r"\D", "", cells.get("siret", ""))
        place = cells.get("code_insee") or cells.get("commune") or cells.get("code_postal") or ""
        made_up = siret or " ".join(part for part in (fold(cells.get("nom", "")), fold(place)) if part)
        key = _without_prefix(cells.get("id", ""), source) or _short(made_up) or f"ligne {row.line}"
        draft = _Draft(new_id(), STRUCTURES, row.line, sheet.name, cells, source, key)
        first = self._seen.get((STRUCTURES, source, key))
        if first is not None and shared:
            # The structure stands again on the line of each of its offers: they say it together.
            for name, text in cells.items():
                if not first.cells.get(name):
                    first.cells[name] = text
            return first
        self._check(draft, row, beyond=not shared)
        if siret and len(siret) == 14:
            other = self._sirets.setdefault(siret, draft)
            if other is not draft and other.key != key:
                draft.refused.append(
                    ["siret", cells["siret"], f"Ce SIRET est déjà celui de la ligne {other.line}."]
                )
        self._drafts.append(draft)
        return draft

    def _service(self, sheet: Sheet, row: Row, cells: dict[str, str], structure: _Draft | None) -> None:
        source = self._source_of(cells) or (structure.source if structure else "")
        told = _without_prefix(cells.get("structure_id", ""), source)
        of = structure.key if structure else told
        made_up = _short(f"{of}/{fold(cells.get('nom', ''))}")
        key = _without_prefix(cells.get("id", ""), source) or made_up
        draft = _Draft(new_id(), SERVICES, row.line, sheet.name, cells, source, key)
        draft.structure_key = structure.key if structure else None
        draft.structure_id = told or None
        if structure is None and not told:
            draft.refused.append(
                ["structure_id", "", "Rien ne dit de quelle structure est cette offre : écrivez-le."]
            )
        self._check(draft, row, beyond=True)
        self._drafts.append(draft)

    def _check(self, draft: _Draft, row: Row, *, beyond: bool) -> None:
        """Note what the whole table says of this line: an id seen already, no source, more cells than headers."""
        if not draft.source:
            draft.refused.append(["source", "", "La source manque : écrivez d’où vient cette ligne."])
        if len(draft.key) > _LONGEST_ID:
            draft.refused.append(
                ["id", draft.key[:80], f"Un identifiant compte {_LONGEST_ID} caractères au plus."]
            )
            draft.key = _short(draft.key)
        first = self._seen.setdefault((draft.kind, draft.source, draft.key), draft)
        if first is not draft:
            what = "Cet identifiant" if draft.cells.get("id") else "Cette fiche"
            cell = draft.cells.get("id") or draft.cells.get("nom", "")
            name = "id" if draft.cells.get("id") else "nom"
            draft.refused.append([name, cell[:80], f"{what} est déjà à la ligne {first.line}."])
        if beyond and row.beyond:
            draft.refused.append(
                [
                    "",
                    row.beyond[:80],
                    "Cette ligne a plus de colonnes que d’en-têtes : un séparateur est de trop.",
                ]
            )

    def _record(self, draft: _Draft) -> dict[str, Any]:
        structure_line, near = None, []
        if draft.kind == SERVICES:
            key = draft.structure_key or draft.structure_id
            found = self._seen.get((STRUCTURES, draft.source, key)) if key else None
            structure_line = str(found.id) if found else None
            if found is None and key:
                near = self._near(draft.source, key)
        return {
            "sheet": draft.sheet,
            "cells": draft.cells,
            "source": draft.source,
            "id": draft.key,
            "refused": draft.refused,
            "structure_line": structure_line,
            "structure_id": draft.structure_id,
            "near": near,
        }

    def _near(self, source: str, key: str) -> list[str]:
        ids = [k for kind, s, k in self._seen if kind == STRUCTURES and s == source]
        # Thousands of services of structures that are all elsewhere: nothing is looked for.
        return get_close_matches(key, ids, n=1, cutoff=0.75) if len(ids) <= 500 else []

    def _source_of(self, cells: Mapping[str, str]) -> str:
        return self._source or slug(cells.get("source", ""))


def _without_prefix(text: str, source: str) -> str:
    """Return a producer's own id: data.inclusion writes `<source>--<id>`."""
    text = text.strip()
    return text.removeprefix(f"{source}--") if source else text


def _short(key: str) -> str:
    if len(key) <= _LONGEST_ID:
        return key.strip("/ ")
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()
