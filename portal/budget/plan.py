"""The financing plan of a year by volet: its lines, its totals, its ceilings. Money is in cents, ETP in hundredths.

A plan belongs to the initial text or to an avenant, and changes as long as that one is a draft; a plan is restated whole
for a year, or not at all (docs/adr/0017).
"""

import uuid
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlmodel import Session, col, func, select

from portal.budget.models import (
    Bloc,
    FicheAction,
    Nature,
    PlanLine,
    StateAmendment,
    StateAmount,
    StateConvention,
    Volet,
)
from portal.errors import RuleBroken
from portal.money import etp, euros

FIELDS = (
    "volet",
    "nature",
    "objet",
    "detail",
    "existant_etp",
    "existant_centimes",
    "cible_etp",
    "cible_centimes",
    "montant_centimes",
    "autres_centimes",
    "autres_sources",
    "fiche_id",
)


@dataclass(frozen=True, slots=True)
class Sums:
    """The columns of the layout, for a line or a group of them."""

    existant_etp: int = 0
    existant: int = 0
    cible_etp: int = 0
    cible: int = 0
    montant: int = 0
    autres: int = 0

    @property
    def difference_etp(self) -> int:
        """Hundredths of ETP more than there are; below zero when fewer."""
        return self.cible_etp - self.existant_etp

    @property
    def difference(self) -> int:
        """Cents more than there are; below zero when fewer."""
        return self.cible - self.existant


def sums(parts: Iterable[Sums]) -> Sums:
    """Return the sum of the parts, column by column."""
    told = [0] * 6
    for part in parts:
        for position, value in enumerate(
            (part.existant_etp, part.existant, part.cible_etp, part.cible, part.montant, part.autres)
        ):
            told[position] += value
    return Sums(*told)


def of_line(line: PlanLine) -> Sums:
    """Return the columns of a line."""
    return Sums(
        line.existant_etp,
        line.existant_centimes,
        line.cible_etp,
        line.cible_centimes,
        line.montant_centimes,
        line.autres_centimes,
    )


@dataclass(frozen=True, slots=True)
class NatureGroup:
    """The lines of a nature in a volet, in their order."""

    nature: Nature
    lines: list[PlanLine]

    @property
    def sums(self) -> Sums:
        """The sum of the lines."""
        return sums(of_line(line) for line in self.lines)


@dataclass(frozen=True, slots=True)
class BlocGroup:
    """The natures of a block in a volet."""

    bloc: Bloc
    natures: list[NatureGroup]

    @property
    def sums(self) -> Sums:
        """The sum of the natures."""
        return sums(group.sums for group in self.natures)


