"""Expenses of the convention with the State: written, changed, taken away. Money is in cents, numbers in thousandths."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import User
from portal.budget import checks, history
from portal.budget.models import BudgetDocument, Nature, StateConvention, Volet
from portal.budget.spending_models import Expense, NonEligible, Post
from portal.budget.statement import FIELDS, BlocGroup, Line, NatureGroup, Statement, statement
from portal.conventions.models import Convention, FinancedAction
from portal.conventions.states import ConventionState
from portal.errors import AlreadyDone, RuleBroken
from portal.money import euros, units

__all__ = ["BlocGroup", "Line", "NatureGroup", "Statement", "statement"]

# What the instruction calls what the State's credits do not pay for.
ARTICLE = "instruction DGEFP/DPE/2023/192, dépenses non éligibles"
# Ten billion euros: beyond, a figure was mistyped.
_MOST = 10**12


@dataclass(frozen=True, slots=True)
class Frame:
    """What an expense of a year has to keep to; read once for a whole table."""

    annee: int
    date_debut: date
    date_fin: date
    taux_departement: int
    posts: Mapping[uuid.UUID, Post]

    @property
    def debut(self) -> date:
        """The first day that an expense of the year may have."""
        return max(self.date_debut, date(self.annee, 1, 1))

    @property
    def fin(self) -> date:
        """The last day that an expense of the year may have."""
        return min(self.date_fin, date(self.annee, 12, 31))


def frame(session: Session, convention: StateConvention, annee: int) -> Frame:
    """Return what the expenses of a year have to keep to, in one statement."""
    posts = session.exec(select(Post).where(col(Post.convention_id) == convention.id))
    return Frame(
        annee,
        convention.date_debut,
        convention.date_fin,
        convention.taux_departement,
        {post.id: post for post in posts},
    )


def amount(nombre: int, cout_unitaire: int) -> int:
    """Return the cents of `nombre` thousandths of a unit at `cout_unitaire` cents each, halves of a cent upward."""
    return (nombre * cout_unitaire + 500) // 1000


def default_part(volet: Volet, montant: int, taux_departement: int) -> int:
    """Return what of an expense is charged to the State when nobody says: all, but for the département's share of volet 2."""
    if volet is Volet.SOLUTIONS:
        return montant * (10_000 - taux_departement) // 10_000
    return montant


def completed(values: Mapping[str, Any], within: Frame) -> dict[str, Any]:
    """Return the values of an expense with what is computed: its amount, and the State's part unless it was typed.

    Takes FIELDS; amount and part may be None. An expense kept apart costs the State nothing.
    """
    told: dict[str, Any] = {name: values.get(name) for name in FIELDS}
    told["volet"] = Volet(told["volet"])
    told["nature"] = Nature(told["nature"])
    told["non_eligible"] = NonEligible(told["non_eligible"]) if told["non_eligible"] else None
    told["hors_convention"] = bool(told["hors_convention"])
    told["montant_centimes"] = amount(told["nombre"], told["cout_unitaire_centimes"])
    if told["hors_convention"]:
        told["part_etat_centimes"] = told["part_etat_centimes"] or 0
    elif told["part_etat_centimes"] is None:
        told["part_etat_centimes"] = default_part(
            told["volet"], told["montant_centimes"], within.taux_departement
        )
    return told


