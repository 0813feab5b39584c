"""The convention of Ille-et-Vilaine with the State, told over three years that end with this one (domain §6).

The first year is 2023 as it was, the second 2024: amounts, advance, expenses and what is deducted are public figures.
Number, signatories, bank details and the whole of the present year are invented, and marked so.
"""

import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlmodel import Session

from portal import clock
from portal.accounts.models import User
from portal.budget import (
    agreement,
    amendments,
    bilan_reading,
    bilan_writing,
    bilans,
    expenses,
    fiches,
    payments,
    planning,
    posts,
    territories,
)
from portal.budget.bilan_models import BilanKind, Mark
from portal.budget.models import FicheAction, Nature, StateAmendment, StateConvention, Volet
from portal.budget.payments import Step
from portal.budget.spending_models import NonEligible, PaymentKind
from portal.conventions.models import Convention, FinancedAction
from portal.demo.days import on_day
from portal.demo.ids import demo_id

# What 2023 was: 719 689 € agreed, 431 813 € in advance, 423 271,35 € spent, so that 8 541,65 € are deducted from 2024.
_FIRST_AMOUNT = 71_968_900
# nature, object, cents; only their sum is public.
_FIRST_SPENT = (
    (Nature.INGENIERIE, "Chefferie de projet (démonstration)", 9_800_000),
    (Nature.ACCOMPAGNEMENT, "Référents d’accompagnement (démonstration)", 28_027_135),
    (Nature.MOBILITE, "En route vers le permis (démonstration)", 3_000_000),
    (Nature.SI, "Système d’information (démonstration)", 1_500_000),
)
# The plan and the statement of 2024, as the source gives them: nature, object, cents.
_SECOND = (
    (Nature.INGENIERIE, "Ingénierie", 15_005_032),
    (Nature.ACCOMPAGNEMENT, "Référents d’accompagnement", 40_596_088),
    (Nature.ACCOMPAGNEMENT, "CCAS", 4_417_750),
    (Nature.ACCOMPAGNEMENT, "Missions locales", 3_466_800),
    (Nature.ACCOMPAGNEMENT, "Infirmières", 10_926_954),
    (Nature.MOBILITE, "En route vers le permis", 4_700_000),
    (Nature.COMPLEMENTAIRES, "Résilience", 200_000),
    (Nature.AUTRE_FREIN, "Accompagnement social lié au logement (ASL)", 4_500_000),
    (Nature.COMPLEMENTAIRES, "Travailleurs indépendants (BGE)", 3_000_000),
    (Nature.GARDE_ENFANT, "Garde d’enfants", 3_000_000),
    (Nature.REMOBILISATION, "Remobilisation des jeunes", 500_000),
    (Nature.COMPLEMENTAIRES, "Enveloppe des territoires", 5_000_000),
    (Nature.COMPLEMENTAIRES, "Formation des professionnels", 500_000),
    (Nature.SI, "Système d’information", 4_000_000),
)
# This year, invented: volet, nature, object, what the State pays, what others pay, existing and target ETP.
_THIRD: tuple[tuple[Volet, Nature, str, int, int, int, int], ...] = (
    (Volet.INGENIERIE, Nature.INGENIERIE, "Chefferie de projet", 10_800_000, 0, 0, 200),
    (Volet.INGENIERIE, Nature.SI, "Développement du portail", 4_200_000, 0, 0, 0),
    (Volet.SOLUTIONS, Nature.MOBILITE, "En route vers le permis", 2_350_000, 2_350_000, 0, 0),
    (Volet.SOLUTIONS, Nature.SANTE, "PEM’S : parcours supplémentaires", 175_000, 175_000, 0, 0),
    (Volet.SOLUTIONS, Nature.AUTRE_FREIN, "Logement : file active ASL", 1_200_000, 1_200_000, 0, 0),
    (
        Volet.DEPLOIEMENT,
        Nature.ACCOMPAGNEMENT,
        "Référents d’accompagnement",
        42_000_000,
        8_000_000,
        600,
        1_600,
    ),
)
_VOLETS = {Volet.INGENIERIE: 15_000_000, Volet.SOLUTIONS: 4_000_000, Volet.DEPLOIEMENT: 42_000_000}

