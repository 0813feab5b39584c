"""Writing the financing plan of a draft: lines added, changed, moved, taken away, or taken over from the former plan.

Money is in cents, ETP in hundredths.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlmodel import Session, col, func, select

from portal.accounts.models import User
from portal.budget import checks, history, plan
from portal.budget.amendments import GONE
from portal.budget.models import FicheAction, Nature, PlanLine, StateAmendment, StateConvention, Volet
from portal.budget.plan import FIELDS, lines_of
from portal.conventions.states import ConventionState
from portal.errors import AlreadyDone, RuleBroken

_NUMBERS = (
    "existant_etp",
    "existant_centimes",
    "cible_etp",
    "cible_centimes",
    "montant_centimes",
    "autres_centimes",
)
# Ten billion euros, ten thousand ETP: beyond, a figure was mistyped.
_MOST = {True: 10**6, False: 10**12}
# How the form calls a column of the table.
_TYPED = {name: name.removesuffix("_centimes") for name in FIELDS}


def write(
    session: Session,
    amendment: StateAmendment,
    annee: int,
    values: Mapping[str, Any],
    *,
    by: User | None,
    id: uuid.UUID | None = None,
) -> PlanLine:
    """Add a line at the end of its volet, from `values` (FIELDS).

    `id` is made with the form: a second press returns the line already written. Raises NotAllowed; AlreadyDone when the
    amendment is signed; RuleBroken, with its field, when something typed cannot be.
    """
    checks.check_officer(by)
    written = checks.written_before(session, PlanLine, id, amendment.id, of="amendment_id")
    if written is not None:
        return written
    convention, amendment = _draft(session, amendment)
    told = _checked(session, convention, annee, values)
    line = PlanLine(
        amendment_id=amendment.id,
        annee=annee,
        rang=_next_rank(session, amendment, annee, told["volet"]),
        **told,
    )
    if id is not None:
        line.id = id
    written = checks.add_once(session, line, amendment.id, of="amendment_id")
    if written is not line:
        return written
    history.record(
        session,
        convention,
        f"Plan {annee}, {amendment.name} : ligne ajoutée, {line.objet[:100]}",
        by=by,
        draft=True,
        detail={name: (None, value) for name in FIELDS if (value := told[name])},
    )
    return line


def change(
    session: Session,
    line: PlanLine,
    amendment: StateAmendment,
    values: Mapping[str, Any],
    *,
    by: User | None,
    state: int | None = None,
) -> None:
    """Give the line these values (FIELDS); in another volet it goes to the end. Raises as `write` does.

    `state` is that of the line when the form was opened (`state_of`): ChangedMeanwhile when it is another now.
    """
    checks.check_officer(by)
    convention, amendment = _draft(session, amendment)
    line = checks.present(session, line, "Cette ligne n’est plus dans le plan : quelqu’un d’autre l’a ôtée.")
    told = _checked(session, convention, line.annee, values)
    changes = history.changed(line, told)
    if not changes:
        return
    checks.check_seen(state, plan.state_of(line), "cette ligne")
    if told["volet"] != line.volet:
        line.rang = _next_rank(session, amendment, line.annee, told["volet"])
    for name, value in told.items():
        setattr(line, name, value)
    session.flush()
    history.record(
        session,
        convention,
        f"Plan {line.annee}, {amendment.name} : ligne modifiée, {line.objet[:100]}",
        by=by,
        draft=True,
        detail=changes,
    )


def move(session: Session, line: PlanLine, amendment: StateAmendment, *, up: bool, by: User | None) -> bool:
    """Swap the line with the one above it (or below) of the same nature and volet; False when there is none."""
    checks.check_officer(by)
    convention, amendment = _draft(session, amendment)
    same = [
        other
        for other in lines_of(session, amendment.id, line.annee)
        if other.volet == line.volet and other.nature is line.nature
    ]
    at = next((n for n, other in enumerate(same) if other.id == line.id), None)
    to = None if at is None else at - 1 if up else at + 1
    if at is None or to is None or not 0 <= to < len(same):
        return False
    same[at].rang, same[to].rang = same[to].rang, same[at].rang
    session.flush()
    history.record(
        session,
        convention,
        f"Plan {line.annee}, {amendment.name} : ligne déplacée, {line.objet[:100]}",
        by=by,
        draft=True,
    )
    return True


def remove(
    session: Session,
    line: PlanLine,
    amendment: StateAmendment,
    *,
    by: User | None,
    state: int | None = None,
) -> None:
    """Take the line out of the plan; raises as `change` does."""
    checks.check_officer(by)
    convention, amendment = _draft(session, amendment)
    line = checks.present(session, line, "Cette ligne n’est plus dans le plan : quelqu’un d’autre l’a ôtée.")
    checks.check_seen(state, plan.state_of(line), "cette ligne")
    gone = {name: (value, None) for name in FIELDS if (value := getattr(line, name))}
    annee, objet = line.annee, line.objet
    session.delete(line)
    session.flush()
    history.record(
        session,
        convention,
        f"Plan {annee}, {amendment.name} : ligne ôtée, {objet[:100]}",
        by=by,
        draft=True,
        detail=gone,
    )


def restate(session: Session, amendment: StateAmendment, annee: int, *, by: User | None) -> int:
    """Copy the plan of the year as the ones before set it into this draft, and return how many lines it has.

    Raises NotAllowed; AlreadyDone when the amendment is signed, or has lines for the year; RuleBroken when no plan goes
    before.
    """
    checks.check_officer(by)
    convention, amendment = _draft(session, amendment)
    if lines_of(session, amendment.id, annee):
        raise AlreadyDone(f"Ce plan {annee} a déjà des lignes : changez-les.")
    former = plan.in_force(session, amendment, itself=False).get(annee)
    if former is None:
        raise RuleBroken(f"Aucun texte plus ancien n’a de plan pour {annee} : ajoutez des lignes.")
    lines = lines_of(session, former.id, annee)
    session.add_all(
        PlanLine(
            amendment_id=amendment.id,
            annee=annee,
            rang=line.rang,
            **{name: getattr(line, name) for name in FIELDS},
        )
        for line in lines
    )
    session.flush()
    history.record(
        session,
        convention,
        f"Plan {annee}, {amendment.name} : repris de « {former.name} »",
        by=by,
        draft=True,
    )
    return len(lines)


def _next_rank(session: Session, amendment: StateAmendment, annee: int, volet: int) -> int:
    last = session.exec(
        select(func.max(PlanLine.rang)).where(
            col(PlanLine.amendment_id) == amendment.id,
            col(PlanLine.annee) == annee,
            col(PlanLine.volet) == int(volet),
        )
    ).one()
    return (last or 0) + 1


def _draft(session: Session, amendment: StateAmendment) -> tuple[StateConvention, StateAmendment]:
    """Take the convention's row, and return both as they are now. Raises unless the amendment is still written."""
    convention = checks.take(session, session.get_one(StateConvention, amendment.convention_id))
    amendment = checks.present(session, amendment, GONE)
    if amendment.signe_le is not None:
        raise AlreadyDone(
            f"« {amendment.name} » est signé : son plan ne change plus. Écrivez un avenant pour le changer."
        )
    if convention.state is ConventionState.CLOSE:
        raise RuleBroken("Cette convention est close : son plan ne change plus.")
    if convention.state is ConventionState.RESILIEE:
        raise RuleBroken("Cette convention est résiliée : son plan ne change plus.")
    return convention, amendment