def problems(values: Mapping[str, Any], within: Frame) -> list[RuleBroken]:
    """Return everything wrong with an expense, each with its field; `values` are FIELDS as typed, the amount included.

    Nothing here reads the database.
    """
    told = completed(values, within)
    found: list[RuleBroken] = []

    def wrong(field: str, sentence: str) -> None:
        found.append(RuleBroken(sentence, field=field))

    montant, typed = told["montant_centimes"], values.get("montant_centimes")
    if montant > _MOST:
        wrong("nombre", "Ce montant est trop grand : relisez le nombre et le coût.")
    elif typed is not None and typed != montant:
        wrong(
            "montant",
            f"{units(told['nombre'])} × {euros(told['cout_unitaire_centimes'])} font {euros(montant)}, et non "
            f"{euros(typed)} : corrigez le montant, ou le nombre et le coût."
            + (
                ""
                if told["nombre"] == 1_000
                else " Si ce coût est un arrondi, comptez 1 forfait, du montant payé."
            ),
        )
    part = told["part_etat_centimes"]
    if told["hors_convention"] and part:
        wrong("part_etat", "Une dépense à la charge du département ne coûte rien à l’État : ôtez sa part.")
    elif part > montant:
        wrong(
            "part_etat",
            f"La part de l’État ne dépasse pas le montant, {euros(montant)} : ôtez {euros(part - montant)}.",
        )
    if told["non_eligible"] is not None and not told["hors_convention"]:
        wrong(
            "hors_convention",
            f"{told['non_eligible'].label} : les crédits de l’État ne le paient pas ({ARTICLE}). Ôtez cette dépense, "
            "ou gardez-la à part, à la charge du département.",
        )
    _check_period(told, within, wrong)
    if told["post_id"] is not None:
        _check_post(told, within, wrong)
    if told["post_id"] is not None and told["partner_convention_id"] is not None:
        wrong("poste", "Une dépense est celle d’une convention ou d’un poste, pas des deux : choisissez.")
    return found


def _check_period(told: dict[str, Any], within: Frame, wrong: Any) -> None:
    debut, fin = told["date_debut"], told["date_fin"]
    if fin < debut:
        wrong("date_fin", "Le dernier jour vient avant le premier : relisez les deux.")
        return
    for field, day in (("date_debut", debut), ("date_fin", fin)):
        if day.year != within.annee:
            wrong(field, f"Ce jour n’est pas de {within.annee} : chaque année a son état des dépenses.")
        elif not within.date_debut <= day <= within.date_fin:
            wrong(
                field,
                f"La convention court du {within.date_debut:%d/%m/%Y} au {within.date_fin:%d/%m/%Y} : "
                "choisissez un jour de cette période.",
            )


def _check_post(told: dict[str, Any], within: Frame, wrong: Any) -> None:
    post = within.posts.get(told["post_id"])
    if post is None:
        wrong("poste", "Ce poste n’est plus de cette convention : choisissez-en un autre.")
        return
    if post.nature is not told["nature"]:
        wrong(
            "nature",
            f"Le poste « {post.intitule} » est de nature « {post.nature.label} » : choisissez-la, ou changez le poste.",
        )
    if told["date_debut"] < post.date_debut or (post.date_fin and told["date_fin"] > post.date_fin):
        until = f" au {post.date_fin:%d/%m/%Y}" if post.date_fin else ""
        since = "du" if post.date_fin else "à partir du"
        wrong(
            "date_debut", f"Ce poste compte {since} {post.date_debut:%d/%m/%Y}{until} : relisez la période."
        )


def write(
    session: Session,
    convention: StateConvention,
    annee: int,
    values: Mapping[str, Any],
    *,
    by: User | None,
    id: uuid.UUID | None = None,
) -> Expense:
    """Add an expense to the statement of a year from `values` (FIELDS; the amount is computed, and compared when given).

    `id` is made with the form: a second press bears the same one and returns the expense already written. Raises
    NotAllowed; RuleBroken, with its field, for what `problems` tells, when the convention is not open, or when the bilan
    of the year is handed in.
    """
    checks.check_officer(by)
    written = checks.written_before(session, Expense, id, convention.id)
    if written is not None:
        return written
    told = _told(session, convention, annee, values)
    expense = Expense(convention_id=convention.id, annee=annee, by_id=by.id if by else None, **_kept(told))
    if id is not None:
        expense.id = id
    written = checks.add_once(session, expense, convention.id)
    if written is not expense:
        return written
    history.record(
        session, convention, f"Dépense {annee} ajoutée : {_name(expense)}", by=by, detail=_lines_of(told)
    )
    return expense


