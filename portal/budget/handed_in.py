"""What bilans handed in say of each year, held against what the accounts say now. Money is in cents.

A bilan is frozen when it is handed in. When the bilan of an earlier year is corrected afterwards, and leaves more or less
to deduct, the later one goes on saying what it said: the two figures are told wherever either is shown, until the later
one is corrected as well.
"""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import defer
from sqlmodel import Session, col, or_, select

from portal import clock
from portal.budget import checks
from portal.budget.bilan_models import Bilan, BilanKind
from portal.budget.spending_models import PaymentKind
from portal.money import euros


@dataclass(frozen=True, slots=True)
class Told:
    """A bilan that tells all the expenses of its year, and the accounts that it tells by year (empty: not handed in yet)."""

    bilan: Bilan
    comptes: dict[int, dict[str, Any]] = field(default_factory=dict)

    @property
    def left_before(self) -> int | None:
        """What it says that the years before left; None when it tells no account."""
        account = self.comptes.get(self.bilan.annee)
        if account is None:
            return None
        paid = (
            payment["verse"] or 0
            for payment in account["versements"]
            if payment["genre"] == PaymentKind.AVANCE.value
        )
        # What counts as received in advance is what was paid, and all that the years before left.
        return int(account["avance_acquise"]) - sum(paid)


@dataclass(slots=True)
class Known:
    """The bilans of a convention: those that close each year, the first handed in first; those being corrected."""

    told: dict[int, list[Told]] = field(default_factory=dict)
    corrected: dict[int, Bilan] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a bilan handed in, and the same one now."""

    label: str
    remis: int
    maintenant: int

    @property
    def ecart(self) -> int:
        """What it is now beyond what was handed in; below zero when it is less."""
        return self.maintenant - self.remis

    @property
    def sentence(self) -> str:
        """The two figures in words, and their difference."""
        less = "de moins" if self.ecart < 0 else "de plus"
        return (
            f"{self.label} : {euros(self.remis)} dans le bilan remis, {euros(self.maintenant)} maintenant "
            f"({euros(abs(self.ecart))} {less})."
        )


@dataclass(frozen=True, slots=True)
class Gap:
    """What `bilan`, handed in, says of an earlier year (`annee`) that is no longer so."""

    bilan: Bilan
    annee: int
    figures: list[Figure]
    # The bilan of the earlier year is being corrected: its figures may still change.
    being_corrected: bool

    @property
    def title(self) -> str:
        """What the bilan is called."""
        return f"{self.bilan.kind.label} {self.bilan.annee}"

    @property
    def sentence(self) -> str:
        """All its figures in words."""
        return " ".join(figure.sentence for figure in self.figures)


def bilans_of(session: Session, convention_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Known]:
    """Return {convention: its bilans that close a year or did until a correction was asked}, in one statement."""
    found = {id: Known() for id in convention_ids}
    rows = session.execute(
        select(Bilan, col(Bilan.figures)["comptes"])
        .where(col(Bilan.convention_id).in_(list(found)))
        .where(or_(col(Bilan.remis_at).is_not(None), col(Bilan.demande_at).is_not(None)))
        .order_by(col(Bilan.remis_at))
        # Every line as handed in: nobody asks for them here.
        .options(defer(Bilan.figures))  # type: ignore[arg-type]
    )
    for bilan, comptes in rows:
        known = found[bilan.convention_id]
        if checks.closes(bilan):
            accounts = {account["annee"]: account for account in comptes or ()}
            known.told.setdefault(bilan.annee, []).append(Told(bilan, accounts))
        elif bilan.remis_at is None and _closed_before(bilan):
            known.corrected[bilan.annee] = bilan
    for known in found.values():
        for annee in known.told:
            known.corrected.pop(annee, None)
    return found


def _closed_before(bilan: Bilan) -> bool:
    """Say whether a bilan that is corrected closed its year when the correction was asked."""
    asked = bilan.demande_at
    return asked is not None and (
        bilan.kind is BilanKind.FINAL or asked.astimezone(clock.PARIS).date().year > bilan.annee
    )


def gaps_of(told: Told, now: dict[int, tuple[int, int, int]], corrected: Collection[int]) -> list[Gap]:
    """Return what a bilan handed in says of earlier years that is no longer so.

    `now` is {year: (spent, borne by the State, left to deduct)} of the accounts, `corrected` the years whose bilan is
    being corrected.
    """
    found = []
    for annee in sorted(now):
        if annee >= told.bilan.annee:
            continue
        depense, retenu, reporte = now[annee]
        figures: Iterable[Figure] = ()
        said = told.comptes.get(annee)
        if said is not None:
            figures = (
                Figure(f"Dépensé en {annee}", said["depense"], depense),
                Figure(f"Part de l’État retenue en {annee}", said["retenu"], retenu),
                Figure(f"Laissé par {annee}, à déduire de {annee + 1}", said["reporte"], reporte),
            )
        elif annee == told.bilan.annee - 1 and told.left_before is not None:
            figures = (Figure(f"Laissé par {annee}, à déduire de {annee + 1}", told.left_before, reporte),)
        kept = [figure for figure in figures if figure.ecart]
        if kept:
            found.append(Gap(told.bilan, annee, kept, annee in corrected))
    return found
