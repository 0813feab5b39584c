"""What the portal reminds people of by itself, and the documents it removes at the end of their time.

A reminder is noted (`PrescriptionReminder`): run twice, or on two machines, each is written once. Periods are counted from
the moment since which nothing came, so that a job that did not run for a while leaves one letter, not several.
"""

import uuid
from collections.abc import Collection, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy
from sqlalchemy import CursorResult, update
from sqlmodel import Session, col, func, select

from portal import clock
from portal.beneficiaries.models import Beneficiary
from portal.conventions import follow_up
from portal.conventions.models import Waiting
from portal.offers.freshness import months_after
from portal.offers.models import OfferSession
from portal.prescriptions import notifications
from portal.prescriptions.acting import take_due
from portal.prescriptions.due import expected_days, release_days, silent_since, waits_in_vain
from portal.prescriptions.letters import Occasion, To
from portal.prescriptions.models import (
    DocumentKind,
    Prescription,
    PrescriptionDocument,
    PrescriptionReminder,
    ReminderKind,
    Transition,
)
from portal.prescriptions.notifications import Sender
from portal.prescriptions.states import FINAL, TO_ANSWER, Act, State
from portal.web.formats import count, day

# Written in one transaction: nobody else waits long for the database.
BATCH = 200


def remind_partners(session: Session, sender: Sender) -> int:
    """Remind the structures that have not answered for `relance_partenaire_jours` days, then every so many days.

    Returns how many prescriptions (at most `BATCH`). Those who wait for a place that may come are left alone, and those
    whose meeting or session is to come, or today.
    """
    days = follow_up.in_force(session).relance_partenaire_jours
    return _break_silence(session, sender, ReminderKind.PARTENAIRE, To.PARTENAIRE, days)


def remind_referents(session: Session, sender: Sender) -> int:
    """Tell the référents of the structures that have not answered for `relance_referent_jours` days, then every so many.

    Returns how many prescriptions (at most `BATCH`).
    """
    days = follow_up.in_force(session).relance_referent_jours
    return _break_silence(session, sender, ReminderKind.REFERENT, To.REFERENT, days)


def ask_whether_they_came(session: Session, sender: Sender) -> int:
    """Ask the structures whether the person they expected came, while they declare neither entry nor absence.

    First half-way through the delay that the convention sets for the entry, or `relance_partenaire_jours` days after the
    expected day when it sets none; then every so many days. Returns how many prescriptions (at most `BATCH`).
    """
    every = follow_up.in_force(session).relance_partenaire_jours
    return _follow_entries(session, sender, ReminderKind.ENTREE, To.PARTENAIRE, every)


def tell_no_entry(session: Session, sender: Sender) -> int:
    """Tell the référents that no entry is declared, `relance_referent_jours` days after the expected day, then every so many.

    Returns how many prescriptions (at most `BATCH`).
    """
    every = follow_up.in_force(session).relance_referent_jours
    return _follow_entries(session, sender, ReminderKind.REFERENT, To.REFERENT, every)


def remind_people(session: Session, sender: Sender) -> int:
    """Remind the people who agreed to it of their meeting, or of the first day of their session, the day before.

    Those who were told that same day are left alone. Returns how many were written to.
    """
    now, today = clock.now(), clock.today()
    rows = session.execute(
        sqlalchemy.select(
            col(Prescription.id),
            col(Prescription.updated_at),
            col(Prescription.rendez_vous_at),
            col(OfferSession.debut),
        )
        .join(Beneficiary, col(Beneficiary.id) == col(Prescription.beneficiary_id))
        .join(OfferSession, col(OfferSession.id) == col(Prescription.session_id), isouter=True)
        .where(
            col(Prescription.state).in_(_EXPECTING),
            col(Prescription.ecrire_personne),
            col(Beneficiary.courriel_accord),
            col(Beneficiary.courriel).is_not(None),
            (
                (col(Prescription.rendez_vous_at) > now)
                & (col(Prescription.rendez_vous_at) < midnight(today + timedelta(days=2)))
            )
            | (
                col(Prescription.rendez_vous_at).is_(None)
                & (col(OfferSession.debut) == today + timedelta(days=1))
            ),
        )
    )
    eves = {
        id: midnight((_day(meeting) if meeting else begins) - timedelta(days=1))
        for id, updated, meeting, begins in rows
    }
    told = 0
    for prescription, last, rank in take(session, ReminderKind.ENTREE, list(eves), _EXPECTING):
        eve = eves[prescription.id]
        if prescription.updated_at < eve and (last is None or last < eve):
            note(session, prescription, ReminderKind.ENTREE, rank)
            told += notifications.remind(session, prescription, Occasion.VEILLE, To.PERSONNE, sender)
    return told


