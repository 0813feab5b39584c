"""Texts of a convention with the State: the initial one (number 0) and its avenants, drafts until the day they are signed."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import User
from portal.budget import bilans, checks, history, plan
from portal.budget.agreement import CLOSED, check_day_came, check_nothing_spent_after
from portal.budget.models import BudgetDocument, PlanLine, StateAmendment, StateAmount, StateConvention, Volet
from portal.budget.terms import Terms, Texts, texts_of
from portal.conventions.states import ConventionState
from portal.errors import AlreadyDone, RuleBroken
from portal.money import euros

GONE = "Cet avenant est déjà retiré."
_SIGNED = "Ce texte est signé : il ne change plus. Un nouvel avenant le corrige."

# Numbers in addresses are as long as people write them; those of the database are not.
_LAST = 2**31 - 1

Amounts = Mapping[tuple[int, Volet], int]


@dataclass(frozen=True, slots=True)
class Difference:
    """Cents before and after an avenant."""

    avant: int
    apres: int

    @property
    def ecart(self) -> int:
        """What the avenant adds, below zero what it takes away."""
        return self.apres - self.avant


@dataclass(frozen=True, slots=True)
class Compared:
    """What an avenant changes: by year and volet; every total is the sum of its parts."""

    before: Terms
    after: Terms

    @property
    def annees(self) -> list[int]:
        """The years of either, in order."""
        return sorted(set(self.before.annees) | set(self.after.annees))

    def of(self, annee: int, volet: Volet) -> Difference:
        """Return the difference of a volet for a year."""
        return Difference(self.before.of_volet(annee, volet), self.after.of_volet(annee, volet))

    def of_year(self, annee: int) -> Difference:
        """Return the difference of a year: the sum of its volets."""
        return _sum(self.of(annee, volet) for volet in Volet)

    def of_volet(self, volet: Volet) -> Difference:
        """Return the difference of a volet: the sum of its years."""
        return _sum(self.of(annee, volet) for annee in self.annees)

    @property
    def total(self) -> Difference:
        """The difference of the whole: the sum of the volets."""
        return _sum(self.of_volet(volet) for volet in Volet)


def _sum(parts: Any) -> Difference:
    kept = list(parts)
    return Difference(sum(part.avant for part in kept), sum(part.apres for part in kept))


def compared(texts: Texts, amendment: StateAmendment) -> Compared:
    """Return what an avenant changes of the texts before it, whether signed or not."""
    return Compared(texts.until(amendment.numero - 1), texts.until(amendment.numero))


def one(session: Session, convention: StateConvention, numero: int) -> StateAmendment | None:
    """Return the text of that number, or None."""
    if numero > _LAST:
        return None
    return session.exec(
        select(StateAmendment).where(
            col(StateAmendment.convention_id) == convention.id, col(StateAmendment.numero) == numero
        )
    ).one_or_none()


def create(
    session: Session,
    convention: StateConvention,
    *,
    objet: str,
    cible: str | None = None,
    date_fin: date | None = None,
    years: Collection[int] = (),
    by: User | None,
    id: uuid.UUID | None = None,
) -> StateAmendment:
    """Write the draft of the next avenant; amounts and plan of `years` are copied from what is in force, to be changed.

    `id` is made with the form: a second press bears the same one and returns the avenant already written. Raises
    NotAllowed; RuleBroken when the convention is not open, or while another avenant is a draft.
    """
    checks.check_officer(by)
    written = checks.written_before(session, StateAmendment, id, convention.id)
    if written is not None:
        return written
    convention = checks.take(session, convention)
    checks.check_open(convention, clock.today())
    if convention.state is not ConventionState.SIGNEE:
        raise RuleBroken("Cette convention est résiliée : elle n’a plus d’avenant.")
    texts = texts_of(session, [convention])[convention.id]
    draft = next((a for a in texts.amendments if a.signe_le is None), None)
    if draft is not None:
        raise RuleBroken(f"L’avenant n° {draft.numero} est en brouillon : signez-le ou retirez-le d’abord.")
    now = texts.on(None)
    _check_end(session, convention, date_fin, now.date_fin)
    made = StateAmendment(
        convention_id=convention.id,
        numero=texts.amendments[-1].numero + 1,
        objet=objet,
        cible=cible,
        date_fin=date_fin,
        by_id=by.id if by else None,
    )
    if id is not None:
        made.id = id
    written = checks.add_once(session, made, convention.id)
    if written is not made:
        return written
    for annee in sorted(set(years) & set(now.annees)):
        for volet in Volet:
            session.add(_amount(made, annee, volet, now.of_volet(annee, volet)))
        if annee in now.plans:
            _copy_plan(session, now.plans[annee], annee, made)
    history.record(session, convention, f"{made.name} écrit (brouillon)", by=by, draft=True)
    session.flush()
    return made


def change(
    session: Session,
    convention: StateConvention,
    amendment: StateAmendment,
    *,
    objet: str,
    cible: str | None,
    date_fin: date | None,
    amounts: Amounts,
    by: User | None,
    version: int | None = None,
) -> None:
    """Give a draft this object, target, end, and these cents: {(year, volet): cents}.

    A year that has one of its volets has the two others, at zero when not given. A year left out is not spoken of.
    Raises NotAllowed; AlreadyDone when it is signed or the convention is closed; ChangedMeanwhile; RuleBroken with the
    field: "date_fin", or "montant_<year>_<volet>" for a year outside the convention or whose bilan is handed in.
    """
    checks.check_officer(by)
    convention = checks.take(session, convention)
    amendment = checks.present(session, amendment, GONE)
    _check_draft(convention, amendment)
    texts = texts_of(session, [convention])[convention.id]
    former = texts.until(amendment.numero - 1)
    if amendment.numero == 0:
        date_fin = None
    _check_end(session, convention, date_fin, former.date_fin)
    said = {
        (annee, volet): amounts.get((annee, volet), 0)
        for annee in {annee for annee, _ in amounts}
        for volet in Volet
    }
    _check_years(session, convention, said, former, date_fin or former.date_fin)
    rows = {(a.annee, Volet(a.volet)): a for a in texts.amounts if a.amendment_id == amendment.id}
    changes = history.changed(amendment, {"objet": objet, "cible": cible, "date_fin": date_fin})
    for key in sorted(set(rows) | set(said)):
        before = rows[key].montant_centimes if key in rows else None
        if before != said.get(key):
            changes[f"{key[0]}, {key[1].short.lower()}"] = (
                euros(before) or None,
                euros(said.get(key)) or None,
            )
    if not changes:
        return
    checks.check_version(amendment, version)
    amendment.objet, amendment.cible, amendment.date_fin = objet, cible, date_fin
    for key, row in rows.items():
        if key in said:
            row.montant_centimes = said[key]
        else:
            session.delete(row)
    session.add_all(_amount(amendment, *key, cents) for key, cents in said.items() if key not in rows)
    amendment.version += 1
    history.record(
        session, convention, f"{amendment.name} : texte modifié", by=by, detail=changes, draft=True
    )
    session.flush()


def sign(
    session: Session,
    convention: StateConvention,
    amendment: StateAmendment,
    *,
    signe_le: date,
    by: User | None,
    version: int | None = None,
) -> None:
    """Write that an avenant was signed on `signe_le`: from that day on the convention says what it says.

    Raises NotAllowed; AlreadyDone when it is signed or the convention is closed; ChangedMeanwhile; RuleBroken, at
    "signe_le", for a day to come or before the signature of the text before it, and when its plan does not hold.
    """
    checks.check_officer(by)
    convention = checks.take(session, convention)
    amendment = checks.present(session, amendment, GONE)
    if amendment.numero == 0:
        raise RuleBroken("Le texte initial se signe avec la convention.")
    if amendment.signe_le is not None:
        raise AlreadyDone(f"L’avenant n° {amendment.numero} est déjà signé.")
    _check_draft(convention, amendment)
    checks.check_version(amendment, version)
    check_day_came(signe_le)
    texts = texts_of(session, [convention])[convention.id]
    earlier = [a for a in texts.amendments if a.numero < amendment.numero]
    former = earlier[-1]
    if former.signe_le is not None and signe_le < former.signe_le:
        name = "la convention" if former.numero == 0 else f"l’avenant n° {former.numero}"
        raise RuleBroken(
            f"{name[0].upper()}{name[1:]} est signé{'e' if former.numero == 0 else ''} le "
            f"{former.signe_le:%d/%m/%Y} : un avenant ne peut pas être signé avant.",
            field="signe_le",
        )
    before = texts.until(former.numero)
    said = {
        (a.annee, Volet(a.volet)): a.montant_centimes for a in texts.amounts if a.amendment_id == amendment.id
    }
    end = amendment.date_fin or before.date_fin
    _check_end(session, convention, amendment.date_fin, before.date_fin)
    _check_years(session, convention, said, before, end)
    for problem in plan.problems(session, amendment):
        raise problem
    # What the convention said of its end before an avenant moved it is told by its initial text from then on.
    if earlier[0].date_fin is None:
        earlier[0].date_fin = convention.date_fin
    amendment.signe_le = signe_le
    amendment.version += 1
    detail: dict[str, tuple[Any, Any]] = {"signe_le": (None, signe_le.isoformat())}
    if convention.date_fin != end:
        detail["date_fin"] = (convention.date_fin.isoformat(), end.isoformat())
        convention.date_fin = end
    convention.version += 1
    history.record(session, convention, f"{amendment.name} signé", by=by, detail=detail)
    session.flush()
    bilans.follow_end(session, convention, by=by)


def remove(
    session: Session,
    convention: StateConvention,
    amendment: StateAmendment,
    *,
    by: User | None,
    version: int | None = None,
) -> None:
    """Take a draft avenant away with its amounts, plan and documents, whatever became of the convention: no draft stays.

    Raises NotAllowed; AlreadyDone when it is signed or gone; ChangedMeanwhile; RuleBroken for the initial text.
    """
    checks.check_officer(by)
    convention = checks.take(session, convention)
    amendment = checks.present(session, amendment, GONE)
    if amendment.numero == 0:
        raise RuleBroken("Le texte initial reste avec la convention.")
    if amendment.signe_le is not None:
        raise AlreadyDone(_SIGNED)
    checks.check_version(amendment, version)
    for rows, owner in (
        (StateAmount, StateAmount.amendment_id),
        (PlanLine, PlanLine.amendment_id),
        (BudgetDocument, BudgetDocument.amendment_id),
    ):
        session.execute(delete(rows).where(col(owner) == amendment.id))
    name = amendment.name
    session.delete(amendment)
    session.flush()
    history.record(session, convention, f"{name} retiré (brouillon)", by=by, draft=True)
    session.flush()


def why_not_signed(convention: StateConvention, day: date) -> str | None:
    """Return why a draft avenant can no longer be signed on `day`, and the way out; None when it can."""
    if convention.state is ConventionState.RESILIEE and convention.resiliee_le is not None:
        return (
            f"La convention est résiliée, son dernier jour est le {convention.resiliee_le:%d/%m/%Y} : cet avenant ne "
            "sera pas signé. Retirez-le ; l’historique garde sa trace."
        )
    if convention.state is ConventionState.CLOSE:
        return (
            "La convention est close. Retirez cet avenant, l’historique garde sa trace ; ou rouvrez la convention "
            "pour le signer."
        )
    last = convention.date_fin + timedelta(days=convention.grace_jours)
    if convention.state is ConventionState.SIGNEE and day > last:
        return (
            f"Le délai de grâce de la convention est passé depuis le {last:%d/%m/%Y}. Retirez cet avenant, l’historique "
            "garde sa trace ; ou allongez ce délai pour le signer."
        )
    return None


def _check_draft(convention: StateConvention, amendment: StateAmendment) -> None:
    if convention.state is ConventionState.CLOSE:
        raise AlreadyDone(CLOSED)
    if amendment.signe_le is not None:
        raise AlreadyDone(_SIGNED)
    if convention.state is ConventionState.RESILIEE:
        raise AlreadyDone("Cette convention est résiliée : ses textes ne changent plus.")
    if convention.state is ConventionState.SIGNEE:
        checks.check_open(convention, clock.today())


def _check_end(session: Session, convention: StateConvention, date_fin: date | None, former: date) -> None:
    if date_fin is None:
        return
    if date_fin < convention.date_debut:
        raise RuleBroken(
            f"La convention commence le {convention.date_debut:%d/%m/%Y} : elle ne peut pas finir avant.",
            field="date_fin",
        )
    if date_fin.year - convention.date_debut.year > 10:
        raise RuleBroken("Une convention dure dix ans au plus : relisez ce jour.", field="date_fin")
    if date_fin < former:
        check_nothing_spent_after(session, convention, date_fin, field="date_fin")


def _check_years(
    session: Session, convention: StateConvention, said: Amounts, former: Terms, end: date
) -> None:
    """Check what the convention will give by year once `said` is signed."""
    bilans = checks.closing_bilans(session, [convention.id])
    for (annee, volet), cents in sorted(said.items()):
        field = f"montant_{annee}_{volet.value}"
        if cents and not convention.date_debut.year <= annee <= end.year:
            raise RuleBroken(
                f"La convention court du {convention.date_debut:%d/%m/%Y} au {end:%d/%m/%Y} : {annee} n’en est pas.",
                field=field,
            )
        bilan = bilans.get((convention.id, annee))
        if bilan is not None and cents != former.of_volet(annee, volet):
            raise RuleBroken(
                f"Le {bilan.kind.label.lower()} {annee} est remis à l’État : les montants de l’année ne changent plus.",
                field=field,
            )
    for (annee, volet), cents in sorted(former.amounts.items()):
        if annee > end.year and said.get((annee, volet), cents):
            raise RuleBroken(
                f"{annee} a des montants et ne serait plus dans la convention : mettez-les à zéro.",
                field="date_fin",
            )


def _amount(amendment: StateAmendment, annee: int, volet: Volet, cents: int) -> StateAmount:
    return StateAmount(amendment_id=amendment.id, annee=annee, volet=int(volet), montant_centimes=cents)


def _copy_plan(session: Session, owner: uuid.UUID, annee: int, made: StateAmendment) -> None:
    for line in session.exec(
        select(PlanLine)
        .where(col(PlanLine.amendment_id) == owner, col(PlanLine.annee) == annee)
        .order_by(col(PlanLine.volet), col(PlanLine.rang))
    ).all():
        session.add(PlanLine(amendment_id=made.id, **line.model_dump(exclude={"id", "amendment_id"})))
