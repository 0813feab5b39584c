"""What each line would do if it were written: create, change, complete, nothing, or why it cannot."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlmodel import Session, col, select

from portal import clock, geography
from portal.errors import RuleBroken
from portal.exchanges.imports.columns import SERVICES, STRUCTURES
from portal.exchanges.imports.comparing import COMPLETE, FULL, PLACE, differs, not_as_it_leaves, to_give
from portal.exchanges.imports.known import KnownOffers, KnownStructures
from portal.exchanges.imports.values import Read, read_line
from portal.exchanges.models import ImportLine, ImportOutcome, ImportRun
from portal.offers import rules as offer_rules
from portal.offers import states
from portal.offers.models import Offer
from portal.offers.record import as_record, missing_to_publish
from portal.structures import history
from portal.structures import rules as structure_rules
from portal.structures.models import Act, Structure


class Checker:
    """Checks lines of one run, some at a time, with a few statements for all of them."""

    def __init__(self, session: Session, run: ImportRun) -> None:
        self._session, self._run = session, run
        columns = run.columns or {}
        self._own: str = columns.get("own", "")
        self._departement: str | None = columns.get("departement")
        self._headers = {
            sheet: {target: header for header, target in mapping.items()}
            for sheet, mapping in columns.get("mapping", {}).items()
        }
        self._sketches: dict[uuid.UUID, Structure] = {}

    def check(self, lines: Sequence[ImportLine]) -> None:
        """Give each line its outcome, its values and its errors. Those that were left out stay so."""
        awaiting = [line for line in lines if line.record and "cells" in line.record]
        structures = [line for line in awaiting if line.kind == STRUCTURES]
        services = [line for line in awaiting if line.kind == SERVICES]
        if structures:
            self._check_structures(structures)
        if services:
            # An offer reads what became of its structure, which may be in the same handful.
            self._session.flush()
            self._check_services(services)

    # --- Structures ---

    def _check_structures(self, lines: Sequence[ImportLine]) -> None:
        reads = {line.id: self._read(line) for line in lines}
        known = self._known_structures(lines, reads)
        taken = self._taken({thing.id for thing in known.every()}, STRUCTURES)
        for line in lines:
            record, read = _record(line), reads[line.id]
            thing, mode = self._find_structure(record, read, known)
            if (
                thing is not None
                and not read.errors
                and (other := taken.setdefault(thing.id, line)) is not line
            ):
                read.refuse(
                    "nom",
                    line.nom or "",
                    f"C’est la même structure qu’à la ligne {other.line} : gardez-en une.",
                )
            siret = read.values.get("siret")
            holder = known.by_siret.get(siret) if siret else None
            if holder is not None and thing is not None and holder.id != thing.id and mode == FULL:
                read.refuse(
                    "siret",
                    siret or "",
                    f"« {holder.nom} » porte déjà ce SIRET sur le portail : vérifiez-le.",
                )
            if thing is None and not read.values.get("nom") and not any(e[0] == "nom" for e in read.errors):
                read.refuse("nom", "", "Le nom de la structure manque : écrivez-le.")
            values = {name: read.values[name] for name in structure_rules.FIELDS if name in read.values}
            if thing is not None:
                values = to_give(thing, not_as_it_leaves(thing, values, {}), mode)
            self._conclude(line, read, thing, mode, values)

    def _find_structure(
        self, record: Mapping[str, Any], read: Read, known: KnownStructures
    ) -> tuple[Structure | None, str]:
        """Return the structure that the line is about, and how much of it the line may change.

        A producer's own row, that nobody keeps here, follows the table; what its members keep, or another wrote, is
        only completed.
        """
        if record["source"] == self._own and (id := _uuid(record["id"])):
            found = known.by_id.get(id)
            if found is None:
                read.refuse(
                    "id",
                    record["id"],
                    "Cet identifiant n’est celui d’aucune structure du portail : videz-le.",
                )
            return found, FULL
        found = known.by_import.get((record["source"], record["id"]))
        if found is not None:
            return found, COMPLETE if found.id in known.with_members else FULL
        siret = read.values.get("siret")
        if siret and (found := known.by_siret.get(siret)):
            return found, COMPLETE
        for found in known.by_words.get(_words(read), ()):
            if not (siret and found.siret and siret != found.siret):
                return found, COMPLETE
        return None, FULL

    def _known_structures(
        self, lines: Sequence[ImportLine], reads: Mapping[uuid.UUID, Read]
    ) -> KnownStructures:
        records = [_record(line) for line in lines]
        ids = {id for r in records if r["source"] == self._own and (id := _uuid(r["id"]))}
        sirets = {siret for read in reads.values() if (siret := read.values.get("siret"))}
        words = {_words(read) for read in reads.values()} - {""}
        sources = {r["source"] for r in records}
        return KnownStructures(
            self._session,
            col(Structure.id).in_(ids)
            | (
                col(Structure.import_source).in_(sources)
                & col(Structure.import_id).in_({r["id"] for r in records})
            )
            | col(Structure.siret).in_(sirets)
            | col(Structure.search_text).in_(words),
        )

    # --- Offers ---

    def _check_services(self, lines: Sequence[ImportLine]) -> None:
        session = self._session
        reads = {line.id: self._read(line) for line in lines}
        records = {line.id: _record(line) for line in lines}
        wanted = {uuid.UUID(r["structure_line"]) for r in records.values() if r["structure_line"]}
        parents = {
            parent.id: parent
            for parent in session.exec(select(ImportLine).where(col(ImportLine.id).in_(wanted)))
        }
        told = {r["structure_id"] for r in records.values() if r["structure_id"]}
        sources = {r["source"] for r in records.values()}
        known = KnownStructures(
            session,
            col(Structure.id).in_(
                {parent.target_id for parent in parents.values() if parent.target_id}
                | {id for text in told if self._own in sources and (id := _uuid(text))}
            )
            | (col(Structure.import_source).in_(sources) & col(Structure.import_id).in_(told)),
        )
        offers = self._known_offers(records.values(), known)
        taken = self._taken({offer.id for offer in offers.every()}, SERVICES)
        for line in lines:
            record, read = records[line.id], reads[line.id]
            structure = self._structure_of(record, read, parents, known)
            offer, mode = self._find_offer(line, record, read, structure, offers, known)
            if (
                offer is not None
                and not read.errors
                and (other := taken.setdefault(offer.id, line)) is not line
            ):
                read.refuse(
                    "nom", line.nom or "", f"C’est la même offre qu’à la ligne {other.line} : gardez-en une."
                )
            if offer is None and not read.values.get("nom") and not any(e[0] == "nom" for e in read.errors):
                read.refuse("nom", "", "Le nom de l’offre manque : écrivez-le.")
            values = {name: read.values[name] for name in offer_rules.FIELDS if name in read.values}
            if values.get("contact_public", True) is None:
                del values["contact_public"]
            if "description" in values:
                values["description"] = values["description"] or ""
            if offer is not None:
                leaving = as_record(offer)
                values = to_give(offer, not_as_it_leaves(offer, values, leaving), mode)
            elif structure is not None and not any(values.get(name) for name in PLACE):
                values |= {name: getattr(structure, name) for name in PLACE}
            missing: dict[str, str] = {}
            if not read.errors and structure is not None:
                missing = self._missing(offer, values, structure)
                if offer is not None and offer.is_public and missing and differs(offer, values):
                    for name, sentence in missing.items():
                        read.refuse(name, "", f"L’offre est publiée et ne pourrait plus l’être. {sentence}")
            if offer is not None and offer.state not in states.OPEN and differs(offer, values):
                try:
                    states.after(offer.state, Act.PUBLICATION)
                except RuleBroken as broken:
                    read.refuse("nom", line.nom or "", broken.message)
            self._conclude(line, read, offer, mode, values, missing=missing, structure=structure)

    def _structure_of(
        self,
        record: Mapping[str, Any],
        read: Read,
        parents: Mapping[uuid.UUID, ImportLine],
        known: KnownStructures,
    ) -> Structure | None:
        """Return the offer's structure; one that is still to be created is only a sketch of it, never saved."""
        if record["structure_line"]:
            parent = parents[uuid.UUID(record["structure_line"])]
            if parent.outcome is ImportOutcome.REFUSE:
                read.refuse(
                    "structure_id",
                    record["structure_id"] or parent.nom or "",
                    f"Sa structure, à la ligne {parent.line}, est refusée : corrigez-la d’abord.",
                )
                return None
            if parent.target_id is not None:
                return known.by_id[parent.target_id]
            return self._sketch_of(parent)
        told = record["structure_id"]
        if not told:
            return None
        own_id = _uuid(told) if record["source"] == self._own else None
        own = known.by_id.get(own_id) if own_id else None
        found = own or known.by_import.get((record["source"], told))
        if found is None:
            near = f" Vouliez-vous dire « {record['near'][0]} » ?" if record["near"] else ""
            read.refuse(
                "structure_id",
                told[:120],
                f"Aucune structure de ce tableau ni du portail ne porte cet identifiant.{near}",
            )
        return found

    def _sketch_of(self, parent: ImportLine) -> Structure:
        if parent.id not in self._sketches:
            given = _record(parent)["values"]
            sketch = Structure(nom=given["nom"], date_maj=clock.today())
            for name in PLACE:
                setattr(sketch, name, given.get(name))
            self._sketches[parent.id] = sketch
        return self._sketches[parent.id]

    def _find_offer(
        self,
        line: ImportLine,
        record: Mapping[str, Any],
        read: Read,
        structure: Structure | None,
        offers: KnownOffers,
        known: KnownStructures,
    ) -> tuple[Offer | None, str]:
        if record["source"] == self._own and (id := _uuid(record["id"])):
            found = offers.by_id.get(id)
            if found is None:
                read.refuse(
                    "id", record["id"], "Cet identifiant n’est celui d’aucune offre du portail : videz-le."
                )
            mode = FULL
        else:
            found = offers.by_import.get((record["source"], record["id"]))
            mode = COMPLETE if found is not None and found.structure_id in known.with_members else FULL
            if found is None and structure is not None:
                # Written here by hand, or brought by another table: the same name in the same structure.
                found = offers.by_name.get((structure.id, geography.fold(line.nom or "")))
                if found is not None and found.import_source == record["source"]:
                    found = None  # the producer tells them apart
                mode = FULL if found is None else COMPLETE
        if found is not None and structure is not None and found.structure_id != structure.id:
            read.refuse(
                "structure_id",
                record["structure_id"] or "",
                "Cette offre est déjà celle d’une autre structure.",
            )
        return found, mode

    def _known_offers(self, records: Any, known: KnownStructures) -> KnownOffers:
        ids = {id for r in records if r["source"] == self._own and (id := _uuid(r["id"]))}
        return KnownOffers(
            self._session,
            col(Offer.id).in_(ids)
            | (
                col(Offer.import_source).in_({r["source"] for r in records})
                & col(Offer.import_id).in_({r["id"] for r in records})
            )
            | col(Offer.structure_id).in_(list(known.by_id)),
        )

    def _missing(self, offer: Offer | None, values: dict[str, Any], structure: Structure) -> dict[str, str]:
        merged = {name: getattr(offer, name) for name in offer_rules.FIELDS} if offer else {}
        sketch = offer_rules.sketch(merged | values, structure)
        return missing_to_publish(sketch, structure)

    # --- Both ---

    def _read(self, line: ImportLine) -> Read:
        record = _record(line)
        read = read_line(line.kind, record["cells"], self._departement)
        read.errors[:0] = record["refused"]
        return read

    def _taken(self, ids: set[uuid.UUID], kind: str) -> dict[uuid.UUID, ImportLine]:
        """{thing: the line that is about it already}, in this run."""
        lines = self._session.exec(
            select(ImportLine).where(
                col(ImportLine.run_id) == self._run.id,
                col(ImportLine.kind) == kind,
                col(ImportLine.target_id).in_(ids),
            )
        )
        return {line.target_id: line for line in lines if line.target_id}

    def _conclude(
        self,
        line: ImportLine,
        read: Read,
        thing: Structure | Offer | None,
        mode: str,
        values: dict[str, Any],
        *,
        missing: dict[str, str] | None = None,
        structure: Structure | None = None,
    ) -> None:
        record = _record(line)
        plain = {name: history.plain(value) for name, value in values.items()}
        line.nom = (values.get("nom") or (thing.nom if thing else None) or line.nom or "")[:300] or None
        line.record = {
            "sheet": record["sheet"],
            "source": record["source"],
            "id": record["id"],
            "own": record["source"] == self._own and _uuid(record["id"]) is not None,
            "mode": mode,
            "values": plain,
            "position": list(read.position) if read.position else None,
            "date_maj": read.date_maj.isoformat() if read.date_maj else None,
            "structure_line": record["structure_line"],
            "structure_id": str(structure.id)
            if structure is not None and not record["structure_line"]
            else None,
            "version": thing.version if thing is not None else None,
            "missing": missing or {},
        }
        line.changes = None
        line.target_id = None
        if read.errors:
            headers = self._headers.get(record["sheet"], {})
            line.outcome = ImportOutcome.REFUSE
            line.errors = [
                [_column(headers, line.kind, name), cell, sentence] for name, cell, sentence in read.errors
            ]
            return
        line.errors = None
        if thing is None:
            line.outcome = ImportOutcome.CREE
            return
        line.target_id = thing.id
        before = history.snapshot(thing, plain)
        line.changes = history.differences(before, plain) or None
        line.outcome = ImportOutcome.MODIFIE if line.changes else ImportOutcome.INCHANGE


def _record(line: ImportLine) -> dict[str, Any]:
    assert line.record is not None
    return line.record


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None


def _words(read: Read) -> str:
    """Name and commune as structures keep them for the search; nothing without both: a name alone is not enough."""
    commune = geography.commune(read.values.get("code_insee") or "")
    if commune is None or not read.values.get("nom"):
        return ""
    return geography.fold(f"{read.values['nom']} {commune.nom}")


def _column(headers: Mapping[str, str], kind: str, name: str) -> str:
    """Return the header of the column that gives `name`; a field that no column gives is told by its own name."""
    found = headers.get(f"{kind}.{name}")
    if found is None and name == "structure_id":
        found = next(
            (headers[t] for t in ("structures.id", "structures.nom", "structures.siret") if t in headers),
            None,
        )
    return found or name


def day_of(text: str | None) -> date | None:
    """Return a day kept as ISO text."""
    return date.fromisoformat(text) if text else None
