"""Verbs on offers. What is required to publish is said here, once, for the form, the API and imports."""

import uuid
from contextlib import suppress
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from portal import clock, geography, vocabulary
from portal.accounts.models import User
from portal.errors import AlreadyDone, ChangedMeanwhile, RuleBroken
from portal.offers import states
from portal.offers.models import Offer, OfferState
from portal.offers.record import missing_to_publish
from portal.parcours import FREINS, Dominante
from portal.structures import history
from portal.structures.models import Act, Structure, Validation
from portal.structures.rules import catalogue_rules, keeps_catalogue, settle

LISTS = (
    "thematiques",
    "publics",
    "modes_accueil",
    "modes_mobilisation",
    "mobilisable_par",
    "zone_eligibilite",
    "dominantes",
    "freins",
)
# What a form may give; the rest is ours.
FIELDS = (
    "nom",
    "description",
    "type",
    "frais",
    "frais_precisions",
    "publics_precisions",
    "conditions_acces",
    "telephone",
    "courriel",
    "contact_nom_prenom",
    "lien_mobilisation",
    "mobilisation_precisions",
    "volume_horaire_hebdomadaire",
    "nombre_semaines",
    "horaires_accueil",
    "mode_prescription",
    "documents_a_apporter",
    "frequence",
    "date_fin",
    "confirmation_mois",
    "contact_public",
    "adresse",
    "complement_adresse",
    "code_postal",
    "code_insee",
    *LISTS,
)


