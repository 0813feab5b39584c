"""Action sheets of volet 2 (domain §6): written by officers, tied to partners' actions, filled with the portal's figures.

Money is in cents. Nothing here names a beneficiary.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import delete, update
from sqlmodel import Session, col, func, select

from portal import clock
from portal.accounts.models import User
from portal.budget import checks, figures, history, plan, terms
from portal.budget.figures import Figures
from portal.budget.models import FicheAction, FicheFinancedAction, PlanLine, StateAmendment, StateConvention
from portal.budget.spending_models import Expense
from portal.conventions.models import Convention, FinancedAction
from portal.conventions.states import ConventionState
from portal.errors import RuleBroken
from portal.structures.models import Structure

FIELDS = (
    "titre",
    "contexte",
    "enjeux",
    "description",
    "date_debut",
    "duree_mois",
    "partenaires",
    "budget_etat_centimes",
    "budget_collectivite_centimes",
    "budget_detail",
    "calendrier",
    "cible_entrants",
    "cible_allocataires",
    "indicateurs",
)
_GONE = "Cette fiche n’est plus là : quelqu’un d’autre l’a ôtée."
# Ten billion euros, ten million people: beyond, a figure was mistyped.
_MOST = {
    "budget_etat_centimes": 10**12,
    "budget_collectivite_centimes": 10**12,
    "cible_entrants": 10**7,
    "cible_allocataires": 10**7,
}


@dataclass(frozen=True, slots=True)
class Tied:
    """A partner's action that carries out a sheet."""

    action_id: uuid.UUID
    intitule: str
    convention_id: uuid.UUID
    numero: str
    structure: str


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a sheet beyond what is written in it."""

    figures: Figures
    actions: list[Tied] = field(default_factory=list)
    # What the State pays of it in the plan of the year, and what the statement of expenses says was spent on it.
    prevu: int = 0
    depense: int = 0


def period(fiche: FicheAction) -> tuple[date, date]:
    """Return the days that the figures of a sheet are counted on: its year, until today."""
    first, last = date(fiche.annee, 1, 1), date(fiche.annee, 12, 31)
    return first, max(first, min(last, clock.today()))


def of_year(session: Session, convention: StateConvention, annee: int) -> list[FicheAction]:
    """Return the sheets of a year, by title."""
    return list(
        session.exec(
            select(FicheAction)
            .where(col(FicheAction.convention_id) == convention.id, col(FicheAction.annee) == annee)
            .order_by(col(FicheAction.titre), col(FicheAction.id))
        )
    )


# The figures that a list of sheets shows.
BRIEF = ("nouveaux", "personnes", "financees")


def told_of(
    session: Session,
    convention: StateConvention,
    annee: int,
    fiches: Collection[FicheAction],
    *,
    drafts: bool = True,
    brief: bool = False,
) -> dict[uuid.UUID, Told]:
    """Return what is known of sheets of one year, in twelve statements at most whatever their number.

    As long as no plan of the year is signed, what a draft plans is told, but to who reads no `drafts`. When
    `brief`, for a list, the figures of BRIEF alone are counted, and the actions left out.
    """
    ids = [fiche.id for fiche in fiches]
    if not ids:
        return {}
    counted = figures.of_fiches(session, ids, *period(next(iter(fiches))), BRIEF if brief else None)
    tied = {} if brief else _tied(session, ids)
    planned = _planned(session, convention, annee, ids, drafts=drafts)
    spent = _spent(session, convention, annee, ids)
    return {one: Told(counted[one], tied.get(one, []), planned.get(one, 0), spent.get(one, 0)) for one in ids}


def _tied(session: Session, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[Tied]]:
    tied: dict[uuid.UUID, list[Tied]] = {}
    for fiche_id, action_id, title, convention_id, numero, structure in session.execute(
        select(  # type: ignore[call-overload]
            col(FicheFinancedAction.fiche_id),
            col(FinancedAction.id),
            col(FinancedAction.intitule),
            col(Convention.id),
            col(Convention.numero),
            col(Structure.nom),
        )
        .join(FinancedAction, col(FinancedAction.id) == col(FicheFinancedAction.action_id))
        .join(Convention, col(Convention.id) == col(FinancedAction.convention_id))
        .join(Structure, col(Structure.id) == col(Convention.structure_id))
        .where(col(FicheFinancedAction.fiche_id).in_(ids))
        .order_by(col(Structure.nom), col(Convention.numero), col(FinancedAction.intitule))
    ):
        tied.setdefault(fiche_id, []).append(Tied(action_id, title, convention_id, numero, structure))
    return tied


def write(
    session: Session,
    convention: StateConvention,
    annee: int,
    values: Mapping[str, Any],
    *,
    by: User | None,
    id: uuid.UUID | None = None,
) -> FicheAction:
    """Add a sheet to a year, from `values` (FIELDS).

    `id` is made with the form: a second press returns the sheet already written. Raises NotAllowed; RuleBroken, with its
    field, when the convention no longer changes or something typed cannot be.
    """
    checks.check_officer(by)
    written = checks.written_before(session, FicheAction, id, convention.id)
    if written is not None:
        return written
    convention = checks.take(session, convention)
    _check_open(convention)
    told = _checked(session, convention, annee, values)
    fiche = FicheAction(convention_id=convention.id, annee=annee, **told)
    if id is not None:
        fiche.id = id
    written = checks.add_once(session, fiche, convention.id)
    if written is not fiche:
        return written
    history.record(
        session,
        convention,
        f"Fiche action {annee} ajoutée : {fiche.titre[:130]}",
        by=by,
        detail={name: (None, value) for name, value in told.items() if value},
    )
    return fiche


def change(
    session: Session,
    fiche: FicheAction,
    convention: StateConvention,
    values: Mapping[str, Any],
    *,
    by: User | None,
    version: int | None = None,
) -> None:
    """Give the sheet these values. Raises as `write` does, and ChangedMeanwhile."""
    checks.check_officer(by)
    convention = checks.take(session, convention)
    _check_open(convention)
    fiche = checks.present(session, fiche, _GONE)
    told = _checked(session, convention, fiche.annee, values)
    changes = history.changed(fiche, told)
    if not changes:
        return
    checks.check_version(fiche, version)
    for name, value in told.items():
        setattr(fiche, name, value)
    fiche.version += 1
    session.flush()
    history.record(
        session,
        convention,
        f"Fiche action {fiche.annee} modifiée : {fiche.titre[:130]}",
        by=by,
        detail=changes,
    )


def remove(
    session: Session,
    fiche: FicheAction,
    convention: StateConvention,
    *,
    by: User | None,
    version: int | None = None,
) -> None:
    """Take a sheet away. Raises NotAllowed, ChangedMeanwhile; RuleBroken when a signed plan finances it."""
    checks.check_officer(by)
    convention = checks.take(session, convention)
    _check_open(convention)
    fiche = checks.present(session, fiche, _GONE)
    checks.check_version(fiche, version)
    signed = session.exec(
        select(StateAmendment)
        .join(PlanLine, col(PlanLine.amendment_id) == col(StateAmendment.id))
        .where(col(PlanLine.fiche_id) == fiche.id, col(StateAmendment.signe_le).is_not(None))
        .limit(1)
    ).first()
    if signed is not None:
        raise RuleBroken(
            f"Le plan signé de « {signed.name} » finance cette fiche : elle reste, et se modifie encore."
        )
    session.execute(update(PlanLine).where(col(PlanLine.fiche_id) == fiche.id).values(fiche_id=None))
    session.execute(delete(FicheFinancedAction).where(col(FicheFinancedAction.fiche_id) == fiche.id))
    gone = {name: (value, None) for name in FIELDS if (value := getattr(fiche, name))}
    annee, titre = fiche.annee, fiche.titre
    session.delete(fiche)
    session.flush()
    history.record(session, convention, f"Fiche action {annee} ôtée : {titre[:130]}", by=by, detail=gone)


def tie(
    session: Session,
    fiche: FicheAction,
    convention: StateConvention,
    actions: Sequence[FinancedAction],
    *,
    by: User | None,
) -> int:
    """Say that these partners' actions carry out the sheet; return how many were not tied yet.

    Raises NotAllowed; RuleBroken when the convention no longer changes, or when a partner's convention is a draft or
    has no day of the year.
    """
    checks.check_officer(by)
    convention = checks.take(session, convention)
    _check_open(convention)
    partners = {
        one.id: one
        for one in session.exec(
            select(Convention).where(col(Convention.id).in_([action.convention_id for action in actions]))
        )
    }
    for action in actions:
        partner = partners[action.convention_id]
        if partner.state is ConventionState.BROUILLON:
            raise RuleBroken(
                f"La convention {partner.numero} est en brouillon : signez-la d’abord.", field="partenaire"
            )
        if not partner.date_debut.year <= fiche.annee <= partner.date_fin.year:
            raise RuleBroken(
                f"La convention {partner.numero} va du {partner.date_debut:%d/%m/%Y} au {partner.date_fin:%d/%m/%Y} : "
                f"elle n’a pas de jour en {fiche.annee}.",
                field="partenaire",
            )
    known = set(
        session.exec(
            select(FicheFinancedAction.action_id).where(col(FicheFinancedAction.fiche_id) == fiche.id)
        )
    )
    new = [action for action in actions if action.id not in known]
    session.add_all(FicheFinancedAction(fiche_id=fiche.id, action_id=action.id) for action in new)
    session.flush()
    for action in new:
        numero = partners[action.convention_id].numero
        history.record(
            session,
            convention,
            f"Fiche action {fiche.annee} « {fiche.titre[:60]} » : action {numero[:40]} {action.intitule[:50]} ajoutée",
            by=by,
        )
    return len(new)


def untie(
    session: Session,
    fiche: FicheAction,
    convention: StateConvention,
    action_id: uuid.UUID,
    *,
    by: User | None,
) -> bool:
    """Say that the action does not carry out the sheet; False when it did not. Raises as `tie` does."""
    checks.check_officer(by)
    convention = checks.take(session, convention)
    _check_open(convention)
    found = session.get(FicheFinancedAction, (fiche.id, action_id))
    if found is None:
        return False
    title = session.get_one(FinancedAction, action_id).intitule
    session.delete(found)
    session.flush()
    history.record(
        session,
        convention,
        f"Fiche action {fiche.annee} « {fiche.titre[:60]} » : action {title[:80]} ôtée",
        by=by,
    )
    return True


def _planned(
    session: Session, convention: StateConvention, annee: int, ids: list[uuid.UUID], *, drafts: bool
) -> dict[uuid.UUID, int]:
    """What the plan in force gives to each sheet; that of the drafts, when asked, as long as none is signed."""
    owner = terms.terms_on(session, convention, clock.today()).plans.get(annee)
    if owner is None and drafts:
        owner = terms.terms_on(session, convention, None).plans.get(annee)
    if owner is None:
        return {}
    rows = session.execute(
        select(col(PlanLine.fiche_id), func.sum(col(PlanLine.montant_centimes)))
        .where(
            col(PlanLine.amendment_id) == owner,
            col(PlanLine.annee) == annee,
            col(PlanLine.fiche_id).in_(ids),
        )
        .group_by(col(PlanLine.fiche_id))
    )
    return {row[0]: int(row[1]) for row in rows}


def _spent(
    session: Session, convention: StateConvention, annee: int, ids: list[uuid.UUID]
) -> dict[uuid.UUID, int]:
    rows = session.execute(
        select(col(FicheFinancedAction.fiche_id), func.sum(col(Expense.montant_centimes)))
        .join(Expense, col(Expense.action_id) == col(FicheFinancedAction.action_id))
        .where(
            col(FicheFinancedAction.fiche_id).in_(ids),
            col(Expense.convention_id) == convention.id,
            col(Expense.annee) == annee,
            col(Expense.hors_convention).is_(False),
        )
        .group_by(col(FicheFinancedAction.fiche_id))
    )
    return {row[0]: int(row[1]) for row in rows}


def _check_open(convention: StateConvention) -> None:
    if convention.state is not ConventionState.BROUILLON:
        checks.check_open(convention, clock.today())


def _checked(
    session: Session, convention: StateConvention, annee: int, values: Mapping[str, Any]
) -> dict[str, Any]:
    years = plan.years_of(session, convention)
    if annee not in years:
        raise RuleBroken(f"La convention va de {years[0]} à {years[-1]} : {annee} n’a pas de fiche.")
    told: dict[str, Any] = {name: values.get(name) for name in FIELDS}
    told["titre"] = (told["titre"] or "").strip()
    if not told["titre"]:
        raise RuleBroken("Écrivez le titre de l’action.", field="titre")
    for name in ("budget_etat_centimes", "budget_collectivite_centimes"):
        told[name] = told[name] or 0
    for name, most in _MOST.items():
        if told[name] is not None and not 0 <= told[name] <= most:
            raise RuleBroken("Ce nombre est trop grand : relisez-le.", field=name.removesuffix("_centimes"))
    if told["duree_mois"] is not None and not 1 <= told["duree_mois"] <= 120:
        raise RuleBroken("Écrivez une durée de 1 à 120 mois.", field="duree_mois")
    told["indicateurs"] = [
        {name: str(one.get(name) or "").strip() for name in ("libelle", "cible", "realise")}
        for one in told["indicateurs"] or []
        if str(one.get("libelle") or "").strip()
    ] or None
    return told