@dataclass(frozen=True, slots=True)
class VoletPlan:
    """The plan of a volet for a year, against what the State gives to it."""

    volet: Volet
    blocs: list[BlocGroup]
    # The amount of the volet, as the amendment and those before it say.
    plafond: int

    @property
    def sums(self) -> Sums:
        """The sum of the blocks."""
        return sums(bloc.sums for bloc in self.blocs)

    @staticmethod
    def columns(line: PlanLine) -> Sums:
        """Return the columns of a line."""
        return of_line(line)

    @property
    def depassement(self) -> int:
        """What the plan asks beyond the amount of the volet; zero when it keeps within."""
        return max(0, self.sums.montant - self.plafond)

    @property
    def reste(self) -> int:
        """What of the amount is not planned yet; zero when it is all planned, or too much is."""
        return max(0, self.plafond - self.sums.montant)


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a year. Every total is the sum of its parts."""

    annee: int
    volets: list[VoletPlan]
    fiches: dict[uuid.UUID, FicheAction] = field(default_factory=dict)

    @property
    def sums(self) -> Sums:
        """The sum of the volets."""
        return sums(volet.sums for volet in self.volets)

    @property
    def plafond(self) -> int:
        """The amount of the year: the sum of the volets'."""
        return sum(volet.plafond for volet in self.volets)

    @property
    def lines(self) -> list[PlanLine]:
        """The lines in the order of the layout."""
        return [
            line
            for volet in self.volets
            for bloc in volet.blocs
            for group in bloc.natures
            for line in group.lines
        ]

    @property
    def engineering(self) -> int:
        """Hundredths of ETP of engineering aimed at, of the lines that the State pays some of."""
        return sum(
            line.cible_etp
            for line in self.lines
            if line.nature is Nature.INGENIERIE and line.montant_centimes > 0
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """A nature of a volet in the former plan and in this one, what the State pays of it, in cents."""

    volet: Volet
    nature: Nature
    avant: int
    apres: int

    @property
    def ecart(self) -> int:
        """What is more; below zero when less."""
        return self.apres - self.avant


def grouped(
    annee: int,
    lines: Iterable[PlanLine],
    ceilings: Mapping[tuple[int, Volet], int],
    fiches: Mapping[uuid.UUID, FicheAction] | None = None,
) -> Plan:
    """Return the plan that these lines make, in the order of the official layout. Nothing here reads the database."""
    ordered = sorted(lines, key=lambda line: (line.rang, str(line.id)))
    volets = []
    for volet in Volet:
        own = [line for line in ordered if line.volet == volet.value]
        blocs = []
        for bloc in Bloc:
            natures = [
                NatureGroup(nature, found)
                for nature in Nature
                if nature.bloc is bloc and (found := [line for line in own if line.nature is nature])
            ]
            if natures:
                blocs.append(BlocGroup(bloc, natures))
        volets.append(VoletPlan(volet, blocs, ceilings.get((annee, volet), 0)))
    return Plan(annee, volets, dict(fiches or {}))


def of(session: Session, amendment: StateAmendment, annee: int) -> Plan:
    """Return the plan of a year as the amendment sets it, in three statements; without a line when it sets none."""
    lines = lines_of(session, amendment.id, annee)
    fiches = session.exec(
        select(FicheAction).where(
            col(FicheAction.convention_id) == amendment.convention_id, col(FicheAction.annee) == annee
        )
    )
    return grouped(annee, lines, ceilings(session, amendment), {fiche.id: fiche for fiche in fiches})


def ceilings(session: Session, amendment: StateAmendment) -> dict[tuple[int, Volet], int]:
    """Return {(year, volet): cents} as the convention says them with the amendment and those before it."""
    rows = session.execute(
        select(StateAmount)
        .join(StateAmendment, col(StateAmendment.id) == col(StateAmount.amendment_id))
        .where(
            col(StateAmendment.convention_id) == amendment.convention_id,
            col(StateAmendment.numero) <= amendment.numero,
        )
        .order_by(col(StateAmendment.numero))
    ).scalars()
    return {(amount.annee, Volet(amount.volet)): amount.montant_centimes for amount in rows}


def years_of(session: Session, convention: StateConvention) -> range:
    """Return the years that a plan or a sheet may be written for: to the end that an avenant, draft or not, gives."""
    moved = session.exec(
        select(func.max(StateAmendment.date_fin)).where(col(StateAmendment.convention_id) == convention.id)
    ).one()
    return range(convention.date_debut.year, max(convention.date_fin, moved or convention.date_fin).year + 1)


def in_force(
    session: Session, amendment: StateAmendment, *, itself: bool = True
) -> dict[int, StateAmendment]:
    """Return {year: which one holds its plan}, of the amendment and those before it; without itself when asked."""
    rows = session.execute(
        select(StateAmendment, col(PlanLine.annee))
        .join(PlanLine, col(PlanLine.amendment_id) == col(StateAmendment.id))
        .where(
            col(StateAmendment.convention_id) == amendment.convention_id,
            col(StateAmendment.numero) <= amendment.numero
            if itself
            else col(StateAmendment.numero) < amendment.numero,
        )
        .distinct()
    ).all()
    found: dict[int, StateAmendment] = {}
    for owner, annee in sorted(rows, key=lambda row: row[0].numero):
        found[annee] = owner
    return found


def compared(
    session: Session, amendment: StateAmendment, annee: int
) -> tuple[StateAmendment, list[Difference]] | None:
    """Return the one that held the plan of the year before, and what each nature had and has; None when none did."""
    former = in_force(session, amendment, itself=False).get(annee)
    if former is None:
        return None
    before, after = (_by_nature(lines_of(session, one.id, annee)) for one in (former, amendment))
    return former, [
        Difference(volet, nature, before.get((volet, nature), 0), after.get((volet, nature), 0))
        for volet in Volet
        for nature in Nature
        if (volet, nature) in before or (volet, nature) in after
    ]


def problems(session: Session, amendment: StateAmendment) -> list[RuleBroken]:
    """Return why the amendment may not be signed because of the plans that it makes the convention's; empty when it may.

    A plan that goes on from a former one is held against the new amounts too.
    """
    convention = session.get_one(StateConvention, amendment.convention_id)
    owners = in_force(session, amendment)
    amounts = ceilings(session, amendment)
    # What neither this one nor its plan says again stands as it was signed.
    matter = {annee for annee, owner in owners.items() if owner.id == amendment.id} | set(
        session.exec(select(StateAmount.annee).where(col(StateAmount.amendment_id) == amendment.id))
    )
    found: list[RuleBroken] = []
    for annee in sorted(matter & set(owners)):
        owner = owners[annee]
        plan = grouped(annee, lines_of(session, owner.id, annee), amounts)
        said = f"Le plan {annee}" if owner.id == amendment.id else f"Le plan {annee} ({owner.name})"
        found += [RuleBroken(sentence) for sentence in too_much(plan, convention.etp_ingenierie_max, said)]
    return found


def too_much(plan: Plan, etp_max: int | None, said: str = "Ce plan") -> list[str]:
    """Return a sentence for each ceiling that the plan goes beyond: the amount of a volet, the ETP of engineering."""
    found = [
        f"{said} demande {euros(own.sums.montant)} à l’État sur le {own.volet.short.lower()}, pour "
        f"{euros(own.plafond)} : ôtez-en {euros(own.depassement)}, ou augmentez le montant du volet."
        for own in plan.volets
        if own.depassement
    ]
    if etp_max is not None and plan.engineering > etp_max:
        found.append(
            f"{said} vise {etp(plan.engineering)} ETP d’ingénierie, pour {etp(etp_max)} au plus : ôtez-en "
            f"{etp(plan.engineering - etp_max)}."
        )
    return found


def state_of(line: PlanLine) -> int:
    """Return a number that differs when the line differs: what a form bears to tell whether another wrote meanwhile."""
    said = "|".join(repr(getattr(line, name)) for name in FIELDS)
    return zlib.crc32(said.encode()) % 10**9


def lines_of(session: Session, amendment_id: uuid.UUID, annee: int) -> list[PlanLine]:
    """Return the lines that an amendment sets for a year, in their order."""
    return list(
        session.exec(
            select(PlanLine)
            .where(col(PlanLine.amendment_id) == amendment_id, col(PlanLine.annee) == annee)
            .order_by(col(PlanLine.volet), col(PlanLine.rang), col(PlanLine.id))
        )
    )


def _by_nature(lines: Sequence[PlanLine]) -> dict[tuple[Volet, Nature], int]:
    told: dict[tuple[Volet, Nature], int] = {}
    for line in lines:
        key = (Volet(line.volet), line.nature)
        told[key] = told.get(key, 0) + line.montant_centimes
    return told
