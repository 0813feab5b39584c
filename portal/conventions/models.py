"""Conventions département–partner, their actions, the ledger of places and the waiting list. Money is in cents."""

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, Relationship, SQLModel

from portal import clock
from portal.conventions.states import ConventionState, Standing, standing
from portal.db import JsonColumn, id_field, list_field, moment_field, optional_moment_field, text_enum
from portal.offers.models import Offer
from portal.structures.models import Structure


class PlaceMode(StrEnum):
    """What becomes of a place when the person leaves (domain: a module is used up, a post in a file active is not)."""

    ENTREE = "entree"
    FILE_ACTIVE = "file_active"

    @property
    def label(self) -> str:
        """The mode as the interface says it."""
        return {"entree": "Une place par entrée", "file_active": "File active"}[self.value]

    @property
    def help(self) -> str:
        """What the mode means, in a sentence."""
        return {
            "entree": "Chaque entrée utilise une place, qui ne se libère plus.",
            "file_active": "La place se libère à la sortie et sert à une autre personne.",
        }[self.value]


class Movement(StrEnum):
    """The four movements of a place."""

    RETENUE = "retenue"
    OCCUPEE = "occupee"
    LIBEREE = "liberee"
    UTILISEE = "utilisee"

    @property
    def label(self) -> str:
        """The movement as the interface says it."""
        return {
            "retenue": "Place retenue",
            "occupee": "Place occupée",
            "liberee": "Place libérée",
            "utilisee": "Place utilisée",
        }[self.value]


class Financeur(StrEnum):
    """Who pays for what a convention entrusts (domain §3: département, State, and others beside them)."""

    DEPARTEMENT = "departement"
    ETAT = "etat"
    REGION = "region"
    COMMUNES = "communes"
    FRANCE_TRAVAIL = "france-travail"
    EUROPE = "europe"

    @property
    def label(self) -> str:
        """The financeur as the interface says it."""
        return {
            "departement": "Département",
            "etat": "État",
            "region": "Région",
            "communes": "Communes et intercommunalités",
            "france-travail": "France Travail",
            "europe": "Union européenne (FSE+)",
        }[self.value]


class Convention(SQLModel, table=True):
    """What the département entrusts to a partner: a period and an amount."""

    __table_args__ = (
        CheckConstraint("date_debut <= date_fin", name="period"),
        CheckConstraint("montant_centimes >= 0", name="montant_positive"),
        CheckConstraint("delai_entree_jours BETWEEN 1 AND 365", name="delai_sensible"),
        CheckConstraint("state = 'brouillon' OR signee_le IS NOT NULL", name="signed_on_a_day"),
        CheckConstraint("(state = 'resiliee') = (resiliee_le IS NOT NULL)", name="ended_on_a_day"),
        CheckConstraint("supprimee_le IS NULL OR state = 'brouillon'", name="thrown_away_as_a_draft"),
        CheckConstraint("grace_jours BETWEEN 0 AND 365", name="grace_sensible"),
    )

    id: uuid.UUID = id_field()
    numero: str = Field(max_length=40, unique=True)
    intitule: str = Field(max_length=200)
    structure_id: uuid.UUID = Field(foreign_key="structure.id", index=True)
    date_debut: date
    date_fin: date
    montant_centimes: int = Field(sa_type=BigInteger)
    # Values of `Financeur`; null when nobody said.
    financeurs: list[str] | None = list_field()
    # Days after the day agreed (or the acceptance) before a place whose person did not come is freed; null: not before
    # the convention is over (`due.release_days`).
    delai_entree_jours: int | None = None
    state: ConventionState = Field(
        default=ConventionState.BROUILLON,
        sa_type=text_enum(ConventionState),
        sa_column_kwargs={"server_default": "brouillon"},
    )
    signee_le: date | None = None
    # The last day of a convention that was ended before its time; `date_fin` is that day too.
    resiliee_le: date | None = None
    # The day a draft was thrown away: its row stays for its history, and is seen no more (`queries.scope`).
    supprimee_le: date | None = None
    # Days after the end during which everything that closes it can still be written.
    grace_jours: int = Field(default=60, sa_column_kwargs={"server_default": "60"})
    objectifs: str | None = Field(default=None, max_length=5000)
    # The convention that this one renews.
    renouvelle_id: uuid.UUID | None = Field(default=None, foreign_key="convention.id", unique=True)
    # Grows at each change: a page opened before another's change is told.
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    created_at: datetime = moment_field()

    structure: Structure = Relationship(sa_relationship_kwargs={"lazy": "raise"})
    actions: list["FinancedAction"] = Relationship(
        back_populates="convention",
        sa_relationship_kwargs={"lazy": "raise", "order_by": "FinancedAction.intitule"},
    )

    def standing_on(self, day: date) -> Standing:
        """Return where the convention stands on `day`."""
        return standing(self.state, self.date_debut, self.date_fin, day)

    def covers(self, day: date) -> bool:
        """True when `day` falls in the period, both ends included."""
        return self.date_debut <= day <= self.date_fin

    def runs_on(self, day: date) -> bool:
        """True when the convention is signed and `day` falls in its period: only then does it give places."""
        return self.state is ConventionState.SIGNEE and self.covers(day)


