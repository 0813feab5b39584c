"""Conventions of both kinds, invented: partners' with their actions, places, reports and payments; the State's with their money.

Rows are written without going through the rules, but are what the rules would have left. The same seed gives the same
rows on a same day.
"""

import uuid
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from bench.past import Past, Row
from bench.words import FIRST_NAMES
from portal import clock
from portal.accounts.models import Organisation, OrganisationKind, Role, User
from portal.beneficiaries.models import Beneficiary
from portal.budget.bilan_models import Bilan, BilanKind
from portal.budget.models import (
    BudgetEvent,
    FicheAction,
    FicheFinancedAction,
    Nature,
    PlanLine,
    StateAmendment,
    StateAmount,
    StateConvention,
    Territory,
    TerritoryCommune,
    TerritoryKind,
    Volet,
)
from portal.budget.spending_models import Expense, PaymentKind, Post, StatePayment
from portal.conventions.engagements import (
    ConventionAmendment,
    ConventionEvent,
    PartnerPayment,
    PartnerReport,
    ReportKind,
)
from portal.conventions.models import (
    ActionOffer,
    Convention,
    FinancedAction,
    Movement,
    PlaceChange,
    PlaceMode,
    PlaceMovement,
)
from portal.conventions.states import ConventionState
from portal.offers.models import Offer, OfferState
from portal.prescriptions.models import HoursDone, Prescription
from portal.prescriptions.states import State
from portal.structures.models import Membership, Structure, StructureState

SEED = 20261121
STRUCTURES, CONVENTIONS_EACH, ACTIONS_EACH, PEOPLE_EACH = 100, 5, 10, 16
#: Of a partner's five conventions, the years before this one of each: three of five are running.
YEARS_AGO = (0, 0, 0, 1, 2)
STATE_CONVENTIONS, YEARS, EXPENSES, PLAN_LINES, SHEETS, SHEET_ACTIONS = 5, 4, 400, 40, 10, 20
COMMUNES = ("35238", "35236", "35115", "35360", "35288")


@dataclass(slots=True)
class Bound:
    """Rows, and those that the pages are then asked about."""

    past: Past = field(default_factory=Past)
    officer: Row = field(default_factory=dict)
    reader: Row = field(default_factory=dict)
    partners: list[Row] = field(default_factory=list)
    conventions: list[Row] = field(default_factory=list)
    actions: list[Row] = field(default_factory=list)
    reports: list[Row] = field(default_factory=list)
    states: list[Row] = field(default_factory=list)
    texts: list[Row] = field(default_factory=list)
    drafts: list[Row] = field(default_factory=list)
    sheets: list[Row] = field(default_factory=list)
    bilans: list[Row] = field(default_factory=list)


def made(*, structures: int = STRUCTURES) -> Bound:
    """Return the rows of `structures` partners and of the conventions with the State."""
    return _Making(structures).bound


