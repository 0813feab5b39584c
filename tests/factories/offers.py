"""Offers that can be published."""

from typing import Any

from sqlmodel import Session

from portal.offers import rules
from portal.offers.models import Offer
from portal.structures.models import Structure
from tests.factories.structures import RENNES, make_structure

COMPLETE: dict[str, Any] = {
    "nom": "Atelier mobilité d’exemple",
    "description": "Un atelier inventé pour les essais, où l’on prépare son permis avec une pédagogie adaptée. "
    * 3,
    "type": "accompagnement",
    "thematiques": ["mobilite--preparer-un-permis"],
    "frais": "gratuit",
    "publics": ["beneficiaires-des-minimas-sociaux"],
    "modes_accueil": ["en-presentiel"],
    "modes_mobilisation": ["envoyer-un-courriel"],
    "mobilisable_par": ["professionnels"],
    "courriel": "accueil@association.example.org",
    "code_insee": RENNES,
    "adresse": "1 rue de l’Exemple",
    "zone_eligibilite": ["35"],
    "volume_horaire_hebdomadaire": 6.0,
    "nombre_semaines": 12,
    "dominantes": ["equilibree"],
}


def make_offer(
    session: Session, structure: Structure | None = None, *, published: bool = True, **values: Any
) -> Offer:
    structure = structure or make_structure(session)
    offer = rules.create_offer(session, structure, {**COMPLETE, **values}, by=None)
    if published:
        rules.publish_offer(session, offer, structure=structure, by=None)
    session.flush()
    return offer