class ActionOffer(SQLModel, table=True):
    """Which offers an action finances."""

    __tablename__ = "action_offer"

    action_id: uuid.UUID = Field(foreign_key="financed_action.id", primary_key=True)
    offer_id: uuid.UUID = Field(foreign_key="offer.id", primary_key=True, index=True)


class FinancedAction(SQLModel, table=True):
    """An action of a convention: so many places at such a cost, on these offers."""

    __tablename__ = "financed_action"
    __table_args__ = (
        CheckConstraint("places_financees >= 0", name="places_positive"),
        CheckConstraint("cout_unitaire_centimes >= 0", name="cout_positive"),
        CheckConstraint("surreservation >= 0", name="surreservation_positive"),
    )

    id: uuid.UUID = id_field()
    convention_id: uuid.UUID = Field(foreign_key="convention.id", index=True)
    intitule: str = Field(max_length=200)
    places_financees: int
    cout_unitaire_centimes: int = Field(sa_type=BigInteger)
    mode: PlaceMode = Field(sa_type=text_enum(PlaceMode))
    # Places that may be held beyond those financed, because some people do not come.
    surreservation: int = Field(default=0, sa_column_kwargs={"server_default": "0"})

    convention: Convention = Relationship(back_populates="actions", sa_relationship_kwargs={"lazy": "raise"})
    offers: list[Offer] = Relationship(
        link_model=ActionOffer, sa_relationship_kwargs={"lazy": "raise", "order_by": "Offer.nom"}
    )


class PlaceMovement(SQLModel, table=True):
    """A line of the ledger. Lines are added, never changed nor removed: the database refuses it.

    A prescription holds one place at most, and each movement of it happens once.
    """

    __tablename__ = "place_movement"
    __table_args__ = (
        # Of one action: a place carried to the convention that renews goes on in another.
        UniqueConstraint("prescription_id", "action_id", "movement"),
        Index("ix_place_movement_action", "action_id", "at"),
        # Holds what is summed: a tally is read in the index alone.
        Index("ix_place_movement_tally", "action_id", "effet_le", "d_retenues", "d_occupees", "d_utilisees"),
        # Who entered, and since when: people are counted in the index alone.
        Index(
            "ix_place_movement_people", "action_id", "movement", "effet_le", "prescription_id", "d_retenues"
        ),
    )

    id: uuid.UUID = id_field()
    action_id: uuid.UUID = Field(foreign_key="financed_action.id")
    prescription_id: uuid.UUID = Field(foreign_key="prescription.id")
    movement: Movement = Field(sa_type=text_enum(Movement))
    # What the line changes in each tally; kept in the line so that a sum over any period is the state.
    d_retenues: int
    d_occupees: int
    d_utilisees: int
    at: datetime = moment_field()
    # The day it counts from: that of the entry or of the exit, which may be told later.
    effet_le: date = Field(default_factory=lambda: clock.today())
    # Why it was given out of turn.
    motif: str | None = Field(default=None, max_length=500)
    by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")


class PlaceChange(SQLModel, table=True):
    """Places that an amendment adds to an action, or takes from it, from a day on. Lines are added, never changed."""

    __tablename__ = "place_change"
    __table_args__ = (
        CheckConstraint("d_financees <> 0", name="changes_something"),
        Index("ix_place_change_action", "action_id", "effet_le"),
    )

    id: uuid.UUID = id_field()
    action_id: uuid.UUID = Field(foreign_key="financed_action.id")
    # The amendment of the convention that says so; null for those written before amendments were.
    amendment_id: uuid.UUID | None = Field(default=None, foreign_key="convention_amendment.id", index=True)
    d_financees: int
    effet_le: date
    motif: str = Field(max_length=500)
    at: datetime = moment_field()
    by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")


class Waiting(SQLModel, table=True):
    """A prescription waiting for a place on an offer, in order of arrival."""

    __tablename__ = "waiting"
    __table_args__ = (
        Index(
            "uq_waiting_open",
            "prescription_id",
            unique=True,
            sqlite_where=text("left_at IS NULL"),
            postgresql_where=text("left_at IS NULL"),
        ),
        Index("ix_waiting_offer", "offer_id", "rang_at"),
    )

    id: uuid.UUID = id_field()
    offer_id: uuid.UUID = Field(foreign_key="offer.id")
    prescription_id: uuid.UUID = Field(foreign_key="prescription.id")
    joined_at: datetime = moment_field()
    # What the order goes by: the arrival, or the moment a place was left to the following one.
    rang_at: datetime = moment_field()
    left_at: datetime | None = optional_moment_field()


