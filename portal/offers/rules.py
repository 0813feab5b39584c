"""Verbs on offers. What is required to publish is said here, once, for the form, the API and imports."""

import uuid
from contextlib import suppress
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from portal import clock, geography, vocabulary
from portal.accounts.models import User
from portal.errors import AlreadyDone, RuleBroken
from portal.offers.models import Offer, OfferState
from portal.parcours import Dominante
from portal.structures.models import Structure
from portal.structures.rules import settle

LISTS = (
    "thematiques",
    "publics",
    "modes_accueil",
    "modes_mobilisation",
    "mobilisable_par",
    "zone_eligibilite",
    "dominantes",
)
# Below this score DORA does not show an offer; beyond this age (six months) the score falls.
WANTED_SCORE = 0.8
FRESH_DAYS = 182
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
) -> Offer:
    """Add a draft offer of `structure` from `values` (see FIELDS) and return it.

    `id` is the one the form was given when it was opened. Raises AlreadyDone when an offer bears it already, and
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
    return offer


def change_offer(
    session: Session, offer: Offer, values: dict[str, Any], *, structure: Structure, by: User
) -> bool:
    """Give `offer` these values; return True when something changed, which moves `date_maj`.

    Raises RuleBroken with the field when a value cannot be kept, Incomplete when a published offer would become
    one that cannot be.
    """
    before = {name: getattr(offer, name) for name in FIELDS}
    _apply(offer, values, structure)
    if offer.is_public:
        _require(offer, structure)
    changed = any(before[name] != getattr(offer, name) for name in FIELDS)
    if changed:
        offer.date_maj = clock.today()
    return changed


def publish_offer(session: Session, offer: Offer, *, structure: Structure, by: User | None) -> None:
    """Put the offer in the catalogue and in the export. Raises Incomplete with every point to mend."""
    _require(offer, structure)
    offer.state = OfferState.PUBLIEE
    offer.published_at = clock.now()


def withdraw_offer(session: Session, offer: Offer, *, by: User) -> None:
    """Take the offer out of the catalogue and of the export; it becomes a draft again, nothing is removed."""
    offer.state = OfferState.BROUILLON


def confirm_offer(session: Session, offer: Offer, *, by: User) -> None:
    """Say that the offer is still right as it stands: `date_maj` moves to today."""
    offer.date_maj = clock.today()


def as_record(offer: Offer) -> dict[str, Any]:
    """Return the offer's own values in the schema's names, for the quality score."""
    names = vocabulary.Service.model_fields
    return {name: getattr(offer, name) for name in names if hasattr(offer, name)} | {"source": "portail"}


def missing_to_publish(offer: Offer, structure: Structure) -> dict[str, str]:
    """Return {field: sentence} for each point that keeps the offer from being published; empty when it may be.

    Beyond the schema: what data.inclusion and DORA need to show the offer (contract data-inclusion, ten facts and §7).
    """
    problems: dict[str, str] = {}
    if len(offer.description or "") < 50:
        problems["description"] = "Décrivez l’offre en quelques phrases (50 caractères au moins)."
    candidate = as_record(offer) | {"id": str(offer.id), "structure_id": str(offer.structure_id)}
    for name, check in vocabulary.check_record(vocabulary.Service, candidate).items():
        # A warning ("avertissement") is shown and does not block; the frontier mends what it is about.
        if check.errors:
            problems.setdefault(name, check.errors[0])
    wanted = {
        "type": "Choisissez le type d’offre.",
        "thematiques": "Choisissez au moins une thématique.",
        "publics": "Choisissez au moins un public ; « Tous publics » convient s’il n’y en a pas de particulier.",
        "frais": "Dites si l’offre est gratuite ou payante.",
        "modes_accueil": "Dites si l’on vous rencontre sur place, à distance, ou les deux.",
        "modes_mobilisation": "Dites comment demander cette offre.",
        "mobilisable_par": "Dites qui peut demander cette offre.",
    }
    for name, sentence in wanted.items():
        if not getattr(offer, name):
            problems.setdefault(name, sentence)
    if not offer.code_insee:
        problems.setdefault("commune", "Indiquez la commune, même pour une offre à distance.")
    if offer.frais == "payant" and not offer.frais_precisions:
        problems.setdefault("frais_precisions", "L’offre est payante : dites combien.")
    modes = offer.modes_mobilisation or ()
    if "telephoner" in modes and not offer.telephone:
        problems.setdefault("telephone", "On peut vous téléphoner : indiquez le numéro.")
    if "envoyer-un-courriel" in modes and not offer.courriel:
        problems.setdefault("courriel", "On peut vous écrire : indiquez l’adresse électronique.")
    if "utiliser-lien-mobilisation" in modes and not offer.lien_mobilisation:
        problems.setdefault("lien_mobilisation", "On passe par un lien : indiquez-le.")
    if offer.nom.casefold() == structure.nom.casefold():
        problems.setdefault("nom", "Donnez à l’offre un autre nom que celui de la structure.")
    if len(offer.nom) > 130:
        problems.setdefault("nom", "Raccourcissez le nom : 130 caractères au plus.")
    return problems


def sketch(values: dict[str, Any], structure: Structure) -> Offer:
    """Return an offer made of `values` that is never saved: what would be missing if it were published?

    Values that cannot be kept are left out.
    """
    offer = Offer(structure_id=structure.id, nom=values.get("nom") or "", date_maj=clock.today())
    with suppress(RuleBroken):
        _apply(offer, values | {"nom": offer.nom}, structure)
    return offer


def is_stale(offer: Offer) -> bool:
    """Say whether nobody has changed or confirmed the offer for six months."""
    return (clock.today() - offer.date_maj).days > FRESH_DAYS


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
    settle(offer, given)
    known = {dominante.value for dominante in Dominante}
    if any(value not in known for value in offer.dominantes or ()):
        raise RuleBroken("Cette dominante n’existe pas : choisissez dans la liste.", field="dominantes")
    offer.search_text = _search_text(offer, structure)


def _search_text(offer: Offer, structure: Structure) -> str:
    labels = [vocabulary.label("thematiques", value) for value in offer.thematiques or ()]
    labels += [vocabulary.label("publics", value) for value in offer.publics or ()]
    labels += [vocabulary.label("type", offer.type)] if offer.type else []
    return geography.fold(" ".join([offer.nom, structure.nom, *labels, offer.description or ""]))
