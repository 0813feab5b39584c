"""A year of a convention in pictures and tables: by volet, by block, by action, by territory. Money is in cents.

An expense is spread over the days of its period, so that each month tells what had been spent by its end. Every table
adds up to the statement of the year.
"""

import calendar
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from operator import add
from typing import Any

from sqlmodel import Session, col, select

from portal import clock
from portal.budget.models import Bloc, Nature, PlanLine, StateConvention, Volet
from portal.budget.spending_models import Expense
from portal.budget.terms import Terms, terms_on
from portal.budget.territories import Cut, name_of_cut, territory_names
from portal.budget.tracking_pictures import Bar, Curve, Series, bars_of, draw
from portal.conventions.models import Convention, FinancedAction
from portal.structures.models import Structure

MONTHS = (
    "Janvier",
    "Février",
    "Mars",
    "Avril",
    "Mai",
    "Juin",
    "Juillet",
    "Août",
    "Septembre",
    "Octobre",
    "Novembre",
    "Décembre",
)
_SHORT_BLOCS = {
    Bloc.EQUIPES: "Équipes",
    Bloc.SOLUTIONS: "Solutions",
    Bloc.REFERENCEMENT: "Référencement",
    Bloc.SI: "Système d’information",
}


@dataclass(frozen=True, slots=True)
class Table:
    """A table: columns are (label, "text", "euros" or "whole"); `total` sums the columns whose place is in `summed`."""

    key: str
    title: str
    note: str
    columns: list[tuple[str, str]]
    rows: list[list[Any]]
    total: list[Any] | None = None
    summed: frozenset[int] = frozenset()
    # The last column is the sum of those between the first and itself.
    across: bool = False


@dataclass(frozen=True, slots=True)
class Year:
    """Everything that the page of a year shows."""

    annee: int
    montant: int
    tables: dict[str, Table]
    curves: dict[str, Curve]
    bars: dict[str, list[Bar]]


@dataclass(frozen=True, slots=True)
class _Spent:
    volet: int
    nature: Nature
    montant: int
    debut: date
    fin: date
    convention_id: uuid.UUID | None
    action_id: uuid.UUID | None
    post_id: uuid.UUID | None


def of_year(session: Session, convention: StateConvention, annee: int, cut: Cut) -> Year:
    """Return the tables and pictures of a year, cut into the territories that `cut` names, in twelve statements or so."""
    terms = terms_on(session, convention, clock.today())
    spent = _spent(session, convention, annee)
    ends = [date(annee, month, calendar.monthrange(annee, month)[1]) for month in range(1, 13)]
    spread = _spread(spent, ends)
    shorts = {volet.value: volet.short for volet in Volet}
    plan = _plan(session, terms, annee)
    volets = _series(
        [volet.short for volet in Volet],
        ((shorts[one.volet], months) for one, months in spread),
        _planned_by_volet(plan, terms, annee, convention.taux_departement),
    )
    blocs = _series(
        list(_SHORT_BLOCS.values()),
        ((_SHORT_BLOCS[one.nature.bloc], months) for one, months in spread),
        _planned_by_bloc(plan),
    )
    actions = _actions(session, spent, annee)
    territories = _territories(session, spent, annee, cut)
    source = (
        "Prévu : le plan de financement de l’année, montant de l’État et autres sources."
        if plan
        else "Prévu, faute de plan de financement pour l’année : les crédits de l’État, et sur le volet 2 la part du "
        "département qui va avec eux."
    )
    return Year(
        annee,
        sum(one.montant for one in spent),
        {
            "volets": _months_table("volets", f"Dépenses {annee} par volet, mois après mois", source, volets),
            "blocs": _months_table(
                "blocs", f"Dépenses {annee} par bloc, mois après mois", source if plan else "", blocs
            ),
            "actions": actions,
            "territoires": territories,
        },
        {"volets": draw(volets), "blocs": draw(blocs)},
        {"actions": bars_of(actions.rows, 2), "territoires": bars_of(territories.rows, 2)},
    )


