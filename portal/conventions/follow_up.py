"""The rules of prescriptions and places that the département sets: delays, which action gives the place, hours aimed at.

They are one row, counted at each change, and every change is kept: who, when, why, and from what to what.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from portal import clock
from portal.accounts.models import User
from portal.conventions.history import changed
from portal.conventions.models import ChoiceOfAction, FollowUpEvent, FollowUpRules
from portal.conventions.writing import check_officer, check_version
from portal.errors import RuleBroken

# What each delay may be: (least, most), as the database holds it.
BOUNDS: dict[str, tuple[int, int]] = {
    "relance_partenaire_jours": (2, 60),
    "relance_referent_jours": (2, 120),
    "expiration_envoyee_jours": (7, 365),
    "expiration_etude_jours": (7, 365),
    "proposition_jours": (1, 30),
    "lien_jours": (1, 30),
    "documents_mois": (1, 24),
    "heures_min": (0, 60),
    "heures_max": (0, 60),
}


def in_force(session: Session) -> FollowUpRules:
    """Return the rules of prescriptions and places that the département set, or the usual ones."""
    return session.get(FollowUpRules, 1) or FollowUpRules()


def change(
    session: Session,
    values: Mapping[str, Any],
    *,
    by: User,
    version: int | None = None,
    motif: str | None = None,
) -> bool:
    """Give the rules these values (fields of `FollowUpRules`), and say whether one of them changed.

    Those that are not named stay as they were. `version` is the one that was opened, `motif` why they change.

    Raises NotAllowed when `by` is no officer; ChangedMeanwhile; RuleBroken, at its field, when a delay is not sensible,
    or when a prescription would expire before its référent is told of the silence.
    """
    check_officer(by)
    kept = _taken(session)
    check_version(kept, version, "ces règles")
    wanted = {name: values.get(name, getattr(kept, name)) for name in BOUNDS}
    _check(wanted)
    if "choix_action" in values:
        wanted["choix_action"] = ChoiceOfAction(values["choix_action"])
    detail = changed(kept, wanted)
    if not detail:
        return False
    for name in detail:
        setattr(kept, name, wanted[name])
    kept.version += 1
    kept.updated_at, kept.updated_by_id = clock.now(), by.id
    session.add(
        FollowUpEvent(
            at=kept.updated_at,
            by_id=by.id,
            motif=(motif or "").strip() or None,
            detail={name: [str(old), str(new)] for name, (old, new) in detail.items()},
        )
    )
    session.flush()
    return True


def history() -> Select[Any]:
    """Every change of the rules with the account of who made it, the newest first."""
    statement: Any = (
        select(FollowUpEvent, User)
        .outerjoin(User, col(User.id) == col(FollowUpEvent.by_id))
        .order_by(col(FollowUpEvent.at).desc(), col(FollowUpEvent.id).desc())
    )
    found: Select[Any] = statement
    return found


def last(session: Session) -> tuple[str | None, datetime]:
    """Return who changed the rules last (None: the portal, or nobody yet) and when."""
    kept = in_force(session)
    by = session.get(User, kept.updated_by_id) if kept.updated_by_id else None
    return by.full_name if by else None, kept.updated_at


def _taken(session: Session) -> FollowUpRules:
    """Take the row until the transaction ends, and return it as it is now; the first change makes it."""
    held: dict[str, Any] = {"with_for_update": True, "populate_existing": True}
    kept = session.get(FollowUpRules, 1, **held)
    if kept is not None:
        return kept
    try:
        with session.begin_nested():
            session.add(FollowUpRules())
    except IntegrityError:
        # Somebody else made it between our look and our writing.
        pass
    return session.get_one(FollowUpRules, 1, **held)


def _check(wanted: Mapping[str, Any]) -> None:
    for name, (low, high) in BOUNDS.items():
        if wanted[name] is None or not low <= wanted[name] <= high:
            raise RuleBroken(f"Écrivez un nombre entre {low} et {high}.", field=name)
    told = wanted["relance_referent_jours"]
    for name in ("expiration_envoyee_jours", "expiration_etude_jours"):
        if wanted[name] <= told:
            raise RuleBroken(
                f"Le référent est prévenu au bout de {told} jours : écrivez un nombre plus grand, pour "
                "qu’il ait le temps d’appeler.",
                field=name,
            )
    if wanted["heures_max"] < wanted["heures_min"]:
        raise RuleBroken("Le plus d’heures est au-dessous du moins d’heures : corrigez.", field="heures_max")