def purge_documents(session: Session) -> int:
    """Remove the content of the documents whose time is over, and return how many; their names stay.

    What came to nothing (refused, expired, withdrawn) loses its documents at once, but the scanned answer, which like
    all others stays `documents_mois` months after the end. Safe to run twice or on two machines.
    """
    months, today = follow_up.in_force(session).documents_mois, clock.today()
    rows = session.execute(
        sqlalchemy.select(
            col(PrescriptionDocument.id),
            col(PrescriptionDocument.kind),
            col(Prescription.state),
            col(Prescription.date_sortie),
            col(Prescription.updated_at),
        )
        .join(Prescription, col(Prescription.id) == col(PrescriptionDocument.prescription_id))
        .where(col(PrescriptionDocument.purged_at).is_(None), col(Prescription.state).in_(FINAL))
        .order_by(col(PrescriptionDocument.id))
    )
    over = [
        id
        for id, kind, state, left, updated in rows
        if (state in _CAME_TO_NOTHING and kind is DocumentKind.PIECE)
        or months_after(left or _day(updated), months) <= today
    ]
    purged = 0
    for start in range(0, len(over), BATCH):
        result = session.execute(
            update(PrescriptionDocument)
            .where(
                col(PrescriptionDocument.id).in_(over[start : start + BATCH]),
                col(PrescriptionDocument.purged_at).is_(None),
            )
            .values(contenu=None, purged_at=clock.now())
        )
        assert isinstance(result, CursorResult)
        purged += result.rowcount
    return purged


_EXPECTING = frozenset({State.ENVOYEE, State.A_L_ETUDE, State.ACCEPTEE})
_CAME_TO_NOTHING = frozenset({State.REFUSEE, State.EXPIREE, State.ANNULEE})


