"""Conventions département–partner, their actions, the ledger of places and the waiting list. Money is in cents."""

import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, Relationship, SQLModel

from portal.db import id_field, list_field, moment_field, optional_moment_field, text_enum
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


class Period(StrEnum):
    """Where a day stands in the period of a convention; the values are those of the list's addresses."""

    EN_COURS = "en-cours"
    A_VENIR = "a-venir"
    TERMINEE = "terminees"

    @property
    def label(self) -> str:
        """The period as the interface says it."""
        return {"en-cours": "En cours", "a-venir": "À venir", "terminees": "Terminée"}[self.value]


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
    created_at: datetime = moment_field()

    structure: Structure = Relationship(sa_relationship_kwargs={"lazy": "raise"})
    actions: list["FinancedAction"] = Relationship(
        back_populates="convention",
        sa_relationship_kwargs={"lazy": "raise", "order_by": "FinancedAction.intitule"},
    )

    def runs_on(self, day: date) -> bool:
        """True when `day` falls in the period, both ends included."""
        return self.date_debut <= day <= self.date_fin

    def period_on(self, day: date) -> Period:
        """Return whether the convention runs on `day`, is to come or is ended."""
        if self.runs_on(day):
            return Period.EN_COURS
        return Period.A_VENIR if day < self.date_debut else Period.TERMINEE


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
    )

    id: uuid.UUID = id_field()
    convention_id: uuid.UUID = Field(foreign_key="convention.id", index=True)
    intitule: str = Field(max_length=200)
    places_financees: int
    cout_unitaire_centimes: int = Field(sa_type=BigInteger)
    mode: PlaceMode = Field(sa_type=text_enum(PlaceMode))

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
        UniqueConstraint("prescription_id", "movement"),
        Index("ix_place_movement_action", "action_id", "at"),
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
        Index("ix_waiting_offer", "offer_id", "joined_at"),
    )

    id: uuid.UUID = id_field()
    offer_id: uuid.UUID = Field(foreign_key="offer.id")
    prescription_id: uuid.UUID = Field(foreign_key="prescription.id")
    joined_at: datetime = moment_field()
    left_at: datetime | None = optional_moment_field()
