"""The life of a convention with a partner: signed, closed, opened again, ended before its time; a draft thrown away."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import User
from portal.conventions import history, ledger
from portal.conventions.amendments import ENDED
from portal.conventions.engagements import ConventionDocument, PartnerPayment, PartnerReport
from portal.conventions.models import ActionOffer, Convention, FinancedAction, Waiting
from portal.conventions.states import ConventionState, Standing
from portal.conventions.writing import (
    check_changes,
    check_given,
    check_officer,
    check_signature,
    check_version,
    take,
)
from portal.errors import AlreadyDone, RuleBroken


@dataclass(frozen=True, slots=True)
class Present:
    """How many people have a place of a convention now, and how many wait for one."""

    occupees: int
    retenues: int
    en_attente: int

    @property
    def anybody(self) -> bool:
        """True when somebody has a place, or is expected in one."""
        return self.occupees > 0 or self.retenues > 0


def sign(
    session: Session,
    convention: Convention,
    *,
    signee_le: date,
    by: User | None,
    version: int | None = None,
) -> None:
    """Write that the convention was signed on `signee_le`: from its first day on, it gives places.

    Raises AlreadyDone when it is signed already, RuleBroken for a day to come, ChangedMeanwhile, NotAllowed.
    """
    check_officer(by)
    take(session, convention)
    if convention.state is not ConventionState.BROUILLON:
        raise AlreadyDone("Cette convention est déjà signée.")
    check_version(convention, version, "cette convention")
    check_signature(convention, signee_le)
    convention.signee_le, convention.state = signee_le, ConventionState.SIGNEE
    convention.version += 1
    history.record(
        session, convention, "Convention signée", by=by, detail={"signee_le": (None, signee_le.isoformat())}
    )
    session.flush()


def close(
    session: Session,
    convention: Convention,
    *,
    by: User,
    motif: str | None = None,
    version: int | None = None,
) -> None:
    """Close a convention that is over: nothing of it changes any more.

    Raises AlreadyDone when it is closed or was ended, RuleBroken before its end, ChangedMeanwhile, NotAllowed.
    """
    check_officer(by)
    take(session, convention)
    if convention.state in {ConventionState.CLOSE, ConventionState.RESILIEE}:
        raise AlreadyDone("Cette convention est déjà close ou résiliée.")
    check_version(convention, version, "cette convention")
    if convention.standing_on(clock.today()) is not Standing.ECHUE:
        raise RuleBroken(
            "Cette convention est un brouillon : signez-la d’abord."
            if convention.state is ConventionState.BROUILLON
            else f"Cette convention court jusqu’au {convention.date_fin:%d/%m/%Y} : elle se clôt ensuite. "
            "Si elle finit avant, résiliez-la."
        )
    convention.state = ConventionState.CLOSE
    convention.version += 1
    history.record(session, convention, "Convention close", by=by, motif=motif)
    session.flush()


def close_several(session: Session, ids: Collection[uuid.UUID], *, by: User) -> list[Convention]:
    """Close those of these conventions that are over and still open, and return them: each was ticked by somebody."""
    check_officer(by)
    closed = []
    found = session.exec(
        select(Convention).where(col(Convention.id).in_(list(ids))).order_by(col(Convention.id))
    ).all()
    for convention in found:
        try:
            close(session, convention, by=by)
        except RuleBroken:
            continue
        closed.append(convention)
    return closed


def reopen(
    session: Session, convention: Convention, *, motif: str, by: User, version: int | None = None
) -> None:
    """Open a closed convention again. Raises AlreadyDone when it is not closed, RuleBroken without a reason."""
    check_officer(by)
    take(session, convention)
    if convention.state is not ConventionState.CLOSE:
        raise AlreadyDone("Cette convention n’est pas close : il n’y a rien à rouvrir.")
    check_version(convention, version, "cette convention")
    _check_reason(motif, "Écrivez pourquoi vous la rouvrez.")
    convention.state = ConventionState.SIGNEE
    convention.version += 1
    history.record(session, convention, "Convention rouverte", by=by, motif=motif)
    session.flush()


def terminate(
    session: Session,
    convention: Convention,
    *,
    last_day: date,
    motif: str,
    by: User,
    version: int | None = None,
) -> None:
    """End a signed convention before its time: `last_day` becomes its last day, and it gives no more places.

    Whoever has a place keeps it. Raises AlreadyDone when it is closed or was ended, RuleBroken for a draft, without a
    reason, or for a day outside its period or before a place that was given; ChangedMeanwhile, NotAllowed.
    """
    check_officer(by)
    take(session, convention)
    check_changes(convention)
    if convention.state is not ConventionState.SIGNEE:
        raise RuleBroken("Cette convention est un brouillon : il n’y a rien à résilier.")
    check_version(convention, version, "cette convention")
    if not convention.covers(last_day):
        raise RuleBroken(
            f"La convention court du {convention.date_debut:%d/%m/%Y} au {convention.date_fin:%d/%m/%Y} : "
            "choisissez un jour de cette période.",
            field="resiliee_le",
        )
    check_given(session, convention, last_day, field="resiliee_le")
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
        ENDED,
        by=by,
        motif=motif,
        detail={"date_fin": (before.isoformat(), last_day.isoformat())},
    )
    session.flush()


def discard(
    session: Session,
    convention: Convention,
    *,
    by: User | None,
    motif: str | None = None,
    version: int | None = None,
) -> str:
    """Throw a draft away with its actions, schedules and documents, and return the number that it had.

    The database keeps every line of a history, and so the row that they are about: it bears the day, is seen no more
    (`queries.discarded`), and another may have its number. Raises NotAllowed; AlreadyDone when it is thrown away
    already (`take`), or signed; ChangedMeanwhile; RuleBroken when something else names one of its actions.
    """
    check_officer(by)
    take(session, convention)
    if convention.state is not ConventionState.BROUILLON:
        raise AlreadyDone("Cette convention est signée : elle ne se supprime plus.")
    check_version(convention, version)
    numero = convention.numero
    actions = session.exec(
        select(FinancedAction)
        .where(col(FinancedAction.convention_id) == convention.id)
        .order_by(col(FinancedAction.intitule), col(FinancedAction.id))
    ).all()
    names = ", ".join(action.intitule for action in actions)
    ids = [action.id for action in actions]
    try:
        with session.begin_nested():
            for rows, of_convention in (
                (ConventionDocument, col(ConventionDocument.convention_id) == convention.id),
                (PartnerPayment, col(PartnerPayment.convention_id) == convention.id),
                (PartnerReport, col(PartnerReport.convention_id) == convention.id),
                (ActionOffer, col(ActionOffer.action_id).in_(ids)),
                (FinancedAction, col(FinancedAction.convention_id) == convention.id),
            ):
                session.execute(delete(rows).where(of_convention))
    except IntegrityError as error:
        raise RuleBroken(
            "Une dépense ou une fiche de la convention avec l’État nomme une action de ce brouillon : ôtez-la d’abord."
        ) from error
    former = session.get(Convention, convention.renouvelle_id) if convention.renouvelle_id else None
    convention.supprimee_le = clock.today()
    # A number is that of one row.
    convention.numero = f"supprimé {convention.id.hex}"[:40]
    convention.renouvelle_id = None
    convention.version += 1
    told: dict[str, tuple[object, object]] = {"numero": (numero, None)}
    if names:
        told["action"] = (names, None)
    history.record(session, convention, "Brouillon supprimé", by=by, motif=motif, detail=told)
    if former is not None:
        history.record(
            session,
            former,
            f"Renouvellement abandonné\u00a0: brouillon {numero} supprimé",
            by=by,
            motif=motif,
            draft=True,
        )
    session.flush()
    session.expire(convention, ["actions"])
    return numero


def present(session: Session, convention: Convention) -> Present:
    """Return how many people have a place of this convention, and wait for one of its offers, in four statements at most."""
    actions = session.exec(
        select(FinancedAction).where(col(FinancedAction.convention_id) == convention.id)
    ).all()
    places = ledger.places_of_actions(session, actions).values()
    offers = select(ActionOffer.offer_id).where(col(ActionOffer.action_id).in_([a.id for a in actions]))
    waits = (
        session.exec(
            select(Waiting.prescription_id)
            .where(col(Waiting.left_at).is_(None), col(Waiting.offer_id).in_(offers))
            .distinct()
        ).all()
        if convention.runs_on(clock.today())
        else []
    )
    return Present(
        occupees=sum(of_action.occupees for of_action in places),
        retenues=sum(of_action.retenues for of_action in places),
        en_attente=len(waits),
    )


def _check_reason(motif: str, sentence: str) -> None:
    if not motif.strip():
        raise RuleBroken(sentence, field="motif")