def _break_silence(session: Session, sender: Sender, kind: ReminderKind, to: To, days: int) -> int:
    rules, now = follow_up.in_force(session), clock.now()
    expiry = {
        State.ENVOYEE: timedelta(days=rules.expiration_envoyee_jours),
        State.A_L_ETUDE: timedelta(days=rules.expiration_etude_jours),
    }
    every = timedelta(days=days)
    vain = waits_in_vain(session)

    def heard_at(prescription: Any) -> datetime:
        updated: datetime = prescription.updated_at
        return max(updated, vain.get(prescription.id, updated))

    def is_due(prescription: Any, begins: date | None, last: datetime | None) -> bool:
        heard = heard_at(prescription)
        silence, awaited = now - heard, silent_since(heard, prescription.rendez_vous_at, begins)
        # What expires is told that, and nothing else.
        if silence < every or now - awaited >= expiry[prescription.state]:
            return False
        return last is None or last < heard + every * (silence // every)

    lasts = _lasts(kind, TO_ANSWER)
    rows = session.execute(
        sqlalchemy.select(
            col(Prescription.id),
            col(Prescription.state),
            col(Prescription.updated_at),
            col(Prescription.rendez_vous_at),
            col(OfferSession.debut),
            lasts.c.last,
        )
        .join(lasts, lasts.c.prescription_id == col(Prescription.id), isouter=True)
        .join(OfferSession, col(OfferSession.id) == col(Prescription.session_id), isouter=True)
        .where(
            col(Prescription.state).in_(TO_ANSWER),
            col(Prescription.updated_at) <= now - every,
            col(Prescription.id).not_in(select(Waiting.prescription_id).where(col(Waiting.left_at).is_(None)))
            | col(Prescription.id).in_(list(vain)),
            col(Prescription.rendez_vous_at).is_(None)
            | (col(Prescription.rendez_vous_at) < midnight(clock.today())),
            col(OfferSession.debut).is_(None) | (col(OfferSession.debut) < clock.today()),
        )
        .order_by(col(Prescription.id))
    )
    begins = {row.id: row.debut for row in rows if is_due(row, row.debut, row.last)}
    told = 0
    for prescription, last, rank in take(session, kind, list(begins)[:BATCH], TO_ANSWER):
        if is_due(prescription, begins[prescription.id], last):
            note(session, prescription, kind, rank)
            silence = count((now - heard_at(prescription)).days, "jour")
            facts = {"silence": silence}
            notifications.remind(session, prescription, Occasion.SANS_REPONSE, to, sender, facts)
            told += 1
    return told


def _follow_entries(session: Session, sender: Sender, kind: ReminderKind, to: To, every: int) -> int:
    now, today = clock.now(), clock.today()
    expecting = session.execute(
        select(col(Prescription.id)).where(
            col(Prescription.state) == State.ACCEPTEE,
            col(Prescription.rendez_vous_at).is_(None) | (col(Prescription.rendez_vous_at) < now),
        )
    )
    ids = [row.id for row in expecting]
    expected, releases = expected_days(session, ids), release_days(session)

    def starts(id: uuid.UUID) -> datetime | None:
        """When the period of today began; None while none has."""
        release = releases.get(id) if kind is ReminderKind.ENTREE else None
        delay = release.delay if release else None
        first = expected[id] + timedelta(days=every if delay is None else max(1, delay // 2))
        if today < first:
            return None
        return midnight(first + timedelta(days=every * ((today - first).days // every)))

    begun = {id: start for id in ids if (start := starts(id)) is not None}
    heard = _last_heard(session, kind, list(begun))
    found = sorted(id for id, start in begun.items() if id not in heard or heard[id] < start)
    told = 0
    for prescription, last, rank in take(session, kind, found[:BATCH], {State.ACCEPTEE}):
        if last is None or last < begun[prescription.id]:
            note(session, prescription, kind, rank)
            release = releases.get(prescription.id)
            facts = {
                "attendue_le": day(expected[prescription.id]),
                "liberation": ""
                if release is None
                else f" Sans nouvelles de vous, sa place sera libérée après le {day(release.after)}.",
            }
            notifications.remind(session, prescription, Occasion.SANS_ENTREE, to, sender, facts)
            told += 1
    return told


def _last_heard(
    session: Session, kind: ReminderKind, ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, datetime]:
    """Return when each was last reminded of; a presence or an absence that was noted is as good."""
    if not ids:
        return {}
    lasts = _lasts(kind, {State.ACCEPTEE})
    found: dict[uuid.UUID, datetime] = {
        row.prescription_id: row.last for row in session.execute(select(lasts)) if row.last is not None
    }
    noted = session.execute(
        select(col(Transition.prescription_id), func.max(Transition.at))
        .join(Prescription, col(Prescription.id) == col(Transition.prescription_id))
        .where(
            col(Prescription.state) == State.ACCEPTEE, col(Transition.act).in_([Act.PRESENCE, Act.ABSENCE])
        )
        .group_by(col(Transition.prescription_id))
    )
    for id, at in noted:
        found[id] = max(at, found.get(id, at))
    return found


def take(
    session: Session, kind: ReminderKind, ids: Collection[uuid.UUID], states: Collection[State]
) -> Iterator[tuple[Prescription, datetime | None, int]]:
    """Take these prescriptions, still in one of `states`; give each with its last reminder and the rank of the next.

    Reminders are read once the rows are ours: another machine may have written some since they were found due.
    """
    if not ids:
        return
    taken = take_due(session, col(Prescription.id).in_(list(ids)), col(Prescription.state).in_(states))
    rows = session.execute(
        select(
            col(PrescriptionReminder.prescription_id),
            func.max(PrescriptionReminder.at),
            func.max(PrescriptionReminder.rang),
        )
        .where(
            col(PrescriptionReminder.kind) == kind,
            col(PrescriptionReminder.prescription_id).in_([prescription.id for prescription in taken]),
        )
        .group_by(col(PrescriptionReminder.prescription_id))
    )
    written = {id: (at, rank) for id, at, rank in rows}
    for prescription in taken:
        last, rank = written.get(prescription.id, (None, 0))
        yield prescription, last, rank + 1


def note(session: Session, prescription: Prescription, kind: ReminderKind, rank: int) -> None:
    """Write that the reminder of this rank leaves now."""
    session.add(PrescriptionReminder(prescription_id=prescription.id, kind=kind, rang=rank, at=clock.now()))


def _lasts(kind: ReminderKind, states: Collection[State]) -> Any:
    return (
        select(col(PrescriptionReminder.prescription_id), func.max(PrescriptionReminder.at).label("last"))
        .join(Prescription, col(Prescription.id) == col(PrescriptionReminder.prescription_id))
        .where(col(PrescriptionReminder.kind) == kind, col(Prescription.state).in_(states))
        .group_by(col(PrescriptionReminder.prescription_id))
        .subquery()
    )


def midnight(of: date) -> datetime:
    """Return the moment at which a day begins here."""
    return datetime.combine(of, time(), tzinfo=clock.PARIS)


def _day(moment: datetime) -> date:
    return moment.astimezone(clock.PARIS).date()
