"""Partner structures (the schema's `Structure`) and who belongs to them."""

import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, Relationship, SQLModel

from portal.accounts.models import User
from portal.db import id_field, list_field, moment_field, text_enum


class StructureState(StrEnum):
    """Only a published structure, and the published offers of it, are seen by others."""

    BROUILLON = "brouillon"
    PUBLIEE = "publiee"

    @property
    def label(self) -> str:
        """The state as the interface says it."""
        return {"brouillon": "Brouillon", "publiee": "Publiée"}[self.value]


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
