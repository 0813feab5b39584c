"""Verbs on conventions and on their actions. Places are the ledger's (`ledger`)."""

import hashlib
import uuid
from collections.abc import Collection
from datetime import date
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select

from portal import money
from portal.accounts.models import User
from portal.conventions import amendments, history, ledger, life, taking
from portal.conventions.capacity import check_still_enough
from portal.conventions.engagements import PartnerPayment
from portal.conventions.models import (
    ActionOffer,
    Convention,
    FinancedAction,
    Financeur,
    PlaceMode,
)
from portal.conventions.states import ConventionState
from portal.conventions.writing import (
    add_once,
    check_changes,
    check_neighbours,
    check_officer,
    check_period,
    check_seen,
    check_signature,
    check_version,
    paid,
    take,
    written_before,
)
from portal.errors import AlreadyDone, RuleBroken
from portal.offers.models import Offer, OfferState


def create_convention(
    session: Session, values: dict[str, Any], *, by: User | None, id: uuid.UUID | None = None
) -> Convention:
    """Add a convention from `values` (numero, intitule, structure_id, date_debut, date_fin, montant_centimes,
    and `financeurs`, `delai_entree_jours`, `objectifs`, `grace_jours`, `signee_le` when they are known). Without the
    day it was signed, it is a draft, and gives no place.

    `id` is made with the form: a second press bears the same one and returns the convention already written,
    unchanged. Raises NotAllowed when `by` is no officer (None is the portal itself); RuleBroken when the number is
    taken, the period ends before it begins, the signature is to come or a financeur is unknown; AlreadyDone when what was
    written under this `id` was thrown away since.
    """
    check_officer(by)
    written = session.get(Convention, id) if id is not None else None
    if written is not None:
        if written.supprimee_le is not None:
            raise AlreadyDone("Ce brouillon a été supprimé. Enregistrez de nouveau pour en faire un autre.")
        return written
    convention = Convention(
        **{name: values[name] for name in _CONVENTION_FIELDS},
        financeurs=_financeurs(values),
        delai_entree_jours=values.get("delai_entree_jours"),
        objectifs=values.get("objectifs"),
        signee_le=values.get("signee_le"),
        state=ConventionState.SIGNEE if values.get("signee_le") else ConventionState.BROUILLON,
        renouvelle_id=values.get("renouvelle_id"),
    )
    if values.get("grace_jours") is not None:
        convention.grace_jours = values["grace_jours"]
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
    history.record(
        session,
        convention,
        "Convention écrite" if convention.signee_le is None else "Convention écrite, déjà signée",
        by=by,
        detail={"signee_le": (None, convention.signee_le)} if convention.signee_le else None,
    )
    return convention


def change_convention(
    session: Session,
    convention: Convention,
    values: dict[str, Any],
    *,
    by: User,
    version: int | None = None,
    motif: str | None = None,
) -> bool:
    """Give the convention these values, and say whether one of them changed; those that are not named stay as they were.

    A draft may change in all; of a signed one this corrects what was written wrong, what was agreed later being an
    amendment's. A draft that is given the day of its signature is signed. `version` is the one that was opened,
    `motif` why it changes.

    Raises NotAllowed and RuleBroken as `create_convention` does; AlreadyDone when the convention no longer changes;
    ChangedMeanwhile; RuleBroken when the partner would change while actions finance its offers, when a signed
    convention would lose its signature, and when amendments, payments or places given would be left out.
    """
    check_officer(by)
    take(session, convention)
    wanted = {name: values[name] for name in (*_CONVENTION_FIELDS, *_OPTIONAL_FIELDS) if name in values}
    if "financeurs" in values:
        wanted["financeurs"] = _financeurs(values)
    if wanted.get("grace_jours", 0) is None:
        del wanted["grace_jours"]
    check_changes(convention, grace_jours=wanted.get("grace_jours"))
    check_version(convention, version, "cette convention")
    if wanted["structure_id"] != convention.structure_id and has_actions(session, convention.id):
        raise RuleBroken(
            "Les actions de cette convention financent les offres de son partenaire : il ne peut plus changer.",
            field="structure_id",
        )
    signature = wanted.pop("signee_le", None)
    signs = convention.state is ConventionState.BROUILLON and signature is not None
    if convention.state is ConventionState.SIGNEE and "signee_le" in values:
        if signature is None:
            raise RuleBroken("Cette convention est signée : écrivez de quel jour.", field="signee_le")
        wanted["signee_le"] = signature
    _check_correction(session, convention, wanted)
    detail = history.changed(convention, wanted)
    for name, value in wanted.items():
        setattr(convention, name, value)
    _check_convention(session, convention)
    if detail:
        convention.version += 1
        fait = "Brouillon modifié" if convention.state is ConventionState.BROUILLON else "Convention corrigée"
        history.record(session, convention, fait, by=by, motif=motif, detail=detail)
    try:
        session.flush()
    except IntegrityError as error:
        raise RuleBroken(_SAME_NUMBER, field="numero") from error
    if signs and signature is not None:
        life.sign(session, convention, signee_le=signature, by=by)
    return bool(detail) or signs


