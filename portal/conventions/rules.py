"""Verbs on conventions, on their actions and on the rules of follow-up. Places are the ledger's (`ledger`)."""

import uuid
from collections.abc import Collection
from datetime import date
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from portal import clock
from portal.accounts.models import Role, User
from portal.conventions import ledger
from portal.conventions.models import (
    ActionOffer,
    ChoiceOfAction,
    Convention,
    FinancedAction,
    Financeur,
    FollowUpRules,
    PlaceChange,
    PlaceMode,
    PlaceMovement,
)
from portal.errors import NotAllowed, RuleBroken
from portal.offers.models import Offer


def create_convention(
    session: Session, values: dict[str, Any], *, by: User | None, id: uuid.UUID | None = None
) -> Convention:
    """Add a convention from `values` (numero, intitule, structure_id, date_debut, date_fin, montant_centimes,
    and `financeurs` when they are known).

    `id` is made with the form: a second press bears the same one and returns the convention already written,
    unchanged. Raises NotAllowed when `by` is no officer (None is the portal itself); RuleBroken when the number is
    taken, the period ends before it begins or a financeur is unknown.
    """
    _check_officer(by)
    written = session.get(Convention, id) if id is not None else None
    if written is not None:
        return written
    convention = Convention(
        **{name: values[name] for name in _CONVENTION_FIELDS},
        financeurs=_financeurs(values),
        delai_entree_jours=values.get("delai_entree_jours"),
    )
    if id is not None:
        convention.id = id
    _check_convention(session, convention)
    try:
        with session.begin_nested():
            session.add(convention)
    except IntegrityError as error:
        # Somebody wrote between our look and our writing: the first press, or another convention of this number.
        written = session.get(Convention, id) if id is not None else None
        if written is None:
            raise RuleBroken(_SAME_NUMBER, field="numero") from error
        return written
    return convention


def change_convention(session: Session, convention: Convention, values: dict[str, Any], *, by: User) -> None:
    """Give the convention these values; who finances it stays as it was when `financeurs` is not among them.

    Raises NotAllowed and RuleBroken as `create_convention` does, and RuleBroken when the partner would change while
    actions finance its offers.
    """
    _check_officer(by)
    if values["structure_id"] != convention.structure_id and has_actions(session, convention.id):
        raise RuleBroken(
            "Les actions de cette convention financent les offres de son partenaire : il ne peut plus changer.",
            field="structure_id",
        )
    for name in _CONVENTION_FIELDS:
        setattr(convention, name, values[name])
    if "financeurs" in values:
        convention.financeurs = _financeurs(values)
    if "delai_entree_jours" in values:
        convention.delai_entree_jours = values["delai_entree_jours"]
    _check_convention(session, convention)
    try:
        session.flush()
    except IntegrityError as error:
        raise RuleBroken(_SAME_NUMBER, field="numero") from error


def has_actions(session: Session, convention_id: uuid.UUID) -> bool:
    """Say whether the convention has an action."""
    actions = select(FinancedAction.id).where(col(FinancedAction.convention_id) == convention_id).limit(1)
    return session.exec(actions).first() is not None


def create_action(
    session: Session,
    convention: Convention,
    values: dict[str, Any],
    *,
    by: User | None,
    id: uuid.UUID | None = None,
) -> FinancedAction:
    """Add an action to `convention` from `values` (intitule, places_financees, cout_unitaire_centimes, mode, offer_ids).

    `id` is made with the form: a second press bears the same one and returns the action already written, unchanged.
    Raises NotAllowed when `by` is no officer (None is the portal itself); RuleBroken when no offer is given, or when
    one belongs to another structure.
    """
    _check_officer(by)
    written = _written_action(session, convention, id)
    if written is not None:
        return written
    action = FinancedAction(
        convention_id=convention.id,
        intitule=values["intitule"],
        places_financees=values["places_financees"],
        cout_unitaire_centimes=values["cout_unitaire_centimes"],
        mode=PlaceMode(values["mode"]),
        surreservation=values.get("surreservation") or 0,
    )
    if id is not None:
        action.id = id
    try:
        with session.begin_nested():
            session.add(action)
    except IntegrityError:
        # The first press was written between our look and our writing.
        written = _written_action(session, convention, id)
        if written is None:
            raise
        return written
    _finance(session, action, convention, values["offer_ids"])
    return action