# commune, CDAS, bassin: communes are real, how they are put together is a guess.
_TERRITORIES = (
    ("35236", "CDAS de Redon (démonstration)", "Bassin de Redon (démonstration)"),
    ("35219", "CDAS de Redon (démonstration)", "Bassin de Redon (démonstration)"),
    ("35238", "CDAS de Rennes (démonstration)", "Bassin de Rennes (démonstration)"),
    ("35115", "CDAS de Fougères (démonstration)", "Bassin de Fougères et Vitré (démonstration)"),
    ("35360", "CDAS de Vitré (démonstration)", "Bassin de Fougères et Vitré (démonstration)"),
    ("35288", "CDAS de Saint-Malo (démonstration)", "Bassin de Saint-Malo (démonstration)"),
)

NUMERO = "DEMO-ETAT-35"
CONVENTION_ID = demo_id("convention-etat", NUMERO)
_PARTS = {
    "synthese": "L’année a vu l’équipe se mettre en place et les premières solutions ouvrir (démonstration).",
    "volet-1": "La chefferie de projet a tenu les comités et suivi le portail (démonstration).",
    "volet-2": "Les solutions financées ont ouvert dans les trois pays (démonstration).",
    "volet-3": "Les référents ont été recrutés dans les CDAS et chez les partenaires (démonstration).",
}


@dataclass(frozen=True, slots=True)
class _Teller:
    """Who writes, and the day of the telling: the story goes until the day before."""

    session: Session
    people: dict[str, User]
    today: date

    @property
    def year(self) -> int:
        """The last year of the story."""
        return self.today.year

    @property
    def officer(self) -> User:
        """The account that writes all of it."""
        return self.people["conventionnement"]

    def day(self, before: int, month: int, day: int) -> date:
        """Return a day, `before` years before this one."""
        return date(self.year - before, month, day)

    def came(self, day: date) -> bool:
        """Say whether a day is over: what happens later is not told."""
        return day < self.today


def tell(session: Session, people: dict[str, User], partners: dict[str, Convention]) -> None:
    """Write the convention with the State and all its life. `partners`: conventions by rank, with their actions."""
    teller = _Teller(session, people, clock.today())
    convention = _first_year(teller)
    _second_year(teller, convention)
    _this_year(teller, convention, partners)
    _draft(teller, convention)
    lines = territories.preview((n, *line) for n, line in enumerate(_TERRITORIES, start=2)).lines
    territories.replace(session, lines, by=teller.officer)
    session.flush()


def _first_year(teller: _Teller) -> StateConvention:
    session, officer, annee = teller.session, teller.officer, teller.year - 2
    with on_day(teller.day(2, 4, 20)):
        convention = agreement.create(
            session,
            {
                "numero": NUMERO,
                "intitule": "Convention État – département pour l’insertion (démonstration)",
                "date_debut": date(annee, 1, 1),
                "date_fin": date(annee + 1, 12, 31),
                "etat": "Préfecture d’Ille-et-Vilaine (démonstration)",
                "etat_signataire": "Préfet-Démo",
                "departement": "Département d’Ille-et-Vilaine (démonstration)",
                "departement_signataire": "Président-Démo",
                "programme": "Programme de démonstration",
                "centre_financier": "CF-DEMO",
                "centre_cout": "CC-DEMO",
                "engagement_juridique": "EJ-DEMO-0001",
                "ordonnateur": "Préfet-Démo",
                "comptable": "Comptable-Démo",
                "titulaire": "Paierie de démonstration",
                "iban": "FR590000000000DEMOPORTAIL73",
            },
            objet="Pilote de l’accompagnement rénové des allocataires du RSA (démonstration).",
            cible="1 400 allocataires accompagnés",
            by=officer,
            id=CONVENTION_ID,
        )
        initial = agreement.initial_text(session, convention)
        _say(teller, convention, initial, {(annee, Volet.DEPLOIEMENT): _FIRST_AMOUNT})
        for nature, objet, cents in (
            (Nature.INGENIERIE, "Chefferie de projet (démonstration)", 15_000_000),
            (Nature.ACCOMPAGNEMENT, "Référents d’accompagnement (démonstration)", 45_968_900),
            (Nature.MOBILITE, "En route vers le permis (démonstration)", 7_000_000),
            (Nature.SI, "Système d’information (démonstration)", 4_000_000),
        ):
            _plan(teller, initial, annee, Volet.DEPLOIEMENT, nature, objet, cents)
    with on_day(teller.day(2, 5, 2)):
        agreement.sign(session, convention, signe_le=clock.today(), by=officer)
    _pay(
        teller,
        convention,
        annee,
        PaymentKind.AVANCE,
        [teller.day(2, 5, 5), teller.day(2, 5, 19), teller.day(2, 6, 12)],
    )
    with on_day(teller.day(1, 1, 20)):
        for nature, objet, cents in _FIRST_SPENT:
            _spend(teller, convention, annee, Volet.DEPLOIEMENT, nature, objet, cents)
    _bilan(teller, convention, annee, teller.day(1, 2, 10), handed_in=teller.day(1, 3, 15))
    return convention


