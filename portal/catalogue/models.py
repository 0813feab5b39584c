"""What the portal knows from elsewhere, the marks of what changed, saved searches and unmet needs."""

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    text,
)
from sqlmodel import Field, SQLModel

from portal.db import JsonColumn, id_field, moment_field, optional_moment_field, text_enum


class KnownStructure(SQLModel, table=True):
    """A structure of another source, as it was received."""

    __tablename__ = "known_structure"

    # "<source>--<the producer's id>", as data.inclusion writes it.
    id: str = Field(primary_key=True, max_length=240)
    source: str = Field(max_length=60, index=True)
    # The record as JSON: every field of the schema, null when unknown, lists sorted, ids prefixed; then
    # `adresse_certifiee` and `doublons`.
    record: str = Field(sa_type=Text)
    received_at: datetime = moment_field()


class KnownService(SQLModel, table=True):
    """A service of another source, as it was received."""

    __tablename__ = "known_service"

    id: str = Field(primary_key=True, max_length=240)
    source: str = Field(max_length=60, index=True)
    structure_id: str = Field(foreign_key="known_structure.id", index=True, max_length=240)
    # The record as JSON, as `KnownStructure.record`; then `adresse_certifiee`. The score is not in it: it ages.
    record: str = Field(sa_type=Text)
    # First seen here; what a saved search calls new.
    received_at: datetime = moment_field()
    changed_at: datetime = moment_field()


class CatalogueChange(SQLModel, table=True):
    """A mark left by the database itself (triggers of migration 0006) when something the catalogue shows changed."""

    __tablename__ = "catalogue_change"
    __table_args__ = (
        Index("ix_catalogue_change_txid", "txid"),
        # Numbers are never given twice, even when the last rows are removed.
        {"sqlite_autoincrement": True},
    )

    n: int | None = Field(
        default=None,
        sa_column=Column(
            "n", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
        ),
    )
    # "offer", "structure", "places" or "index".
    kind: str = Field(max_length=20)
    # The offer or the structure; null for the others.
    row_id: str | None = Field(default=None, max_length=40)
    # PostgreSQL: the transaction that left the mark, because a greater number may be committed before a lesser one.
    txid: int | None = Field(default=None, sa_type=BigInteger)
    at: datetime = moment_field(sa_column_kwargs={"server_default": text("CURRENT_TIMESTAMP")})


class CatalogueIndex(SQLModel, table=True):
    """An index of what is known from elsewhere, made once by an import and read by every process."""

    __tablename__ = "catalogue_index"

    id: uuid.UUID = id_field()
    # Moves each time the layout of the file does: a process reads only what it understands.
    layout: int
    taille: int
    made_at: datetime = moment_field()


class CatalogueIndexPart(SQLModel, table=True):
    """A piece of the file of an index."""

    __tablename__ = "catalogue_index_part"

    index_id: uuid.UUID = Field(
        sa_column=Column(
            "index_id", ForeignKey("catalogue_index.id", ondelete="CASCADE"), primary_key=True, nullable=False
        )
    )
    rang: int = Field(primary_key=True)
    contenu: bytes = Field(sa_type=LargeBinary)


class Frequence(StrEnum):
    """How often a saved search writes."""

    JAMAIS = "jamais"
    HEBDOMADAIRE = "hebdomadaire"
    MENSUELLE = "mensuelle"

    @property
    def label(self) -> str:
        """The frequency as the interface says it."""
        return {
            "jamais": "Jamais",
            "hebdomadaire": "Une fois par semaine",
            "mensuelle": "Une fois par mois",
        }[self.value]


class SavedSearch(SQLModel, table=True):
    """A search that a person keeps, and the alerts it sends."""

    __tablename__ = "saved_search"

    id: uuid.UUID = id_field()
    user_id: uuid.UUID = Field(foreign_key="account.id", index=True)
    nom: str = Field(max_length=150)
    # {name: [value, …]}: what the address of the search holds, page and beneficiary left out.
    criteres: dict[str, Any] = Field(sa_type=JsonColumn, nullable=False)
    frequence: Frequence = Field(default=Frequence.JAMAIS, sa_type=text_enum(Frequence))
    created_at: datetime = moment_field()
    # Offers that appeared after this moment are new; the next alert tells them.
    seen_until: datetime = moment_field()
    alerted_at: datetime | None = optional_moment_field()


class UnmetNeed(SQLModel, table=True):
    """How many searches found nothing, by day, thématique and commune. Who looked, and for whom, is not kept."""

    __tablename__ = "unmet_need"
    __table_args__ = (CheckConstraint("nombre >= 1", name="nombre_positive"),)

    jour: date = Field(primary_key=True)
    # A thématique, a whole category, or "" when the search named none.
    thematique: str = Field(primary_key=True, max_length=120)
    # "" when the search named no commune.
    code_insee: str = Field(primary_key=True, max_length=5)
    nombre: int
