"""Structures and offers as different from one another as the schema allows."""

from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from portal.offers.models import Offer
from portal.structures.models import Structure
from tests.factories.offers import make_offer
from tests.factories.structures import REDON, make_structure

SOURCE = "portail-test"
URL = "http://localhost"
ROOT = "/export/data-inclusion/v1"

FULL_STRUCTURE: dict[str, Any] = {
    "nom": "Régie d’Exemple, ateliers etc.",
    "description": 'Une structure où rien ne manque ;\nsur deux lignes, avec « guillemets », virgule et "droits".',
    # La Poste's head office, whose number no association bears.
    "siret": "35600000000048",
    "code_insee": REDON,
    "code_postal": "35600",
    "adresse": "12 bis rue de l’Exemple",
    "complement_adresse": "Bâtiment C",
    "telephone": "+33299000001",
    "courriel": "contact@regie.example.org",
    "site_web": "https://regie.example.org",
    "horaires_accueil": "Mo-Fr 08:30-12:30; PH off",
    "accessibilite_lieu": "https://acceslibre.beta.gouv.fr/app/exemple/",
    "reseaux_porteurs": ["adie", "60000-rebonds"],
}
FULL_OFFER: dict[str, Any] = {
    "nom": "Passer le permis, autrement",
    "type": "formation",
    "thematiques": ["mobilite--preparer-un-permis", "mobilite--financer-ma-mobilite"],
    "frais": "payant",
    "frais_precisions": "10 € l’heure, selon les ressources",
    "publics": ["jeunes", "beneficiaires-des-minimas-sociaux", "femmes"],
    "publics_precisions": "Personnes au RSA",
    "conditions_acces": "Pièce d’identité",
    "telephone": "+33299000002",
    "courriel": "permis@regie.example.org",
    "modes_accueil": ["en-presentiel", "a-distance"],
    "zone_eligibilite": ["56", "35", "243500139", "france"],
    "contact_nom_prenom": "Camille Exemple",
    "lien_mobilisation": "https://regie.example.org/orienter?a=1&b=2",
    "modes_mobilisation": ["telephoner", "envoyer-un-courriel", "utiliser-lien-mobilisation"],
    "mobilisable_par": ["usagers", "professionnels"],
    "mobilisation_precisions": "Répondre sous huit jours",
    "volume_horaire_hebdomadaire": 7.5,
    "nombre_semaines": 12,
    "horaires_accueil": "Tu 14:00-17:00",
    "complement_adresse": "Au fond de la cour",
}


@dataclass
class Catalogue:
    """What is published, and what is not."""

    structures: list[Structure]
    offers: list[Offer]
    hidden: list[Structure | Offer]


def make_catalogue(session: Session) -> Catalogue:
    """Publish two structures with three offers; beside them, drafts, and an offer of a structure that is not shown."""
    full = make_structure(session, **FULL_STRUCTURE)
    bare = make_structure(
        session, nom="Structure nue", description=None, adresse=None, telephone=None, courriel=None
    )
    offers = [
        make_offer(session, full, **FULL_OFFER),
        make_offer(
            session, full, nom="Atelier du mardi", volume_horaire_hebdomadaire=None, nombre_semaines=None
        ),
        make_offer(session, bare, nom="Aide à distance", modes_accueil=["a-distance"]),
    ]
    withheld = make_structure(session, published=False, nom="Structure retenue")
    hidden = [
        withheld,
        make_offer(session, withheld, nom="Offre d’une structure retenue"),
        make_offer(session, full, published=False, nom="Brouillon d’offre"),
    ]
    session.commit()
    return Catalogue([full, bare], offers, hidden)
