"""Payments between the State and the département: requested, validated, paid. Money is in cents.

The balance and the refund wait for the bilan; nothing is requested beyond what is due, validated beyond what was
requested, nor paid beyond what was validated (domain §6).
"""

import uuid
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import User
from portal.budget import accounts as reading
from portal.budget import agreement, checks, history, queries
from portal.budget.accounts import Due, Year
from portal.budget.accounts import of as accounts
from portal.budget.models import BudgetDocument, StateConvention
from portal.budget.spending_models import PaymentKind, StatePayment
from portal.errors import AlreadyDone, RuleBroken
from portal.money import euros

__all__ = ["Due", "PaymentDue", "Step", "Year", "accounts", "due_on", "next_step", "take_step", "undo_step"]


class Step(StrEnum):
    """The three steps of a payment, in order; the values begin the names of the columns."""

    DEMANDE = "demande"
    VALIDE = "valide"
    VERSE = "verse"

    @property
    def label(self) -> str:
        """The step as the interface says it."""
        return {"demande": "Demandé", "valide": "Validé", "verse": "Versé"}[self.value]

    @property
    def act(self) -> str:
        """What one does to take it, as a button says it."""
        return {
            "demande": "Écrire la demande",
            "valide": "Écrire la validation",
            "verse": "Écrire le versement",
        }[self.value]

    @property
    def noun(self) -> str:
        """The step with its article."""
        return {"demande": "la demande", "valide": "la validation", "verse": "le versement"}[self.value]


STEPS = list(Step)


@dataclass(frozen=True, slots=True)
class PaymentDue:
    """A payment that is due and not made: `kind` names it ("avance-2024"), `sujet_id` is the convention."""

    kind: str
    sujet_id: uuid.UUID
    echeance_le: date
    numero: str
    intitule: str
    annee: int
    payment: PaymentKind
    montant: int


def due_on(session: Session, day: date) -> list[PaymentDue]:
    """Return every payment due and not made, seen on `day`: late ones and those to come, the earliest first.

    Conventions signed, or ended before their time; in seven statements whatever their number.
    """
    conventions = queries.followed(session)
    if not conventions:
        return []
    told = reading.of_all(session, conventions, day)
    found = [
        PaymentDue(
            f"{due.kind.value}-{due.annee}",
            convention.id,
            due.echeance,
            convention.numero,
            convention.intitule,
            due.annee,
            due.kind,
            due.reste,
        )
        for convention in conventions
        for year in told[convention.id]
        for due in year.dues.values()
        if due.waits and due.echeance is not None
    ]
    return sorted(found, key=lambda due: (due.echeance_le, due.numero, due.kind))


def next_step(payment: StatePayment | None) -> Step | None:
    """Return the step that a payment waits for; None once it is paid."""
    return next((step for step in STEPS if payment is None or day_of(payment, step) is None), None)


def day_of(payment: StatePayment, step: Step) -> date | None:
    """Return the day of a step."""
    day: date | None = getattr(payment, f"{step.value}_le")
    return day


def amount_of(payment: StatePayment, step: Step) -> int | None:
    """Return the cents of a step."""
    cents: int | None = getattr(payment, f"{step.value}_centimes")
    return cents


def take_step(
    session: Session,
    convention: StateConvention,
    annee: int,
    kind: PaymentKind,
    step: Step,
    *,
    le: date,
    centimes: int,
    reference: str | None,
    by: User | None,
    version: int | None = None,
) -> StatePayment:
    """Write a step of a payment (requested, validated, paid), or correct it, and return the payment.

    `version` is that of the payment when the page was opened, 0 when there was none: raises ChangedMeanwhile when it
    is another. Raises NotAllowed, and RuleBroken when the convention is a draft or closed, when the step before is not
    taken, when a day comes before the signature or that of the step before (or is to come), or when an amount is beyond what it may be.
    A second press changes nothing.
    """
    checks.check_officer(by)
    # Two people at once would each see the sum left by the other.
    convention = checks.take(session, convention)
    checks.check_signed(convention)
    payment = _of(session, convention, annee, kind)
    values = {
        f"{step.value}_le": le,
        f"{step.value}_centimes": centimes,
        f"{step.value}_reference": (reference or "").strip() or None,
    }
    if payment is not None and not history.changed(payment, values):
        return payment
    if version is not None and version != (payment.version if payment else 0):
        # In one sentence for a payment that did not exist and for one that changed.
        checks.check_version(payment or _NOTHING, version)
    before = {name: getattr(payment, name, None) for name in values}
    _check_days(agreement.initial_text(session, convention).signe_le, payment, step, le)
    _check_amounts(session, convention, annee, kind, payment, step, centimes)
    if payment is None:
        payment = StatePayment(convention_id=convention.id, annee=annee, kind=kind, version=0)
    for name, value in values.items():
        setattr(payment, name, value)
    payment.version += 1
    session.add(payment)
    session.flush()
    history.record(
        session,
        convention,
        f"{kind.label} {annee} : {step.noun.removeprefix('la ').removeprefix('le ')} ({euros(centimes)})",
        by=by,
        detail={name: (before[name], value) for name, value in values.items() if before[name] != value},
    )
    return payment