def change(
    session: Session,
    expense: Expense,
    convention: StateConvention,
    values: Mapping[str, Any],
    *,
    by: User | None,
    version: int | None = None,
) -> None:
    """Give the expense these values.

    Raises as `write` does; ChangedMeanwhile when it is no longer in `version`, AlreadyDone when it is no longer there.
    """
    checks.check_officer(by)
    told = _told(session, convention, expense.annee, values)
    expense = _present(session, expense)
    kept = _kept(told)
    changes = history.changed(expense, kept)
    if not changes:
        return
    checks.check_version(expense, version)
    for name, value in kept.items():
        setattr(expense, name, value)
    expense.version += 1
    session.flush()
    history.record(
        session, convention, f"Dépense {expense.annee} modifiée : {_name(expense)}", by=by, detail=changes
    )


def remove(
    session: Session,
    expense: Expense,
    convention: StateConvention,
    *,
    by: User | None,
    version: int | None = None,
) -> None:
    """Take an expense, and its supporting documents, out of the statement; the history keeps what it said.

    Raises NotAllowed, RuleBroken as `write` does, and ChangedMeanwhile.
    """
    checks.check_officer(by)
    convention = checks.take(session, convention)
    checks.check_open(convention, clock.today())
    checks.check_year_open(session, convention, expense.annee)
    expense = _present(session, expense)
    checks.check_version(expense, version)
    session.execute(delete(BudgetDocument).where(col(BudgetDocument.expense_id) == expense.id))
    gone = {name: (getattr(expense, name), None) for name in FIELDS if getattr(expense, name) is not None}
    session.delete(expense)
    session.flush()
    history.record(
        session, convention, f"Dépense {expense.annee} ôtée : {_name(expense)}", by=by, detail=gone
    )


def of_year(
    session: Session, convention: StateConvention, annee: int, expense_id: uuid.UUID
) -> Expense | None:
    """Return the expense of that year of the convention, or None."""
    return session.exec(
        select(Expense).where(
            col(Expense.id) == expense_id,
            col(Expense.convention_id) == convention.id,
            col(Expense.annee) == annee,
        )
    ).one_or_none()


def _present(session: Session, expense: Expense) -> Expense:
    present = session.get(Expense, expense.id, populate_existing=True)
    if present is None:
        raise AlreadyDone("Cette dépense n’est plus dans l’état : quelqu’un d’autre l’a ôtée.")
    return present


def _told(
    session: Session, convention: StateConvention, annee: int, values: Mapping[str, Any]
) -> dict[str, Any]:
    # A bilan handed in meanwhile freezes the year, a convention closed meanwhile takes nothing more.
    convention = checks.take(session, convention)
    checks.check_open(convention, clock.today())
    checks.check_year_open(session, convention, annee)
    within = frame(session, convention, annee)
    for broken in problems(values, within):
        raise broken
    told = completed(values, within)
    _check_tie(session, told)
    return told


def _check_tie(session: Session, told: Mapping[str, Any]) -> None:
    partner_id, action_id = told["partner_convention_id"], told["action_id"]
    if partner_id is None and action_id is None:
        return
    # Shared: a draft may be thrown away at this very moment.
    partner = session.exec(
        select(Convention)
        .where(col(Convention.id) == partner_id)
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if action_id is not None:
        action = session.get(FinancedAction, action_id)
        if action is None or action.convention_id != partner_id:
            raise RuleBroken(
                "Cette action n’est pas de cette convention : choisissez-en une autre.", field="action"
            )
    if partner is None:
        raise RuleBroken("Cette convention n’existe plus : choisissez-en une autre.", field="partenaire")
    if partner.state is ConventionState.BROUILLON:
        raise RuleBroken(
            f"La convention {partner.numero} est en brouillon : signez-la d’abord.", field="partenaire"
        )


def _kept(told: Mapping[str, Any]) -> dict[str, Any]:
    return {**told, "volet": int(told["volet"])}


def _lines_of(told: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {name: (None, value) for name, value in told.items() if value not in (None, False)}


def _name(expense: Expense) -> str:
    said = euros(expense.montant_centimes)
    return f"{expense.objet[:120]} ({said})"
