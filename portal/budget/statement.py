"""The statement of expenses of a year (annexe C / annexe 3): blocks, natures, lines, and totals made of their parts.

Money is in cents, numbers of units in thousandths.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlmodel import Session, col, select

from portal.budget.models import Bloc, Nature, StateConvention, Volet
from portal.budget.settlement import Spent
from portal.budget.spending_models import Expense, NonEligible, Post
from portal.conventions.models import Convention, FinancedAction


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the statement, as it reads."""

    id: uuid.UUID
    volet: Volet
    nature: Nature
    objet: str
    unite: str
    # Thousandths of a unit.
    nombre: int
    cout_unitaire: int
    date_debut: date
    date_fin: date
    montant: int
    part_etat: int
    non_eligible: NonEligible | None = None
    # What it is tied to: the number of a partner's convention and the title of its action, or the title of a post.
    lien: str | None = None
    partner_convention_id: uuid.UUID | None = None
    action_id: uuid.UUID | None = None
    post_id: uuid.UUID | None = None

    @property
    def dates(self) -> str:
        """The period as a table says it."""
        a, b = self.date_debut, self.date_fin
        # A statement has hundreds of them: twice as fast as `strftime`.
        return f"{a.day:02d}/{a.month:02d}/{a.year} au {b.day:02d}/{b.month:02d}/{b.year}"

    @property
    def part_departement(self) -> int:
        """What is the département's own."""
        return self.montant - self.part_etat


@dataclass(frozen=True, slots=True)
class NatureGroup:
    """The lines of a nature."""

    nature: Nature
    lines: list[Line]

    @property
    def montant(self) -> int:
        """The subtotal."""
        return sum(line.montant for line in self.lines)

    @property
    def part_etat(self) -> int:
        """What of it is charged to the State's credits."""
        return sum(line.part_etat for line in self.lines)


@dataclass(frozen=True, slots=True)
class BlocGroup:
    """The natures of a block; those without a line are absent."""

    bloc: Bloc
    natures: list[NatureGroup]

    @property
    def montant(self) -> int:
        """The subtotal: that of its natures."""
        return sum(group.montant for group in self.natures)

    @property
    def part_etat(self) -> int:
        """What of it is charged to the State's credits."""
        return sum(group.part_etat for group in self.natures)


@dataclass(frozen=True, slots=True)
class Statement:
    """The statement of a year. Every total is the sum of its parts; blocks without a line are absent."""

    annee: int
    blocs: list[BlocGroup]
    # Kept apart, at the département's own charge: in no total.
    apart: list[Line] = field(default_factory=list)

    @property
    def lines(self) -> list[Line]:
        """The lines of the statement in its order; those kept apart are not among them."""
        return [line for bloc in self.blocs for group in bloc.natures for line in group.lines]

    @property
    def montant(self) -> int:
        """The total."""
        return sum(bloc.montant for bloc in self.blocs)

    @property
    def part_etat(self) -> int:
        """What of the total is charged to the State's credits."""
        return sum(bloc.part_etat for bloc in self.blocs)

    @property
    def part_departement(self) -> int:
        """What of the total is the département's own."""
        return self.montant - self.part_etat

    @property
    def montant_apart(self) -> int:
        """The sum of what is kept apart."""
        return sum(line.montant for line in self.apart)

    def of_volet(self, volet: Volet) -> Spent:
        """Return what was spent on a volet."""
        here = [line for line in self.lines if line.volet is volet]
        return Spent(sum(line.montant for line in here), sum(line.part_etat for line in here))


def grouped(annee: int, lines: Iterable[Line], apart: Iterable[Line] = ()) -> Statement:
    """Return the statement that these lines make, in the order of the official layout."""
    by_nature: dict[Nature, list[Line]] = {}
    for line in lines:
        by_nature.setdefault(line.nature, []).append(line)
    blocs = []
    for bloc in Bloc:
        natures = [
            NatureGroup(nature, by_nature[nature])
            for nature in Nature
            if nature.bloc is bloc and nature in by_nature
        ]
        if natures:
            blocs.append(BlocGroup(bloc, natures))
    return Statement(annee, blocs, list(apart))


def statement(
    session: Session,
    convention: StateConvention,
    annee: int,
    *,
    volet: Volet | None = None,
    nature: Nature | None = None,
) -> Statement:
    """Return the statement of a year, or of one volet or nature of it, in one database statement."""
    # Columns rather than rows of the table: a statement may have hundreds of lines, which nobody changes here.
    query: Any = (
        select(*(col(getattr(Expense, name)) for name in _COLUMNS), *_TIES)
        .select_from(Expense)
        .outerjoin(Convention, col(Convention.id) == col(Expense.partner_convention_id))
        .outerjoin(FinancedAction, col(FinancedAction.id) == col(Expense.action_id))
        .outerjoin(Post, col(Post.id) == col(Expense.post_id))
        .where(col(Expense.convention_id) == convention.id, col(Expense.annee) == annee)
        .order_by(col(Expense.date_debut), col(Expense.created_at), col(Expense.ligne), col(Expense.id))
    )
    if volet is not None:
        query = query.where(col(Expense.volet) == volet.value)
    if nature is not None:
        query = query.where(col(Expense.nature) == nature)
    inside: list[Line] = []
    apart: list[Line] = []
    for row in session.execute(query):
        (apart if row.hors_convention else inside).append(_line(row))
    return grouped(annee, inside, apart)


# What the officer says of an expense.
FIELDS = (
    "volet",
    "nature",
    "objet",
    "unite",
    "nombre",
    "cout_unitaire_centimes",
    "date_debut",
    "date_fin",
    "montant_centimes",
    "part_etat_centimes",
    "hors_convention",
    "non_eligible",
    "partner_convention_id",
    "action_id",
    "post_id",
)
_COLUMNS = ("id", *FIELDS)
_TIES: tuple[Any, ...] = (
    col(Convention.numero).label("numero"),
    col(FinancedAction.intitule).label("action"),
    col(Post.intitule).label("post"),
)


def _line(row: Any) -> Line:
    numero, action = row.numero, row.action
    return Line(
        id=row.id,
        volet=Volet(row.volet),
        nature=row.nature,
        objet=row.objet,
        unite=row.unite,
        nombre=row.nombre,
        cout_unitaire=row.cout_unitaire_centimes,
        date_debut=row.date_debut,
        date_fin=row.date_fin,
        montant=row.montant_centimes,
        part_etat=row.part_etat_centimes,
        non_eligible=row.non_eligible,
        lien=row.post if numero is None else f"{numero} – {action}" if action else numero,
        partner_convention_id=row.partner_convention_id,
        action_id=row.action_id,
        post_id=row.post_id,
    )