def _check_correction(session: Session, convention: Convention, wanted: dict[str, Any]) -> None:
    """Refuse to correct a convention against what was written since: amendments, payments, places, renewals."""
    debut, fin = wanted["date_debut"], wanted["date_fin"]
    if (debut, fin) != (convention.date_debut, convention.date_fin):
        check_period(session, convention, date_debut=debut, date_fin=fin)
        check_neighbours(session, convention, date_debut=debut, date_fin=fin)
    written = amendments.of_convention(session, convention.id)
    moved = next((a.numero for a in reversed(written) if a.date_fin_apres is not None), None)
    if moved is not None and fin != convention.date_fin:
        raise RuleBroken(
            f"L’avenant n° {moved} a déplacé le dernier jour : seul un autre avenant le déplace encore.",
            field="date_fin",
        )
    if wanted.get("signee_le") is not None:
        check_signature(convention, wanted["signee_le"], written[0].signe_le if written else None)
        _check_nothing_paid_before(session, convention, wanted["signee_le"])
    less = convention.montant_centimes - wanted["montant_centimes"]
    if less > 0:
        days = {debut} | {a.effet_le for a in written}
        least = min(amendments.amount_on(convention, written, day) for day in days) - less
        already = paid(session, convention.id)
        if least < already or least < 0:
            raise RuleBroken(
                f"Avec ses avenants, la convention descendrait au-dessous de ce que le partenaire a reçu "
                f"({money.euros(already)}).",
                field="montant",
            )


def _check_nothing_paid_before(session: Session, convention: Convention, signee_le: date) -> None:
    """Refuse a signature later than a payment: nothing is paid before it (`payments.pay`)."""
    first = session.execute(
        select(func.min(PartnerPayment.verse_le)).where(col(PartnerPayment.convention_id) == convention.id)
    ).scalar()
    if first is not None and first < signee_le:
        raise RuleBroken(
            f"Un versement a été fait le {first:%d/%m/%Y} : la convention ne peut pas être signée après lui.",
            field="signee_le",
        )


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
    check_officer(by)
    take(session, convention)
    written = written_before(session, FinancedAction, id, convention.id)
    if written is not None:
        return written
    if by is not None:
        check_changes(convention)
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
    written = add_once(session, action, convention.id)
    if written is not action:
        return written
    _finance(session, action, convention, values["offer_ids"])
    history.record(
        session,
        convention,
        "Action ajoutée",
        by=by,
        detail={
            "action": (None, action.intitule),
            "places_financees": (None, action.places_financees),
            "cout_unitaire_centimes": (None, action.cout_unitaire_centimes),
        },
    )
    session.flush()
    return action


