"""The lines that were shown and accepted, written through the same rules as the form, each on its own."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import User
from portal.errors import RuleBroken
from portal.exchanges.imports.checking import day_of
from portal.exchanges.imports.columns import STRUCTURES
from portal.exchanges.models import ImportLine, ImportOutcome
from portal.offers import rules as offer_rules
from portal.offers.models import Offer
from portal.offers.rules import Incomplete
from portal.structures import rules as structure_rules
from portal.structures.models import Act, Structure

_AGAIN = "Cette fiche a changé depuis l’aperçu : envoyez de nouveau le tableau pour cette ligne."


class _Gone(RuleBroken):
    """The structure of an offer could not be written."""


def write_lines(session: Session, lines: Sequence[ImportLine], *, by: User | None, publish: bool) -> None:
    """Write the lines that create or change something, each in a savepoint: one that fails is refused, the rest go on.

    With `publish`, what is created and complete is published; the rest stays a draft that says what it lacks.
    """
    # Held here so that each is read once.
    _held = _parents(session, lines)
    for line in lines:
        if line.written_at is not None or line.record is None:
            continue
        if line.outcome not in (ImportOutcome.CREE, ImportOutcome.MODIFIE, ImportOutcome.INCHANGE):
            continue
        try:
            with session.begin_nested():
                write = _write_structure if line.kind == STRUCTURES else _write_offer
                thing, missing = write(session, line, by=by, publish=publish)
                thing_id = thing.id
        except Incomplete as incomplete:
            _refuse(line, " ".join(incomplete.problems.values()))
        except RuleBroken as broken:
            _refuse(line, broken.message)
        except IntegrityError:
            # Somebody wrote the same thing between the preview and now.
            _refuse(line, _AGAIN)
        else:
            line.target_id = thing_id
            line.record = line.record | {"missing": missing}
            if line.outcome is not ImportOutcome.INCHANGE:
                line.written_at = clock.now()


def _refuse(line: ImportLine, sentence: str) -> None:
    line.outcome = ImportOutcome.REFUSE
    line.errors = [["", line.nom or "", sentence]]


def _write_structure(
    session: Session, line: ImportLine, *, by: User | None, publish: bool
) -> tuple[Structure, dict[str, str]]:
    record = line.record or {}
    if line.outcome is ImportOutcome.CREE:
        structure = structure_rules.create_structure(session, _values(record), by=by, act=Act.IMPORT)
        _link(structure, record)
        structure.date_maj = day_of(record["date_maj"]) or clock.today()
        missing = {}
        if publish:
            try:
                structure_rules.publish_structure(session, structure, by=by)
            except RuleBroken as broken:
                missing = {broken.field or "": broken.message}
        session.flush()
        return structure, missing
    structure = session.get_one(Structure, line.target_id)
    if line.outcome is ImportOutcome.MODIFIE:
        name = structure.nom
        if structure_rules.change_structure(
            session, structure, _values(record), by=by, version=record["version"], act=Act.IMPORT
        ):
            structure.date_maj = day_of(record["date_maj"]) or clock.today()
        if structure.nom != name:
            offer_rules.refresh_search_text(session, structure)
    if not record["own"] and structure.import_id is None:
        _link(structure, record)
    session.flush()
    return structure, {}


def _write_offer(
    session: Session, line: ImportLine, *, by: User | None, publish: bool
) -> tuple[Offer, dict[str, str]]:
    record = line.record or {}
    if line.outcome is ImportOutcome.CREE:
        structure = _structure_of(session, record)
        offer = offer_rules.create_offer(session, structure, _values(record), by=by, act=Act.IMPORT)
        _link(offer, record)
        offer.date_maj = day_of(record["date_maj"]) or clock.today()
        missing = record["missing"]
        if publish:
            try:
                offer_rules.publish_offer(session, offer, structure=structure, by=by)
            except Incomplete as incomplete:
                missing = incomplete.problems
        session.flush()
        return offer, missing
    offer = session.get_one(Offer, line.target_id)
    if line.outcome is ImportOutcome.MODIFIE:
        structure = session.get_one(Structure, offer.structure_id)
        if offer_rules.change_offer(
            session,
            offer,
            _values(record),
            structure=structure,
            by=by,
            version=record["version"],
            act=Act.IMPORT,
        ):
            offer.date_maj = day_of(record["date_maj"]) or clock.today()
    if not record["own"] and offer.import_id is None:
        _link(offer, record)
    session.flush()
    return offer, {}


def _parents(session: Session, lines: Sequence[ImportLine]) -> list[Any]:
    """Return the lines of the structures of these offers, and the structures, so that the session keeps them at hand."""
    records = [line.record for line in lines if line.record and line.outcome is ImportOutcome.CREE]
    ids = {uuid.UUID(r["structure_line"]) for r in records if r.get("structure_line")}
    found = list(session.exec(select(ImportLine).where(col(ImportLine.id).in_(ids))))
    wanted = {parent.target_id for parent in found if parent.target_id}
    wanted |= {uuid.UUID(r["structure_id"]) for r in records if r.get("structure_id")}
    return [*found, *session.exec(select(Structure).where(col(Structure.id).in_(wanted)))]


def _structure_of(session: Session, record: dict[str, Any]) -> Structure:
    """Return the offer's structure, which was written before it. Raises RuleBroken when it was refused."""
    if record["structure_line"]:
        parent = session.get_one(ImportLine, uuid.UUID(record["structure_line"]))
        if parent.outcome is ImportOutcome.REFUSE or parent.target_id is None:
            raise _Gone(f"Sa structure, à la ligne {parent.line}, est refusée : corrigez-la d’abord.")
        return session.get_one(Structure, parent.target_id)
    return session.get_one(Structure, uuid.UUID(record["structure_id"]))


def _values(record: dict[str, Any]) -> dict[str, Any]:
    """Return the values as the rules take them."""
    values = dict(record["values"])
    if values.get("date_fin"):
        values["date_fin"] = day_of(values["date_fin"])
    if record["position"]:
        values["position"] = tuple(record["position"])
    return values


def _link(thing: Structure | Offer, record: dict[str, Any]) -> None:
    """Keep where the thing comes from, so that the next table finds it again."""
    thing.import_source, thing.import_id = record["source"], record["id"]
