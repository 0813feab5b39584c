"""The accounts of conventions with the State, year by year: what was spent, what is owed, what was paid, and by when.

Money is in cents. Several conventions are read together in six statements, whatever their number.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from sqlmodel import Session, col, func, select

from portal import clock
from portal.budget import checks, handed_in, terms
from portal.budget.bilan_models import Bilan
from portal.budget.handed_in import Gap, Told
from portal.budget.models import StateConvention, Volet
from portal.budget.settlement import Spent, VoletAccount, YearAccount, settle
from portal.budget.spending_models import Expense, PaymentKind, StatePayment
from portal.conventions.states import ConventionState

# A payment is told as near when it is due within these days.
SOON_DAYS = 15


@dataclass(frozen=True, slots=True)
class Due:
    """A payment of a year: what is due, until when, and how far it went."""

    convention_id: uuid.UUID
    annee: int
    kind: PaymentKind
    montant: int
    # Null: nothing sets it yet (the advance before the signature, the balance before the bilan).
    echeance: date | None
    payment: StatePayment | None

    @property
    def verse(self) -> int:
        """What was paid."""
        return (self.payment.verse_centimes or 0) if self.payment else 0

    @property
    def reste(self) -> int:
        """What is due and not paid yet."""
        return max(0, self.montant - self.verse)

    @property
    def too_much(self) -> bool:
        """True when more was requested than what is due now: the accounts changed since."""
        return self.payment is not None and (self.payment.demande_centimes or 0) > self.montant

    def late_on(self, day: date) -> bool:
        """True when it is due since before `day`, and not paid."""
        return self.waits and self.echeance is not None and self.echeance < day

    def soon_on(self, day: date) -> bool:
        """True when it is due within some days of `day`, and not paid."""
        return (
            self.waits
            and self.echeance is not None
            and day <= self.echeance <= day + timedelta(days=SOON_DAYS)
        )

    @property
    def waits(self) -> bool:
        """True when something is due and the payment is not made."""
        # A payment of less than what is due ends the matter: what is left goes to the balance.
        return self.reste > 0 and (self.payment is None or self.payment.verse_le is None)


@dataclass(frozen=True, slots=True)
class Year:
    """The account of a year with its payments."""

    account: YearAccount
    dues: dict[PaymentKind, Due]
    # The bilan that tells all its expenses, once handed in.
    bilan: Bilan | None
    taux_departement: int
    # The bilan that told them until the State asked for its correction.
    corrected: Bilan | None = None
    # All the bilans that tell them, with what they say.
    told: tuple[Told, ...] = ()

    @property
    def annee(self) -> int:
        """The year."""
        return self.account.annee

    @property
    def closed(self) -> bool:
        """True when its expenses are all known."""
        return self.bilan is not None

    @property
    def tells(self) -> bool:
        """True when the year has credits, expenses, payments or something left to it."""
        account = self.account
        paid = any(due.payment for due in self.dues.values())
        return bool(account.montant or account.depense or account.avance_acquise or paid or self.bilan)

    @property
    def verse(self) -> int:
        """What the State paid, advance and balance."""
        return self.dues[PaymentKind.AVANCE].verse + self.dues[PaymentKind.SOLDE].verse

    @property
    def solutions(self) -> VoletAccount:
        """The account of volet 2, which the département shares."""
        return self.account.volets[Volet.SOLUTIONS]

    @property
    def taux_supporte(self) -> int | None:
        """The département's share of volet 2 as its expenses tell it, in hundredths of a percent; None when there are none.

        What is charged to the State beyond its share is not accepted: the share is told before that, so that an
        expense still missing is seen.
        """
        spent = self.solutions.spent
        return None if spent.total == 0 else (spent.total - spent.part_etat) * 10_000 // spent.total

    @property
    def below_rate(self) -> bool:
        """True when the département's share of volet 2, as its expenses tell it, is below its rate."""
        spent = self.solutions.spent
        return (spent.total - spent.part_etat) * 10_000 < spent.total * self.taux_departement


def of(
    session: Session,
    convention: StateConvention,
    day: date | None = None,
    *,
    as_if: Collection[Bilan] = (),
) -> list[Year]:
    """Return the accounts of each year of a convention as it stands on `day` (today by default), in six statements.

    A draft is counted with what it will say once signed. `as_if` are bilans not handed in, counted as though they were.
    """
    return of_all(session, [convention], day, as_if=as_if)[convention.id]


def of_all(
    session: Session,
    conventions: Collection[StateConvention],
    day: date | None = None,
    *,
    as_if: Collection[Bilan] = (),
) -> dict[uuid.UUID, list[Year]]:
    """Return {convention: its years}, in six statements whatever their number."""
    day = day or clock.today()
    ids = [convention.id for convention in conventions]
    texts = terms.texts_of(session, conventions)
    spent = _spent(session, ids)
    payments: dict[uuid.UUID, dict[tuple[int, PaymentKind], StatePayment]] = {id: {} for id in ids}
    for payment in session.exec(select(StatePayment).where(col(StatePayment.convention_id).in_(ids))):
        payments[payment.convention_id][payment.annee, payment.kind] = payment
    known = handed_in.bilans_of(session, ids)
    for bilan in as_if:
        if checks.closes(bilan):
            known[bilan.convention_id].told.setdefault(bilan.annee, [Told(bilan)])
            known[bilan.convention_id].corrected.pop(bilan.annee, None)
    told = {}
    for convention in conventions:
        says = texts[convention.id].on(None if convention.state is ConventionState.BROUILLON else day)
        told[convention.id] = _years(
            convention,
            says,
            _signed_since(texts[convention.id]),
            spent.get(convention.id, {}),
            payments[convention.id],
            known[convention.id],
        )
    return told


