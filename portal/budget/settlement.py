"""What the State owes the département for each year, to the cent: advance, balance, deduction, refund (domain §6).

Nothing here reads the database. Money is in cents, rates in hundredths of a percent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from portal.budget.models import Rounding, UnderConsumption, Volet


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent on a volet in a year, expenses kept apart left out."""

    # The whole of the expenses, whoever pays.
    total: int
    # What of them is charged to the State's credits.
    part_etat: int


@dataclass(frozen=True, slots=True)
class VoletAccount:
    """The account of a volet for a year."""

    montant: int
    spent: Spent
    retenu: int

    @property
    def disponible(self) -> int:
        """What is left of the volet's credits; never lent to another volet."""
        return self.montant - self.retenu

    @property
    def part_departement(self) -> int:
        """What the département bears of the volet."""
        return self.spent.total - self.retenu

    @property
    def non_retenu(self) -> int:
        """What was charged to the State and is not accepted: above the ceiling, or above its share."""
        return self.spent.part_etat - self.retenu


@dataclass(frozen=True, slots=True)
class YearAccount:
    """What is owed for a year, and why."""

    annee: int
    volets: dict[Volet, VoletAccount]
    montant: int
    # The rate times the amount, rounded; then what the year before leaves to deduct.
    avance_brute: int
    deduction: int
    avance_due: int
    # What counts as received in advance: what was paid (or is due when nothing was yet), and all that the years
    # before left, deducted or not.
    avance_acquise: int
    retenu: int
    # The whole of the balance, whether or not it was paid.
    solde_du: int
    # Received beyond what was spent, and where it goes.
    trop_percu: int
    reporte: int
    reversement: int
    # What the years before left, as this year counts it (its bilan's word once handed in), and as they leave it now.
    repris: int = 0
    laisse: int = 0

    @property
    def depense(self) -> int:
        """The whole of the year's expenses, whoever pays."""
        return sum(account.spent.total for account in self.volets.values())

    @property
    def part_departement(self) -> int:
        """What the département bears of them."""
        return sum(account.part_departement for account in self.volets.values())

    @property
    def disponible(self) -> int:
        """What is left of the volets' credits together; none lends to another."""
        return sum(account.disponible for account in self.volets.values())


def advance(montant: int, taux: int, arrondi: Rounding) -> int:
    """Return the advance in cents on `montant` cents at `taux`, rounded as the convention says (halves upward)."""
    exact = montant * taux
    if arrondi is Rounding.CENTIME:
        return (exact + 5_000) // 10_000
    if arrondi is Rounding.EURO_INFERIEUR:
        return exact // 1_000_000 * 100
    return (exact + 500_000) // 1_000_000 * 100


def retained(volet: Volet, montant: int, spent: Spent, taux_departement: int) -> int:
    """Return what the State bears of a volet's expenses: within its credits and, on volet 2, within its share.

    The département bears `taux_departement` of the whole of volet 2 (domain §6).
    """
    kept = min(spent.part_etat, montant)
    if volet is Volet.SOLUTIONS:
        # Rounded in favour of the State: the département's share is never below its rate.
        kept = min(kept, spent.total * (10_000 - taux_departement) // 10_000)
    return kept


def settle(
    years: Sequence[int],
    amounts: Mapping[tuple[int, Volet], int],
    spent: Mapping[tuple[int, Volet], Spent],
    paid_advances: Mapping[int, int],
    *,
    taux_avance: int,
    arrondi: Rounding,
    taux_departement: int,
    sous_consommation: UnderConsumption,
    closed: frozenset[int] = frozenset(),
    paid_balances: Mapping[int, int] | None = None,
    told_left: Mapping[int, int] | None = None,
) -> list[YearAccount]:
    """Return the account of each year, in order.

    `paid_advances` are what the State really paid in advance; a year that is absent counts what is due.
    `paid_balances` are the balances really paid: one that turns out too big is received beyond what was spent. `closed`
    are the years whose expenses are all known: only they leave something to deduct or to give back. What the last year
    leaves is always given back: no year follows to deduct it from. `told_left` is what the bilan of a year, handed in,
    says that the years before left: such a year counts that, whatever they leave now.
    """
    balances = paid_balances or {}
    frozen = told_left or {}
    told: list[YearAccount] = []
    left = 0
    for place, annee in enumerate(years):
        volets = {}
        for volet in Volet:
            here = spent.get((annee, volet), Spent(0, 0))
            ceiling = amounts.get((annee, volet), 0)
            volets[volet] = VoletAccount(ceiling, here, retained(volet, ceiling, here, taux_departement))
        montant = sum(account.montant for account in volets.values())
        gross = advance(montant, taux_avance, arrondi)
        carried = frozen.get(annee, left)
        deducted = min(carried, gross)
        due = gross - deducted
        # What an advance too small cannot take is in the département's hands all the same.
        had = paid_advances.get(annee, due) + carried
        kept = sum(account.retenu for account in volets.values())
        over = max(0, had + balances.get(annee, 0) - kept) if annee in closed else 0
        last = place == len(years) - 1
        deduct = sous_consommation is UnderConsumption.DEDUITE and not last
        told.append(
            YearAccount(
                annee=annee,
                volets=volets,
                montant=montant,
                avance_brute=gross,
                deduction=deducted,
                avance_due=due,
                avance_acquise=had,
                retenu=kept,
                solde_du=max(0, kept - had),
                trop_percu=over,
                reporte=over if deduct else 0,
                reversement=0 if deduct else over,
                repris=carried,
                laisse=left,
            )
        )
        left = over if deduct else 0
    return told
