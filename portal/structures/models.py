"""Partner structures (the schema's `Structure`) and who belongs to them."""

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, Relationship, SQLModel

from portal.accounts.models import User
from portal.db import JsonColumn, id_field, list_field, moment_field, optional_moment_field, text_enum


class StructureState(StrEnum):
    """Only a published structure, and the published offers of it, are seen by others."""

    BROUILLON = "brouillon"
    A_VALIDER = "a_valider"
    PUBLIEE = "publiee"
    FERMEE = "fermee"

    @property
    def label(self) -> str:
        """The state as the interface says it."""
        return {
            "brouillon": "Brouillon",
            "a_valider": "En attente de validation",
            "publiee": "Publiée",
            "fermee": "Fermée",
        }[self.value]


class Validation(StrEnum):
    """When the animator reads what partners publish: a rule of the département."""

    AVANT = "avant"
    APRES = "apres"

    @property
    def label(self) -> str:
        """The rule as the interface says it."""
        return {"avant": "Avant la publication", "apres": "Après la publication"}[self.value]


class Act(StrEnum):
    """What was done to an offer or to a structure, as its history says it."""

    CREATION = "creation"
    MODIFICATION = "modification"
    CONFIRMATION = "confirmation"
    SOUMISSION = "soumission"
    PUBLICATION = "publication"
    VALIDATION = "validation"
    RENVOI = "renvoi"
    RETRAIT = "retrait"
    SUSPENSION = "suspension"
    ARCHIVAGE = "archivage"
    REPRISE = "reprise"
    RESTAURATION = "restauration"
    FUSION = "fusion"
    IMPORT = "import"
    MODELE = "modele"
    FERMETURE = "fermeture"
    REOUVERTURE = "reouverture"

    @property
    def label(self) -> str:
        """The act as the interface says it, in the past."""
        return _ACT_LABELS[self]


_ACT_LABELS = {
    Act.CREATION: "Créée",
    Act.MODIFICATION: "Modifiée",
    Act.CONFIRMATION: "Confirmée : toujours valable",
    Act.SOUMISSION: "Envoyée à la validation",
    Act.PUBLICATION: "Publiée",
    Act.VALIDATION: "Validée",
    Act.RENVOI: "Renvoyée avec une remarque",
    Act.RETRAIT: "Retirée du catalogue",
    Act.SUSPENSION: "Suspendue, faute de confirmation",
    Act.ARCHIVAGE: "Archivée",
    Act.REPRISE: "Reprise",
    Act.RESTAURATION: "Remise à une version antérieure",
    Act.FUSION: "Réunie avec un doublon",
    Act.IMPORT: "Mise à jour par un import",
    Act.MODELE: "Mise à jour d’après son modèle",
    Act.FERMETURE: "Fermée",
    Act.REOUVERTURE: "Rouverte",
}


class MembershipLevel(StrEnum):
    """What a member may do in their structure."""

    MEMBRE = "membre"
    ADMINISTRATEUR = "administrateur"

    @property
    def label(self) -> str:
        """The level as the interface says it."""
        return {"membre": "Membre", "administrateur": "Administrateur"}[self.value]


class PlaceFields(SQLModel):
    """Where it is: the address block that Structure and Service share, in the schema's names."""

    commune: str | None = Field(default=None, max_length=150)
    code_postal: str | None = Field(default=None, max_length=5)
    code_insee: str | None = Field(default=None, max_length=5, index=True)
    adresse: str | None = Field(default=None, max_length=250)
    complement_adresse: str | None = Field(default=None, max_length=250)
    longitude: float | None = None
    latitude: float | None = None