class _Making:
    def __init__(self, structures: int) -> None:
        self.bound, self.random = Bound(), Random(SEED)
        self.past, self.now, self.today = self.bound.past, clock.now(), clock.today()
        self.inside: set[tuple[uuid.UUID, uuid.UUID]] = set()
        cdas = self.add(Organisation, nom="CDAS", kind=OrganisationKind.ORGANISME_REFERENT)
        self.referents = [self.user(Role.REFERENT, cdas["id"]) for _ in range(50)]
        self.bound.officer = self.user(Role.CONVENTIONNEMENT)
        self.bound.reader = self.user(Role.ETAT)
        self.people = [self.person(number) for number in range(structures * 200)]
        for number in range(structures):
            self.partner(number)
        self.territories()
        for number in range(STATE_CONVENTIONS):
            self.state(number)

    def add(self, model: type, **values: Any) -> Row:
        """Keep a row with an id of its own."""
        return self.past.add(model, id=uuid.UUID(int=self.random.getrandbits(128), version=4), **values)

    def user(self, role: Role, organisation_id: uuid.UUID | None = None) -> Row:
        number = len(self.past.of(User))
        return self.add(
            User,
            courriel=f"{role.value}{number}@bench.example",
            prenom=self.random.choice(FIRST_NAMES),
            nom=f"Banc{number}",
            role=role,
            organisation_id=organisation_id,
            session_key="bench",
            created_at=self.now,
        )

    def person(self, number: int) -> Row:
        return self.add(
            Beneficiary,
            prenom=self.random.choice(FIRST_NAMES),
            nom=f"Personne{number}",
            date_naissance=date(1960 + number % 45, 1 + number % 12, 1 + number % 28),
            code_insee=COMMUNES[number % len(COMMUNES)],
            commune="Rennes",
            numero_allocataire=f"{1_000_000 + number}",
            referent_id=self.referents[number % len(self.referents)]["id"],
            created_at=self.now,
            updated_at=self.now,
            search_text=f"personne{number}",
        )

    # ── Partners ──

    def partner(self, number: int) -> None:
        structure = self.add(
            Structure,
            nom=f"Structure {number}",
            commune="Rennes",
            code_insee=COMMUNES[number % len(COMMUNES)],
            code_postal="35000",
            courriel=f"accueil{number}@bench.example",
            date_maj=self.today,
            state=StructureState.PUBLIEE,
            created_at=self.now,
        )
        member = self.user(Role.PARTENAIRE)
        self.bound.partners.append(member)
        self.add(Membership, user_id=member["id"], structure_id=structure["id"], created_at=self.now)
        offers = [
            self.add(
                Offer,
                structure_id=structure["id"],
                nom=f"Atelier {rank} de la structure {number}",
                description="Un accompagnement en petit groupe, une fois par semaine.",
                type="atelier",
                thematiques=["mobilite--etre-accompagne-dans-son-parcours-mobilite"],
                modes_accueil=["en-presentiel"],
                commune="Rennes",
                code_insee="35238",
                code_postal="35000",
                date_maj=self.today,
                state=OfferState.PUBLIEE,
                published_at=self.now,
                created_at=self.now,
            )
            for rank in range(4)
        ]
        for rank, ago in enumerate(YEARS_AGO):
            self.convention(structure, offers, f"{number:03d}-{rank}", self.today.year - ago)

    def convention(self, structure: Row, offers: list[Row], numero: str, year: int) -> None:
        first, last = date(year, 1, 1), date(year, 12, 31)
        convention = self.add(
            Convention,
            numero=f"{year}-{numero}",
            intitule=f"Accompagnement {year}",
            structure_id=structure["id"],
            date_debut=first,
            date_fin=last,
            montant_centimes=12_000_000,
            financeurs=["departement"],
            state=ConventionState.SIGNEE,
            signee_le=first - timedelta(days=20),
            created_at=self.now,
        )
        self.bound.conventions.append(convention)
        amendment = self.add(
            ConventionAmendment,
            convention_id=convention["id"],
            numero=1,
            signe_le=first,
            effet_le=first,
            objet="Des places en plus",
            d_montant_centimes=500_000,
            at=self.now,
        )
        for half in (0, 1):
            self.bound.reports.append(
                self.add(
                    PartnerReport,
                    convention_id=convention["id"],
                    kind=ReportKind.ACTIVITE,
                    debut=date(year, 1 + 6 * half, 1),
                    fin=date(year, 6 + 6 * half, 30),
                    du_le=date(year + half, 8 - 6 * half, 28),
                )
            )
            self.add(
                PartnerPayment,
                convention_id=convention["id"],
                intitule="Acompte" if not half else "Solde",
                prevu_le=last if half else first,
                montant_centimes=6_000_000,
                verse_le=None if half else first,
                verse_centimes=None if half else 6_000_000,
            )
        for _ in range(10):
            self.add(ConventionEvent, convention_id=convention["id"], at=self.now, fait="Convention modifiée")
        for rank in range(ACTIONS_EACH):
            self.action(convention, amendment, offers[rank % len(offers)], rank)

    def action(self, convention: Row, amendment: Row, offer: Row, rank: int) -> None:
        mode = PlaceMode.FILE_ACTIVE if rank % 2 else PlaceMode.ENTREE
        action = self.add(
            FinancedAction,
            convention_id=convention["id"],
            intitule=f"Action {rank + 1}",
            places_financees=20,
            cout_unitaire_centimes=60_000,
            mode=mode,
        )
        self.bound.actions.append(action)
        self.past.add(ActionOffer, action_id=action["id"], offer_id=offer["id"])
        self.add(
            PlaceChange,
            action_id=action["id"],
            amendment_id=amendment["id"],
            d_financees=2,
            effet_le=convention["date_debut"],
            motif="Avenant n° 1",
            at=self.now,
        )
        until = min(self.today, convention["date_fin"])
        span = max(1, (until - convention["date_debut"]).days - 30)
        for _ in range(PEOPLE_EACH):
            self.stay(
                action, offer, convention["date_debut"] + timedelta(days=self.random.randrange(span)), mode
            )

    def stay(self, action: Row, offer: Row, came: date, mode: PlaceMode) -> None:
        left = came + timedelta(days=20) if self.random.random() < 0.5 else None
        at = datetime.combine(came, time(9), clock.PARIS)
        person = self.random.choice(self.people)
        # Nobody is twice in one offer at once.
        while (person["id"], offer["id"]) in self.inside:
            person = self.random.choice(self.people)
        if left is None:
            self.inside.add((person["id"], offer["id"]))
        one = self.add(
            Prescription,
            form_key=uuid.UUID(int=self.random.getrandbits(128), version=4),
            lien_cle=uuid.UUID(int=self.random.getrandbits(128), version=4),
            beneficiary_id=person["id"],
            offer_id=offer["id"],
            structure_id=offer["structure_id"],
            referent_id=self.random.choice(self.referents)["id"],
            state=State.TERMINEE if left else State.ENTREE,
            motif="Préparer le permis de conduire.",
            partage=["contact", "commune"],
            offre_nom=offer["nom"],
            date_entree=came,
            date_sortie=left,
            created_at=at,
            updated_at=at,
            sent_at=at,
            consentement_at=at,
            consentement_version="bench",
        )
        self.move(action, one, Movement.RETENUE, (1, 0, 0), came)
        self.move(action, one, Movement.OCCUPEE, (-1, 1, 0), came)
        if left is not None:
            used = mode is PlaceMode.ENTREE
            what = Movement.UTILISEE if used else Movement.LIBEREE
            self.move(action, one, what, (0, -1, 1 if used else 0), left)
        monday = came - timedelta(days=came.weekday())
        self.add(HoursDone, prescription_id=one["id"], semaine=monday, minutes=180, updated_at=at)

    def move(
        self, action: Row, one: Row, movement: Movement, changes: tuple[int, int, int], day: date
    ) -> None:
        self.add(
            PlaceMovement,
            action_id=action["id"],
            prescription_id=one["id"],
            movement=movement,
            d_retenues=changes[0],
            d_occupees=changes[1],
            d_utilisees=changes[2],
            at=datetime.combine(day, time(9), clock.PARIS),
            effet_le=day,
        )

    # ── The State ──

    def territories(self) -> None:
        for code in COMMUNES:
            for kind in TerritoryKind:
                made = self.add(Territory, kind=kind, nom=f"{kind.label} {code}")
                self.past.add(TerritoryCommune, territory_id=made["id"], code_insee=code, kind=kind)

    def state(self, number: int) -> None:
        first = self.today.year - YEARS + 1
        years = range(first, first + YEARS)
        convention = self.add(
            StateConvention,
            numero=f"ETAT-{number}",
            intitule="Convention avec l’État",
            date_debut=date(first, 1, 1),
            date_fin=date(years[-1], 12, 31),
            etat="Préfecture",
            departement="Département",
            state=ConventionState.SIGNEE,
            created_at=self.now,
        )
        self.bound.states.append(convention)
        natures = list(Nature)
        posts = [
            self.add(
                Post,
                convention_id=convention["id"],
                intitule=f"Poste {rank}",
                nature=Nature.ACCOMPAGNEMENT,
                etp=100,
                date_debut=date(first, 1, 1),
            )
            for rank in range(30)
        ]
        for year in years:
            signed = None if year == years[-1] and number == 0 else date(year, 1, 10)
            amendment = self.add(
                StateAmendment,
                convention_id=convention["id"],
                numero=year - first,
                signe_le=signed,
                objet="Une année de plus",
                created_at=self.now,
            )
            if year == years[-1]:
                (self.bound.drafts if signed is None else self.bound.texts).append(amendment)
            for volet in Volet:
                self.add(
                    StateAmount,
                    amendment_id=amendment["id"],
                    annee=year,
                    volet=int(volet),
                    montant_centimes=90_000_000,
                )
            sheets = [self.sheet(convention, year, rank) for rank in range(SHEETS)]
            for rank in range(PLAN_LINES):
                place = 1 + rank % 3
                self.add(
                    PlanLine,
                    amendment_id=amendment["id"],
                    annee=year,
                    volet=place,
                    rang=rank,
                    nature=natures[rank % len(natures)],
                    objet=f"Ligne {rank}",
                    cible_centimes=2_000_000,
                    montant_centimes=1_000_000,
                    fiche_id=sheets[rank % SHEETS]["id"] if place == 2 else None,
                )
            for rank in range(EXPENSES):
                self.expense(convention, year, rank, natures, posts)
            day = date(year, 2, 10)
            self.add(
                StatePayment,
                convention_id=convention["id"],
                annee=year,
                kind=PaymentKind.AVANCE,
                **{f"{step}_le": day for step in ("demande", "valide", "verse")},
                **{f"{step}_centimes": 160_000_000 for step in ("demande", "valide", "verse")},
            )
            self.bound.bilans.append(
                self.add(
                    Bilan,
                    convention_id=convention["id"],
                    annee=year,
                    kind=BilanKind.FINAL if year == years[-1] else BilanKind.INTERMEDIAIRE,
                )
            )
        for _ in range(1_000):
            self.add(BudgetEvent, convention_id=convention["id"], at=self.now, fait="Dépense ajoutée")

    def sheet(self, convention: Row, year: int, rank: int) -> Row:
        sheet = self.add(
            FicheAction,
            convention_id=convention["id"],
            annee=year,
            titre=f"Fiche {rank}",
            budget_etat_centimes=1_000_000,
            budget_collectivite_centimes=1_000_000,
            created_at=self.now,
        )
        self.bound.sheets.append(sheet)
        for action in self.random.sample(self.bound.actions, min(SHEET_ACTIONS, len(self.bound.actions))):
            self.past.add(FicheFinancedAction, fiche_id=sheet["id"], action_id=action["id"])
        return sheet

    def expense(self, convention: Row, year: int, rank: int, natures: list[Nature], posts: list[Row]) -> None:
        tie = rank % 3
        action = self.random.choice(self.bound.actions) if tie == 0 else None
        self.add(
            Expense,
            convention_id=convention["id"],
            annee=year,
            volet=1 + rank % 3,
            nature=natures[rank % len(natures)],
            objet=f"Dépense {rank}",
            unite="mois",
            nombre=1_000,
            cout_unitaire_centimes=200_000,
            date_debut=date(year, 1, 1),
            date_fin=date(year, 12, 31),
            montant_centimes=200_000,
            part_etat_centimes=100_000,
            partner_convention_id=action["convention_id"] if action else None,
            action_id=action["id"] if action else None,
            post_id=self.random.choice(posts)["id"] if tie == 1 else None,
            created_at=self.now,
        )
