"""The convention with the State: written as a draft, signed, closed, opened again, ended before its time."""

import uuid
from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select

from portal import clock
from portal.accounts.models import User
from portal.budget import bilans, checks, history, plan
from portal.budget.models import StateAmendment, StateAmount, StateConvention
from portal.budget.spending_models import Expense, StatePayment
from portal.conventions.states import ConventionState, Standing
from portal.errors import AlreadyDone, RuleBroken

# What only an avenant changes once the convention is signed.
_SET = (
    "numero",
    "intitule",
    "date_debut",
    "date_fin",
    "etat",
    "etat_signataire",
    "departement",
    "departement_signataire",
    "taux_avance",
    "arrondi_avance",
    "sous_consommation",
    "taux_departement",
    "etp_ingenierie_max",
)
# What changes along the life of a convention without any avenant: imputation, accountant, bank details, grace.
MOVING = (
    "programme",
    "action",
    "sous_action",
    "activite",
    "groupe_marchandises",
    "centre_financier",
    "centre_cout",
    "engagement_juridique",
    "ordonnateur",
    "comptable",
    "titulaire",
    "iban",
    "bic",
    "grace_jours",
)
FIELDS = (*_SET, *MOVING)
# Everybody who reads the convention reads its history, not everybody the bank details.
_HIDDEN = frozenset({"titulaire", "iban", "bic"})

_TAKEN = "Une autre convention avec l’État porte déjà ce numéro."
CLOSED = "Cette convention est close : plus rien ne s’y écrit. Rouvrez-la d’abord, en disant pourquoi."


def create(
    session: Session,
    values: Mapping[str, Any],
    *,
    objet: str,
    cible: str | None = None,
    by: User | None,
    id: uuid.UUID | None = None,
) -> StateConvention:
    """Write a draft from `values` (FIELDS, those left out taking their default), and its initial text without amounts.

    `id` is made with the form: a second press bears the same one and returns the convention already written. Raises
    NotAllowed; RuleBroken, with its field, for a number taken or a period that ends before it begins.
    """
    checks.check_officer(by)
    written = session.get(StateConvention, id) if id is not None else None
    if written is not None:
        return written
    kept = {name: values[name] for name in FIELDS if name in values}
    _check_identity(session, kept, None)
    convention = StateConvention(**kept)
    if id is not None:
        convention.id = id
    try:
        with session.begin_nested():
            session.add(convention)
    except IntegrityError:
        # Written by the first press, or the number taken, between our look and our writing.
        written = session.get(StateConvention, id) if id is not None else None
        if written is None:
            raise RuleBroken(_TAKEN, field="numero") from None
        return written
    session.add(
        StateAmendment(
            convention_id=convention.id, numero=0, objet=objet, cible=cible, by_id=by.id if by else None
        )
    )
    history.record(session, convention, "Convention écrite (brouillon)", by=by)
    session.flush()
    return convention


def change(
    session: Session,
    convention: StateConvention,
    values: Mapping[str, Any],
    *,
    by: User | None,
    version: int | None = None,
) -> None:
    """Give the convention these values: FIELDS for a draft, MOVING once it is signed.

    Raises NotAllowed; AlreadyDone when it is closed; ChangedMeanwhile when it is no longer in `version`; RuleBroken,
    with its field, for a number taken, a period that ends before it begins or leaves out a year that has an amount,
    or what an avenant alone changes.
    """
    checks.check_officer(by)
    checks.take(session, convention)
    if convention.state is ConventionState.CLOSE:
        raise AlreadyDone(CLOSED)
    changes = history.changed(convention, {name: values[name] for name in FIELDS if name in values})
    if not changes:
        return
    checks.check_version(convention, version)
    if convention.state is not ConventionState.BROUILLON:
        for name in changes:
            if name not in MOVING:
                raise RuleBroken(
                    "La convention est signée : ceci ne change que par un avenant.",
                    field=name,
                )
    kept = {name: new for name, (_, new) in changes.items()}
    _check_identity(session, {name: kept.get(name, getattr(convention, name)) for name in FIELDS}, convention)
    for name, value in kept.items():
        setattr(convention, name, value)
    convention.version += 1
    history.record(
        session,
        convention,
        "Convention modifiée",
        by=by,
        detail={name: ("…", "changé") if name in _HIDDEN else pair for name, pair in changes.items()},
    )
    session.flush()


