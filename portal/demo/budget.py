"""The conventions of the demo with the State: that of 2023 and 2024 (`budget_real`), and the one of today.

The one of today runs over last year and this one; the whole of it is invented, and says so.
"""

from datetime import date, timedelta
from typing import Any

from sqlmodel import Session

from portal import clock
from portal.accounts.models import User
from portal.budget import (
    agreement,
    amendments,
    bilan_writing,
    expenses,
    fiches,
    posts,
    territories,
)
from portal.budget.bilan_models import BilanKind
from portal.budget.models import FicheAction, Nature, StateConvention, Volet
from portal.budget.spending_models import PaymentKind
from portal.conventions.models import Convention, FinancedAction
from portal.demo import budget_real
from portal.demo.budget_acts import SIGNATORIES, Teller, pay, say, spend, tell_bilan, write_plan
from portal.demo.budget_figures import LAST, TERRITORIES, THIRD, VOLETS
from portal.demo.days import on_day
from portal.demo.ids import demo_id

NUMERO = "DEMO-ETAT-35"
CONVENTION_ID = demo_id("convention-etat", NUMERO)


def tell(session: Session, people: dict[str, User], partners: dict[str, Convention]) -> None:
    """Write both conventions with the State and all their life. `partners`: conventions by rank, with their actions."""
    teller = Teller(session, people, clock.today())
    budget_real.tell(teller)
    convention = _last_year(teller)
    _this_year(teller, convention, partners)
    _draft(teller, convention)
    lines = territories.preview((n, *line) for n, line in enumerate(TERRITORIES, start=2)).lines
    territories.replace(session, lines, by=teller.officer)
    session.flush()


def _last_year(teller: Teller) -> StateConvention:
    session, officer, annee = teller.session, teller.officer, teller.year - 1
    amounts: dict[tuple[int, Volet], int] = {}
    for volet, _, _, state, _, _ in LAST:
        amounts[annee, volet] = amounts.get((annee, volet), 0) + state
    with on_day(teller.day(1, 1, 6)):
        convention = agreement.create(
            session,
            {
                "numero": NUMERO,
                "intitule": "Convention État – département pour l’insertion (démonstration)",
                "date_debut": date(annee, 1, 1),
                "date_fin": date(annee + 1, 12, 31),
                "engagement_juridique": "EJ-DEMO-0002",
                **SIGNATORIES,
            },
            objet="L’accompagnement rénové dans tout le département (démonstration).",
            cible="3 600 allocataires accompagnés",
            by=officer,
            id=CONVENTION_ID,
        )
        initial = agreement.initial_text(session, convention)
        say(teller, convention, initial, amounts)
        for volet, nature, objet, state, others, _ in LAST:
            write_plan(
                teller,
                initial,
                annee,
                volet,
                nature,
                objet,
                state,
                autres_centimes=others,
                autres_sources="Département" if others else None,
            )
    with on_day(teller.day(1, 1, 15)):
        agreement.sign(session, convention, signe_le=clock.today(), by=officer)
    pay(
        teller,
        convention,
        annee,
        PaymentKind.AVANCE,
        [teller.day(1, 1, 20), teller.day(1, 2, 3), teller.day(1, 2, 24)],
    )
    with on_day(teller.day(1, 12, 10)):
        for volet, nature, objet, _, _, spent in LAST:
            spend(teller, convention, annee, volet, nature, objet, spent)
    return convention


def _this_year(teller: Teller, convention: StateConvention, partners: dict[str, Convention]) -> None:
    session, officer, annee = teller.session, teller.officer, teller.year
    with on_day(teller.day(1, 12, 1)):
        amendment = amendments.create(
            session,
            convention,
            objet="Les crédits de la seconde année, et des solutions locales de plus (démonstration).",
            cible="4 200 allocataires accompagnés",
            by=officer,
            id=demo_id("avenant-etat", "1"),
        )
        say(teller, convention, amendment, {(annee, volet): cents for volet, cents in VOLETS.items()})
    with on_day(teller.day(1, 12, 3)):
        sheets = _sheets(teller, convention)
        for volet, nature, objet, state, others, had, wanted in THIRD:
            write_plan(
                teller,
                amendment,
                annee,
                volet,
                nature,
                objet,
                state,
                autres_centimes=others,
                autres_sources="Département" if others else None,
                existant_etp=had,
                cible_etp=wanted,
                fiche_id=sheets[nature].id if nature in sheets else None,
            )
    with on_day(teller.day(1, 12, 15)):
        amendments.sign(session, convention, amendment, signe_le=clock.today(), by=officer)
        posts.write(
            session,
            convention,
            {
                "intitule": "Chefferie de projet",
                "nature": Nature.INGENIERIE,
                "etp": 200,
                "date_debut": date(annee - 1, 2, 1),
                "date_fin": None,
            },
            by=officer,
            id=demo_id("poste", "chefferie"),
        )
        posts.write(
            session,
            convention,
            {
                "intitule": "Référents d’accompagnement",
                "nature": Nature.ACCOMPAGNEMENT,
                "etp": 1_600,
                "date_debut": date(annee - 1, 3, 1),
                "date_fin": None,
            },
            by=officer,
            id=demo_id("poste", "referents"),
        )
    pay(
        teller,
        convention,
        annee,
        PaymentKind.AVANCE,
        [teller.day(0, 1, 12), teller.day(0, 1, 26), teller.day(0, 2, 16)],
    )
    handed_in = teller.day(0, 3, 20)
    tell_bilan(
        teller,
        convention,
        annee - 1,
        BilanKind.INTERMEDIAIRE,
        teller.day(0, 2, 3),
        handed_in=handed_in,
        slug="second",
        settled=False,
    )
    if teller.came(handed_in):
        pay(
            teller,
            convention,
            annee - 1,
            PaymentKind.SOLDE,
            [teller.day(0, 3, 24), teller.day(0, 4, 2), teller.day(0, 4, 17)],
        )
        with on_day(teller.day(0, 9, 1)):
            bilan_writing.begin(
                session, convention, annee, BilanKind.FINAL, by=officer, id=demo_id("bilan", "final")
            )
    _spend_this_year(teller, convention, partners)
    _tie(teller, convention, sheets, partners)