def change_action(
    session: Session,
    action: FinancedAction,
    convention: Convention,
    values: dict[str, Any],
    *,
    by: User,
    seen: str | None = None,
) -> bool:
    """Give the action these values, and say whether one of them changed. `seen` is the `print_of` it that was opened.

    Raises RuleBroken when fewer places would be financed than are taken, when the mode changes once places have
    moved, or as `create_action` does; AlreadyDone when the convention no longer changes; ChangedMeanwhile when the
    action is no longer the one that was opened; NotAllowed when `by` is no officer.
    """
    check_officer(by)
    take(session, convention)
    check_changes(convention)
    locked = taking.lock_actions(session, [action.id])[0]
    if seen is not None:
        check_seen(seen, print_of(session, locked), "cette action")
    extra = values.get("surreservation", locked.surreservation) or 0
    check_still_enough(session, locked, values["places_financees"] - locked.places_financees, extra)
    if PlaceMode(values["mode"]) is not locked.mode and ledger.places_moved(session, locked.id):
        raise RuleBroken("Des places ont déjà été retenues : le mode ne peut plus changer.", field="mode")
    wanted = {
        **{name: values[name] for name in ("intitule", "places_financees", "cout_unitaire_centimes")},
        "mode": PlaceMode(values["mode"]),
        "surreservation": extra,
    }
    detail = history.changed(locked, wanted)
    for name, value in wanted.items():
        setattr(locked, name, value)
    before = _offer_names(session, locked.id)
    _finance(session, locked, convention, values["offer_ids"])
    after = _offer_names(session, locked.id)
    if before != after:
        detail["offres"] = (before, after)
    if detail:
        history.record(
            session, convention, f"Action modifiée\u00a0: {locked.intitule}"[:150], by=by, detail=detail
        )
        session.flush()
    return bool(detail)


def print_of(session: Session, action: FinancedAction) -> str:
    """Return a short text that differs as soon as something of the action differs: a page opened before is known by it."""
    offers = sorted(
        str(id)
        for id in session.exec(select(ActionOffer.offer_id).where(col(ActionOffer.action_id) == action.id))
    )
    said = (
        action.intitule,
        action.places_financees,
        action.cout_unitaire_centimes,
        action.mode.value,
        action.surreservation,
        *offers,
    )
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def _offer_names(session: Session, action_id: uuid.UUID) -> str:
    names = session.exec(
        select(Offer.nom)
        .join(ActionOffer, col(ActionOffer.offer_id) == col(Offer.id))
        .where(col(ActionOffer.action_id) == action_id)
        .order_by(col(Offer.nom))
    )
    return ", ".join(names)


_OPTIONAL_FIELDS = ("delai_entree_jours", "objectifs", "grace_jours", "signee_le")
_CONVENTION_FIELDS = ("numero", "intitule", "structure_id", "date_debut", "date_fin", "montant_centimes")


def _financeurs(values: dict[str, Any]) -> list[str] | None:
    """Return the financeurs once each, in the order of the enum; None when nobody is named."""
    named = set(values.get("financeurs") or ())
    if named - {financeur.value for financeur in Financeur}:
        raise RuleBroken("Choisissez les financeurs dans la liste.", field="financeurs")
    return [financeur.value for financeur in Financeur if financeur.value in named] or None


_SAME_NUMBER = "Une autre convention porte ce numéro."
NO_OFFER = "Une offre cochée n’est plus dans la liste, ou a été réunie à une autre : relisez la liste, et cochez de nouveau."


def _check_convention(session: Session, convention: Convention) -> None:
    if convention.date_fin < convention.date_debut:
        raise RuleBroken("La convention finit avant de commencer : corrigez les dates.", field="date_fin")
    if convention.delai_entree_jours is not None and not 1 <= convention.delai_entree_jours <= 365:
        raise RuleBroken("Écrivez un délai entre 1 et 365 jours.", field="delai_entree_jours")
    if not 0 <= convention.grace_jours <= 365:
        raise RuleBroken("Écrivez un délai entre 0 et 365 jours.", field="grace_jours")
    if convention.signee_le is not None:
        check_signature(convention, convention.signee_le)
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
    if any(offer.state is OfferState.FUSIONNEE for offer in offers):
        raise RuleBroken(NO_OFFER, field="offer_ids")
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