def sign(
    session: Session,
    convention: StateConvention,
    *,
    signe_le: date,
    by: User | None,
    version: int | None = None,
) -> None:
    """Write that the convention was signed on `signe_le`; its initial text, amounts and plan no longer change.

    Raises NotAllowed; AlreadyDone when it is signed; ChangedMeanwhile; RuleBroken, at "signe_le" for a day to come or
    after the end of the convention, and when it has no amount or its plan does not hold (`problems`).
    """
    checks.check_officer(by)
    checks.take(session, convention)
    if convention.state is not ConventionState.BROUILLON:
        raise AlreadyDone("Cette convention est déjà signée.")
    checks.check_version(convention, version)
    check_day_came(signe_le)
    if signe_le > convention.date_fin:
        raise RuleBroken(
            f"La convention finit le {convention.date_fin:%d/%m/%Y} : elle est signée avant.",
            field="signe_le",
        )
    initial = initial_text(session, convention)
    amounts = session.exec(select(StateAmount).where(col(StateAmount.amendment_id) == initial.id)).all()
    if not any(amount.montant_centimes for amount in amounts):
        raise RuleBroken("Cette convention n’a pas encore de montant : écrivez-le avant de la signer.")
    for problem in plan.problems(session, initial):
        raise problem
    initial.signe_le, initial.date_fin = signe_le, convention.date_fin
    initial.version += 1
    convention.state = ConventionState.SIGNEE
    convention.version += 1
    history.record(
        session, convention, "Convention signée", by=by, detail={"signe_le": (None, signe_le.isoformat())}
    )
    session.flush()


def close(
    session: Session,
    convention: StateConvention,
    *,
    by: User | None,
    motif: str | None = None,
    version: int | None = None,
) -> None:
    """Close a convention that is over: nothing of it changes any more.

    Raises NotAllowed; AlreadyDone when it is closed; ChangedMeanwhile; RuleBroken for a draft, before its end, or while
    an avenant is a draft: nobody could sign it any more, nor take it away.
    """
    checks.check_officer(by)
    checks.take(session, convention)
    if convention.state in {ConventionState.CLOSE, ConventionState.RESILIEE}:
        raise AlreadyDone("Cette convention est déjà close ou résiliée.")
    checks.check_version(convention, version)
    if convention.standing_on(clock.today()) is not Standing.ECHUE:
        raise RuleBroken(
            "Cette convention est un brouillon : il n’y a rien à clore."
            if convention.state is ConventionState.BROUILLON
            else f"Cette convention court jusqu’au {convention.date_fin:%d/%m/%Y} : elle se clôt ensuite. "
            "Si elle finit avant, résiliez-la."
        )
    draft = draft_amendment(session, convention)
    if draft is not None:
        raise RuleBroken(
            f"L’avenant n° {draft.numero} est en brouillon : signez-le ou retirez-le avant de clore la convention."
        )
    convention.state = ConventionState.CLOSE
    convention.version += 1
    history.record(session, convention, "Convention close", by=by, motif=motif)
    session.flush()


def reopen(
    session: Session,
    convention: StateConvention,
    *,
    motif: str,
    by: User | None,
    version: int | None = None,
) -> None:
    """Open a closed convention again. Raises NotAllowed; AlreadyDone when it is not closed; RuleBroken without a reason."""
    checks.check_officer(by)
    checks.take(session, convention)
    if convention.state is not ConventionState.CLOSE:
        raise AlreadyDone("Cette convention n’est pas close : il n’y a rien à rouvrir.")
    checks.check_version(convention, version)
    _check_reason(motif, "Écrivez pourquoi vous la rouvrez.")
    convention.state = ConventionState.SIGNEE
    convention.version += 1
    history.record(session, convention, "Convention rouverte", by=by, motif=motif)
    session.flush()


def terminate(
    session: Session,
    convention: StateConvention,
    *,
    last_day: date,
    motif: str,
    by: User | None,
    version: int | None = None,
) -> None:
    """End a signed convention before its time: `last_day` becomes its last day; its days of grace run from there.

    Raises NotAllowed; AlreadyDone when it is closed or ended; ChangedMeanwhile; RuleBroken for a draft, without a
    reason, for a day outside its period, or before the end of an expense already written or the year of a payment.
    """
    checks.check_officer(by)
    checks.take(session, convention)
    if convention.state in {ConventionState.CLOSE, ConventionState.RESILIEE}:
        raise AlreadyDone("Cette convention est déjà close ou résiliée.")
    if convention.state is ConventionState.BROUILLON:
        raise RuleBroken("Cette convention est un brouillon : il n’y a rien à résilier.")
    checks.check_version(convention, version)
    if not convention.date_debut <= last_day <= convention.date_fin:
        raise RuleBroken(
            f"La convention court du {convention.date_debut:%d/%m/%Y} au {convention.date_fin:%d/%m/%Y} : "
            "choisissez un jour de cette période.",
            field="resiliee_le",
        )
    check_nothing_spent_after(session, convention, last_day, field="resiliee_le")
    _check_nothing_paid_after(session, convention, last_day)
    _check_reason(motif, "Écrivez pourquoi elle est résiliée.")
    before = convention.date_fin
    convention.state, convention.date_fin, convention.resiliee_le = (
        ConventionState.RESILIEE,
        last_day,
        last_day,
    )
    convention.version += 1
    history.record(
        session,
        convention,
        "Convention résiliée",
        by=by,
        motif=motif,
        detail={"date_fin": (before.isoformat(), last_day.isoformat())},
    )
    draft = draft_amendment(session, convention)
    if draft is not None:
        history.record(
            session,
            convention,
            f"{draft.name} : ne peut plus être signé (brouillon)",
            by=by,
            motif="La convention est résiliée. Il se lit encore, et se retire.",
            draft=True,
        )
    session.flush()
    bilans.follow_end(session, convention, by=by)