def _checked(
    session: Session,
    convention: StateConvention,
    annee: int,
    values: Mapping[str, Any],
) -> dict[str, Any]:
    years = plan.years_of(session, convention)
    if annee not in years:
        raise RuleBroken(f"La convention va de {years[0]} à {years[-1]} : {annee} n’a pas de plan.")
    told: dict[str, Any] = {name: values.get(name) for name in FIELDS}
    told["volet"] = int(Volet(told["volet"]))
    told["nature"] = Nature(told["nature"])
    for name in _NUMBERS:
        told[name] = told[name] or 0
        if not 0 <= told[name] <= _MOST[name.endswith("_etp")]:
            raise RuleBroken("Ce nombre est trop grand : relisez-le.", field=_TYPED[name])
    told["objet"] = (told["objet"] or "").strip()
    if not told["objet"]:
        raise RuleBroken("Écrivez l’objet de la ligne.", field="objet")
    if told["autres_centimes"] and not told["autres_sources"]:
        raise RuleBroken("Écrivez qui paie ce montant, par exemple « FSE+ ».", field="autres_sources")
    if told["fiche_id"] is not None:
        fiche = session.get(FicheAction, told["fiche_id"])
        if fiche is None or fiche.convention_id != convention.id or fiche.annee != annee:
            raise RuleBroken(
                "Cette fiche action n’est pas de cette année : choisissez-en une autre.", field="fiche"
            )
        if told["volet"] != Volet.SOLUTIONS:
            raise RuleBroken(
                "Les fiches action sont celles du volet 2 : choisissez « Aucune ».", field="fiche"
            )
    return told