def _second_year(teller: _Teller, convention: StateConvention) -> None:
    session, officer, annee = teller.session, teller.officer, teller.year - 1
    with on_day(teller.day(1, 4, 15)):
        amendment = amendments.create(
            session,
            convention,
            objet="Poursuite et extension du pilote à tout le département.",
            cible="3 050 allocataires accompagnés",
            date_fin=date(teller.year, 12, 31),
            by=officer,
            id=demo_id("avenant-etat", "1"),
        )
        _say(
            teller, convention, amendment, {(annee, Volet.DEPLOIEMENT): sum(cents for _, _, cents in _SECOND)}
        )
        for nature, objet, cents in _SECOND:
            _plan(teller, amendment, annee, Volet.DEPLOIEMENT, nature, objet, cents)
    with on_day(teller.day(1, 4, 25)):
        amendments.sign(session, convention, amendment, signe_le=clock.today(), by=officer)
    _pay(
        teller,
        convention,
        annee,
        PaymentKind.AVANCE,
        [teller.day(1, 5, 2), teller.day(1, 5, 14), teller.day(1, 5, 28)],
    )
    with on_day(teller.day(1, 12, 10)):
        for nature, objet, cents in _SECOND:
            _spend(teller, convention, annee, Volet.DEPLOIEMENT, nature, objet, cents)
        expenses.write(
            session,
            convention,
            annee,
            _forfait(Volet.DEPLOIEMENT, Nature.AUTRE_FREIN, "Impression des livrets", 186_000, annee)
            | {"hors_convention": True, "non_eligible": NonEligible.FRAIS_GENERAUX},
            by=officer,
        )


def _this_year(teller: _Teller, convention: StateConvention, partners: dict[str, Convention]) -> None:
    session, officer, annee = teller.session, teller.officer, teller.year
    with on_day(teller.day(1, 12, 1)):
        amendment = amendments.create(
            session,
            convention,
            objet="Une année de plus, et les solutions locales du volet 2 (démonstration).",
            cible="4 200 allocataires accompagnés",
            by=officer,
            id=demo_id("avenant-etat", "2"),
        )
        _say(teller, convention, amendment, {(annee, volet): cents for volet, cents in _VOLETS.items()})
    with on_day(teller.day(1, 12, 3)):
        sheets = _sheets(teller, convention)
        for volet, nature, objet, state, others, had, wanted in _THIRD:
            _plan(
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
                "date_debut": date(annee - 2, 5, 1),
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
                "date_debut": date(annee - 2, 9, 1),
                "date_fin": None,
            },
            by=officer,
            id=demo_id("poste", "referents"),
        )
    _pay(
        teller,
        convention,
        annee,
        PaymentKind.AVANCE,
        [teller.day(0, 1, 12), teller.day(0, 1, 26), teller.day(0, 2, 16)],
    )
    handed_in = teller.day(0, 3, 20)
    _bilan(teller, convention, annee - 1, teller.day(0, 2, 3), handed_in=handed_in)
    if teller.came(handed_in):
        _pay(
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


def _sheets(teller: _Teller, convention: StateConvention) -> dict[Nature, FicheAction]:
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
    teller: _Teller,
    convention: StateConvention,
    sheets: dict[Nature, FicheAction],
    partners: dict[str, Convention],
) -> None:
    for nature, rang in ((Nature.MOBILITE, "001"), (Nature.SANTE, "002")):
        action = teller.session.get_one(FinancedAction, demo_id("action", rang))
        fiches.tie(teller.session, sheets[nature], convention, [action], by=teller.officer)


def _spend_this_year(teller: _Teller, convention: StateConvention, partners: dict[str, Convention]) -> None:
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


