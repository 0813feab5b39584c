"""Amendments (avenants) of a convention with a partner: money and places more or fewer from a day on, a moved end.

An amendment is written once and never changes: a mistake is corrected by another. Money is in cents.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from portal import clock, money
from portal.accounts.models import User
from portal.conventions import history, taking
from portal.conventions.capacity import check_still_enough
from portal.conventions.engagements import ConventionAmendment, ConventionEvent
from portal.conventions.models import Convention, FinancedAction, PlaceChange
from portal.conventions.states import ConventionState
from portal.conventions.writing import (
    STALE,
    check_changes,
    check_neighbours,
    check_officer,
    check_period,
    check_version,
    paid,
    take,
    written_before,
)
from portal.errors import RuleBroken

# How the history says that a convention was ended before its time.
ENDED = "Convention résiliée"
# Where what is wrong with the places of an action is said: f"{PLACES}{action.id.hex}".
PLACES = "places_"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a convention says on a day: its last day, its amount then (cents), and the amendments signed by then."""

    date_fin: date
    montant_centimes: int
    amendments: list[ConventionAmendment]


def of_convention(session: Session, convention_id: uuid.UUID) -> list[ConventionAmendment]:
    """Return the amendments of a convention in the order of their number, in one statement."""
    return list(
        session.exec(
            select(ConventionAmendment)
            .where(col(ConventionAmendment.convention_id) == convention_id)
            .order_by(col(ConventionAmendment.numero))
        )
    )


def places_of(session: Session, amendment_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[tuple[str, int]]]:
    """Return {amendment: [(action, places more or fewer)]}, in one statement."""
    if not amendment_ids:
        return {}
    rows = session.execute(
        select(col(PlaceChange.amendment_id), col(FinancedAction.intitule), col(PlaceChange.d_financees))
        .join(FinancedAction, col(FinancedAction.id) == col(PlaceChange.action_id))
        .where(col(PlaceChange.amendment_id).in_(list(amendment_ids)))
        .order_by(col(FinancedAction.intitule))
    )
    found: dict[uuid.UUID, list[tuple[str, int]]] = {}
    for id, name, change in rows:
        if id is not None:
            found.setdefault(id, []).append((name, change))
    return found


def amount_on(convention: Convention, amendments: Iterable[ConventionAmendment], day: date) -> int:
    """Return the cents of the convention on `day`: those of origin, and what the amendments in effect by then change."""
    return convention.montant_centimes + sum(a.d_montant_centimes for a in amendments if a.effet_le <= day)


def amount_in_the_end(convention: Convention, amendments: Iterable[ConventionAmendment]) -> int:
    """Return the cents of the convention once every amendment already written counts."""
    return convention.montant_centimes + sum(a.d_montant_centimes for a in amendments)


def terms_on(
    session: Session,
    convention: Convention,
    day: date,
    amendments: list[ConventionAmendment] | None = None,
) -> Terms:
    """Return the convention as it stood on `day`, in two statements at most (`amendments`: those already read).

    An end counts from the day on which it was agreed: the signature of the amendment that moved it, or the day it was
    ended before its time.
    """
    written = of_convention(session, convention.id) if amendments is None else amendments
    end = convention.date_fin
    if convention.state is ConventionState.RESILIEE:
        end = _end_before_it_was_ended(session, convention, day)
    for amendment in reversed(written):
        if amendment.signe_le > day and amendment.date_fin_avant is not None:
            end = amendment.date_fin_avant
    return Terms(end, amount_on(convention, written, day), [a for a in written if a.signe_le <= day])


def amend(
    session: Session,
    convention: Convention,
    values: Mapping[str, Any],
    *,
    by: User,
    id: uuid.UUID | None = None,
    version: int | None = None,
) -> ConventionAmendment:
    """Write an amendment from `values` and return it, numbered after the former one.

    `values`: signe_le, effet_le, objet, and what it changes: d_montant_centimes (cents more, or fewer below zero),
    date_fin (the new last day) and places ({action id: places more, or fewer below zero}), any of them absent. `id` is
    made with the form: a second press returns the amendment already written.

    Raises NotAllowed when `by` is no officer; AlreadyDone when the convention no longer changes; ChangedMeanwhile;
    RuleBroken, at its field, for a draft, an amendment that changes nothing, is dated before the signature or before
    the former amendment, counts from a day outside the period, takes away places that people have, or leaves less
    money than was paid.
    """
    return _amend(session, convention, values, by=by, id=id, version=version, lines={})