def change_action(
    session: Session, action: FinancedAction, convention: Convention, values: dict[str, Any], *, by: User
) -> None:
    """Give the action these values.

    Raises RuleBroken when fewer places would be financed than are taken, when the mode changes once places have
    moved, or as `create_action` does; NotAllowed when `by` is no officer.
    """
    _check_officer(by)
    locked = ledger.lock_actions(session, [action.id])[0]
    _check_still_enough(
        session,
        locked,
        values["places_financees"] - locked.places_financees,
        values.get("surreservation", locked.surreservation) or 0,
    )
    if PlaceMode(values["mode"]) is not locked.mode and ledger.places_moved(session, locked.id):
        raise RuleBroken("Des places ont déjà été retenues : le mode ne peut plus changer.", field="mode")
    locked.intitule = values["intitule"]
    locked.places_financees = values["places_financees"]
    locked.cout_unitaire_centimes = values["cout_unitaire_centimes"]
    locked.mode = PlaceMode(values["mode"])
    if "surreservation" in values:
        locked.surreservation = values["surreservation"] or 0
    _finance(session, locked, convention, values["offer_ids"])


def change_places(
    session: Session,
    action: FinancedAction,
    convention: Convention,
    *,
    change: int,
    effet_le: date,
    motif: str,
    by: User,
    id: uuid.UUID | None = None,
) -> PlaceChange:
    """Write an amendment: `change` places more (or fewer, below zero) for the action from the day `effet_le` on.

    `id` is made with the form: a second press returns the line already written. Raises NotAllowed when `by` is no
    officer; RuleBroken when nothing changes, when the day is outside the convention's period, without a reason, or
    when fewer places would be financed than are taken on some day.
    """
    _check_officer(by)
    written = session.get(PlaceChange, id) if id is not None else None
    if written is not None:
        if written.action_id != action.id:
            raise RuleBroken("Cette page n’est plus à jour : rouvrez la convention et recommencez.")
        return written
    locked = ledger.lock_actions(session, [action.id])[0]
    if change == 0:
        raise RuleBroken("Écrivez combien de places s’ajoutent, ou combien se retirent.", field="places")
    if not convention.runs_on(effet_le):
        raise RuleBroken(
            f"La convention court du {convention.date_debut:%d/%m/%Y} au {convention.date_fin:%d/%m/%Y} : "
            "choisissez un jour de cette période.",
            field="effet_le",
        )
    if not motif.strip():
        raise RuleBroken("Écrivez d’où vient ce changement, par exemple « avenant n° 1 ».", field="motif")
    if change < 0:
        _check_still_enough(session, locked, change, locked.surreservation, since=effet_le, field="places")
    line = PlaceChange(
        action_id=locked.id, d_financees=change, effet_le=effet_le, motif=motif.strip(), by_id=by.id
    )
    if id is not None:
        line.id = id
    try:
        with session.begin_nested():
            session.add(line)
    except IntegrityError:
        # The first press was written between our look and our writing.
        written = session.get(PlaceChange, id) if id is not None else None
        if written is None:
            raise
        return written
    return line


def set_follow_up_rules(session: Session, values: dict[str, Any], *, by: User) -> FollowUpRules:
    """Give the département's rules of prescriptions and places these values (fields of `FollowUpRules`), and return them.

    Raises NotAllowed when `by` is no officer; RuleBroken when a delay is not sensible, or when a prescription would
    expire before its référent is told of the silence.
    """
    _check_officer(by)
    kept = session.get(FollowUpRules, 1)
    if kept is None:
        kept = FollowUpRules()
        session.add(kept)
    for name, (low, high) in FOLLOW_UP_BOUNDS.items():
        value = values.get(name, getattr(kept, name))
        if value is None or not low <= value <= high:
            raise RuleBroken(f"Écrivez un nombre entre {low} et {high}.", field=name)
        setattr(kept, name, value)
    for name in ("expiration_envoyee_jours", "expiration_etude_jours"):
        if getattr(kept, name) <= kept.relance_referent_jours:
            raise RuleBroken(
                f"Le référent est prévenu au bout de {kept.relance_referent_jours} jours : écrivez un nombre plus grand, pour "
                "qu’il ait le temps d’appeler.",
                field=name,
            )
    if kept.heures_max < kept.heures_min:
        raise RuleBroken("Le plus d’heures est au-dessous du moins d’heures : corrigez.", field="heures_max")
    if "choix_action" in values:
        kept.choix_action = ChoiceOfAction(values["choix_action"])
    kept.updated_at, kept.updated_by_id = clock.now(), by.id
    session.flush()
    return kept