def draft_amendment(session: Session, convention: StateConvention) -> StateAmendment | None:
    """Return the avenant that is a draft; there is one at most."""
    return session.exec(
        select(StateAmendment)
        .where(
            col(StateAmendment.convention_id) == convention.id,
            col(StateAmendment.numero) > 0,
            col(StateAmendment.signe_le).is_(None),
        )
        .order_by(col(StateAmendment.numero))
        .limit(1)
    ).first()


def initial_text(session: Session, convention: StateConvention) -> StateAmendment:
    """Return the initial text of a convention: its amendment 0."""
    return session.exec(
        select(StateAmendment).where(
            col(StateAmendment.convention_id) == convention.id, col(StateAmendment.numero) == 0
        )
    ).one()


def check_day_came(day: date) -> None:
    """Raise RuleBroken, at "signe_le", for a day to come: what is not signed yet is a draft."""
    if day > clock.today():
        raise RuleBroken(
            "Ce jour n’est pas encore venu : écrivez la signature quand elle est faite.", field="signe_le"
        )


def check_nothing_spent_after(
    session: Session, convention: StateConvention, last_day: date, *, field: str
) -> None:
    """Raise RuleBroken, at `field`, when an expense of the convention ends after `last_day`."""
    latest = session.exec(
        select(col(Expense.date_fin))
        .where(
            col(Expense.convention_id) == convention.id,
            col(Expense.hors_convention).is_(False),
            col(Expense.date_fin) > last_day,
        )
        .order_by(col(Expense.date_fin).desc())
        .limit(1)
    ).first()
    if latest is not None:
        raise RuleBroken(
            f"Des dépenses sont écrites jusqu’au {latest:%d/%m/%Y} : corrigez d’abord leurs dates, ou choisissez un "
            "jour plus tard.",
            field=field,
        )


def _check_nothing_paid_after(session: Session, convention: StateConvention, last_day: date) -> None:
    latest = session.exec(
        select(func.max(StatePayment.annee)).where(col(StatePayment.convention_id) == convention.id)
    ).one()
    if latest is not None and latest > last_day.year:
        raise RuleBroken(
            f"Un versement de {latest} est écrit : annulez-le d’abord, ou choisissez un jour de {latest}.",
            field="resiliee_le",
        )


def _check_reason(motif: str, sentence: str) -> None:
    if not motif.strip():
        raise RuleBroken(sentence, field="motif")


def _check_identity(session: Session, told: Mapping[str, Any], convention: StateConvention | None) -> None:
    if told["date_fin"] < told["date_debut"]:
        raise RuleBroken("La convention finit avant de commencer : relisez les deux jours.", field="date_fin")
    if told["date_fin"].year - told["date_debut"].year > 10:
        raise RuleBroken("Une convention dure dix ans au plus : relisez les deux jours.", field="date_fin")
    taken = session.exec(
        select(StateConvention.id).where(col(StateConvention.numero) == told["numero"])
    ).first()
    if taken is not None and (convention is None or taken != convention.id):
        raise RuleBroken(_TAKEN, field="numero")
    if convention is not None and convention.state is ConventionState.BROUILLON:
        outside = session.exec(
            select(StateAmount.annee)
            .join(StateAmendment, col(StateAmendment.id) == col(StateAmount.amendment_id))
            .where(
                col(StateAmendment.convention_id) == convention.id,
                col(StateAmount.montant_centimes) > 0,
                (col(StateAmount.annee) < told["date_debut"].year)
                | (col(StateAmount.annee) > told["date_fin"].year),
            )
            .order_by(col(StateAmount.annee))
            .limit(1)
        ).first()
        if outside is not None:
            raise RuleBroken(
                f"{outside} a des montants et ne serait plus dans la convention : mettez-les d’abord à zéro.",
                field="date_fin" if outside > told["date_fin"].year else "date_debut",
            )