class ProposalEnd(StrEnum):
    """What became of a place that was proposed."""

    PRISE = "prise"
    LAISSEE = "laissee"
    EXPIREE = "expiree"
    RETIREE = "retiree"


class PlaceProposal(SQLModel, table=True):
    """A freed place proposed to the first of a waiting list, for some days."""

    __tablename__ = "place_proposal"
    __table_args__ = (
        CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name="ended_with_outcome"),
        Index(
            "uq_place_proposal_open",
            "waiting_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_place_proposal_offer", "offer_id", "expires_at"),
    )

    id: uuid.UUID = id_field()
    waiting_id: uuid.UUID = Field(foreign_key="waiting.id")
    prescription_id: uuid.UUID = Field(foreign_key="prescription.id", index=True)
    offer_id: uuid.UUID = Field(foreign_key="offer.id")
    proposed_at: datetime = moment_field()
    expires_at: datetime = moment_field()
    ended_at: datetime | None = optional_moment_field()
    outcome: ProposalEnd | None = Field(default=None, sa_type=text_enum(ProposalEnd), nullable=True)


class ChoiceOfAction(StrEnum):
    """Which action gives the place when several finance the offer."""

    FINIT_AVANT = "finit-avant"
    PLUS_ANCIENNE = "plus-ancienne"
    PLUS_LIBRE = "plus-libre"
    MOINS_CHERE = "moins-chere"

    @property
    def label(self) -> str:
        """The rule as the interface says it."""
        return {
            "finit-avant": "Celle dont la convention finit la première",
            "plus-ancienne": "Celle dont la convention a commencé la première",
            "plus-libre": "Celle qui a le plus de places libres",
            "moins-chere": "Celle dont la place coûte le moins",
        }[self.value]


class FollowUpRules(SQLModel, table=True):
    """The rules of prescriptions and places that the département sets: one row, made at the first change."""

    __tablename__ = "follow_up_rules"
    __table_args__ = (
        CheckConstraint("id = 1", name="one_row"),
        CheckConstraint("relance_partenaire_jours BETWEEN 2 AND 60", name="relance_partenaire_sensible"),
        CheckConstraint("relance_referent_jours BETWEEN 2 AND 120", name="relance_referent_sensible"),
        CheckConstraint("expiration_envoyee_jours BETWEEN 7 AND 365", name="expiration_envoyee_sensible"),
        CheckConstraint("expiration_etude_jours BETWEEN 7 AND 365", name="expiration_etude_sensible"),
        CheckConstraint("proposition_jours BETWEEN 1 AND 30", name="proposition_sensible"),
        CheckConstraint("lien_jours BETWEEN 1 AND 30", name="lien_sensible"),
        CheckConstraint("documents_mois BETWEEN 1 AND 24", name="documents_sensible"),
        CheckConstraint(
            "heures_min >= 0 AND heures_max >= heures_min AND heures_max <= 60", name="heures_sensible"
        ),
    )

    id: int = Field(default=1, primary_key=True)
    choix_action: ChoiceOfAction = Field(
        default=ChoiceOfAction.FINIT_AVANT, sa_type=text_enum(ChoiceOfAction)
    )
    relance_partenaire_jours: int = 10
    relance_referent_jours: int = 30
    # After the référent was told, so that there is time to telephone.
    expiration_envoyee_jours: int = 45
    expiration_etude_jours: int = 60
    # How long a freed place is kept for the first who waits.
    proposition_jours: int = 5
    # How long the link of an e-mail opens its prescription.
    lien_jours: int = 8
    # How long documents are kept after the end.
    documents_mois: int = 6
    # Hours a week that a contract aims at (domain §1: 15 to 20).
    heures_min: int = 15
    heures_max: int = 20
    updated_at: datetime = moment_field()
    updated_by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    # Grows at each change: a page opened before another's change is told.
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})


class FollowUpEvent(SQLModel, table=True):
    """A change of the rules of follow-up: who, when, why, what. Lines are added, never changed."""

    __tablename__ = "follow_up_event"
    __table_args__ = (Index("ix_follow_up_event_at", "at"),)

    id: uuid.UUID = id_field()
    at: datetime = moment_field()
    by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    motif: str | None = Field(default=None, max_length=1000)
    # {field: [before, after]}, as text.
    detail: dict[str, Any] = Field(sa_type=JsonColumn)

    @property
    def fait(self) -> str:
        """What was done, as the history says it."""
        return "Règles modifiées"