class Structure(PlaceFields, table=True):
    """An establishment that offers something. `source` and `lien_source` are given at export."""

    __table_args__ = (
        CheckConstraint("length(nom) >= 3", name="nom_length"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="coordinates_whole"),
        Index(
            "uq_structure_siret",
            "siret",
            unique=True,
            sqlite_where=text("siret IS NOT NULL"),
            postgresql_where=text("siret IS NOT NULL"),
        ),
        CheckConstraint("(state = 'fermee') = (closed_on IS NOT NULL)", name="closed_has_day"),
        CheckConstraint("(import_source IS NULL) = (import_id IS NULL)", name="import_whole"),
        Index(
            "uq_structure_import",
            "import_source",
            "import_id",
            unique=True,
            sqlite_where=text("import_id IS NOT NULL"),
            postgresql_where=text("import_id IS NOT NULL"),
        ),
    )

    id: uuid.UUID = id_field()
    nom: str = Field(max_length=150)
    description: str | None = Field(default=None, max_length=10000)
    siret: str | None = Field(default=None, max_length=14)
    telephone: str | None = Field(default=None, max_length=20)
    courriel: str | None = Field(default=None, max_length=254)
    site_web: str | None = Field(default=None, max_length=2083)
    horaires_accueil: str | None = Field(default=None, max_length=500)
    accessibilite_lieu: str | None = Field(default=None, max_length=2083)
    reseaux_porteurs: list[str] | None = list_field()
    # Last change or confirmation by a person, the day in Europe/Paris: leaves in the export as it is.
    date_maj: date

    state: StructureState = Field(default=StructureState.BROUILLON, sa_type=text_enum(StructureState))
    created_at: datetime = moment_field()
    # Moves with each change: who saves an older one is told that somebody else was there.
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    # Another establishment of the same legal unit, which this one depends on.
    antenne_of_id: uuid.UUID | None = Field(default=None, foreign_key="structure.id", index=True)
    submitted_at: datetime | None = optional_moment_field()
    reviewed_at: datetime | None = optional_moment_field()
    reviewed_by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    # What the animator answered when the structure was sent back.
    review_note: str | None = Field(default=None, max_length=2000)
    closed_on: date | None = None
    closed_note: str | None = Field(default=None, max_length=2000)
    # Where it comes from when a table brought it: the producer's slug and its own id.
    import_source: str | None = Field(default=None, max_length=60)
    import_id: str | None = Field(default=None, max_length=200)
    # Name and commune without accents or case; written by `rules`, read by the search.
    search_text: str = Field(default="")

    @property
    def is_public(self) -> bool:
        """True when anybody may see it."""
        return self.state is StructureState.PUBLIEE


class Membership(SQLModel, table=True):
    """A person in a partner structure."""

    __table_args__ = (UniqueConstraint("user_id", "structure_id"),)

    id: uuid.UUID = id_field()
    user_id: uuid.UUID = Field(foreign_key="account.id")
    structure_id: uuid.UUID = Field(foreign_key="structure.id", index=True)
    level: MembershipLevel = Field(default=MembershipLevel.MEMBRE, sa_type=text_enum(MembershipLevel))
    created_at: datetime = moment_field()

    user: User = Relationship(sa_relationship_kwargs={"lazy": "raise"})
    structure: Structure = Relationship(sa_relationship_kwargs={"lazy": "raise"})


class Invitation(SQLModel, table=True):
    """Somebody asked by e-mail to join a structure. The link is signed; its nonce changes when it is sent again."""

    id: uuid.UUID = id_field()
    structure_id: uuid.UUID = Field(foreign_key="structure.id", index=True)
    courriel: str = Field(max_length=254)
    level: MembershipLevel = Field(
        default=MembershipLevel.MEMBRE, sa_type=text_enum(MembershipLevel, "invitation_level")
    )
    nonce: str = Field(max_length=64)
    invited_by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    created_at: datetime = moment_field()
    sent_at: datetime = moment_field()
    expires_at: datetime = moment_field()
    accepted_at: datetime | None = optional_moment_field()
    cancelled_at: datetime | None = optional_moment_field()

    __table_args__ = (
        CheckConstraint("courriel = lower(courriel)", name="courriel_lower"),
        CheckConstraint("accepted_at IS NULL OR cancelled_at IS NULL", name="one_end"),
        Index(
            "uq_invitation_open",
            "structure_id",
            "courriel",
            unique=True,
            sqlite_where=text("accepted_at IS NULL AND cancelled_at IS NULL"),
            postgresql_where=text("accepted_at IS NULL AND cancelled_at IS NULL"),
        ),
    )


