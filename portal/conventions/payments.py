"""What the département pays a partner: planned, then paid. Money is in cents.

What is planned or paid never goes beyond the amount of the convention, its amendments in. A payment may be made after
the end, until the convention is closed: the last one usually waits for the final report.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import User
from portal.conventions import amendments, history
from portal.conventions.engagements import ConventionAmendment, ConventionDocument, PartnerPayment
from portal.conventions.models import Convention, FinancedAction
from portal.conventions.states import ConventionState
from portal.conventions.writing import check_officer, check_version, take, written_before
from portal.errors import AlreadyDone, RuleBroken
from portal.money import euros

# Days after the end beyond which a day of payment is a slip of the keyboard.
_LATEST = timedelta(days=730)


def of_convention(session: Session, convention_id: uuid.UUID) -> list[PartnerPayment]:
    """Return the payments of a convention by the day they are planned for, in one statement."""
    return list(
        session.exec(
            select(PartnerPayment)
            .where(col(PartnerPayment.convention_id) == convention_id)
            .order_by(col(PartnerPayment.prevu_le), col(PartnerPayment.id))
        )
    )


def one(session: Session, convention: Convention, payment_id: uuid.UUID) -> PartnerPayment:
    """Return a payment of this convention as it is now. Raises AlreadyDone when it is gone, or another's."""
    payment = session.exec(
        select(PartnerPayment)
        .where(col(PartnerPayment.id) == payment_id, col(PartnerPayment.convention_id) == convention.id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if payment is None:
        raise AlreadyDone("Ce versement n’est plus dans le calendrier de la convention.")
    return payment


def engaged(payment: PartnerPayment) -> int:
    """Return the cents that a payment takes of the convention: what was paid, else what is planned."""
    return payment.montant_centimes if payment.verse_centimes is None else payment.verse_centimes


def total_paid(payments: Iterable[PartnerPayment]) -> int:
    """Return the cents paid."""
    return sum(payment.verse_centimes or 0 for payment in payments)


def to_come(payments: Iterable[PartnerPayment]) -> int:
    """Return the cents planned and not paid yet."""
    return sum(payment.montant_centimes for payment in payments if payment.verse_centimes is None)


def plan(
    session: Session,
    convention: Convention,
    values: Mapping[str, Any],
    *,
    by: User | None,
    id: uuid.UUID | None = None,
) -> PartnerPayment:
    """Plan a payment from `values` (intitule, prevu_le, montant_centimes, action_id or None) and return it.

    `id` is made with the form: a second press returns the payment already planned. Raises NotAllowed; AlreadyDone when
    the convention is closed; RuleBroken, at its field, for an amount of nothing, a day far from the period, an action of
    another convention, or when the payments together would go beyond the amount of the convention.
    """
    check_officer(by)
    take(session, convention)
    written = written_before(session, PartnerPayment, id, convention.id)
    if written is not None:
        return written
    check_not_closed(convention)
    _check(session, convention, values)
    made = PartnerPayment(convention_id=convention.id, **_kept(values))
    if id is not None:
        made.id = id
    _check_total(session, convention, made, made.montant_centimes)
    session.add(made)
    history.record(
        session,
        convention,
        f"Versement prévu : {made.intitule}"[:150],
        by=by,
        detail={"montant_centimes": (None, made.montant_centimes), "prevu_le": (None, made.prevu_le)},
    )
    session.flush()
    return made


def change(
    session: Session,
    convention: Convention,
    payment_id: uuid.UUID,
    values: Mapping[str, Any],
    *,
    by: User | None,
    version: int | None = None,
) -> PartnerPayment:
    """Change a payment that is not made yet (`values` as for `plan`) and return it.

    Raises as `plan`; AlreadyDone too when it is paid or gone; ChangedMeanwhile when it has another version.
    """
    check_officer(by)
    take(session, convention)
    payment = one(session, convention, payment_id)
    if payment.verse_le is not None:
        raise AlreadyDone("Ce versement est fait : corrigez ce qui est versé, ou annulez-le d’abord.")
    check_not_closed(convention)
    check_version(payment, version, "ce versement")
    _check(session, convention, values)
    kept = _kept(values)
    changed = history.changed(payment, kept)
    if not changed:
        return payment
    _check_total(session, convention, payment, kept["montant_centimes"])
    for name, value in kept.items():
        setattr(payment, name, value)
    payment.version += 1
    if "action_id" in changed:
        # Ids say nothing to anybody.
        del changed["action_id"]
    history.record(
        session, convention, f"Versement modifié : {payment.intitule}"[:150], by=by, detail=changed
    )
    session.flush()
    return payment


def pay(
    session: Session,
    convention: Convention,
    payment_id: uuid.UUID,
    *,
    verse_le: date,
    verse_centimes: int,
    reference: str | None,
    by: User | None,
    version: int | None = None,
) -> PartnerPayment:
    """Write that a payment was made, or correct what was written, and return it.

    Raises NotAllowed; AlreadyDone when the convention is closed or the payment is gone; ChangedMeanwhile; RuleBroken, at
    its field, for a draft, a day to come or before the signature, nothing paid, or more paid than the convention says.
    """
    check_officer(by)
    take(session, convention)
    payment = one(session, convention, payment_id)
    values = {
        "verse_le": verse_le,
        "verse_centimes": verse_centimes,
        "reference": (reference or "").strip() or None,
    }
    changed = history.changed(payment, values)
    if not changed:
        return payment
    check_not_closed(convention)
    check_version(payment, version, "ce versement")
    if convention.state is ConventionState.BROUILLON or convention.signee_le is None:
        raise RuleBroken("Cette convention est un brouillon : rien ne se verse avant la signature.")
    if verse_le > clock.today():
        raise RuleBroken("Ce jour est à venir : un versement s’inscrit une fois fait.", field="verse_le")
    if verse_le < convention.signee_le:
        raise RuleBroken(
            f"La convention est signée du {convention.signee_le:%d/%m/%Y} : rien ne se verse avant.",
            field="verse_le",
        )
    if verse_centimes <= 0:
        raise RuleBroken("Écrivez un montant au-dessus de zéro.", field="montant")
    _check_total(session, convention, payment, verse_centimes)
    _check_paid(session, convention, payment, verse_le, verse_centimes)
    fact = "Versement fait" if payment.verse_le is None else "Versement corrigé"
    for name, value in values.items():
        setattr(payment, name, value)
    payment.version += 1
    history.record(session, convention, f"{fact} : {payment.intitule}"[:150], by=by, detail=changed)
    session.flush()
    return payment


def undo(
    session: Session,
    convention: Convention,
    payment_id: uuid.UUID,
    *,
    motif: str,
    by: User | None,
    version: int | None = None,
) -> PartnerPayment:
    """Take away that a payment was made, written by mistake; it is planned again. Return it.

    Raises RuleBroken without a reason, AlreadyDone when it is not paid, and as `pay` does.
    """
    check_officer(by)
    take(session, convention)
    payment = one(session, convention, payment_id)
    if payment.verse_le is None:
        raise AlreadyDone("Ce versement n’est pas fait : il n’y a rien à annuler.")
    check_not_closed(convention)
    check_version(payment, version, "ce versement")
    if not motif.strip():
        raise RuleBroken("Écrivez pourquoi, par exemple « erreur de saisie ».", field="motif")
    _check_total(session, convention, payment, payment.montant_centimes)
    gone = {
        name: (getattr(payment, name), None)
        for name in ("verse_le", "verse_centimes", "reference")
        if getattr(payment, name) is not None
    }
    for name in gone:
        setattr(payment, name, None)
    payment.version += 1
    history.record(
        session,
        convention,
        f"Versement annulé : {payment.intitule}"[:150],
        by=by,
        motif=motif,
        detail=gone,
    )
    session.flush()
    return payment


def remove(
    session: Session,
    convention: Convention,
    payment_id: uuid.UUID,
    *,
    by: User | None,
    version: int | None = None,
) -> str:
    """Take a planned payment away and return its title.

    Raises AlreadyDone when it is paid or gone; ChangedMeanwhile; RuleBroken as long as documents are joined to it.
    """
    check_officer(by)
    take(session, convention)
    payment = one(session, convention, payment_id)
    check_not_closed(convention)
    if payment.verse_le is not None:
        raise AlreadyDone("Ce versement est fait : il ne s’ôte pas du calendrier.")
    check_version(payment, version, "ce versement")
    joined = select(ConventionDocument.id).where(col(ConventionDocument.payment_id) == payment.id).limit(1)
    if session.exec(joined).first() is not None:
        raise RuleBroken("Des documents sont joints à ce versement : retirez-les d’abord.")
    session.delete(payment)
    history.record(
        session,
        convention,
        f"Versement ôté du calendrier : {payment.intitule}"[:150],
        by=by,
        detail={"montant_centimes": (payment.montant_centimes, None), "prevu_le": (payment.prevu_le, None)},
    )
    session.flush()
    return payment.intitule


def check_not_closed(convention: Convention) -> None:
    """Raise AlreadyDone when the convention is closed: what is paid or owed no longer changes."""
    if convention.state is ConventionState.CLOSE:
        raise AlreadyDone(
            "Cette convention est close : elle se lit, et ne change plus. Rouvrez-la d’abord si c’était une erreur."
        )


def least_left(
    convention: Convention,
    written: Sequence[ConventionAmendment],
    paid: Iterable[tuple[date, int]],
) -> int:
    """Return the least that the convention ever leaves over what was paid by then: below zero, too much was paid.

    `paid` holds (day, cents). The amount of a day has in it the amendments that count by then.
    """
    lines = list(paid)
    days = {day for day, _ in lines}
    days |= {one.effet_le for one in written if days and one.effet_le > min(days)}
    return min(
        (
            amendments.amount_on(convention, written, day)
            - sum(cents for when, cents in lines if when <= day)
            for day in days
        ),
        default=0,
    )


def _kept(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "intitule": (values.get("intitule") or "").strip(),
        "prevu_le": values["prevu_le"],
        "montant_centimes": values["montant_centimes"],
        "action_id": values.get("action_id"),
    }


def _check(session: Session, convention: Convention, values: Mapping[str, Any]) -> None:
    if not (values.get("intitule") or "").strip():
        raise RuleBroken("Écrivez l’intitulé du versement, par exemple « Acompte ».", field="intitule")
    if values["montant_centimes"] <= 0:
        raise RuleBroken("Écrivez un montant au-dessus de zéro.", field="montant")
    first = min(convention.date_debut, convention.signee_le or convention.date_debut)
    last = convention.date_fin + _LATEST
    if not first <= values["prevu_le"] <= last:
        raise RuleBroken(
            f"Choisissez un jour entre le {first:%d/%m/%Y} et le {last:%d/%m/%Y}.", field="prevu_le"
        )
    action_id = values.get("action_id")
    if action_id is not None:
        action = session.get(FinancedAction, action_id)
        if action is None or action.convention_id != convention.id:
            raise RuleBroken("Choisissez une action de cette convention.", field="action_id")


def _check_total(session: Session, convention: Convention, payment: PartnerPayment, cents: int) -> None:
    """Refuse a payment that would bring the whole beyond the amount of the convention, amendments to come included."""
    others = sum(engaged(other) for other in of_convention(session, convention.id) if other.id != payment.id)
    whole = amendments.amount_in_the_end(convention, amendments.of_convention(session, convention.id))
    if others + cents > whole:
        raise RuleBroken(
            f"La convention est de {euros(whole)}, et les autres versements en prennent {euros(others)} : "
            f"c’est {euros(others + cents - whole)} de trop.",
            field="montant",
        )


def _check_paid(
    session: Session, convention: Convention, payment: PartnerPayment, verse_le: date, cents: int
) -> None:
    """Refuse to pay, on any day, more than what the convention said by then."""
    lines = [
        (other.verse_le, other.verse_centimes)
        for other in of_convention(session, convention.id)
        if other.id != payment.id and other.verse_le is not None and other.verse_centimes is not None
    ]
    written = amendments.of_convention(session, convention.id)
    left = least_left(convention, written, [*lines, (verse_le, cents)])
    if left < 0 and left < least_left(convention, written, lines):
        raise RuleBroken(
            f"Le partenaire aurait alors reçu {euros(-left)} de plus que le montant de la convention à cette date : "
            "l’avenant qui l’augmente compte à partir d’un autre jour.",
            field="montant",
        )
