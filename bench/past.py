"""Five years of prescriptions, invented: who prescribes, to whom, what was answered, the places that were taken.

Rows are written without going through the rules, but are what the rules would have left: states with their moments,
a history that leads to each state, movements that follow each other. The same seed gives the same rows on a same day.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from bench.lives import Life, Row
from bench.words import FIRST_NAMES, SYLLABLES
from portal import clock
from portal.accounts.models import Organisation, OrganisationKind, Role, User
from portal.beneficiaries.models import AccessEntry, AccessKind, Beneficiary
from portal.conventions.models import (
    ActionOffer,
    Convention,
    FinancedAction,
    PlaceMode,
)
from portal.geography import fold
from portal.offers.models import Offer, OfferState
from portal.prescriptions.models import (
    Prescription,
    Transition,
)
from portal.prescriptions.states import OPEN, Act, Side, State
from portal.programme.models import Activity, ActivityKind
from portal.structures.models import Membership, Structure, StructureState

SEED = 20261121
STRUCTURES, OFFERS_EACH = 60, 8
REFERENTS, ORGANISATIONS, PARTNERS_EACH = 400, 12, 4
YEARS = 5
#: Of ten prescriptions, one and a bit goes to the same structure, a quarter of whose are open.
LARGEST_SHARE = 0.12
#: State -> share, in hundredths; days since the sending, at least and at most.
_STATES: dict[State, tuple[float, int, int]] = {
    State.BROUILLON: (1.5, 0, 60),
    State.ENVOYEE: (6, 0, 29),
    State.A_L_ETUDE: (6, 5, 55),
    State.ACCEPTEE: (3, 5, 60),
    State.ENTREE: (10, 20, 300),
    State.TERMINEE: (36, 120, 365 * YEARS),
    State.REFUSEE: (14, 60, 365 * YEARS),
    State.ABANDONNEE: (8, 90, 365 * YEARS),
    State.ANNULEE: (6, 60, 365 * YEARS),
    State.EXPIREE: (9.5, 60, 365 * YEARS),
}
_WORDS = (
    "Préparer le permis de conduire pour reprendre un emploi dans la logistique.",
    "Reprendre confiance et retrouver un rythme avant une formation.",
    "Trouver une garde d’enfants et bâtir un projet professionnel.",
    "Découvrir les métiers du soin par une immersion de deux semaines.",
)


@dataclass(slots=True)
class Past:
    """Rows by table, and what the questions are then put about."""

    rows: dict[type, list[Row]] = field(default_factory=dict)

    def add(self, model: type, **values: Any) -> Row:
        """Keep a row of `model` and return it."""
        self.rows.setdefault(model, []).append(values)
        return values

    def of(self, model: type) -> Sequence[Row]:
        """Return the rows of a table."""
        return self.rows.get(model, [])


def made(size: int) -> Past:
    """Return `size` prescriptions with all that goes with them: a person for five of them."""
    return Making(size).past


class Making:
    """Draws everything in one order, so that a seed is enough to have it again."""

    def __init__(self, size: int) -> None:
        self.past = Past()
        self.random = Random(SEED)
        self.now = clock.now()
        self.referents: list[Row] = []
        self.officer = self._people_who_work()
        self.offers: list[list[Row]] = []
        # Structure, year -> the actions that give its places.
        self.actions: dict[tuple[int, int], list[Row]] = {}
        self._structures()
        self.beneficiaries = [self._beneficiary(number) for number in range(size // 5)]
        self.open: set[tuple[uuid.UUID, uuid.UUID]] = set()
        states = list(_STATES)
        weights = [_STATES[state][0] for state in states]
        for state in self.random.choices(states, weights, k=size):
            self._prescription(state)

    # ── Who is there ──

    def _people_who_work(self) -> Row:
        organisations = [
            self.past.add(
                Organisation, id=self.new_id(), nom=f"Organisme {n}", kind=OrganisationKind.ORGANISME_REFERENT
            )
            for n in range(ORGANISATIONS)
        ]
        self.referents = [
            self._user(Role.REFERENT, organisations[n % ORGANISATIONS]["id"]) for n in range(REFERENTS)
        ]
        return self._user(Role.CONVENTIONNEMENT)

    def _user(self, role: Role, organisation_id: uuid.UUID | None = None) -> Row:
        number = len(self.past.of(User))
        return self.past.add(
            User,
            id=self.new_id(),
            courriel=f"{role.value}{number}@bench.example",
            prenom=self.random.choice(FIRST_NAMES),
            nom=self._name(),
            role=role,
            organisation_id=organisation_id,
            session_key="bench",
            created_at=self.now - timedelta(days=365 * YEARS),
        )

    def _structures(self) -> None:
        today = clock.today()
        self.members: list[list[Row]] = []
        for number in range(STRUCTURES):
            structure = self.past.add(
                Structure,
                id=self.new_id(),
                nom=f"Structure {number}",
                commune="Rennes",
                code_insee="35238",
                code_postal="35000",
                courriel=f"accueil{number}@bench.example",
                date_maj=today,
                state=StructureState.PUBLIEE,
                created_at=self.now,
            )
            self.members.append([self._user(Role.PARTENAIRE) for _ in range(PARTNERS_EACH)])
            for member in self.members[-1]:
                self.past.add(
                    Membership,
                    id=self.new_id(),
                    user_id=member["id"],
                    structure_id=structure["id"],
                    created_at=self.now,
                )
            self.offers.append([self._offer(structure, number, n) for n in range(OFFERS_EACH)])
            for year in range(today.year - YEARS, today.year + 1):
                self._convention(structure, number, year)

    def _offer(self, structure: Row, number: int, rank: int) -> Row:
        return self.past.add(
            Offer,
            id=self.new_id(),
            structure_id=structure["id"],
            nom=f"Atelier {rank} de la structure {number}",
            description="Un accompagnement en petit groupe, une fois par semaine.",
            type="atelier",
            thematiques=["mobilite--etre-accompagne-dans-son-parcours-mobilite"],
            modes_accueil=["en-presentiel"],
            commune="Rennes",
            code_insee="35238",
            code_postal="35000",
            date_maj=clock.today(),
            state=OfferState.PUBLIEE,
            published_at=self.now,
            created_at=self.now,
        )

    def _convention(self, structure: Row, number: int, year: int) -> None:
        convention = self.past.add(
            Convention,
            id=self.new_id(),
            numero=f"{year}-{number:03d}",
            intitule=f"Accompagnement {year}",
            structure_id=structure["id"],
            date_debut=date(year, 1, 1),
            date_fin=date(year, 12, 31),
            montant_centimes=12_000_000,
            created_at=self.now,
        )
        offers = self.offers[number]
        for half in (0, 1):
            action = self.past.add(
                FinancedAction,
                id=self.new_id(),
                convention_id=convention["id"],
                intitule=f"Action {half + 1}",
                places_financees=0,
                cout_unitaire_centimes=60_000,
                mode=PlaceMode.FILE_ACTIVE if half else PlaceMode.ENTREE,
            )
            self.actions.setdefault((number, year), []).append(action)
            for offer in offers[half::2]:
                self.past.add(ActionOffer, action_id=action["id"], offer_id=offer["id"])

    def _beneficiary(self, number: int) -> Row:
        first, last = self.random.choice(FIRST_NAMES), self._name()
        person = self.past.add(
            Beneficiary,
            id=self.new_id(),
            prenom=first,
            nom=last,
            date_naissance=date(1960 + number % 45, 1 + number % 12, 1 + number % 28),
            code_insee="35238",
            commune="Rennes",
            telephone="+33612345678",
            courriel=f"personne{number}@bench.example",
            numero_allocataire=f"{1_000_000 + number}",
            freins=["mobilite"],
            referent_id=self.referents[number % REFERENTS]["id"],
            created_at=self.now - timedelta(days=365 * YEARS),
            updated_at=self.now,
            search_text=fold(f"{first} {last} {1_000_000 + number}"),
        )
        self.past.add(
            Activity,
            id=self.new_id(),
            beneficiary_id=person["id"],
            kind=ActivityKind.DEMARCHE,
            intitule="Recherche d’emploi",
            debut=clock.today() - timedelta(days=200),
            minutes=120,
            created_at=self.now,
        )
        return person

    # ── What happened ──

    def _prescription(self, state: State) -> None:
        random = self.random
        structure = 0 if random.random() < LARGEST_SHARE else random.randrange(1, STRUCTURES)
        still_open = state in OPEN
        while True:
            place = random.randrange(len(self.beneficiaries))
            # The first offers of a structure are the best known.
            offer = self.offers[structure][min(random.randrange(OFFERS_EACH), random.randrange(OFFERS_EACH))]
            person = self.beneficiaries[place]
            if not still_open or (person["id"], offer["id"]) not in self.open:
                break
        if still_open:
            self.open.add((person["id"], offer["id"]))
        # One in ten was made by a colleague, before the person changed référent.
        author = self.referents[(place + ORGANISATIONS * (random.random() < 0.1)) % REFERENTS]
        follower = random.choice(self.members[structure]) if random.random() < 0.6 else None
        _, least, most = _STATES[state]
        sent = self.now - timedelta(days=random.uniform(least, most))
        drafted = sent - timedelta(hours=random.uniform(0, 30))
        one = self.past.add(
            Prescription,
            id=self.new_id(),
            form_key=self.new_id(),
            lien_cle=self.new_id(),
            beneficiary_id=person["id"],
            offer_id=offer["id"],
            structure_id=offer["structure_id"],
            referent_id=author["id"],
            state=state,
            motif=random.choice(_WORDS),
            partage=["contact", "commune"],
            donnees_partagees=None,
            consentement_at=None,
            consentement_version=None,
            offre_nom=offer["nom"],
            suivi_par_id=follower["id"] if follower and state is not State.BROUILLON else None,
            rendez_vous_at=None,
            answered_at=None,
            accepted_at=None,
            minutes_prevues=None,
            debut_prevu=None,
            motif_refus=None,
            date_entree=None,
            date_sortie=None,
            motif_sortie=None,
            type_contrat=None,
            created_at=drafted,
            updated_at=drafted,
            sent_at=None,
        )
        self.line(one, None, None, State.BROUILLON, drafted, author, Side.REFERENT)
        if state is not State.BROUILLON:
            Life(self, one, structure, person, author, follower or self.members[structure][0]).live(sent)
        for _ in range(2):
            self.past.add(
                AccessEntry,
                id=self.new_id(),
                at=one["updated_at"],
                user_id=author["id"],
                beneficiary_id=person["id"],
                kind=AccessKind.PRESCRIPTION,
                prescription_id=one["id"],
            )

    def line(
        self, one: Row, act: Act | None, before: State | None, after: State, at: datetime, by: Row, side: Side
    ) -> None:
        """Write a line of the history of `one`."""
        self.past.add(
            Transition,
            id=self.new_id(),
            prescription_id=one["id"],
            act=act,
            from_state=before,
            to_state=after,
            at=at,
            by_id=by["id"],
            side=side,
        )

    def _name(self) -> str:
        return "".join(self.random.choices(SYLLABLES, k=3)).capitalize()

    def new_id(self) -> uuid.UUID:
        """Draw an identifier."""
        return uuid.UUID(int=self.random.getrandbits(128), version=4)


def tables(past: Past) -> Iterator[tuple[Any, Sequence[Row]]]:
    """Yield (table, rows), those that others point at first."""
    from portal.db import metadata

    by_table = {model.__table__: rows for model, rows in past.rows.items()}  # type: ignore[attr-defined]
    for table in metadata.sorted_tables:
        if table in by_table:
            yield table, by_table[table]