class Incomplete(RuleBroken):
    """An offer cannot be published yet; `problems` maps each field to a sentence that says what to do."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__("L’offre ne peut pas encore être publiée : complétez les points signalés.")
        self.problems = problems


def create_offer(
    session: Session,
    structure: Structure,
    values: dict[str, Any],
    *,
    by: User | None,
    id: uuid.UUID | None = None,
    act: Act = Act.CREATION,
) -> Offer:
    """Add a draft offer of `structure` from `values` (see FIELDS) and return it.

    `values["position"]`, (latitude, longitude) when the address was found on the map, places it better than the
    commune's centre. `act` is what its history says. `id` is the one the form was given when it was opened. Raises AlreadyDone when an offer bears it already, and
    RuleBroken with the field when a value cannot be kept.
    """
    offer = Offer(
        structure_id=structure.id,
        nom=values["nom"],
        date_maj=clock.today(),
        created_by_id=by.id if by else None,
    )
    if id is not None:
        if session.get(Offer, id) is not None:
            raise AlreadyDone("Cette offre est déjà enregistrée.")
        offer.id = id
    _apply(offer, values, structure)
    try:
        with session.begin_nested():
            session.add(offer)
    except IntegrityError:
        # Two requests at once: the database kept the first one. Any other refusal is a fault, and said as one.
        if session.exec(select(Offer.id).where(col(Offer.id) == offer.id)).first() is None:
            raise
        raise AlreadyDone("Cette offre vient d’être enregistrée.") from None
    history.record(
        session, offer, act, by=by, changes=history.differences({}, history.snapshot(offer, FIELDS))
    )
    return offer


def change_offer(
    session: Session,
    offer: Offer,
    values: dict[str, Any],
    *,
    structure: Structure,
    by: User | None,
    version: int | None = None,
    act: Act = Act.MODIFICATION,
    note: str | None = None,
    also: history.Changes | None = None,
) -> bool:
    """Give `offer` these values; return True when something changed, which moves `date_maj` and its version.

    `version` is the one that was opened: raises ChangedMeanwhile when there is a newer one. `also` is what changed
    beside the offer's own fields (its sessions, its documents) and counts as a change of it. Raises RuleBroken with the
    field when a value cannot be kept, Incomplete when a published offer would become one that cannot be. What a partner
    changes in a public offer goes back to the animator's reading where the département reads before publication.
    """
    session.flush()
    session.refresh(offer, with_for_update=True)
    if version is not None and version != offer.version:
        raise ChangedMeanwhile("Quelqu’un d’autre a modifié cette offre pendant que vous écriviez.")
    if offer.state not in states.OPEN:
        states.after(offer.state, Act.PUBLICATION)
    before = history.snapshot(offer, FIELDS)
    _apply(offer, values, structure)
    if offer.is_public:
        _require(offer, structure)
    changes = history.differences(before, history.snapshot(offer, FIELDS)) | (also or {})
    if not changes:
        return False
    touch(offer)
    offer.version += 1
    if (
        offer.is_public
        and not keeps_catalogue(by)
        and catalogue_rules(session).offres_validees is Validation.AVANT
    ):
        offer.reviewed_at = offer.reviewed_by_id = None
    history.record(session, offer, act, by=by, changes=changes, note=note)
    return True


def publish_offer(session: Session, offer: Offer, *, structure: Structure, by: User | None) -> None:
    """Put the offer in the catalogue and in the export, or ask the animator to, as the rules say; see `state` after.

    A partner's offer waits for the animator when the département reads before publication; when it reads after, it is
    public at once and in the animator's queue. Raises Incomplete with every point to mend, RuleBroken when its state
    forbids it.
    """
    if offer.state is OfferState.PUBLIEE or (offer.state is OfferState.A_VALIDER and not keeps_catalogue(by)):
        return
    _require(offer, structure)
    waits = not keeps_catalogue(by) and catalogue_rules(session).offres_validees is Validation.AVANT
    act = Act.SOUMISSION if waits else Act.PUBLICATION
    offer.state = states.after(offer.state, act)
    offer.submitted_at = clock.now()
    offer.review_note = None
    offer.suspended_at = None
    if keeps_catalogue(by):
        offer.reviewed_at, offer.reviewed_by_id = clock.now(), by.id if by else None
    else:
        offer.reviewed_at = offer.reviewed_by_id = None
    if act is Act.PUBLICATION:
        offer.published_at = clock.now()
    history.record(session, offer, act, by=by)


def validate_offer(session: Session, offer: Offer, *, structure: Structure, by: User) -> None:
    """The animator has read the offer: it is public, and leaves the queue.

    Raises Incomplete when something is missing by now, RuleBroken when its state forbids it.
    """
    _require(offer, structure)
    was_public = offer.is_public
    offer.state = states.after(offer.state, Act.VALIDATION)
    if not was_public:
        offer.published_at = clock.now()
    offer.reviewed_at, offer.reviewed_by_id = clock.now(), by.id
    offer.review_note = None
    history.record(session, offer, Act.VALIDATION, by=by)


def send_back_offer(session: Session, offer: Offer, *, note: str, by: User) -> None:
    """The animator asks for something to be mended: the offer is a draft again, with the `note`."""
    if not note.strip():
        raise RuleBroken("Dites au partenaire ce qu’il doit changer.", field="note")
    offer.state = states.after(offer.state, Act.RENVOI)
    offer.reviewed_at = offer.reviewed_by_id = None
    offer.review_note = note.strip()
    history.record(session, offer, Act.RENVOI, by=by, note=note.strip())


def withdraw_offer(session: Session, offer: Offer, *, by: User) -> None:
    """Take the offer out of the catalogue and of the export; it becomes a draft again, nothing is removed."""
    if offer.state is OfferState.BROUILLON:
        return
    offer.state = states.after(offer.state, Act.RETRAIT)
    offer.suspended_at = None
    history.record(session, offer, Act.RETRAIT, by=by)


def confirm_offer(session: Session, offer: Offer, *, by: User | None) -> None:
    """Say that the offer is still right as it stands: `date_maj` moves to today; a suspended one is public again.

    Raises Incomplete when a suspended offer lacks something by now, RuleBroken when its state forbids it.
    """
    if offer.state is OfferState.SUSPENDUE:
        _require(offer, offer.structure)
        offer.published_at = clock.now()
    offer.state = states.after(offer.state, Act.CONFIRMATION)
    offer.suspended_at = None
    touch(offer)
    history.record(session, offer, Act.CONFIRMATION, by=by)


def suspend_offer(session: Session, offer: Offer) -> None:
    """Nobody confirmed the offer in time: it leaves the catalogue and the export until somebody does."""
    offer.state = states.after(offer.state, Act.SUSPENSION)
    offer.suspended_at = clock.now()
    history.record(session, offer, Act.SUSPENSION, by=None)


def archive_offer(session: Session, offer: Offer, *, by: User) -> None:
    """Put the offer away: out of the catalogue, out of the lists of work; it can be taken up again."""
    if offer.state is OfferState.ARCHIVEE:
        return
    offer.state = states.after(offer.state, Act.ARCHIVAGE)
    offer.suspended_at = None
    history.record(session, offer, Act.ARCHIVAGE, by=by)


def resume_offer(session: Session, offer: Offer, *, by: User) -> None:
    """Take an archived offer up again, as a draft."""
    offer.state = states.after(offer.state, Act.REPRISE)
    history.record(session, offer, Act.REPRISE, by=by)


def touch(offer: Offer) -> None:
    """The offer was changed or confirmed today: `date_maj` moves, and the count of reminders starts again."""
    offer.date_maj = clock.today()
    offer.reminders = 0
    offer.reminded_at = None


def sketch(values: dict[str, Any], structure: Structure) -> Offer:
    """Return an offer made of `values` that is never saved: what would be missing if it were published?

    Values that cannot be kept are left out.
    """
    offer = Offer(structure_id=structure.id, nom=values.get("nom") or "", date_maj=clock.today())
    with suppress(RuleBroken):
        _apply(offer, values | {"nom": offer.nom}, structure)
    return offer


def refresh_search_text(session: Session, structure: Structure) -> None:
    """Write again what the search reads in the offers of a structure that changed its name."""
    for offer in session.exec(select(Offer).where(col(Offer.structure_id) == structure.id)):
        offer.search_text = _search_text(offer, structure)


def _require(offer: Offer, structure: Structure) -> None:
    problems = missing_to_publish(offer, structure)
    if problems:
        raise Incomplete(problems)


def _apply(offer: Offer, values: dict[str, Any], structure: Structure) -> None:
    given = {}
    for name in FIELDS:
        if name not in values:
            continue
        value = values[name]
        if name in LISTS:
            value = list(value or ()) if name == "zone_eligibilite" else sorted(set(value or ()))
            value = value or None
        if name == "description":
            value = value or ""
        given[name] = value
    if given.get("contact_public", True) is None:
        given["contact_public"] = True
    settle(offer, given, position=values.get("position"))
    known = {dominante.value for dominante in Dominante}
    if any(value not in known for value in offer.dominantes or ()):
        raise RuleBroken("Cette dominante n’existe pas : choisissez dans la liste.", field="dominantes")
    slugs = {frein.slug for frein in FREINS}
    if any(value not in slugs for value in offer.freins or ()):
        raise RuleBroken("Ce frein n’existe pas : choisissez dans la liste.", field="freins")
    if offer.confirmation_mois is not None and not 1 <= offer.confirmation_mois <= 12:
        raise RuleBroken("Choisissez une fréquence entre 1 et 12 mois.", field="confirmation_mois")
    offer.search_text = _search_text(offer, structure)


def _search_text(offer: Offer, structure: Structure) -> str:
    labels = [vocabulary.label("thematiques", value) for value in offer.thematiques or ()]
    labels += [vocabulary.label("publics", value) for value in offer.publics or ()]
    labels += [vocabulary.label("type", offer.type)] if offer.type else []
    return geography.fold(" ".join([offer.nom, structure.nom, *labels, offer.description or ""]))