# What each delay may be: (least, most), as the database holds it.
FOLLOW_UP_BOUNDS: dict[str, tuple[int, int]] = {
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

_CONVENTION_FIELDS = ("numero", "intitule", "structure_id", "date_debut", "date_fin", "montant_centimes")


def _financeurs(values: dict[str, Any]) -> list[str] | None:
    """Return the financeurs once each, in the order of the enum; None when nobody is named."""
    named = set(values.get("financeurs") or ())
    if named - {financeur.value for financeur in Financeur}:
        raise RuleBroken("Choisissez les financeurs dans la liste.", field="financeurs")
    return [financeur.value for financeur in Financeur if financeur.value in named] or None


_SAME_NUMBER = "Une autre convention porte ce numéro."


def _check_officer(by: User | None) -> None:
    if by is not None and by.role is not Role.CONVENTIONNEMENT:
        raise NotAllowed("Seul un chargé de conventionnement peut écrire une convention.")


def _written_action(session: Session, convention: Convention, id: uuid.UUID | None) -> FinancedAction | None:
    found = session.get(FinancedAction, id) if id is not None else None
    if found is not None and found.convention_id != convention.id:
        raise RuleBroken("Cette page n’est plus à jour : rouvrez la convention et recommencez.")
    return found


def _check_convention(session: Session, convention: Convention) -> None:
    if convention.date_fin < convention.date_debut:
        raise RuleBroken("La convention finit avant de commencer : corrigez les dates.", field="date_fin")
    if convention.delai_entree_jours is not None and not 1 <= convention.delai_entree_jours <= 365:
        raise RuleBroken("Écrivez un délai entre 1 et 365 jours.", field="delai_entree_jours")
    same = select(Convention.id).where(
        col(Convention.numero) == convention.numero, col(Convention.id) != convention.id
    )
    with session.no_autoflush:
        if session.exec(same).first() is not None:
            raise RuleBroken(_SAME_NUMBER, field="numero")


def _finance(
    session: Session, action: FinancedAction, convention: Convention, offer_ids: Collection[uuid.UUID]
) -> None:
    offers = session.exec(select(Offer).where(col(Offer.id).in_(list(offer_ids)))).all()
    if not offers:
        raise RuleBroken("Choisissez au moins une offre.", field="offer_ids")
    if any(offer.structure_id != convention.structure_id for offer in offers):
        raise RuleBroken("Une convention finance les offres de son partenaire seulement.", field="offer_ids")
    wanted = {offer.id for offer in offers}
    for link in session.exec(select(ActionOffer).where(col(ActionOffer.action_id) == action.id)):
        if link.offer_id in wanted:
            wanted.discard(link.offer_id)
        else:
            session.delete(link)
    session.add_all(ActionOffer(action_id=action.id, offer_id=offer_id) for offer_id in wanted)
    session.flush()


def _check_still_enough(
    session: Session,
    action: FinancedAction,
    change: int,
    surreservation: int,
    *,
    since: date | None = None,
    field: str = "places_financees",
) -> None:
    """Refuse to finance fewer places than are taken, on any day from `since` on (from the first when None)."""
    today = clock.today()
    days = {today} | {line.effet_le for line in ledger.changes_of(session, action.id)}
    moved = select(col(PlaceMovement.effet_le)).where(col(PlaceMovement.action_id) == action.id).distinct()
    days |= {row[0] for row in session.execute(moved)}
    if since is not None:
        days = {day for day in days if day >= since} | {since}
    ordered = sorted(days)
    # What is taken now is still to be taken on a day to come, as far as anybody knows.
    short = [
        places.prises
        for places in ledger.places_on_days(session, action, ordered)
        if places.prises > places.financees + change + surreservation
    ]
    if short:
        taken = max(short)
        already = (
            "1 place est déjà retenue, occupée ou utilisée"
            if taken == 1
            else f"{taken} places sont déjà retenues, occupées ou utilisées"
        )
        raise RuleBroken(f"{already} : financez-en au moins autant.", field=field)