def gaps(years: Collection[Year]) -> list[Gap]:
    """Return what bilans handed in say of earlier years that the accounts no longer say, the earliest bilan first."""
    now = {year.annee: (year.account.depense, year.account.retenu, year.account.reporte) for year in years}
    corrected = {year.annee for year in years if year.corrected is not None}
    return [gap for year in years for told in year.told for gap in handed_in.gaps_of(told, now, corrected)]


def _years(
    convention: StateConvention,
    says: terms.Terms,
    since: dict[int, date],
    spent: dict[tuple[int, Volet], Spent],
    payments: dict[tuple[int, PaymentKind], StatePayment],
    known: handed_in.Known,
) -> list[Year]:
    # Money that was spent or paid for a year is never out of sight, whatever the text says of it now.
    moved = {annee for annee, _ in spent} | {annee for annee, _ in payments}
    years = sorted(set(convention.annees) | set(says.annees) | moved)
    # While its bilan is corrected, a year leaves what it leaves as it stands: nothing is paid for the time being.
    closed = frozenset(annee for annee in years if annee in known.told or annee in known.corrected)

    def really_paid(kind: PaymentKind) -> dict[int, int]:
        return {
            annee: found.verse_centimes
            for annee in years
            if (found := payments.get((annee, kind))) is not None and found.verse_centimes is not None
        }

    accounts = settle(
        years,
        says.amounts,
        spent,
        # A year that is over without an advance leaves nothing of it.
        {annee: 0 for annee in closed} | really_paid(PaymentKind.AVANCE),
        taux_avance=convention.taux_avance,
        arrondi=convention.arrondi_avance,
        taux_departement=convention.taux_departement,
        sous_consommation=convention.sous_consommation,
        closed=closed,
        paid_balances=really_paid(PaymentKind.SOLDE),
        told_left={
            annee: said for annee, told in known.told.items() if (said := told[0].left_before) is not None
        },
    )
    told = []
    for account in accounts:
        mine = known.told.get(account.annee, [])
        bilan = mine[0].bilan if mine else None
        told.append(
            Year(
                account,
                {
                    kind: Due(
                        convention.id,
                        account.annee,
                        kind,
                        _amount_due(account, kind),
                        _echeance(kind, account.annee, since, bilan),
                        payments.get((account.annee, kind)),
                    )
                    for kind in PaymentKind
                },
                bilan,
                convention.taux_departement,
                known.corrected.get(account.annee),
                tuple(mine),
            )
        )
    return told


def _amount_due(account: YearAccount, kind: PaymentKind) -> int:
    return {
        PaymentKind.AVANCE: account.avance_due,
        PaymentKind.SOLDE: account.solde_du,
        PaymentKind.REVERSEMENT: account.reversement,
    }[kind]


def _echeance(kind: PaymentKind, annee: int, since: dict[int, date], bilan: Bilan | None) -> date | None:
    """The advance is due at the signature, the balance and the refund within a month of the bilan (domain §6)."""
    if kind is PaymentKind.AVANCE:
        signed = since.get(annee)
        return None if signed is None else max(signed, date(annee, 1, 1))
    if bilan is None or bilan.remis_at is None:
        return None
    return month_after(bilan.remis_at.astimezone(clock.PARIS).date())


def month_after(day: date) -> date:
    """Return the same day of the month after, or its last day when there is none."""
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    following = date(year + month // 12, month % 12 + 1, 1)
    return date(year, month, min(day.day, (following - timedelta(days=1)).day))


def _signed_since(texts: terms.Texts) -> dict[int, date]:
    """Return the day from which each year has an amount that was signed."""
    signed = {a.id: a.signe_le for a in texts.amendments if a.signe_le is not None}
    since: dict[int, date] = {}
    for amount in texts.amounts:
        day = signed.get(amount.amendment_id)
        if day is not None and (amount.annee not in since or day < since[amount.annee]):
            since[amount.annee] = day
    return since


def _spent(session: Session, ids: list[uuid.UUID]) -> dict[uuid.UUID, dict[tuple[int, Volet], Spent]]:
    """Return {convention: {(year, volet): what was spent}}, what is kept apart left out."""
    rows = session.execute(
        select(  # type: ignore[call-overload]
            col(Expense.convention_id),
            col(Expense.annee),
            col(Expense.volet),
            func.sum(col(Expense.montant_centimes)),
            func.sum(col(Expense.part_etat_centimes)),
        )
        .where(col(Expense.convention_id).in_(ids), col(Expense.hors_convention).is_(False))
        .group_by(col(Expense.convention_id), col(Expense.annee), col(Expense.volet))
    )
    found: dict[uuid.UUID, dict[tuple[int, Volet], Spent]] = {}
    for owner, annee, volet, total, part in rows:
        found.setdefault(owner, {})[annee, Volet(volet)] = Spent(int(total), int(part))
    return found
