"""A bilan is begun, written part by part, handed in to the State and frozen (domain §6)."""

import uuid
from collections.abc import Collection

from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import User
from portal.budget import bilan_figures, bilan_parts, checks, history
from portal.budget.bilan_models import Bilan, BilanKind, BilanPart, BilanState
from portal.budget.bilan_parts import parts_of, title_of
from portal.budget.bilans import READY, REOPENED, PartState, expected, gaps, keep, locked, parts
from portal.budget.models import StateConvention
from portal.errors import AlreadyDone, RuleBroken


def begin(
    session: Session,
    convention: StateConvention,
    annee: int,
    kind: BilanKind,
    *,
    by: User | None,
    id: uuid.UUID | None = None,
) -> Bilan:
    """Open a bilan, or return the one that is there. Raises NotAllowed, and RuleBroken when nothing asks for it."""
    checks.check_officer(by)
    convention = checks.take(session, convention)
    checks.check_signed(convention)
    found = next(
        (e for e in expected(session, convention, clock.today()) if (e.annee, e.kind) == (annee, kind)), None
    )
    if found is None:
        raise RuleBroken("Cette convention n’a pas ce bilan.")
    if found.bilan is not None:
        return found.bilan
    bilan = Bilan(convention_id=convention.id, annee=annee, kind=kind)
    if id is not None:
        bilan.id = id
    session.add(bilan)
    session.flush()
    history.record(session, convention, f"{title_of(bilan)} : commencé", by=by)
    return bilan


def write_part(
    session: Session,
    bilan: Bilan,
    convention: StateConvention,
    part: str,
    texte: str,
    prete: bool,
    *,
    by: User | None,
    version: int | None = None,
) -> BilanPart:
    """Write a part, and say whether it is ready. `version` is that of the part when opened, 0 when nobody had written.

    Raises NotAllowed, AlreadyDone when the bilan is handed in, ChangedMeanwhile, and RuleBroken when the part is ready
    without the text that it needs.
    """
    checks.check_officer(by)
    bilan = locked(session, convention, bilan)
    if bilan.state is not BilanState.PREPARATION:
        raise AlreadyDone("Ce bilan est remis à l’État : il ne change plus.")
    known = next((p for p in parts_of(session, convention, bilan) if p.key == part), None)
    if known is None:
        raise RuleBroken("Ce bilan n’a pas cette partie.")
    texte = texte.strip()
    row = session.exec(
        select(BilanPart)
        .where(col(BilanPart.bilan_id) == bilan.id, col(BilanPart.part) == part)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is not None and (row.texte or "") == texte and row.prete == prete:
        return row
    checks.check_seen(version, row.version if row else 0, "cette partie")
    if prete and known.needs_text and not texte:
        raise RuleBroken("Écrivez le texte de cette partie avant de la dire prête.", field="texte")
    if row is None:
        row = BilanPart(bilan_id=bilan.id, part=part, version=0)
    was_ready = row.prete
    row.texte, row.prete = texte or None, prete
    row.version += 1
    row.updated_at, row.updated_by_id = clock.now(), by.id if by else None
    session.add(row)
    session.flush()
    if was_ready != prete:
        history.record(
            session,
            convention,
            f"{title_of(bilan)} : « {known.title}{READY if prete else REOPENED}",
            by=by,
        )
    return row


def missing(
    session: Session, convention: StateConvention, bilan: Bilan, states: Collection[PartState]
) -> list[tuple[str, str | None]]:
    """Return what keeps a bilan from being handed in: (sentence, key of the part to open or None)."""
    found: list[tuple[str, str | None]] = []
    (end,) = bilan_parts.ends_of(session, [convention], clock.today()).values()
    _, last = bilan_parts.period_of(bilan, convention, end)
    if clock.today() <= last:
        found.append((f"La période va jusqu’au {last:%d/%m/%Y} : le bilan se remet après.", None))
    closed = {annee for _, annee in checks.closing_bilans(session, [convention.id])}
    found += [
        (f"Le bilan {annee} n’est pas remis : l’année suivante en dépend.", None)
        for annee in range(convention.date_debut.year, bilan.annee)
        if annee not in closed
    ]
    found += [
        (f"« {state.part.title} » n’est pas prête.", state.part.key) for state in states if not state.ready
    ]
    return found


def hand_in(
    session: Session,
    bilan: Bilan,
    convention: StateConvention,
    *,
    by: User | None,
    version: int | None = None,
) -> Bilan:
    """Hand a bilan in to the State, and freeze its figures and texts.

    Raises NotAllowed, AlreadyDone when it is handed in, RuleBroken with what is missing, ChangedMeanwhile.
    """
    checks.check_officer(by)
    bilan = locked(session, convention, bilan)
    if bilan.state is not BilanState.PREPARATION:
        raise AlreadyDone("Ce bilan est déjà remis à l’État.")
    checks.check_version(bilan, version)
    states = parts(session, convention, bilan)
    lacking = missing(session, convention, bilan, states)
    if lacking:
        raise RuleBroken(" ".join(sentence for sentence, _ in lacking))
    told = bilan_figures.gather(session, convention, bilan)
    told["textes"] = {state.part.key: state.texte for state in states}
    bilan.figures = told
    bilan.state, bilan.remis_at, bilan.remis_by_id = BilanState.REMIS, clock.now(), by.id if by else None
    keep(session, bilan)
    history.record(session, convention, f"{title_of(bilan)} : remis à l’État", by=by)
    for gap in gaps(session, convention):
        if gap.annee == bilan.annee:
            # Told among the steps of the later bilan, which goes on saying what it said.
            history.record(
                session,
                convention,
                f"{gap.title} : ne dit plus ce que disent les comptes de {gap.annee}",
                by=by,
                motif=gap.sentence,
            )
    return bilan
