"""What falls due is told by e-mail: payments and bilans to officers, reports and ends of conventions to partners too.

Each notice is noted (`DueNotice`, unique by thing, kind and day): run twice, or on two machines, it is sent once. What is
told at one time to one person is one letter. Nothing personal in a subject.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import Role, User
from portal.accounts.rules import queue_mail
from portal.budget import bilans, payments
from portal.budget.spending_models import PaymentKind
from portal.conventions import endings, report_due
from portal.conventions.engagements import DueNotice
from portal.money import euros
from portal.structures.queries import people_of
from portal.web.formats import count

# Days before the last one at which a payment is announced; then each week that it is late.
PAYMENTS_ANNOUNCED = (15, 3)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell: `line` in words, `path` to where it is seen to; `structure_id` when a partner is told as well."""

    sujet_id: uuid.UUID
    kind: str
    echeance_le: date
    line: str
    path: str
    structure_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """What was done: notices told, letters put in the outbox."""

    notices: int
    letters: int


def remind(session: Session, *, public_url: str) -> Sent:
    """Tell what falls due today and was not told yet; `public_url` has no slash at its end."""
    told = _first_times(session, due(session, clock.today()))
    if not told:
        return Sent(0, 0)
    officers = session.exec(
        select(User)
        .where(col(User.role) == Role.CONVENTIONNEMENT, col(User.is_active))
        .order_by(col(User.courriel))
    ).all()
    letters = 0
    for officer in officers:
        _write(session, officer, "Échéances des conventions", told, public_url)
        letters += 1
    by_structure: dict[uuid.UUID, list[Notice]] = {}
    for notice in told:
        if notice.structure_id is not None:
            by_structure.setdefault(notice.structure_id, []).append(notice)
    members: dict[uuid.UUID, tuple[User, list[Notice]]] = {}
    if by_structure:
        for structure_id, member in session.execute(people_of(list(by_structure))):
            members.setdefault(member.id, (member, []))[1].extend(by_structure[structure_id])
    for member, mine in members.values():
        _write(session, member, "Échéances de vos conventions", mine, public_url)
        letters += 1
    return Sent(len(told), letters)


def due(session: Session, day: date) -> list[Notice]:
    """Return all that is to be told on `day`, told already or not, the earliest due first."""
    found = []
    for payment in payments.due_on(session, day):
        which = bilans.reminder((payment.echeance_le - day).days, PAYMENTS_ANNOUNCED)
        if which is not None:
            found.append(
                Notice(
                    payment.sujet_id,
                    f"{payment.kind}-{which}",
                    payment.echeance_le,
                    f"Convention avec l’État {payment.numero}, {payment.payment.label.lower()} {payment.annee}, "
                    f"{euros(payment.montant)} {_OWED[payment.payment]}, {_when(payment.echeance_le, day)}",
                    f"/budget/{payment.sujet_id}/comptes",
                )
            )
    found += [
        Notice(
            bilan.sujet_id,
            bilan.kind,
            bilan.echeance_le,
            f"Convention avec l’État {bilan.numero}, {bilan.title.lower()} à remettre, "
            f"{_when(bilan.echeance_le, day)}",
            f"/budget/{bilan.sujet_id}/bilans",
        )
        for bilan in bilans.due(session, day)
    ]
    found += [
        Notice(
            report.sujet_id,
            report.kind,
            report.echeance_le,
            f"Convention {report.numero}, {report.label.lower()} à remettre, {_when(report.echeance_le, day)}",
            f"/conventions/{report.convention_id}",
            report.structure_id,
        )
        for report in report_due.due(session, day)
    ]
    found += [
        Notice(
            ending.sujet_id,
            ending.kind,
            ending.echeance_le,
            f"Convention {ending.numero}, dernier jour, {_when(ending.echeance_le, day)}",
            f"/conventions/{ending.sujet_id}",
            ending.structure_id,
        )
        for ending in endings.ending_soon(session, day)
    ]
    # One order for all: two machines that note the same wait for each other, and never in a circle.
    return sorted(
        found, key=lambda notice: (notice.echeance_le, notice.line, str(notice.sujet_id), notice.kind)
    )


_OWED = {
    PaymentKind.AVANCE: "attendus de l’État",
    PaymentKind.SOLDE: "attendus de l’État",
    PaymentKind.REVERSEMENT: "à reverser à l’État",
}


def _when(last: date, day: date) -> str:
    left = (last - day).days
    if left == 0:
        return "aujourd’hui"
    if left < 0:
        return f"en retard de {count(-left, 'jour')} (le {last:%d/%m/%Y})"
    return f"dans {count(left, 'jour')} (le {last:%d/%m/%Y})"


def _first_times(session: Session, notices: Iterable[Notice]) -> list[Notice]:
    """Note and return the notices that nobody sent."""
    notices = list(notices)
    known = (
        {
            (row[0], row[1], row[2])
            for row in session.execute(
                select(col(DueNotice.sujet_id), col(DueNotice.kind), col(DueNotice.echeance_le)).where(
                    col(DueNotice.echeance_le) >= min(notice.echeance_le for notice in notices)
                )
            )
        }
        if notices
        else set()
    )
    kept = []
    for notice in notices:
        if (notice.sujet_id, notice.kind, notice.echeance_le) in known:
            continue
        try:
            with session.begin_nested():
                session.add(
                    DueNotice(
                        sujet_id=notice.sujet_id,
                        kind=notice.kind,
                        echeance_le=notice.echeance_le,
                        sent_at=clock.now(),
                    )
                )
        except IntegrityError:
            # Another machine has just told it.
            continue
        kept.append(notice)
    return kept


def _write(session: Session, user: User, subject: str, notices: Iterable[Notice], public_url: str) -> None:
    lines = "\n".join(f"- {notice.line} : {public_url}{notice.path}" for notice in notices)
    queue_mail(
        session,
        recipient=user.courriel,
        subject=subject,
        body=f"Bonjour {user.prenom},\n\nVoici ce qui arrive à échéance ou est en retard :\n\n{lines}\n\n"
        "Chaque échéance est rappelée peu de fois : ouvrez les conventions pour voir tout ce qui est dû.\n",
    )