class JoinState(StrEnum):
    """What became of a request to join."""

    EN_ATTENTE = "en_attente"
    ACCEPTEE = "acceptee"
    REFUSEE = "refusee"


class JoinRequest(SQLModel, table=True):
    """A partner who asks to join a structure; its administrators, or the animator, answer."""

    __tablename__ = "join_request"
    __table_args__ = (
        CheckConstraint("(state = 'en_attente') = (decided_at IS NULL)", name="decided_has_moment"),
        Index(
            "uq_join_request_open",
            "structure_id",
            "user_id",
            unique=True,
            sqlite_where=text("state = 'en_attente'"),
            postgresql_where=text("state = 'en_attente'"),
        ),
    )

    id: uuid.UUID = id_field()
    structure_id: uuid.UUID = Field(foreign_key="structure.id", index=True)
    user_id: uuid.UUID = Field(foreign_key="account.id", index=True)
    message: str | None = Field(default=None, max_length=1000)
    state: JoinState = Field(default=JoinState.EN_ATTENTE, sa_type=text_enum(JoinState))
    created_at: datetime = moment_field()
    decided_at: datetime | None = optional_moment_field()
    decided_by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")

    user: User = Relationship(
        sa_relationship_kwargs={"lazy": "raise", "foreign_keys": "[JoinRequest.user_id]"}
    )
    structure: Structure = Relationship(sa_relationship_kwargs={"lazy": "raise"})


class Revision(SQLModel, table=True):
    """One line of the history of an offer or of a structure: who, when, what, and each value before and after."""

    __table_args__ = (
        CheckConstraint("(offer_id IS NULL) <> (structure_id IS NULL)", name="of_one_thing"),
        Index("ix_revision_offer", "offer_id", "number"),
        Index("ix_revision_structure", "structure_id", "number"),
        Index("ix_revision_at", "at"),
    )

    id: uuid.UUID = id_field()
    offer_id: uuid.UUID | None = Field(default=None, foreign_key="offer.id")
    structure_id: uuid.UUID | None = Field(default=None, foreign_key="structure.id")
    # From 1, in the order of the acts on this thing.
    number: int
    at: datetime = moment_field()
    # Null when the portal itself did it (a job).
    by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
    act: Act = Field(sa_type=text_enum(Act))
    # {field: [value before, value after]}; dates as ISO text.
    changes: dict[str, Any] | None = Field(default=None, sa_type=JsonColumn, nullable=True)
    # The state once the act was done: what the dashboard counts over time.
    state_after: str = Field(max_length=32)
    note: str | None = Field(default=None, max_length=2000)

    by: User | None = Relationship(sa_relationship_kwargs={"lazy": "raise"})


class CatalogueRules(SQLModel, table=True):
    """The rules of the catalogue that the département sets: one row, made at the first change."""

    __tablename__ = "catalogue_rules"
    __table_args__ = (
        CheckConstraint("id = 1", name="one_row"),
        CheckConstraint("confirmation_mois BETWEEN 1 AND 12", name="confirmation_sensible"),
        CheckConstraint("suspension_jours BETWEEN 7 AND 365", name="suspension_sensible"),
    )

    id: int = Field(default=1, primary_key=True)
    structures_validees: Validation = Field(
        default=Validation.AVANT, sa_type=text_enum(Validation, "structures_validees")
    )
    offres_validees: Validation = Field(
        default=Validation.APRES, sa_type=text_enum(Validation, "offres_validees")
    )
    # How often an offer is confirmed when it does not say, and how long after that it is suspended.
    confirmation_mois: int = 6
    suspension_jours: int = 60
    updated_at: datetime = moment_field()
    updated_by_id: uuid.UUID | None = Field(default=None, foreign_key="account.id")