def _amend(
    session: Session,
    convention: Convention,
    values: Mapping[str, Any],
    *,
    by: User,
    id: uuid.UUID | None,
    version: int | None,
    lines: Mapping[uuid.UUID, uuid.UUID],
) -> ConventionAmendment:
    check_officer(by)
    take(session, convention)
    written = written_before(session, ConventionAmendment, id, convention.id)
    if written is not None:
        return written
    check_changes(convention)
    if convention.state is not ConventionState.SIGNEE or convention.signee_le is None:
        raise RuleBroken("Cette convention est un brouillon : changez-la directement, ou signez-la d’abord.")
    check_version(convention, version, "cette convention")
    before = of_convention(session, convention.id)
    made = ConventionAmendment(
        convention_id=convention.id,
        numero=before[-1].numero + 1 if before else 1,
        signe_le=values["signe_le"],
        effet_le=values["effet_le"],
        objet=(values.get("objet") or "").strip(),
        d_montant_centimes=values.get("d_montant_centimes") or 0,
        by_id=by.id,
    )
    if id is not None:
        made.id = id
    places = {action: change for action, change in (values.get("places") or {}).items() if change}
    end = values.get("date_fin") or convention.date_fin
    if end != convention.date_fin:
        made.date_fin_avant, made.date_fin_apres = convention.date_fin, end
    _check_days(session, convention, made, before, end)
    if not made.objet:
        raise RuleBroken("Écrivez l’objet de l’avenant.", field="objet")
    if not places and not made.d_montant_centimes and made.date_fin_apres is None:
        raise RuleBroken(
            "Cet avenant ne change rien : écrivez un montant, un nouveau dernier jour ou des places.",
            field="d_montant",
        )
    _check_money(session, convention, made, before)
    _write(session, made)
    _change_places(session, convention, made, places, lines)
    convention.date_fin = end
    convention.version += 1
    detail: dict[str, tuple[Any, Any]] = {}
    if made.d_montant_centimes:
        was = amount_in_the_end(convention, before)
        detail["montant_centimes"] = (was, was + made.d_montant_centimes)
    if made.date_fin_apres:
        detail["date_fin"] = (made.date_fin_avant, made.date_fin_apres)
    history.record(
        session, convention, f"Avenant n° {made.numero} inscrit", by=by, motif=made.objet, detail=detail
    )
    session.flush()
    return made


def change_places(
    session: Session,
    action: FinancedAction,
    convention: Convention,
    *,
    change: int,
    effet_le: date,
    motif: str,
    by: User,
    signe_le: date | None = None,
    id: uuid.UUID | None = None,
) -> PlaceChange:
    """Write an amendment that only changes the places of one action, and return its line.

    `signe_le` is today when nobody says. `id` is made with the form: a second press returns the line already written.
    Raises what `amend` raises, at the fields places, effet_le, motif and signe_le.
    """
    check_officer(by)
    take(session, convention)
    written = written_before(session, PlaceChange, id, action.id, of="action_id")
    if written is not None:
        return written
    if change == 0:
        raise RuleBroken("Écrivez combien de places s’ajoutent, ou combien se retirent.", field="places")
    if not motif.strip():
        raise RuleBroken("Écrivez d’où vient ce changement, par exemple « avenant n° 1 ».", field="motif")
    values = {
        "signe_le": signe_le or clock.today(),
        "effet_le": effet_le,
        "objet": motif,
        "places": {action.id: change},
    }
    try:
        made = _amend(
            session, convention, values, by=by, id=None, version=None, lines={action.id: id} if id else {}
        )
    except RuleBroken as broken:
        broken.field = {f"{PLACES}{action.id.hex}": "places", "objet": "motif"}.get(
            broken.field or "", broken.field
        )
        raise
    return session.exec(select(PlaceChange).where(col(PlaceChange.amendment_id) == made.id)).one()