def _spent(session: Session, convention: StateConvention, annee: int) -> list[_Spent]:
    query: Any = select(  # type: ignore[call-overload]
        col(Expense.volet),
        col(Expense.nature),
        col(Expense.montant_centimes),
        col(Expense.date_debut),
        col(Expense.date_fin),
        col(Expense.partner_convention_id),
        col(Expense.action_id),
        col(Expense.post_id),
    ).where(
        col(Expense.convention_id) == convention.id,
        col(Expense.annee) == annee,
        col(Expense.hors_convention).is_(False),
    )
    return [_Spent(*row) for row in session.execute(query)]


def _plan(session: Session, terms: Terms, annee: int) -> list[tuple[int, Nature, int]]:
    """Return (volet, nature, cents of the State and of others) of the plan in force."""
    owner = terms.plans.get(annee)
    if owner is None:
        return []
    rows = session.execute(
        select(
            col(PlanLine.volet),
            col(PlanLine.nature),
            col(PlanLine.montant_centimes) + col(PlanLine.autres_centimes),
        ).where(col(PlanLine.amendment_id) == owner, col(PlanLine.annee) == annee)
    )
    return [(row[0], row[1], int(row[2])) for row in rows]


def _planned_by_volet(
    plan: list[tuple[int, Nature, int]], terms: Terms, annee: int, taux_departement: int
) -> dict[str, int]:
    if not plan:
        credits = {volet: terms.of_volet(annee, volet) for volet in Volet}
        borne = 10_000 - taux_departement
        if borne:
            # The whole of what is spent stands beside it, not the State's part alone.
            credits[Volet.SOLUTIONS] = -(-credits[Volet.SOLUTIONS] * 10_000 // borne)
        return {volet.short: cents for volet, cents in credits.items()}
    return {volet.short: sum(cents for number, _, cents in plan if number == volet.value) for volet in Volet}


def _planned_by_bloc(plan: list[tuple[int, Nature, int]]) -> dict[str, int]:
    return {
        _SHORT_BLOCS[bloc]: sum(cents for _, nature, cents in plan if nature.bloc is bloc)
        for bloc in Bloc
        if plan
    }


def _spread(spent: Iterable[_Spent], ends: Sequence[date]) -> list[tuple[_Spent, list[int]]]:
    """Return each expense with what of it was spent by the end of each month."""
    days = [end.toordinal() for end in ends]
    told = []
    for one in spent:
        first, last, cents = one.debut.toordinal(), one.fin.toordinal(), one.montant
        length = last - first + 1
        told.append(
            (
                one,
                [
                    cents if day >= last else 0 if day < first else cents * (day - first + 1) // length
                    for day in days
                ],
            )
        )
    return told


def _series(labels: Sequence[str], parts: Iterable[tuple[str, list[int]]], planned: dict[str, int]) -> Series:
    told = {label: [0] * 12 for label in labels}
    for label, months in parts:
        told[label] = list(map(add, told[label], months))
    return Series(list(labels), told, planned)


def _months_table(key: str, title: str, note: str, series: Series) -> Table:
    rows: list[list[Any]] = []
    for place, month in enumerate(MONTHS):
        values = [series.spent[label][place] for label in series.labels]
        rows.append([f"Fin {month.lower()}", *values, sum(values)])
    if series.planned:
        planned = [series.planned.get(label, 0) for label in series.labels]
        rows.append(["Prévu", *planned, sum(planned)])
        left = [goal - series.spent[label][-1] for goal, label in zip(planned, series.labels, strict=True)]
        rows.append(["Reste à dépenser", *left, sum(left)])
    return Table(
        key,
        title,
        f"Une dépense compte jour après jour, du premier au dernier de sa période. {note}".rstrip(),
        [("Mois", "text"), *((label, "euros") for label in series.labels), ("Ensemble", "euros")],
        rows,
        across=True,
    )


def _actions(session: Session, spent: list[_Spent], annee: int) -> Table:
    """What was spent by action of a partner, then for posts, then without any tie."""
    tied: dict[tuple[uuid.UUID, uuid.UUID | None], int] = {}
    posts = others = 0
    for one in spent:
        if one.convention_id is not None:
            key = (one.convention_id, one.action_id)
            tied[key] = tied.get(key, 0) + one.montant
        elif one.post_id is not None:
            posts += one.montant
        else:
            others += one.montant
    ids = {convention_id for convention_id, _ in tied}
    names = _names(session, ids)
    # Columns rather than rows of the table: nobody changes them here.
    query: Any = select(
        col(FinancedAction.id),
        col(FinancedAction.intitule),
        col(FinancedAction.places_financees),
        col(FinancedAction.cout_unitaire_centimes),
    ).where(col(FinancedAction.id).in_({id for _, id in tied if id is not None}))
    actions = {row.id: row for row in session.execute(query)}
    rows: list[list[Any]] = []
    for (convention_id, action_id), cents in sorted(
        tied.items(), key=lambda item: (-item[1], names[item[0][0]])
    ):
        action = actions.get(action_id) if action_id else None
        rows.append(
            [
                f"{action.intitule}" if action else "Toute la convention",
                names[convention_id],
                cents,
                action.places_financees * action.cout_unitaire_centimes if action else None,
                action.places_financees if action else None,
            ]
        )
    for label, cents in (("Postes", posts), ("Sans action", others)):
        if cents:
            rows.append([label, "", cents, None, None])
    return Table(
        "actions",
        f"Dépenses {annee} par action",
        "Prévu : les places de l’action fois le coût d’une place.",
        [
            ("Action", "text"),
            ("Partenaire", "text"),
            ("Dépensé", "euros"),
            ("Prévu par la convention", "euros"),
            ("Places financées", "whole"),
        ],
        rows,
        ["Ensemble", "", sum(row[2] for row in rows), None, None],
        frozenset({2}),
    )


def _territories(session: Session, spent: list[_Spent], annee: int, cut: Cut) -> Table:
    """What was spent by territory of the partner; what no partner bears is of the whole département."""
    by_convention: dict[uuid.UUID, int] = {}
    whole = 0
    for one in spent:
        if one.convention_id is None:
            whole += one.montant
        else:
            by_convention[one.convention_id] = by_convention.get(one.convention_id, 0) + one.montant
    places = {
        row[0]: row[1]
        for row in session.execute(
            select(col(Convention.id), col(Structure.code_insee))
            .join(Structure, col(Structure.id) == col(Convention.structure_id))
            .where(col(Convention.id).in_(by_convention))
        )
    }
    names = territory_names(session, cut, {code for code in places.values() if code})
    told: dict[str, list[int]] = {}
    for convention_id, cents in by_convention.items():
        name = names.get(places[convention_id] or "", "Territoire inconnu")
        row = told.setdefault(name, [0, 0])
        row[0] += 1
        row[1] += cents
    rows: list[list[Any]] = [
        [name, *values] for name, values in sorted(told.items(), key=lambda item: -item[1][1])
    ]
    if whole:
        rows.append(["Tout le département, sans partenaire", 0, whole])
    return Table(
        "territoires",
        f"Dépenses {annee} par {name_of_cut(cut)}",
        "Le territoire est celui de la commune du partenaire.",
        [
            ("Territoire", "text"),
            ("Conventions", "whole"),
            ("Dépensé", "euros"),
        ],
        rows,
        ["Ensemble", *(sum(row[place] for row in rows) for place in range(1, 3))],
        frozenset({1, 2}),
    )


def _names(session: Session, ids: set[uuid.UUID]) -> Mapping[uuid.UUID, str]:
    rows = session.execute(
        select(col(Convention.id), col(Convention.numero), col(Structure.nom))
        .join(Structure, col(Structure.id) == col(Convention.structure_id))
        .where(col(Convention.id).in_(ids))
    )
    return {row[0]: f"{row[2]} ({row[1]})" for row in rows}
