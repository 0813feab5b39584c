"""A bilan is read by two different readers of the State, who mark its parts, settle it or ask for a correction (domain §6)."""

from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import Role, User
from portal.budget import accounts, checks, history
from portal.budget.bilan_models import Bilan, BilanMark, BilanPart, BilanState, Mark
from portal.budget.bilan_parts import parts_of, title_of
from portal.budget.bilans import gaps, is_of_this_round, keep, locked, parts
from portal.budget.models import StateConvention
from portal.errors import AlreadyDone, NotAllowed, RuleBroken

PREPARED = "Ce bilan est en préparation : il se lit une fois remis."


def mark_part(
    session: Session,
    bilan: Bilan,
    convention: StateConvention,
    part: str,
    mark: Mark,
    commentaire: str,
    *,
    by: User,
) -> BilanMark:
    """Write what a reader says of a part. The same again changes nothing.

    Raises NotAllowed, RuleBroken when the bilan is not being read, when a correction has no comment, or when this
    reader's turn is over.
    """
    bilan = _being_read(session, bilan, convention, by)
    known = next((p for p in parts_of(session, convention, bilan) if p.key == part), None)
    if known is None:
        raise RuleBroken("Ce bilan n’a pas cette partie.")
    said = commentaire.strip() or None
    if mark is Mark.A_CORRIGER and said is None:
        raise RuleBroken("Écrivez ce qui est à corriger.", field="commentaire")
    row = session.exec(
        select(BilanMark)
        .where(
            col(BilanMark.bilan_id) == bilan.id, col(BilanMark.part) == part, col(BilanMark.by_id) == by.id
        )
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is not None and row.mark is mark and row.commentaire == said and is_of_this_round(bilan, row):
        return row
    if row is None:
        row = BilanMark(bilan_id=bilan.id, part=part, mark=mark, by_id=by.id)
    row.mark, row.commentaire, row.at = mark, said, clock.now()
    session.add(row)
    session.flush()
    # The row keeps the last word of a reader; the history keeps them all.
    history.record(
        session, convention, f"{title_of(bilan)} : « {known.title} » {mark.label.lower()}", by=by, motif=said
    )
    return row


def accept(
    session: Session, bilan: Bilan, convention: StateConvention, *, by: User, version: int | None = None
) -> Bilan:
    """Pass a bilan on: the first reader has read it, then the second, another person, settles it.

    Raises NotAllowed, RuleBroken when a part waits for a correction, when the first reader would be the second, or to
    settle it while an earlier year is corrected or is no longer what it says; AlreadyDone when it is settled,
    ChangedMeanwhile.
    """
    if bilan.state is BilanState.ARRETE:
        raise AlreadyDone("Ce bilan est déjà arrêté.")
    bilan = _being_read(session, bilan, convention, by)
    checks.check_version(bilan, version)
    waits = [state.part.title for state in parts(session, convention, bilan) if state.to_correct]
    if waits:
        raise RuleBroken(
            "Une correction est attendue sur : "
            + ", ".join(waits)
            + ". Demandez-la au département, ou changez l’avis."
        )
    if bilan.state is BilanState.REMIS:
        bilan.state, bilan.relu_at, bilan.relu_by_id = BilanState.RELU, clock.now(), by.id
        done = "première lecture faite"
    else:
        _check_years_before(session, bilan, convention)
        bilan.state, bilan.arrete_at, bilan.arrete_by_id = BilanState.ARRETE, clock.now(), by.id
        done = "arrêté"
    keep(session, bilan)
    history.record(session, convention, f"{title_of(bilan)} : {done}", by=by)
    return bilan


def ask_correction(
    session: Session,
    bilan: Bilan,
    convention: StateConvention,
    demande: str,
    *,
    by: User,
    version: int | None = None,
) -> Bilan:
    """Send a bilan back to the département: it is thawed, and the parts to correct are no longer ready.

    What it says of an earlier year may be no longer so (`gaps`): it is then sent back by anybody of the State, settled
    or not. Raises NotAllowed, RuleBroken without a comment or when it is not being read, ChangedMeanwhile.
    """
    if any(gap.bilan.id == bilan.id for gap in gaps(session, convention)):
        _check_reader(by)
        bilan = locked(session, convention, bilan)
        if bilan.state is BilanState.PREPARATION:
            raise RuleBroken(PREPARED)
    else:
        bilan = _being_read(session, bilan, convention, by)
    checks.check_version(bilan, version)
    if not demande.strip():
        raise RuleBroken("Écrivez ce qui est à corriger.", field="demande")
    wrong = {state.part.key for state in parts(session, convention, bilan) if state.to_correct}
    bilan.state, bilan.figures = BilanState.PREPARATION, None
    bilan.remis_at = bilan.remis_by_id = None
    bilan.relu_at = bilan.relu_by_id = None
    bilan.arrete_at = bilan.arrete_by_id = None
    bilan.demande, bilan.demande_at, bilan.demande_by_id = demande.strip(), clock.now(), by.id
    keep(session, bilan)
    for row in session.exec(
        select(BilanPart).where(col(BilanPart.bilan_id) == bilan.id, col(BilanPart.part).in_(wrong))
    ):
        row.prete = False
        row.version += 1
        session.add(row)
    session.flush()
    history.record(session, convention, f"{title_of(bilan)} : correction demandée", by=by, motif=demande)
    return bilan


def may_read(bilan: Bilan, user: User) -> bool:
    """Say whether it is for this person to mark and pass on a bilan: one of the State's, and not twice the same."""
    return (
        user.role is Role.ETAT
        and bilan.state in {BilanState.REMIS, BilanState.RELU}
        and not (bilan.state is BilanState.RELU and bilan.relu_by_id == user.id)
    )


def _check_reader(by: User) -> None:
    if by.role is not Role.ETAT:
        raise NotAllowed("Seuls les services de l’État lisent un bilan pour l’arrêter.")


def _check_years_before(session: Session, bilan: Bilan, convention: StateConvention) -> None:
    """Raise RuleBroken while an earlier year is being corrected, or is no longer what the bilan says of it."""
    years = accounts.of(session, convention)
    for year in years:
        if year.annee < bilan.annee and year.corrected is not None:
            raise RuleBroken(
                f"Le {title_of(year.corrected).lower()} est en correction : celui-ci s’arrête une fois qu’il est remis."
            )
    for gap in accounts.gaps(years):
        if gap.bilan.id == bilan.id:
            raise RuleBroken(f"{gap.sentence} Demandez la correction de ce bilan avant de l’arrêter.")


def _being_read(session: Session, bilan: Bilan, convention: StateConvention, by: User) -> Bilan:
    _check_reader(by)
    bilan = locked(session, convention, bilan)
    if bilan.state is BilanState.PREPARATION:
        raise RuleBroken(PREPARED)
    if bilan.state is BilanState.ARRETE:
        raise AlreadyDone("Ce bilan est arrêté : il ne change plus.")
    if bilan.state is BilanState.RELU and bilan.relu_by_id == by.id:
        raise RuleBroken("Vous avez fait la première lecture : une autre personne arrête le bilan.")
    return bilan