def _check_days(
    session: Session,
    convention: Convention,
    made: ConventionAmendment,
    before: list[ConventionAmendment],
    end: date,
) -> None:
    if made.signe_le > clock.today():
        raise RuleBroken("Ce jour est à venir : un avenant s’inscrit une fois signé.", field="signe_le")
    if convention.signee_le is not None and made.signe_le < convention.signee_le:
        raise RuleBroken(
            f"La convention est signée du {convention.signee_le:%d/%m/%Y} : un avenant ne peut pas l’être avant elle.",
            field="signe_le",
        )
    if before and made.signe_le < before[-1].signe_le:
        raise RuleBroken(
            f"L’avenant n° {before[-1].numero} est signé du {before[-1].signe_le:%d/%m/%Y} : "
            "celui-ci ne peut pas l’être avant lui.",
            field="signe_le",
        )
    if end != convention.date_fin:
        check_period(session, convention, date_debut=convention.date_debut, date_fin=end)
        check_neighbours(session, convention, date_debut=convention.date_debut, date_fin=end)
    if not convention.date_debut <= made.effet_le <= end:
        raise RuleBroken(
            f"La convention court du {convention.date_debut:%d/%m/%Y} au {end:%d/%m/%Y} : "
            "choisissez un jour de cette période.",
            field="effet_le",
        )


def _check_money(
    session: Session,
    convention: Convention,
    made: ConventionAmendment,
    before: list[ConventionAmendment],
) -> None:
    """Refuse an amount below what was paid, on any day from the one on which the amendment counts."""
    if made.d_montant_centimes >= 0:
        return
    days = {made.effet_le} | {a.effet_le for a in before if a.effet_le > made.effet_le}
    least = min(amount_on(convention, before, day) for day in days) + made.d_montant_centimes
    already = paid(session, convention.id)
    if least < already:
        raise RuleBroken(
            f"Le partenaire a déjà reçu {money.euros(already)} : le montant ne peut pas descendre au-dessous."
            if already
            else "Le montant de la convention descendrait au-dessous de zéro : relisez ce que l’avenant retire.",
            field="d_montant",
        )


def _write(session: Session, made: ConventionAmendment) -> None:
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError as error:
        # Another amendment took the number between our look and our writing.
        raise RuleBroken(STALE) from error


def _change_places(
    session: Session,
    convention: Convention,
    made: ConventionAmendment,
    places: Mapping[uuid.UUID, int],
    lines: Mapping[uuid.UUID, uuid.UUID],
) -> None:
    for action in taking.lock_actions(session, places):
        if action.convention_id != convention.id:
            raise RuleBroken(STALE)
        change = places[action.id]
        if change < 0:
            check_still_enough(
                session,
                action,
                change,
                action.surreservation,
                since=made.effet_le,
                field=f"{PLACES}{action.id.hex}",
            )
        line = PlaceChange(
            action_id=action.id,
            amendment_id=made.id,
            d_financees=change,
            effet_le=made.effet_le,
            motif=made.objet,
            by_id=made.by_id,
        )
        if action.id in lines:
            line.id = lines[action.id]
        session.add(line)
    session.flush()


def _end_before_it_was_ended(session: Session, convention: Convention, day: date) -> date:
    """Return the last day as it was agreed on `day`, of a convention that was ended since."""
    event = session.exec(
        select(ConventionEvent)
        .where(
            col(ConventionEvent.convention_id) == convention.id,
            col(ConventionEvent.fait) == ENDED,
        )
        .order_by(col(ConventionEvent.at).desc())
        .limit(1)
    ).first()
    if event is None or event.at.astimezone(clock.PARIS).date() <= day or not event.detail:
        return convention.date_fin
    return date.fromisoformat(event.detail["date_fin"][0])