def _sheets(teller: Teller, convention: StateConvention) -> dict[Nature, FicheAction]:
    """Write the two action sheets of volet 2 of this year; returns them by the nature of their line of the plan."""
    annee = teller.year
    told = (
        (
            Nature.MOBILITE,
            "permis",
            {
                "titre": "Lever le frein de la mobilité",
                "contexte": "Hors de Rennes, un emploi sur deux ne s’atteint pas sans permis (démonstration).",
                "enjeux": "Que le permis ne soit plus ce qui retient une personne prête à travailler.",
                "description": "Une auto-école associative, une pédagogie adaptée, des modules de groupe.",
                "partenaires": "Association En route vers le permis",
                "budget_etat_centimes": 2_350_000,
                "budget_collectivite_centimes": 2_350_000,
                "calendrier": "Un module par trimestre.",
                "cible_entrants": 12,
                "cible_allocataires": 20,
                "indicateurs": [{"libelle": "Permis obtenus", "cible": "8", "realise": ""}],
            },
        ),
        (
            Nature.SANTE,
            "sante",
            {
                "titre": "Accompagner vers l’emploi malgré des troubles psychiques",
                "contexte": "Les délais de soin laissent des personnes sans solution (démonstration).",
                "enjeux": "Garder le lien, et préparer le retour à l’emploi.",
                "description": "Des parcours supplémentaires de PEM’S.",
                "partenaires": "APASE",
                "budget_etat_centimes": 175_000,
                "budget_collectivite_centimes": 175_000,
                "calendrier": "Toute l’année.",
                "cible_entrants": 5,
                "cible_allocataires": 5,
                "indicateurs": None,
            },
        ),
    )
    return {
        nature: fiches.write(
            teller.session,
            convention,
            annee,
            {"date_debut": date(annee, 1, 1), "duree_mois": 12, "budget_detail": None, **values},
            by=teller.officer,
            id=demo_id("fiche", slug),
        )
        for nature, slug, values in told
    }


def _tie(
    teller: Teller,
    convention: StateConvention,
    sheets: dict[Nature, FicheAction],
    partners: dict[str, Convention],
) -> None:
    for nature, rang in ((Nature.MOBILITE, "001"), (Nature.SANTE, "002")):
        action = teller.session.get_one(FinancedAction, demo_id("action", rang))
        fiches.tie(teller.session, sheets[nature], convention, [action], by=teller.officer)


def _spend_this_year(teller: Teller, convention: StateConvention, partners: dict[str, Convention]) -> None:
    """Write what was spent until the end of last month; in January nothing is known yet."""
    months = clock.today().month - 1
    if not months:
        return
    annee = teller.year
    last = clock.today().replace(day=1) - timedelta(days=1)
    monthly: dict[str, Any] = {
        "unite": "mois",
        "nombre": months * 1_000,
        "date_debut": date(annee, 1, 1),
        "date_fin": last,
    }
    for volet, nature, objet, cost, post in (
        (Volet.INGENIERIE, Nature.INGENIERIE, "Chefferie de projet", 872_340, "chefferie"),
        (Volet.DEPLOIEMENT, Nature.ACCOMPAGNEMENT, "Référents d’accompagnement", 3_415_200, "referents"),
    ):
        values = {
            "volet": volet,
            "nature": nature,
            "objet": objet,
            "cout_unitaire_centimes": cost,
            "post_id": demo_id("poste", post),
        }
        expenses.write(teller.session, convention, annee, monthly | values, by=teller.officer)
    for nature, objet, rang, parcours, cost in (
        (Nature.MOBILITE, "Modules permis commencés", "001", 4, 390_000),
        (Nature.SANTE, "Parcours supplémentaires commencés", "002", 2, 70_000),
    ):
        values = {
            "volet": Volet.SOLUTIONS,
            "nature": nature,
            "objet": objet,
            "unite": "parcours",
            "nombre": parcours * 1_000,
            "cout_unitaire_centimes": cost,
            "partner_convention_id": partners[rang].id,
            "action_id": demo_id("action", rang),
        }
        expenses.write(teller.session, convention, annee, monthly | values, by=teller.officer)


def _draft(teller: Teller, convention: StateConvention) -> None:
    """Leave an avenant to be signed: more for the local solutions of this year."""
    session, annee = teller.session, teller.year
    amendment = amendments.create(
        session,
        convention,
        objet="Dix mille euros de plus pour les solutions locales (démonstration).",
        years=[annee],
        by=teller.officer,
        id=demo_id("avenant-etat", "2"),
    )
    more = VOLETS | {Volet.SOLUTIONS: VOLETS[Volet.SOLUTIONS] + 1_000_000}
    say(teller, convention, amendment, {(annee, volet): cents for volet, cents in more.items()})
