"""An offer as the record that leaves, and what keeps it from being published or shown."""

from typing import Any

from sqlalchemy import Row

from portal import clock, vocabulary
from portal.offers.models import Offer
from portal.structures.models import Structure

# Below this score DORA does not show an offer.
WANTED_SCORE = 0.8

_OF_THE_SCHEMA = tuple(name for name in vocabulary.Service.model_fields if name in Offer.model_fields)
# Kept for signed-in professionals when `contact_public` is false.
PRIVATE_CONTACT = ("telephone", "courriel", "contact_nom_prenom")


def as_record(offer: Offer | Row[Any]) -> dict[str, Any]:
    """Return the values of an offer, or of a row of its columns, in the schema's names, as they leave.

    For the export and the quality score.

    Documents to bring join the conditions; contacts kept for professionals do not leave.
    """
    values = {"source": "portail"} | {name: getattr(offer, name) for name in _OF_THE_SCHEMA}
    values["date_maj"] = vocabulary.day_of_change(offer.date_maj)
    if offer.documents_a_apporter:
        brought = ", ".join(line.strip() for line in offer.documents_a_apporter.splitlines() if line.strip())
        values["conditions_acces"] = "\n".join(
            part for part in (offer.conditions_acces, f"Documents à apporter : {brought}") if part
        )
    if not offer.contact_public:
        values |= dict.fromkeys(PRIVATE_CONTACT)
    return values


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


def dora_reasons(offer: Offer, structure: Structure) -> list[tuple[str, str | None]]:
    """Return (sentence, field to fill in or None) for each thing that keeps DORA from showing the offer.

    DORA asks data.inclusion for offers whose score is 0.8 at least and whose `modes_accueil` are known, near a commune; an
    orientation through it needs the offer's own `courriel` (contract data-inclusion, ten facts and §2.6).
    """
    found: list[tuple[str, str | None]] = []
    record = as_record(offer)
    quality = vocabulary.quality(record)
    if quality.score < WANTED_SCORE:
        percent = f"{int(quality.score * 100 + 1e-9)} % au lieu de {WANTED_SCORE * 100:.0f} %"
        found.append((f"La fiche n’est pas assez remplie : {percent}.", None))
    if not offer.modes_accueil:
        found.append(("Dites si l’on vous rencontre sur place ou à distance.", "modes_accueil"))
    if not offer.code_insee:
        found.append(("Indiquez la commune : sans elle, l’offre n’est trouvée nulle part.", "commune"))
    if not offer.courriel:
        found.append(("Sans adresse électronique, on ne peut pas orienter vers l’offre.", "courriel"))
    elif not offer.contact_public:
        found.append(
            ("Le contact n’est pas montré : on ne pourra pas orienter vers l’offre.", "contact_public")
        )
    if offer.date_fin and offer.date_fin < clock.today():
        found.append(("Le dernier jour de l’offre est passé.", "date_fin"))
    if not structure.is_public:
        found.append(("La structure n’est pas encore publiée.", None))
    return found
