"""The convention of Ille-et-Vilaine with the State for 2023 and 2024, as it was (domain §6); it is over and closed.

Amounts, advances, expenses of 2024, what was spent in 2023 and what is deducted are public figures. Number, signatories,
bank details and the days are invented, and the first three are marked so.
"""

from dataclasses import replace
from datetime import date

from portal import clock
from portal.budget import agreement, amendments, expenses
from portal.budget.bilan_models import BilanKind
from portal.budget.models import Nature, StateConvention, Volet
from portal.budget.spending_models import NonEligible, PaymentKind
from portal.demo.budget_acts import SIGNATORIES, Teller, forfait, pay, say, spend, tell_bilan, write_plan
from portal.demo.budget_figures import FIRST_AMOUNT, FIRST_SPENT, SECOND
from portal.demo.days import on_day
from portal.demo.ids import demo_id

REAL_NUMERO = "DEMO-ETAT-35-2023"
REAL_ID = demo_id("convention-etat", REAL_NUMERO)
# Settled in the first half of 2025.
_LAST = 2025


def tell(teller: Teller) -> None:
    """Write the convention and all its life, each act on its day."""
    past = replace(teller, last=_LAST)
    _second_year(past, _first_year(past))


def _first_year(teller: Teller) -> StateConvention:
    session, officer, annee = teller.session, teller.officer, teller.year - 2
    with on_day(teller.day(2, 4, 20)):
        convention = agreement.create(
            session,
            {
                "numero": REAL_NUMERO,
                "intitule": "Pilote de l’accompagnement rénové, 2023 et 2024 (démonstration)",
                "date_debut": date(annee, 1, 1),
                "date_fin": date(annee + 1, 12, 31),
                "engagement_juridique": "EJ-DEMO-0001",
                **SIGNATORIES,
            },
            objet="Pilote de l’accompagnement rénové des allocataires du RSA (démonstration).",
            cible="1 400 allocataires accompagnés",
            by=officer,
            id=REAL_ID,
        )
        initial = agreement.initial_text(session, convention)
        say(teller, convention, initial, {(annee, Volet.DEPLOIEMENT): FIRST_AMOUNT})
        for nature, objet, cents in (
            (Nature.INGENIERIE, "Chefferie de projet (démonstration)", 15_000_000),
            (Nature.ACCOMPAGNEMENT, "Référents d’accompagnement (démonstration)", 45_968_900),
            (Nature.MOBILITE, "En route vers le permis (démonstration)", 7_000_000),
            (Nature.SI, "Système d’information (démonstration)", 4_000_000),
        ):
            write_plan(teller, initial, annee, Volet.DEPLOIEMENT, nature, objet, cents)
    with on_day(teller.day(2, 5, 2)):
        agreement.sign(session, convention, signe_le=clock.today(), by=officer)
    pay(
        teller,
        convention,
        annee,
        PaymentKind.AVANCE,
        [teller.day(2, 5, 5), teller.day(2, 5, 19), teller.day(2, 6, 12)],
    )
    with on_day(teller.day(1, 1, 20)):
        for nature, objet, cents in FIRST_SPENT:
            spend(teller, convention, annee, Volet.DEPLOIEMENT, nature, objet, cents)
    tell_bilan(
        teller,
        convention,
        annee,
        BilanKind.INTERMEDIAIRE,
        teller.day(1, 2, 10),
        handed_in=teller.day(1, 3, 15),
        slug="premier",
        settled=True,
    )
    return convention


def _second_year(teller: Teller, convention: StateConvention) -> None:
    session, officer, annee = teller.session, teller.officer, teller.year - 1
    with on_day(teller.day(1, 4, 15)):
        amendment = amendments.create(
            session,
            convention,
            objet="Poursuite et extension du pilote à tout le département.",
            cible="3 050 allocataires accompagnés",
            by=officer,
            id=demo_id("avenant-etat", "reel"),
        )
        say(teller, convention, amendment, {(annee, Volet.DEPLOIEMENT): sum(cents for _, _, cents in SECOND)})
        for nature, objet, cents in SECOND:
            write_plan(teller, amendment, annee, Volet.DEPLOIEMENT, nature, objet, cents)
    with on_day(teller.day(1, 4, 25)):
        amendments.sign(session, convention, amendment, signe_le=clock.today(), by=officer)
    pay(
        teller,
        convention,
        annee,
        PaymentKind.AVANCE,
        [teller.day(1, 5, 2), teller.day(1, 5, 14), teller.day(1, 5, 28)],
    )
    with on_day(teller.day(1, 12, 10)):
        for nature, objet, cents in SECOND:
            spend(teller, convention, annee, Volet.DEPLOIEMENT, nature, objet, cents)
        expenses.write(
            session,
            convention,
            annee,
            forfait(Volet.DEPLOIEMENT, Nature.AUTRE_FREIN, "Impression des livrets", 186_000, annee)
            | {"hors_convention": True, "non_eligible": NonEligible.FRAIS_GENERAUX},
            by=officer,
        )
    tell_bilan(
        teller,
        convention,
        annee,
        BilanKind.FINAL,
        teller.day(0, 2, 3),
        handed_in=teller.day(0, 3, 20),
        slug="dernier",
        settled=True,
    )
    pay(
        teller,
        convention,
        annee,
        PaymentKind.SOLDE,
        [teller.day(0, 3, 24), teller.day(0, 4, 2), teller.day(0, 4, 17)],
    )
    with on_day(teller.day(0, 6, 2)):
        agreement.close(session, convention, by=officer, motif="Tout est versé, le bilan final est arrêté.")
