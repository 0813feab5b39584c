"""The people of the demo, visibly invented, and what fills the weeks of some of them."""

from datetime import date, timedelta
from typing import Any

from sqlmodel import Session

from portal import clock
from portal.accounts.models import User
from portal.beneficiaries import rules as beneficiaries
from portal.beneficiaries.models import Beneficiary
from portal.demo.days import days_ago, days_ahead
from portal.demo.ids import demo_id
from portal.demo.partners import phone
from portal.programme import rules as programme
from portal.programme.models import ActivityKind, LegitimateReason
from portal.programme.rules import Plan
from portal.programme.weeks import monday_of

# account of the référent, first name, name, birth, commune, dominante, barriers; the number is the rank
_PEOPLE: tuple[tuple[str, str, str, date, str, str, list[str]], ...] = (
    ("referent", "Alix", "Exemple", date(1991, 3, 14), "35236", "equilibree", ["mobilite", "confiance"]),
    ("referent", "Bilal", "Fictif", date(1984, 11, 2), "35238", "emploi", ["experience"]),
    (
        "referent",
        "Chloé",
        "Inventée",
        date(1996, 7, 23),
        "35236",
        "equilibree",
        ["garde-denfants", "mobilite"],
    ),
    ("referent", "Driss", "Modèle", date(1978, 1, 30), "35219", "equilibree", ["sante-mentale", "isolement"]),
    ("referent", "Elsa", "Spécimen", date(2000, 5, 9), "35115", "remobilisation", ["logement", "budget"]),
    ("referent", "Farid", "Témoin", date(1988, 9, 17), "35360", "emploi", ["numerique"]),
    ("referent", "Gaëlle", "Essai", date(1993, 12, 5), "35236", "equilibree", ["mobilite"]),
    ("referent", "Hugo", "Factice", date(1981, 6, 28), "35238", "equilibree", ["sante-mentale"]),
    ("referent", "Inès", "Imaginaire", date(1989, 2, 11), "35236", "emploi", ["mobilite"]),
    ("referent", "Jonas", "Figurant", date(1995, 10, 3), "35236", "equilibree", ["mobilite"]),
    ("referent", "Karima", "Prototype", date(1987, 4, 19), "35236", "equilibree", ["mobilite", "numerique"]),
    ("referent", "Léo", "Maquette", date(2001, 8, 26), "35236", "emploi", ["mobilite"]),
    ("referent2", "Mona", "Untel", date(1976, 12, 1), "35236", "equilibree", ["mobilite"]),
    ("referent2", "Nolan", "Quidam", date(1998, 5, 15), "35236", "emploi", ["mobilite"]),
    ("referent2", "Odile", "Gabarit", date(1983, 9, 9), "35236", "equilibree", ["mobilite", "isolement"]),
    ("referent2", "Pia", "Esquisse", date(1990, 1, 22), "35219", "emploi", ["mobilite"]),
    ("referent2", "Quentin", "Croquis", date(1997, 6, 4), "35236", "emploi", ["mobilite"]),
    ("referent2", "Rosa", "Ébauche", date(1979, 3, 17), "35219", "equilibree", ["mobilite"]),
    ("referent2", "Sami", "Anonyme", date(1986, 8, 8), "35238", "equilibree", ["sante-mentale"]),
    ("referent2", "Tess", "Pseudonyme", date(1994, 2, 27), "35238", "equilibree", ["sante-mentale"]),
    ("referent2", "Ugo", "Mannequin", date(2002, 10, 12), "35236", "emploi", ["experience"]),
    ("referent2", "Véra", "Silhouette", date(1974, 4, 30), "35360", "emploi", ["confiance", "experience"]),
    ("referent2", "Walid", "Schéma", date(1992, 11, 19), "35236", "emploi", ["experience"]),
)
# Those who gave an address and agreed to be written to.
_WRITTEN_TO = {"Elsa", "Jonas", "Léo"}


def people(session: Session, accounts: dict[str, User]) -> dict[str, Beneficiary]:
    """Open the file of each person and return them by first name."""
    folk = {}
    with days_ago(90):
        for rank, (local, prenom, nom, birth, code_insee, dominante, freins) in enumerate(_PEOPLE, start=1):
            numero = f"DEMO-{rank:04d}"
            values: dict[str, Any] = {
                "prenom": prenom,
                "nom": nom,
                "date_naissance": birth,
                "code_insee": code_insee,
                "telephone": phone(9000 + rank),
                "courriel": f"personne{rank}@demo.example.org" if prenom in _WRITTEN_TO else None,
                "courriel_accord": prenom in _WRITTEN_TO,
                "numero_allocataire": numero,
                "dominante": dominante,
                "freins": freins,
            }
            folk[prenom] = beneficiaries.create_beneficiary(
                session, values, by=accounts[local], id=demo_id("beneficiaire", numero)
            )
    session.flush()
    return folk


def weeks(session: Session, accounts: dict[str, User], folk: dict[str, Beneficiary]) -> None:
    """Fill the weeks of Bilal and of Chloé beside their prescriptions; their contracts aim at fewer hours, with a reason."""
    referent = accounts["referent"]
    bilal, chloe = folk["Bilal"], folk["Chloé"]
    this_week = monday_of(clock.today())
    with days_ago(40):
        workshop = programme.add_activity(
            session,
            bilal,
            Plan(
                ActivityKind.BENEVOLAT,
                "Tri et réparation à la recyclerie",
                this_week - timedelta(weeks=4),
                None,
                (1, 3),
                "14:00",
                5 * 60,
            ),
            by=referent,
            id=demo_id("activite", "recyclerie"),
        )
        programme.set_target(
            session,
            bilal,
            by=referent,
            from_week=this_week - timedelta(weeks=4),
            minutes_min=10 * 60,
            minutes_max=15 * 60,
            reason=LegitimateReason.PROGRESSIVE,
        )
    # Each written once its week had begun.
    for ago, written, minutes in ((3, 14, 5 * 60), (2, 7, 4 * 60), (1, 1, 5 * 60 + 30)):
        with days_ago(written):
            programme.write_done(
                session,
                bilal,
                workshop,
                by=referent,
                week=this_week - timedelta(weeks=ago),
                minutes=minutes,
                seen=None,
            )
    with days_ago(20):
        programme.add_activity(
            session,
            chloe,
            Plan(
                ActivityKind.ATELIER,
                "Français pour la vie de tous les jours",
                this_week - timedelta(weeks=2),
                this_week + timedelta(weeks=10, days=4),
                (0, 3),
                "09:30",
                4 * 60,
            ),
            by=referent,
            id=demo_id("activite", "francais"),
        )
        programme.add_activity(
            session,
            chloe,
            Plan(
                ActivityKind.DEMARCHE,
                "Inscription à la halte-garderie",
                days_ahead(23),
                days_ahead(23),
                (),
                "10:00",
                90,
            ),
            by=referent,
            id=demo_id("activite", "garderie"),
        )
        programme.set_target(
            session,
            chloe,
            by=referent,
            from_week=this_week - timedelta(weeks=2),
            minutes_min=6 * 60,
            minutes_max=12 * 60,
            reason=LegitimateReason.GARDE,
        )
    session.flush()