def _draft(teller: _Teller, convention: StateConvention) -> None:
    """Leave an avenant to be signed: more for the local solutions of this year."""
    session, annee = teller.session, teller.year
    amendment = amendments.create(
        session,
        convention,
        objet="Dix mille euros de plus pour les solutions locales (démonstration).",
        years=[annee],
        by=teller.officer,
        id=demo_id("avenant-etat", "3"),
    )
    more = _VOLETS | {Volet.SOLUTIONS: _VOLETS[Volet.SOLUTIONS] + 1_000_000}
    _say(teller, convention, amendment, {(annee, volet): cents for volet, cents in more.items()})


def _say(
    teller: _Teller,
    convention: StateConvention,
    amendment: StateAmendment,
    amounts: dict[tuple[int, Volet], int],
) -> None:
    amendments.change(
        teller.session,
        convention,
        amendment,
        objet=amendment.objet,
        cible=amendment.cible,
        date_fin=amendment.date_fin,
        amounts=amounts,
        by=teller.officer,
    )


def _plan(
    teller: _Teller,
    amendment: StateAmendment,
    annee: int,
    volet: Volet,
    nature: Nature,
    objet: str,
    cents: int,
    **values: Any,
) -> None:
    planning.write(
        teller.session,
        amendment,
        annee,
        {
            "volet": volet,
            "nature": nature,
            "objet": objet,
            "cible_centimes": cents + (values.get("autres_centimes") or 0),
            "montant_centimes": cents,
            **values,
        },
        by=teller.officer,
    )


def _forfait(volet: Volet, nature: Nature, objet: str, cents: int, annee: int) -> dict[str, Any]:
    return {
        "volet": volet,
        "nature": nature,
        "objet": objet,
        "unite": "forfait",
        "nombre": 1_000,
        "cout_unitaire_centimes": cents,
        "date_debut": date(annee, 1, 1),
        "date_fin": date(annee, 12, 31),
    }


def _spend(
    teller: _Teller,
    convention: StateConvention,
    annee: int,
    volet: Volet,
    nature: Nature,
    objet: str,
    cents: int,
) -> None:
    values = _forfait(volet, nature, objet, cents, annee)
    expenses.write(teller.session, convention, annee, values, by=teller.officer)


def _pay(
    teller: _Teller, convention: StateConvention, annee: int, kind: PaymentKind, days: list[date]
) -> None:
    """Take the steps of a payment whose day came, each for all that is due."""
    due = 0
    for step, day in zip(Step, days, strict=True):
        if not teller.came(day):
            return
        with on_day(day):
            if step is Step.DEMANDE:
                year = next(y for y in payments.accounts(teller.session, convention, day) if y.annee == annee)
                due = year.dues[kind].montant
            payments.take_step(
                teller.session,
                convention,
                annee,
                kind,
                step,
                le=day,
                centimes=due,
                reference=f"DEMO-{kind.value[:2].upper()}-{annee}",
                by=teller.officer,
            )


def _bilan(
    teller: _Teller, convention: StateConvention, annee: int, begun: date, *, handed_in: date
) -> uuid.UUID:
    """Prepare the bilan of a year; hand it in and have it read as far as the days that came."""
    session, officer = teller.session, teller.officer
    first, second = teller.people["etat"], teller.people["etat2"]
    with on_day(begun):
        bilan = bilan_writing.begin(
            session,
            convention,
            annee,
            BilanKind.INTERMEDIAIRE,
            by=officer,
            id=demo_id("bilan", "premier" if annee == teller.year - 2 else "second"),
        )
        whole = teller.came(handed_in)
        for state in bilans.parts(session, convention, bilan):
            key = state.part.key
            if whole or key in {"synthese", "depenses"}:
                bilan_writing.write_part(
                    session, bilan, convention, key, _PARTS.get(key, ""), True, by=officer
                )
    if not whole:
        return bilan.id
    with on_day(handed_in):
        bilan_writing.hand_in(session, bilan, convention, by=officer)
    read = handed_in + timedelta(days=13)
    if teller.came(read):
        with on_day(read):
            bilan_reading.mark_part(session, bilan, convention, "depenses", Mark.VU, "", by=first)
            bilan_reading.accept(session, bilan, convention, by=first)
    # The second one is left to the second reader.
    if annee == teller.year - 2:
        with on_day(handed_in + timedelta(days=24)):
            bilan_reading.accept(session, bilan, convention, by=second)
    return bilan.id