def undo_step(
    session: Session,
    convention: StateConvention,
    annee: int,
    kind: PaymentKind,
    *,
    motif: str,
    by: User | None,
    version: int | None = None,
) -> StatePayment | None:
    """Take away the last step of a payment, typed by mistake, and return what is left of it (None: nothing).

    Raises AlreadyDone when there is none, RuleBroken without a reason, and as `take_step` does.
    """
    checks.check_officer(by)
    convention = checks.take(session, convention)
    checks.check_signed(convention)
    payment = _of(session, convention, annee, kind)
    if payment is None:
        raise AlreadyDone("Ce versement n’a plus rien à annuler.")
    checks.check_version(payment, version)
    if not motif.strip():
        raise RuleBroken("Écrivez pourquoi, par exemple « erreur de saisie ».", field="motif")
    step = [step for step in STEPS if day_of(payment, step) is not None][-1]
    gone: dict[str, tuple[Any, Any]] = {
        name: (getattr(payment, name), None)
        for name in (f"{step.value}_le", f"{step.value}_centimes", f"{step.value}_reference")
        if getattr(payment, name) is not None
    }
    left: StatePayment | None = payment
    if step is Step.DEMANDE:
        proofs = select(BudgetDocument.id).where(col(BudgetDocument.payment_id) == payment.id).limit(1)
        if session.exec(proofs).first() is not None:
            raise RuleBroken("Des documents prouvent ce versement : retirez-les d’abord.")
        session.delete(payment)
        left = None
    else:
        for name in gone:
            setattr(payment, name, None)
        payment.version += 1
    session.flush()
    history.record(
        session,
        convention,
        f"{kind.label} {annee} : {step.noun} annulée"
        if step is not Step.VERSE
        else f"{kind.label} {annee} : {step.noun} annulé",
        by=by,
        motif=motif,
        detail=gone,
    )
    return left


class _Nothing:
    version = 0


_NOTHING = _Nothing()


def _of(session: Session, convention: StateConvention, annee: int, kind: PaymentKind) -> StatePayment | None:
    return session.exec(
        select(StatePayment)
        .where(
            col(StatePayment.convention_id) == convention.id,
            col(StatePayment.annee) == annee,
            col(StatePayment.kind) == kind,
        )
        .execution_options(populate_existing=True)
    ).one_or_none()


def _check_days(signed: date | None, payment: StatePayment | None, step: Step, le: date) -> None:
    field = "le"
    if le > clock.today():
        raise RuleBroken("Ce jour est à venir : écrivez-le une fois venu.", field=field)
    if signed is not None and le < signed:
        raise RuleBroken(
            f"La convention est signée du {signed:%d/%m/%Y} : rien ne se demande ni ne se verse avant.",
            field=field,
        )
    place = STEPS.index(step)
    if place:
        former = STEPS[place - 1]
        day = day_of(payment, former) if payment else None
        if day is None:
            raise RuleBroken(f"Écrivez d’abord {former.noun}.")
        if le < day:
            raise RuleBroken(
                f"Ce jour vient avant {former.noun}, du {day:%d/%m/%Y} : relisez les deux.", field=field
            )
    if payment is not None and place + 1 < len(STEPS):
        following = STEPS[place + 1]
        day = day_of(payment, following)
        if day is not None and le > day:
            raise RuleBroken(
                f"Ce jour vient après {following.noun}, du {day:%d/%m/%Y} : relisez les deux.", field=field
            )


def _check_amounts(
    session: Session,
    convention: StateConvention,
    annee: int,
    kind: PaymentKind,
    payment: StatePayment | None,
    step: Step,
    centimes: int,
) -> None:
    field = "montant"
    if centimes < 0 or (centimes == 0 and step is Step.DEMANDE):
        raise RuleBroken("Écrivez un montant au-dessus de zéro.", field=field)
    place = STEPS.index(step)
    if place:
        former = STEPS[place - 1]
        most = (amount_of(payment, former) or 0) if payment else 0
        if centimes > most:
            raise RuleBroken(
                f"C’est {euros(centimes - most)} de plus que {former.noun}, de {euros(most)} : relisez le montant.",
                field=field,
            )
    if payment is not None and place + 1 < len(STEPS):
        following = STEPS[place + 1]
        least = amount_of(payment, following)
        if least is not None and centimes < least:
            raise RuleBroken(
                f"C’est moins que {following.noun}, de {euros(least)} : corrigez-le d’abord, ou relisez le montant.",
                field=field,
            )
    if step is Step.DEMANDE:
        due = _due(session, convention, annee, kind)
        if centimes > due.montant:
            raise RuleBroken(
                f"Pour {annee}, {_SAYS[kind]} est de {euros(due.montant)} : c’est "
                f"{euros(centimes - due.montant)} de trop.",
                field=field,
            )


def _due(session: Session, convention: StateConvention, annee: int, kind: PaymentKind) -> Due:
    """Return what is due now. Raises RuleBroken when nothing may be requested yet."""
    year = next((year for year in accounts(session, convention) if year.annee == annee), None)
    if year is None:
        raise RuleBroken(f"L’année {annee} n’est pas de cette convention.")
    if kind is PaymentKind.AVANCE and year.closed:
        raise RuleBroken(f"Le bilan {annee} est remis : l’avance ne se demande plus, demandez le solde.")
    if kind is not PaymentKind.AVANCE and not year.closed:
        raise RuleBroken(
            f"{_SAYS[kind].capitalize()} {annee} attend le bilan : remettez-le d’abord à l’État."
        )
    return year.dues[kind]


_SAYS = {
    PaymentKind.AVANCE: "l’avance due",
    PaymentKind.SOLDE: "le solde dû",
    PaymentKind.REVERSEMENT: "le reversement dû",
}
