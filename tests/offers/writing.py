"""The form of an offer, filled in as the tests do."""

from collections.abc import Callable
from typing import Any

from bs4 import BeautifulSoup
from sqlmodel import Session, select

from portal.accounts.models import User
from portal.offers.models import Offer
from tests.factories.structures import make_partner, make_structure
from tests.pages import Browser, Form

SignIn = Callable[[User], Browser]


DRAFT, PUBLISH = "Enregistrer le brouillon", "Publier"
FULL: dict[str, Any] = {
    "nom": "Passer le code",
    "type": "formation",
    "thematiques": ["mobilite--financer-ma-mobilite", "mobilite--preparer-un-permis"],
    "description": "On prépare le code en petit groupe, avec une pédagogie adaptée. " * 4 + "Fin.",
    "publics": ["femmes", "jeunes"],
    "zone_eligibilite": "Ille-et-Vilaine\nRedon (35600)",
    "modes_accueil": ["en-presentiel"],
    "commune": "redon",
    "volume_horaire_hebdomadaire": "3,5",
    "nombre_semaines": "10",
    "modes_mobilisation": ["envoyer-un-courriel", "telephoner"],
    "mobilisable_par": ["professionnels"],
    "frais": "gratuit",
    "dominantes": ["emploi"],
    "mode_prescription": "Fiche de prescription",
}


def new_form(session: Session, sign_in: SignIn, **structure: Any) -> Form:
    partner, structure_row = make_partner(session, make_structure(session, **structure))
    return sign_in(partner).get(f"/structures/{structure_row.id}/offres/nouvelle").form("offer-form")


def only_offer(session: Session) -> Offer:
    return session.exec(select(Offer)).one()


def words(soup: BeautifulSoup, selector: str) -> str:
    found = soup.select_one(selector)
    assert found is not None, selector
    return " ".join(found.text.split())
